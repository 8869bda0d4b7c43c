import type { Executor } from '../../kernel/database.ts';
import type { Cursor, LogEvent } from '../log.ts';
import type { ParkedState } from './store.ts';

/** Queries behind the operations that look at deliveries, and retry or skip one. The engine's own are in `store.ts`. */

/** Counting further than this tells nobody more. */
const COUNT_LIMIT = 100_000;

export interface DeliveryStatus extends Cursor {
  readonly delivered_at: Date | null;
  readonly behind_count: number;
  readonly oldest: Date | null;
  readonly parked_count: number;
  readonly dead_count: number;
  readonly failing_since: Date | null;
  readonly failures: number;
  readonly last_error: string | null;
  readonly owner: string | null;
}

/** How far a subscription is: its cursor, how many events it wants lie beyond (at most 100,000 are counted), and the oldest event not delivered. */
export async function readStatus(db: Executor, subscription: { id: number; tenant_id: number; workspace_id: number | null; types: readonly string[] }): Promise<DeliveryStatus | undefined> {
  return db.row<DeliveryStatus>(
    `select c.position, c.row_id as id, c.delivered_at, c.failing_since, c.failures, c.last_error, c.owner,
       (select count(*) from delivery_parked where subscription_id = c.subscription_id and state in ('blocked', 'behind')) as parked_count,
       (select count(*) from delivery_parked where subscription_id = c.subscription_id and state = 'exhausted') as dead_count,
       (select count(*) from delivery_parked where subscription_id = c.subscription_id and state in ('blocked', 'behind')) + l.count as behind_count,
       least((select min(occurred_at) from delivery_parked where subscription_id = c.subscription_id and state in ('blocked', 'behind')), l.oldest) as oldest
     from delivery_cursor as c, lateral (
       select count(*), min(occurred_at) as oldest from (
         select occurred_at from event where (position, id) > (c.position, c.row_id) and tenant_id = $2 and ($3::bigint is null or workspace_id = $3)
           and (cardinality($4::text[]) = 0 or type = any($4))
           and not exists (select from delivery_parked as p where p.subscription_id = c.subscription_id and p.event_id = event.event_id)
         limit ${COUNT_LIMIT}) as unread) as l
     where c.subscription_id = $1`,
    [subscription.id, subscription.tenant_id, subscription.workspace_id, subscription.types],
  );
}

export interface BlockedKey {
  readonly object_key: string;
  readonly event_id: string;
  readonly type: string;
  readonly state: ParkedState;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly parked_at: Date;
  readonly next_at: Date | null;
  readonly waiting: number;
}

/** Blocked events and dead letters, oldest first, with the number of events that wait behind them. */
export function listBlocked(db: Executor, subscriptionId: number, count: number): Promise<BlockedKey[]> {
  return db.rows(
    `select p.object_key, p.event_id, p.type, p.state, p.attempts, p.last_error, p.parked_at, p.next_at,
       case when p.state = 'blocked' then (select count(*) from delivery_parked as b where b.subscription_id = $1 and b.state = 'behind' and b.object_key = p.object_key) else 0 end as waiting
     from delivery_parked as p where p.subscription_id = $1 and p.state in ('blocked', 'exhausted', 'replay') order by p.position, p.row_id limit $2`,
    [subscriptionId, count],
  );
}

/** Keys that wait, longest blocked first, with the number of events behind. */
export function listBlockedKeys(db: Executor, subscriptionId: number, offset: number, count: number): Promise<BlockedKey[]> {
  return db.rows(
    `select p.object_key, p.event_id, p.type, p.state, p.attempts, p.last_error, p.parked_at, p.next_at,
       (select count(*) from delivery_parked as b where b.subscription_id = $1 and b.state = 'behind' and b.object_key = p.object_key) as waiting
     from delivery_parked as p where p.subscription_id = $1 and p.state = 'blocked' order by p.parked_at, p.event_id offset $2 limit $3`,
    [subscriptionId, offset, count],
  );
}

export async function countBlockedKeys(db: Executor, subscriptionId: number): Promise<number> {
  return (await db.row<{ count: number }>(`select count(*) from delivery_parked where subscription_id = $1 and state = 'blocked'`, [subscriptionId]))?.count ?? 0;
}

/** The event that blocks the key now. */
export function findBlocked(db: Executor, subscriptionId: number, objectKey: string): Promise<{ event_id: string } | undefined> {
  return db.row(`select event_id from delivery_parked where subscription_id = $1 and object_key = $2 and state = 'blocked' order by position, row_id limit 1`, [subscriptionId, objectKey]);
}

/** The event that blocks the key, locked, or undefined when the key is not blocked. */
export function lockBlocked(tx: Executor, subscriptionId: number, objectKey: string): Promise<{ event_id: string } | undefined> {
  return tx.row(`select event_id from delivery_parked where subscription_id = $1 and object_key = $2 and state = 'blocked' order by position, row_id limit 1 for update`, [subscriptionId, objectKey]);
}

