import type { Executor } from '../kernel/database.ts';

/** All SQL over AccessKeys, sessions and failed sign-ins. */

export interface KeyRow {
  readonly id: string;
  readonly user_id: number;
  readonly secret: string;
  readonly status: string;
  readonly mcp_access: string;
  readonly token_hash: Buffer | null;
  readonly expires_at: Date | null;
  readonly name: string;
  readonly display_name: string;
  readonly tenant_id: number;
  readonly tenant_roles: string[];
  readonly disabled: boolean;
}

/** A key with its user, as the signature check needs it. */
export function findKey(db: Executor, id: string): Promise<KeyRow | undefined> {
  return db.row(
    `select k.id, k.user_id, k.secret, k.status, k.mcp_access, k.token_hash, k.expires_at, a.name, a.display_name, a.tenant_id, a.tenant_roles, a.disabled
     from access_key k join account a on a.id = k.user_id where k.id = $1 and a.deleted_at is null`,
    [id],
  );
}

export interface NewKey {
  readonly id: string;
  readonly userId: number;
  /** Sealed. */
  readonly secret: string;
  /** What the key may do through MCP; `Read` when absent. */
  readonly mcpAccess?: string | undefined;
  readonly temporary?: { readonly tokenHash: Buffer; readonly expiresAt: Date };
}

export function insertKey(tx: Executor, key: NewKey, now: Date): Promise<number> {
  return tx.run(`insert into access_key (id, user_id, secret, created_at, token_hash, expires_at, mcp_access) values ($1, $2, $3, $4, $5, $6, coalesce($7, 'Read'))`, [
    key.id,
    key.userId,
    key.secret,
    now,
    key.temporary?.tokenHash ?? null,
    key.temporary?.expiresAt ?? null,
    key.mcpAccess ?? null,
  ]);
}

/** Takes the user's row, so that keys of one user are counted and made one after the other. Tells whether the user still exists. */
export async function lockUser(tx: Executor, userId: number): Promise<boolean> {
  return (await tx.run('select from account where id = $1 and deleted_at is null for update', [userId])) === 1;
}

export async function countKeys(db: Executor, userId: number): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) as count from access_key where user_id = $1 and expires_at is null', [userId]))?.count ?? 0;
}

export async function countTemporaryKeys(db: Executor, userId: number, now: Date): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) as count from access_key where user_id = $1 and expires_at > $2', [userId, now]))?.count ?? 0;
}

export interface ListedKey {
  readonly id: string;
  readonly user_id: number;
  readonly status: string;
  readonly mcp_access: string;
  readonly created_at: Date;
  readonly last_used_at: Date | null;
}

/** Lasting keys of a user. */
export function listKeys(db: Executor, userId: number, offset: number, count: number): Promise<ListedKey[]> {
  return db.rows(
    `select id, user_id, status, mcp_access, created_at, last_used_at from access_key
     where user_id = $1 and expires_at is null order by created_at, id offset $2::bigint limit $3`,
    [userId, offset, count],
  );
}

/** Who has a lasting key, within the tenant. */
export function findKeyOwner(db: Executor, tenantId: number, id: string): Promise<{ user_id: number; tenant_roles: string[] } | undefined> {
  return db.row(
    `select k.user_id, a.tenant_roles from access_key k join account a on a.id = k.user_id
     where k.id = $2 and a.tenant_id = $1 and k.expires_at is null and a.deleted_at is null`,
    [tenantId, id],
  );
}

/** What is undefined stays. */
export function updateKey(tx: Executor, id: string, status: string | undefined, mcpAccess: string | undefined): Promise<number> {
  return tx.run('update access_key set status = coalesce($2, status), mcp_access = coalesce($3, mcp_access) where id = $1', [id, status ?? null, mcpAccess ?? null]);
}

export function deleteKey(tx: Executor, id: string): Promise<number> {
  return tx.run('delete from access_key where id = $1', [id]);
}

export function deleteKeysOfUser(tx: Executor, userId: number): Promise<number> {
  return tx.run('delete from access_key where user_id = $1', [userId]);
}

/** Ends credentials that were made for a time. */
export function deleteTemporaryKeysOfUser(tx: Executor, userId: number): Promise<number> {
  return tx.run('delete from access_key where user_id = $1 and expires_at is not null', [userId]);
}

