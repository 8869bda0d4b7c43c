import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import type { Envelope } from '../envelope.ts';
import { partitionOf } from '../kafka/protocol/murmur2.ts';
import { ALL, TENANT } from '../kafka/topics.ts';
import { beginning, compareCursors, type Cursor, type LogEvent } from '../log.ts';
import type { ClusterClient, LastRecord, Producer, RelayRecord } from './client.ts';
import { topicOf } from './names.ts';
import { findPlaces } from './store.ts';

const CURSOR_HEADER = 'millrace-cursor';
const CURSOR_NAME = Buffer.from(CURSOR_HEADER);
const TYPE_NAME = Buffer.from('content-type');
const CONTENT_TYPE = Buffer.from('application/cloudevents+json; charset=UTF-8');

interface Placed {
  readonly place: Cursor;
  readonly record: RelayRecord;
}

/** Writes pages of the log to the cluster, each partition in the order of the log. */
export interface Writer {
  /** Resolves with the number of records sent, once the cluster has acknowledged them all. */
  write(events: readonly LogEvent[]): Promise<number>;
}

/**
 * One writer is one producer. What its predecessor had sent when it ended is seen by the last record of each partition: its cursor is a place in the
 * log, and since every partition has the log's order, whatever stands before that place is in it already.
 * `persist` repeats what it is given until it succeeds, or rejects when it is of no use.
 */
export function createWriter(options: {
  readonly client: ClusterClient;
  readonly database: Database;
  readonly wrap: (event: LogEvent, publishedAt: Date) => Promise<Envelope>;
  readonly partitions: number;
  readonly plainTenant: number;
  readonly persist: <T>(work: () => Promise<T>) => Promise<T>;
}): Writer {
  const { client, database, partitions, plainTenant, persist } = options;
  let producer: Producer | undefined;
  /** By topic: the place of the last record of each partition when the writer came to it. */
  const ends = new Map<string, readonly Cursor[]>();

  /** The place of a record, if it is one of this very log. After a restore the cluster may have records that the log has lost; those say nothing. */
  async function endsOf(records: readonly LastRecord[]): Promise<readonly Cursor[]> {
    const said = records.flatMap(({ partition, value, headers }) => {
      try {
        const cursor = decodeCursor(String(headers.get(CURSOR_HEADER) ?? ''));
        return [{ ...cursor, partition, eventId: String((JSON.parse(String(value)) as { id?: unknown }).id) }];
      } catch {
        return [];
      }
    });
    const found = new Set((await findPlaces(database, said)).map(encodeCursor));
    const known = new Map(said.filter((one) => found.has(encodeCursor(one))).map((one) => [one.partition, { position: one.position, id: one.id }]));
    return Array.from({ length: partitions }, (_, partition) => known.get(partition) ?? beginning);
  }

  async function recordsOf(event: LogEvent): Promise<Placed[]> {
    const partition = partitionOf(event.objectKey, partitions);
    const value = Buffer.from(JSON.stringify(await options.wrap(event, event.occurredAt)));
    const headers = new Map([
      [TYPE_NAME, CONTENT_TYPE],
      [CURSOR_NAME, Buffer.from(encodeCursor(event))],
    ]);
    const common = { partition, key: Buffer.from(event.objectKey), value, headers, timestamp: BigInt(event.occurredAt.getTime()) };
    const place = { position: event.position, id: event.id };
    return [ALL, event.workspaceId ?? TENANT].map((workspaceId) => ({ place, record: { ...common, topic: topicOf(event.tenantId, workspaceId, plainTenant) } }));
  }

  return {
    async write(events) {
      const placed = (await Promise.all(events.map(recordsOf))).flat();
      const strange = [...new Set(placed.map((one) => one.record.topic))].filter((topic) => !ends.has(topic));
      if (strange.length > 0) {
        await persist(() => client.ensureTopics(strange, partitions));
        for (const topic of strange) ends.set(topic, await endsOf(await persist(() => client.lastRecords(topic))));
      }
      const waiting = placed.filter(({ place, record }) => compareCursors(place, ends.get(record.topic)?.[record.partition] ?? beginning) > 0).map((one) => one.record);
      const sender = (producer ??= await persist(() => client.newProducer()));
      let rest: RelayRecord[] = waiting;
      while (rest.length > 0) {
        const round = nextRound(rest);
        await persist(() => client.produce(sender, round.taken));
        rest = round.left;
      }
      return waiting.length;
    },
  };
}

/** Records for one request: of each partition what fits into a batch, and not more than fits into the request. */
function nextRound(records: readonly RelayRecord[]): { readonly taken: RelayRecord[]; readonly left: RelayRecord[] } {
  const sizes = new Map<string, number>();
  const full = new Set<string>();
  const taken: RelayRecord[] = [];
  const left: RelayRecord[] = [];
  let total = 0;
  for (const record of records) {
    const place = `${record.topic}:${record.partition}`;
    const size = record.value.length + (record.key?.length ?? 0) + 200;
    const before = sizes.get(place) ?? 0;
    if (full.has(place) || (before > 0 && before + size > limits.kafkaClusterBatchBytes.value) || (total > 0 && total + size > limits.kafkaClusterRequestBytes.value)) {
      // What comes later of the same partition must not overtake it.
      full.add(place);
      left.push(record);
      continue;
    }
    sizes.set(place, before + size);
    total += size;
    taken.push(record);
  }
  return { taken, left };
}
