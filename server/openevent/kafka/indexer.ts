import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { EventLog, LogEvent } from '../log.ts';
import { createReading } from '../reading.ts';
import { partitionOf } from './protocol/murmur2.ts';
import type { Records } from './records.ts';
import { readCounters, writeIndex, type CounterRow, type IndexedRow, type IndexState } from './store.ts';
import { ALL, streamKey, TENANT, type Stream } from './topics.ts';
import type { Watermarks } from './watermarks.ts';

/** PostgreSQL refuses a longer message; the readers then look for themselves. */
const MOST_MESSAGE = 7_000;
/** Topics whose counters are kept in memory. */
const MOST_COUNTERS = 20_000;

export interface Indexer {
  wake(): void;
  /** True once everything that was in the log at the start has its offset. */
  caughtUp(): boolean;
  stop(): Promise<void>;
}

/**
 * Gives events their offsets, in the log's own order: the next number of the partition, in the topic of all events and in that of the workspace.
 * An offset is nothing but the count of earlier events of its partition. Should PostgreSQL lose the last rows in a crash (they are written without
 * waiting for the disk), the same log gives the same offsets again.
 */
export function startIndexer(options: {
  /** May commit without waiting for the disk. */
  readonly database: Database;
  readonly events: Pick<EventLog, 'read'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly owner: string;
  readonly state: IndexState;
  readonly records: Records;
  readonly watermarks: Watermarks;
  /** Another process has taken over. */
  readonly onLost: () => void;
}): Indexer {
  const { database, events, clock, log, owner, state, records, watermarks } = options;
  let { cursor } = state;
  let saved = cursor;
  const counters = new Map<string, number[]>();
  let caughtUp = false;

  async function countersOf(stream: Stream): Promise<number[]> {
    const key = streamKey(stream);
    let next = counters.get(key);
    if (next === undefined) {
      next = Array.from({ length: state.partitions }, () => 0);
      for (const row of await readCounters(database, stream)) next[row.partition] = row.next_offset;
      counters.set(key, next);
    }
    return next;
  }

  async function index(page: readonly LogEvent[], end: typeof cursor): Promise<boolean> {
    const rows: IndexedRow[] = [];
    const grown = new Map<string, CounterRow>();
    if (counters.size > MOST_COUNTERS) counters.clear();
    // What is not written in the end must not be counted: the next try begins from what the database says.
    const forget = () => counters.clear();
    const take = async (stream: Stream, partition: number): Promise<number> => {
      const next = await countersOf(stream);
      const offset = next[partition] ?? 0;
      next[partition] = offset + 1;
      grown.set(`${streamKey(stream)}/${partition}`, { ...stream, partition, next: offset + 1 });
      return offset;
    };
    try {
      for (const event of page) {
        const { tenantId } = event;
        const workspaceId = event.workspaceId ?? TENANT;
        const partition = partitionOf(event.objectKey, state.partitions);
        const allOffset = await take({ tenantId, workspaceId: ALL }, partition);
        const workspaceOffset = await take({ tenantId, workspaceId }, partition);
        rows.push({ tenantId, workspaceId, partition, allOffset, workspaceOffset, place: event, occurredAt: event.occurredAt });
      }
      const changed = [...grown.values()];
      const message = JSON.stringify(changed.map((one) => [one.tenantId, one.workspaceId, one.partition, one.next]));
      const held = await writeIndex(database, owner, state.epoch, end, rows, changed, changed.length === 0 ? '-' : message.length > MOST_MESSAGE ? '' : message);
      if (!held) return false;
      saved = end;
      // Readers in this process get the records without reading the log again.
      for (const [number, event] of page.entries()) {
        const row = rows[number];
        if (row === undefined) continue;
        const all = { tenantId: row.tenantId, workspaceId: ALL };
        const own = { tenantId: row.tenantId, workspaceId: row.workspaceId };
        const watchedAll = watermarks.watched(all);
        const watchedOwn = watermarks.watched(own);
        if (!watchedAll && !watchedOwn) continue;
        const entry = { workspaceId: row.workspaceId, type: event.type, record: await records.prepare(event) };
        if (watchedAll) records.offer(all, row.partition, { ...entry, offset: row.allOffset });
        if (watchedOwn) records.offer(own, row.partition, { ...entry, offset: row.workspaceOffset });
      }
      watermarks.apply(changed);
      return true;
    } catch (error) {
      forget();
      throw error;
    }
  }

  /** True when committed events still wait for an older transaction. */
  async function readOn(): Promise<boolean> {
    for (;;) {
      const page = await events.read(cursor, limits.eventReadBatch.value);
      if (reading.stopped()) return false;
      // The place alone is worth a write only now and then.
      if (page.events.length > 0 || page.cursor.position - saved.position > 10_000) {
        if (!(await index(page.events, page.cursor))) {
          void reading.stop();
          options.onLost();
          return false;
        }
      }
      cursor = page.cursor;
      if (!page.more) {
        caughtUp = true;
        return page.waiting;
      }
    }
  }

  const reading = createReading({ clock, log, readOn, failed: 'the offsets of events could not be written' });
  reading.start();

  return { wake: reading.news, caughtUp: () => caughtUp, stop: reading.stop };
}
