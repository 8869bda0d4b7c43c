import type { Database } from '../../kernel/database.ts';
import { firstOffset, readCounters, type CounterRow } from './store.ts';
import { streamKey, type Stream } from './topics.ts';

interface Marks {
  readonly stream: Stream;
  /** The next offset of each partition. */
  readonly next: number[];
  /** The first offset that is still in the log. */
  first: number[];
}

/** The ends of the partitions that somebody reads, and who waits for more. */
export interface Watermarks {
  /** The ends of a topic; read from the database the first time, then kept up by `apply`. */
  of(stream: Stream): Promise<{ readonly next: readonly number[]; readonly first: readonly number[] }>;
  /** True when somebody reads the topic here. */
  watched(stream: Stream): boolean;
  /** Topics whose ends are kept. */
  size(): number;
  apply(counters: readonly CounterRow[]): void;
  /** Reads all that is watched anew, or one topic of it. */
  refresh(stream?: Stream): Promise<void>;
  /** Calls `wake` when one of the topics has grown. The returned function ends it. */
  wait(streams: readonly Stream[], wake: () => void): () => void;
}

/** Topics whose ends one process keeps in memory. */
const MOST_WATCHED = 5_000;

export function createWatermarks(database: Database, partitions: () => number): Watermarks {
  const marks = new Map<string, Promise<Marks>>();
  const known = new Map<string, Marks>();
  const waiting = new Map<string, Set<() => void>>();

  async function load(stream: Stream, into?: Marks): Promise<Marks> {
    const key = streamKey(stream);
    // Entered before reading, so that what is told meanwhile is not lost.
    const entry: Marks = into ?? { stream, next: Array.from({ length: partitions() }, () => 0), first: [] };
    known.set(key, entry);
    const rows = await readCounters(database, stream);
    let grown = false;
    for (const row of rows) {
      if (row.next_offset <= (entry.next[row.partition] ?? 0)) continue;
      entry.next[row.partition] = row.next_offset;
      grown = true;
    }
    entry.first = await Promise.all(entry.next.map(async (next, partition) => (next === 0 ? 0 : ((await firstOffset(database, stream, partition)) ?? next))));
    if (grown) wake(key);
    return entry;
  }

  function wake(key: string): void {
    for (const one of waiting.get(key) ?? []) one();
  }

  return {
    of(stream) {
      const key = streamKey(stream);
      let promise = marks.get(key);
      if (promise === undefined) {
        if (marks.size >= MOST_WATCHED) {
          for (const old of marks.keys()) {
            if (waiting.has(old)) continue;
            marks.delete(old);
            known.delete(old);
            break;
          }
        }
        promise = load(stream);
        promise.catch(() => {
          marks.delete(key);
          known.delete(key);
        });
        marks.set(key, promise);
      }
      return promise;
    },
    watched: (stream) => known.has(streamKey(stream)),
    size: () => known.size,
    apply(counters) {
      const grown = new Set<string>();
      for (const counter of counters) {
        const key = streamKey(counter);
        const entry = known.get(key);
        if (entry === undefined || counter.next <= (entry.next[counter.partition] ?? 0)) continue;
        entry.next[counter.partition] = counter.next;
        grown.add(key);
      }
      for (const key of grown) wake(key);
    },
    async refresh(stream) {
      const one = stream === undefined ? undefined : known.get(streamKey(stream));
      if (one !== undefined) await load(one.stream, one);
      if (stream === undefined) for (const entry of known.values()) await load(entry.stream, entry);
    },
    wait(streams, action) {
      const keys = streams.map(streamKey);
      for (const key of keys) {
        let set = waiting.get(key);
        if (set === undefined) {
          set = new Set();
          waiting.set(key, set);
        }
        set.add(action);
      }
      return () => {
        for (const key of keys) {
          const set = waiting.get(key);
          set?.delete(action);
          if (set?.size === 0) waiting.delete(key);
        }
      };
    },
  };
}
