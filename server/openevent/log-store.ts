import type { Actor } from '../kernel/change.ts';
import type { Executor } from '../kernel/database.ts';
import { limits } from '../kernel/limits.ts';
import type { CheckedEvent } from './payload.ts';

/** A place in the log: everything up to and including it is behind the reader. */
export interface Cursor {
  readonly position: number;
  readonly id: number;
}

/** An event as the log keeps it. */
export interface LogEvent extends Cursor {
  readonly eventId: string;
  readonly tenantId: number;
  readonly workspaceId: number | undefined;
  readonly code: string;
  readonly type: string;
  readonly objectKey: string;
  /** The complete payload, with `tenantId` and `eventCode`. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly occurredAt: Date;
  /** The user who did it, 0 for the platform. */
  readonly actorId: number;
  readonly requestId: string | undefined;
  /** W3C trace context of the call, when it named one. */
  readonly traceparent?: string | undefined;
}

/** What a reader wants to see; what is absent does not matter. */
export interface ReadFilter {
  readonly tenantId?: number | undefined;
  /** CloudEvents types; an empty list means all. */
  readonly types?: readonly string[] | undefined;
  readonly workspaceId?: number | undefined;
  readonly objectKey?: string | undefined;
  /** Inclusive. */
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
}

export interface EventRow {
  readonly position: number;
  readonly id: number;
  readonly event_id: string;
  readonly tenant_id: number;
  readonly workspace_id: number | null;
  readonly code: string;
  readonly type: string;
  readonly object_key: string;
  readonly data: Record<string, unknown>;
  readonly occurred_at: Date;
  readonly actor_id: number;
  readonly request_id: string | null;
  readonly traceparent: string | null;
}

/** What a row of the log is read by. */
export const eventColumns = 'position, id, event_id, tenant_id, workspace_id, code, type, object_key, data, occurred_at, actor_id, request_id, traceparent';

export function toEvent(row: EventRow): LogEvent {
  return {
    position: row.position,
    id: row.id,
    eventId: row.event_id,
    tenantId: row.tenant_id,
    workspaceId: row.workspace_id ?? undefined,
    code: row.code,
    type: row.type,
    objectKey: row.object_key,
    data: row.data,
    occurredAt: row.occurred_at,
    actorId: row.actor_id,
    requestId: row.request_id ?? undefined,
    traceparent: row.traceparent ?? undefined,
  };
}

const written = 'position, event_id, tenant_id, workspace_id, code, type, object_key, data, occurred_at, actor_id, request_id, traceparent';
const nextPosition = 'greatest(pg_current_xact_id()::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1) + (select shift from event_epoch)';

/**
 * Writes events in the order given. Must be the last statement of its transaction that waits for anything: the position is right only
 * when every lock of the change is held (decision 0003). `order by` gives the ids out in the order of the list. Most changes raise one event, which costs
 * PostgreSQL a third less when it is written as one row.
 */
export async function insertEvents(tx: Pick<Executor, 'run'>, actor: Actor, now: Date, events: readonly CheckedEvent[]): Promise<void> {
  const values: unknown[] = [actor.tenantId, now, actor.userId, actor.requestId ?? null, actor.traceparent ?? null];
  const [only, ...others] = events;
  if (only !== undefined && others.length === 0) {
    const { event, type, data } = only;
    values.push(event.eventId, event.workspaceId ?? null, event.code, type.type, event.objectKey, data);
    await tx.run(`insert into event (${written}) values (${nextPosition}, $6, $1, $7, $8, $9, $10, $11::jsonb, $2, $3, $4, $5)`, values);
    return;
  }
  values.push(
    events.map(({ event }) => event.eventId),
    events.map(({ event }) => event.workspaceId ?? null),
    events.map(({ event }) => event.code),
    events.map(({ type }) => type.type),
    events.map(({ event }) => event.objectKey),
    events.map(({ data }) => data),
  );
  await tx.run(
    `insert into event (${written})
     select ${nextPosition}, e.event_id, $1, e.workspace_id, e.code, e.type, e.object_key, e.data::jsonb, $2, $3, $4, $5
     from unnest($6::uuid[], $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[])
          with ordinality as e(event_id, workspace_id, code, type, object_key, data, place)
     order by e.place`,
    values,
  );
}

