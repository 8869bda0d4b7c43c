import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { current, legacy, people, testPlatform, type TestPlatform } from '../../../test/support/platform.ts';
import { ApiError } from '../../kernel/errors.ts';

function refusal(entry: string) {
  return (error: unknown) => {
    assert.ok(error instanceof ApiError && error.entry === entry, String(error));
    return true;
  };
}

describe('roles of a workspace of its own', () => {
  let place: TestPlatform;
  before(async () => {
    place = await testPlatform();
  });
  after(() => place.close());

  const { admin, developer, outsider, stranger } = people;
  const call = (caller: typeof admin, action: string, request: object = {}) => place.gateway.call(caller, current, action, { ProjectId: place.shop, ...request });
  const create = async (Name: string, ModulePermissions: object[]) => String((await call(admin, 'CreateProjectRole', { Name, ModulePermissions }))['Code']);
  const write = (ModuleId: number) => ({ ModuleId, PermissionType: 'Write' });
  let files = 0;
  const createFile = (caller: typeof admin) => place.gateway.call(caller, legacy, 'CreateFile', { ProjectId: place.shop, FileName: `file${(files += 1)}`, FileType: 6, Content: 'echo 1', InputList: 'shop_root', FileFolderPath: '' });

  it('what it allows is allowed, from the moment it is given until it is changed or taken', async () => {
    const code = await create('Writers', [write(11), { ModuleId: 14, PermissionType: 'Read' }]);
    await assert.rejects(createFile(outsider), refusal('Forbidden'));
    await call(admin, 'CreateProjectMember', { UserId: '4', RoleCodes: [code] });
    await createFile(outsider);
    await call(outsider, 'GetProjectMember', { UserId: '4' });
    for (const [action, request] of [['CreateProjectMember', { UserId: '5', RoleCodes: ['role_project_guest'] }], ['CreateProjectRole', { Name: 'x' }], ['UpdateProjectRole', { Code: code, ModulePermissions: [] }]] as const) {
      await assert.rejects(call(outsider, action, request), refusal('Forbidden'), action);
    }
    await assert.rejects(place.gateway.call(outsider, legacy, 'DeployFile', { ProjectId: place.shop, FileId: 1 }), refusal('Forbidden'));

    await call(admin, 'UpdateProjectRole', { Code: code, ModulePermissions: [write(4), { ModuleId: 11, PermissionType: 'Read' }] });
    await assert.rejects(createFile(outsider), refusal('Forbidden'));
    await assert.rejects(place.gateway.call(outsider, legacy, 'DeployFile', { ProjectId: place.shop, FileId: 1 }), refusal('NotFound'), 'allowed, but there is no such file');
    await call(admin, 'RevokeMemberProjectRoles', { UserId: '4', RoleCodes: [code] });
    await assert.rejects(place.gateway.call(outsider, legacy, 'DeployFile', { ProjectId: place.shop, FileId: 1 }), refusal('Forbidden'));
  });

  it('is shown beside the built-in ones, in both dialects', async () => {
    const code = await create('Shown', [write(12)]);
    const { ProjectRole } = await call(developer, 'GetProjectRole', { Code: code });
    assert.deepEqual(ProjectRole, { Code: code, Name: 'Shown', ProjectId: place.shop, Type: 'UserCustom', ModulePermissions: [{ ModuleId: 12, ModuleName: 'Data Quality', PermissionType: 'Write' }] });
    const own = (await call(developer, 'ListProjectRoles', { Type: 'UserCustom', Names: ['Shown'] }))['PagingInfo'] as { ProjectRoles: object[]; TotalCount: string };
    assert.deepEqual([own.ProjectRoles, own.TotalCount], [[ProjectRole], '1']);
    await call(admin, 'GrantMemberProjectRoles', { UserId: '3', RoleCodes: [code] });
    const { ProjectMember } = (await call(developer, 'GetProjectMember', { UserId: '3' })) as { ProjectMember: { Roles: object[] } };
    assert.deepEqual(ProjectMember.Roles, [{ Code: 'role_project_guest', Name: 'Visitor', Type: 'System' }, { Code: code, Name: 'Shown', Type: 'UserCustom' }]);
    const { ProjectRoleList } = (await place.gateway.call(developer, legacy, 'ListProjectRoles', { ProjectId: place.shop })) as { ProjectRoleList: { ProjectRoleCode: string; ProjectRoleType: string }[] };
    assert.equal(ProjectRoleList.find((role) => role.ProjectRoleCode === code)?.ProjectRoleType, '2');

    await assert.rejects(call(admin, 'DeleteProjectRole', { Code: code }), refusal('WrongState'), 'somebody has it');
    await call(admin, 'RevokeMemberProjectRoles', { UserId: '3', RoleCodes: [code] });
    await call(admin, 'DeleteProjectRole', { Code: code });
    await assert.rejects(call(admin, 'GrantMemberProjectRoles', { UserId: '3', RoleCodes: [code] }), refusal('InvalidParameter'));
    await assert.rejects(call(admin, 'DeleteProjectRole', { Code: code }), refusal('NotFound'));
  });

  it('refuses what cannot be', async () => {
    await create('Twice', []);
    for (const name of ['twice', 'visitor']) await assert.rejects(create(name, []), refusal('AlreadyExists'), name);
    for (const permissions of [[write(1)], [write(2), write(2)], [{ ModuleId: 2, PermissionType: 'All' }], [{}]]) await assert.rejects(create('Bad', permissions), refusal('InvalidParameter'));
    for (const name of ['', ' ', 'nul\u0000', 'x'.repeat(65)]) await assert.rejects(create(name, []), refusal('InvalidParameter'));
    await assert.rejects(call(admin, 'UpdateProjectRole', { Code: 'role_project_dev', ModulePermissions: [] }), refusal('NotFound'), 'built-in ones stay');
    await assert.rejects(call(admin, 'DeleteProjectRole', { Code: 'role_project_dev' }), refusal('NotFound'));
    await assert.rejects(call(stranger, 'DeleteProjectRole', { Code: 'role_project_dev' }), refusal('WorkspaceNotFound'));
    const other = await place.createWorkspace('other', true);
    const code = await create('Here only', [write(11)]);
    await assert.rejects(place.gateway.call(admin, current, 'GrantMemberProjectRoles', { ProjectId: other, UserId: '2', RoleCodes: [code] }), refusal('InvalidParameter'));
    assert.equal((await place.database.rows('select 1 from workspace_role where workspace_id = $1', [other])).length, 0);
  });
});
