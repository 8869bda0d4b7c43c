import { hasTenantRight } from '../../../identity/roles.ts';
import type { Caller } from '../../../kernel/operation.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Members, Users } from '../members.ts';
import type { CustomRoles } from '../roles.ts';

/** What the operations of both dialects stand on. */
export interface WorkspaceOperations {
  readonly lifecycle: Lifecycle;
  readonly members: Members;
  readonly customRoles: CustomRoles;
  readonly users: Users;
}

/** The user whose memberships limit what the caller sees in lists; undefined for one who administers the tenant and sees all its workspaces. */
export function visibleTo(caller: Caller): number | undefined {
  return hasTenantRight(caller.tenantRoles, 'administer-tenant') ? undefined : caller.userId;
}
