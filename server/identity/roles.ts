import type { TenantRight, WorkspaceRight } from '../kernel/rights.ts';

/** A role: its code on the wire, its name, and the rights it gives. */
export interface Role<Right> {
  readonly code: string;
  readonly name: string;
  readonly description: string;
  readonly rights: readonly Right[];
}

/** A built-in role of workspaces. `id` is the number that the legacy dialect shows as `ProjectRoleId`. */
export interface WorkspaceRole extends Role<WorkspaceRight> {
  readonly id: number;
}

export const TENANT_OWNER = 'tenant_owner';
export const TENANT_MEMBER = 'tenant_member';

const everyTenantRight: readonly TenantRight[] = ['member', 'administer-tenant', 'create-workspace', 'write-open-platform'];
const everyWorkspaceRight: readonly WorkspaceRight[] = ['read', 'develop', 'deploy', 'operate', 'administer', 'own'];

/** The roles a user can hold in the tenant. The Developer Backend is written by the first three and read by all, as the vendor has it. */
export const tenantRoles: readonly Role<TenantRight>[] = [
  { code: TENANT_OWNER, name: 'Tenant Owner', description: 'Has every right in the tenant and in all of its workspaces. Only an owner makes owners.', rights: everyTenantRight },
  { code: 'tenant_admin', name: 'Tenant Administrator', description: 'Has every right in the tenant and in all of its workspaces, except over owners.', rights: everyTenantRight },
  { code: 'open_platform_admin', name: 'Open Platform Administrator', description: 'Manages subscriptions and extensions.', rights: ['member', 'write-open-platform'] },
  // Governance happens in workspaces, by their own role; at tenant level it gives no right over anything else.
  { code: 'tenant_dg_admin', name: 'Data Governance Administrator', description: 'Looks after data governance in the tenant.', rights: ['member'] },
  { code: TENANT_MEMBER, name: 'Tenant Member', description: 'Belongs to the tenant. What the user may do in a workspace depends on the roles held there.', rights: ['member'] },
];

/**
 * The built-in workspace roles. Everybody in a workspace can read it. Where the vendor's pages are silent the role gets
 * no more than reading, with one exception: the scheduler role stands for running production and may operate it.
 */
export const workspaceRoles: readonly WorkspaceRole[] = [
  { id: 1, code: 'role_project_owner', name: 'Workspace Owner', description: 'Has every right in the workspace.', rights: everyWorkspaceRight },
  { id: 2, code: 'role_project_admin', name: 'Workspace Administrator', description: 'Has every right but those of the owner; manages members and extensions.', rights: ['read', 'develop', 'deploy', 'operate', 'administer'] },
  { id: 3, code: 'role_project_dev', name: 'Develop', description: 'Develops and commits; cannot deploy to production.', rights: ['read', 'develop'] },
  { id: 4, code: 'role_project_pe', name: 'O&M', description: 'Deploys to production and operates it.', rights: ['read', 'deploy', 'operate'] },
  { id: 5, code: 'role_project_deploy', name: 'Deploy', description: 'Reviews what was committed and deploys it to production.', rights: ['read', 'deploy'] },
  { id: 6, code: 'role_project_guest', name: 'Visitor', description: 'Reads only.', rights: ['read'] },
  { id: 7, code: 'role_project_security', name: 'Security Administrator', description: 'Looks after data security; reads everything else.', rights: ['read'] },
  { id: 8, code: 'role_project_erd', name: 'Model Designer', description: 'Designs data models; publishes nothing.', rights: ['read'] },
  { id: 9, code: 'role_project_data_analyst', name: 'Data Analyst', description: 'Analyses data; reads everything else.', rights: ['read'] },
  { id: 10, code: 'role_project_dg_admin', name: 'Data Governance Administrator', description: 'Looks after the governance of the workspace; reads everything else.', rights: ['read'] },
  { id: 11, code: 'role_project_tester', name: 'Tester', description: 'Looks at results; changes nothing.', rights: ['read'] },
  { id: 12, code: 'role_project_scheduler', name: 'Scheduler', description: 'Operates what runs in production.', rights: ['read', 'operate'] },
];

const rightsOfTenantRole: ReadonlyMap<string, ReadonlySet<TenantRight>> = new Map(tenantRoles.map((role) => [role.code, new Set(role.rights)]));
const rightsOfWorkspaceRole: ReadonlyMap<string, ReadonlySet<WorkspaceRight>> = new Map(workspaceRoles.map((role) => [role.code, new Set(role.rights)]));

/** True when a user of the tenant with these roles has the right. Every user is a member, whatever the roles. Unknown codes give nothing. */
export function hasTenantRight(roles: readonly string[], right: TenantRight): boolean {
  return right === 'member' || roles.some((code) => rightsOfTenantRole.get(code)?.has(right) ?? false);
}

/** What a custom role allows in one module of the platform, by the module's number. */
export interface ModulePermission {
  readonly module: number;
  readonly permission: 'Write' | 'Read' | 'NotSet';
}

const CUSTOM = 'custom';
/** The module whose writing is to deploy, whatever operation does it. */
const DEPLOYMENT_MODULE = 4;

/** Codes by which a custom role counts here; the directory tells them beside the role's own. Whoever belongs to a workspace reads it, as with every built-in role. */
export function codesOfCustomRole(permissions: readonly ModulePermission[]): string[] {
  return [CUSTOM, ...permissions.flatMap(({ module, permission }) => (permission === 'Write' ? [`${CUSTOM}:${module}`] : []))];
}

function hasCustomRight(codes: readonly string[], right: WorkspaceRight, module: number | undefined): boolean {
  if (right === 'read') return codes.includes(CUSTOM);
  if (right === 'deploy') return codes.includes(`${CUSTOM}:${DEPLOYMENT_MODULE}`);
  return (right === 'develop' || right === 'operate') && module !== undefined && codes.includes(`${CUSTOM}:${module}`);
}

/**
 * True when a user has the right in a workspace of the own tenant. The caller has checked that the workspace is of that tenant. `module` is the number of the module
 * to which the operation belongs, for custom roles: they allow by module, and never what only administrators and the owner may.
 */
export function hasWorkspaceRight(tenantRoles: readonly string[], workspaceRoles: readonly string[], right: WorkspaceRight, module?: number): boolean {
  return hasTenantRight(tenantRoles, 'administer-tenant') || workspaceRoles.some((code) => rightsOfWorkspaceRole.get(code)?.has(right) ?? false) || hasCustomRight(workspaceRoles, right, module);
}

/** Names of the tenant roles that give the right, for messages. */
export function rolesWithTenantRight(right: TenantRight): string[] {
  return tenantRoles.filter((role) => role.rights.includes(right)).map((role) => role.name);
}

/** Names of the workspace roles that give the right, for messages. */
export function rolesWithWorkspaceRight(right: WorkspaceRight): string[] {
  return workspaceRoles.filter((role) => role.rights.includes(right)).map((role) => role.name);
}

export function isTenantRole(code: string): boolean {
  return rightsOfTenantRole.has(code);
}

/** True when a caller who administers the tenant may give, take or act on these roles: only an owner has power over owners. */
export function mayManage(callerRoles: readonly string[], roles: readonly string[]): boolean {
  return hasTenantRight(callerRoles, 'administer-tenant') && (!roles.includes(TENANT_OWNER) || callerRoles.includes(TENANT_OWNER));
}
