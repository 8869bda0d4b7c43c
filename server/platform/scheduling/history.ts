import type { Change } from '../../kernel/change.ts';
import type { Executor } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import { addDays, instantOf, startOfDay, wallTimeOf } from './calendar.ts';
import type { InstanceRow } from './instance-store.ts';
import type { TaskRow } from './store.ts';

/** What others may know of tasks in production and their instances, past and present: those who watch over them ask here and never read the tables. */

/** An instance as those see it who watch over it. */
export type WatchedInstance = Pick<
  InstanceRow,
  | 'id'
  | 'tenant_id'
  | 'workspace_id'
  | 'environment'
  | 'dag_type'
  | 'flow_id'
  | 'task_id'
  | 'name'
  | 'file_type'
  | 'owner_id'
  | 'status'
  | 'task_type'
  | 'frozen'
  | 'bizdate'
  | 'trigger_time'
  | 'period_number'
  | 'priority'
  | 'resource_group'
  | 'attempts'
  | 'modified_by'
  | 'modified_at'
  | 'begin_wait_time_at'
  | 'begin_wait_resource_at'
  | 'begin_running_at'
  | 'finished_at'
>;

export type WatchedTask = Pick<TaskRow, 'task_id' | 'workspace_id' | 'name' | 'owner_id' | 'file_type' | 'resource_group' | 'priority'>;

/** Tasks of a workspace in production: some, or all of them, save the exceptions. */
export interface TaskScope {
  readonly workspaceId: number;
  readonly taskIds: readonly number[] | undefined;
  readonly except: readonly number[];
}

/** A day whose instances were made. */
export interface MadeDay {
  /** Midnight of the business date, which is the day before, in the server's zone. */
  readonly bizdate: Date;
  /** The day on which they run, `yyyy-MM-dd`. */
  readonly day: string;
  readonly madeAt: Date;
}

export interface History {
  /** Tasks in production by their ids; those that are not there are absent. */
  tasks(db: Executor, tenantId: number, ids: readonly number[]): Promise<WatchedTask[]>;
  /** Workflows in production by their ids. */
  workflows(db: Executor, tenantId: number, ids: readonly number[]): Promise<{ id: number; workspace_id: number; name: string }[]>;
  /** Ids of the tasks of workflows. */
  tasksOfWorkflows(db: Executor, tenantId: number, ids: readonly number[]): Promise<number[]>;
  /** Ids of the tasks that stand in the folder of a business flow. */
  tasksOfBusiness(db: Executor, workspaceId: number, name: string): Promise<number[]>;
  /** Instances by their ids, whatever made them. */
  instances(db: Executor, tenantId: number, ids: readonly number[]): Promise<WatchedInstance[]>;
  /** The instances that the schedule made of a scope for a business date, in the order of their time. */
  cycles(db: Executor, scope: TaskScope, bizdate: Date): Promise<WatchedInstance[]>;
  /** How many instances the schedule made of a scope for a business date, and how many of them have failed. */
  counts(db: Executor, scope: TaskScope, bizdate: Date): Promise<{ total: number; failed: number }>;
  /** Instances of the schedule, of business dates not longer than `alertPastDays` before, that have been running since before a moment. */
  runningSince(db: Executor, scope: TaskScope, before: Date): Promise<WatchedInstance[]>;
  /** The latest days that are made, the newest first. */
  madeDays(db: Executor, tenantId: number, most: number): Promise<MadeDay[]>;
  /** All that stands before some instances, and these themselves, up to `dependencyDepth` steps. */
  upstreams(db: Executor, ids: readonly number[]): Promise<number[]>;
  /** The direct edges among some instances. */
  edges(db: Executor, ids: readonly number[]): Promise<{ downstream: number; upstream: number }[]>;
  /** How long tasks usually run, in milliseconds: the median of their last ten successful runs. Tasks that never succeeded are absent. */
  usualRunTimes(db: Executor, taskIds: readonly number[]): Promise<Map<number, number>>;
  /** Ids of the resource groups that tasks of a scope name. */
  resourceGroups(db: Executor, scope: TaskScope): Promise<string[]>;
  /** Who last did something to each of some instances, and when; those that nobody touched are absent. */
  lastOperators(db: Executor, instanceIds: readonly number[]): Promise<Map<number, { readonly userId: number; readonly at: Date }>>;
  /** Gives instances that no worker waits for yet at least this priority. Returns how many had a lower one. */
  raisePriority(change: Change, workspaceId: number, ids: readonly number[], priority: number): Promise<number>;
  /** The instant at which a time of the day (`HH:mm`, beyond 24:00 on the next one) has come on the day on which the instances of a business date run. */
  momentOf(bizdate: Date, time: string): Date;
  /** Midnight of the day in which an instant lies, as business dates are written. */
  bizdateOf(instant: Date): Date;
}

