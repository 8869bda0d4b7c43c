import { platformActor, type NewJob } from '../kernel/change.ts';

/** The job of this module as others enqueue it; `resume.ts` handles it. */

export const RESUME_JOB = 'hold-resume';

export function resumeJob(tenantId: number, userId: number, holdId: number): NewJob {
  return { kind: RESUME_JOB, key: String(holdId), payload: { tenantId, userId, holdId } };
}

/** The platform in the tenant that the payload names. */
export function tenantActor(kind: string, payload: Readonly<Record<string, unknown>>): ReturnType<typeof platformActor> {
  return platformActor(`job:${kind}`, Number(payload['tenantId']));
}
