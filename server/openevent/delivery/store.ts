import type { Database, Executor } from '../../kernel/database.ts';
import type { Cursor, LogEvent } from '../log.ts';
import type { DestinationColumns } from './destination.ts';
import type { RetryStrategy } from './retries.ts';
import type { Outcome } from './send.ts';

/**
 * States of an event that did not arrive at the first try, in one subscription:
 *
 *   blocked    the first of its object; tried again at `next_at`; the others of the object wait
 *   behind     waits for the blocked one before it
 *   exhausted  all tries failed; a dead letter that blocks nobody and stays until somebody retries or skips it
 *   replay     somebody asked for one more try of an exhausted or a delivered event; blocks nobody
 *   skipped    given up by somebody; kept as a mark while the cursor is still before it
 *
 *   (arrives) -> gone | blocked        behind -> gone | blocked        blocked -> gone | blocked | exhausted
 *   exhausted -> replay                replay -> gone | exhausted      any but skipped -> skipped -> gone
 *
 * Somebody may also make a blocked one `exhausted` at once, to let its object go on and decide later.
 */
export type ParkedState = 'blocked' | 'behind' | 'exhausted' | 'replay' | 'skipped';

export interface ParkedRow {
  readonly eventId: string;
  readonly place: Cursor;
  readonly objectKey: string;
  readonly type: string;
  readonly occurredAt: Date;
  readonly state: ParkedState;
  readonly attempts: number;
  readonly nextAt: Date | undefined;
  readonly parkedAt: Date;
  readonly lastError: string | undefined;
  /** The replay that it belongs to, if one. */
  readonly replayId?: number | undefined;
  readonly exhaustedAt?: Date | undefined;
  /** The event itself, once it is a dead letter. */
  readonly body?: LogEvent | undefined;
}

export interface AttemptRow {
  readonly event: Pick<LogEvent, 'eventId' | 'type' | 'objectKey'>;
  readonly number: number;
  readonly outcome: 'succeeded' | 'failed' | 'skipped';
  readonly result: Pick<Outcome, 'stage' | 'httpStatus' | 'message' | 'excerpt' | 'startedAt' | 'durationMs'>;
  readonly nextAt: Date | undefined;
}

/** A subscription that this process delivers, as it was when the lease was taken or the subscription was read again. */
export interface ClaimedSubscription {
  readonly id: number;
  readonly tenantId: number;
  readonly workspaceId: number | undefined;
  readonly types: readonly string[];
  /** The event pattern beside the types, if there is one. */
  readonly pattern: unknown;
  /** Workspaces whose events it gets, 0 for those of the tenant as a whole; undefined for no such narrowing. */
  readonly scope: readonly number[] | undefined;
  readonly target: DestinationColumns;
  readonly concurrency: number;
  /** Events a second. */
  readonly rate: number | undefined;
  readonly retry: RetryStrategy;
  readonly pauseAfterMs: number;
  /** Since when the target is paused because it kept failing; it is only probed then. */
  readonly pausedAt: Date | undefined;
  /** Percent of the time to the pause that somebody was warned of. */
  readonly warnedShare: number;
  readonly failingSince: Date | undefined;
  readonly failures: number;
  readonly version: number;
  readonly epoch: number;
  readonly cursor: Cursor;
}

interface ClaimedRow extends DestinationColumns {
  readonly tenant_id: number;
  readonly workspace_id: number | null;
  readonly types: string[];
  readonly pattern: unknown;
  readonly scope: number[] | null;
  readonly concurrency: number;
  readonly rate: number | null;
  readonly retry: RetryStrategy;
  readonly pause_after_ms: number;
  readonly paused_at: Date | null;
  readonly warned_share: number | null;
  readonly failing_since: Date | null;
  readonly failures: number;
  readonly version: number;
  readonly epoch: number;
  readonly position: number;
  readonly row_id: number;
}

