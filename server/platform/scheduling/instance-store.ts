import type { Executor } from '../../kernel/database.ts';
import type { RunParameter } from '../execution/interface.ts';
import type { LoopContext } from './loop.ts';
import type { ContextInput } from './settings.ts';
import type { DagType, InstanceState, TaskType } from './states.ts';
import { likePart } from './store.ts';

/** All SQL of task instances; that of workflow instances and edges stands in dag-store.ts and edge-store.ts. */

export interface InstanceRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly environment: 'DEV' | 'PROD';
  readonly dag_id: number;
  readonly dag_name: string;
  readonly dag_type: DagType;
  /** What its code may read when it is in the round of a loop. */
  readonly loop: LoopContext | null;
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
  readonly frozen: boolean;
  readonly blocked_by: string;
  readonly bizdate: Date;
  readonly trigger_time: Date;
  readonly period_number: number;
  readonly parameters: readonly RunParameter[];
  readonly context_inputs: readonly ContextInput[];
  readonly result: InstanceResult | null;
  readonly priority: number;
  readonly resource_group: string | null;
  readonly datasource: string | null;
  readonly ignore_branch_skip: boolean;
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

/** What an instance put out: variables for others to read, and for a branch the outputs it chose. */
export interface InstanceResult {
  readonly variables?: Readonly<Record<string, string>>;
  readonly chosen?: readonly string[];
}

const COLUMNS = `i.id, i.tenant_id, i.workspace_id, i.environment, i.dag_id, d.name as dag_name, d.loop, i.dag_type, i.flow_id, i.task_id, i.task_version, i.file_id, i.name,
  i.file_type, i.command, i.owner_id, i.status, i.task_type, i.frozen, i.blocked_by, i.bizdate, i.trigger_time, i.period_number, i.parameters, i.context_inputs, i.result, i.priority,
  i.resource_group, i.datasource, i.ignore_branch_skip, i.rerun_mode, i.rerun_times, i.rerun_interval_ms, i.timeout_seconds, i.attempts, i.attempts_before, i.interruptions,
  i.error_text, i.created_by, i.created_at, i.modified_at, i.modified_by, i.begin_wait_time_at, i.begin_wait_resource_at, i.begin_running_at, i.finished_at`;

export type NewInstance = Pick<
  InstanceRow,
  | 'tenant_id'
  | 'workspace_id'
  | 'environment'
  | 'dag_id'
  | 'dag_type'
  | 'flow_id'
  | 'task_id'
  | 'task_version'
  | 'file_id'
  | 'name'
  | 'file_type'
  | 'command'
  | 'owner_id'
  | 'task_type'
  | 'blocked_by'
  | 'bizdate'
  | 'trigger_time'
  | 'period_number'
  | 'parameters'
  | 'context_inputs'
  | 'priority'
  | 'resource_group'
  | 'datasource'
  | 'ignore_branch_skip'
  | 'rerun_mode'
  | 'rerun_times'
  | 'rerun_interval_ms'
  | 'timeout_seconds'
  | 'created_by'
>;

/**
 * Writes instances in the order given, in the state NotRun. Returns the ids of those written, in the same order; an instance whose moment of the
 * schedule is there already is left out, so the list may be shorter.
 */
