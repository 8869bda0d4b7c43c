import type { EventWriter } from '../kernel/change.ts';
import type { Executor } from '../kernel/database.ts';
import { positionFloor } from './epoch.ts';
import { createPayloadCheck } from './payload.ts';
import { findEvent, insertEvents, readEvents, type Cursor, type LogEvent, type ReadFilter } from './log-store.ts';

export type { Cursor, LogEvent, ReadFilter } from './log-store.ts';

/** Before the first event. */
export const beginning: Cursor = { position: 0, id: 0 };

/** Negative when `a` stands before `b`, 0 when they are the same place, positive when after. */
export function compareCursors(a: Cursor, b: Cursor): number {
  return a.position - b.position || a.id - b.id;
}

export interface LogPage {
  /** In the order of the log. */
  readonly events: readonly LogEvent[];
  /** Where to read on. Beyond the last event when nothing that matches is left below the floor, so that others' events are not scanned again. */
  readonly cursor: Cursor;
  /** True when the page is full: read on at once. */
  readonly more: boolean;
  /** True when committed events wait for an older transaction to end: look again soon. */
  readonly waiting: boolean;
}

export interface EventLog extends EventWriter {
  /** The next events after `cursor`, at most `limit`. Never skips an event that commits later. */
  read(cursor: Cursor, limit: number, filter?: ReadFilter): Promise<LogPage>;
  /** The same within a transaction, whose own events it does not see. */
  readIn(tx: Executor, cursor: Cursor, limit: number, filter?: ReadFilter): Promise<LogPage>;
  /** The event of the tenant with this id, or undefined. */
  find(eventId: string, tenantId: number): Promise<LogEvent | undefined>;
  /** The present end, as seen by `tx`: every event that is not yet visible to it comes after. */
  end(tx?: Executor): Promise<Cursor>;
}

/**
 * The log of everything that happened, in one order that all readers share.
 * `validatePayloads` checks each payload against its JSON Schema; on in tests and development, off in production, where it costs more than it finds.
 */
export function createEventLog(options: { readonly database: Executor; readonly validatePayloads: boolean }): EventLog {
  const { database } = options;
  const check = createPayloadCheck(options.validatePayloads);

  async function readPage(db: Executor, cursor: Cursor, limit: number, filter: ReadFilter = {}): Promise<LogPage> {
    const { events, floor, waiting } = await readEvents(db, cursor, limit, filter);
    const last = events.at(-1);
    const more = events.length === limit;
    if (more && last !== undefined) return { events, cursor: { position: last.position, id: last.id }, more, waiting };
    // Everything below the floor was seen. The floor never falls, but a cursor may come from a place that was ahead of it.
    const end = { position: floor, id: 0 };
    return { events, cursor: compareCursors(end, cursor) > 0 ? end : cursor, more, waiting };
  }

  return {
    async append(tx, actor, now, events) {
      if (events.length === 0) return;
      await insertEvents(tx, actor, now, events.map((event) => check(event, actor.tenantId)));
    },
    read: (cursor, limit, filter) => readPage(database, cursor, limit, filter),
    readIn: readPage,
    find: (eventId, tenantId) => findEvent(database, eventId, tenantId),
    async end(tx = database) {
      return { position: await positionFloor(tx), id: 0 };
    },
  };
}