function toClaimed(row: ClaimedRow): ClaimedSubscription {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    workspaceId: row.workspace_id ?? undefined,
    types: row.types,
    pattern: row.pattern ?? undefined,
    scope: row.scope ?? undefined,
    target: row,
    concurrency: row.concurrency,
    rate: row.rate ?? undefined,
    retry: row.retry,
    pauseAfterMs: row.pause_after_ms,
    pausedAt: row.paused_at ?? undefined,
    warnedShare: row.warned_share ?? 0,
    failingSince: row.failing_since ?? undefined,
    failures: row.failures,
    version: row.version,
    epoch: row.epoch,
    cursor: { position: row.position, id: row.row_id },
  };
}

const claimedColumns = `s.id, s.tenant_id, s.workspace_id, s.url, s.types, s.pattern, to_jsonb(s.scope) as scope, s.secret, s.previous_secret, s.previous_until, s.format, s.timeout_ms, s.bus_name, s.headers, s.concurrency,
  s.rate, s.retry, s.pause_after_ms, s.paused_at, s.warned_share, s.version, c.epoch, c.position, c.row_id, c.failing_since, c.failures`;

/** One that is paused because its target kept failing is still held by somebody, who probes it. */
const isRunning = (alias: string) => `${alias}.enabled and ${alias}.pause_reason is distinct from 'manual'`;

/** Takes running subscriptions that nobody delivers, or whose deliverer is among the `dead`, at most `limit`. */
export async function claimSubscriptions(db: Executor, owner: string, now: Date, leaseUntil: Date, limit: number, dead: readonly string[]): Promise<ClaimedSubscription[]> {
  const rows = await db.rows<ClaimedRow>(
    `update delivery_cursor as c set owner = $1, lease_until = $3, epoch = epoch + 1
     from subscription as s
     where s.id = c.subscription_id and c.subscription_id in (
       select free.subscription_id from delivery_cursor as free join subscription on subscription.id = free.subscription_id
       where ${isRunning('subscription')} and (free.owner is null or free.lease_until < $2 or free.owner = any($5::text[]))
       order by free.subscription_id limit $4 for update of free skip locked)
     returning ${claimedColumns}`,
    [owner, now, leaseUntil, limit, dead],
  );
  return rows.map(toClaimed);
}

/** The subscription as it is now, if it is running and this owner still holds it. */
export async function readClaimed(db: Executor, owner: string, id: number, epoch: number): Promise<ClaimedSubscription | undefined> {
  const row = await db.row<ClaimedRow>(
    `select ${claimedColumns} from delivery_cursor as c join subscription as s on s.id = c.subscription_id
     where c.subscription_id = $1 and c.owner = $2 and c.epoch = $3 and ${isRunning('s')}`,
    [id, owner, epoch],
  );
  return row === undefined ? undefined : toClaimed(row);
}

/** How many subscriptions are there to be delivered, by all processes together. */
export async function countRunning(db: Executor): Promise<number> {
  return (await db.row<{ count: number }>(`select count(*) from subscription where ${isRunning('subscription')}`))?.count ?? 0;
}

/** Who holds subscriptions, besides this process. */
export async function listOwners(db: Executor, owner: string): Promise<string[]> {
  const rows = await db.rows<{ owner: string }>('select distinct owner from delivery_cursor where owner is not null and owner <> $1', [owner]);
  return rows.map((row) => row.owner);
}

/** Renews leases. Answers those that are still held, with the version of the subscription and whether it is running; an absent one is lost or deleted. */
export function renewLeases(db: Executor, owner: string, leaseUntil: Date, held: readonly { id: number; epoch: number }[]): Promise<{ id: number; version: number; enabled: boolean }[]> {
  return db.rows(
    `update delivery_cursor as c set lease_until = $2
     from unnest($3::bigint[], $4::bigint[]) as h(id, epoch), subscription as s
     where c.subscription_id = h.id and c.epoch = h.epoch and c.owner = $1 and s.id = h.id
     returning s.id, s.version, (${isRunning('s')}) as enabled`,
    [owner, leaseUntil, held.map((one) => one.id), held.map((one) => one.epoch)],
  );
}

