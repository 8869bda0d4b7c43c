import assert from 'node:assert/strict';
import { Kafka, logLevel, type SASLOptions } from 'kafkajs';
import { Consumer, MessagesStreamModes } from '@platformatic/kafka';
import type { PlaceUser } from '../../server/openevent/kafka/kafka.fixture.ts';

/** A record as every client hands it out, with what the place wrote into its payload. */
export interface Got {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly id: string;
  readonly key: string;
  readonly object: string;
  readonly number: number;
}

export interface GroupMember {
  /** Leaves the group after committing what was handed out. */
  stop(): Promise<void>;
}

export interface ReadOptions {
  readonly broker: string;
  readonly user: PlaceUser;
  readonly group: string;
  readonly topics: readonly string[];
  readonly onRecord: (record: Got) => void;
  readonly mechanism?: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  /** The authority of a server with TLS. */
  readonly ca?: string;
  readonly onJoin?: () => void;
  /** Where a group begins that has no offset, or none that is still in the log; the beginning when undefined. */
  readonly from?: 'earliest' | 'latest';
  /** How often a client tries again before it gives up; 20 when undefined. */
  readonly retries?: number;
}

/** Joins a group, reads what the group has not read yet, and commits as it goes. */
export type JoinGroup = (options: ReadOptions) => Promise<GroupMember>;

function toGot(topic: string, partition: number, offset: number, key: Buffer | null | undefined, value: Buffer | null): Got {
  const envelope = JSON.parse(String(value)) as { id: string; data: { operator: string } };
  const [object = '', number = ''] = envelope.data.operator.split('#');
  return { topic, partition, offset, id: envelope.id, key: String(key), object, number: Number(number) };
}

export function kafkajs({ broker, user, mechanism = 'SCRAM-SHA-256', ca }: Pick<ReadOptions, 'broker' | 'user' | 'mechanism' | 'ca'>): Kafka {
  const sasl = { mechanism: mechanism.toLowerCase(), username: user.login, password: user.password } as SASLOptions;
  return new Kafka({ clientId: 'kafkajs', brokers: [broker], sasl, ssl: ca === undefined ? false : { ca: [ca] }, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 20 } });
}

export const joinWithKafkajs: JoinGroup = async (options) => {
  // A consumer that fell while it was being stopped would begin anew for ever, and keep the process of the test alive.
  let stopped = false;
  const retry = { initialRetryTime: 50, maxRetryTime: 500, retries: options.retries ?? 20, restartOnFailure: async () => !stopped };
  const consumer = kafkajs(options).consumer({ retry, groupId: options.group, sessionTimeout: 10_000, heartbeatInterval: 200, rebalanceTimeout: 10_000, maxWaitTimeInMs: 300 });
  await consumer.connect();
  await consumer.subscribe({ topics: [...options.topics], fromBeginning: options.from !== 'latest' });
  consumer.on('consumer.group_join', () => options.onJoin?.());
  await consumer.run({
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, isRunning, isStale }) => {
      for (const message of batch.messages) {
        if (!isRunning() || isStale()) break;
        options.onRecord(toGot(batch.topic, batch.partition, Number(message.offset), message.key, message.value));
        resolveOffset(message.offset);
      }
      await commitOffsetsIfNecessary();
      await heartbeat();
    },
  });
  return {
    async stop() {
      stopped = true;
      await consumer.disconnect();
    },
  };
};

export const joinWithPlatformatic: JoinGroup = async (options) => {
  const consumer = new Consumer({
    clientId: 'platformatic',
    groupId: options.group,
    bootstrapBrokers: [options.broker],
    sasl: { mechanism: options.mechanism ?? 'PLAIN', username: options.user.login, password: options.user.password },
    ...(options.ca === undefined ? {} : { tls: { ca: options.ca } }),
    sessionTimeout: 10_000,
    rebalanceTimeout: 10_000,
    heartbeatInterval: 200,
    maxWaitTime: 300,
    retries: options.retries ?? 20,
    retryDelay: 100,
  });
  consumer.on('consumer:group:join', () => options.onJoin?.());
  const stream = await consumer.consume({ topics: [...options.topics], mode: MessagesStreamModes.COMMITTED, fallbackMode: options.from ?? 'earliest', autocommit: 100 });
  stream.on('error', () => {});
  stream.on('data', (message) => options.onRecord(toGot(message.topic, message.partition, Number(message.offset), message.key, message.value)));
  return {
    async stop() {
      await consumer.close(true);
    },
  };
};

/** Nothing missing, and the events of each object in the order of its changes; a record may come twice after a rebalance. */
export function assertComplete(got: readonly Got[], raised: ReadonlyMap<string, number>): void {
  const highest = new Map<string, number>();
  const seen = new Map<string, Set<number>>();
  for (const { object, number } of got) {
    const before = highest.get(object) ?? -1;
    assert.ok(number <= before + 1, `${object} came to ${number} after ${before}`);
    highest.set(object, Math.max(before, number));
    seen.set(object, (seen.get(object) ?? new Set()).add(number));
  }
  for (const [object, count] of raised) assert.equal(seen.get(object)?.size, count, `events of ${object}`);
}