export async function insertInstances(tx: Executor, instances: readonly NewInstance[], now: Date): Promise<number[]> {
  if (instances.length === 0) return [];
  const rows = await tx.rows<{ id: number }>(
    `insert into task_instance (tenant_id, workspace_id, environment, dag_id, dag_type, flow_id, task_id, task_version, file_id, name, file_type, command, owner_id, task_type, blocked_by,
       bizdate, trigger_time, period_number, parameters, context_inputs, priority, resource_group, datasource, ignore_branch_skip, rerun_mode, rerun_times, rerun_interval_ms,
       timeout_seconds, created_by, modified_by, created_at, modified_at)
     select n.tenant_id, n.workspace_id, n.environment, n.dag_id, n.dag_type, n.flow_id, n.task_id, n.task_version, n.file_id, n.name, n.file_type, n.command, n.owner_id, n.task_type,
       n.blocked_by, n.bizdate, n.trigger_time, n.period_number, n.parameters, n.context_inputs, n.priority, n.resource_group, n.datasource, n.ignore_branch_skip, n.rerun_mode,
       n.rerun_times, n.rerun_interval_ms, n.timeout_seconds, n.created_by, n.created_by, $2, $2
     from jsonb_array_elements($1::jsonb) with ordinality as e(value, place),
       jsonb_to_record(e.value) as n(tenant_id bigint, workspace_id bigint, environment text, dag_id bigint, dag_type text, flow_id bigint, task_id bigint, task_version integer,
         file_id bigint, name text, file_type integer, command text, owner_id bigint, task_type text, blocked_by text, bizdate timestamptz, trigger_time timestamptz,
         period_number integer, parameters jsonb, context_inputs jsonb, priority integer, resource_group text, datasource text, ignore_branch_skip boolean, rerun_mode text,
         rerun_times integer, rerun_interval_ms integer, timeout_seconds integer, created_by bigint)
     order by e.place
     on conflict (task_id, trigger_time) where dag_type = 'Normal' and environment = 'PROD' do nothing
     returning id`,
    [JSON.stringify(instances), now],
  );
  return rows.map((row) => row.id);
}

/** The cycles that some tasks have in some workflow instances. */
export function instancesOfDags(db: Executor, dagIds: readonly number[]): Promise<{ id: number; task_id: number | null; trigger_time: Date; dag_id: number }[]> {
  return db.rows('select id, task_id, trigger_time, dag_id from task_instance where dag_id = any($1) order by id', [dagIds]);
}

/** The last cycle of each task before a moment, in production. */
export function lastCyclesBefore(db: Executor, taskIds: readonly number[], before: Date): Promise<{ id: number; task_id: number; trigger_time: Date }[]> {
  return db.rows(
    `select i.id, t.task_id, i.trigger_time from unnest($1::bigint[]) as t(task_id)
     join lateral (select id, trigger_time from task_instance where task_id = t.task_id and environment = 'PROD' and dag_type = 'Normal' and trigger_time < $2 order by trigger_time desc limit 1) i on true`,
    [taskIds, before],
  );
}

/** The cycles of tasks for one business date, in production. */
export function cyclesOfDay(db: Executor, taskIds: readonly number[], bizdate: Date): Promise<{ id: number; task_id: number; trigger_time: Date }[]> {
  return db.rows(
    `select id, task_id, trigger_time from task_instance
     where task_id = any($1) and environment = 'PROD' and dag_type = 'Normal' and bizdate = $2 order by trigger_time`,
    [taskIds, bizdate],
  );
}

export async function insertAdHocCode(tx: Executor, instanceId: number, content: string): Promise<void> {
  await tx.run('insert into ad_hoc_code (instance_id, content) values ($1, $2)', [instanceId, content]);
}

/** The language in which the code of an instance is written, where its spec says so. */
export async function languagesOf(db: Executor, instances: readonly InstanceRow[]): Promise<Map<number, string>> {
  const rows = await db.rows<{ id: number; language: string | null }>(
    `select q.id, v.spec #>> '{script,language}' as language from unnest($1::bigint[], $2::bigint[], $3::text[], $4::integer[]) as q(id, task_id, environment, version)
     join task_version v on v.task_id = q.task_id and v.environment = q.environment and v.version = q.version`,
    [instances.map((one) => one.id), instances.map((one) => one.task_id), instances.map((one) => one.environment), instances.map((one) => one.task_version)],
  );
  return new Map(rows.map((row) => [row.id, row.language ?? '']));
}

