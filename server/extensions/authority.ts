import { ApiError } from '../kernel/errors.ts';
import type { Call } from '../kernel/operation.ts';
import type { TenantRight, WorkspaceRight } from '../kernel/rights.ts';
import type { WorkspaceDirectory } from '../identity/directory.ts';
import { hasTenantRight, hasWorkspaceRight } from '../identity/roles.ts';

/**
 * Who may do what at this door, where it depends on the extension or the hold and so cannot stand in an operation's access rule.
 * Operations that use these checks declare the access `member`.
 */
export interface Authority {
  tenant(call: Call, right: TenantRight): boolean;
  /** False too for a workspace that is not of the caller's tenant, or is gone. */
  workspace(call: Call, workspaceId: number, right: WorkspaceRight): Promise<boolean>;
}

export function createAuthority(directory: WorkspaceDirectory): Authority {
  return {
    tenant: (call, right) => hasTenantRight(call.caller.tenantRoles, right),
    async workspace(call, workspaceId, right) {
      const workspace = await directory.find(call.tenantId, workspaceId);
      if (workspace === undefined) return false;
      return hasWorkspaceRight(call.caller.tenantRoles, await directory.rolesOf(workspace.id, call.caller.userId), right);
    },
  };
}

/** Refuses the call; `needed` says what would be enough. */
export function forbidden(call: Call, needed: string): ApiError {
  return new ApiError('Forbidden', { action: call.action, needed });
}

/** The workspace of the tenant, or WorkspaceNotFound. */
export async function existingWorkspace(directory: WorkspaceDirectory, tenantId: number, idOrName: number | string): Promise<number> {
  const workspace = await directory.find(tenantId, idOrName);
  if (workspace === undefined) throw new ApiError('WorkspaceNotFound', { id: idOrName });
  return workspace.id;
}
