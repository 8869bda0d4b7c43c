import type { Executor } from '../../kernel/database.ts';
import type { RunParameter } from '../execution/interface.ts';
import type { DagType, InstanceState, TaskType } from './states.ts';
import { likePart } from './store.ts';

/** All SQL of workflow instances (DAG runs) and task instances. */

export interface InstanceRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly environment: 'DEV' | 'PROD';
  readonly dag_id: number;
  readonly dag_name: string;
  readonly dag_type: DagType;
  readonly flow_id: number;
  readonly task_id: number | null;
  readonly task_version: number | null;
  readonly file_id: number;
  readonly name: string;
  readonly file_type: number;
  readonly command: string;
  readonly owner_id: number;
  readonly status: InstanceState;
  readonly task_type: TaskType;
  readonly bizdate: Date;
  readonly trigger_time: Date;
  readonly parameters: readonly RunParameter[];
  readonly priority: number;
  readonly rerun_mode: 'Allowed' | 'Denied' | 'FailureAllowed';
  readonly rerun_times: number;
  readonly rerun_interval_ms: number;
  readonly timeout_seconds: number;
  readonly attempts: number;
  readonly attempts_before: number;
  readonly interruptions: number;
  readonly error_text: string;
  readonly created_by: number;
  readonly created_at: Date;
  readonly modified_at: Date;
  readonly modified_by: number;
  readonly begin_wait_time_at: Date | null;
  readonly begin_wait_resource_at: Date | null;
  readonly begin_running_at: Date | null;
  readonly finished_at: Date | null;
}

const COLUMNS = `i.id, i.tenant_id, i.workspace_id, i.environment, i.dag_id, d.name as dag_name, d.type as dag_type, d.flow_id, i.task_id, i.task_version, i.file_id, i.name,
  i.file_type, i.command, i.owner_id, i.status, i.task_type, i.bizdate, i.trigger_time, i.parameters, i.priority, i.rerun_mode, i.rerun_times, i.rerun_interval_ms,
  i.timeout_seconds, i.attempts, i.attempts_before, i.interruptions, i.error_text, i.created_by, i.created_at, i.modified_at, i.modified_by, i.begin_wait_time_at,
  i.begin_wait_resource_at, i.begin_running_at, i.finished_at`;

export interface NewDag {
  readonly tenantId: number;
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  readonly name: string;
  readonly type: DagType;
  readonly bizdate: Date;
  readonly createdBy: number;
}

export async function insertDag(tx: Executor, dag: NewDag, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `insert into dag_run (tenant_id, workspace_id, environment, name, type, bizdate, created_by, created_at, modified_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $8) returning id`,
    [dag.tenantId, dag.workspaceId, dag.environment, dag.name, dag.type, dag.bizdate, dag.createdBy, now],
  );
  if (row === undefined) throw new Error('the workflow instance was not written');
  return row.id;
}

export type NewInstance = Pick<
  InstanceRow,
  | 'tenant_id'
  | 'workspace_id'
  | 'environment'
  | 'dag_id'
  | 'task_id'
  | 'task_version'
  | 'file_id'
  | 'name'
  | 'file_type'
  | 'command'
  | 'owner_id'
  | 'task_type'
  | 'bizdate'
  | 'trigger_time'
  | 'parameters'
  | 'priority'
  | 'rerun_mode'
  | 'rerun_times'
  | 'rerun_interval_ms'
  | 'timeout_seconds'
  | 'created_by'
>;

export async function insertInstance(tx: Executor, instance: NewInstance, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `insert into task_instance (tenant_id, workspace_id, environment, dag_id, task_id, task_version, file_id, name, file_type, command, owner_id, task_type, bizdate, trigger_time,
       parameters, priority, rerun_mode, rerun_times, rerun_interval_ms, timeout_seconds, created_by, modified_by, created_at, modified_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $21, $22, $22) returning id`,
    [
      instance.tenant_id,
      instance.workspace_id,
      instance.environment,
      instance.dag_id,
      instance.task_id,
      instance.task_version,
      instance.file_id,
      instance.name,
      instance.file_type,
      instance.command,
      instance.owner_id,
      instance.task_type,
      instance.bizdate,
      instance.trigger_time,
      JSON.stringify(instance.parameters),
      instance.priority,
      instance.rerun_mode,
      instance.rerun_times,
      instance.rerun_interval_ms,
      instance.timeout_seconds,
      instance.created_by,
      now,
    ],
  );
  if (row === undefined) throw new Error('the instance was not written');
  return row.id;
}

export async function insertAdHocCode(tx: Executor, instanceId: number, content: string): Promise<void> {
  await tx.run('insert into ad_hoc_code (instance_id, content) values ($1, $2)', [instanceId, content]);
}

/** The code that an instance runs: of the version it was made for, or its own. */
export async function instanceContent(db: Executor, instance: InstanceRow): Promise<string> {
  const row = await db.row<{ content: string | null }>(
    `select coalesce(
       (select content from ad_hoc_code where instance_id = $1),
       (select content from task_version where task_id = $2 and environment = $3 and version = $4)) as content`,
    [instance.id, instance.task_id, instance.environment, instance.task_version],
  );
  return row?.content ?? '';
}

export function lockInstance(tx: Executor, id: number): Promise<InstanceRow | undefined> {
  return tx.row(`select ${COLUMNS} from task_instance i join dag_run d on d.id = i.dag_id where i.id = $1 for update of i`, [id]);
}

export function findInstance(db: Executor, tenantId: number, id: number): Promise<InstanceRow | undefined> {
  return db.row(`select ${COLUMNS} from task_instance i join dag_run d on d.id = i.dag_id where i.id = $1 and i.tenant_id = $2`, [id, tenantId]);
}

