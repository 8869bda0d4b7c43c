import type { Database, Executor } from '../../server/kernel/database.ts';

/** What is under way between the simulated processes and the database, so that a history can go on as soon as nothing is. */
export interface Traffic {
  watch(database: Database): Database;
  /** Resolves when nothing is under way, and nobody has begun anything for a few turns of the event loop. */
  quiet(): Promise<void>;
}

/** Turns of the event loop without a statement after which nothing more is expected. */
const IDLE_TURNS = 4;
/** Something that waits longer than this waits for somebody else's lock, or is a busy machine's. */
const LONGEST_MS = 100;

export function createTraffic(): Traffic {
  let flying = 0;
  let landed = () => {};

  async function fly<Answer>(run: () => Promise<Answer>): Promise<Answer> {
    flying += 1;
    try {
      return await run();
    } finally {
      flying -= 1;
      landed();
    }
  }
  const watched = (executor: Executor): Executor => ({
    rows: (text, values) => fly(() => executor.rows<never>(text, values)),
    row: (text, values) => fly(() => executor.row<never>(text, values)),
    run: (text, values) => fly(() => executor.run(text, values)),
  });

  return {
    watch: (database) => ({ ...database, ...watched(database), transaction: (work, last) => fly(() => database.transaction(work, last)) }),
    async quiet() {
      const end = performance.now() + LONGEST_MS;
      for (let idle = 0; idle < IDLE_TURNS && performance.now() < end; ) {
        if (flying > 0) {
          idle = 0;
          await new Promise<void>((resolve) => {
            const late = setTimeout(resolve, LONGEST_MS);
            landed = () => {
              clearTimeout(late);
              resolve();
            };
          });
        } else {
          idle += 1;
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    },
  };
}

/** Takes pauses of some milliseconds, by which loops gather work under load, for over at once. They are the machine's own, and no promise hangs on them. */
export function withoutShortPauses(): () => void {
  const real = globalThis.setTimeout;
  const quick = (action: () => void, milliseconds?: number, ...rest: []) => (milliseconds !== undefined && milliseconds <= 10 ? setImmediate(action) : real(action, milliseconds, ...rest));
  globalThis.setTimeout = Object.assign(quick, real) as unknown as typeof setTimeout;
  return () => {
    globalThis.setTimeout = real;
  };
}
