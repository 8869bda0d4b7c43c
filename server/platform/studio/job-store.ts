import type { Executor } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';

/** SQL of the work that callers follow with GetJobStatus. */

export interface AsyncJobRow {
  readonly id: string;
  readonly workspace_id: number;
  readonly type: 'Create' | 'Update' | 'Cancel';
  readonly status: 'Running' | 'Success' | 'Fail' | 'Cancel';
  readonly response: string;
  readonly error: string;
  readonly created_at: Date;
  readonly created_by: number;
}

const JOB = 'id, workspace_id, type, status, response, error, created_at, created_by';
const DAY_MS = 86_400_000;

/** Notes a job that has begun, and forgets those whose outcome nobody will ask for any more. */
export async function insertAsyncJob(tx: Executor, job: { readonly tenantId: number; readonly workspaceId: number; readonly type: AsyncJobRow['type']; readonly response: string; readonly userId: number }, now: Date): Promise<AsyncJobRow> {
  const row = await tx.row<AsyncJobRow>(
    `with forgotten as (delete from async_job where ended_at < $6)
     insert into async_job (tenant_id, workspace_id, type, status, response, error, created_at, created_by) values ($1, $2, $3, 'Running', $4, '', $7, $5) returning ${JOB}`,
    [job.tenantId, job.workspaceId, job.type, job.response, job.userId, new Date(now.getTime() - limits.asyncJobDays.value * DAY_MS), now],
  );
  if (row === undefined) throw new Error('the job was not written');
  return row;
}

/** Ends a job. One that has ended stays as it is. */
export async function endAsyncJob(tx: Executor, id: string, status: 'Success' | 'Fail', outcome: { readonly response?: string; readonly error?: string }, now: Date): Promise<void> {
  await tx.run(`update async_job set status = $2, response = coalesce($3, response), error = coalesce($4, ''), ended_at = $5 where id = $1 and status = 'Running'`, [
    id,
    status,
    outcome.response ?? null,
    outcome.error ?? null,
    now,
  ]);
}

export function asyncJobById(db: Executor, tenantId: number, id: string): Promise<AsyncJobRow | undefined> {
  return db.row(`select ${JOB} from async_job where tenant_id = $1 and id = $2`, [tenantId, id]);
}
