import type { Executor } from '../kernel/database.ts';

/** All SQL over tenants and users; keys and sessions have theirs in `store-credentials.ts`. Names are compared without regard to case. */

export interface UserRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly name: string;
  readonly display_name: string;
  readonly password_hash: string | null;
  readonly tenant_roles: string[];
  readonly disabled: boolean;
  readonly created_at: Date;
  readonly last_login_at: Date | null;
}

const userColumns = 'id, tenant_id, name, display_name, password_hash, tenant_roles, disabled, created_at, last_login_at';

/** Takes the tenant's row, so that changes which count users or owners happen one after the other. */
export function lockTenant(tx: Executor, tenantId: number): Promise<number> {
  return tx.run('select from tenant where id = $1 for update', [tenantId]);
}

export async function anyTenant(db: Executor): Promise<boolean> {
  return (await db.row('select from tenant limit 1')) !== undefined;
}

/** Takes the id of a tenant to come, so that the change that makes it can be audited in it. */
export async function nextTenantId(db: Executor): Promise<number> {
  const row = await db.row<{ id: number }>(`select nextval(pg_get_serial_sequence('tenant', 'id')) as id`);
  if (row === undefined) throw new Error('no tenant id was given');
  return row.id;
}

export function insertTenant(tx: Executor, id: number, name: string, now: Date): Promise<number> {
  return tx.run('insert into tenant (id, name, created_at) overriding system value values ($1, $2, $3)', [id, name, now]);
}

export function findTenant(db: Executor, id: number): Promise<{ name: string; plan: string; owner_id: number | null } | undefined> {
  return db.row('select name, plan, owner_id from tenant where id = $1', [id]);
}

export function updatePlan(tx: Executor, tenantId: number, plan: string): Promise<number> {
  return tx.run('update tenant set plan = $2 where id = $1', [tenantId, plan]);
}

/** Gives the tenant a main account that is a living, enabled owner: the present one if it still is, else the oldest. */
export function settleMainAccount(tx: Executor, tenantId: number): Promise<number> {
  return tx.run(
    `update tenant set owner_id = (
       select id from account
       where tenant_id = $1 and deleted_at is null and not disabled and 'tenant_owner' = any(tenant_roles)
       order by id = tenant.owner_id desc nulls last, id limit 1)
     where id = $1`,
    [tenantId],
  );
}

export async function countUsers(db: Executor, tenantId: number): Promise<number> {
  const row = await db.row<{ count: number }>('select count(*) as count from account where tenant_id = $1 and deleted_at is null', [tenantId]);
  return row?.count ?? 0;
}

/** Owners who can act, besides this user. */
export async function countOtherOwners(db: Executor, tenantId: number, userId: number): Promise<number> {
  const row = await db.row<{ count: number }>(
    `select count(*) as count from account
     where tenant_id = $1 and id <> $2 and deleted_at is null and not disabled and 'tenant_owner' = any(tenant_roles)`,
    [tenantId, userId],
  );
  return row?.count ?? 0;
}

export async function insertUser(
  tx: Executor,
  user: { tenantId: number; name: string; displayName: string; passwordHash: string | undefined; tenantRoles: readonly string[] },
  now: Date,
): Promise<number> {
  const row = await tx.row<{ id: number }>(
    'insert into account (tenant_id, name, display_name, password_hash, tenant_roles, created_at) values ($1, $2, $3, $4, $5, $6) returning id',
    [user.tenantId, user.name, user.displayName, user.passwordHash ?? null, user.tenantRoles, now],
  );
  if (row === undefined) throw new Error('the user was not stored');
  return row.id;
}

/** The living user of the tenant with this id. */
export function findUser(db: Executor, tenantId: number, userId: number): Promise<UserRow | undefined> {
  return db.row(`select ${userColumns} from account where id = $2 and tenant_id = $1 and deleted_at is null`, [tenantId, userId]);
}

/** The living user of any tenant with this id. */
export function findUserAnywhere(db: Executor, userId: number): Promise<UserRow | undefined> {
  return db.row(`select ${userColumns} from account where id = $1 and deleted_at is null`, [userId]);
}

/** The living user with this sign-in name. */
export function findUserByName(db: Executor, name: string): Promise<UserRow | undefined> {
  return db.row(`select ${userColumns} from account where lower(name) = lower($1) and deleted_at is null`, [name]);
}

/** Display names of users, of deleted ones too. */
export function findDisplayNames(db: Executor, userIds: readonly number[]): Promise<{ id: number; display_name: string }[]> {
  return db.rows('select id, display_name from account where id = any($1::bigint[])', [userIds]);
}

export interface UserFilter {
  readonly tenantId: number;
  readonly keyword: string | undefined;
  readonly tenantRole: string | undefined;
  readonly disabled: boolean | undefined;
}

const userFilter = `tenant_id = $1 and deleted_at is null
  and ($2::text is null or position(lower($2) in lower(name)) > 0 or position(lower($2) in lower(display_name)) > 0)
  and ($3::text is null or $3 = any(tenant_roles)) and ($4::boolean is null or disabled = $4)`;

function filterValues(filter: UserFilter): unknown[] {
  return [filter.tenantId, filter.keyword ?? null, filter.tenantRole ?? null, filter.disabled ?? null];
}

export async function countFilteredUsers(db: Executor, filter: UserFilter): Promise<number> {
  return (await db.row<{ count: number }>(`select count(*) as count from account where ${userFilter}`, filterValues(filter)))?.count ?? 0;
}

export function listUsers(db: Executor, filter: UserFilter, offset: number, count: number): Promise<UserRow[]> {
  return db.rows(`select ${userColumns} from account where ${userFilter} order by id offset $5::bigint limit $6`, [...filterValues(filter), offset, count]);
}

export function updateUser(tx: Executor, user: { id: number; displayName: string; tenantRoles: readonly string[]; disabled: boolean }): Promise<number> {
  return tx.run('update account set display_name = $2, tenant_roles = $3, disabled = $4 where id = $1', [user.id, user.displayName, user.tenantRoles, user.disabled]);
}

export function updatePassword(tx: Executor, userId: number, hash: string): Promise<number> {
  return tx.run('update account set password_hash = $2 where id = $1', [userId, hash]);
}

/** Notes a sign-in, provided that the user and the password checked are still what they were; tells whether so. */
export async function noteSignIn(tx: Executor, userId: number, passwordHash: string, now: Date): Promise<boolean> {
  return (
    (await tx.run('update account set last_login_at = $3 where id = $1 and password_hash = $2 and not disabled and deleted_at is null', [userId, passwordHash, now])) === 1
  );
}

export function markUserDeleted(tx: Executor, userId: number, now: Date): Promise<number> {
  return tx.run('update account set deleted_at = $2, password_hash = null, disabled = true where id = $1', [userId, now]);
}
