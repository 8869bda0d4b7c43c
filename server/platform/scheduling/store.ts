import type { Executor } from '../../kernel/database.ts';
import type { PublishedTask, PublishedWorkflow } from './interface.ts';
import type { Parameter } from './parameters.ts';
import type { ContextInput, Dependency, ScheduleSettings, TaskSettings } from './settings.ts';

/** All SQL of tasks, workflows, their versions, dependencies and outputs. */

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
  readonly instance_mode: 'T+1' | 'Immediately';
  readonly workflow_id: number | null;
  readonly cron: string | null;
  readonly time_zone: string | null;
  readonly effective_from: Date | null;
  readonly effective_to: Date | null;
  readonly priority: number;
  readonly rerun_mode: 'Allowed' | 'Denied' | 'FailureAllowed';
  readonly rerun_times: number;
  readonly rerun_interval_ms: number;
  readonly timeout_seconds: number;
  readonly parameters: readonly Parameter[];
  readonly resource_group: string | null;
  readonly datasource: string | null;
  readonly ignore_branch_skip: boolean;
  readonly context_inputs: readonly ContextInput[];
  readonly created_at: Date;
  readonly created_by: number;
  readonly modified_at: Date;
  readonly modified_by: number;
}

const COLUMNS = `task_id, environment, tenant_id, workspace_id, file_id, name, file_type, command, owner_id, version, file_version, description, recurrence, trigger_type,
  instance_mode, workflow_id, cron, time_zone, effective_from, effective_to, priority, rerun_mode, rerun_times, rerun_interval_ms, timeout_seconds, parameters, resource_group,
  datasource, ignore_branch_skip, context_inputs, created_at, created_by, modified_at, modified_by`;

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

/** Tasks of a tenant by their numbers; those that are not there are absent. */
export function findTasks(db: Executor, tenantId: number, taskIds: readonly number[], environment: 'DEV' | 'PROD'): Promise<TaskRow[]> {
  return db.rows(`select ${COLUMNS} from task where task_id = any($1) and environment = $2 and tenant_id = $3 order by task_id`, [taskIds, environment, tenantId]);
}

/** The nodes of a workflow or another container. */
export function tasksOfWorkflow(db: Executor, workflowId: number, environment: 'DEV' | 'PROD'): Promise<TaskRow[]> {
  return db.rows(`select ${COLUMNS} from task where workflow_id = $1 and environment = $2 order by task_id`, [workflowId, environment]);
}

/** The manual tasks that stand in the folder of a business flow. */
export function manualTasksOfBusiness(db: Executor, workspaceId: number, environment: 'DEV' | 'PROD', business: string): Promise<TaskRow[]> {
  return db.rows(
    `select ${COLUMNS} from task t where workspace_id = $1 and environment = $2 and trigger_type = 'Manual'
       and exists (select from task_version v where v.task_id = t.task_id and v.environment = t.environment and v.version = t.version and split_part(v.spec #>> '{script,path}', '/', 2) = $3)
     order by task_id`,
    [workspaceId, environment, business],
  );
}

/** All tasks of a tenant that the schedule of production runs, those of workflows too. */
export function scheduledTasks(db: Executor, tenantId: number): Promise<TaskRow[]> {
  return db.rows(`select ${COLUMNS} from task where tenant_id = $1 and environment = 'PROD' and trigger_type = 'Scheduler' order by task_id`, [tenantId]);
}

/** Tenants that have anything scheduled in production. */
export async function tenantsWithTasks(db: Executor): Promise<number[]> {
  return (await db.rows<{ tenant_id: number }>(`select distinct tenant_id from task where environment = 'PROD' and trigger_type = 'Scheduler'`)).map((row) => row.tenant_id);
}

