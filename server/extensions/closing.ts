import type { Change } from '../kernel/change.ts';
import { cancelApproval } from './approval-store.ts';
import { closeHold, releaseWaiting, type HoldRow } from './hold-store.ts';
import { resumeJob } from './jobs.ts';
import { holdStates, next, type HoldStep, type Verdict } from './states.ts';

/** Ends an open hold, and its open checks where there are some. The caller has locked it. */
export async function close(change: Change, hold: HoldRow, step: Exclude<HoldStep, 'refuse' | 'ask'>, verdict: Verdict, tip: string, open: boolean): Promise<void> {
  const status = next(holdStates, hold.status, step);
  if (status === undefined || status === 'CHECKING' || status === 'APPROVING' || !(await closeHold(change, hold.id, status, verdict, tip, change.now))) {
    throw new Error('a hold was closed twice although it is locked');
  }
  if (open) await releaseWaiting(change, hold.id, step === 'cancel' ? 'The operation was called off.' : 'Another check decided the operation.', change.now);
  if (hold.status === 'APPROVING') await cancelApproval(change, hold.id, change.now);
  change.enqueue(resumeJob(hold.tenant_id, hold.operator_id, hold.id));
  change.touch(`hold:${hold.id}`);
}