/** What changes with a state besides it. */
export interface InstancePatch {
  readonly errorText?: string;
  readonly attempts?: number;
  readonly attemptsBefore?: number;
  readonly interruptions?: number;
}

/**
 * Moves an instance from one state to another and sets the times that belong to the new one; undefined when it is not in the state `from` any
 * more. Going back clears the later times.
 */
export function moveInstance(tx: Executor, id: number, from: InstanceState, to: InstanceState, patch: InstancePatch, by: number, now: Date): Promise<InstanceRow | undefined> {
  return tx.row(
    `with moved as (
       update task_instance set status = $3, modified_at = $4, modified_by = $5,
         begin_wait_time_at = case when $3 = 'NotRun' then null when $3 = 'WaitTime' then $4 else begin_wait_time_at end,
         begin_wait_resource_at = case when $3 = 'NotRun' then null when $3 = 'WaitResource' then $4 else begin_wait_resource_at end,
         begin_running_at = case when $3 in ('NotRun', 'WaitResource') then null when $3 = 'Running' then $4 else begin_running_at end,
         finished_at = case when $3 in ('Failure', 'Success') then $4::timestamptz end,
         error_text = coalesce($6, case when $3 = 'Failure' then error_text else '' end),
         attempts = coalesce($7, attempts), attempts_before = coalesce($8, attempts_before), interruptions = coalesce($9, interruptions)
       where id = $1 and status = $2
       returning *)
     select ${COLUMNS} from moved i join dag_run d on d.id = i.dag_id`,
    [id, from, to, now, by, patch.errorText ?? null, patch.attempts ?? null, patch.attemptsBefore ?? null, patch.interruptions ?? null],
  );
}

/** Brings the state of a workflow instance in line with its task instances. */
export async function settleDag(tx: Executor, dagId: number, now: Date): Promise<void> {
  // The row is locked first: of two instances that end together the later change then sees both.
  await tx.run('select from dag_run where id = $1 for update', [dagId]);
  await tx.run(
    `update dag_run d set status = s.status, modified_at = $2, finished_at = case when s.status in ('Failure', 'Success') then $2::timestamptz end
     from (select case
             when bool_and(status in ('Failure', 'Success')) then case when bool_or(status = 'Failure') then 'Failure' else 'Success' end
             when bool_and(status = 'NotRun') then 'NotRun' else 'Running' end as status
           from task_instance where dag_id = $1) s
     where d.id = $1 and d.status <> s.status`,
    [dagId, now],
  );
}

export interface InstanceFilter {
  readonly workspaceId: number;
  readonly environment?: 'DEV' | 'PROD' | undefined;
  readonly ids?: readonly number[] | undefined;
  readonly dagId?: number | undefined;
  readonly dagTypes?: readonly DagType[] | undefined;
  readonly taskIds?: readonly number[] | undefined;
  /** Part of the name. */
  readonly name?: string | undefined;
  readonly ownerId?: number | undefined;
  readonly command?: string | undefined;
  readonly states?: readonly InstanceState[] | undefined;
  /** Business dates from (inclusive) and to (inclusive). */
  readonly bizdateFrom?: Date | undefined;
  readonly bizdateTo?: Date | undefined;
  readonly taskTypes?: readonly TaskType[] | undefined;
  /** Business flow in whose folder the node stands. */
  readonly business?: string | undefined;
}

/** Orders that a list can have; the id makes each of them complete. */
const ORDERS = { id: 'i.id', created: 'i.created_at', due: 'i.trigger_time', started: 'i.begin_running_at', finished: 'i.finished_at' } as const;

export interface InstanceOrder {
  readonly by: keyof typeof ORDERS;
  readonly descending: boolean;
}

const MATCHES = `i.workspace_id = $1
  and ($2::text is null or i.environment = $2) and ($3::bigint[] is null or i.id = any($3)) and ($4::bigint is null or i.dag_id = $4)
  and ($5::text[] is null or d.type = any($5)) and ($6::bigint[] is null or i.task_id = any($6)) and ($7::text is null or i.name ilike $7)
  and ($8::bigint is null or i.owner_id = $8) and ($9::text is null or i.command = $9) and ($10::text[] is null or i.status = any($10))
  and ($11::timestamptz is null or i.bizdate >= $11) and ($12::timestamptz is null or i.bizdate <= $12) and ($13::text[] is null or i.task_type = any($13))
  and ($14::text is null or exists (select from task_version v where v.task_id = i.task_id and v.environment = i.environment and v.version = i.task_version
                                     and split_part(v.spec #>> '{script,path}', '/', 2) = $14))`;

export async function listInstances(db: Executor, filter: InstanceFilter, order: InstanceOrder, offset: number, size: number): Promise<{ total: number; rows: InstanceRow[] }> {
  const values = [
    filter.workspaceId,
    filter.environment ?? null,
    filter.ids ?? null,
    filter.dagId ?? null,
    filter.dagTypes ?? null,
    filter.taskIds ?? null,
    likePart(filter.name),
    filter.ownerId ?? null,
    filter.command ?? null,
    filter.states ?? null,
    filter.bizdateFrom ?? null,
    filter.bizdateTo ?? null,
    filter.taskTypes ?? null,
    filter.business ?? null,
  ];
  const direction = order.descending ? 'desc' : 'asc';
  const rows = await db.rows<InstanceRow>(
    `select ${COLUMNS} from task_instance i join dag_run d on d.id = i.dag_id where ${MATCHES} order by ${ORDERS[order.by]} ${direction} nulls last, i.id ${direction} offset $15 limit $16`,
    [...values, offset, size],
  );
  const counted = await db.row<{ total: number }>(`select count(*) as total from task_instance i join dag_run d on d.id = i.dag_id where ${MATCHES}`, values);
  return { total: counted?.total ?? 0, rows };
}
