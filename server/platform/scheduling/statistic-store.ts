import type { Executor } from '../../kernel/database.ts';
import type { DagType, InstanceState, TaskType } from './states.ts';

/** All SQL of statistics over instances. */

export interface StatisticFilter {
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  readonly bizdate: Date;
  readonly dagType?: DagType | undefined;
  readonly taskTypes?: readonly TaskType[] | undefined;
  /** Only tasks with a schedule of this period. */
  readonly period?: 'minute' | 'hour' | 'day' | 'week' | 'month' | undefined;
}

/** The fields of a cron that tell its period: minutes, hours, days of the month, days of the week. */
const PERIOD = `case
    when split_part(t.cron, ' ', 2) ~ '[*/,-]' then 'minute'
    when split_part(t.cron, ' ', 3) ~ '[*/,-]' then 'hour'
    when split_part(t.cron, ' ', 6) not in ('?', '*') then 'week'
    when split_part(t.cron, ' ', 4) not in ('?', '*') then 'month'
    else 'day' end`;

/** How many instances of a day are in each state. Read from an index alone, unless a period is asked for. */
export async function instanceStatistic(db: Executor, filter: StatisticFilter): Promise<Map<InstanceState, number>> {
  const values = [filter.workspaceId, filter.environment, filter.bizdate, filter.dagType ?? null, filter.taskTypes ?? null];
  const where = `i.workspace_id = $1 and i.environment = $2 and i.bizdate = $3 and ($4::text is null or i.dag_type = $4) and ($5::text[] is null or i.task_type = any($5))`;
  const rows =
    filter.period === undefined
      ? await db.rows<{ status: InstanceState; count: number }>(`select status, count(*) as count from task_instance i where ${where} group by status`, values)
      : await db.rows<{ status: InstanceState; count: number }>(
          `select i.status, count(*) as count from task_instance i join task t on t.task_id = i.task_id and t.environment = i.environment
           where ${where} and t.cron is not null and ${PERIOD} = $6 group by i.status`,
          [...values, filter.period],
        );
  return new Map(rows.map((row) => [row.status, row.count]));
}

/** How many instances each business date has in production, both ends inclusive. */
export function dayCounts(db: Executor, workspaceId: number, from: Date, to: Date): Promise<{ bizdate: Date; count: number }[]> {
  return db.rows(
    `select bizdate, count(*) as count from task_instance where workspace_id = $1 and environment = 'PROD' and bizdate >= $2 and bizdate <= $3 and dag_type = 'Normal' group by bizdate order by bizdate`,
    [workspaceId, from, to],
  );
}

/** How many scheduled instances of production have succeeded in each hour of each day. */
export function successesByHour(db: Executor, workspaceId: number, from: Date, to: Date, timeZone: string): Promise<{ day: string; hour: number; count: number }[]> {
  return db.rows(
    `select to_char(finished_at at time zone $4, 'YYYY-MM-DD') as day, extract(hour from finished_at at time zone $4)::integer as hour, count(*) as count
     from task_instance where workspace_id = $1 and environment = 'PROD' and dag_type = 'Normal' and status = 'Success' and bizdate >= $2::timestamptz - interval '1 day' and bizdate < $3
       and finished_at >= $2 and finished_at < $3 group by 1, 2`,
    [workspaceId, from, to, timeZone],
  );
}

/** Tasks in service by type, most frequent first. */
export function commandCounts(db: Executor, workspaceId: number, environment: 'DEV' | 'PROD'): Promise<{ file_type: number; count: number }[]> {
  return db.rows('select file_type, count(*) as count from task where workspace_id = $1 and environment = $2 group by file_type order by count desc, file_type', [workspaceId, environment]);
}

/** The ten scheduled instances of production that ran longest, since a moment or of a business date; `seconds` so far for those that still run. */
export function longestRuns(
  db: Executor,
  workspaceId: number,
  which: { readonly since?: Date; readonly bizdate?: Date },
  now: Date,
): Promise<{ id: number; task_id: number | null; name: string; owner_id: number; file_type: number; bizdate: Date; seconds: number }[]> {
  return db.rows(
    `select id, task_id, name, owner_id, file_type, bizdate, extract(epoch from coalesce(finished_at, $4) - begin_running_at)::bigint as seconds
     from task_instance where workspace_id = $1 and environment = 'PROD' and begin_running_at is not null and ($2::timestamptz is null or bizdate >= $2) and ($3::timestamptz is null or bizdate = $3)
     order by coalesce(finished_at, $4) - begin_running_at desc, id limit 10`,
    [workspaceId, which.since ?? null, which.bizdate ?? null, now],
  );
}

/** The ten nodes of production with the most failed instances since a moment. */
export function mostFailures(db: Executor, workspaceId: number, since: Date): Promise<{ task_id: number; name: string; owner_id: number; file_type: number; count: number }[]> {
  return db.rows(
    `select task_id, max(name) as name, max(owner_id) as owner_id, max(file_type) as file_type, count(*) as count
     from task_instance where workspace_id = $1 and environment = 'PROD' and status = 'Failure' and task_id is not null and bizdate >= $2 group by task_id order by count desc, task_id limit 10`,
    [workspaceId, since],
  );
}