/** The code that instances run: of the version each was made for, or its own. */
export async function contentsOf(db: Executor, instances: readonly InstanceRow[]): Promise<Map<number, string>> {
  const rows = await db.rows<{ id: number; content: string | null }>(
    `select q.id, coalesce(a.content, v.content) as content
     from unnest($1::bigint[], $2::bigint[], $3::text[], $4::integer[]) as q(id, task_id, environment, version)
     left join ad_hoc_code a on a.instance_id = q.id
     left join task_version v on v.task_id = q.task_id and v.environment = q.environment and v.version = q.version`,
    [instances.map((one) => one.id), instances.map((one) => one.task_id), instances.map((one) => one.environment), instances.map((one) => one.task_version)],
  );
  return new Map(rows.map((row) => [row.id, row.content ?? '']));
}

/** The code of one instance. */
export async function instanceContent(db: Executor, instance: InstanceRow): Promise<string> {
  return (await contentsOf(db, [instance])).get(instance.id) ?? '';
}

export function lockInstance(tx: Executor, id: number): Promise<InstanceRow | undefined> {
  return tx.row(`select ${COLUMNS} from task_instance i join dag_run d on d.id = i.dag_id where i.id = $1 for update of i`, [id]);
}

/** Locks instances in the order of their ids, as everybody does who locks several. */
export function lockInstances(tx: Executor, ids: readonly number[]): Promise<InstanceRow[]> {
  return tx.rows(`select ${COLUMNS} from task_instance i join dag_run d on d.id = i.dag_id where i.id = any($1) order by i.id for update of i`, [ids]);
}

/** Locks those of the instances that may start as soon as nothing stands before them, leaving out what somebody else has locked. */
export function lockWaiting(tx: Executor, ids: readonly number[]): Promise<InstanceRow[]> {
  return tx.rows(
    `select ${COLUMNS} from task_instance i join dag_run d on d.id = i.dag_id
     where i.id = any($1) and i.status = 'NotRun' and not i.frozen and i.blocked_by = '' and d.released order by i.id for update of i skip locked`,
    [ids],
  );
}

/** Which of the instances would be waiting but are locked by somebody else now. */
export async function waitingAmong(db: Executor, ids: readonly number[]): Promise<number[]> {
  return (
    await db.rows<{ id: number }>(`select i.id from task_instance i join dag_run d on d.id = i.dag_id where i.id = any($1) and i.status = 'NotRun' and not i.frozen and i.blocked_by = '' and d.released`, [ids])
  ).map((row) => row.id);
}

/** The tenant of an instance whose time has come, leaving some tenants out; undefined when there is none. */
export async function tenantOfDue(db: Executor, now: Date, without: readonly number[] = []): Promise<number | undefined> {
  return (
    await db.row<{ tenant_id: number }>(`select tenant_id from task_instance where status = 'WaitTime' and trigger_time <= $1 and not frozen and tenant_id <> all($2) order by trigger_time, id limit 1`, [now, without])
  )?.tenant_id;
}

/** When the next instance is due, or undefined when none waits for its time. */
export async function nextDueTime(db: Executor): Promise<Date | undefined> {
  return (await db.row<{ trigger_time: Date }>(`select trigger_time from task_instance where status = 'WaitTime' and not frozen order by trigger_time, id limit 1`))?.trigger_time;
}

/** Locks instances of a tenant whose time has come. */
export function lockDue(tx: Executor, tenantId: number, now: Date, most: number): Promise<InstanceRow[]> {
  return tx.rows(
    `select ${COLUMNS} from task_instance i join dag_run d on d.id = i.dag_id
     where i.status = 'WaitTime' and i.trigger_time <= $2 and i.tenant_id = $1 and not i.frozen order by i.trigger_time, i.id limit $3 for update of i skip locked`,
    [tenantId, now, most],
  );
}

