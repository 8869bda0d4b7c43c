import { Consumer, MessagesStreamModes } from '@platformatic/kafka';
import { createKafkaRelay, type KafkaRelay } from '../../server/openevent/kafka-cluster/relay.ts';
import type { ClusterSettings } from '../../server/openevent/kafka-cluster/client.ts';
import { readRelay } from '../../server/openevent/kafka-cluster/store.ts';
import { kafkaPlace } from '../../server/openevent/kafka/kafka.fixture.ts';
import { systemClock } from '../../server/kernel/clock.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import { silentLog, type Log } from '../../server/kernel/log.ts';
import { createMetrics } from '../../server/kernel/metrics.ts';

/** A record as it stands in the cluster. */
export interface ClusterRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly cursor: string;
  readonly contentType: string;
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Everything that the topics hold now, each partition in the order of its offsets. `sasl` reads as that user. */
export async function readTopics(broker: string, topics: readonly string[], sasl?: { readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'; readonly username: string; readonly password: string }): Promise<ClusterRecord[]> {
  const consumer = new Consumer({ clientId: 'audit', groupId: `${sasl?.username ?? ''}audit-${randomIds.token(6)}`, bootstrapBrokers: [broker], retries: 5, retryDelay: 200, maxWaitTime: 100, ...(sasl === undefined ? {} : { sasl }) });
  try {
    await consumer.metadata({ topics: [...topics] });
    const ends = await consumer.listOffsets({ topics: [...topics] });
    const left = new Map<string, bigint>();
    for (const [topic, offsets] of ends) for (const [partition, end] of offsets.entries()) if (end > 0n) left.set(`${topic}:${partition}`, end - 1n);
    const got: ClusterRecord[] = [];
    if (left.size === 0) return got;
    const stream = await consumer.consume({ topics: [...topics], mode: MessagesStreamModes.EARLIEST, autocommit: false });
    for await (const message of stream) {
      const envelope = JSON.parse(String(message.value)) as { id: string; data: Record<string, unknown> };
      const headers = new Map([...message.headers].map(([name, value]) => [String(name), String(value)]));
      got.push({ topic: message.topic, partition: message.partition, offset: Number(message.offset), key: String(message.key), cursor: headers.get('millrace-cursor') ?? '', contentType: headers.get('content-type') ?? '', id: envelope.id, data: envelope.data });
      const place = `${message.topic}:${message.partition}`;
      if (message.offset >= (left.get(place) ?? -1n)) left.delete(place);
      if (left.size === 0) break;
    }
    return got.toSorted((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition || a.offset - b.offset);
  } finally {
    await consumer.close(true);
  }
}

/** Lines of the log, by their sentence. */
export function recordingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const line = (_detail: object, message: string) => void lines.push(message);
  return { ...silentLog, lines, info: line, warn: line, error: line };
}

/** An event log with relays to a cluster. */
export async function relayPlace(url: string) {
  const place = await kafkaPlace(url);
  const relays = new Set<KafkaRelay>();
  let count = 0;

  async function relay(settings: Partial<ClusterSettings> & Pick<ClusterSettings, 'brokers'>, log: Log = silentLog) {
    count += 1;
    const metrics = createMetrics();
    const one = createKafkaRelay({
      settings: { sasl: undefined, tls: undefined, replicas: undefined, users: false, ...settings },
      database: place.database,
      events: place.events,
      clock: systemClock,
      secrets: place.secrets,
      log,
      metrics,
      wrap: place.wrap,
      owner: `relay-${count}-${randomIds.token(6)}`,
    });
    await one.start();
    relays.add(one);
    return Object.assign(one, { metrics });
  }

  const status = () => readRelay(place.database, new Date(), 10_000);
  return {
    ...place,
    relay,
    status,
    /** Resolves when everything that is in the log has been acknowledged. */
    caughtUp: () => place.until('everything is in the cluster', async () => (await status()).lag === 0, 60_000),
    async close() {
      for (const one of relays) await one.stop();
      await place.close();
    },
  };
}
