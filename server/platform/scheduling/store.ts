import type { Executor } from '../../kernel/database.ts';
import type { PublishedTask } from './interface.ts';
import type { Parameter } from './parameters.ts';
import type { TaskSettings } from './settings.ts';

/** All SQL of tasks. Instances have theirs in `instance-store.ts`. */

export interface TaskRow {
  readonly task_id: number;
  readonly environment: 'DEV' | 'PROD';
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly file_id: number;
  readonly name: string;
  readonly file_type: number;
  readonly command: string;
  readonly owner_id: number;
  readonly version: number;
  readonly file_version: number;
  readonly description: string;
  readonly recurrence: 'Normal' | 'Pause' | 'Skip';
  readonly trigger_type: 'Scheduler' | 'Manual';
  readonly cron: string | null;
  readonly priority: number;
  readonly rerun_mode: 'Allowed' | 'Denied' | 'FailureAllowed';
  readonly rerun_times: number;
  readonly rerun_interval_ms: number;
  readonly timeout_seconds: number;
  readonly parameters: readonly Parameter[];
  readonly created_at: Date;
  readonly modified_at: Date;
}

const COLUMNS = `task_id, environment, tenant_id, workspace_id, file_id, name, file_type, command, owner_id, version, file_version, description, recurrence, trigger_type, cron,
  priority, rerun_mode, rerun_times, rerun_interval_ms, timeout_seconds, parameters, created_at, modified_at`;

export async function nextTaskId(tx: Executor): Promise<number> {
  const row = await tx.row<{ id: number }>(`select nextval('task_id') as id`);
  if (row === undefined) throw new Error('the sequence of tasks gave no number');
  return row.id;
}

/** Keeps two publications of one task apart, also while it has no row yet. */
export async function lockTaskId(tx: Executor, taskId: number): Promise<void> {
  await tx.run(`select pg_advisory_xact_lock(hashtextextended('task:' || $1::text, 0))`, [taskId]);
}

export function findTask(db: Executor, tenantId: number, taskId: number, environment: 'DEV' | 'PROD'): Promise<TaskRow | undefined> {
  return db.row(`select ${COLUMNS} from task where task_id = $1 and environment = $2 and tenant_id = $3`, [taskId, environment, tenantId]);
}

/** Whether a version in service is exactly this content and spec. */
export async function isSameVersion(tx: Executor, row: TaskRow, task: PublishedTask): Promise<boolean> {
  const found = await tx.row<{ same: boolean }>(
    `select (file_version = $4 and content = $5 and spec = $6::jsonb) as same from task_version where task_id = $1 and environment = $2 and version = $3`,
    [row.task_id, row.environment, row.version, task.fileVersion, task.content, JSON.stringify(task.spec)],
  );
  return found?.same === true && row.name === task.name && row.owner_id === task.ownerId && row.command === task.command && row.file_type === task.fileType;
}

/** Adds the next version of a task. Returns its number. */
export async function insertVersion(tx: Executor, task: PublishedTask, by: number, now: Date): Promise<number> {
  const row = await tx.row<{ version: number }>(
    `insert into task_version (task_id, environment, version, file_version, content, spec, published_at, published_by, workspace_id)
     select $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6, $7, $8 from task_version where task_id = $1 and environment = $2
     returning version`,
    [task.taskId, task.environment, task.fileVersion, task.content, JSON.stringify(task.spec), now, by, task.workspaceId],
  );
  if (row === undefined) throw new Error('the version was not written');
  return row.version;
}