const INSTANCE = `i.id, i.tenant_id, i.workspace_id, i.environment, i.dag_type, i.flow_id, i.task_id, i.name, i.file_type, i.owner_id, i.status, i.task_type, i.frozen, i.bizdate, i.trigger_time,
  i.period_number, i.priority, i.resource_group, i.attempts, i.modified_by, i.modified_at, i.begin_wait_time_at, i.begin_wait_resource_at, i.begin_running_at, i.finished_at`;

/** Of a scope whose workspace is $1, tasks $2 and exceptions $3. */
const CYCLES = `i.workspace_id = $1 and i.environment = 'PROD' and i.dag_type = 'Normal' and ($2::bigint[] is null or i.task_id = any($2)) and i.task_id <> all($3::bigint[])`;

const scopeValues = (scope: TaskScope) => [scope.workspaceId, scope.taskIds ?? null, scope.except];

export function createHistory(options: { readonly timeZone: string }): History {
  const { timeZone } = options;
  return {
    tasks: (db, tenantId, ids) => db.rows(`select task_id, workspace_id, name, owner_id, file_type, resource_group, priority from task where task_id = any($1) and environment = 'PROD' and tenant_id = $2 order by task_id`, [ids, tenantId]),
    workflows: (db, tenantId, ids) => db.rows(`select workflow_id as id, workspace_id, name from workflow where workflow_id = any($1) and environment = 'PROD' and tenant_id = $2 order by 1`, [ids, tenantId]),
    async tasksOfWorkflows(db, tenantId, ids) {
      return (await db.rows<{ task_id: number }>(`select task_id from task where workflow_id = any($1) and environment = 'PROD' and tenant_id = $2 order by task_id`, [ids, tenantId])).map((row) => row.task_id);
    },
    async tasksOfBusiness(db, workspaceId, name) {
      const rows = await db.rows<{ task_id: number }>(
        `select t.task_id from task t join task_version v on v.task_id = t.task_id and v.environment = t.environment and v.version = t.version
         where t.workspace_id = $1 and t.environment = 'PROD' and split_part(v.spec #>> '{script,path}', '/', 2) = $2 order by t.task_id`,
        [workspaceId, name],
      );
      return rows.map((row) => row.task_id);
    },
    instances: (db, tenantId, ids) => db.rows(`select ${INSTANCE} from task_instance i where i.id = any($1) and i.tenant_id = $2 order by i.id`, [ids, tenantId]),
    cycles: (db, scope, bizdate) => db.rows(`select ${INSTANCE} from task_instance i where ${CYCLES} and i.bizdate = $4 order by i.trigger_time, i.id`, [...scopeValues(scope), bizdate]),
    async counts(db, scope, bizdate) {
      const row = await db.row<{ total: number; failed: number }>(
        `select count(*) as total, count(*) filter (where i.status = 'Failure') as failed from task_instance i where ${CYCLES} and i.bizdate = $4`,
        [...scopeValues(scope), bizdate],
      );
      return row ?? { total: 0, failed: 0 };
    },
    runningSince: (db, scope, before) =>
      // The business date keeps the search within the index of states by day, however many instances there are.
      db.rows(`select ${INSTANCE} from task_instance i where ${CYCLES} and i.status = 'Running' and i.begin_running_at <= $4 and i.bizdate >= $6 order by i.id limit $5`, [
        ...scopeValues(scope),
        before,
        limits.alertBatch.value,
        new Date(before.getTime() - (limits.alertPastDays.value + 1) * 86_400_000),
      ]),
    async madeDays(db, tenantId, most) {
      const rows = await db.rows<{ day: string; finished_at: Date }>(`select day::text as day, finished_at from schedule_day where tenant_id = $1 and state = 'Made' and finished_at is not null order by schedule_day.day desc limit $2`, [tenantId, most]);
      return rows.map((row) => ({ day: row.day, bizdate: instantOf(addDays(new Date(`${row.day}T00:00:00Z`), -1), timeZone), madeAt: row.finished_at }));
    },
    async upstreams(db, ids) {
      const rows = await db.rows<{ id: number }>(
        `with recursive walk (id, depth) as (
           select unnest($1::bigint[]), 0
           union
           select e.upstream_id, w.depth + 1 from walk w join instance_edge e on e.downstream_id = w.id where w.depth < $2)
         select distinct id from walk order by id limit $3`,
        [ids, limits.dependencyDepth.value, limits.baselineInstances.value],
      );
      return rows.map((row) => row.id);
    },
    edges: (db, ids) => db.rows('select downstream_id as downstream, upstream_id as upstream from instance_edge where downstream_id = any($1) and upstream_id = any($1)', [ids]),
    async usualRunTimes(db, taskIds) {
      const rows = await db.rows<{ task_id: number; usual: number }>(
        `select t.task_id, percentile_cont(0.5) within group (order by extract(epoch from r.finished_at - r.begin_running_at) * 1000) as usual
         from unnest($1::bigint[]) as t(task_id)
         join lateral (
           select i.begin_running_at, i.finished_at from task_instance i
           where i.task_id = t.task_id and i.environment = 'PROD' and i.dag_type = 'Normal' and i.status = 'Success' and i.task_type in ('NORMAL', 'REALTIME_DEPRECATED') and i.begin_running_at is not null
           order by i.trigger_time desc, i.id desc limit 10) r on true
         group by t.task_id`,
        [taskIds],
      );
      return new Map(rows.map((row) => [row.task_id, row.usual]));
    },
    async resourceGroups(db, scope) {
      const rows = await db.rows<{ resource_group: string }>(
        `select distinct resource_group from task where workspace_id = $1 and environment = 'PROD' and ($2::bigint[] is null or task_id = any($2)) and task_id <> all($3::bigint[]) and resource_group is not null order by 1`,
        scopeValues(scope),
      );
      return rows.map((row) => row.resource_group);
    },
    async lastOperators(db, instanceIds) {
      const rows = await db.rows<{ target_id: number; user_id: number; at: Date }>(
        `select distinct on (target_id) target_id, user_id, at from schedule_operation where target_kind = 'Instance' and target_id = any($1) and user_id <> 0 order by target_id, id desc`,
        [instanceIds],
      );
      return new Map(rows.map((row) => [row.target_id, { userId: row.user_id, at: row.at }]));
    },
    raisePriority: (change, workspaceId, ids, priority) =>
      change.run(
        // What somebody else holds is about to start or to change; it is left alone, so that nobody waits for the other.
        `update task_instance set priority = $3, modified_at = $4, modified_by = $5
         where id in (select id from task_instance where id = any($2) and workspace_id = $1 and environment = 'PROD' and priority < $3
                        and status in ('NotRun', 'WaitTime', 'CheckingCondition', 'WaitTrigger') order by id for update skip locked)`,
        [workspaceId, ids, priority, change.now, change.actor.userId],
      ),
    momentOf(bizdate, time) {
      const [hours = 0, minutes = 0] = time.split(':').map(Number);
      const day = addDays(startOfDay(wallTimeOf(bizdate, timeZone)), 1);
      return instantOf(new Date(day.getTime() + (hours * 60 + minutes) * 60_000), timeZone);
    },
    bizdateOf: (instant) => instantOf(startOfDay(wallTimeOf(instant, timeZone)), timeZone),
  };
}