/** The next of 1, 2, 5, 10, 20, 50, …: callers choose their pages, and each size would be a text of its own among those that are prepared, of which there is room for so many. */
function roundSize(limit: number): number {
  const step = 10 ** Math.floor(Math.log10(Math.max(1, limit)));
  return step * ([1, 2, 5].find((times) => step * times >= limit) ?? 10);
}

/** Events after `cursor` and below the floor of this statement's own snapshot, with that floor. */
export async function readEvents(db: Executor, cursor: Cursor, limit: number, filter: ReadFilter): Promise<{ events: LogEvent[]; floor: number; waiting: boolean }> {
  const values: unknown[] = [cursor.position, cursor.id];
  // Only conditions that are there, so that a text is planned once for all its uses: a plan that asks at each use whether there is a filter looks so
  // expensive to PostgreSQL that it plans anew each time.
  const only = (condition: string, value: unknown) => (value === undefined ? '' : ` and ${condition} $${values.push(value)}`);
  const types = filter.types === undefined || filter.types.length === 0 ? undefined : filter.types;
  // Both looks go along an index and end at what they look for, whatever PostgreSQL knows of the log, which on a new day or after a crash is nothing: `exists` would let it scan
  // the day for one row at its end, and a plain `tenant_id = …`, of which it then expects one row in 200, would let it sort all that is to come to find one page. A size as text
  // and a cursor that is hidden behind `offset 0` let it keep one plan: with their values it would think a new one better, and planning costs more than reading 200 events.
  const likely = (condition: string, value: unknown) => (value === undefined ? '' : ` and coalesce(${condition.replace('?', `$${values.push(value)}`)}, false)`);
  const conditions =
    likely('tenant_id = ?', filter.tenantId) +
    likely('type = any(?::text[])', types) +
    likely('workspace_id = ?', filter.workspaceId) +
    only('object_key =', filter.objectKey) +
    only('occurred_at >=', filter.from) +
    only('occurred_at <', filter.to);
  const rows = await db.rows<{ floor: number; waiting: boolean } & (EventRow | { id: null })>(
    `select f.floor, f.waiting, e.*
     from (select pg_snapshot_xmin(s)::text::bigint + shift as floor,
                  case when pg_snapshot_xmin(s) < pg_snapshot_xmax(s)
                       then (select position from event where position >= pg_snapshot_xmin(s)::text::bigint + shift order by position, id limit 1) is not null else false end as waiting,
                  $1::bigint as after_position, $2::bigint as after_id
           from pg_current_snapshot() as s, event_epoch offset 0) as f
     left join lateral (
       select ${eventColumns} from event
       where (position, id) > (f.after_position, f.after_id) and position < f.floor${conditions}
       order by position, id limit ${roundSize(limit)}) as e on true
     order by e.position, e.id`,
    values,
  );
  const first = rows[0];
  if (first === undefined) throw new Error('the log told no floor');
  return { events: rows.slice(0, limit).flatMap((row) => (row.id === null ? [] : [toEvent(row)])), floor: first.floor, waiting: first.waiting };
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The event of the tenant, or undefined, also for text that is no event id at all. */
export async function findEvent(db: Executor, eventId: string, tenantId: number): Promise<LogEvent | undefined> {
  if (!uuid.test(eventId)) return undefined;
  const row = await db.row<EventRow>(`select ${eventColumns} from event where event_id = $1 and tenant_id = $2`, [eventId, tenantId]);
  return row === undefined ? undefined : toEvent(row);
}

/** The newest events of the tenant or of one of its workspaces, newest first, out of the newest `eventSearch` of all: a quiet tenant must not search the whole log. */
export async function recentEvents(db: Executor, tenantId: number, workspaceId: number | undefined, count: number): Promise<LogEvent[]> {
  const rows = await db.rows<EventRow>(
    `select ${eventColumns} from (select * from event order by position desc, id desc limit $4) as newest
     where tenant_id = $1 and ($2::bigint is null or workspace_id = $2) order by position desc, id desc limit $3`,
    [tenantId, workspaceId ?? null, count, limits.eventSearch.value],
  );
  return rows.map(toEvent);
}
