import { createHash } from 'node:crypto';
import type { Change } from '../kernel/change.ts';
import { ApiError, notFound } from '../kernel/errors.ts';
import { beginApproval, findPolicyFor } from './approvals.ts';
import { countFailure, findAttachment } from './attachment-store.ts';
import { close } from './closing.ts';
import { decideCheck, findChecks, findHoldIdByMessage, holdsWaitingFor, lockHold, type CheckRow, type Decision, type Finding, type HoldRow } from './hold-store.ts';
import { checkStates, holdStates, next, weigh, worst, type CheckStep, type Verdict } from './states.ts';

/** How checks are decided and holds closed. Every function here locks the hold before it looks at a check. */

export interface Answer {
  readonly messageId: string;
  readonly extensionCode: string;
  readonly result: Verdict;
  readonly tip: string;
  readonly findings?: readonly Finding[] | undefined;
  readonly token?: string | undefined;
  /** Of the content that was judged, where the extension says it. */
  readonly snapshotHash?: string | undefined;
}

/**
 * Takes an extension's answer. The same answer again is accepted and changes nothing. `authorise` is told the check and may throw.
 * Throws NotFound for a message or an extension without a check in the actor's tenant, WrongState when the check was decided otherwise or the answer is about
 * other content, and Forbidden when the token is not the check's.
 */
export async function answer(change: Change, given: Answer, authorise: (check: CheckRow) => void): Promise<void> {
  const { tenantId, userId } = change.actor;
  const holdId = await findHoldIdByMessage(change, tenantId, given.messageId);
  if (holdId === undefined) throw notFound('Message', given.messageId, 'held operation for the message');
  const { hold, check, checks } = await lockCheck(change, holdId, given.extensionCode);
  authorise(check);
  if (check.token_hash !== null && (given.token === undefined || hashToken(given.token) !== check.token_hash)) {
    throw new ApiError('Forbidden', { action: change.actor.action, needed: 'the token of this check (CheckToken), which came with its request' });
  }
  if (given.snapshotHash !== undefined && given.snapshotHash !== hold.snapshot_hash) {
    throw new ApiError('WrongState', { kind: 'Check', label: 'The check of', id: check.code, reason: 'the answer is about other content than the one under decision (SnapshotHash), so it is void.' });
  }
  if (check.state === 'ANSWERED' && check.result === given.result && check.tip === given.tip) return;
  const decided = await decide(change, hold, check, 'answer', { result: given.result, tip: given.tip, reason: '', findings: given.findings, userId });
  await settle(change, hold, withDecided(checks, decided));
}

/** Lower-case hex SHA-256: only this of a token is kept. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** The answer that our own request to the extension had. Nothing happens when the check was decided meanwhile. */
export async function takeDirectAnswer(change: Change, holdId: number, extensionId: number, given: Pick<Answer, 'result' | 'tip' | 'findings'>): Promise<void> {
  await whileWaiting(change, holdId, extensionId, async (hold, check) => {
    return decide(change, hold, check, 'answer', { result: given.result, tip: given.tip, reason: '', findings: given.findings, userId: undefined });
  });
}

/** The extension could not be asked, or answered nonsense: its failure outcome counts, and `reason` says what happened. */
export async function failCheck(change: Change, holdId: number, extensionId: number, reason: string): Promise<void> {
  await whileWaiting(change, holdId, extensionId, async (hold, check) => {
    return decide(change, hold, check, 'fail', { result: check.failure_outcome, tip: `${check.name} could not be asked: ${reason} Its outcome for this is ${check.failure_outcome}.`, reason, userId: undefined });
  });
}

