import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Envelope } from '../envelope.ts';
import { encodeCursor } from '../cursor.ts';
import { toEvent } from '../log-store.ts';
import type { LogEvent } from '../log.ts';
import { packBatch, type Compression } from './protocol/compression.ts';
import { encodeBatch, prepareRecord, recordBytes, type PreparedRecord } from './protocol/record-batch.ts';
import { loadRecords, type LoadedRow } from './store.ts';
import { streamKey, type Stream, type View } from './topics.ts';

/** Offsets of one chunk: what is read, kept and encoded together. */
export const CHUNK = 256;

/** A record at its offset, with what decides who sees it. */
export interface Entry {
  readonly offset: number;
  readonly workspaceId: number;
  readonly type: string;
  readonly record: PreparedRecord;
}

interface Chunk {
  /** The records from `from` up to before `to`; those of days that have left the log are missing at the front. */
  readonly entries: Entry[];
  from: number;
  to: number;
  bytes: number;
  /** The whole chunk as a batch, by the key of the view; undefined where the view sees nothing of it. */
  readonly encoded: Map<string, Buffer | undefined>;
}

export interface FetchedRecords {
  readonly batches: Buffer[];
  readonly bytes: number;
  /** Everything before it was looked at: without records, a reader need not look there again. */
  readonly through: number;
}

export interface Records {
  /** Makes the record of an event. */
  prepare(event: LogEvent): Promise<PreparedRecord>;
  /** Keeps the record of a new event, if it goes on from what is kept. */
  offer(stream: Stream, partition: number, entry: Entry): void;
  /**
   * What a view sees from `from` up to before `end`, about `bytes` of it; one record at least if there is any, however large, unless `bytes` is 0.
   * Whole chunks come packed, unless they are to be `plain`; the few records of an unfinished one would be packed for each reader and save little.
   */
  read(stream: Stream, partition: number, from: number, end: number, bytes: number, view: View, plain: boolean): Promise<FetchedRecords>;
  /** Bytes kept. */
  size(): number;
}

/** Chunks without anything to see that one read goes through; then it answers empty and goes on at the next. */
const MOST_CHUNKS = 64;

const CONTENT_TYPE = Buffer.from('application/cloudevents+json; charset=UTF-8');

/**
 * The records of the topics, made from the log. Recent ones are kept ready and whole chunks encoded, bounded by `kafkaCacheBytes`, so that
 * many readers of a warm log cost one encoding.
 */