/** Whether a version in service is exactly this content and spec. */
export async function isSameVersion(tx: Executor, row: TaskRow, task: PublishedTask): Promise<boolean> {
  const found = await tx.row<{ same: boolean }>(
    `select (file_version = $4 and content = $5 and spec = $6::jsonb) as same from task_version where task_id = $1 and environment = $2 and version = $3`,
    [row.task_id, row.environment, row.version, task.fileVersion, task.content, JSON.stringify(task.spec)],
  );
  return found?.same === true && row.name === task.name && row.owner_id === task.ownerId && row.command === task.command && row.file_type === task.fileType && row.workflow_id === (task.workflowId ?? null);
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
       cron, priority, rerun_mode, rerun_times, rerun_interval_ms, timeout_seconds, parameters, created_at, created_by, modified_at, modified_by,
       instance_mode, workflow_id, time_zone, effective_from, effective_to, resource_group, datasource, ignore_branch_skip, context_inputs)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)
     on conflict (task_id, environment) do update set
       file_id = excluded.file_id, name = excluded.name, file_type = excluded.file_type, command = excluded.command, owner_id = excluded.owner_id, version = excluded.version,
       file_version = excluded.file_version, description = excluded.description, recurrence = excluded.recurrence, trigger_type = excluded.trigger_type, cron = excluded.cron,
       priority = excluded.priority, rerun_mode = excluded.rerun_mode, rerun_times = excluded.rerun_times, rerun_interval_ms = excluded.rerun_interval_ms,
       timeout_seconds = excluded.timeout_seconds, parameters = excluded.parameters, modified_at = excluded.modified_at, modified_by = excluded.modified_by,
       instance_mode = excluded.instance_mode, workflow_id = excluded.workflow_id, time_zone = excluded.time_zone, effective_from = excluded.effective_from,
       effective_to = excluded.effective_to, resource_group = excluded.resource_group, datasource = excluded.datasource, ignore_branch_skip = excluded.ignore_branch_skip,
       context_inputs = excluded.context_inputs
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
      settings.instanceMode,
      task.workflowId ?? null,
      settings.timeZone,
      settings.effectiveFrom,
      settings.effectiveTo,
      settings.resourceGroup,
      settings.datasource,
      settings.ignoreBranchSkip,
      JSON.stringify(settings.contextInputs),
    ],
  );
  if (row === undefined) throw new Error('the task was not written');
  return row;
}

/** What the Operation Center may change of a task in service; absent keys stay. */
export interface TaskPatch {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly owner_id?: number | undefined;
  readonly recurrence?: 'Normal' | 'Pause' | 'Skip' | undefined;
  readonly trigger_type?: 'Scheduler' | 'Manual' | undefined;
  readonly instance_mode?: 'T+1' | 'Immediately' | undefined;
  readonly cron?: string | undefined;
  readonly time_zone?: string | undefined;
  readonly effective_from?: Date | null | undefined;
  readonly effective_to?: Date | null | undefined;
  readonly priority?: number | undefined;
  readonly rerun_mode?: 'Allowed' | 'Denied' | 'FailureAllowed' | undefined;
  readonly rerun_times?: number | undefined;
  readonly rerun_interval_ms?: number | undefined;
  readonly timeout_seconds?: number | undefined;
  readonly parameters?: readonly Parameter[] | undefined;
  readonly resource_group?: string | null | undefined;
  readonly datasource?: string | null | undefined;
}

const PATCHABLE = ['name', 'description', 'owner_id', 'recurrence', 'trigger_type', 'instance_mode', 'cron', 'time_zone', 'effective_from', 'effective_to', 'priority', 'rerun_mode', 'rerun_times', 'rerun_interval_ms', 'timeout_seconds', 'parameters', 'resource_group', 'datasource'] as const satisfies readonly (keyof TaskPatch)[];

/** Changes a task in service without a new version. */
export function patchTask(tx: Executor, taskId: number, environment: 'DEV' | 'PROD', patch: TaskPatch, by: number, now: Date): Promise<TaskRow | undefined> {
  const named = PATCHABLE.filter((name) => patch[name] !== undefined);
  const values = named.map((name) => (name === 'parameters' ? JSON.stringify(patch[name]) : patch[name]));
  const sets = named.map((name, index) => `${name} = $${index + 5}`);
  return tx.row(`update task set ${[...sets, 'modified_at = $3', 'modified_by = $4'].join(', ')} where task_id = $1 and environment = $2 returning ${COLUMNS}`, [taskId, environment, now, by, ...values]);
}

export function deleteTask(tx: Executor, taskId: number, workspaceId: number, environment: 'DEV' | 'PROD'): Promise<TaskRow | undefined> {
  return tx.row(`delete from task where task_id = $1 and workspace_id = $2 and environment = $3 returning ${COLUMNS}`, [taskId, workspaceId, environment]);
}

