import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { Service } from '../../kernel/module.ts';
import { compareCursors, type Cursor, type EventLog, type LogEvent, type LogPage, type ReadFilter } from '../log.ts';
import { createReading } from '../reading.ts';

/**
 * The end of the log, read once for all who follow it: streams and waiting pulls. While anybody waits it keeps the newest events in memory; who stands
 * further back reads from the database, a page at a time. Nobody holds a connection while waiting, and nothing is read while nobody waits.
 */
export interface Tail extends Service {
  /** The events after `cursor` that fit, at most `limit`. */
  read(cursor: Cursor, limit: number, filter: ReadFilter): Promise<LogPage>;
  /** Resolves when the log has gone on beyond `cursor`, after `milliseconds`, or when the signal is aborted. */
  beyond(cursor: Cursor, milliseconds: number, signal?: AbortSignal): Promise<void>;
}

interface Stretch {
  readonly from: Cursor;
  readonly events: readonly LogEvent[];
  readonly to: Cursor;
}

interface Waiter {
  readonly cursor: Cursor;
  readonly wake: () => void;
}

export function createTail(options: { readonly events: Pick<EventLog, 'read'>; readonly database: Pick<Database, 'listen'>; readonly clock: Clock; readonly log: Log }): Tail {
  const { events, database, clock, log } = options;
  const waiters = new Set<Waiter>();
  let stretches: Stretch[] = [];
  let end: Cursor | undefined;
  let cancelForgetting = () => {};
  let unlisten = async () => {};

  function keep(stretch: Stretch): void {
    stretches.push(stretch);
    let kept = stretches.reduce((sum, one) => sum + one.events.length, 0);
    // A stretch without events costs as much as an event.
    while ((kept > limits.eventTailEvents.value || stretches.length > limits.eventTailEvents.value) && stretches.length > 1) kept -= stretches.shift()?.events.length ?? 0;
  }

  /** Reads to the end for those who wait. True when committed events wait for an older transaction, undefined when nobody waits. */
  async function follow(): Promise<boolean | undefined> {
    while (waiters.size > 0) {
      const from: Cursor = end ?? startOfWaiters();
      const page = await events.read(from, limits.eventReadBatch.value);
      end = page.cursor;
      const previous = stretches.at(-1);
      // Silence adds nothing to remember.
      if (page.events.length === 0 && previous !== undefined) stretches[stretches.length - 1] = { ...previous, to: end };
      else keep({ from, events: page.events, to: end });
      for (const waiter of waiters) if (compareCursors(end, waiter.cursor) > 0) waiter.wake();
      if (!page.more || reading.stopped()) return page.waiting;
    }
    return undefined;
  }

  function startOfWaiters(): Cursor {
    // Those far back read for themselves; whoever is furthest ahead is nearest to the end.
    return [...waiters].map((waiter) => waiter.cursor).toSorted(compareCursors).at(-1) ?? { position: 0, id: 0 };
  }

  const reading = createReading({ clock, log, readOn: follow, failed: 'the end of the event log could not be read' });

  function leave(waiter: Waiter): void {
    waiters.delete(waiter);
    if (waiters.size > 0) return;
    cancelForgetting();
    // What follows would have to be read from here on however long nobody cares; a later one begins where it stands.
    cancelForgetting = clock.after(limits.eventPollMs.value, () => {
      if (waiters.size > 0) return;
      stretches = [];
      end = undefined;
    });
  }

  function fits(event: LogEvent, filter: ReadFilter): boolean {
    return (
      (filter.tenantId === undefined || event.tenantId === filter.tenantId) &&
      (filter.types === undefined || filter.types.length === 0 || filter.types.includes(event.type)) &&
      (filter.workspaceId === undefined || event.workspaceId === filter.workspaceId)
    );
  }

  return {
    name: 'event tail',
    async start() {
      reading.start();
      unlisten = await database.listen('millrace_event', () => {
        if (waiters.size > 0) reading.news();
      });
    },
    async stop() {
      const ended = reading.stop();
      await unlisten();
      for (const waiter of waiters) waiter.wake();
      cancelForgetting();
      await ended;
    },
    async read(cursor, limit, filter) {
      const first = stretches[0];
      if (first === undefined || end === undefined || compareCursors(cursor, first.from) < 0 || compareCursors(cursor, end) >= 0) return events.read(cursor, limit, filter);
      const found = stretches.flatMap((stretch) => (compareCursors(stretch.to, cursor) <= 0 ? [] : stretch.events.filter((event) => compareCursors(event, cursor) > 0 && fits(event, filter))));
      const last = found[limit - 1];
      if (last !== undefined && found.length >= limit) return { events: found.slice(0, limit), cursor: { position: last.position, id: last.id }, more: true, waiting: false };
      return { events: found, cursor: end, more: false, waiting: false };
    },
    beyond(cursor, milliseconds, signal) {
      if (reading.stopped() || signal?.aborted === true || (end !== undefined && compareCursors(end, cursor) > 0)) return Promise.resolve();
      return new Promise((resolve) => {
        const waiter: Waiter = {
          cursor,
          wake() {
            cancel();
            signal?.removeEventListener('abort', waiter.wake);
            leave(waiter);
            resolve();
          },
        };
        const cancel = clock.after(milliseconds, waiter.wake);
        signal?.addEventListener('abort', waiter.wake);
        waiters.add(waiter);
        cancelForgetting();
        reading.wake();
      });
    },
  };
}
