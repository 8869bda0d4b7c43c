import type { Clock } from './clock.ts';

/** Rounds of work, one at a time, for whoever looks for something to do and can be told that there is. */
export interface Loop {
  /** Begins, with a round at once. */
  start(): void;
  /** A round now; while one is under way, another as soon as it has ended. Without effect before `start` and after `stop`. */
  wake(): void;
  /** No round begins any more; resolves when the present one has ended. */
  stop(): Promise<void>;
  /** Whether it was stopped, for rounds that can end early. */
  stopped(): boolean;
}

/**
 * Makes a loop. `round` must not reject; it answers how many milliseconds to wait for the next round if nobody wakes the loop before, or undefined to wait
 * for that alone.
 */
export function createLoop(clock: Clock, round: () => Promise<number | undefined>): Loop {
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = true;
  let cancelTimer = () => {};

  function wake(): void {
    if (stopped) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    cancelTimer();
    running = run();
  }

  async function run(): Promise<void> {
    const pauseMs = await round();
    running = undefined;
    if (stopped) return;
    if (again) {
      again = false;
      wake();
    } else if (pauseMs !== undefined) {
      cancelTimer = clock.after(pauseMs, wake);
    }
  }

  return {
    start() {
      stopped = false;
      again = false;
      wake();
    },
    wake,
    async stop() {
      stopped = true;
      cancelTimer();
      await running;
    },
    stopped: () => stopped,
  };
}