export async function versionContent(db: Executor, taskId: number, environment: 'DEV' | 'PROD', version: number): Promise<string | undefined> {
  return (await db.row<{ content: string }>('select content from task_version where task_id = $1 and environment = $2 and version = $3', [taskId, environment, version]))?.content;
}

export async function versionSpec(db: Executor, taskId: number, environment: 'DEV' | 'PROD', version: number): Promise<Readonly<Record<string, unknown>>> {
  return (await db.row<{ spec: Record<string, unknown> }>('select spec from task_version where task_id = $1 and environment = $2 and version = $3', [taskId, environment, version]))?.spec ?? {};
}

export interface TaskFilter {
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  readonly ids?: readonly number[] | undefined;
  readonly name?: string | undefined;
  readonly ownerId?: number | undefined;
  readonly command?: string | undefined;
  readonly schedulerType?: string | undefined;
  readonly triggerType?: 'Scheduler' | 'Manual' | undefined;
  readonly business?: string | undefined;
  readonly resourceGroup?: string | undefined;
  readonly workflowId?: number | undefined;
  readonly recurrence?: 'Normal' | 'Pause' | 'Skip' | undefined;
  readonly order?: { readonly by: 'id' | 'created' | 'modified'; readonly descending: boolean } | undefined;
}

/** Part of a text, taken literally, for `like`. */
export function likePart(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
}

const MATCHES = `workspace_id = $1 and environment = $2
  and ($3::text is null or name ilike $3) and ($4::bigint is null or owner_id = $4) and ($5::text is null or command = $5)
  and ($6::text is null or $6 = case when trigger_type = 'Manual' then 'MANUAL' when recurrence = 'Pause' then 'PAUSE' when recurrence = 'Skip' then 'SKIP' else 'NORMAL' end)
  and ($7::text is null or exists (select from task_version v where v.task_id = t.task_id and v.environment = t.environment and v.version = t.version
                                    and split_part(v.spec #>> '{script,path}', '/', 2) = $7))
  and ($8::bigint[] is null or task_id = any($8)) and ($9::text is null or trigger_type = $9) and ($10::text is null or resource_group = $10)
  and ($11::bigint is null or coalesce(workflow_id, 1) = $11) and ($12::text is null or recurrence = $12)`;

const ORDERS = { id: 'task_id', created: 'created_at', modified: 'modified_at' } as const;

/** Tasks in service, newest first unless told otherwise. `business` is the business flow in whose folder the node stands. */
export async function listTasks(db: Executor, filter: TaskFilter, offset: number, size: number): Promise<{ total: number; rows: TaskRow[] }> {
  const values = [
    filter.workspaceId,
    filter.environment,
    likePart(filter.name),
    filter.ownerId ?? null,
    filter.command ?? null,
    filter.schedulerType ?? null,
    filter.business ?? null,
    filter.ids ?? null,
    filter.triggerType ?? null,
    filter.resourceGroup ?? null,
    filter.workflowId ?? null,
    filter.recurrence ?? null,
  ];
  const order = filter.order ?? { by: 'id', descending: true };
  const direction = order.descending ? 'desc' : 'asc';
  const rows = await db.rows<TaskRow>(`select ${COLUMNS} from task t where ${MATCHES} order by ${ORDERS[order.by]} ${direction}, task_id ${direction} offset $13 limit $14`, [...values, offset, size]);
  const counted = await db.row<{ total: number }>(`select count(*) as total from task t where ${MATCHES}`, values);
  return { total: counted?.total ?? 0, rows };
}

/** Writes what a task or workflow waits for and gives, in place of what it did before. */
export async function putConnections(
  tx: Executor,
  place: { readonly tenantId: number; readonly workspaceId: number; readonly taskId: number; readonly environment: 'DEV' | 'PROD' },
  connections: { readonly dependencies: readonly Dependency[]; readonly outputs: readonly string[] },
): Promise<void> {
  const { tenantId, workspaceId, taskId, environment } = place;
  await deleteConnections(tx, taskId, environment);
  await tx.run(
    `with given as (
       insert into task_output (task_id, environment, tenant_id, workspace_id, output) select $1, $2, $3, $4, unnest($5::text[]) on conflict do nothing
     )
     insert into task_dependency (task_id, environment, tenant_id, workspace_id, kind, output, node_id, place)
     select $1, $2, $3, $4, d.kind, d.output, d.node_id, d.place
     from unnest($6::text[], $7::text[], $8::bigint[]) with ordinality as d(kind, output, node_id, place)`,
    [
      taskId,
      environment,
      tenantId,
      workspaceId,
      connections.outputs,
      connections.dependencies.map((dependency) => dependency.kind),
      connections.dependencies.map((dependency) => dependency.output),
      connections.dependencies.map((dependency) => dependency.nodeId),
    ],
  );
}

