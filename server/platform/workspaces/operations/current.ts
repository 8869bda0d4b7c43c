import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { invalid, notFound } from '../../../kernel/errors.ts';
import { inProject, inTenant, type Access, type Handlers } from '../../../kernel/operation.ts';
import type { WorkspaceRight } from '../../../kernel/rights.ts';
import { pageCounters, readId, readPage } from '../../dialect.ts';
import { readStatus, workspaceOrThrow } from '../lifecycle.ts';
import { memberNotFound, withNames, type NamedMember } from '../members.ts';
import { rolesOfWorkspace, type RoleView } from '../roles.ts';
import { listMembers, listWorkspaces, memberOf, type WorkspaceRow } from '../store.ts';
import { visibleTo, type WorkspaceOperations } from './shared.ts';

/** Workspaces and members in 2024-05-18. */

function byId(right: WorkspaceRight): Access<{ Id: number }> {
  return { level: 'workspace', right, find: (request) => request.Id };
}

function toProject(row: WorkspaceRow) {
  return {
    Id: row.id,
    Name: row.name,
    DisplayName: row.display_name,
    Description: row.description,
    Owner: String(row.owner_id),
    Status: row.status,
    DevEnvironmentEnabled: row.standard_mode,
    DevRoleDisabled: row.dev_role_disabled,
    PaiTaskEnabled: row.pai_task_enabled,
    AliyunResourceGroupId: row.resource_group_id,
    AliyunResourceTags: [...row.tags],
  };
}

function toMember(member: NamedMember, roles: readonly RoleView[]) {
  return {
    ProjectId: member.workspace_id,
    UserId: String(member.user_id),
    UserName: member.name,
    Status: 'Normal',
    Roles: member.roles.map((code) => {
      const role = roles.find((one) => one.Code === code);
      return { Code: code, Name: role?.Name ?? code, Type: role?.Type ?? 'System' };
    }),
  };
}

function readTags(tags: readonly { Key?: string | undefined; Value?: string | undefined }[]) {
  return tags.map((tag) => ({ Key: tag.Key ?? '', Value: tag.Value ?? '' }));
}

