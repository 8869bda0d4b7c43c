import type { Executor } from '../kernel/database.ts';
import { limits } from '../kernel/limits.ts';
import type { DestinationColumns, StoredHeader } from './delivery/destination.ts';
import type { Format } from './delivery/format.ts';
import type { RetryStrategy } from './delivery/retries.ts';
import type { Cursor } from './log.ts';

export { headerPurpose, secretPurpose } from './delivery/destination.ts';

/** How a subscription is delivered. */
export interface DeliverySettings {
  readonly format: Format;
  readonly timeout_ms: number;
  readonly concurrency: number;
  /** Events a second. */
  readonly rate: number | null;
  readonly retry: RetryStrategy;
  readonly headers: readonly StoredHeader[];
  readonly pause_after_ms: number;
}

export const defaultSettings: DeliverySettings = {
  format: 'dataworks',
  timeout_ms: limits.deliveryTimeoutMs.value,
  concurrency: limits.deliveryConcurrency.value,
  rate: null,
  retry: 'standard',
  headers: [],
  pause_after_ms: limits.deliveryPauseAfterMs.value,
};

/** A push subscription as its owners see it. */
export interface SubscriptionRow extends DestinationColumns, DeliverySettings {
  readonly format: Format;
  readonly timeout_ms: number;
  readonly headers: readonly StoredHeader[];
  readonly tenant_id: number;
  readonly workspace_id: number | null;
  readonly name: string;
  readonly types: string[];
  /** An event pattern beside the types; null for none. */
  readonly pattern: unknown;
  readonly enabled: boolean;
  readonly paused_at: Date | null;
  readonly pause_reason: 'failing' | 'manual' | null;
  readonly warned_at: Date | null;
  readonly warned_share: number | null;
  readonly created_by: number;
  readonly created_at: Date;
  readonly modified_at: Date;
}

const settingColumns = 'format, timeout_ms, concurrency, rate, retry, headers, pause_after_ms';
const columns = `id, tenant_id, workspace_id, name, url, types, pattern, secret, previous_secret, previous_until, bus_name, ${settingColumns}, enabled, paused_at, pause_reason, warned_at, warned_share,
  created_by, created_at, modified_at`;

/** Draws the id beforehand, since the secret is sealed for it. */
export async function nextSubscriptionId(tx: Executor): Promise<number> {
  const row = await tx.row<{ id: number }>(`select nextval(pg_get_serial_sequence('subscription', 'id')) as id`);
  if (row === undefined) throw new Error('the sequence of subscriptions gave no id');
  return row.id;
}

/** Lets only one change at a time add a subscription to the tenant, so that the limit holds. Answers how many there are beside those of rules. */
export async function lockSubscriptions(tx: Executor, tenantId: number): Promise<number> {
  await tx.run(`select pg_advisory_xact_lock(hashtextextended('subscriptions', $1))`, [tenantId]);
  const row = await tx.row<{ count: number }>('select count(*) from subscription as s where tenant_id = $1 and not exists (select from event_target as t where t.subscription_id = s.id)', [tenantId]);
  return row?.count ?? 0;
}

export interface NewSubscription extends Pick<SubscriptionRow, 'id' | 'tenant_id' | 'workspace_id' | 'name' | 'url' | 'types' | 'secret' | 'enabled' | 'created_by'> {
  /** `defaultSettings` where absent. */
  readonly settings?: Partial<DeliverySettings>;
  readonly pattern?: unknown;
}

/** Adds a subscription that begins at `start`. Violates `subscription_name` when the name is taken. */
export async function insertSubscription(tx: Executor, row: NewSubscription, start: Cursor, now: Date): Promise<void> {
  await tx.run(
    `with added as (
       insert into subscription (id, tenant_id, workspace_id, name, url, types, secret, enabled, created_by, created_at, modified_at, pattern, ${settingColumns})
       overriding system value values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $13::jsonb, $14, $15, $16, $17, $18, $19::jsonb, $20))
     insert into delivery_cursor (subscription_id, position, row_id) values ($1, $11, $12)`,
    [
      row.id,
      row.tenant_id,
      row.workspace_id,
      row.name,
      row.url,
      row.types,
      row.secret,
      row.enabled,
      row.created_by,
      now,
      start.position,
      start.id,
      jsonOrNull(row.pattern),
      ...settingValues({ ...defaultSettings, ...row.settings }),
    ],
  );
}

