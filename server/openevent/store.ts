import type { Executor } from '../kernel/database.ts';
import type { Cursor } from './log.ts';

/** A push subscription as its owners see it. */
export interface SubscriptionRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number | null;
  readonly name: string;
  readonly url: string;
  readonly types: string[];
  readonly secret: string;
  readonly enabled: boolean;
  readonly created_by: number;
  readonly created_at: Date;
  readonly modified_at: Date;
}

const columns = 'id, tenant_id, workspace_id, name, url, types, secret, enabled, created_by, created_at, modified_at';

/** What the secret of a subscription is sealed for. */
export function secretPurpose(subscriptionId: number): string {
  return `subscription:${subscriptionId}`;
}

/** Draws the id beforehand, since the secret is sealed for it. */
export async function nextSubscriptionId(tx: Executor): Promise<number> {
  const row = await tx.row<{ id: number }>(`select nextval(pg_get_serial_sequence('subscription', 'id')) as id`);
  if (row === undefined) throw new Error('the sequence of subscriptions gave no id');
  return row.id;
}

/** Lets only one change at a time add a subscription to the tenant, so that the limit holds. */
export async function lockSubscriptions(tx: Executor, tenantId: number): Promise<number> {
  await tx.run(`select pg_advisory_xact_lock(hashtextextended('subscriptions', $1))`, [tenantId]);
  const row = await tx.row<{ count: number }>('select count(*) from subscription where tenant_id = $1', [tenantId]);
  return row?.count ?? 0;
}

export type NewSubscription = Pick<SubscriptionRow, 'id' | 'tenant_id' | 'workspace_id' | 'name' | 'url' | 'types' | 'secret' | 'enabled' | 'created_by'>;

/** Adds a subscription that begins at `start`. Violates `subscription_name` when the name is taken. */
export async function insertSubscription(tx: Executor, row: NewSubscription, start: Cursor, now: Date): Promise<void> {
  await tx.run(
    `with added as (
       insert into subscription (id, tenant_id, workspace_id, name, url, types, secret, enabled, created_by, created_at, modified_at)
       overriding system value values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10))
     insert into delivery_cursor (subscription_id, position, row_id) values ($1, $11, $12)`,
    [row.id, row.tenant_id, row.workspace_id, row.name, row.url, row.types, row.secret, row.enabled, row.created_by, now, start.position, start.id],
  );
}

export function findSubscription(db: Executor, tenantId: number, id: number): Promise<SubscriptionRow | undefined> {
  return db.row(`select ${columns} from subscription where tenant_id = $1 and id = $2`, [tenantId, id]);
}

export function lockSubscription(tx: Executor, tenantId: number, id: number): Promise<SubscriptionRow | undefined> {
  return tx.row(`select ${columns} from subscription where tenant_id = $1 and id = $2 for update`, [tenantId, id]);
}

/** Writes the whole row and moves its version. Violates `subscription_name` when the name is taken. */
export async function updateSubscription(tx: Executor, row: Pick<SubscriptionRow, 'id' | 'workspace_id' | 'name' | 'url' | 'types' | 'secret' | 'enabled'>, now: Date): Promise<void> {
  await tx.run('update subscription set workspace_id = $2, name = $3, url = $4, types = $5, secret = $6, enabled = $7, version = version + 1, modified_at = $8 where id = $1', [
    row.id,
    row.workspace_id,
    row.name,
    row.url,
    row.types,
    row.secret,
    row.enabled,
    now,
  ]);
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
