import { setTimeout as pause } from 'node:timers/promises';

/**
 * Waits until `condition` answers something other than undefined, null or false, and answers that. Rejects with the last error, or with
 * `what`, when it has not come within `withinMs`. For states that come by themselves; a test never sleeps for a fixed time instead.
 */
export async function eventually<Value>(what: string, condition: () => Value | Promise<Value>, withinMs = 10_000): Promise<Exclude<Value, undefined | null | false>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) return value as Exclude<Value, undefined | null | false>;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) throw new Error(`within ${withinMs} ms it did not come about that ${what}`, { cause: failure });
    await pause(15);
  }
}
