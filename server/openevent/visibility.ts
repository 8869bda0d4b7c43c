import type { WorkspaceDirectory } from '../identity/directory.ts';
import { hasTenantRight, hasWorkspaceRight } from '../identity/roles.ts';
import type { Call } from '../kernel/operation.ts';

/** What a caller may see: everything with a right over the tenant or the Open Platform, else what belongs to the tenant as a whole and to workspaces that the caller may read. */
export interface Sight {
  readonly all: boolean;
  workspace(workspaceId: number | undefined): Promise<boolean>;
}

/** The sight of a caller, remembered for the length of one call. */
export function sightOf(call: Pick<Call, 'caller'>, directory: WorkspaceDirectory): Sight {
  const { tenantRoles, userId } = call.caller;
  const all = hasTenantRight(tenantRoles, 'administer-tenant') || hasTenantRight(tenantRoles, 'write-open-platform');
  const known = new Map<number, Promise<boolean>>();
  return {
    all,
    async workspace(workspaceId) {
      if (all || workspaceId === undefined) return true;
      let answer = known.get(workspaceId);
      if (answer === undefined) {
        answer = directory.rolesOf(workspaceId, userId).then((roles) => hasWorkspaceRight(tenantRoles, roles, 'read'));
        known.set(workspaceId, answer);
      }
      return answer;
    },
  };
}
