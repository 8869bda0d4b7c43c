import type { Changes } from '../../kernel/change.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database, Executor } from '../../kernel/database.ts';
import { ApiError, notFound } from '../../kernel/errors.ts';
import type { IdSource } from '../../kernel/ids.ts';
import type { Call } from '../../kernel/operation.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import type { KeyCache } from '../keys.ts';
import type { Lockout } from '../lockout.ts';
import { hasTenantRight, mayManage, rolesWithTenantRight, TENANT_OWNER } from '../roles.ts';
import type { Sessions } from '../sessions.ts';
import { findUser, type UserRow } from '../store.ts';

/** What the operations of this module work with. */
export interface IdentityContext {
  readonly database: Database;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly secrets: SecretBox;
  readonly keys: KeyCache;
  readonly sessions: Sessions;
  readonly lockout: Lockout;
  /** Names of the regions served, the default first. */
  readonly regions: readonly string[];
  /** The calendar of business dates, an IANA name. */
  readonly timeZone: string;
}

/** Ids of temporary credentials begin so. */
export const TEMPORARY_PREFIX = 'STS.';

export function isAdministrator(call: Call): boolean {
  return hasTenantRight(call.caller.tenantRoles, 'administer-tenant');
}

function forbidden(call: Call, needed: string): ApiError {
  return new ApiError('Forbidden', { action: call.action, needed });
}

/**
 * Lets a call go on for the caller's own account, or as an administrator for another's; owners are managed by owners only.
 * Looked up inside the change, so that roles cannot move in between.
 */
export function requireManaged(call: Call, user: { readonly id: number; readonly tenantRoles: readonly string[] }): void {
  if (user.id === call.caller.userId) return;
  requireAdministrator(call);
  if (!mayManage(call.caller.tenantRoles, user.tenantRoles)) throw forbidden(call, 'the role Tenant Owner, since the user is an owner');
}

/** Refuses roles that the caller may not give or take. */
export function requireGrantable(call: Call, roles: readonly string[]): void {
  if (roles.includes(TENANT_OWNER) && !call.caller.tenantRoles.includes(TENANT_OWNER)) throw forbidden(call, 'the role Tenant Owner, since only an owner makes owners');
}

export function requireAdministrator(call: Call): void {
  if (!isAdministrator(call)) throw forbidden(call, `for another user one of the tenant roles ${rolesWithTenantRight('administer-tenant').join(', ')}`);
}

/** A credential that ends by itself must not make one that stays. */
export function requireLastingCredential(call: Call): void {
  if (call.caller.accessKeyId?.startsWith(TEMPORARY_PREFIX) === true) throw forbidden(call, 'an AccessKey that is not temporary, or a session');
}

/** The living user of the caller's tenant. Throws NotFound, for a user of another tenant too. */
export async function requireUser(db: Executor, call: Call, userId: number): Promise<UserRow> {
  const user = await findUser(db, call.tenantId, userId);
  if (user === undefined) throw notFound('User', userId);
  return user;
}
