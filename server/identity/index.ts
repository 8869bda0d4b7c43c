import type { Operations } from '../../contract/generated/open-platform-2026-12-01.ts';
import type { Changes } from '../kernel/change.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database.ts';
import type { IdSource } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import type { Module } from '../kernel/module.ts';
import { declareOperations } from '../kernel/operation.ts';
import type { SecretBox } from '../kernel/secrets.ts';
import { createKeyCache, type KeyDirectory } from './keys.ts';
import { createLockout } from './lockout.ts';
import { keyOperations } from './operations/access-keys.ts';
import { sessionOperations } from './operations/session.ts';
import { userOperations } from './operations/users.ts';
import { cacheListener, housekeeping } from './services.ts';
import { createSessions, type AuthenticatedSession } from './sessions.ts';
import { createTenants, type Tenants } from './tenants.ts';
import { createUsers, type Users } from './users.ts';

export { bootstrapTenant, type BootstrapOptions, type FirstTenant } from './bootstrap.ts';
export type { WorkspaceDirectory } from './directory.ts';
export { requireUsableKey, type KeyDirectory, type KeyRecord } from './keys.ts';
export { codesOfCustomRole, hasTenantRight, hasWorkspaceRight, isTenantRole, rolesWithTenantRight, rolesWithWorkspaceRight, tenantRoles, workspaceRoles, type ModulePermission, type Role, type WorkspaceRole } from './roles.ts';
export { identitySchema } from './schema.ts';
export type { AuthenticatedSession } from './sessions.ts';
export type { Tenants } from './tenants.ts';
export type { User, Users } from './users.ts';

export interface IdentityOptions {
  readonly database: Database;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly secrets: SecretBox;
  readonly log: Log;
  /** Names of the regions served, the default first; GetCaller tells them. */
  readonly regions: readonly string[];
  /** The calendar of business dates, an IANA name; GetCaller tells it. */
  readonly timeZone: string;
}

export interface Identity {
  readonly module: Module;
  readonly keys: KeyDirectory;
  /** The living session of an enabled user that the cookie's token proves, or undefined. */
  authenticateSession(token: string): Promise<AuthenticatedSession | undefined>;
  readonly users: Users;
  readonly tenants: Tenants;
}

/** Who there is and how they prove it: tenants, users, roles, AccessKeys, sessions. */
export function createIdentity(options: IdentityOptions): Identity {
  const { database, clock, log } = options;
  const keys = createKeyCache(options);
  const tenants = createTenants(database, clock);
  const sessions = createSessions(options);
  const context = { ...options, keys, sessions, lockout: createLockout(database, clock) };
  return {
    module: {
      name: 'identity',
      operations: declareOperations<Operations>('open-platform', '2026-12-01', { ...sessionOperations(context), ...userOperations(context), ...keyOperations(context) }),
      services: [
        cacheListener(database, (message) => {
          keys.invalidate(message);
          tenants.invalidate(message);
        }),
        housekeeping({ database, clock, keys, log }),
      ],
    },
    keys,
    authenticateSession: sessions.authenticate,
    users: createUsers(database),
    tenants,
  };
}
