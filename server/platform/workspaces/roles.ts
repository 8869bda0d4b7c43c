import { workspaceRoles, type WorkspaceRole } from '../../identity/roles.ts';

/** The built-in workspace roles by code. */
export const roleByCode: ReadonlyMap<string, WorkspaceRole> = new Map(workspaceRoles.map((role) => [role.code, role]));

/** The one role that is neither given nor taken away. */
export const OWNER_ROLE = 'role_project_owner';

/** What a member gets when the request names no role. */
export const DEFAULT_ROLE = 'role_project_guest';