/** Gives an unanswered check its deadline outcome. Nothing happens when it was decided. */
export async function expire(change: Change, holdId: number, extensionId: number): Promise<void> {
  await whileWaiting(change, holdId, extensionId, async (hold, check) => {
    const seconds = Math.round((check.deadline_at.getTime() - hold.created_at.getTime()) / 1_000);
    const trouble = check.last_error === '' ? '' : ` Asked last, it failed: ${check.last_error}`;
    const tip = `${check.name} did not answer within ${seconds} seconds; its outcome for this is ${check.deadline_outcome}.${trouble}`;
    return decide(change, hold, check, 'expire', { result: check.deadline_outcome, tip, reason: '', userId: undefined });
  });
}

async function whileWaiting(change: Change, holdId: number, extensionId: number, work: (hold: HoldRow, check: CheckRow) => Promise<CheckRow>): Promise<void> {
  const hold = await lockHold(change, change.actor.tenantId, holdId);
  const checks = await findChecks(change, holdId);
  const check = checks.find((candidate) => candidate.extension_id === extensionId);
  if (hold === undefined || check?.state !== 'WAITING') return;
  await settle(change, hold, withDecided(checks, await work(hold, check)));
}

/** The hold is locked, so nobody else has decided one of them meanwhile. */
function withDecided(checks: readonly CheckRow[], decided: CheckRow): CheckRow[] {
  return checks.map((check) => (check.extension_id === decided.extension_id ? decided : check));
}

/** Passes one check by hand. Throws NotFound or WrongState. */
export async function override(change: Change, holdId: number, extensionCode: string, passedBy: { readonly displayName: string; readonly reason: string }): Promise<void> {
  const { hold, check, checks } = await lockCheck(change, holdId, extensionCode);
  const tip = `Passed by hand by ${passedBy.displayName}: ${passedBy.reason}`;
  const decided = await decide(change, hold, check, 'override', { result: 'OK', tip, reason: passedBy.reason, userId: change.actor.userId });
  change.touch(`extension:${extensionCode}`);
  change.raise({
    code: 'approval-change-finished',
    workspaceId: hold.workspace_id ?? undefined,
    objectKey: `hold:${hold.id}`,
    data: {
      ...(hold.workspace_id === null ? {} : { appId: hold.workspace_id }),
      assignee: String(change.actor.userId),
      assigneeName: passedBy.displayName,
      comments: passedBy.reason,
      createTime: hold.created_at.getTime(),
      updateTime: change.now.getTime(),
      processId: `job_${hold.id}`,
      taskId: `${hold.id}:${extensionCode}`,
      status: 'MarkedAsPassed',
      eventType: 'approval',
      process: { applicant: String(hold.operator_id), assignmentCategory: 'Extension', processDefinitionId: extensionCode, processId: `job_${hold.id}`, status: 'MarkedAsPassed', title: hold.title },
    },
  });
  await settle(change, hold, withDecided(checks, decided));
}

/** Decides all open checks of an extension that no longer decides, in all places or in one, as its attachment says. */
export async function release(change: Change, extension: { readonly id: number; readonly name: string }, place: 'all' | { readonly workspaceId: number | null }, what: string): Promise<void> {
  for (const holdId of await holdsWaitingFor(change, extension.id, place)) {
    // It may have been decided while we waited for the lock.
    await whileWaiting(change, holdId, extension.id, async (hold, check) => {
      const came = check.release_outcome === 'OK' ? 'its check passes' : `its outcome for this is ${check.release_outcome}`;
      return decide(change, hold, check, 'release', { result: check.release_outcome, tip: `${extension.name} was ${what} while its answer was awaited; ${came}.`, reason: '', userId: change.actor.userId });
    });
  }
}

/** Calls an open hold off; its operation is given up. Throws NotFound or WrongState. */
export async function cancel(change: Change, holdId: number, tip: string): Promise<void> {
  const hold = await lockHold(change, change.actor.tenantId, holdId);
  if (hold === undefined) throw notFound('Hold', holdId);
  if (next(holdStates, hold.status, 'cancel') === undefined) throw new ApiError('WrongState', { kind: 'Hold', label: 'Hold', id: holdId, reason: `it is closed already (${hold.status}).` });
  await close(change, hold, 'cancel', 'FAIL', tip, true);
}

