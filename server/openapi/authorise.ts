import type { WorkspaceDirectory } from '../identity/directory.ts';
import { hasTenantRight, hasWorkspaceRight, rolesWithTenantRight, rolesWithWorkspaceRight } from '../identity/roles.ts';
import type { Database } from '../kernel/database.ts';
import { ApiError } from '../kernel/errors.ts';
import { moduleOf } from './modules.ts';
import type { Caller, OperationDeclaration, WorkspaceReference } from '../kernel/operation.ts';

/**
 * Checks that the caller may call the operation, and finds the workspace it is about. Throws `Forbidden`; a workspace of another tenant or
 * region does not exist for the caller.
 */
export async function authorise(
  declaration: OperationDeclaration,
  request: object,
  caller: Caller | undefined,
  services: { readonly db: Database; readonly directory: WorkspaceDirectory; readonly region: string },
): Promise<WorkspaceReference | undefined> {
  const { access, action } = declaration;
  if (access.level === 'anyone') return undefined;
  if (caller === undefined) throw new ApiError('SessionRequired');
  if (access.level === 'tenant') {
    if (!hasTenantRight(caller.tenantRoles, access.right)) throw new ApiError('Forbidden', { action, needed: names(rolesWithTenantRight(access.right)) });
    return undefined;
  }
  const found = await access.find(request as never, { db: services.db, tenantId: caller.tenantId });
  const wanted = typeof found === 'object' ? found.workspace : found;
  if (wanted === undefined) throw new ApiError('MissingParameter', { name: 'ProjectId' });
  const workspace = await services.directory.find(caller.tenantId, wanted);
  if (workspace === undefined || workspace.tenantId !== caller.tenantId || workspace.region !== services.region) throw new ApiError('WorkspaceNotFound', { id: wanted });
  const roles = await services.directory.rolesOf(workspace.id, caller.userId);
  const right = typeof found === 'object' ? found.right : typeof access.right === 'function' ? access.right(request as never) : access.right;
  if (!hasWorkspaceRight(caller.tenantRoles, roles, right, moduleOf(declaration))) {
    throw new ApiError('Forbidden', { action, needed: `${names(rolesWithWorkspaceRight(right))} in the workspace ${workspace.name}` });
  }
  return workspace;
}

function names(roles: readonly string[]): string {
  return roles.length === 1 ? `the role ${roles[0]}` : `one of the roles ${roles.join(', ')}`;
}
