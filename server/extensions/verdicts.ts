import type { Change } from '../kernel/change.ts';
import { ApiError, notFound } from '../kernel/errors.ts';
import { closeHold, decideCheck, findChecks, findHoldIdByMessage, holdsWaitingFor, lockHold, releaseWaiting, type CheckRow, type Decision, type HoldRow } from './hold-store.ts';
import { resumeJob } from './jobs.ts';
import { checkStates, holdStates, next, worst, type CheckStep, type HoldStep, type Verdict } from './states.ts';

/** How checks are decided and holds closed. Every function here locks the hold before it looks at a check. */

export interface Answer {
  readonly messageId: string;
  readonly extensionCode: string;
  readonly result: Verdict;
  readonly tip: string;
}

/**
 * Takes an extension's answer. The same answer again is accepted and changes nothing. `authorise` is told the check and may throw.
 * Throws NotFound for a message or an extension without a check in the actor's tenant, and WrongState when the check was decided otherwise.
 */
export async function answer(change: Change, given: Answer, authorise: (check: CheckRow) => void): Promise<void> {
  const { tenantId, userId } = change.actor;
  const holdId = await findHoldIdByMessage(change, tenantId, given.messageId);
  if (holdId === undefined) throw notFound('Message', given.messageId, 'held operation for the message');
  const { hold, check } = await lockCheck(change, holdId, given.extensionCode);
  authorise(check);
  if (check.state === 'ANSWERED' && check.result === given.result && check.tip === given.tip) return;
  await decide(change, hold, check, 'answer', { result: given.result, tip: given.tip, reason: '', userId });
  await settle(change, hold);
}

/** Gives an unanswered check its deadline outcome. Nothing happens when it was decided. */
export async function expire(change: Change, tenantId: number, holdId: number, extensionId: number): Promise<void> {
  const hold = await lockHold(change, tenantId, holdId);
  const check = (await findChecks(change, holdId)).find((candidate) => candidate.extension_id === extensionId);
  if (hold === undefined || check?.state !== 'WAITING') return;
  const seconds = Math.round((check.deadline_at.getTime() - hold.created_at.getTime()) / 1_000);
  const tip = `${check.name} did not answer within ${seconds} seconds; its outcome for this is ${check.deadline_outcome}.`;
  await decide(change, hold, check, 'expire', { result: check.deadline_outcome, tip, reason: '', userId: undefined });
  await settle(change, hold);
}

/** Passes one check by hand. Throws NotFound or WrongState. */
export async function override(change: Change, holdId: number, extensionCode: string, passedBy: { readonly displayName: string; readonly reason: string }): Promise<void> {
  const { hold, check } = await lockCheck(change, holdId, extensionCode);
  const tip = `Passed by hand by ${passedBy.displayName}: ${passedBy.reason}`;
  await decide(change, hold, check, 'override', { result: 'OK', tip, reason: passedBy.reason, userId: change.actor.userId });
  change.touch(`extension:${extensionCode}`);
  await settle(change, hold);
}

/** Passes all open checks of an extension that no longer decides, in all places or in one. */
export async function release(change: Change, extension: { readonly id: number; readonly name: string }, place: 'all' | { readonly workspaceId: number | null }, what: string): Promise<void> {
  for (const holdId of await holdsWaitingFor(change, extension.id, place)) {
    const hold = await lockHold(change, change.actor.tenantId, holdId);
    const check = (await findChecks(change, holdId)).find((candidate) => candidate.extension_id === extension.id);
    // It may have been decided while we waited for the lock.
    if (hold === undefined || check?.state !== 'WAITING') continue;
    await decide(change, hold, check, 'release', { result: 'OK', tip: `${extension.name} was ${what} while its answer was awaited; its check passes.`, reason: '', userId: change.actor.userId });
    await settle(change, hold);
  }
}

/** Calls an open hold off; its operation is given up. Throws NotFound or WrongState. */
export async function cancel(change: Change, holdId: number, tip: string): Promise<void> {
  const hold = await lockHold(change, change.actor.tenantId, holdId);
  if (hold === undefined) throw notFound('Hold', holdId);
  if (next(holdStates, hold.status, 'cancel') === undefined) throw new ApiError('WrongState', { kind: 'Hold', label: 'Hold', id: holdId, reason: `it is closed already (${hold.status}).` });
  await close(change, hold, 'cancel', 'FAIL', tip);
}

async function lockCheck(change: Change, holdId: number, extensionCode: string): Promise<{ hold: HoldRow; check: CheckRow }> {
  const hold = await lockHold(change, change.actor.tenantId, holdId);
  if (hold === undefined) throw notFound('Hold', holdId);
  // A deleted extension's code may be in use again, so the waiting one counts where two have checks here.
  const ofCode = (await findChecks(change, holdId)).filter((candidate) => candidate.code === extensionCode);
  const check = ofCode.find((candidate) => candidate.state === 'WAITING') ?? ofCode[0];
  if (check === undefined) throw notFound('Extension', extensionCode, 'check of this operation by the extension');
  return { hold, check };
}

async function decide(change: Change, hold: HoldRow, check: CheckRow, step: CheckStep, decision: Omit<Decision, 'state'>): Promise<void> {
  const state = next(checkStates, check.state, step);
  if (state === undefined || state === 'WAITING') {
    throw new ApiError('WrongState', { kind: 'Check', label: 'The check of', id: check.code, reason: whyDecided(check) });
  }
  if (!(await decideCheck(change, hold.id, check.extension_id, { ...decision, state }, change.now))) throw new Error('a waiting check was decided although its hold is locked');
  change.touch(`hold:${hold.id}`);
}

function whyDecided(check: CheckRow): string {
  switch (check.state) {
    case 'ANSWERED':
      return `it was answered ${check.result} before.`;
    case 'EXPIRED':
      return `its deadline ${check.deadline_at.toISOString()} has passed.`;
    case 'OVERRIDDEN':
      return 'a person has passed it by hand.';
    default:
      return 'nobody waits for it any more: the operation was decided without it.';
  }
}

/** Closes the hold when its checks allow: one FAIL blocks at once, otherwise all have to be decided. */
async function settle(change: Change, hold: HoldRow): Promise<void> {
  const checks = await findChecks(change, hold.id);
  const results = checks.flatMap((check) => (check.result === null ? [] : [check.result]));
  const verdict = worst(results);
  if (verdict !== 'FAIL' && checks.some((check) => check.state === 'WAITING')) return;
  const tip = checks
    .filter((check) => check.result === verdict && check.tip !== '')
    .map((check) => check.tip)
    .join('\n');
  await close(change, hold, verdict === 'FAIL' ? 'block' : 'pass', verdict, tip);
}

async function close(change: Change, hold: HoldRow, step: Exclude<HoldStep, 'refuse'>, verdict: Verdict, tip: string): Promise<void> {
  const status = next(holdStates, hold.status, step);
  if (status === undefined || status === 'CHECKING' || !(await closeHold(change, hold.id, status, verdict, tip, change.now))) throw new Error('a hold was closed twice although it is locked');
  await releaseWaiting(change, hold.id, step === 'cancel' ? 'The operation was called off.' : 'Another check decided the operation.', change.now);
  change.enqueue(resumeJob(hold.tenant_id, hold.operator_id, hold.id));
  change.touch(`hold:${hold.id}`);
}