async function lockCheck(change: Change, holdId: number, extensionCode: string): Promise<{ hold: HoldRow; check: CheckRow; checks: readonly CheckRow[] }> {
  const hold = await lockHold(change, change.actor.tenantId, holdId);
  if (hold === undefined) throw notFound('Hold', holdId);
  // A deleted extension's code may be in use again, so the waiting one counts where two have checks here.
  const checks = await findChecks(change, holdId);
  const ofCode = checks.filter((candidate) => candidate.code === extensionCode);
  const check = ofCode.find((candidate) => candidate.state === 'WAITING') ?? ofCode[0];
  if (check === undefined) throw notFound('Extension', extensionCode, 'check of this operation by the extension');
  return { hold, check, checks };
}

async function decide(change: Change, hold: HoldRow, check: CheckRow, step: CheckStep, decision: Omit<Decision, 'state'>): Promise<CheckRow> {
  const state = next(checkStates, check.state, step);
  if (state === undefined || state === 'WAITING') {
    throw new ApiError('WrongState', { kind: 'Check', label: 'The check of', id: check.code, reason: whyDecided(check) });
  }
  if (!(await decideCheck(change, hold.id, check.extension_id, { ...decision, state }, change.now, step === 'answer' ? { workspaceId: hold.workspace_id } : undefined))) throw new Error('a waiting check was decided although its hold is locked');
  if (step === 'expire' || step === 'fail') await countAgainst(change, hold, check);
  change.touch(`hold:${hold.id}`);
  return { ...check, state, result: decision.result, tip: decision.tip };
}

async function countAgainst(change: Change, hold: HoldRow, check: CheckRow): Promise<void> {
  const attachment = await findAttachment(change, check.extension_id, hold.workspace_id);
  if (attachment === undefined || attachment.breaker_failures === 0) return;
  await countFailure(change, check.extension_id, hold.workspace_id, { failures: attachment.breaker_failures, seconds: attachment.breaker_seconds }, change.now);
}

function whyDecided(check: CheckRow): string {
  switch (check.state) {
    case 'ANSWERED':
      return `it was answered ${check.result} before.`;
    case 'EXPIRED':
      return `its deadline ${check.deadline_at.toISOString()} has passed.`;
    case 'FAILED':
      return `it could not be asked: ${check.reason}`;
    case 'SKIPPED':
      return 'its breaker is open, so it was not asked.';
    case 'OVERRIDDEN':
      return 'a person has passed it by hand.';
    default:
      return 'nobody waits for it any more: the operation was decided without it.';
  }
}

/** Closes the hold when its checks allow: one FAIL blocks at once, otherwise all have to be decided, and a person may have the last word. */
export async function settle(change: Change, hold: HoldRow, all: readonly CheckRow[]): Promise<void> {
  // In shadow an answer comes when the operation has long gone on.
  if (hold.status !== 'CHECKING') return;
  const checks = all.filter((check) => check.mode !== 'SHADOW');
  const open = checks.some((check) => check.state === 'WAITING');
  const weighed = checks.flatMap((check) => (check.result === null ? [] : [{ check, outcome: weigh(check.mode, check.result) }]));
  const verdict = worst(weighed.map(({ outcome }) => outcome));
  if (verdict !== 'FAIL' && open) return;
  const decisive = weighed.filter(({ outcome }) => outcome === verdict).map(({ check }) => check);
  const tip = decisive.flatMap((check) => (check.tip === '' ? [] : [check.tip])).join('\n');
  if (verdict === 'FAIL') return close(change, hold, 'block', verdict, tip, open);
  if (verdict !== 'OK') {
    const policy = await findPolicyFor(change, hold, decisive.map((check) => check.code), verdict);
    if (policy !== undefined) return beginApproval(change, hold, verdict, policy, tip);
  }
  await close(change, hold, 'pass', verdict === 'ASK' ? 'WARN' : verdict, tip, open);
}