/** Makes the event a dead letter at once, with its body from the log, and says so in the delivery log. */
export async function setAside(tx: Executor, subscriptionId: number, event: LogEvent, reason: string, now: Date): Promise<void> {
  await tx.run(
    `with aside as (
       update delivery_parked set state = 'exhausted', next_at = null, last_error = $3, exhausted_at = $4, body = $5::jsonb where subscription_id = $1 and event_id = $2
       returning type, object_key, attempts
     )
     insert into delivery_attempt (subscription_id, event_id, type, object_key, number, outcome, stage, message, started_at, duration_ms)
     select $1, $2, type, object_key, attempts + 1, 'skipped', 'parked', $3, $4, 0 from aside`,
    [subscriptionId, event.eventId, reason, now, JSON.stringify(event)],
  );
}

export interface DeadLetter {
  readonly event_id: string;
  readonly type: string;
  readonly object_key: string;
  readonly occurred_at: Date;
  readonly exhausted_at: Date | null;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly body: { readonly data?: unknown } | null;
}

/** What chooses dead letters; undefined does not matter. */
export interface DeadLetterFilter {
  readonly subscriptionId: number;
  readonly eventIds: readonly string[] | undefined;
  readonly objectKey: string | undefined;
  readonly type: string | undefined;
  readonly from: Date | undefined;
  readonly to: Date | undefined;
}

const deadFilter = `subscription_id = $1 and state = 'exhausted' and ($2::uuid[] is null or event_id = any($2)) and ($3::text is null or object_key = $3) and ($4::text is null or type = $4)
  and coalesce(exhausted_at, parked_at) >= $5 and coalesce(exhausted_at, parked_at) < $6`;
const deadValues = (filter: DeadLetterFilter) => [filter.subscriptionId, filter.eventIds ?? null, filter.objectKey ?? null, filter.type ?? null, filter.from ?? '-infinity', filter.to ?? 'infinity'];

/** Dead letters, newest first. */
export function listDeadLetters(db: Executor, filter: DeadLetterFilter, offset: number, count: number): Promise<DeadLetter[]> {
  return db.rows(
    `select event_id, type, object_key, occurred_at, coalesce(exhausted_at, parked_at) as exhausted_at, attempts, last_error, body
     from delivery_parked where ${deadFilter} order by coalesce(exhausted_at, parked_at) desc, event_id offset $7 limit $8`,
    [...deadValues(filter), offset, count],
  );
}

export async function countDeadLetters(db: Executor, filter: DeadLetterFilter): Promise<number> {
  return (await db.row<{ count: number }>(`select count(*) from delivery_parked where ${deadFilter}`, deadValues(filter)))?.count ?? 0;
}

/** Marks dead letters to be sent once more, the oldest first, at most `limit`. Answers how many. */
export function replayDeadLetters(tx: Executor, filter: DeadLetterFilter, limit: number, now: Date): Promise<number> {
  return tx.run(
    `update delivery_parked set state = 'replay', next_at = $8
     where subscription_id = $1 and event_id in (select event_id from delivery_parked where ${deadFilter} order by position, row_id limit $7 for update skip locked)`,
    [...deadValues(filter), limit, now],
  );
}

export interface ListedAttempt {
  readonly id: number;
  readonly subscription_id: number;
  readonly event_id: string;
  readonly type: string;
  readonly object_key: string;
  readonly number: number;
  readonly outcome: 'succeeded' | 'failed' | 'skipped';
  readonly stage: string | null;
  readonly http_status: number | null;
  readonly message: string | null;
  readonly excerpt: string | null;
  readonly started_at: Date;
  readonly duration_ms: number;
  readonly next_at: Date | null;
}

export interface AttemptFilter {
  readonly subscriptions: readonly number[];
  readonly eventId: string | undefined;
  readonly outcome: string | undefined;
  readonly from: Date | undefined;
  readonly to: Date | undefined;
  readonly objectKey: string | undefined;
  readonly type: string | undefined;
  readonly httpStatus: number | undefined;
  /** In the payload, the answer or the error, whatever its case. */
  readonly keyword: string | undefined;
  readonly minDurationMs: number | undefined;
}

const attemptColumns = 'id, subscription_id, event_id, type, object_key, number, outcome, stage, http_status, message, excerpt, started_at, duration_ms, next_at';

