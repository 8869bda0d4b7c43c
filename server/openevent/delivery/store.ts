import type { Database, Executor } from '../../kernel/database.ts';
import type { Cursor, LogEvent } from '../log.ts';
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
  readonly url: string;
  readonly types: readonly string[];
  readonly sealedSecret: string;
  readonly version: number;
  readonly epoch: number;
  readonly cursor: Cursor;
}

interface ClaimedRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number | null;
  readonly url: string;
  readonly types: string[];
  readonly secret: string;
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
    url: row.url,
    types: row.types,
    sealedSecret: row.secret,
    version: row.version,
    epoch: row.epoch,
    cursor: { position: row.position, id: row.row_id },
  };
}

const claimedColumns = 's.id, s.tenant_id, s.workspace_id, s.url, s.types, s.secret, s.version, c.epoch, c.position, c.row_id';

/** Takes enabled subscriptions that nobody delivers, at most `limit`. */
export async function claimSubscriptions(db: Executor, owner: string, now: Date, leaseUntil: Date, limit: number): Promise<ClaimedSubscription[]> {
  const rows = await db.rows<ClaimedRow>(
    `update delivery_cursor as c set owner = $1, lease_until = $3, epoch = epoch + 1
     from subscription as s
     where s.id = c.subscription_id and c.subscription_id in (
       select free.subscription_id from delivery_cursor as free join subscription on subscription.id = free.subscription_id
       where subscription.enabled and (free.owner is null or free.lease_until < $2)
       order by free.subscription_id limit $4 for update of free skip locked)
     returning ${claimedColumns}`,
    [owner, now, leaseUntil, limit],
  );
  return rows.map(toClaimed);
}

/** The subscription as it is now, if it is enabled and this owner still holds it. */
export async function readClaimed(db: Executor, owner: string, id: number, epoch: number): Promise<ClaimedSubscription | undefined> {
  const row = await db.row<ClaimedRow>(
    `select ${claimedColumns} from delivery_cursor as c join subscription as s on s.id = c.subscription_id
     where c.subscription_id = $1 and c.owner = $2 and c.epoch = $3 and s.enabled`,
    [id, owner, epoch],
  );
  return row === undefined ? undefined : toClaimed(row);
}

/** Renews leases. Answers those that are still held, with the version of the subscription; an absent one is lost or deleted. */
export function renewLeases(db: Executor, owner: string, leaseUntil: Date, held: readonly { id: number; epoch: number }[]): Promise<{ id: number; version: number; enabled: boolean }[]> {
  return db.rows(
    `update delivery_cursor as c set lease_until = $2
     from unnest($3::bigint[], $4::bigint[]) as h(id, epoch), subscription as s
     where c.subscription_id = h.id and c.epoch = h.epoch and c.owner = $1 and s.id = h.id
     returning s.id, s.version, s.enabled`,
    [owner, leaseUntil, held.map((one) => one.id), held.map((one) => one.epoch)],
  );
}

/** Gives a lease back, so that another process need not wait for its end. */
export async function releaseLease(db: Executor, owner: string, id: number, epoch: number): Promise<void> {
  await db.run('update delivery_cursor set owner = null, lease_until = null where subscription_id = $1 and owner = $2 and epoch = $3', [id, owner, epoch]);
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
}

const parkedColumns = 'event_id, position, row_id, object_key, type, occurred_at, state, attempts, next_at, parked_at, last_error';

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
  };
}

/** What is parked, in the order of the log; of the dead letters and marks only those that the cursor has yet to pass. */
export async function readParked(db: Executor, subscriptionId: number): Promise<ParkedRow[]> {
  const rows = await db.rows<ParkedDbRow>(
    `select ${parkedColumns} from delivery_parked as p
     where subscription_id = $1 and (state in ('blocked', 'behind', 'replay')
       or (position, row_id) > (select position, row_id from delivery_cursor where subscription_id = $1))
     order by position, row_id`,
    [subscriptionId],
  );
  return rows.map(toParked);
}

export async function findParked(db: Executor, subscriptionId: number, eventId: string): Promise<ParkedRow | undefined> {
  const row = await db.row<ParkedDbRow>(`select ${parkedColumns} from delivery_parked where subscription_id = $1 and event_id = $2`, [subscriptionId, eventId]);
  return row === undefined ? undefined : toParked(row);
}

export interface Results {
  readonly attempts: readonly AttemptRow[];
  readonly added: readonly ParkedRow[];
  readonly changed: readonly ParkedRow[];
  readonly gone: readonly string[];
  readonly cursor: Cursor;
  readonly deliveredAt: Date | undefined;
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
         insert into delivery_parked (subscription_id, ${parkedColumns})
         select $1, ${parkedColumns}
         from jsonb_to_recordset($3::jsonb) as p(event_id uuid, position bigint, row_id bigint, object_key text, type text, occurred_at timestamptz, state text,
           attempts integer, next_at timestamptz, parked_at timestamptz, last_error text)
         on conflict do nothing
       ), changed as (
         update delivery_parked as p set state = n.state, attempts = n.attempts, next_at = n.next_at, last_error = n.last_error
         from jsonb_to_recordset($4::jsonb) as n(event_id uuid, state text, attempts integer, next_at timestamptz, last_error text)
         where p.subscription_id = $1 and p.event_id = n.event_id and p.state <> 'skipped'
       ), gone as (
         delete from delivery_parked where subscription_id = $1
           and (event_id = any($5::uuid[]) or (state = 'skipped' and (position, row_id) <= ($6::bigint, $7::bigint)))
       )
       update delivery_cursor set position = $6, row_id = $7, delivered_at = coalesce($8, delivered_at) where subscription_id = $1`,
      [
        subscriptionId,
        JSON.stringify(results.attempts.map(attemptRecord)),
        JSON.stringify(results.added.map(parkedRecord)),
        JSON.stringify(results.changed.map(parkedRecord)),
        results.gone,
        results.cursor.position,
        results.cursor.id,
        results.deliveredAt ?? null,
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
  };
}
