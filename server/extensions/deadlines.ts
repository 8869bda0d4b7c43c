import { platformActor, type Change, type Changes } from '../kernel/change.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database.ts';
import { limits } from '../kernel/limits.ts';
import type { Log } from '../kernel/log.ts';
import type { Service } from '../kernel/module.ts';
import { periodic } from '../kernel/periodic.ts';
import { expireApproval } from './approvals.ts';
import { dueApprovals, dueChecks, lockHolds, type Due } from './hold-store.ts';
import { expire } from './verdicts.ts';

/**
 * Keeps deadlines. It looks at what is due, so there is nothing that a killed process could take with it: whoever lives finds the rest at its next look.
 * Two processes may find the same; the lock of the hold lets one decide, and the other finds it decided.
 */
export interface Deadlines extends Service {
  /** Decides everything that is due. */
  sweep(): Promise<void>;
}

export function createDeadlines(options: { database: Database; changes: Changes; clock: Clock; log: Log }): Deadlines {
  const { database, changes, clock, log } = options;

  /** Many in one change, since they often fall due together; where that fails, each in its own, so that one cannot hold up the others. */
  async function decide(due: readonly Due[], work: (change: Change, one: Due) => Promise<void>): Promise<number> {
    let decided = 0;
    const inChange = (tenantId: number, some: readonly Due[]) =>
      changes.change(platformActor('hold-deadline', tenantId), async (change) => {
        await lockHolds(change, some.map((one) => one.hold_id));
        for (const one of some) await work(change, one);
      });
    for (const [tenantId, some = []] of Map.groupBy(due, (one) => one.tenant_id)) {
      try {
        await inChange(tenantId, some);
        decided += some.length;
      } catch (error) {
        log.warn({ err: error }, 'deadlines could not be kept together; each is tried alone');
        for (const one of some) {
          await inChange(tenantId, [one])
            .then(() => (decided += 1))
            .catch((cause: unknown) => log.error({ err: cause, hold: one.hold_id }, 'a deadline could not be kept and will be tried again'));
        }
      }
    }
    return decided;
  }

  async function sweep(): Promise<void> {
    for (;;) {
      const now = clock.now();
      const checks = await dueChecks(database, now, limits.holdDeadlineBatch.value);
      const approvals = await dueApprovals(database, now, limits.holdDeadlineBatch.value);
      const decided = (await decide(checks, (change, { hold_id, extension_id }) => expire(change, hold_id, extension_id ?? 0))) + (await decide(approvals, (change, { hold_id }) => expireApproval(change, hold_id)));
      if (decided === 0 || checks.length + approvals.length < limits.holdDeadlineBatch.value) return;
    }
  }

  return { ...periodic({ name: 'hold deadlines', everyMs: limits.holdSweepMs.value, clock, log, round: sweep }), sweep };
}
