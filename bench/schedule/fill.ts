import type { Database } from '../../server/kernel/database.ts';

/** How many instances one statement writes. */
const PART = 200_000;
/** Business dates over which they are spread. */
const DAYS = 60;

/** Fills the store with instances that have ended, spread over the last days, as if the schedule had made them. */
export async function fillStore(database: Database, place: { tenantId: number; workspaceId: number; count: number; until: Date; timeZone: string }, report: (line: string) => void): Promise<void> {
  const perDay = Math.ceil(place.count / DAYS);
  await database.run(
    `insert into dag_run (tenant_id, workspace_id, environment, name, type, bizdate, status, created_by, created_at, modified_at, finished_at)
     select $1, $2, 'PROD', 'stored_' || d, 'Normal', (date_trunc('day', $3::timestamptz at time zone $4) - make_interval(days => d)) at time zone $4, 'Success', 1, $3, $3, $3 from generate_series(2, $5 + 1) d`,
    [place.tenantId, place.workspaceId, place.until, place.timeZone, DAYS],
  );
  for (let from = 0; from < place.count; from += PART) {
    await database.run(
      `insert into task_instance (tenant_id, workspace_id, environment, dag_id, dag_type, task_id, task_version, file_id, name, file_type, command, owner_id, status, task_type, bizdate, trigger_time,
         parameters, priority, rerun_mode, rerun_times, rerun_interval_ms, timeout_seconds, attempts, created_by, created_at, modified_at, modified_by, begin_running_at, finished_at)
       select $1, $2, 'PROD', d.id, 'Normal', 10000000 + n % $7, 1, n % $7, 'stored_' || n % $7, 10, case when n % 3 = 0 then 'ODPS_SQL' else 'DIDE_SHELL' end, n % 20, case when n % 500 = 0 then 'Failure' else 'Success' end, 'NORMAL', d.bizdate,
         d.bizdate + interval '1 day' + make_interval(secs => n % 80000), '[]', 1, 'Allowed', 0, 0, 3600, 1, 1, d.bizdate, d.bizdate, 1, d.bizdate + interval '1 day', d.bizdate + interval '1 day 1 minute'
       from generate_series($3::bigint, $4::bigint - 1) n join dag_run d on d.name = 'stored_' || (n / $7 + 2) and d.workspace_id = $2
       where $5::timestamptz is not null and $6::text is not null`,
      [place.tenantId, place.workspaceId, from, Math.min(from + PART, place.count), place.until, place.timeZone, perDay],
    );
    report(`${Math.min(from + PART, place.count)} of ${place.count} instances stored`);
  }
  await database.run('vacuum (analyze) task_instance');
  await database.run('vacuum (analyze) dag_run');
}
