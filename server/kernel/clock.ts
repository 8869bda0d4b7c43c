/** The source of time. Injected everywhere, so that tests and the simulator can move it. */
export interface Clock {
  /** The present moment. */
  now(): Date;
  /** Calls `action` once after `milliseconds`; the returned function cancels it. */
  after(milliseconds: number, action: () => void): () => void;
}

/** Longest time that a timer of the machine can hold; a longer one would end at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** The machine's own clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => new Date(),
  after(milliseconds, action) {
    let timer: NodeJS.Timeout;
    const wait = (left: number): void => {
      timer = left > LONGEST_MS ? setTimeout(() => wait(left - LONGEST_MS), LONGEST_MS) : setTimeout(action, left);
      timer.unref();
    };
    wait(milliseconds);
    return () => clearTimeout(timer);
  },
};

/** A clock that stands still until it is told to move. */
export interface ManualClock extends Clock {
  /** Moves time forward and runs, in order of their moment, the actions that fall due. */
  advance(milliseconds: number): void;
  set(moment: Date): void;
}

/** Makes a clock for tests, standing at `start`. */
export function manualClock(start: Date): ManualClock {
  let current = start.getTime();
  let pending: { due: number; action: () => void }[] = [];
  const runUntil = (moment: number) => {
    for (;;) {
      const next = pending.filter((entry) => entry.due <= moment).toSorted((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      pending = pending.filter((entry) => entry !== next);
      current = Math.max(current, next.due);
      next.action();
    }
    current = moment;
  };
  return {
    now: () => new Date(current),
    after(milliseconds, action) {
      const entry = { due: current + milliseconds, action };
      pending.push(entry);
      return () => {
        pending = pending.filter((other) => other !== entry);
      };
    },
    advance: (milliseconds) => runUntil(current + milliseconds),
    set: (moment) => runUntil(moment.getTime()),
  };
}