export async function deleteConnections(tx: Executor, taskId: number, environment: 'DEV' | 'PROD'): Promise<void> {
  await tx.run('delete from task_output where task_id = $1 and environment = $2', [taskId, environment]);
  await tx.run('delete from task_dependency where task_id = $1 and environment = $2', [taskId, environment]);
}

/** A dependency with the task or workflow that it means now; a null `upstream_id` when nothing in service gives it. */
export interface ResolvedDependency {
  readonly task_id: number;
  readonly kind: Dependency['kind'];
  readonly output: string | null;
  readonly upstream_id: number | null;
}

/**
 * Resolves dependencies of tasks and workflows. An output is looked for in the own workspace first, then in the tenant's others; a number is that of a
 * task or workflow, or of a node of the studio.
 */
const RESOLVED = `select d.task_id, d.kind, d.output, coalesce(
    (select o.task_id from task_output o where o.tenant_id = d.tenant_id and o.environment = d.environment and o.output = d.output order by (o.workspace_id = d.workspace_id) desc, o.task_id limit 1),
    (select t.task_id from task t where t.task_id = d.node_id and t.environment = d.environment and t.tenant_id = d.tenant_id),
    (select w.workflow_id from workflow w where w.workflow_id = d.node_id and w.environment = d.environment and w.tenant_id = d.tenant_id),
    (select t.task_id from task t where t.file_id = d.node_id and t.environment = d.environment and t.tenant_id = d.tenant_id limit 1)) as upstream_id
  from task_dependency d`;

/** All dependencies of a tenant's production. */
export function resolvedDependencies(db: Executor, tenantId: number): Promise<ResolvedDependency[]> {
  return db.rows(`${RESOLVED} where d.tenant_id = $1 and d.environment = 'PROD'`, [tenantId]);
}

/** Dependencies of some tasks. */
export function dependenciesOf(db: Executor, taskIds: readonly number[], environment: 'DEV' | 'PROD'): Promise<ResolvedDependency[]> {
  return db.rows(`${RESOLVED} where d.task_id = any($1) and d.environment = $2 order by d.task_id, d.place`, [taskIds, environment]);
}

/** The tasks that wait for one of these, over however many others, with the number of steps; `depth` bounds it. */
export function downstreamTasks(db: Executor, tenantId: number, taskIds: readonly number[], environment: 'DEV' | 'PROD', depth: number): Promise<{ task_id: number; depth: number }[]> {
  return db.rows(
    `with recursive down (task_id, depth) as (
       select unnest($1::bigint[]), 0
       union
       select d.task_id, w.depth + 1 from down w
       join lateral (
         select d.task_id from task_output o join task_dependency d on d.tenant_id = $2 and d.environment = $3 and d.output = o.output
         where o.task_id = w.task_id and o.environment = $3 and d.kind <> 'CrossCycleDependsOnSelf'
         union
         select d.task_id from task_dependency d where d.tenant_id = $2 and d.environment = $3 and d.node_id = w.task_id
         union
         select d.task_id from task t join task_dependency d on d.tenant_id = $2 and d.environment = $3 and d.node_id = t.file_id where t.task_id = w.task_id and t.environment = $3
       ) d on true
       where w.depth < $4)
     select task_id, min(depth) as depth from down where depth > 0 group by task_id order by depth, task_id`,
    [taskIds, tenantId, environment, depth],
  );
}

/** The tasks that one of these waits for, over however many others. */
export function upstreamTasks(db: Executor, tenantId: number, taskIds: readonly number[], environment: 'DEV' | 'PROD', depth: number): Promise<{ task_id: number; depth: number }[]> {
  return db.rows(
    `with recursive up (task_id, depth) as (
       select unnest($1::bigint[]), 0
       union
       select r.upstream_id, u.depth + 1 from up u
       join lateral (${RESOLVED} where d.task_id = u.task_id and d.environment = $3 and d.kind in ('Normal', 'CrossCycleDependsOnOtherNode')) r on r.upstream_id is not null
       where u.depth < $4)
     select u.task_id, min(depth) as depth from up u join task t on t.task_id = u.task_id and t.environment = $3 and t.tenant_id = $2
     where depth > 0 group by u.task_id order by depth, u.task_id`,
    [taskIds, tenantId, environment, depth],
  );
}