export function createRecords(options: { readonly database: Database; readonly wrap: (event: LogEvent, publishedAt: Date) => Promise<Envelope>; readonly compression: Compression }): Records {
  const { database, wrap, compression } = options;
  /** Least recently used first. */
  const chunks = new Map<string, Chunk>();
  const loading = new Map<string, Promise<Entry[]>>();
  /** Whole chunks that are being packed, so that readers who come at once share the work. */
  const packing = new Map<string, Promise<Buffer>>();
  let kept = 0;

  async function prepare(event: LogEvent): Promise<PreparedRecord> {
    // The time of the change is that of publishing too, so that the record is the same whenever it is made.
    const envelope = await wrap(event, event.occurredAt);
    return prepareRecord(event.occurredAt.getTime(), Buffer.from(event.objectKey), Buffer.from(JSON.stringify(envelope)), [
      ['content-type', CONTENT_TYPE],
      ['millrace-cursor', Buffer.from(encodeCursor(event))],
    ]);
  }

  function touch(key: string, chunk: Chunk): void {
    chunks.delete(key);
    chunks.set(key, chunk);
  }

  function grow(chunk: Chunk, bytes: number): void {
    chunk.bytes += bytes;
    kept += bytes;
    for (const [key, oldest] of chunks) {
      if (kept <= limits.kafkaCacheBytes.value) break;
      chunks.delete(key);
      kept -= oldest.bytes;
    }
  }

  function keep(key: string, from: number, to: number, entries: readonly Entry[]): Chunk {
    let chunk = chunks.get(key);
    if (chunk === undefined) {
      chunk = { entries: [], from, to: from, bytes: 0, encoded: new Map() };
      chunks.set(key, chunk);
    }
    let bytes = 0;
    for (const entry of entries) {
      if (entry.offset < chunk.to) continue;
      chunk.entries.push(entry);
      bytes += recordBytes(entry.record) + 100;
    }
    chunk.to = Math.max(chunk.to, to);
    grow(chunk, bytes);
    return chunk;
  }

  const keyOf = (stream: Stream, partition: number, base: number) => `${streamKey(stream)}/${partition}/${base}`;

  /** Entries from `from` on, up to the end of its chunk or `end`, or as many as may be loaded at once; and up to where they go. */
  async function entriesFrom(stream: Stream, partition: number, from: number, end: number): Promise<{ entries: readonly Entry[]; to: number; chunk: Chunk | undefined }> {
    const base = from - (from % CHUNK);
    const to = Math.min(base + CHUNK, end);
    const key = keyOf(stream, partition, base);
    const chunk = chunks.get(key);
    if (chunk !== undefined && chunk.from <= from && chunk.to >= to) {
      touch(key, chunk);
      return { entries: chunk.entries, to, chunk };
    }
    const start = chunk !== undefined && chunk.from <= from ? chunk.to : base;
    const loadKey = `${key}/${start}/${to}`;
    let load = loading.get(loadKey);
    if (load === undefined) {
      load = loadRecords(database, stream, partition, start, to, limits.kafkaLoadBytes.value)
        .then((rows) =>
          Promise.all(
            rows.map(async (row) => {
              const event = toEvent(row);
              return { offset: row.at, workspaceId: event.workspaceId ?? 0, type: event.type, record: await prepare(event) };
            }),
          ),
        )
        .finally(() => loading.delete(loadKey));
      loading.set(loadKey, load);
    }
    const loaded = await load;
    const last = loaded.at(-1);
    // A chunk that is too large to be loaded at once is read in pieces and not kept.
    if (last !== undefined && last.offset < to - 1) {
      if (last.offset >= from) return { entries: loaded, to: last.offset + 1, chunk: undefined };
      const rest = await loadRecords(database, stream, partition, from, to, limits.kafkaLoadBytes.value);
      const entries = await Promise.all(rows(rest));
      return { entries, to: (entries.at(-1)?.offset ?? to - 1) + 1, chunk: undefined };
    }
    if (last === undefined && start < to) return { entries: chunk?.entries ?? [], to, chunk: undefined };
    const present = chunks.get(key);
    if (present !== undefined && present.to < start) return { entries: loaded, to, chunk: undefined };
    const whole = keep(key, start, to, loaded);
    return { entries: whole.entries, to, chunk: whole };
  }

  function packed(key: string, batch: Buffer): Promise<Buffer> {
    let pack = packing.get(key);
    if (pack === undefined) {
      pack = packBatch(batch, compression).finally(() => packing.delete(key));
      packing.set(key, pack);
    }
    return pack;
  }

  function rows(loaded: readonly LoadedRow[]): Promise<Entry>[] {
    return loaded.map(async (row) => {
      const event = toEvent(row);
      return { offset: row.at, workspaceId: event.workspaceId ?? 0, type: event.type, record: await prepare(event) };
    });
  }

  return {
    prepare,
    offer(stream, partition, entry) {
      const base = entry.offset - (entry.offset % CHUNK);
      const key = keyOf(stream, partition, base);
      const chunk = chunks.get(key);
      if (chunk === undefined ? entry.offset === base : chunk.to === entry.offset) keep(key, entry.offset, entry.offset + 1, [entry]);
    },
    async read(stream, partition, from, end, bytes, view, plain) {
      const packs = !plain && compression !== 'none';
      const form = packs ? `packed ${view.key}` : view.key;
      const batches: Buffer[] = [];
      let size = 0;
      let at = from;
      for (let passed = 0; at < end && passed < MOST_CHUNKS && size < bytes; passed += 1) {
        const { entries, to, chunk } = await entriesFrom(stream, partition, at, end);
        const wholly = chunk !== undefined && at % CHUNK === 0 && to === at + CHUNK;
        if (wholly && chunk.encoded.has(form)) {
          const batch = chunk.encoded.get(form);
          if (batch !== undefined) {
            if (size + batch.length <= bytes) {
              batches.push(batch);
              size += batch.length;
              at = to;
              continue;
            }
            if (size > 0) break;
          } else {
            at = to;
            continue;
          }
        }
        const first = entries.findIndex((entry) => entry.offset >= at);
        const seen = (first === -1 ? [] : entries.slice(first)).filter((entry) => entry.offset < to && (view.sees?.(entry) ?? true));
        let room = bytes - size;
        let count = 0;
        for (const entry of seen) {
          const need = recordBytes(entry.record);
          if (need > room && (count > 0 || size > 0)) break;
          room -= need;
          count += 1;
        }
        const complete = count === seen.length;
        // A whole chunk is encoded for all who see the same, also when this reader has no room for all of it.
        let batch = seen.length === 0 || count === 0 ? undefined : encodeBatch(complete ? seen : seen.slice(0, count), complete ? to - 1 : (seen[count - 1] as Entry).offset);
        if (wholly && complete) {
          const key = keyOf(stream, partition, at);
          if (packs && batch !== undefined) batch = await packed(`${key} ${form}`, batch);
          const first = !chunk.encoded.has(form);
          chunk.encoded.set(form, batch);
          if (first && batch !== undefined && chunks.get(key) === chunk) grow(chunk, batch.length);
        }
        if (batch !== undefined) {
          batches.push(batch);
          size += batch.length;
        }
        if (!complete) break;
        at = to;
      }
      return { batches, bytes: size, through: at };
    },
    size: () => kept,
  };
}
