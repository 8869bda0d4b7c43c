import { isIP } from 'node:net';
import type { Admin, API, Broker, Connection, MessageRecord } from '@platformatic/kafka';
import { limits } from '../../kernel/limits.ts';
import type { Acl, ScramCredential } from './access.ts';
import { hasCode } from './failure.ts';

/** How the cluster is reached. */
export interface ClusterSettings {
  /** `host:port` of some brokers; the others are found by them. */
  readonly brokers: readonly string[];
  readonly sasl: { readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'; readonly username: string; readonly password: string } | undefined;
  /** Certificates in PEM; plain TCP when undefined. */
  readonly tls: { readonly ca: string | undefined; readonly cert: string | undefined; readonly key: string | undefined } | undefined;
  /** Copies of each partition of the topics that are made; the cluster's own default when undefined. */
  readonly replicas: number | undefined;
  /** Whether Kafka users are brought to the cluster as SCRAM users with ACLs. */
  readonly users: boolean;
}

/** A record for a place in the cluster. */
export type RelayRecord = MessageRecord & { readonly partition: number };

/** What identifies the sender of records, so that the cluster drops what is sent twice. */
export interface Producer {
  readonly id: bigint;
  readonly epoch: number;
  /** The number of the next record, by `topic:partition`. */
  readonly sequences: Map<string, number>;
}

/** The record that stands at the end of a partition. */
export interface LastRecord {
  readonly partition: number;
  readonly value: Buffer;
  readonly headers: ReadonlyMap<string, Buffer>;
}

/** The cluster, by what the relay needs of it. Everything rejects while it cannot be reached, and may be called again. */
export interface ClusterClient {
  /** Resolves when the cluster answers. */
  probe(): Promise<void>;
  /** Makes the topics that are missing. Rejects for one that has fewer partitions. */
  ensureTopics(names: readonly string[], partitions: number): Promise<void>;
  /** The last record of each partition that has one. */
  lastRecords(topic: string): Promise<LastRecord[]>;
  newProducer(): Promise<Producer>;
  /**
   * Sends at most one batch for each partition, and resolves when all replicas in sync have it. After a rejection the same records may be sent again
   * by the same producer: the cluster knows those that had come through.
   */
  produce(producer: Producer, records: readonly RelayRecord[]): Promise<void>;
  setScram(credentials: readonly ScramCredential[]): Promise<void>;
  /** Takes from a user the passwords of all mechanisms. */
  removeScram(login: string): Promise<void>;
  addAcls(acls: readonly Acl[]): Promise<void>;
  /** Takes from the principal everything that it was allowed. */
  removeAcls(principal: string): Promise<void>;
  /** Asks for everything anew, after a failure that may be due to what is known of the cluster. */
  forget(): void;
  close(): Promise<void>;
}

/** What is used of the answer to a Fetch. */
interface FetchAnswer {
  readonly responses: readonly { readonly partitions: readonly { readonly records?: readonly { readonly records: readonly FetchedRecord[] }[] | null }[] }[];
}

interface FetchedRecord {
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [Buffer | null, Buffer | null])[];
}

const LATEST = -1n;
/** Sequence numbers are 31 bits wide and begin again at 0. */
const SEQUENCES = 2 ** 31;
const ACKS_ALL = -1;
const SCRAM_MECHANISM = { 'SCRAM-SHA-256': 1, 'SCRAM-SHA-512': 2 } as const;

/** Thrown for a topic that has been made by others and does not fit. */
export class UnfitTopic extends Error {}

