import type { Clock } from '../kernel/clock.ts';
import { limits } from '../kernel/limits.ts';
import type { Log } from '../kernel/log.ts';
import { createLoop, type Loop } from '../kernel/loop.ts';

/** First pause before looking again for events that wait for an older transaction; it doubles up to the poll. */
const SHORTEST_PAUSE_MS = 1;

/** Reads the log on to its end, again and again. */
export interface Reading extends Loop {
  /** Something was committed: a round now. An older transaction may keep it from being seen, mostly for a moment, so the pauses are short again. */
  news(): void;
}

export function createReading(options: {
  readonly clock: Clock;
  readonly log: Log;
  /** Reads to the end. True when committed events still wait for an older transaction, undefined when nobody wants to know what comes next. */
  readonly readOn: () => Promise<boolean | undefined>;
  /** For the log, when `readOn` rejects; it is tried again. */
  readonly failed: string;
}): Reading {
  const { clock, log } = options;
  let pause = SHORTEST_PAUSE_MS;
  const loop = createLoop(clock, async () => {
    let waiting: boolean | undefined = false;
    try {
      waiting = await options.readOn();
    } catch (error) {
      log.warn({ err: error }, `${options.failed} and will be tried again`);
    }
    pause = waiting === true ? Math.min(pause * 2, limits.eventPollMs.value) : SHORTEST_PAUSE_MS;
    return waiting === undefined ? undefined : waiting ? pause : limits.eventPollMs.value;
  });
  return {
    ...loop,
    news() {
      pause = SHORTEST_PAUSE_MS;
      loop.wake();
    },
  };
}
