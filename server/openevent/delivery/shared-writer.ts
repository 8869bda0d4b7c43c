import type { Results, ResultsOf } from './store.ts';

/**
 * Least time between the starts of two writes. A lone result waits for nothing; under load, larger batches leave the database more time for the changes
 * themselves. Nobody waits for results, and a crash in between costs deliveries of so many milliseconds a second time.
 */
const PACE_MS = 5;

/** Writes the results of all sessions of a process together, so that the number of subscriptions does not multiply the statements. */
export interface SharedWriter {
  /** False when the lease of the subscription was lost. Rejects when the database refused. */
  save(subscriptionId: number, epoch: number, results: Results): Promise<boolean>;
}

interface Waiting {
  readonly of: ResultsOf;
  readonly done: (held: boolean) => void;
  readonly fail: (error: unknown) => void;
}

/** While one write runs, the next one gathers. `write` answers the ids of subscriptions whose lease is held. */
export function createSharedWriter(write: (all: readonly ResultsOf[]) => Promise<readonly number[]>): SharedWriter {
  let waiting: Waiting[] = [];
  let running = false;
  let started = 0;

  async function writeAll(batch: readonly Waiting[]): Promise<void> {
    try {
      const held = new Set(await write(batch.map((one) => one.of)));
      for (const { of, done } of batch) done(held.has(of.subscriptionId));
    } catch (error) {
      if (batch.length === 1) batch[0]?.fail(error);
      // What one subscription cannot write must not keep the others from it.
      else for (const one of batch) await writeAll([one]);
    }
  }

  async function run(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      const rest = started + PACE_MS - performance.now();
      if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
      started = performance.now();
      const batch = waiting;
      waiting = [];
      await writeAll(batch);
    }
    running = false;
  }

  return {
    save: (subscriptionId, epoch, results) =>
      new Promise((done, fail) => {
        waiting.push({ of: { subscriptionId, epoch, results }, done, fail });
        // Sessions that finish in the same turn of the loop go together.
        if (!running) queueMicrotask(() => running || void run());
      }),
  };
}
