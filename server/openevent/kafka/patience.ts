import type { Clock } from '../../kernel/clock.ts';

const PAUSE_MS = 200;

/** Tries `action` again while it fails, for `withinMs` from now; rejects with its last error then. */
export async function patiently<Value>(clock: Clock, withinMs: number, action: () => Promise<Value>): Promise<Value> {
  const until = clock.now().getTime() + withinMs;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (clock.now().getTime() + PAUSE_MS > until) throw error;
      await new Promise<void>((resolve) => void clock.after(PAUSE_MS, resolve));
    }
  }
}
