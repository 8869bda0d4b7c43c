import type { Clock } from '../../kernel/clock.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { Cursor, EventLog, LogEvent } from '../log.ts';

/** First pause before looking again for events that wait for an older transaction; it doubles up to the poll. */
const SHORTEST_PAUSE_MS = 1;

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
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = false;
  let pause = SHORTEST_PAUSE_MS;
  let ended = 0;
  let cancelTimer = () => {};

  /** Reads to the end. True when committed events still wait for an older transaction. */
  async function readOn(): Promise<boolean> {
    for (;;) {
      if (options.listeners() === 0) return false;
      const rest = ended + PACE_MS - performance.now();
      if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
      if (stopped) return false;
      const page = await events.read(cursor, limits.eventReadBatch.value);
      ended = performance.now();
      if (stopped) return false;
      cursor = page.cursor;
      options.hand(page.events, page.cursor);
      if (!page.more) return page.waiting;
    }
  }

  async function run(): Promise<void> {
    let waiting = false;
    try {
      waiting = await readOn();
    } catch (error) {
      log.warn({ err: error }, 'the event log could not be read and will be tried again');
    }
    if (stopped) return;
    pause = waiting ? Math.min(pause * 2, limits.eventPollMs.value) : SHORTEST_PAUSE_MS;
    cancelTimer = clock.after(waiting ? pause : limits.eventPollMs.value, read);
  }

  function read(): void {
    if (stopped) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    cancelTimer();
    running = run().finally(() => {
      running = undefined;
      if (again) {
        again = false;
        read();
      }
    });
  }

  return {
    cursor: () => cursor,
    join(place) {
      // Alone: there is nobody for whom what lies between would have to be read.
      if (options.listeners() <= 1) cursor = place;
      read();
    },
    wake() {
      pause = SHORTEST_PAUSE_MS;
      read();
    },
    async stop() {
      stopped = true;
      cancelTimer();
      await running;
    },
  };
}