/** Only the conditions that the filter has, so that the planner knows which index serves. */
function attemptConditions(filter: AttemptFilter): { conditions: string; values: unknown[] } {
  const values: unknown[] = [];
  const only = (condition: string, value: unknown) => (value === undefined ? '' : ` and ${condition.replace('?', () => `$${values.push(value)}`)}`);
  const conditions =
    `true${only('subscription_id = any(?::bigint[])', filter.subscriptions)}` +
    only('event_id = ?::uuid', filter.eventId) +
    only('outcome = ?', filter.outcome) +
    // Said again as a constant, for the index of those that are no success.
    (filter.outcome === undefined || filter.outcome === 'succeeded' ? '' : ` and outcome <> 'succeeded'`) +
    only('started_at >= ?', filter.from) +
    only('started_at < ?', filter.to) +
    only('object_key = ?', filter.objectKey) +
    only('type = ?', filter.type) +
    only('http_status = ?', filter.httpStatus) +
    only('duration_ms >= ?', filter.minDurationMs) +
    keywordCondition(filter.keyword, values);
  return { conditions, values };
}

/** The word stands in the message, in the receiver's answer, or in the event. */
function keywordCondition(keyword: string | undefined, values: unknown[]): string {
  if (keyword === undefined) return '';
  const word = `lower($${values.push(keyword)})`;
  return ` and (strpos(lower(coalesce(message, '')), ${word}) > 0 or strpos(lower(coalesce(excerpt, '')), ${word}) > 0
    or exists (select from event where event.event_id = delivery_attempt.event_id and strpos(lower(event.data::text), ${word}) > 0))`;
}

/** Attempts, newest first. */
export function listAttempts(db: Executor, filter: AttemptFilter, offset: number, count: number): Promise<ListedAttempt[]> {
  const { conditions, values } = attemptConditions(filter);
  return db.rows(`select ${attemptColumns} from delivery_attempt where ${conditions} order by started_at desc, id desc offset $${values.length + 1} limit $${values.length + 2}`, [...values, offset, count]);
}

/** At most 100,000 are counted. */
export async function countAttempts(db: Executor, filter: AttemptFilter): Promise<number> {
  const { conditions, values } = attemptConditions(filter);
  return (await db.row<{ count: number }>(`select count(*) from (select from delivery_attempt where ${conditions} limit ${COUNT_LIMIT}) as a`, values))?.count ?? 0;
}

export function findAttempt(db: Executor, subscriptionId: number, id: number): Promise<ListedAttempt | undefined> {
  return db.row(`select ${attemptColumns} from delivery_attempt where subscription_id = $1 and id = $2`, [subscriptionId, id]);
}

/** The parked event, locked, and whether the cursor has passed it. */
export function lockParked(tx: Executor, subscriptionId: number, eventId: string): Promise<{ state: ParkedState; attempts: number; type: string; object_key: string } | undefined> {
  return tx.row('select state, attempts, type, object_key from delivery_parked where subscription_id = $1 and event_id = $2 for update', [subscriptionId, eventId]);
}

/** True when the subscription has the event behind it: delivered, parked, or not for it. */
export async function hasPassed(tx: Executor, subscriptionId: number, place: Cursor): Promise<boolean> {
  return (await tx.row('select from delivery_cursor where subscription_id = $1 and (position, row_id) >= ($2, $3)', [subscriptionId, place.position, place.id])) !== undefined;
}

export async function makeDue(tx: Executor, subscriptionId: number, eventId: string, state: 'blocked' | 'replay', now: Date): Promise<void> {
  await tx.run('update delivery_parked set state = $3, next_at = $4 where subscription_id = $1 and event_id = $2', [subscriptionId, eventId, state, now]);
}

/** Parks an event that was delivered, for one more try. */
export async function insertReplay(tx: Executor, subscriptionId: number, event: LogEvent, now: Date): Promise<void> {
  await tx.run(
    `insert into delivery_parked (subscription_id, event_id, position, row_id, object_key, type, occurred_at, state, attempts, next_at, parked_at)
     values ($1, $2, $3, $4, $5, $6, $7, 'replay', (select coalesce(max(number), 0) from delivery_attempt where event_id = $2 and subscription_id = $1), $8, $8)
     on conflict do nothing`,
    [subscriptionId, event.eventId, event.position, event.id, event.objectKey, event.type, event.occurredAt, now],
  );
}

/** Gives up a parked event: leaves an attempt row that says so, and a mark for as long as the cursor is before the event. */
export async function skipParked(tx: Executor, subscriptionId: number, eventId: string, reason: string, now: Date): Promise<void> {
  await tx.run(
    `with skipped as (
       update delivery_parked set state = 'skipped', next_at = null where subscription_id = $1 and event_id = $2 returning type, object_key, attempts
     )
     insert into delivery_attempt (subscription_id, event_id, type, object_key, number, outcome, stage, message, started_at, duration_ms)
     select $1, $2, type, object_key, attempts + 1, 'skipped', 'skipped', $3, $4, 0 from skipped`,
    [subscriptionId, eventId, reason, now],
  );
  await tx.run(
    `delete from delivery_parked as p using delivery_cursor as c
     where p.subscription_id = $1 and p.event_id = $2 and c.subscription_id = $1 and (p.position, p.row_id) <= (c.position, c.row_id)`,
    [subscriptionId, eventId],
  );
}
