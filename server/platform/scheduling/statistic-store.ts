import type { Executor } from '../../kernel/database.ts';
import type { DagType, InstanceState, TaskType } from './states.ts';

/** All SQL of statistics over instances. */

export interface StatisticFilter {
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  readonly bizdate: Date;
  readonly dagType?: DagType | undefined;
  readonly taskTypes?: readonly TaskType[] | undefined;
}

/** How many instances of a day are in each state. Read from an index alone. */
export async function instanceStatistic(db: Executor, filter: StatisticFilter): Promise<Map<InstanceState, number>> {
  const rows = await db.rows<{ status: InstanceState; count: number }>(
    `select status, count(*) as count from task_instance
     where workspace_id = $1 and environment = $2 and bizdate = $3 and ($4::text is null or dag_type = $4) and ($5::text[] is null or task_type = any($5)) group by status`,
    [filter.workspaceId, filter.environment, filter.bizdate, filter.dagType ?? null, filter.taskTypes ?? null],
  );
  return new Map(rows.map((row) => [row.status, row.count]));
}
