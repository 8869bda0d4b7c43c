import { workspaceRoles, type ModulePermission, type WorkspaceRole } from '../../identity/roles.ts';
import type { Change } from '../../kernel/change.ts';
import { isUniqueViolation, type Executor } from '../../kernel/database.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { checkText } from '../dialect.ts';
import { allRoles, deleteRole, insertRole, listMembers, lockWorkspace, setRolePermissions, type CustomRoleRow } from './store.ts';

/** The built-in workspace roles by code. */
export const roleByCode: ReadonlyMap<string, WorkspaceRole> = new Map(workspaceRoles.map((role) => [role.code, role]));

/** The one role that is neither given nor taken away. */
export const OWNER_ROLE = 'role_project_owner';

/** What a member gets when the request names no role. */
export const DEFAULT_ROLE = 'role_project_guest';

/** Names of the modules for which a custom role has a permission, by their numbers. */
const modules: ReadonlyMap<number, string> = new Map([
  [2, 'HoloStudio'],
  [3, 'StreamStudio'],
  [4, 'Deployment management'],
  [6, 'Data Security Guard'],
  [7, 'Data Map'],
  [8, 'Data Service'],
  [9, 'Data Integration'],
  [10, 'Data Modeling'],
  [11, 'Data Studio'],
  [12, 'Data Quality'],
  [13, 'Data Governance'],
  [14, 'Operation Center'],
  [15, 'Resource optimization'],
  [16, 'Migration Assistant'],
  [17, 'Data Analysis'],
  [18, 'Approval center'],
  [19, 'Security Center'],
  [20, 'Intelligent Data Modeling'],
]);

const PERMISSIONS = ['Write', 'Read', 'NotSet'] as const satisfies ModulePermission['permission'][];

/** A role as 2024-05-18 shows it. */
export interface RoleView {
  readonly Code: string;
  readonly Name: string;
  readonly ProjectId: number;
  readonly Type: 'System' | 'UserCustom';
  readonly ModulePermissions?: { ModuleId: number; ModuleName: string; PermissionType: string }[];
}

function toCustom(role: CustomRoleRow, workspaceId: number): RoleView {
  const ModulePermissions = role.permissions.map(({ module, permission }) => ({ ModuleId: module, ModuleName: modules.get(module) ?? String(module), PermissionType: permission }));
  return { Code: role.code, Name: role.name, ProjectId: workspaceId, Type: 'UserCustom', ModulePermissions };
}

/** All roles of a workspace, the built-in ones first. */
export async function rolesOfWorkspace(db: Executor, workspaceId: number): Promise<RoleView[]> {
  const own = await allRoles(db, workspaceId);
  return [...workspaceRoles.map(({ code, name }) => ({ Code: code, Name: name, ProjectId: workspaceId, Type: 'System' as const })), ...own.map((role) => toCustom(role, workspaceId))];
}

function readPermissions(given: readonly { ModuleId?: number | undefined; PermissionType?: string | undefined }[]): ModulePermission[] {
  const seen = new Set<number>();
  return given.map(({ ModuleId = 0, PermissionType }) => {
    if (!modules.has(ModuleId)) throw invalid('ModulePermissions', `there is no module ${ModuleId}`);
    if (seen.has(ModuleId)) throw invalid('ModulePermissions', `it names the module ${ModuleId} twice`);
    seen.add(ModuleId);
    const permission = PERMISSIONS.find((one) => one === PermissionType);
    if (permission === undefined) throw invalid('ModulePermissions', `PermissionType must be one of ${PERMISSIONS.join(', ')}`);
    return { module: ModuleId, permission };
  });
}

/** Custom roles: what they allow is told by module. */
export interface CustomRoles {
  /** Returns the code of the new role. */
  create(change: Change, workspaceId: number, name: string, permissions: Parameters<typeof readPermissions>[0]): Promise<string>;
  update(change: Change, workspaceId: number, code: string, permissions: Parameters<typeof readPermissions>[0]): Promise<void>;
  /** Throws WrongState while a member has it. */
  remove(change: Change, workspaceId: number, code: string): Promise<void>;
}

function noRole(code: string): ApiError {
  return notFound('ProjectRole', code.slice(0, 64), 'role of your own');
}

export function createCustomRoles(options: { announce(change: Change, workspaceId: number): void }): CustomRoles {
  const { announce } = options;
  const storable = (code: string) => {
    if (code.includes('\u0000') || !code.isWellFormed()) throw noRole('');
    return code;
  };
  return {
    async create(change, workspaceId, name, given) {
      const permissions = readPermissions(given);
      if (name.trim() === '') throw invalid('Name', 'it may not be empty');
      checkText('Name', name, 64);
      // The lock keeps two creations one after the other, so that the limit holds.
      if ((await lockWorkspace(change, change.actor.tenantId, workspaceId)) === undefined) throw new ApiError('WorkspaceNotFound', { id: workspaceId });
      const taken = new ApiError('AlreadyExists', { kind: 'ProjectRole', label: 'role', id: name });
      if (workspaceRoles.some((role) => role.name.toLowerCase() === name.toLowerCase())) throw taken;
      if ((await allRoles(change, workspaceId)).length >= limits.rolesPerWorkspace.value) throw new ApiError('TooMany', { kind: 'ProjectRole', limit: limits.rolesPerWorkspace.value, label: 'roles of your own in a workspace' });
      try {
        const role = await insertRole(change, workspaceId, { name, permissions }, change.now);
        change.touch(`role:${role.code}`);
        announce(change, workspaceId);
        return role.code;
      } catch (error) {
        if (isUniqueViolation(error, 'workspace_role_name')) throw taken;
        throw error;
      }
    },
    async update(change, workspaceId, code, given) {
      if (!(await setRolePermissions(change, workspaceId, storable(code), readPermissions(given), change.now))) throw noRole(code);
      change.touch(`role:${code}`);
      announce(change, workspaceId);
    },
    async remove(change, workspaceId, code) {
      // Whoever gives the role locks the workspace or a member; the lock here lets nobody give it meanwhile.
      await lockWorkspace(change, change.actor.tenantId, workspaceId);
      const { total } = await listMembers(change, { workspaceId, roles: [storable(code)] }, { number: 1, size: 1, offset: 0 });
      if (total > 0 && !roleByCode.has(code)) throw new ApiError('WrongState', { kind: 'ProjectRole', label: 'role', id: code, reason: `${total} members have it; take it from them first` });
      if (!(await deleteRole(change, workspaceId, code))) throw noRole(code);
      change.touch(`role:${code}`);
      announce(change, workspaceId);
    },
  };
}
