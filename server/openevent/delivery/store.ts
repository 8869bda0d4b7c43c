import type { Executor } from '../../kernel/database.ts';
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

/**
 * Takes running subscriptions that nobody delivers, or whose deliverer is among the `dead`, at most `limit`. They are read by a statement of their own
 * after the claim: the claim waits for a change that ends the lease and changes the subscription, but sees the subscription as it was before it.
 */
export async function claimSubscriptions(db: Executor, owner: string, now: Date, leaseUntil: Date, limit: number, dead: readonly string[]): Promise<ClaimedSubscription[]> {
  const claimed = await db.rows<{ id: number; epoch: number }>(
    `update delivery_cursor as c set owner = $1, lease_until = $3, epoch = epoch + 1
     where c.subscription_id in (
       select free.subscription_id from delivery_cursor as free join subscription on subscription.id = free.subscription_id
       where ${isRunning('subscription')} and (free.owner is null or free.lease_until < $2 or free.owner = any($5::text[]))
       order by free.subscription_id limit $4 for update of free skip locked)
     returning c.subscription_id as id, c.epoch`,
    [owner, now, leaseUntil, limit, dead],
  );
  if (claimed.length === 0) return [];
  const rows = await db.rows<ClaimedRow>(
    `select ${claimedColumns} from unnest($2::bigint[], $3::bigint[]) as k(id, epoch) join delivery_cursor as c on c.subscription_id = k.id and c.epoch = k.epoch
     join subscription as s on s.id = c.subscription_id where c.owner = $1 and ${isRunning('s')} order by s.id`,
    [owner, claimed.map((one) => one.id), claimed.map((one) => one.epoch)],
  );
  const running = new Set(rows.map((row) => row.id));
  for (const { id, epoch } of claimed) if (!running.has(id)) await releaseLease(db, owner, id, epoch);
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
    `with held as materialized (
       select c.subscription_id from delivery_cursor as c join unnest($3::bigint[], $4::bigint[]) as h(id, epoch) on c.subscription_id = h.id and c.epoch = h.epoch
       where c.owner = $1 order by c.subscription_id for update of c)
     update delivery_cursor as c set lease_until = $2 from held as h, subscription as s
     where c.subscription_id = h.subscription_id and s.id = h.subscription_id
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
  /** True when rows of parked events are written, or marks of skipped ones may be passed. */
  readonly touchesParked: boolean;
}

/** The results of one subscription, for a write together with those of others. */
export interface ResultsOf {
  readonly subscriptionId: number;
  readonly epoch: number;
  readonly results: Results;
}

/** The subscriptions of `$1` whose lease this owner still holds, locked in one order. The commit does not wait for the disk. */
const heldSubscriptions = `input as (
     select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[], $7::integer[], $8::text[])
       as i(subscription_id, epoch, position, row_id, delivered_at, failing_since, failures, last_error)
   ), held as materialized (
     select c.subscription_id from delivery_cursor as c join input as i on i.subscription_id = c.subscription_id and i.epoch = c.epoch
     where c.owner = $9 and set_config('synchronous_commit', 'off', true) is not null order by c.subscription_id for update of c
   ), attempted as (
     insert into delivery_attempt (subscription_id, event_id, type, object_key, number, outcome, stage, http_status, message, excerpt, started_at, duration_ms, next_at)
     select subscription_id, event_id, type, object_key, number, outcome, stage, http_status, message, excerpt, started_at, duration_ms, next_at
     from jsonb_to_recordset($10::jsonb) as a(subscription_id bigint, event_id uuid, type text, object_key text, number integer, outcome text, stage text, http_status integer,
       message text, excerpt text, started_at timestamptz, duration_ms integer, next_at timestamptz) join held using (subscription_id)
   )`;

const moveCursors = `update delivery_cursor as c set position = i.position, row_id = i.row_id, delivered_at = coalesce(i.delivered_at, c.delivered_at), failing_since = i.failing_since,
     failures = i.failures, last_error = coalesce(i.last_error, c.last_error)
   from input as i join held as h on h.subscription_id = i.subscription_id where c.subscription_id = i.subscription_id returning c.subscription_id as id`;

const parkedWrites = `added as (
     insert into delivery_parked (subscription_id, ${parkedColumns}, exhausted_at, body)
     select subscription_id, ${parkedColumns}, exhausted_at, body
     from jsonb_to_recordset($11::jsonb) as p(subscription_id bigint, event_id uuid, position bigint, row_id bigint, object_key text, type text, occurred_at timestamptz, state text,
       attempts integer, next_at timestamptz, parked_at timestamptz, last_error text, replay_id bigint, exhausted_at timestamptz, body jsonb) join held using (subscription_id)
     on conflict do nothing
   ), changed as (
     update delivery_parked as p set state = n.state, attempts = n.attempts, next_at = n.next_at, last_error = n.last_error, exhausted_at = n.exhausted_at, body = coalesce(n.body, p.body)
     from jsonb_to_recordset($12::jsonb) as n(subscription_id bigint, event_id uuid, state text, attempts integer, next_at timestamptz, last_error text, exhausted_at timestamptz, body jsonb)
       join held as h on h.subscription_id = n.subscription_id
     where p.subscription_id = n.subscription_id and p.event_id = n.event_id and p.state not in ('skipped', 'exhausted')
   ), gone as (
     delete from delivery_parked as p using unnest($13::bigint[], $14::uuid[]) as g(subscription_id, event_id) join held as h on h.subscription_id = g.subscription_id
     where p.subscription_id = g.subscription_id and p.event_id = g.event_id
   ), passed as (
     delete from delivery_parked as p using input as i join held as h on h.subscription_id = i.subscription_id
     where p.subscription_id = i.subscription_id and p.state = 'skipped' and (p.position, p.row_id) <= (i.position, i.row_id)
       and not exists (select from unnest($13::bigint[], $14::uuid[]) as g(subscription_id, event_id) where g.subscription_id = p.subscription_id and g.event_id = p.event_id)
   )`;

/**
 * Writes what came of a number of tries, what is parked now and the new cursor of each subscription, all or nothing. Answers the ids of those whose
 * lease is still held; of the others nothing is written. One statement for all, since the round trips and the commit cost more than the rows. It does
 * not wait for the disk: should PostgreSQL crash, the last moments are delivered again, under the same event ids.
 */
export async function writeResults(db: Executor, owner: string, all: readonly ResultsOf[]): Promise<number[]> {
  const of = <Row, Written>(rows: (results: Results) => readonly Row[], write: (row: Row) => Written) =>
    all.flatMap(({ subscriptionId, results }) => rows(results).map((row) => ({ subscription_id: subscriptionId, ...write(row) })));
  const values: unknown[] = [
    all.map((one) => one.subscriptionId),
    all.map((one) => one.epoch),
    all.map((one) => one.results.cursor.position),
    all.map((one) => one.results.cursor.id),
    all.map((one) => one.results.deliveredAt ?? null),
    all.map((one) => one.results.health.failingSince ?? null),
    all.map((one) => one.results.health.failures),
    all.map((one) => one.results.health.lastError ?? null),
    owner,
    JSON.stringify(of((results) => results.attempts, attemptRecord)),
  ];
  if (all.every(({ results }) => !results.touchesParked)) return (await db.rows<{ id: number }>(`with ${heldSubscriptions} ${moveCursors}`, values)).map((row) => row.id);
  const gone = all.flatMap(({ subscriptionId, results }) => results.gone.map((eventId) => ({ subscriptionId, eventId })));
  values.push(
    JSON.stringify(of((results) => results.added, parkedRecord)),
    JSON.stringify(of((results) => results.changed, parkedRecord)),
    gone.map((one) => one.subscriptionId),
    gone.map((one) => one.eventId),
  );
  return (await db.rows<{ id: number }>(`with ${heldSubscriptions}, ${parkedWrites} ${moveCursors}`, values)).map((row) => row.id);
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
