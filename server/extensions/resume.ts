import type { Change } from '../kernel/change.ts';
import { ApiError } from '../kernel/errors.ts';
import type { JobDeclaration } from '../kernel/jobs.ts';
import type { HoldOutcome, PointDeclaration } from './declare.ts';
import { findWithArgs, markResumed, refuseHold, type HoldRow } from './hold-store.ts';
import { RESUME_JOB, tenantActor } from './jobs.ts';
import { canonicalJson, hashText } from './snapshot.ts';
import { holdStates, next } from './states.ts';

/**
 * The job of a closed hold. Its row goes in the same change as its effect, so an operation is carried out once, whatever happens to the process.
 *
 * A held operation is carried out in the name of the user who asked for it. When `proceed` throws an ApiError, the object having changed meanwhile, or
 * fails for the last time, all of its work is rolled back, and in a fresh change the hold becomes BLOCKED with that text and `reject` is called.
 *
 * The hold is read without a lock and marked last: a domain locks its object first and then its hold, and so does this, so they never wait in a circle.
 */
export function holdJobs(points: () => readonly PointDeclaration[]): JobDeclaration[] {
  const pointOf = (code: string): PointDeclaration => {
    const point = points().find((candidate) => candidate.code === code);
    if (point === undefined) throw new Error(`no domain has declared the extension point ${code}`);
    return point;
  };

  return [
    {
      kind: RESUME_JOB,
      actor: (payload) => ({ ...tenantActor(RESUME_JOB, payload), userId: Number(payload['userId']) }),
      async handle(change, payload) {
        const waiting = await awaitingResume(change, payload);
        if (waiting === undefined) return;
        const { hold, args } = waiting;
        const outcome: HoldOutcome = { holdId: hold.id, verdict: hold.verdict ?? 'FAIL', tip: hold.tip };
        if (hold.status === 'PASSED') {
          await refuseChanged(change, hold, pointOf(hold.point), args);
          await pointOf(hold.point).proceed(change, args, outcome);
        } else {
          await pointOf(hold.point).reject(change, args, outcome);
        }
        await mark(change, hold, 'DONE', '');
      },
      async giveUp(change, payload, error) {
        const waiting = await awaitingResume(change, payload);
        if (waiting === undefined) return;
        const { hold, args } = waiting;
        const text = error instanceof ApiError ? error.message : 'The operation passed its checks but could not be carried out here; the server log tells why.';
        // Where `reject` itself was what failed, there is nothing more to give up.
        if (next(holdStates, hold.status, 'refuse') !== undefined) {
          await pointOf(hold.point).reject(change, args, { holdId: hold.id, verdict: 'FAIL', tip: text });
          await refuseHold(change, hold.id, text);
        }
        await mark(change, hold, 'FAILED', text);
      },
    },
  ];
}

/** A verdict is bound to the content it was given on. */
async function refuseChanged(change: Change, hold: HoldRow, point: PointDeclaration, args: Readonly<Record<string, unknown>>): Promise<void> {
  const current = await point.currentSnapshot?.(change, args);
  if (current === undefined || hashText(canonicalJson(current)) === hold.snapshot_hash) return;
  throw new ApiError('WrongState', { kind: 'Hold', label: 'Hold', id: hold.id, reason: 'its content was changed while it was checked, so the verdict is void; ask again.' });
}

async function awaitingResume(change: Change, payload: Readonly<Record<string, unknown>>): Promise<{ hold: HoldRow; args: Readonly<Record<string, unknown>> } | undefined> {
  const hold = await findWithArgs(change, Number(payload['tenantId']), Number(payload['holdId']));
  return hold === undefined || hold.closed_at === null || hold.resumed_at !== null ? undefined : { hold, args: hold.args };
}

async function mark(change: Change, hold: HoldRow, status: 'DONE' | 'FAILED', message: string): Promise<void> {
  if (!(await markResumed(change, hold.id, status, message, change.now))) throw new Error(`hold ${hold.id} was resumed by another job`);
  change.touch(`hold:${hold.id}`);
}
