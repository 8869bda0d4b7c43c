import type { Executor } from '../../kernel/database.ts';
import { compareCursors, type Cursor } from '../log.ts';

/** The bus that every tenant has, made when it is first written to. */
export const DEFAULT_BUS = 'default';

export interface BusRow {
  /** 0 for a default bus that nothing was written of yet. */
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly retention_days: number | null;
  readonly retention_bytes: number | null;
  readonly created_at: Date | null;
  readonly modified_at: Date | null;
  readonly rules: number;
  readonly channels: number;
}

const busColumns = `b.id, b.name, b.description, b.enabled, b.retention_days, b.retention_bytes, b.created_at, b.modified_at,
  (select count(*) from event_rule where bus_id = b.id) as rules, (select count(*) from event_channel where bus_id = b.id) as channels`;

/** All buses of a tenant, the default one among them whether it was written or not. */
const busesOfTenant = `(select id, name, description, enabled, retention_days, retention_bytes, created_at, modified_at from event_bus where tenant_id = $1
  union all select 0, '${DEFAULT_BUS}', '', true, null, null, null, null where not exists (select from event_bus where tenant_id = $1 and name = '${DEFAULT_BUS}'))`;

export function findBus(db: Executor, tenantId: number, name: string): Promise<BusRow | undefined> {
  return db.row(`select ${busColumns} from ${busesOfTenant} as b where b.name = $2`, [tenantId, name]);
}

/** The bus, locked; the default one is made if need be. */
export async function lockBus(tx: Executor, tenantId: number, name: string, now: Date): Promise<BusRow | undefined> {
  if (name === DEFAULT_BUS) {
    await tx.run(`insert into event_bus (tenant_id, name, description, enabled, created_by, created_at, modified_at) values ($1, $2, '', true, 0, $3, $3) on conflict do nothing`, [tenantId, name, now]);
  }
  return tx.row(`select ${busColumns} from event_bus as b where b.tenant_id = $1 and b.name = $2 for update of b`, [tenantId, name]);
}

const busFilter = `($2::text is null or strpos(lower(b.name), lower($2)) > 0 or strpos(lower(b.description), lower($2)) > 0)`;

export function listBuses(db: Executor, tenantId: number, keyword: string | undefined, offset: number, count: number): Promise<BusRow[]> {
  return db.rows(`select ${busColumns} from ${busesOfTenant} as b where ${busFilter} order by b.name <> '${DEFAULT_BUS}', b.name offset $3 limit $4`, [tenantId, keyword ?? null, offset, count]);
}

export async function countBuses(db: Executor, tenantId: number, keyword: string | undefined): Promise<number> {
  return (await db.row<{ count: number }>(`select count(*) from ${busesOfTenant} as b where ${busFilter}`, [tenantId, keyword ?? null]))?.count ?? 0;
}

/** Lets one change at a time add to the buses of the tenant, so that limits hold. */
export async function lockTenantBuses(tx: Executor, tenantId: number): Promise<void> {
  await tx.run(`select pg_advisory_xact_lock(hashtextextended('event_bus', $1))`, [tenantId]);
}

/** Violates `event_bus_name` when the name is taken. */
export async function insertBus(tx: Executor, row: { tenantId: number; name: string; description: string; retentionDays: number | null; retentionBytes: number | null; userId: number }, now: Date): Promise<void> {
  await tx.run(
    `insert into event_bus (tenant_id, name, description, enabled, retention_days, retention_bytes, created_by, created_at, modified_at) values ($1, $2, $3, true, $4, $5, $6, $7, $7)`,
    [row.tenantId, row.name, row.description, row.retentionDays, row.retentionBytes, row.userId, now],
  );
}

export async function updateBus(tx: Executor, row: Pick<BusRow, 'id' | 'description' | 'enabled' | 'retention_days' | 'retention_bytes'>, now: Date): Promise<void> {
  await tx.run('update event_bus set description = $2, enabled = $3, retention_days = $4, retention_bytes = $5, modified_at = $6 where id = $1', [
    row.id,
    row.description,
    row.enabled,
    row.retention_days,
    row.retention_bytes,
    now,
  ]);
}

export async function deleteBus(tx: Executor, id: number): Promise<void> {
  await tx.run('delete from event_bus where id = $1', [id]);
}

// Channels

export interface ChannelRow {
  readonly id: number;
  readonly bus_id: number;
  readonly bus_name: string;
  readonly workspace_id: number;
  readonly enabled: boolean;
  readonly created_by: number;
  readonly created_at: Date;
  readonly modified_at: Date;
}

const channels = `select c.id, c.bus_id, b.name as bus_name, c.workspace_id, c.enabled, c.created_by, c.created_at, c.modified_at from event_channel as c join event_bus as b on b.id = c.bus_id`;

/** Violates `event_channel_place` when the workspace has a channel to the bus already. */
export async function insertChannel(tx: Executor, row: { tenantId: number; busId: number; workspaceId: number; enabled: boolean; userId: number }, now: Date): Promise<number> {
  const made = await tx.row<{ id: number }>(
    'insert into event_channel (tenant_id, bus_id, workspace_id, enabled, created_by, created_at, modified_at) values ($1, $2, $3, $4, $5, $6, $6) returning id',
    [row.tenantId, row.busId, row.workspaceId, row.enabled, row.userId, now],
  );
  if (made === undefined) throw new Error('a channel was not written');
  return made.id;
}

export function findChannel(db: Executor, tenantId: number, id: number): Promise<ChannelRow | undefined> {
  return db.row(`${channels} where c.tenant_id = $1 and c.id = $2`, [tenantId, id]);
}

