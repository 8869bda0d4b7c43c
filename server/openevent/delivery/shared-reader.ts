import type { Clock } from '../../kernel/clock.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { Cursor, EventLog, LogEvent } from '../log.ts';
import { createReading } from '../reading.ts';

/** Least time between the ends of two reads. An event that comes alone is read at once; under load a read brings several. */
const PACE_MS = 2;

/** Reads the end of the log once for all sessions that have caught up, so that the number of subscriptions does not multiply the reading. */
export interface SharedReader {
  cursor(): Cursor;
  /** A session stands at `cursor` and wants to be handed what comes after. */
  join(cursor: Cursor): void;
  /** There may be something new. */
  wake(): void;
  stop(): Promise<void>;
}

export function createSharedReader(options: {
  readonly events: Pick<EventLog, 'read'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly start: Cursor;
  /** How many sessions want pages now. */
  readonly listeners: () => number;
  readonly hand: (events: readonly LogEvent[], cursor: Cursor) => void;
}): SharedReader {
  const { events, clock, log } = options;
  let cursor = options.start;
  let ended = 0;

  /** Reads to the end. True when committed events still wait for an older transaction. */
  async function readOn(): Promise<boolean> {
    for (;;) {
      if (options.listeners() === 0) return false;
      const rest = ended + PACE_MS - performance.now();
      if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
      if (reading.stopped()) return false;
      const page = await events.read(cursor, limits.eventReadBatch.value);
      ended = performance.now();
      if (reading.stopped()) return false;
      cursor = page.cursor;
      options.hand(page.events, page.cursor);
      if (!page.more) return page.waiting;
    }
  }

  const reading = createReading({ clock, log, readOn, failed: 'the event log could not be read' });
  reading.start();

  return {
    cursor: () => cursor,
    join(place) {
      // Alone: there is nobody for whom what lies between would have to be read.
      if (options.listeners() <= 1) cursor = place;
      reading.wake();
    },
    wake: reading.news,
    stop: reading.stop,
  };
}