export function currentOperations({ lifecycle, members, customRoles, users }: WorkspaceOperations): Handlers<Operations> {
  return {
    CreateProject: {
      access: inTenant('create-workspace'),
      async handle(call, request) {
        const id = await call.change((change) =>
          lifecycle.create(change, {
            region: call.region,
            name: request.Name,
            display_name: request.DisplayName,
            description: request.Description ?? '',
            standard_mode: request.DevEnvironmentEnabled ?? false,
            dev_role_disabled: request.DevRoleDisabled ?? false,
            pai_task_enabled: request.PaiTaskEnabled ?? false,
            download_allowed: true,
            resource_group_id: request.AliyunResourceGroupId ?? '',
            tags: readTags(request.AliyunResourceTags ?? []),
          }),
        );
        return { Id: id, ProjectId: id };
      },
    },
    GetProject: {
      access: byId('read'),
      async handle(call) {
        return { Project: toProject(await workspaceOrThrow(call.db, call.workspace.id)) };
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
          ids: request.Ids,
          names: request.Names,
          tags: request.AliyunResourceTags,
          resourceGroupId: request.AliyunResourceGroupId,
          standardMode: request.DevEnvironmentEnabled,
          devRoleDisabled: request.DevRoleDisabled,
          paiTaskEnabled: request.PaiTaskEnabled,
          status: request.Status,
        };
        const { rows, total } = await listWorkspaces(call.db, filter, page);
        return { PagingInfo: { Projects: rows.map(toProject), ...pageCounters(page, total) } };
      },
    },
    UpdateProject: {
      access: byId('administer'),
      async handle(call, request) {
        await call.change((change) =>
          lifecycle.update(change, call.workspace.id, {
            ...(request.DisplayName === undefined ? {} : { display_name: request.DisplayName }),
            ...(request.Description === undefined ? {} : { description: request.Description }),
            ...(request.DevEnvironmentEnabled === undefined ? {} : { standard_mode: request.DevEnvironmentEnabled }),
            ...(request.DevRoleDisabled === undefined ? {} : { dev_role_disabled: request.DevRoleDisabled }),
            ...(request.PaiTaskEnabled === undefined ? {} : { pai_task_enabled: request.PaiTaskEnabled }),
            ...(request.Status === undefined ? {} : { status: readStatus(request.Status) }),
          }),
        );
        return {};
      },
    },
    DeleteProject: {
      access: byId('own'),
      async handle(call) {
        await call.change((change) => lifecycle.remove(change, call.workspace.id));
        return {};
      },
    },
    CreateProjectMember: {
      access: inProject('administer'),
      async handle(call, request) {
        if (request.RoleCodes.length === 0) throw invalid('RoleCodes', 'a member needs a role');
        await call.change((change) => members.add(change, call.workspace.id, request.UserId, request.RoleCodes));
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
    GrantMemberProjectRoles: {
      access: inProject('administer'),
      async handle(call, request) {
        await call.change((change) => members.grant(change, call.workspace.id, request.UserId, request.RoleCodes));
        return {};
      },
    },
    RevokeMemberProjectRoles: {
      access: inProject('administer'),
      async handle(call, request) {
        await call.change((change) => members.revoke(change, call.workspace.id, request.UserId, request.RoleCodes));
        return {};
      },
    },
    GetProjectMember: {
      access: inProject('read'),
      async handle(call, request) {
        const row = await memberOf(call.db, call.workspace.id, readId('UserId', request.UserId));
        if (row === undefined) throw memberNotFound(request.UserId);
        const [member] = await withNames(users, call.tenantId, [row]);
        return member === undefined ? {} : { ProjectMember: toMember(member, await rolesOfWorkspace(call.db, call.workspace.id)) };
      },
    },
    ListProjectMembers: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const filter = { workspaceId: call.workspace.id, roles: request.RoleCodes, userIds: request.UserIds?.map((id) => readId('UserIds', id)) };
        const { rows, total } = await listMembers(call.db, filter, page);
        const roles = await rolesOfWorkspace(call.db, call.workspace.id);
        return { PagingInfo: { ProjectMembers: (await withNames(users, call.tenantId, rows)).map((member) => toMember(member, roles)), ...pageCounters(page, total) } };
      },
    },
    ListProjectRoles: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const found = (await rolesOfWorkspace(call.db, call.workspace.id)).filter(
          (role) =>
            (request.Codes === undefined || request.Codes.includes(role.Code)) &&
            (request.Names === undefined || request.Names.includes(role.Name)) &&
            (request.Type === undefined || request.Type === role.Type),
        );
        const ProjectRoles = found.slice(page.offset, page.offset + page.size);
        // The contract carries these three counters as text.
        return { PagingInfo: { ProjectRoles, PageNumber: String(page.number), PageSize: String(page.size), TotalCount: String(found.length) } };
      },
    },
    GetProjectRole: {
      access: inProject('read'),
      async handle(call, request) {
        const role = (await rolesOfWorkspace(call.db, call.workspace.id)).find((one) => one.Code === request.Code);
        if (role === undefined) throw notFound('ProjectRole', request.Code.slice(0, 64), 'role');
        return { ProjectRole: role };
      },
    },
    CreateProjectRole: {
      access: inProject('administer'),
      async handle(call, request) {
        return { Code: await call.change((change) => customRoles.create(change, call.workspace.id, request.Name, request.ModulePermissions ?? [])) };
      },
    },
    UpdateProjectRole: {
      access: inProject('administer'),
      async handle(call, request) {
        await call.change((change) => customRoles.update(change, call.workspace.id, request.Code, request.ModulePermissions));
        return {};
      },
    },
    DeleteProjectRole: {
      access: inProject('administer'),
      async handle(call, request) {
        await call.change((change) => customRoles.remove(change, call.workspace.id, request.Code));
        return {};
      },
    },
  };
}