export function findInstance(db: Executor, tenantId: number, id: number): Promise<InstanceRow | undefined> {
  return db.row(`select ${COLUMNS} from task_instance i join dag_run d on d.id = i.dag_id where i.id = $1 and i.tenant_id = $2`, [id, tenantId]);
}

/** Instances of a tenant by their ids; those that are not there are absent. */
export function findInstances(db: Executor, tenantId: number, ids: readonly number[]): Promise<InstanceRow[]> {
  return db.rows(`select ${COLUMNS} from task_instance i join dag_run d on d.id = i.dag_id where i.id = any($1) and i.tenant_id = $2 order by i.id`, [ids, tenantId]);
}

/** What changes with a state besides it; the same for all instances that are moved together. */
export interface InstancePatch {
  readonly errorText?: string;
  /** How many attempts are added. */
  readonly attemptsMore?: number;
  /** Set to the attempts so far: from here on automatic reruns count anew. */
  readonly forgetAttempts?: boolean;
  readonly attemptsBeforeMore?: number;
  readonly interruptionsMore?: number;
  readonly taskType?: TaskType;
  readonly result?: InstanceResult | null;
}

/**
 * Moves instances that are in the state `from` along `path` to its last state, sets the times that belong to the states on the way, and clears the
 * later ones when they go back. Returns those that were moved, as they are then, in the order of their ids.
 */
export function moveInstances(tx: Executor, ids: readonly number[], from: InstanceState, path: readonly InstanceState[], patch: InstancePatch, by: number, now: Date): Promise<InstanceRow[]> {
  return tx.rows(
    `with moved as (
       update task_instance set status = $3, modified_at = $5, modified_by = $6,
         begin_wait_time_at = case when 'WaitTime' = any($4) then $5 when $3 = 'NotRun' then null else begin_wait_time_at end,
         begin_wait_resource_at = case when 'WaitResource' = any($4) then $5 when $3 in ('NotRun', 'WaitTime') then null else begin_wait_resource_at end,
         begin_running_at = case when 'Running' = any($4) then $5 when $3 in ('NotRun', 'WaitTime', 'WaitResource') then null else begin_running_at end,
         finished_at = case when $3 in ('Failure', 'Success') then $5::timestamptz end,
         error_text = coalesce($7, case when $3 = 'Failure' then error_text else '' end),
         attempts = attempts + $8, attempts_before = case when $9 then attempts else attempts_before + $10 end,
         interruptions = case when $9 then 0 else interruptions + $11 end,
         task_type = coalesce($12, task_type), result = case when $13 then $14::jsonb else result end
       where id = any($1) and status = $2
       returning *)
     select ${COLUMNS} from moved i join dag_run d on d.id = i.dag_id order by i.id`,
    [
      ids,
      from,
      path.at(-1),
      path,
      now,
      by,
      patch.errorText ?? null,
      patch.attemptsMore ?? 0,
      patch.forgetAttempts ?? false,
      patch.attemptsBeforeMore ?? 0,
      patch.interruptionsMore ?? 0,
      patch.taskType ?? null,
      patch.result !== undefined,
      patch.result === undefined || patch.result === null ? null : JSON.stringify(patch.result),
    ],
  );
}

/** Suspends or resumes instances. Returns those that were not so already. */
export function setFrozen(tx: Executor, ids: readonly number[], frozen: boolean, by: number, now: Date): Promise<InstanceRow[]> {
  return tx.rows(
    `with moved as (update task_instance set frozen = $2, modified_at = $3, modified_by = $4 where id = any($1) and frozen <> $2 returning *)
     select ${COLUMNS} from moved i join dag_run d on d.id = i.dag_id order by i.id`,
    [ids, frozen, now, by],
  );
}

