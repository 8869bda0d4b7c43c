import type { Executor } from '../../kernel/database.ts';

/** SQL of the days whose instances are made. */

/** How long a process may take to make a day before another begins again; doing it twice makes it once. */
const TAKE_OVER_MS = 120_000;

/** Takes the making of a day. False when it is made, or somebody else is at it. */
export async function beginDay(db: Executor, tenantId: number, day: string, now: Date): Promise<boolean> {
  const row = await db.row(
    `insert into schedule_day (tenant_id, day, state, started_at) values ($1, $2, 'Making', $3)
     on conflict (tenant_id, day) do update set started_at = excluded.started_at
       where schedule_day.state = 'Making' and schedule_day.started_at < $4
     returning 1 as taken`,
    [tenantId, day, now, new Date(now.getTime() - TAKE_OVER_MS)],
  );
  return row !== undefined;
}

export async function endDay(tx: Executor, tenantId: number, day: string, instances: number, now: Date): Promise<void> {
  await tx.run(
    `insert into schedule_day (tenant_id, day, state, started_at, finished_at, instances) values ($1, $2, 'Made', $4, $4, $3)
     on conflict (tenant_id, day) do update set state = 'Made', finished_at = excluded.finished_at, instances = excluded.instances`,
    [tenantId, day, instances, now],
  );
}

/** The last day up to which everything is made, as a wall clock reading, or undefined when nothing ever was. */
export async function dayOf(db: Executor, tenantId: number): Promise<Date | undefined> {
  const row = await db.row<{ day: string | null }>(
    `select coalesce((select min(day) - 1 from schedule_day where tenant_id = $1 and state = 'Making'), max(day))::text as day from schedule_day where tenant_id = $1`,
    [tenantId],
  );
  return row === undefined || row.day === null ? undefined : new Date(`${row.day}T00:00:00Z`);
}