/** The names of a task's or workflow's outputs. */
export async function outputsOf(db: Executor, taskId: number, environment: 'DEV' | 'PROD'): Promise<string[]> {
  return (await db.rows<{ output: string }>('select output from task_output where task_id = $1 and environment = $2 order by output', [taskId, environment])).map((row) => row.output);
}

/** What a task or workflow waits for, as it was published. */
export async function rawDependencies(db: Executor, taskId: number, environment: 'DEV' | 'PROD'): Promise<Dependency[]> {
  const rows = await db.rows<{ kind: Dependency['kind']; output: string | null; node_id: number | null }>('select kind, output, node_id from task_dependency where task_id = $1 and environment = $2 order by place', [taskId, environment]);
  return rows.map((row) => ({ kind: row.kind, output: row.output, nodeId: row.node_id }));
}

/** The tasks that give outputs, in an environment of the tenant. */
export function tasksByOutputs(db: Executor, tenantId: number, environment: 'DEV' | 'PROD', outputs: readonly string[]): Promise<(TaskRow & { output: string })[]> {
  const columns = COLUMNS.split(',').map((column) => `t.${column.trim()}`).join(', ');
  return db.rows(
    `select ${columns}, o.output from task_output o join task t on t.task_id = o.task_id and t.environment = o.environment
     where o.tenant_id = $1 and o.environment = $2 and o.output = any($3) order by o.output, t.task_id`,
    [tenantId, environment, outputs],
  );
}

/** One page of the tasks directly before or behind one, with whether only an earlier cycle is waited for. */
export async function relatedTasks(
  db: Executor,
  tenantId: number,
  taskId: number,
  environment: 'DEV' | 'PROD',
  direction: 'up' | 'down',
  offset: number,
  size: number,
): Promise<{ total: number; rows: (TaskRow & { cross_cycle: boolean })[] }> {
  const columns = COLUMNS.split(',').map((column) => `t.${column.trim()}`).join(', ');
  const pairs =
    direction === 'up'
      ? `select r.upstream_id as task_id, bool_and(r.kind <> 'Normal') as cross_cycle from (${RESOLVED} where d.task_id = $2 and d.environment = $3) r group by r.upstream_id`
      : `select r.task_id, bool_and(r.kind <> 'Normal') as cross_cycle from (${RESOLVED} where d.tenant_id = $1 and d.environment = $3 and d.kind <> 'CrossCycleDependsOnSelf'
           and (d.output in (select output from task_output where task_id = $2 and environment = $3)
             or d.node_id = $2 or d.node_id = (select file_id from task where task_id = $2 and environment = $3))) r where r.upstream_id = $2 group by r.task_id`;
  const from = `from (${pairs}) p join task t on t.task_id = p.task_id and t.environment = $3 and t.tenant_id = $1`;
  const rows = await db.rows<TaskRow & { cross_cycle: boolean }>(`select ${columns}, p.cross_cycle ${from} order by t.task_id offset $4 limit $5`, [tenantId, taskId, environment, offset, size]);
  return { rows, total: (await db.row<{ total: number }>(`select count(*) as total ${from}`, [tenantId, taskId, environment]))?.total ?? 0 };
}

/** The tasks over which one waits for itself in the same cycle, in order; undefined when it does not. */
export async function circleThrough(db: Executor, tenantId: number, taskId: number, environment: 'DEV' | 'PROD'): Promise<string[] | undefined> {
  // An array of bigint comes as texts.
  const row = await db.row<{ way: string[] }>(
    `with recursive up (task_id, way) as (
       select $1::bigint, array[]::bigint[]
       union all
       select r.upstream_id, u.way || r.upstream_id from up u
       join lateral (${RESOLVED} where d.task_id = u.task_id and d.environment = $2 and d.kind = 'Normal') r on r.upstream_id is not null
       where not r.upstream_id = any(u.way) and coalesce(u.way[cardinality(u.way)], 0) <> $1)
       cycle task_id set seen using path
     select way from up where way[cardinality(way)] = $1 limit 1`,
    [taskId, environment],
  );
  if (row === undefined) return undefined;
  const way = row.way.map(Number);
  const names = new Map((await findTasks(db, tenantId, way, environment)).map((task) => [task.task_id, task.name]));
  return [taskId, ...way].map((id) => names.get(id) ?? String(id)).toReversed();
}