/** Writes the task that is in service from now on. */
export async function putTask(tx: Executor, tenantId: number, task: PublishedTask, settings: TaskSettings, version: number, by: number, now: Date): Promise<TaskRow> {
  const row = await tx.row<TaskRow>(
    `insert into task (task_id, environment, tenant_id, workspace_id, file_id, name, file_type, command, owner_id, version, file_version, description, recurrence, trigger_type,
       cron, priority, rerun_mode, rerun_times, rerun_interval_ms, timeout_seconds, parameters, created_at, created_by, modified_at, modified_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $22, $23)
     on conflict (task_id, environment) do update set
       file_id = excluded.file_id, name = excluded.name, file_type = excluded.file_type, command = excluded.command, owner_id = excluded.owner_id, version = excluded.version,
       file_version = excluded.file_version, description = excluded.description, recurrence = excluded.recurrence, trigger_type = excluded.trigger_type, cron = excluded.cron,
       priority = excluded.priority, rerun_mode = excluded.rerun_mode, rerun_times = excluded.rerun_times, rerun_interval_ms = excluded.rerun_interval_ms,
       timeout_seconds = excluded.timeout_seconds, parameters = excluded.parameters, modified_at = excluded.modified_at, modified_by = excluded.modified_by
     returning ${COLUMNS}`,
    [
      task.taskId,
      task.environment,
      tenantId,
      task.workspaceId,
      task.fileId,
      task.name,
      task.fileType,
      task.command,
      task.ownerId,
      version,
      task.fileVersion,
      settings.description,
      settings.recurrence,
      settings.triggerType,
      settings.cron,
      settings.priority,
      settings.rerunMode,
      settings.rerunTimes,
      settings.rerunIntervalMs,
      settings.timeoutSeconds,
      JSON.stringify(settings.parameters),
      now,
      by,
    ],
  );
  if (row === undefined) throw new Error('the task was not written');
  return row;
}

export function deleteTask(tx: Executor, taskId: number, workspaceId: number, environment: 'DEV' | 'PROD'): Promise<TaskRow | undefined> {
  return tx.row(`delete from task where task_id = $1 and workspace_id = $2 and environment = $3 returning ${COLUMNS}`, [taskId, workspaceId, environment]);
}

export async function versionContent(db: Executor, taskId: number, environment: 'DEV' | 'PROD', version: number): Promise<string | undefined> {
  return (await db.row<{ content: string }>('select content from task_version where task_id = $1 and environment = $2 and version = $3', [taskId, environment, version]))?.content;
}

export interface TaskFilter {
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  readonly name?: string | undefined;
  readonly ownerId?: number | undefined;
  readonly command?: string | undefined;
  readonly schedulerType?: string | undefined;
  readonly business?: string | undefined;
}

/** Part of a text, taken literally, for `like`. */
export function likePart(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
}

const MATCHES = `workspace_id = $1 and environment = $2
  and ($3::text is null or name ilike $3) and ($4::bigint is null or owner_id = $4) and ($5::text is null or command = $5)
  and ($6::text is null or $6 = case when trigger_type = 'Manual' then 'MANUAL' when recurrence = 'Pause' then 'PAUSE' when recurrence = 'Skip' then 'SKIP' else 'NORMAL' end)
  and ($7::text is null or exists (select from task_version v where v.task_id = t.task_id and v.environment = t.environment and v.version = t.version
                                    and split_part(v.spec #>> '{script,path}', '/', 2) = $7))`;

/** Tasks in service, newest first. `business` is the business flow in whose folder the node stands. */
export async function listTasks(db: Executor, filter: TaskFilter, offset: number, size: number): Promise<{ total: number; rows: TaskRow[] }> {
  const values = [filter.workspaceId, filter.environment, likePart(filter.name), filter.ownerId ?? null, filter.command ?? null, filter.schedulerType ?? null, filter.business ?? null];
  const rows = await db.rows<TaskRow>(`select ${COLUMNS} from task t where ${MATCHES} order by task_id desc offset $8 limit $9`, [...values, offset, size]);
  const counted = await db.row<{ total: number }>(`select count(*) as total from task t where ${MATCHES}`, values);
  return { total: counted?.total ?? 0, rows };
}

/** Forgets all tasks and instances of a workspace. */
export async function deleteWorkspaceTasks(tx: Executor, workspaceId: number): Promise<void> {
  await tx.run('delete from task_version where workspace_id = $1', [workspaceId]);
  await tx.run('delete from task where workspace_id = $1', [workspaceId]);
  await tx.run('delete from task_instance where workspace_id = $1', [workspaceId]);
  await tx.run('delete from dag_run where workspace_id = $1', [workspaceId]);
}
