import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database.ts';
import { limits } from '../kernel/limits.ts';
import type { Log } from '../kernel/log.ts';
import type { Service } from '../kernel/module.ts';
import { periodic } from '../kernel/periodic.ts';
import type { KeyCache } from './keys.ts';
import * as store from './store-credentials.ts';

/** A credential is told to have expired for this long, before it counts as unknown. */
const EXPIRED_KEPT_MS = 24 * 3_600_000;

/** Hears from other processes what has changed. */
export function cacheListener(database: Database, invalidate: (message: string) => void): Service {
  let stop: (() => Promise<void>) | undefined;
  return {
    name: 'identity cache',
    async start() {
      stop = await database.listen('millrace_cache', invalidate);
      // What changed before the ear was open.
      invalidate('');
    },
    async stop() {
      await stop?.();
    },
  };
}

/** Writes the last use of AccessKeys and removes what has expired, in every process: rounds that meet do no harm. */
export function housekeeping(options: { database: Database; clock: Clock; keys: KeyCache; log: Log }): Service & { round(): Promise<void> } {
  const { database, clock, keys, log } = options;
  async function round(): Promise<void> {
    const now = clock.now();
    await keys.writeLastUse();
    await store.deleteExpiredSessions(database, now);
    await store.deleteKeysExpiredBefore(database, new Date(now.getTime() - EXPIRED_KEPT_MS));
    await store.deleteAttemptsBefore(database, new Date(now.getTime() - limits.loginLockSeconds.value * 1_000));
  }

  const rounds = periodic({ name: 'identity housekeeping', everyMs: limits.identityHousekeepingMs.value, clock, log, round });
  return {
    ...rounds,
    round,
    async stop() {
      await rounds.stop();
      await keys.writeLastUse().catch((error: unknown) => log.warn({ error }, 'the last use of some AccessKeys was not written'));
    },
  };
}
