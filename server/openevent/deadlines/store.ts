import type { Executor } from '../../kernel/database.ts';
import { compareCursors, type Cursor } from '../log.ts';

export interface DeadlineRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number | null;
  readonly name: string;
  readonly kind: 'daily' | 'after';
  readonly pattern: string;
  readonly trigger_pattern: string | null;
  readonly due_time: string | null;
  readonly window_start: string | null;
  readonly time_zone: string;
  readonly within_minutes: number | null;
  readonly correlation: string | null;
  readonly enabled: boolean;
  readonly since_position: number;
  readonly since_row_id: number;
  readonly window_from: Date | null;
  readonly due_at: Date | null;
  readonly satisfied: boolean;
  readonly last_missed_at: Date | null;
  readonly created_by: number;
  readonly created_at: Date;
  readonly modified_at: Date;
}

const columns = `id, tenant_id, workspace_id, name, kind, pattern, trigger_pattern, due_time, window_start, time_zone, within_minutes, correlation, enabled, since_position, since_row_id,
  window_from, due_at, satisfied, last_missed_at, created_by, created_at, modified_at`;

/** What somebody decides of a deadline, and from when on it counts. */
export type DeadlineSettings = Omit<DeadlineRow, 'id' | 'tenant_id' | 'kind' | 'last_missed_at' | 'created_by' | 'created_at' | 'modified_at'>;

const settingValues = (row: DeadlineSettings) => [
  row.workspace_id,
  row.name,
  row.pattern,
  row.trigger_pattern,
  row.due_time,
  row.window_start,
  row.time_zone,
  row.within_minutes,
  row.correlation,
  row.enabled,
  row.since_position,
  row.since_row_id,
  row.window_from,
  row.due_at,
  row.satisfied,
];

/** Violates `event_deadline_name` when the name is taken. */
export async function insertDeadline(tx: Executor, row: DeadlineSettings & Pick<DeadlineRow, 'tenant_id' | 'kind' | 'created_by'>, now: Date): Promise<number> {
  const made = await tx.row<{ id: number }>(
    `insert into event_deadline (workspace_id, name, pattern, trigger_pattern, due_time, window_start, time_zone, within_minutes, correlation, enabled, since_position, since_row_id,
       window_from, due_at, satisfied, tenant_id, kind, created_by, created_at, modified_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19) returning id`,
    [...settingValues(row), row.tenant_id, row.kind, row.created_by, now],
  );
  if (made === undefined) throw new Error('a deadline was not written');
  return made.id;
}

/** Violates `event_deadline_name` when the name is taken. What waits under the deadline is forgotten. */
export async function updateDeadline(tx: Executor, id: number, row: DeadlineSettings, now: Date): Promise<void> {
  await tx.run('delete from event_deadline_wait where deadline_id = $1', [id]);
  await tx.run(
    `update event_deadline set workspace_id = $1, name = $2, pattern = $3, trigger_pattern = $4, due_time = $5, window_start = $6, time_zone = $7, within_minutes = $8, correlation = $9, enabled = $10,
       since_position = $11, since_row_id = $12, window_from = $13, due_at = $14, satisfied = $15, modified_at = $16 where id = $17`,
    [...settingValues(row), now, id],
  );
}

/** Lets one change at a time add a deadline to the tenant. Answers how many there are. */
export async function lockDeadlines(tx: Executor, tenantId: number): Promise<number> {
  await tx.run(`select pg_advisory_xact_lock(hashtextextended('event_deadline', $1))`, [tenantId]);
  return (await tx.row<{ count: number }>('select count(*) from event_deadline where tenant_id = $1', [tenantId]))?.count ?? 0;
}

export function findDeadline(db: Executor, tenantId: number, id: number): Promise<DeadlineRow | undefined> {
  return db.row(`select ${columns} from event_deadline where tenant_id = $1 and id = $2`, [tenantId, id]);
}

export function lockDeadline(tx: Executor, tenantId: number, id: number): Promise<DeadlineRow | undefined> {
  return tx.row(`select ${columns} from event_deadline where tenant_id = $1 and id = $2 for update`, [tenantId, id]);
}

export async function deleteDeadline(tx: Executor, id: number): Promise<void> {
  await tx.run('delete from event_deadline where id = $1', [id]);
}

/** All deadlines of the tenant that fit; visibility is decided by the caller. */
export function listDeadlines(db: Executor, tenantId: number, workspaceId: number | undefined): Promise<DeadlineRow[]> {
  return db.rows(`select ${columns} from event_deadline where tenant_id = $1 and ($2::bigint is null or workspace_id = $2) order by id`, [tenantId, workspaceId ?? null]);
}

// Deciding

/** Tenants that have deadlines to decide. */
export async function tenantsWithDeadlines(db: Executor): Promise<number[]> {
  return (await db.rows<{ tenant_id: number }>('select distinct tenant_id from event_deadline where enabled order by tenant_id')).map((row) => row.tenant_id);
}

export function enabledDeadlines(db: Executor, tenantId: number): Promise<DeadlineRow[]> {
  return db.rows(`select ${columns} from event_deadline where tenant_id = $1 and enabled order by id`, [tenantId]);
}