export interface WorkflowFilter {
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  readonly ids?: readonly number[] | undefined;
  readonly name?: string | undefined;
  readonly ownerId?: number | undefined;
  readonly kind?: WorkflowRow['kind'] | undefined;
  readonly order?: { readonly by: 'id' | 'created' | 'modified'; readonly descending: boolean } | undefined;
}

const WORKFLOW_ORDERS = { id: 'workflow_id', created: 'created_at', modified: 'modified_at' } as const;

export async function listWorkflows(db: Executor, filter: WorkflowFilter, offset: number, size: number): Promise<{ total: number; rows: WorkflowRow[] }> {
  const where = `workspace_id = $1 and environment = $2 and ($3::bigint[] is null or workflow_id = any($3)) and ($4::text is null or name ilike $4)
    and ($5::bigint is null or owner_id = $5) and ($6::text is null or kind = $6)`;
  const values = [filter.workspaceId, filter.environment, filter.ids ?? null, likePart(filter.name), filter.ownerId ?? null, filter.kind ?? null];
  const order = filter.order ?? { by: 'id', descending: true };
  const direction = order.descending ? 'desc' : 'asc';
  const rows = await db.rows<WorkflowRow>(`select ${WORKFLOW} from workflow where ${where} order by ${WORKFLOW_ORDERS[order.by]} ${direction}, workflow_id ${direction} offset $7 limit $8`, [...values, offset, size]);
  return { rows, total: (await db.row<{ total: number }>(`select count(*) as total from workflow where ${where}`, values))?.total ?? 0 };
}

/** The workflow of this name in a workspace, or undefined. */
export function workflowByName(db: Executor, workspaceId: number, environment: 'DEV' | 'PROD', name: string): Promise<WorkflowRow | undefined> {
  return db.row(`select ${WORKFLOW} from workflow where workspace_id = $1 and environment = $2 and name = $3 order by workflow_id limit 1`, [workspaceId, environment, name]);
}

/** What the Operation Center may change of a workflow in service; absent keys stay. */
export interface WorkflowPatch {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly owner_id?: number | undefined;
  readonly instance_mode?: 'T+1' | 'Immediately' | undefined;
  readonly cron?: string | undefined;
  readonly effective_from?: Date | null | undefined;
  readonly effective_to?: Date | null | undefined;
  readonly parameters?: readonly Parameter[] | undefined;
}

const WORKFLOW_PATCHABLE = ['name', 'description', 'owner_id', 'instance_mode', 'cron', 'effective_from', 'effective_to', 'parameters'] as const satisfies readonly (keyof WorkflowPatch)[];

export function patchWorkflow(tx: Executor, workflowId: number, environment: 'DEV' | 'PROD', patch: WorkflowPatch, by: number, now: Date): Promise<WorkflowRow | undefined> {
  const named = WORKFLOW_PATCHABLE.filter((name) => patch[name] !== undefined);
  const values = named.map((name) => (name === 'parameters' ? JSON.stringify(patch[name]) : patch[name]));
  const sets = named.map((name, index) => `${name} = $${index + 5}`);
  return tx.row(`update workflow set ${[...sets, 'modified_at = $3', 'modified_by = $4'].join(', ')} where workflow_id = $1 and environment = $2 returning ${WORKFLOW}`, [workflowId, environment, now, by, ...values]);
}

export interface WorkflowRow {
  readonly workflow_id: number;
  readonly environment: 'DEV' | 'PROD';
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly file_id: number;
  readonly name: string;
  readonly kind: 'CycleWorkflow' | 'ManualWorkflow' | 'TriggerWorkflow';
  readonly owner_id: number;
  readonly version: number;
  readonly file_version: number;
  readonly description: string;
  readonly recurrence: 'Normal' | 'Pause' | 'Skip';
  readonly instance_mode: 'T+1' | 'Immediately';
  readonly cron: string | null;
  readonly time_zone: string | null;
  readonly effective_from: Date | null;
  readonly effective_to: Date | null;
  readonly priority: number;
  readonly parameters: readonly Parameter[];
  readonly spec: Readonly<Record<string, unknown>>;
  readonly created_at: Date;
  readonly created_by: number;
  readonly modified_at: Date;
  readonly modified_by: number;
}