function jsonOrNull(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}

function settingValues(settings: DeliverySettings): unknown[] {
  return [settings.format, settings.timeout_ms, settings.concurrency, settings.rate, settings.retry, JSON.stringify(settings.headers), settings.pause_after_ms];
}

export function findSubscription(db: Executor, tenantId: number, id: number): Promise<SubscriptionRow | undefined> {
  return db.row(`select ${columns} from subscription where tenant_id = $1 and id = $2`, [tenantId, id]);
}

/** Locks the subscription, but not its key, which the deliverer refers to while it parks events. */
export function lockSubscription(tx: Executor, tenantId: number, id: number): Promise<SubscriptionRow | undefined> {
  return tx.row(`select ${columns} from subscription where tenant_id = $1 and id = $2 for no key update`, [tenantId, id]);
}

export interface ChangedSubscription extends Pick<SubscriptionRow, 'id' | 'workspace_id' | 'name' | 'url' | 'types' | 'pattern' | 'secret' | 'enabled'>, DeliverySettings {}

/** Writes the whole row and moves its version. A new secret takes the place of all former ones. Violates `subscription_name` when the name is taken. */
export async function updateSubscription(tx: Executor, row: ChangedSubscription, now: Date): Promise<void> {
  await tx.run(
    `update subscription set workspace_id = $2, name = $3, url = $4, types = $5, secret = $6, enabled = $7, version = version + 1, modified_at = $8, pattern = $9::jsonb,
       previous_secret = case when secret = $6 then previous_secret end, previous_until = case when secret = $6 then previous_until end,
       format = $10, timeout_ms = $11, concurrency = $12, rate = $13, retry = $14, headers = $15::jsonb, pause_after_ms = $16
     where id = $1`,
    [row.id, row.workspace_id, row.name, row.url, row.types, row.secret, row.enabled, now, jsonOrNull(row.pattern), ...settingValues(row)],
  );
}

/** Puts a new secret in the place of the present one, which goes on signing beside it until `until`. */
export async function rotateSecret(tx: Executor, id: number, sealed: string, until: Date, now: Date): Promise<void> {
  await tx.run('update subscription set previous_secret = secret, previous_until = $3, secret = $2, version = version + 1, modified_at = $4 where id = $1', [id, sealed, until, now]);
}

export async function deleteSubscription(tx: Executor, tenantId: number, id: number): Promise<boolean> {
  return (await tx.run('delete from subscription where tenant_id = $1 and id = $2', [tenantId, id])) === 1;
}

export interface SubscriptionFilter {
  readonly tenantId: number;
  /** Workspaces whose subscriptions may be seen; undefined for all. Those of the tenant are always seen. */
  readonly workspaces: readonly number[] | undefined;
  readonly workspaceId: number | undefined;
  readonly enabled: boolean | undefined;
  readonly keyword: string | undefined;
}

const filterText = `tenant_id = $1 and ($2::bigint[] is null or workspace_id is null or workspace_id = any($2)) and ($3::bigint is null or workspace_id = $3)
  and ($4::boolean is null or enabled = $4) and ($5::text is null or strpos(lower(name), lower($5)) > 0 or strpos(lower(url), lower($5)) > 0)`;
const filterValues = (filter: SubscriptionFilter) => [filter.tenantId, filter.workspaces ?? null, filter.workspaceId ?? null, filter.enabled ?? null, filter.keyword ?? null];

export function listSubscriptions(db: Executor, filter: SubscriptionFilter, offset: number, count: number): Promise<SubscriptionRow[]> {
  return db.rows(`select ${columns} from subscription where ${filterText} order by id offset $6 limit $7`, [...filterValues(filter), offset, count]);
}

export async function countSubscriptions(db: Executor, filter: SubscriptionFilter): Promise<number> {
  return (await db.row<{ count: number }>(`select count(*) from subscription where ${filterText}`, filterValues(filter)))?.count ?? 0;
}

/** Ids and workspaces of all subscriptions of the tenant, for finding out which of them somebody may see. */
export function listWorkspacesOfSubscriptions(db: Executor, tenantId: number): Promise<{ id: number; workspace_id: number | null }[]> {
  return db.rows('select id, workspace_id from subscription where tenant_id = $1 order by id', [tenantId]);
}
