import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import { invalid } from '../../../kernel/errors.ts';
import { inProject, inTenant, type Handlers } from '../../../kernel/operation.ts';
import { momentText, pageCounters, readId, readPage, success } from '../../dialect.ts';
import { workspaceOrThrow } from '../lifecycle.ts';
import { withNames } from '../members.ts';
import { DEFAULT_ROLE, OWNER_ROLE, roleByCode, rolesOfWorkspace, type RoleView } from '../roles.ts';
import { legacyStatus } from '../status.ts';
import { listMembers, listWorkspaces, workspaceIdsOf, type WorkspaceRow } from '../store.ts';
import { visibleTo, type WorkspaceOperations } from './shared.ts';

/** Workspaces and members in 2020-05-18. */

const BASIC_MODE = 2;
const STANDARD_MODE = 3;

/** The number of a custom role is the one in its code; built-in roles have those below 1000. Type 0 is a built-in role, 2 one of the workspace's own. */
function toLegacyRole(code: string, roles: readonly RoleView[]) {
  const role = roles.find((one) => one.Code === code);
  const ProjectRoleId = roleByCode.get(code)?.id ?? Number(/\d+$/.exec(code)?.[0] ?? 0);
  return { ProjectRoleCode: code, ProjectRoleName: role?.Name ?? code, ProjectRoleId, ProjectRoleType: role?.Type === 'UserCustom' ? '2' : '0' };
}

function toLegacyProject(row: WorkspaceRow) {
  return {
    ProjectId: row.id,
    ProjectIdentifier: row.name,
    ProjectName: row.display_name,
    ProjectDescription: row.description,
    ProjectOwnerBaseId: String(row.owner_id),
    ProjectMode: row.standard_mode ? STANDARD_MODE : BASIC_MODE,
    EnvTypes: row.standard_mode ? ['DEV', 'PROD'] : ['PROD'],
    DisableDevelopment: row.dev_role_disabled,
    IsAllowDownload: row.download_allowed ? 1 : 0,
    IsDefault: 0,
    ResourceManagerResourceGroupId: row.resource_group_id,
    Tags: [...row.tags],
    Status: legacyStatus[row.status].number,
    TenantId: row.tenant_id,
    GmtCreate: momentText(row.created_at),
    GmtModified: momentText(row.modified_at),
  };
}

export function legacyOperations({ lifecycle, members, users }: WorkspaceOperations): Handlers<Operations> {
  return {
    CreateProject: {
      access: inTenant('create-workspace'),
      async handle(call, request) {
        const mode = request.ProjectMode ?? STANDARD_MODE;
        if (mode !== BASIC_MODE && mode !== STANDARD_MODE) throw invalid('ProjectMode', 'it must be 2 (basic) or 3 (standard)');
        const id = await call.change((change) =>
          lifecycle.create(change, {
            region: call.region,
            name: request.ProjectIdentifier,
            display_name: request.ProjectName,
            description: request.ProjectDescription ?? '',
            standard_mode: mode === STANDARD_MODE,
            dev_role_disabled: request.DisableDevelopment ?? false,
            pai_task_enabled: false,
            download_allowed: (request.IsAllowDownload ?? 1) !== 0,
            resource_group_id: request.ResourceManagerResourceGroupId ?? '',
            tags: request.Tags ?? [],
          }),
        );
        return { ...success, Data: id };
      },
    },
    GetProject: {
      access: inProject('read'),
      async handle(call) {
        return { ...success, Data: toLegacyProject(await workspaceOrThrow(call.db, call.workspace.id)) };
      },
    },
    GetProjectDetail: {
      access: inProject('read'),
      async handle(call) {
        return { ...success, Data: toLegacyProject(await workspaceOrThrow(call.db, call.workspace.id)) };
      },
    },
    ListProjects: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        const filter = {
          tenantId: call.tenantId,
          region: call.region,
          memberId: visibleTo(call.caller),
          tags: request.Tags,
          resourceGroupId: request.ResourceManagerResourceGroupId,
        };
        const { rows, total } = await listWorkspaces(call.db, filter, page);
        const ProjectList = rows.map((row) => ({
          ProjectId: row.id,
          ProjectIdentifier: row.name,
          ProjectName: row.display_name,
          ProjectDescription: row.description,
          ProjectOwnerBaseId: String(row.owner_id),
          ProjectStatus: legacyStatus[row.status].number,
          ProjectStatusCode: legacyStatus[row.status].code,
          DisableDevelopment: row.dev_role_disabled,
          IsDefault: 0,
          ResourceManagerResourceGroupId: row.resource_group_id,
          Tags: [...row.tags],
        }));
        return { PageResult: { ProjectList, ...pageCounters(page, total) } };
      },
    },
    ListProjectIds: {
      access: inTenant('member'),
      async handle(call, request) {
        const userId = readId('UserId', request.UserId);
        return { ProjectIds: await workspaceIdsOf(call.db, call.tenantId, userId, visibleTo(call.caller)) };
      },
    },
    CreateProjectMember: {
      access: inProject('administer'),
      async handle(call, request) {
        await call.change((change) => members.add(change, call.workspace.id, request.UserId, [request.RoleCode ?? DEFAULT_ROLE]));
        return {};
      },
    },
    DeleteProjectMember: {
      access: inProject('administer'),
      async handle(call, request) {
        await call.change((change) => members.remove(change, call.workspace.id, request.UserId));
        return {};
      },
    },
    AddProjectMemberToRole: {
      access: inProject('administer'),
      async handle(call, request) {
        await call.change((change) => members.grant(change, call.workspace.id, request.UserId, [request.RoleCode]));
        return {};
      },
    },
    RemoveProjectMemberFromRole: {
      access: inProject('administer'),
      async handle(call, request) {
        await call.change((change) => members.revoke(change, call.workspace.id, request.UserId, [request.RoleCode]));
        return {};
      },
    },
    ListProjectMembers: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const { rows, total } = await listMembers(call.db, { workspaceId: call.workspace.id }, page);
        const named = await withNames(users, call.tenantId, rows);
        const roles = await rolesOfWorkspace(call.db, call.workspace.id);
        const ProjectMemberList = named.map((member) => ({
          ProjectMemberId: String(member.user_id),
          ProjectMemberName: member.name,
          Nick: member.displayName,
          // 1: the main account, which here is the owner; 5: another user.
          ProjectMemberType: member.roles.includes(OWNER_ROLE) ? '1' : '5',
          ProjectRoleList: member.roles.map((code) => toLegacyRole(code, roles)),
          Status: '0',
        }));
        return { Data: { ProjectMemberList, ...pageCounters(page, total) } };
      },
    },
    ListProjectRoles: {
      access: inProject('read'),
      async handle(call) {
        const roles = await rolesOfWorkspace(call.db, call.workspace.id);
        return { ProjectRoleList: roles.map((role) => toLegacyRole(role.Code, roles)) };
      },
    },
  };
}