const WORKFLOW = `workflow_id, environment, tenant_id, workspace_id, file_id, name, kind, owner_id, version, file_version, description, recurrence, instance_mode, cron, time_zone,
  effective_from, effective_to, priority, parameters, spec, created_at, created_by, modified_at, modified_by`;

/** Writes the workflow that is in service from now on, with the next version number. */
export async function putWorkflow(
  tx: Executor,
  tenantId: number,
  workflow: PublishedWorkflow,
  settings: ScheduleSettings & { readonly description: string; readonly priority: number; readonly parameters: readonly Parameter[] },
  by: number,
  now: Date,
): Promise<WorkflowRow> {
  const row = await tx.row<WorkflowRow>(
    `insert into workflow (workflow_id, environment, tenant_id, workspace_id, file_id, name, kind, owner_id, version, file_version, description, recurrence, instance_mode, cron,
       time_zone, effective_from, effective_to, priority, parameters, spec, created_at, created_by, modified_at, modified_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $20, $21)
     on conflict (workflow_id, environment) do update set
       file_id = excluded.file_id, name = excluded.name, kind = excluded.kind, owner_id = excluded.owner_id, version = workflow.version + 1, file_version = excluded.file_version,
       description = excluded.description, recurrence = excluded.recurrence, instance_mode = excluded.instance_mode, cron = excluded.cron, time_zone = excluded.time_zone,
       effective_from = excluded.effective_from, effective_to = excluded.effective_to, priority = excluded.priority, parameters = excluded.parameters, spec = excluded.spec,
       modified_at = excluded.modified_at, modified_by = excluded.modified_by
     returning ${WORKFLOW}`,
    [
      workflow.workflowId,
      workflow.environment,
      tenantId,
      workflow.workspaceId,
      workflow.fileId,
      workflow.name,
      workflow.kind,
      workflow.ownerId,
      workflow.fileVersion,
      settings.description,
      settings.recurrence,
      settings.instanceMode,
      settings.cron,
      settings.timeZone,
      settings.effectiveFrom,
      settings.effectiveTo,
      settings.priority,
      JSON.stringify(settings.parameters),
      JSON.stringify(workflow.spec),
      now,
      by,
    ],
  );
  if (row === undefined) throw new Error('the workflow was not written');
  return row;
}

export function findWorkflow(db: Executor, tenantId: number, workflowId: number, environment: 'DEV' | 'PROD'): Promise<WorkflowRow | undefined> {
  return db.row(`select ${WORKFLOW} from workflow where workflow_id = $1 and environment = $2 and tenant_id = $3`, [workflowId, environment, tenantId]);
}

/** The workflows of a tenant that the schedule of production runs. */
export function scheduledWorkflows(db: Executor, tenantId: number): Promise<WorkflowRow[]> {
  return db.rows(`select ${WORKFLOW} from workflow where tenant_id = $1 and environment = 'PROD' and kind = 'CycleWorkflow' order by workflow_id`, [tenantId]);
}

export function deleteWorkflow(tx: Executor, workflowId: number, workspaceId: number, environment: 'DEV' | 'PROD'): Promise<WorkflowRow | undefined> {
  return tx.row(`delete from workflow where workflow_id = $1 and workspace_id = $2 and environment = $3 returning ${WORKFLOW}`, [workflowId, workspaceId, environment]);
}

/** Forgets all tasks and instances of a workspace. */
export async function deleteWorkspaceTasks(tx: Executor, workspaceId: number): Promise<void> {
  await tx.run('delete from ad_hoc_code where instance_id in (select id from task_instance where workspace_id = $1)', [workspaceId]);
  await tx.run('delete from instance_edge where downstream_id in (select id from task_instance where workspace_id = $1)', [workspaceId]);
  for (const table of ['task_version', 'task_output', 'task_dependency', 'task', 'workflow', 'task_instance', 'dag_run', 'dag_operation', 'schedule_operation']) {
    await tx.run(`delete from ${table} where workspace_id = $1`, [workspaceId]);
  }
}