/** Writes when keys were last used, many at once. */
export function writeLastUse(db: Executor, ids: readonly string[], moments: readonly Date[]): Promise<number> {
  return db.run(
    `update access_key k set last_used_at = u.at from unnest($1::text[], $2::timestamptz[]) as u(id, at)
     where k.id = u.id and (k.last_used_at is null or k.last_used_at < u.at)`,
    [ids, moments],
  );
}

/** Removes credentials that expired a while ago; until then a call with one is told that it has expired. */
export function deleteKeysExpiredBefore(db: Executor, moment: Date): Promise<number> {
  return db.run('delete from access_key where expires_at < $1', [moment]);
}

export interface SessionRow {
  readonly id: number;
  readonly token_hash: Buffer;
  readonly expires_at: Date;
  readonly user_id: number;
  readonly name: string;
  readonly display_name: string;
  readonly tenant_id: number;
  readonly tenant_roles: string[];
}

/** The living session of an enabled user. */
export function findSession(db: Executor, tokenHash: Buffer, now: Date): Promise<SessionRow | undefined> {
  return db.row(
    `select s.id, s.token_hash, s.expires_at, s.user_id, a.name, a.display_name, a.tenant_id, a.tenant_roles
     from session s join account a on a.id = s.user_id
     where s.token_hash = $1 and s.expires_at > $2 and not a.disabled and a.deleted_at is null`,
    [tokenHash, now],
  );
}

export function findSessionHash(db: Executor, sessionId: number, userId: number): Promise<{ token_hash: Buffer } | undefined> {
  return db.row('select token_hash from session where id = $1 and user_id = $2', [sessionId, userId]);
}

export function insertSession(tx: Executor, session: { tokenHash: Buffer; userId: number; expiresAt: Date }, now: Date): Promise<number> {
  return tx.run('insert into session (token_hash, user_id, created_at, expires_at) values ($1, $2, $3, $4)', [session.tokenHash, session.userId, now, session.expiresAt]);
}

/** Ends a user's oldest sessions beyond the newest `keep`. */
export function trimSessions(tx: Executor, userId: number, keep: number): Promise<number> {
  return tx.run('delete from session where id in (select id from session where user_id = $1 order by id desc offset $2)', [userId, keep]);
}

export function deleteSession(tx: Executor, sessionId: number, userId: number): Promise<number> {
  return tx.run('delete from session where id = $1 and user_id = $2', [sessionId, userId]);
}

/** Ends all sessions of a user, but the one to keep. */
export function deleteSessionsOfUser(tx: Executor, userId: number, keep?: number): Promise<number> {
  return tx.run('delete from session where user_id = $1 and id is distinct from $2', [userId, keep ?? null]);
}

export function deleteExpiredSessions(db: Executor, now: Date): Promise<number> {
  return db.run('delete from session where expires_at <= $1', [now]);
}

/**
 * Counts an attempt as failed before it is looked at, so that attempts at the same time cannot exceed the limit together.
 * Answers the failures in a row, or undefined when the name is locked. A count older than `forgotten` begins anew.
 */
export async function countAttempt(db: Executor, name: string, limit: number, now: Date, forgotten: Date): Promise<number | undefined> {
  const row = await db.row<{ failures: number }>(
    `insert into sign_in_failure as f (name, failures, last_at) values ($1, 1, $3)
     on conflict (name) do update set failures = case when f.last_at <= $4 then 1 else f.failures + 1 end, last_at = $3
     where f.failures < $2 or f.last_at <= $4
     returning failures`,
    [name, limit, now, forgotten],
  );
  return row?.failures;
}

export async function lastAttempt(db: Executor, name: string): Promise<Date | undefined> {
  return (await db.row<{ last_at: Date }>('select last_at from sign_in_failure where name = $1', [name]))?.last_at;
}

export function forgetAttempts(db: Executor, name: string): Promise<number> {
  return db.run('delete from sign_in_failure where name = $1', [name]);
}

export function deleteAttemptsBefore(db: Executor, moment: Date): Promise<number> {
  return db.run('delete from sign_in_failure where last_at <= $1', [moment]);
}
