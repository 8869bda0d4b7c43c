/** A consumer in a process of its own: counts records, or tells each one's arrival. Started by `bench/kafka.ts`. */
import { Consumer, MessagesStreamModes } from '@platformatic/kafka';
import { Kafka, logLevel } from 'kafkajs';

/** What the parent asks for. */
export interface Task {
  readonly client: '@platformatic/kafka' | 'kafkajs';
  readonly broker: string;
  readonly user: string;
  readonly password: string;
  readonly group: string;
  readonly topic: string;
  /** Stop after so many records; each is told when undefined. */
  readonly count: number | undefined;
}

/** What is told: it has joined; all were read, and how long that took from the first record; or one record. */
export type Told =
  | { readonly kind: 'joined' }
  | { readonly kind: 'read'; readonly records: number; readonly milliseconds: number }
  | { readonly kind: 'record'; readonly id: string; readonly at: string; readonly partition: number; readonly offset: string; readonly key: string; readonly number: number };

process.once('message', (task: Task) => void run(task));

/** Resolves when the message is out of this process, so that a kill does not take it along. */
function tell(told: Told): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(told, () => resolve());
  });
}

async function run(task: Task): Promise<void> {
  let records = 0;
  let began = 0;
  let done = false;
  const take = (partition: number, offset: string, key: string, value: Buffer): Promise<void> | undefined => {
    if (task.count === undefined) {
      const at = process.hrtime.bigint().toString();
      const envelope = JSON.parse(value.toString()) as { id: string; data: { operator: string } };
      return tell({ kind: 'record', id: envelope.id, at, partition, offset, key, number: Number(envelope.data.operator) });
    }
    if (records === 0) began = performance.now();
    records += 1;
    if (records >= task.count && !done) {
      done = true;
      return tell({ kind: 'read', records, milliseconds: performance.now() - began });
    }
  };
  let stop: () => Promise<void>;
  if (task.client === 'kafkajs') {
    const kafka = new Kafka({ brokers: [task.broker], sasl: { mechanism: 'scram-sha-256', username: task.user, password: task.password }, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries: 50 } });
    const consumer = kafka.consumer({ groupId: task.group, heartbeatInterval: 300, sessionTimeout: 10_000, maxWaitTimeInMs: 500 });
    consumer.on('consumer.group_join', () => void tell({ kind: 'joined' }));
    await consumer.connect();
    await consumer.subscribe({ topic: task.topic, fromBeginning: true });
    await consumer.run({
      eachBatch: async ({ batch }) => {
        // The batch is committed when this ends, and a member that is killed then must have told of all of it.
        await Promise.all(batch.messages.map((message) => take(batch.partition, message.offset, String(message.key), message.value ?? Buffer.alloc(0))));
      },
    });
    stop = () => consumer.disconnect();
  } else {
    const consumer = new Consumer({
      clientId: 'bench',
      groupId: task.group,
      bootstrapBrokers: [task.broker],
      sasl: { mechanism: 'SCRAM-SHA-256', username: task.user, password: task.password },
      heartbeatInterval: 300,
      sessionTimeout: 10_000,
      rebalanceTimeout: 10_000,
      maxWaitTime: 500,
      maxBytes: 8 * 1024 * 1024,
      highWaterMark: 8192,
    });
    consumer.on('consumer:group:join', () => void tell({ kind: 'joined' }));
    const stream = await consumer.consume({ topics: [task.topic], mode: MessagesStreamModes.COMMITTED, fallbackMode: 'earliest', autocommit: 200 });
    stream.on('error', () => {});
    stream.on('data', (message) => void take(message.partition, String(message.offset), String(message.key), message.value));
    stop = () => consumer.close(true);
  }
  process.on('disconnect', () => process.exit(1));
  process.on('message', (word) => {
    if (word !== 'stop') return;
    void stop()
      .catch(() => {})
      .finally(() => process.exit(0));
  });
}