/** Gives a lease back, so that another process need not wait for its end. */
export async function releaseLease(db: Executor, owner: string, id: number, epoch: number): Promise<void> {
  await db.run('update delivery_cursor set owner = null, lease_until = null where subscription_id = $1 and owner = $2 and epoch = $3', [id, owner, epoch]);
}

/** Wakes the other deliverers. */
export async function announce(db: Executor, payload: string): Promise<void> {
  await db.run(`select pg_notify('millrace_cache', $1)`, [payload]);
}

interface ParkedDbRow {
  readonly event_id: string;
  readonly position: number;
  readonly row_id: number;
  readonly object_key: string;
  readonly type: string;
  readonly occurred_at: Date;
  readonly state: ParkedState;
  readonly attempts: number;
  readonly next_at: Date | null;
  readonly parked_at: Date;
  readonly last_error: string | null;
  readonly replay_id: number | null;
  readonly body: (Omit<LogEvent, 'occurredAt'> & { occurredAt: string }) | null;
}

const parkedColumns = 'event_id, position, row_id, object_key, type, occurred_at, state, attempts, next_at, parked_at, last_error, replay_id';

function toParked(row: ParkedDbRow): ParkedRow {
  return {
    eventId: row.event_id,
    place: { position: row.position, id: row.row_id },
    objectKey: row.object_key,
    type: row.type,
    occurredAt: row.occurred_at,
    state: row.state,
    attempts: row.attempts,
    nextAt: row.next_at ?? undefined,
    parkedAt: row.parked_at,
    lastError: row.last_error ?? undefined,
    replayId: row.replay_id ?? undefined,
    body: row.body === null ? undefined : { ...row.body, occurredAt: new Date(row.body.occurredAt) },
  };
}

/** What is parked, in the order of the log; of the dead letters and marks only those that the cursor has yet to pass. */
export async function readParked(db: Executor, subscriptionId: number): Promise<ParkedRow[]> {
  const rows = await db.rows<ParkedDbRow>(
    `select ${parkedColumns}, body from delivery_parked as p
     where subscription_id = $1 and (state in ('blocked', 'behind', 'replay')
       or (position, row_id) > (select position, row_id from delivery_cursor where subscription_id = $1))
     order by position, row_id`,
    [subscriptionId],
  );
  return rows.map(toParked);
}

/** What somebody wants sent once more, in the order of the log. */
export async function readReplays(db: Executor, subscriptionId: number): Promise<ParkedRow[]> {
  const rows = await db.rows<ParkedDbRow>(`select ${parkedColumns}, body from delivery_parked where subscription_id = $1 and state = 'replay' order by position, row_id`, [subscriptionId]);
  return rows.map(toParked);
}

export async function findParked(db: Executor, subscriptionId: number, eventId: string): Promise<ParkedRow | undefined> {
  const row = await db.row<ParkedDbRow>(`select ${parkedColumns}, body from delivery_parked where subscription_id = $1 and event_id = $2`, [subscriptionId, eventId]);
  return row === undefined ? undefined : toParked(row);
}

/** How the target is doing, as of the last finished try. */
export interface Health {
  /** When the present row of failures began; undefined after a success. */
  readonly failingSince: Date | undefined;
  readonly failures: number;
  readonly lastError: string | undefined;
}

export interface Results {
  readonly attempts: readonly AttemptRow[];
  readonly added: readonly ParkedRow[];
  readonly changed: readonly ParkedRow[];
  readonly gone: readonly string[];
  readonly cursor: Cursor;
  readonly deliveredAt: Date | undefined;
  readonly health: Health;
}

/**
 * Writes what came of a number of tries, what is parked now and the new cursor, all or nothing. False when the lease was lost, and then nothing is written.
 * It does not wait for the disk: should PostgreSQL crash, the last moments are delivered again, under the same event ids.
 */
