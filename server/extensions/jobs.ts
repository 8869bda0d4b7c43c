import { platformActor, type NewJob } from '../kernel/change.ts';

/** The jobs of this module as others enqueue them; `resume.ts` handles them. */

export const DEADLINE_JOB = 'hold-deadline';
export const APPROVAL_DEADLINE_JOB = 'hold-approval-deadline';
export const RESUME_JOB = 'hold-resume';

export function deadlineJob(tenantId: number, holdId: number, extensionId: number, runAt: Date): NewJob {
  return { kind: DEADLINE_JOB, key: `${holdId}:${extensionId}`, payload: { tenantId, holdId, extensionId }, runAt };
}

export function approvalDeadlineJob(tenantId: number, holdId: number, runAt: Date): NewJob {
  return { kind: APPROVAL_DEADLINE_JOB, key: String(holdId), payload: { tenantId, holdId }, runAt };
}

export function resumeJob(tenantId: number, userId: number, holdId: number): NewJob {
  return { kind: RESUME_JOB, key: String(holdId), payload: { tenantId, userId, holdId } };
}

/** The platform in the tenant that the payload names. */
export function tenantActor(kind: string, payload: Readonly<Record<string, unknown>>): ReturnType<typeof platformActor> {
  return platformActor(`job:${kind}`, Number(payload['tenantId']));
}
