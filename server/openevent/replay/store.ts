import type { Executor } from '../../kernel/database.ts';
import type { Cursor, LogEvent } from '../log.ts';

/**
 * States of a replay:
 *
 *   running      goes through the log and queues what fits, no faster than its rate
 *   delivering   all is queued; some of it is not settled yet
 *   succeeded    everything was delivered or given up
 *   canceled     ended by somebody; what was queued and not sent was taken back
 *
 *   running -> delivering -> succeeded      running, delivering -> canceled
 */
export type ReplayState = 'running' | 'delivering' | 'succeeded' | 'canceled';

export interface ReplayRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly subscription_id: number;
  readonly starts_at: Date;
  readonly ends_at: Date;
  readonly pattern: string | null;
  readonly rate: number;
  readonly state: ReplayState;
  readonly total: number;
  readonly queued: number;
  readonly position: number;
  readonly row_id: number;
  readonly end_position: number;
  readonly end_row_id: number;
  readonly created_by: number;
  readonly created_at: Date;
  readonly finished_at: Date | null;
  /** Queued and not sent yet, and given up. */
  readonly waiting: number;
  readonly failed: number;
}

const columns = `r.id, r.tenant_id, r.subscription_id, r.starts_at, r.ends_at, r.pattern, r.rate, r.state, r.total, r.queued, r.position, r.row_id, r.end_position, r.end_row_id,
  r.created_by, r.created_at, r.finished_at,
  (select count(*) from delivery_parked where replay_id = r.id and state <> 'exhausted') as waiting, (select count(*) from delivery_parked where replay_id = r.id and state = 'exhausted') as failed`;

export interface NewReplay {
  readonly tenantId: number;
  readonly subscriptionId: number;
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly pattern: string | null;
  readonly rate: number;
  readonly total: number;
  readonly end: Cursor;
  readonly userId: number;
}

export async function insertReplayOf(tx: Executor, row: NewReplay, now: Date): Promise<number> {
  const made = await tx.row<{ id: number }>(
    `insert into event_replay (tenant_id, subscription_id, starts_at, ends_at, pattern, rate, state, total, end_position, end_row_id, created_by, created_at)
     values ($1, $2, $3, $4, $5, $6, 'running', $7, $8, $9, $10, $11) returning id`,
    [row.tenantId, row.subscriptionId, row.startsAt, row.endsAt, row.pattern, row.rate, row.total, row.end.position, row.end.id, row.userId, now],
  );
  if (made === undefined) throw new Error('a replay was not written');
  return made.id;
}

export function findReplay(db: Executor, tenantId: number, id: number): Promise<ReplayRow | undefined> {
  return db.row(`select ${columns} from event_replay as r where r.tenant_id = $1 and r.id = $2`, [tenantId, id]);
}

export function lockReplay(tx: Executor, id: number): Promise<ReplayRow | undefined> {
  return tx.row(`select ${columns} from event_replay as r where r.id = $1 for update of r`, [id]);
}

export function listReplays(db: Executor, tenantId: number, subscriptions: readonly number[], offset: number, count: number): Promise<ReplayRow[]> {
  return db.rows(`select ${columns} from event_replay as r where r.tenant_id = $1 and r.subscription_id = any($2::bigint[]) order by r.id desc offset $3 limit $4`, [tenantId, subscriptions, offset, count]);
}

export async function countReplays(db: Executor, tenantId: number, subscriptions: readonly number[]): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) from event_replay where tenant_id = $1 and subscription_id = any($2::bigint[])', [tenantId, subscriptions]))?.count ?? 0;
}

/** Replays of a subscription that are under way. */
export async function countRunning(db: Executor, subscriptionId: number): Promise<number> {
  return (await db.row<{ count: number }>(`select count(*) from event_replay where subscription_id = $1 and state in ('running', 'delivering')`, [subscriptionId]))?.count ?? 0;
}

/** Moves a replay on: its place in the log, how many it has queued, and its state. */
export async function moveReplay(tx: Executor, id: number, place: Cursor, queued: number, state: ReplayState, finishedAt: Date | undefined): Promise<void> {
  await tx.run('update event_replay set position = $2, row_id = $3, queued = queued + $4, state = $5, finished_at = $6 where id = $1', [id, place.position, place.id, queued, state, finishedAt ?? null]);
}

/**
 * Queues events for the deliverer, as a retry of each would be. An event that waits there anyway, or that the subscription has yet to come to, is left to
 * its own delivery. A dead letter is tried again. Answers the ids of those queued.
 */
export async function queueReplay(tx: Executor, replayId: number, subscriptionId: number, events: readonly LogEvent[], now: Date): Promise<string[]> {
  const rows = await tx.rows<{ event_id: string }>(
    `insert into delivery_parked (subscription_id, event_id, position, row_id, object_key, type, occurred_at, state, attempts, next_at, parked_at, replay_id)
     select $1, e.event_id, e.position, e.row_id, e.object_key, e.type, e.occurred_at, 'replay',
       (select coalesce(max(number), 0) from delivery_attempt as a where a.event_id = e.event_id and a.subscription_id = $1), $2, $2, $3
     from jsonb_to_recordset($4::jsonb) as e(event_id uuid, position bigint, row_id bigint, object_key text, type text, occurred_at timestamptz)
     where (e.position, e.row_id) <= (select position, row_id from delivery_cursor where subscription_id = $1)
     on conflict (subscription_id, event_id) do update set state = 'replay', next_at = $2, replay_id = $3 where delivery_parked.state = 'exhausted'
     returning event_id`,
    [
      subscriptionId,
      now,
      replayId,
      JSON.stringify(events.map((event) => ({ event_id: event.eventId, position: event.position, row_id: event.id, object_key: event.objectKey, type: event.type, occurred_at: event.occurredAt }))),
    ],
  );
  return rows.map((row) => row.event_id);
}

/** Takes back what a replay has queued and nobody has sent. Answers the ids of these events. */
export async function unqueueReplay(tx: Executor, replayId: number): Promise<string[]> {
  const rows = await tx.rows<{ event_id: string }>(`delete from delivery_parked where replay_id = $1 and state = 'replay' returning event_id`, [replayId]);
  return rows.map((row) => row.event_id);
}

/** The oldest time whose events the bus of the subscription still has, by its retention in days; undefined for all of the log. */
export async function retentionOf(db: Executor, subscriptionId: number): Promise<{ days: number | null; horizon: Date | null } | undefined> {
  return db.row(
    `select b.retention_days as days, b.size_horizon as horizon from event_target as t join event_rule as r on r.id = t.rule_id join event_bus as b on b.id = r.bus_id where t.subscription_id = $1`,
    [subscriptionId],
  );
}
