import type { Clock } from '../kernel/clock.ts';
import type { Executor } from '../kernel/database.ts';
import { ApiError } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import * as store from './store-credentials.ts';

/**
 * Lock-out after `limits.loginFailures` wrong passwords in a row, for `limits.loginLockSeconds`. A count is forgotten after the same time without
 * a further failure. It belongs to the name that was typed: an unknown name is counted and locked like a known one.
 */
export interface Lockout {
  /** Counts an attempt as failed; a right password then calls `forgive`. Answers whether it was the last before the lock. Throws `LoginLocked`. */
  attempt(name: string): Promise<{ readonly last: boolean }>;
  /** Forgets the failures of a name, in the change of the sign-in. */
  forgive(tx: Executor, name: string): Promise<void>;
}

export function createLockout(database: Executor, clock: Clock): Lockout {
  const limit = limits.loginFailures.value;
  const lockMs = limits.loginLockSeconds.value * 1_000;
  return {
    async attempt(name) {
      const now = clock.now();
      // Stands outside any change: it must hold even when what follows is rolled back.
      const failures = await store.countAttempt(database, key(name), limit, now, new Date(now.getTime() - lockMs));
      if (failures !== undefined) return { last: failures >= limit };
      const since = (await store.lastAttempt(database, key(name))) ?? now;
      const left = Math.min(lockMs, Math.max(1_000, since.getTime() + lockMs - now.getTime()));
      throw new ApiError('LoginLocked', { seconds: Math.ceil(left / 1_000) }, left);
    },
    async forgive(tx, name) {
      await store.forgetAttempts(tx, key(name));
    },
  };
}

/** Names are one without regard to case, as in the users' table; what cannot be a name is counted as one. */
function key(name: string): string {
  return /^[\w.@-]{1,64}$/.test(name) ? name.toLowerCase() : '?';
}