/** Prepares a client; it connects when it is first asked something. The library is loaded only here, since most servers have no use for it. */
export async function createClusterClient(settings: ClusterSettings): Promise<ClusterClient> {
  const library = await import('@platformatic/kafka');
  const brokers = settings.brokers.map((broker): Broker => {
    const at = broker.lastIndexOf(':');
    return { host: broker.slice(0, at).replaceAll(/[[\]]/g, ''), port: Number(broker.slice(at + 1)) };
  });
  const admin: Admin = new library.Admin({
    clientId: 'millrace',
    bootstrapBrokers: brokers,
    connectTimeout: limits.kafkaClusterRequestMs.value,
    requestTimeout: limits.kafkaClusterRequestMs.value,
    timeout: limits.kafkaClusterRequestMs.value,
    // The relay itself tries again, since it has to look at the lease before each try.
    retries: 0,
    autocreateTopics: false,
    ...(settings.sasl === undefined ? {} : { sasl: { ...settings.sasl } }),
    ...(settings.tls === undefined
      ? {}
      : {
          // The name goes with the handshake, where brokers have names.
          tlsServerName: !brokers.some(({ host }) => isIP(host) !== 0),
          tls: {
            ...(settings.tls.ca === undefined ? {} : { ca: settings.tls.ca }),
            ...(settings.tls.cert === undefined ? {} : { cert: settings.tls.cert }),
            ...(settings.tls.key === undefined ? {} : { key: settings.tls.key }),
          },
        }),
  });
  // Failures are reported by the call that they are about.
  admin.on('client:broker:failed', () => {});

  const api = <Request extends unknown[], Response>(name: string) =>
    new Promise<API<Request, Response>>((resolve, reject) => {
      admin[library.kGetApi]<Request, Response>(name, (error, found) => (found === undefined ? reject(error ?? new Error(`the cluster has no ${name}`)) : resolve(found)));
    });
  const connectionTo = (broker: Broker) =>
    new Promise<Connection>((resolve, reject) => {
      admin[library.kGetConnection](broker, (error, found) => (found === undefined ? reject(error ?? new Error('there is no connection')) : resolve(found)));
    });
  const anyConnection = () =>
    new Promise<Connection>((resolve, reject) => {
      admin[library.kGetBootstrapConnection]((error, found) => (found === undefined ? reject(error ?? new Error('there is no connection')) : resolve(found)));
    });

  /** What is asked for, by the broker that leads the partition. */
  async function byLeader<T extends { readonly topic: string; readonly partition: number }>(items: readonly T[]): Promise<{ readonly broker: Broker; readonly items: T[] }[]> {
    const metadata = await admin.metadata({ topics: [...new Set(items.map((one) => one.topic))] });
    const leaders = new Map<number, { broker: Broker; items: T[] }>();
    for (const item of items) {
      const leader = metadata.topics.get(item.topic)?.partitions[item.partition]?.leader ?? -1;
      const broker = metadata.brokers.get(leader);
      if (broker === undefined) throw new Error(`partition ${item.partition} of ${item.topic} has no leader`);
      const known = leaders.get(leader);
      if (known === undefined) leaders.set(leader, { broker, items: [item] });
      else known.items.push(item);
    }
    return [...leaders.values()];
  }

  /** Any broker passes the request on to the controller, which keeps the users. */
  async function alterScram(deletions: object[], upsertions: object[]): Promise<void> {
    const alter = await api<[object[], object[]], unknown>('AlterUserScramCredentials');
    await alter.async(await anyConnection(), deletions, upsertions);
  }

  return {
    async probe() {
      await admin.metadata({ topics: [], forceUpdate: true });
    },

    async ensureTopics(names, partitions) {
      const present = new Set(await admin.listTopics({ includeInternals: false }));
      const lacking = names.filter((name) => !present.has(name));
      if (lacking.length > 0) {
        await admin
          .createTopics({
            topics: lacking,
            partitions,
            ...(settings.replicas === undefined ? {} : { replicas: settings.replicas }),
            configs: [{ name: 'max.message.bytes', value: String(limits.kafkaClusterRecordBytes.value) }],
          })
          .catch((error: unknown) => {
            if (!hasCode(error, ['TOPIC_ALREADY_EXISTS'])) throw error;
          });
      }
      const metadata = await admin.metadata({ topics: [...names], forceUpdate: true });
      for (const name of names) {
        const count = metadata.topics.get(name)?.partitionsCount ?? 0;
        if (count < partitions) throw new UnfitTopic(`the topic ${name} has ${count} partitions, but ${partitions} are needed`);
      }
    },

    async lastRecords(topic) {
      const metadata = await admin.metadata({ topics: [topic], forceUpdate: true });
      const described = metadata.topics.get(topic);
      if (described === undefined) throw new Error(`there is no topic ${topic}`);
      const ends = await admin.listOffsets({ topics: [{ name: topic, partitions: described.partitions.map((_, partitionIndex) => ({ partitionIndex, timestamp: LATEST })) }] });
      const wanted = ends.flatMap((one) => one.partitions).filter((one) => one.offset > 0n);
      const fetch = await api<[number, number, number, number, number, number, unknown[], unknown[], string], FetchAnswer>('Fetch');
      const found: LastRecord[] = [];
      for (const { broker, items } of await byLeader(wanted.map((one) => ({ topic, partition: one.partitionIndex, offset: one.offset - 1n })))) {
        const connection = await connectionTo(broker);
        for (const { partition, offset } of items) {
          const request = [{ topicId: described.id, partitions: [{ partition, currentLeaderEpoch: -1, fetchOffset: offset, lastFetchedEpoch: -1, partitionMaxBytes: limits.kafkaClusterRecordBytes.value }] }];
          // One partition at a time: only the first of an answer is sure to come whole, however large it is. What has left the topic answers empty or out of range.
          const answer = await fetch.async(connection, 0, 0, limits.kafkaClusterRecordBytes.value, 0, 0, -1, request, [], '').catch((error: unknown) => {
            if (hasCode(error, ['OFFSET_OUT_OF_RANGE'])) return undefined;
            throw error;
          });
          const batches = answer?.responses.flatMap((one) => one.partitions).flatMap((one) => one.records ?? []) ?? [];
          const last = batches.at(-1)?.records.at(-1);
          if (last?.value == null) continue;
          found.push({ partition, value: last.value, headers: new Map(last.headers.map(([name, value]) => [String(name), value ?? Buffer.alloc(0)])) });
        }
      }
      return found;
    },

    async newProducer() {
      const connection = await anyConnection();
      const init = await api<[string | null, number, bigint, number], { readonly producerId: bigint; readonly producerEpoch: number }>('InitProducerId');
      const answer = await init.async(connection, null, limits.kafkaClusterRequestMs.value, -1n, -1);
      return { id: answer.producerId, epoch: answer.producerEpoch, sequences: new Map() };
    },

    async produce(producer, records) {
      const send = await api<[number, number, readonly MessageRecord[], object], unknown>('Produce');
      const counts = new Map<string, number>();
      for (const { topic, partition } of records) counts.set(`${topic}:${partition}`, (counts.get(`${topic}:${partition}`) ?? 0) + 1);
      const sequences = new library.NumericMap([...counts.keys()].map((place) => [place, producer.sequences.get(place) ?? 0] as const));
      const options = { compression: 'none', producerId: producer.id, producerEpoch: producer.epoch, sequences };
      const outcomes = await Promise.allSettled(
        (await byLeader(records)).map(async ({ broker, items }) => send.async(await connectionTo(broker), ACKS_ALL, limits.kafkaClusterRequestMs.value, items, options)),
      );
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
      for (const [place, count] of counts) producer.sequences.set(place, ((producer.sequences.get(place) ?? 0) + count) % SEQUENCES);
    },

    async setScram(credentials) {
      // The cluster takes a user only once in a request.
      for (const { mechanism, ...rest } of credentials) await alterScram([], [{ ...rest, mechanism: SCRAM_MECHANISM[mechanism] }]);
    },

    async removeScram(login) {
      for (const mechanism of Object.values(SCRAM_MECHANISM)) {
        await alterScram([{ name: login, mechanism }], []).catch((error: unknown) => {
          // One who is not there need not be removed.
          if (!hasCode(error, ['RESOURCE_NOT_FOUND'])) throw error;
        });
      }
    },

    addAcls: (acls) => (acls.length === 0 ? Promise.resolve() : admin.createAcls({ creations: [...acls] })),

    async removeAcls(principal) {
      await admin.deleteAcls({ filters: [{ resourceType: 1, resourceName: null, resourcePatternType: 1, principal, host: null, operation: 1, permissionType: 1 }] });
    },

    forget: () => admin.clearMetadata(),
    close: () => admin.close(),
  };
}