export function lockChannel(tx: Executor, tenantId: number, id: number): Promise<ChannelRow | undefined> {
  return tx.row(`${channels} where c.tenant_id = $1 and c.id = $2 for update of c`, [tenantId, id]);
}

export async function updateChannel(tx: Executor, row: Pick<ChannelRow, 'id' | 'bus_id' | 'enabled'>, now: Date): Promise<void> {
  await tx.run('update event_channel set bus_id = $2, enabled = $3, modified_at = $4 where id = $1', [row.id, row.bus_id, row.enabled, now]);
}

export async function deleteChannel(tx: Executor, id: number): Promise<void> {
  await tx.run('delete from event_channel where id = $1', [id]);
}

/** All channels of a tenant that fit, by id; visibility is decided by the caller. */
export function listChannels(db: Executor, tenantId: number, workspaceId: number | undefined, busName: string | undefined): Promise<ChannelRow[]> {
  return db.rows(`${channels} where c.tenant_id = $1 and ($2::bigint is null or c.workspace_id = $2) and ($3::text is null or b.name = $3) order by c.id`, [tenantId, workspaceId ?? null, busName ?? null]);
}

// The switch

export interface SwitchRow {
  readonly changed_by: number;
  readonly changed_at: Date;
}

/** The row of the switch where distribution is off; undefined where it is on. */
export function findSwitchedOff(db: Executor, tenantId: number): Promise<SwitchRow | undefined> {
  return db.row('select changed_by, changed_at from event_distribution_off where tenant_id = $1', [tenantId]);
}

export async function switchOff(tx: Executor, tenantId: number, userId: number, now: Date): Promise<void> {
  await tx.run('insert into event_distribution_off (tenant_id, changed_by, changed_at) values ($1, $2, $3) on conflict do nothing', [tenantId, userId, now]);
}

export async function switchOn(tx: Executor, tenantId: number): Promise<void> {
  await tx.run('delete from event_distribution_off where tenant_id = $1', [tenantId]);
}

// What flows

/** What a bus is given: ids of workspaces, and 0 for events that belong to the tenant as a whole. Nothing while it is disabled or distribution is off. */
const scopeOfBus = `case when not b.enabled or exists (select from event_distribution_off as o where o.tenant_id = b.tenant_id) then '{}'::bigint[]
  else array(select workspace_id from event_channel as c where c.bus_id = b.id and c.enabled order by workspace_id)
       || case when b.name = '${DEFAULT_BUS}' then array[0::bigint] else '{}'::bigint[] end end`;

/** Workspaces whose events reach the bus now, with 0 for those of the tenant; undefined when there is no such bus. */
export async function readScope(db: Executor, tenantId: number, busName: string): Promise<number[] | undefined> {
  const row = await db.row<{ scope: number[] }>(`select to_jsonb(${scopeOfBus}) as scope from event_bus as b where b.tenant_id = $1 and b.name = $2`, [tenantId, busName]);
  if (row !== undefined) return row.scope;
  if (busName !== DEFAULT_BUS) return undefined;
  return (await findSwitchedOff(db, tenantId)) === undefined ? [0] : [];
}

/**
 * Where the log stands for a change: behind every event that the change can see. `end` of the log may be far before that while an old transaction runs
 * somewhere. What happens after the change has a later place, since its transaction is younger; what happens beside it may count or not.
 */
export async function presentPlace(tx: Executor, end: Cursor): Promise<Cursor> {
  const newest = await tx.row<Cursor>('select position, id from event order by position desc, id desc limit 1');
  return newest !== undefined && compareCursors(newest, end) > 0 ? newest : end;
}

/**
 * Writes into the subscriptions of rules what follows from bus, channels, switch and rule: of the whole tenant, of one bus, or of one rule.
 * Answers the ids of those that are another now, whose deliverers are to be told.
 *
 * Their leases end with the change: a deliverer that has yet to hear of it can no longer write, so that no event after the change is passed over by
 * what was wanted before. A subscription to which nothing flowed so far goes on at the present place of the log, whose end is `end`.
 */
export async function refreshTargets(tx: Executor, place: { tenantId: number; busId?: number; ruleId?: number }, end: Cursor, now: Date): Promise<number[]> {
  const rows = await tx.rows<{ id: number; was_dry: boolean }>(
    `update subscription as s set scope = n.scope, pattern = n.pattern, bus_name = n.bus_name, enabled = n.enabled, version = s.version + 1, modified_at = $4
     from (select t.subscription_id, case when r.enabled then ${scopeOfBus} else '{}'::bigint[] end as scope, r.pattern::jsonb as pattern, b.name as bus_name, t.enabled, o.scope = '{}' as was_dry
           from event_target as t join event_rule as r on r.id = t.rule_id join event_bus as b on b.id = r.bus_id join subscription as o on o.id = t.subscription_id
           where t.tenant_id = $1 and ($2::bigint is null or b.id = $2) and ($3::bigint is null or r.id = $3)) as n
     where s.id = n.subscription_id and (s.scope, s.pattern, s.bus_name, s.enabled) is distinct from (n.scope, n.pattern, n.bus_name, n.enabled)
     returning s.id, coalesce(n.was_dry, false) as was_dry`,
    [place.tenantId, place.busId ?? null, place.ruleId ?? null, now],
  );
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  await tx.run('update delivery_cursor set epoch = epoch + 1, owner = null, lease_until = null where subscription_id = any($1::bigint[])', [ids]);
  const dry = rows.filter((row) => row.was_dry).map((row) => row.id);
  if (dry.length === 0) return ids;
  const present = await presentPlace(tx, end);
  await tx.run('update delivery_cursor set position = $2, row_id = $3 where subscription_id = any($1::bigint[]) and (position, row_id) < ($2::bigint, $3::bigint)', [dry, present.position, present.id]);
  return ids;
}