/** Changes what people may change of an instance that has not started. */
export async function patchInstance(
  tx: Executor,
  id: number,
  patch: { readonly priority?: number | undefined; readonly resourceGroup?: string | undefined; readonly datasource?: string | undefined; readonly parameters?: readonly RunParameter[] | undefined },
  by: number,
  now: Date,
): Promise<void> {
  await tx.run(
    `update task_instance set priority = coalesce($2, priority), resource_group = coalesce($3, resource_group), datasource = coalesce($4, datasource),
       parameters = coalesce($5::jsonb, parameters), modified_at = $6, modified_by = $7 where id = $1`,
    [id, patch.priority ?? null, patch.resourceGroup ?? null, patch.datasource ?? null, patch.parameters === undefined ? null : JSON.stringify(patch.parameters), now, by],
  );
}

export interface InstanceFilter {
  readonly workspaceId: number;
  readonly environment?: 'DEV' | 'PROD' | undefined;
  readonly ids?: readonly number[] | undefined;
  readonly dagId?: number | undefined;
  readonly dagTypes?: readonly DagType[] | undefined;
  readonly taskIds?: readonly number[] | undefined;
  readonly flowId?: number | undefined;
  /** Part of the name. */
  readonly name?: string | undefined;
  readonly ownerId?: number | undefined;
  readonly command?: string | undefined;
  readonly states?: readonly InstanceState[] | undefined;
  /** Business dates from (inclusive) and to (inclusive). */
  readonly bizdateFrom?: Date | undefined;
  readonly bizdateTo?: Date | undefined;
  readonly taskTypes?: readonly TaskType[] | undefined;
  readonly resourceGroup?: string | undefined;
  /** Business flow in whose folder the node stands. */
  readonly business?: string | undefined;
}

/** Orders that a list can have; the id makes each of them complete. Only columns that may be empty say where that goes: an index serves the others as they are. */
const ORDERS = {
  id: (direction: string) => `i.id ${direction}`,
  created: (direction: string) => `i.created_at ${direction}, i.id ${direction}`,
  due: (direction: string) => `i.trigger_time ${direction}, i.id ${direction}`,
  started: (direction: string) => `i.begin_running_at ${direction} nulls last, i.id ${direction}`,
  finished: (direction: string) => `i.finished_at ${direction} nulls last, i.id ${direction}`,
} as const;

export interface InstanceOrder {
  readonly by: keyof typeof ORDERS;
  readonly descending: boolean;
}

/**
 * Conditions that the filter really has, and their values. Absent ones are left out of the text and not written as "is null or": the planner then
 * knows which index serves, which is a hundredfold at five million rows.
 */
function conditionsOf(filter: InstanceFilter): { where: string; values: unknown[] } {
  const values: unknown[] = [];
  const conditions: string[] = [];
  const add = (text: string, value: unknown) => {
    if (value === undefined || value === null) return;
    values.push(value);
    conditions.push(text.replaceAll('?', `$${values.length}`));
  };
  const oneOrAny = (column: string, type: string, list: readonly unknown[] | undefined) => (list?.length === 1 ? add(`${column} = ?`, list[0]) : add(`${column} = any(?::${type}[])`, list));
  add('i.workspace_id = ?', filter.workspaceId);
  add('i.environment = ?', filter.environment);
  oneOrAny('i.id', 'bigint', filter.ids);
  add('i.dag_id = ?', filter.dagId);
  oneOrAny('i.dag_type', 'text', filter.dagTypes);
  oneOrAny('i.task_id', 'bigint', filter.taskIds);
  add('i.flow_id = ?', filter.flowId);
  add('i.name ilike ?', likePart(filter.name));
  add('i.owner_id = ?', filter.ownerId);
  add('i.command = ?', filter.command);
  oneOrAny('i.status', 'text', filter.states);
  if (filter.bizdateFrom !== undefined && filter.bizdateFrom.getTime() === filter.bizdateTo?.getTime()) add('i.bizdate = ?', filter.bizdateFrom);
  else {
    add('i.bizdate >= ?', filter.bizdateFrom);
    add('i.bizdate <= ?', filter.bizdateTo);
  }
  oneOrAny('i.task_type', 'text', filter.taskTypes);
  add('i.resource_group = ?', filter.resourceGroup);
  add(
    `exists (select from task_version v where v.task_id = i.task_id and v.environment = i.environment and v.version = i.task_version and split_part(v.spec #>> '{script,path}', '/', 2) = ?)`,
    filter.business,
  );
  return { where: conditions.join(' and '), values };
}