export function writeResults(database: Database, owner: string, subscriptionId: number, epoch: number, results: Results): Promise<boolean> {
  return database.transaction(async (tx) => {
    const held = await tx.row(
      `select set_config('synchronous_commit', 'off', true) from delivery_cursor where subscription_id = $1 and owner = $2 and epoch = $3 for update`,
      [subscriptionId, owner, epoch],
    );
    if (held === undefined) return false;
    await tx.run(
      `with attempted as (
         insert into delivery_attempt (subscription_id, event_id, type, object_key, number, outcome, stage, http_status, message, excerpt, started_at, duration_ms, next_at)
         select $1, event_id, type, object_key, number, outcome, stage, http_status, message, excerpt, started_at, duration_ms, next_at
         from jsonb_to_recordset($2::jsonb) as a(event_id uuid, type text, object_key text, number integer, outcome text, stage text, http_status integer,
           message text, excerpt text, started_at timestamptz, duration_ms integer, next_at timestamptz)
       ), added as (
         insert into delivery_parked (subscription_id, ${parkedColumns}, exhausted_at, body)
         select $1, ${parkedColumns}, exhausted_at, body
         from jsonb_to_recordset($3::jsonb) as p(event_id uuid, position bigint, row_id bigint, object_key text, type text, occurred_at timestamptz, state text,
           attempts integer, next_at timestamptz, parked_at timestamptz, last_error text, replay_id bigint, exhausted_at timestamptz, body jsonb)
         on conflict do nothing
       ), changed as (
         update delivery_parked as p set state = n.state, attempts = n.attempts, next_at = n.next_at, last_error = n.last_error,
           exhausted_at = n.exhausted_at, body = coalesce(n.body, p.body)
         from jsonb_to_recordset($4::jsonb) as n(event_id uuid, state text, attempts integer, next_at timestamptz, last_error text, exhausted_at timestamptz, body jsonb)
         where p.subscription_id = $1 and p.event_id = n.event_id and p.state not in ('skipped', 'exhausted')
       ), gone as (
         delete from delivery_parked where subscription_id = $1
           and (event_id = any($5::uuid[]) or (state = 'skipped' and (position, row_id) <= ($6::bigint, $7::bigint)))
       )
       update delivery_cursor set position = $6, row_id = $7, delivered_at = coalesce($8, delivered_at), failing_since = $9, failures = $10, last_error = coalesce($11, last_error)
       where subscription_id = $1`,
      [
        subscriptionId,
        JSON.stringify(results.attempts.map(attemptRecord)),
        JSON.stringify(results.added.map(parkedRecord)),
        JSON.stringify(results.changed.map(parkedRecord)),
        results.gone,
        results.cursor.position,
        results.cursor.id,
        results.deliveredAt ?? null,
        results.health.failingSince ?? null,
        results.health.failures,
        results.health.lastError ?? null,
      ],
    );
    return true;
  });
}

function attemptRecord(row: AttemptRow): object {
  const { event, result } = row;
  return {
    event_id: event.eventId,
    type: event.type,
    object_key: event.objectKey,
    number: row.number,
    outcome: row.outcome,
    stage: result.stage,
    http_status: result.httpStatus,
    message: result.message,
    excerpt: result.excerpt,
    started_at: result.startedAt,
    duration_ms: result.durationMs,
    next_at: row.nextAt,
  };
}

function parkedRecord(row: ParkedRow): object {
  return {
    event_id: row.eventId,
    position: row.place.position,
    row_id: row.place.id,
    object_key: row.objectKey,
    type: row.type,
    occurred_at: row.occurredAt,
    state: row.state,
    attempts: row.attempts,
    next_at: row.nextAt,
    parked_at: row.parkedAt,
    last_error: row.lastError,
    replay_id: row.replayId ?? null,
    exhausted_at: row.exhaustedAt ?? null,
    body: row.body ?? null,
  };
}