/** The same, locked until the end of the change. */
export function lockEnabledDeadlines(tx: Executor, tenantId: number): Promise<DeadlineRow[]> {
  return tx.rows(`select ${columns} from event_deadline where tenant_id = $1 and enabled order by id for update`, [tenantId]);
}

/**
 * Has the tenant's log read from `start` on at the latest, for a deadline that counts from there. Where the reader is further it goes back, and the
 * other deadlines count from where it was, so that nothing is told to them twice. Locks the reader; comes before any lock on a deadline.
 */
export async function readFrom(tx: Executor, tenantId: number, start: Cursor): Promise<void> {
  await tx.run('insert into event_deadline_reader (tenant_id, position, row_id) values ($1, $2, $3) on conflict do nothing', [tenantId, start.position, start.id]);
  const at = await tx.row<Cursor>('select position, row_id as id from event_deadline_reader where tenant_id = $1 for update', [tenantId]);
  if (at === undefined || compareCursors(at, start) <= 0) return;
  await tx.run('update event_deadline set since_position = $2, since_row_id = $3 where tenant_id = $1 and (since_position, since_row_id) < ($2::bigint, $3::bigint)', [tenantId, at.position, at.id]);
  await tx.run('update event_deadline_reader set position = $2, row_id = $3 where tenant_id = $1', [tenantId, start.position, start.id]);
}

export async function findReader(db: Executor, tenantId: number): Promise<Cursor | undefined> {
  return db.row<Cursor>('select position, row_id as id from event_deadline_reader where tenant_id = $1', [tenantId]);
}

/** Locks the reader. False when it is no longer at the place. */
export async function lockReader(tx: Executor, tenantId: number, at: Cursor): Promise<boolean> {
  return (await tx.row('select from event_deadline_reader where tenant_id = $1 and position = $2 and row_id = $3 for update', [tenantId, at.position, at.id])) !== undefined;
}

/** Moves the reader from one place to another. False when another process has moved it meanwhile. */
export async function moveReader(tx: Executor, tenantId: number, from: Cursor, to: Cursor): Promise<boolean> {
  return (
    (await tx.run('update event_deadline_reader set position = $4, row_id = $5 where tenant_id = $1 and position = $2 and row_id = $3', [tenantId, from.position, from.id, to.position, to.id])) === 1
  );
}

export async function setWindow(tx: Executor, id: number, window: { from: Date; due: Date }, satisfied: boolean): Promise<void> {
  await tx.run('update event_deadline set window_from = $2, due_at = $3, satisfied = $4 where id = $1', [id, window.from, window.due, satisfied]);
}

export async function noteMissed(tx: Executor, id: number, at: Date): Promise<void> {
  await tx.run('update event_deadline set last_missed_at = $2 where id = $1', [id, at]);
}

export async function insertWait(tx: Executor, deadlineId: number, wait: { eventId: string; correlation: string | null; triggeredAt: Date; dueAt: Date }): Promise<void> {
  await tx.run('insert into event_deadline_wait (deadline_id, trigger_event_id, correlation, triggered_at, due_at) values ($1, $2, $3, $4, $5) on conflict do nothing', [
    deadlineId,
    wait.eventId,
    wait.correlation,
    wait.triggeredAt,
    wait.dueAt,
  ]);
}

/** What was expected has happened at `at`: of the same correlation nothing waits any more that was not due before. */
export async function satisfyWaits(tx: Executor, deadlineId: number, correlation: string | null, at: Date): Promise<void> {
  await tx.run('delete from event_deadline_wait where deadline_id = $1 and correlation is not distinct from $2 and due_at > $3', [deadlineId, correlation, at]);
}

export interface DueWait {
  readonly deadline_id: number;
  readonly trigger_event_id: string;
  readonly correlation: string | null;
  readonly triggered_at: Date;
  readonly due_at: Date;
}

/** Takes out what is due by `horizon`, in the order in which it fell due. */
export async function takeDueWaits(tx: Executor, tenantId: number, horizon: Date, limit: number): Promise<DueWait[]> {
  const rows = await tx.rows<DueWait>(
    `delete from event_deadline_wait where (deadline_id, trigger_event_id) in (
       select w.deadline_id, w.trigger_event_id from event_deadline_wait as w join event_deadline as d on d.id = w.deadline_id
       where d.tenant_id = $1 and d.enabled and w.due_at <= $2 order by w.due_at limit $3)
     returning deadline_id, trigger_event_id, correlation, triggered_at, due_at`,
    [tenantId, horizon, limit],
  );
  return rows.toSorted((a, b) => a.due_at.getTime() - b.due_at.getTime());
}

/** True when something of the tenant is due by `horizon`. */
export async function anyDue(db: Executor, tenantId: number, horizon: Date): Promise<boolean> {
  const row = await db.row(
    `select from event_deadline as d where d.tenant_id = $1 and d.enabled
       and ((d.kind = 'daily' and d.due_at <= $2) or exists (select from event_deadline_wait as w where w.deadline_id = d.id and w.due_at <= $2)) limit 1`,
    [tenantId, horizon],
  );
  return row !== undefined;
}
