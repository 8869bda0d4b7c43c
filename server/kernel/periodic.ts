import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { Service } from './module.ts';

/** Runs `round` again and again, `everyMs` after the last one ended; a failed round is logged and the next one tries again. None runs once `stop` has resolved. */
export function periodic(options: { name: string; everyMs: number; clock: Clock; log: Log; round: () => Promise<unknown> }): Service {
  const { name, everyMs, clock, log, round } = options;
  let cancel = () => {};
  let running: Promise<unknown> = Promise.resolve();
  let stopped = true;

  const plan = () => {
    cancel = clock.after(everyMs, () => {
      running = round()
        .catch((error: unknown) => log.warn({ err: error }, `a round of ${name} failed; the next one tries again`))
        .finally(() => {
          if (!stopped) plan();
        });
    });
  };
  return {
    name,
    start() {
      stopped = false;
      plan();
    },
    async stop() {
      stopped = true;
      cancel();
      await running;
    },
  };
}
