import type { Change } from '../kernel/change.ts';
import { ApiError, notFound } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import { findApproval, findPolicy, insertApproval, insertDecision, moveApproval, type ApprovalRow, type ApprovalStep } from './approval-store.ts';
import { close } from './closing.ts';
import { askPerson, lockHold, type HoldRow } from './hold-store.ts';
import { holdStates, next } from './states.ts';

/**
 * A person has the last word on a held operation: by policy where extensions warn, and where an attachment says so for an extension that gave no
 * answer (ASK). The steps go in order; a refusal at any of them blocks. Nothing waits for ever: at the approval's deadline the operation is blocked.
 */

interface Policy {
  readonly name: string;
  readonly steps: readonly ApprovalStep[];
  readonly deadline_seconds: number;
}

/** Where no policy says who is asked: those who look after the place. */
function lookAfter(workspaceId: number | null): Policy {
  const values = workspaceId === null ? ['open_platform_admin', 'tenant_admin', 'tenant_owner'] : ['role_project_admin', 'role_project_owner'];
  return { name: 'Administrators', steps: [{ type: 'ROLE', values }], deadline_seconds: limits.approvalDefaultSeconds.value };
}

/** Who is to be asked about this outcome; undefined: nobody, a WARN passes. */
export async function findPolicyFor(change: Change, hold: HoldRow, codes: readonly string[], outcome: 'WARN' | 'ASK'): Promise<Policy | undefined> {
  return (await findPolicy(change, hold.tenant_id, hold.workspace_id, codes)) ?? (outcome === 'ASK' ? lookAfter(hold.workspace_id) : undefined);
}

/** Puts a hold before a person. The caller has locked it. */
export async function beginApproval(change: Change, hold: HoldRow, cause: 'WARN' | 'ASK', policy: Policy, tip: string): Promise<void> {
  const deadlineAt = new Date(change.now.getTime() + policy.deadline_seconds * 1_000);
  if (next(holdStates, hold.status, 'ask') === undefined || !(await askPerson(change, hold.id, tip, deadlineAt))) throw new Error('a hold was put before a person twice although it is locked');
  await insertApproval(change, { hold_id: hold.id, cause, policy: policy.name, steps: policy.steps, created_at: change.now, deadline_at: deadlineAt });
  raise(change, hold, 'approval-change-created', { status: 'Submit', comments: tip, policy: policy.name, startedAt: change.now });
  change.touch(`hold:${hold.id}`);
}

/** Decides the present step. `authorise` is told the hold and the step, and may throw. Throws NotFound or WrongState. */
export async function decideApproval(
  change: Change,
  holdId: number,
  decision: { readonly approve: boolean; readonly comment: string; readonly displayName: string },
  authorise: (hold: HoldRow, step: ApprovalStep) => Promise<void>,
): Promise<void> {
  const hold = await lockHold(change, change.actor.tenantId, holdId);
  if (hold === undefined) throw notFound('Hold', holdId);
  const approval = await findApproval(change, holdId);
  const step = approval?.steps[approval.step];
  if (approval === undefined || step === undefined || hold.status !== 'APPROVING' || approval.state !== 'PENDING') {
    throw new ApiError('WrongState', { kind: 'Hold', label: 'Hold', id: holdId, reason: 'no approval of it is pending.' });
  }
  await authorise(hold, step);
  await insertDecision(change, holdId, { step: approval.step, user_id: change.actor.userId, approved: decision.approve, comment: decision.comment, at: change.now });
  change.touch(`hold:${holdId}`);
  const comment = decision.comment === '' ? '' : `: ${decision.comment}`;
  if (!decision.approve) return end(change, hold, approval, 'REJECTED', `Rejected by ${decision.displayName}${comment}`, decision.displayName);
  if (approval.step + 1 < approval.steps.length) return moveApproval(change, holdId, approval.step + 1, 'PENDING', change.now);
  await end(change, hold, approval, 'APPROVED', `Approved by ${decision.displayName}${comment}`, decision.displayName);
}

/** Blocks what nobody decided in time. Nothing happens when it was decided. */
export async function expireApproval(change: Change, holdId: number): Promise<void> {
  const hold = await lockHold(change, change.actor.tenantId, holdId);
  const approval = await findApproval(change, holdId);
  if (hold?.status !== 'APPROVING' || approval?.state !== 'PENDING') return;
  await end(change, hold, approval, 'EXPIRED', `Nobody approved it before ${approval.deadline_at.toISOString()}, so it is blocked.`, '');
}

async function end(change: Change, hold: HoldRow, approval: ApprovalRow, state: 'APPROVED' | 'REJECTED' | 'EXPIRED', tip: string, assigneeName: string): Promise<void> {
  await moveApproval(change, hold.id, approval.step, state, change.now);
  raise(change, hold, 'approval-change-finished', { status: state === 'APPROVED' ? 'Agree' : state === 'REJECTED' ? 'Reject' : 'Expired', comments: tip, policy: approval.policy, startedAt: approval.created_at, assigneeName });
  const text = [hold.tip, tip].filter((part) => part !== '').join('\n');
  await close(change, hold, state === 'APPROVED' ? 'pass' : 'block', state === 'APPROVED' ? 'WARN' : 'FAIL', text, false);
}

function raise(change: Change, hold: HoldRow, code: string, of: { status: string; comments: string; policy: string; startedAt: Date; assigneeName?: string }): void {
  const processId = `job_${hold.id}`;
  change.raise({
    code,
    workspaceId: hold.workspace_id ?? undefined,
    objectKey: `hold:${hold.id}`,
    data: {
      ...(hold.workspace_id === null ? {} : { appId: hold.workspace_id }),
      ...(of.assigneeName ? { assignee: String(change.actor.userId), assigneeName: of.assigneeName } : {}),
      comments: of.comments,
      createTime: of.startedAt.getTime(),
      updateTime: change.now.getTime(),
      processId,
      taskId: processId,
      status: of.status,
      eventType: 'approval',
      process: { applicant: String(hold.operator_id), assignmentCategory: 'Extension', processDefinitionId: of.policy, processId, status: of.status, title: hold.title, createTime: of.startedAt.getTime() },
    },
  });
}