/** One page of instances, and how many there are in all. */
export async function listInstances(db: Executor, filter: InstanceFilter, order: InstanceOrder, offset: number, size: number): Promise<{ total: number; rows: InstanceRow[] }> {
  const { where, values } = conditionsOf(filter);
  const orderBy = ORDERS[order.by](order.descending ? 'desc' : 'asc');
  const tail = values.length;
  // The page is found first and its few rows are joined then.
  const [rows, counted] = await Promise.all([
    db.rows<InstanceRow>(
      `with page as (select i.* from task_instance i where ${where} order by ${orderBy} offset $${tail + 1} limit $${tail + 2})
       select ${COLUMNS} from page i join dag_run d on d.id = i.dag_id order by ${orderBy}`,
      [...values, offset, size],
    ),
    db.row<{ total: number }>(`select count(*) as total from task_instance i where ${where}`, values),
  ]);
  return { total: counted?.total ?? 0, rows };
}

/** What instances put out, for those who read it. */
export function resultsOf(db: Executor, ids: readonly number[]): Promise<{ id: number; task_id: number | null; file_id: number; result: InstanceResult | null }[]> {
  return db.rows('select id, task_id, file_id, result from task_instance where id = any($1)', [ids]);
}

/** Lets ended instances run the version of their task that is in service now, when they are run again. */
export async function useLatestVersion(tx: Executor, ids: readonly number[]): Promise<void> {
  await tx.run(
    `update task_instance i set task_version = t.version, command = t.command, rerun_mode = t.rerun_mode, rerun_times = t.rerun_times, rerun_interval_ms = t.rerun_interval_ms,
       timeout_seconds = t.timeout_seconds, resource_group = t.resource_group, datasource = t.datasource, context_inputs = t.context_inputs
     from task t where i.id = any($1) and i.status in ('Success', 'Failure') and t.task_id = i.task_id and t.environment = i.environment`,
    [ids],
  );
}

/** Locks the instance of a task that waits to be triggered for a moment, or undefined. */
export function lockTriggered(tx: Executor, taskId: number, environment: 'DEV' | 'PROD', moment: Date): Promise<InstanceRow | undefined> {
  return tx.row(
    `select ${COLUMNS} from task_instance i join dag_run d on d.id = i.dag_id
     where i.task_id = $1 and i.environment = $2 and i.trigger_time = $3 and not i.frozen and i.status not in ('Success', 'Failure') order by i.id desc limit 1 for update of i`,
    [taskId, environment, moment],
  );
}

/** Keeps what an instance has to say to others, or to itself when it starts. */
export async function setResult(tx: Executor, id: number, result: InstanceResult): Promise<void> {
  await tx.run('update task_instance set result = $2 where id = $1', [id, JSON.stringify(result)]);
}

/** The instances of a workflow instance that have not ended, in the order of their ids. */
export function openInstancesOfDag(db: Executor, dagId: number): Promise<InstanceRow[]> {
  return db.rows(`select ${COLUMNS} from task_instance i join dag_run d on d.id = i.dag_id where i.dag_id = $1 and i.status not in ('Success', 'Failure') order by i.id`, [dagId]);
}

/** All instances of workflow instances, in the order of their ids. */
export function instancesIn(db: Executor, dagIds: readonly number[]): Promise<InstanceRow[]> {
  return db.rows(`select ${COLUMNS} from task_instance i join dag_run d on d.id = i.dag_id where i.dag_id = any($1) order by i.id`, [dagIds]);
}
