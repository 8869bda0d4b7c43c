import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { testCaller, testEvents, testGateway, testHolds, type TestGateway } from '../../../test/support/call.ts';
import { testDatabase } from '../../../test/support/database.ts';
import { recordedScheduling } from '../../../test/support/scheduling.ts';
import { createChanges, platformActor } from '../../kernel/change.ts';
import { manualClock } from '../../kernel/clock.ts';
import { openDatabase, type Database } from '../../kernel/database.ts';
import { ApiError, describeError } from '../../kernel/errors.ts';
import { randomIds } from '../../kernel/ids.ts';
import { createJobRunner } from '../../kernel/jobs.ts';
import { limits } from '../../kernel/limits.ts';
import { silentLog } from '../../kernel/log.ts';
import { maintainAllPartitions } from '../../modules.ts';
import { createWorkspaces } from './index.ts';
import { nextStatuses, type WorkspaceStatus } from './status.ts';

const old = '2020-05-18';
const current = '2024-05-18';
const admin = testCaller(1, 1, ['tenant_admin']);
const dev = testCaller(2);
const outsider = testCaller(3);
const stranger = testCaller(9, 2, ['tenant_owner']);

function refusal(entry: string, code?: string) {
  return (error: unknown) => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.entry, entry, error.message);
    if (code !== undefined) assert.equal(describeError(error, 'en', current).code, code);
    return true;
  };
}

describe('workspaces', () => {
  let database: Database;
  let drop: () => Promise<void>;
  let gateway: TestGateway;
  let workspaces: ReturnType<typeof createWorkspaces>;
  const events = testEvents();
  const holds = testHolds();
  const scheduling = recordedScheduling();
  const clock = manualClock(new Date('2026-03-22T06:30:00Z'));
  const users = {
    async find(id: number, tenantId: number) {
      return (tenantId === 1 && id < 9) || (tenantId === 2 && id === 9) ? { id, name: `user${id}`, displayName: `User ${id}` } : undefined;
    },
  };

  before(async () => {
    const test = await testDatabase();
    database = openDatabase({ connection: test.url, connections: 5 });
    drop = test.drop;
    await maintainAllPartitions(database, clock.now());
    workspaces = createWorkspaces({ database, clock, log: silentLog, users, holds, scheduling });
    gateway = testGateway({ database, clock, directory: workspaces.directory, events, operations: workspaces.module.operations ?? [] });
  });
  after(async () => {
    await database.close();
    await drop();
  });

  const create = async (name: string, extra: object = {}) => Number((await gateway.call(admin, current, 'CreateProject', { Name: name, DisplayName: `The ${name}`, ...extra }))['Id']);
  const row = (id: number) => database.row<{ status: string; display_name: string; standard_mode: boolean }>('select status, display_name, standard_mode from workspace where id = $1', [id]);

  it('creates a workspace in both dialects, with the caller as owner', async () => {
    const id = await create('alpha', { DevEnvironmentEnabled: true, Description: 'first', AliyunResourceTags: [{ Key: 'team', Value: 'a' }] });
    assert.ok(id >= 10_001 && id < 2 ** 31);
    const { Project } = await gateway.call(admin, current, 'GetProject', { Id: id });
    assert.deepEqual(Project, {
      Id: id,
      Name: 'alpha',
      DisplayName: 'The alpha',
      Description: 'first',
      Owner: '1',
      Status: 'Available',
      DevEnvironmentEnabled: true,
      DevRoleDisabled: false,
      PaiTaskEnabled: false,
      AliyunResourceGroupId: '',
      AliyunResourceTags: [{ Key: 'team', Value: 'a' }],
    });
    const legacy = await gateway.call(admin, old, 'CreateProject', { ProjectIdentifier: 'beta', ProjectName: 'Beta', ProjectMode: 2 });
    assert.equal(legacy['Success'], true);
    const { Data } = (await gateway.call(admin, old, 'GetProject', { ProjectIdentifier: 'beta' })) as { Data: Record<string, unknown> };
    assert.equal(Data['ProjectId'], legacy['Data']);
    assert.equal(Data['ProjectMode'], 2);
    assert.deepEqual(Data['EnvTypes'], ['PROD']);
    assert.equal(Data['GmtCreate'], '2026-03-22 06:30:00');
    await gateway.call(admin, current, 'UpdateProject', { Id: legacy['Data'], DisplayName: 'The beta', Description: 'second' });
    const { Data: detail } = (await gateway.call(admin, old, 'GetProjectDetail', { ProjectId: legacy['Data'] })) as { Data: Record<string, unknown> };
    assert.deepEqual(detail, { ...Data, ProjectName: 'The beta', ProjectDescription: 'second' });
    assert.deepEqual(await workspaces.directory.rolesOf(id, 1), ['role_project_owner']);
    assert.deepEqual(await workspaces.directory.find(1, 'ALPHA'), { id, tenantId: 1, name: 'alpha', region: 'local', standardMode: true, status: 'Available' });
  });

  it('keeps names unique in a tenant and refuses bad ones', async () => {
    await create('gamma');
    await assert.rejects(create('Gamma'), refusal('AlreadyExists'));
    assert.ok(Number((await gateway.call(stranger, current, 'CreateProject', { Name: 'gamma', DisplayName: 'g' }))['Id']) > 0);
    for (const name of ['1abc', 'ab', 'with space', 'a'.repeat(29), 'nul\u0000x']) await assert.rejects(create(name), refusal('InvalidParameter'));
    await assert.rejects(create('delta', { DisplayName: 'nul\u0000' }), refusal('InvalidParameter'));
    await assert.rejects(gateway.call(outsider, current, 'CreateProject', { Name: 'mine', DisplayName: 'm' }), refusal('Forbidden'));
  });

  it('hides the workspaces of other tenants and of other members', async () => {
    const id = await create('hidden');
    await assert.rejects(gateway.call(stranger, current, 'GetProject', { Id: id }), refusal('WorkspaceNotFound', '1101080008'));
    await assert.rejects(gateway.call(outsider, current, 'GetProject', { Id: id }), refusal('Forbidden'));
    const seen = (await gateway.call(outsider, current, 'ListProjects')) as { PagingInfo: { TotalCount: number } };
    assert.equal(seen.PagingInfo.TotalCount, 0);
    const all = (await gateway.call(admin, current, 'ListProjects', { Names: ['hidden'] })) as { PagingInfo: { Projects: { Id: number }[] } };
    assert.deepEqual(
      all.PagingInfo.Projects.map((project) => project.Id),
      [id],
    );
  });

  it('pages the lists', async () => {
    for (const name of ['page1', 'page2', 'page3']) await create(name, { AliyunResourceTags: [{ Key: 'paged', Value: 'yes' }] });
    const filter = { Tags: [{ Key: 'paged', Value: 'yes' }], PageSize: 2 };
    const first = (await gateway.call(admin, old, 'ListProjects', filter)) as { PageResult: { ProjectList: { ProjectIdentifier: string }[]; TotalCount: number } };
    const second = (await gateway.call(admin, old, 'ListProjects', { ...filter, PageNumber: 2 })) as typeof first;
    assert.equal(first.PageResult.TotalCount, 3);
    assert.deepEqual(
      [...first.PageResult.ProjectList, ...second.PageResult.ProjectList].map((project) => project.ProjectIdentifier),
      ['page3', 'page2', 'page1'],
    );
    await assert.rejects(gateway.call(admin, old, 'ListProjects', { PageSize: 101 }), refusal('InvalidParameter'));
    await assert.rejects(gateway.call(admin, old, 'ListProjects', { PageNumber: 0 }), refusal('InvalidParameter'));
  });

  it('changes settings, but never takes the development environment away', async () => {
    const id = await create('settings');
    await gateway.call(admin, current, 'UpdateProject', { Id: id, DisplayName: 'New', DevEnvironmentEnabled: true, Status: 'Forbidden' });
    assert.deepEqual(await row(id), { status: 'Forbidden', display_name: 'New', standard_mode: true });
    assert.equal((await workspaces.directory.byId(id))?.standardMode, true);
    await assert.rejects(gateway.call(admin, current, 'UpdateProject', { Id: id, DevEnvironmentEnabled: false }), refusal('InvalidParameter'));
    await assert.rejects(gateway.call(admin, current, 'UpdateProject', { Id: id, Status: 'Deleted' }), refusal('InvalidParameter'));
  });

  it('manages members and their roles, and the directory knows at once', async () => {
    const id = await create('members');
    await assert.rejects(gateway.call(dev, current, 'GetProject', { Id: id }), refusal('Forbidden'));
    await gateway.call(admin, current, 'CreateProjectMember', { ProjectId: id, UserId: '2', RoleCodes: ['role_project_dev'] });
    assert.deepEqual(await workspaces.directory.rolesOf(id, 2), ['role_project_dev']);
    await gateway.call(dev, current, 'GetProject', { Id: id });
    await assert.rejects(gateway.call(dev, current, 'UpdateProject', { Id: id, DisplayName: 'x' }), refusal('Forbidden'));
    await assert.rejects(gateway.call(admin, current, 'CreateProjectMember', { ProjectId: id, UserId: '2', RoleCodes: ['role_project_dev'] }), refusal('AlreadyExists'));
    await assert.rejects(gateway.call(admin, current, 'CreateProjectMember', { ProjectId: id, UserId: '9', RoleCodes: ['role_project_dev'] }), refusal('NotFound'));
    await assert.rejects(gateway.call(admin, current, 'CreateProjectMember', { ProjectId: id, UserId: 'x', RoleCodes: ['role_project_dev'] }), refusal('InvalidParameter'));
    await assert.rejects(gateway.call(admin, current, 'GrantMemberProjectRoles', { ProjectId: id, UserId: '2', RoleCodes: ['role_project_owner'] }), refusal('InvalidParameter'));

    await gateway.call(admin, old, 'AddProjectMemberToRole', { ProjectId: id, UserId: '2', RoleCode: 'role_project_deploy' });
    await gateway.call(admin, current, 'RevokeMemberProjectRoles', { ProjectId: id, UserId: '2', RoleCodes: ['role_project_dev'] });
    const { ProjectMember } = await gateway.call(dev, current, 'GetProjectMember', { ProjectId: id, UserId: '2' });
    assert.deepEqual(ProjectMember, { ProjectId: id, UserId: '2', UserName: 'user2', Status: 'Normal', Roles: [{ Code: 'role_project_deploy', Name: 'Deploy', Type: 'System' }] });
    await gateway.call(admin, old, 'RemoveProjectMemberFromRole', { ProjectId: id, UserId: '2', RoleCode: 'role_project_deploy' });
    await gateway.call(admin, current, 'GrantMemberProjectRoles', { ProjectId: id, UserId: '2', RoleCodes: ['role_project_guest', 'role_project_guest'] });
    assert.deepEqual(await workspaces.directory.rolesOf(id, 2), ['role_project_guest']);

    await gateway.call(admin, old, 'CreateProjectMember', { ProjectId: id, UserId: '4' });
    const legacy = (await gateway.call(admin, old, 'ListProjectMembers', { ProjectId: id })) as { Data: { ProjectMemberList: { ProjectMemberId: string; ProjectRoleList: { ProjectRoleCode: string }[] }[] } };
    assert.deepEqual(
      legacy.Data.ProjectMemberList.map((member) => [member.ProjectMemberId, member.ProjectRoleList.map((role) => role.ProjectRoleCode)]),
      [
        ['1', ['role_project_owner']],
        ['2', ['role_project_guest']],
        ['4', ['role_project_guest']],
      ],
    );
    const filtered = (await gateway.call(admin, current, 'ListProjectMembers', { ProjectId: id, RoleCodes: ['role_project_owner'] })) as { PagingInfo: { TotalCount: number } };
    assert.equal(filtered.PagingInfo.TotalCount, 1);

    assert.deepEqual(await gateway.call(dev, old, 'ListProjectIds', { UserId: '2' }), { ProjectIds: [id] });
    assert.deepEqual(await gateway.call(outsider, old, 'ListProjectIds', { UserId: '2' }), { ProjectIds: [] });
    await gateway.call(admin, current, 'DeleteProjectMember', { ProjectId: id, UserId: '2' });
    await gateway.call(admin, old, 'DeleteProjectMember', { ProjectId: id, UserId: '4' });
    assert.deepEqual(await workspaces.directory.rolesOf(id, 2), []);
    await assert.rejects(gateway.call(admin, current, 'GetProjectMember', { ProjectId: id, UserId: '2' }), refusal('MemberNotFound', '1101080166'));
    await assert.rejects(gateway.call(admin, current, 'DeleteProjectMember', { ProjectId: id, UserId: '1' }), refusal('WrongState'));
  });

  it('shows the built-in roles', async () => {
    const id = await create('roles');
    const { ProjectRole } = await gateway.call(admin, current, 'GetProjectRole', { ProjectId: id, Code: 'role_project_pe' });
    assert.deepEqual(ProjectRole, { Code: 'role_project_pe', Name: 'O&M', ProjectId: id, Type: 'System' });
    await assert.rejects(gateway.call(admin, current, 'GetProjectRole', { ProjectId: id, Code: 'role_x' }), refusal('NotFound'));
    const custom = (await gateway.call(admin, current, 'ListProjectRoles', { ProjectId: id, Type: 'UserCustom' })) as { PagingInfo: { TotalCount: string } };
    assert.equal(custom.PagingInfo.TotalCount, '0');
    const legacy = (await gateway.call(admin, old, 'ListProjectRoles', { ProjectId: id })) as { ProjectRoleList: object[] };
    assert.ok(legacy.ProjectRoleList.length >= 10);
  });

  it('deletes a workspace at once when nobody has to decide', async () => {
    const id = await create('doomed');
    events.raised.length = 0;
    await assert.rejects(gateway.call(dev, current, 'DeleteProject', { Id: id }), refusal('Forbidden'));
    await gateway.call(admin, current, 'DeleteProject', { Id: id });
    assert.equal((await row(id))?.status, 'Deleted');
    assert.deepEqual(events.codes(), ['delete-project', 'project-deleted']);
    assert.deepEqual(events.raised[1]?.data, { operator: '1', projectId: id, projectName: 'doomed', timestamp: clock.now().getTime(), blockBusiness: false });
    assert.equal(events.raised[1]?.workspaceId, undefined);
    assert.ok(scheduling.removed.includes(id));
    await assert.rejects(gateway.call(admin, current, 'GetProject', { Id: id }), refusal('WorkspaceNotFound', '1101080008'));
    assert.notEqual(await create('doomed'), id);
  });

  it('empties a deleted workspace again, at once and for what calls under way still wrote into it', async () => {
    const id = await create('emptied');
    const jobs = createJobRunner({ database, changes: createChanges({ database, clock, ids: randomIds, events }), clock, log: silentLog, jobs: workspaces.module.jobs ?? [] });
    const emptied = () => scheduling.removed.filter((one) => one === id).length;
    await gateway.call(admin, current, 'DeleteProject', { Id: id });
    assert.equal(emptied(), 1);
    await jobs.drain();
    assert.equal(emptied(), 2);
    clock.advance(limits.workspaceRemainsMs.value);
    await jobs.drain();
    assert.equal(emptied(), 3);
    clock.advance(limits.workspaceRemainsMs.value);
    await jobs.drain();
    assert.equal(emptied(), 3);
  });

  it('holds a deletion, comes back after FAIL, deletes after OK', async () => {
    const id = await create('held', { DevEnvironmentEnabled: true });
    const changes = createChanges({ database, clock, ids: randomIds, events });
    const decide = (verdict: 'OK' | 'FAIL') => changes.change(platformActor('test'), (change) => holds.decide(change, workspaces.points, verdict));
    holds.holding.add('delete-project');
    try {
      await gateway.call(admin, current, 'UpdateProject', { Id: id, Status: 'Forbidden' });
      await gateway.call(admin, current, 'DeleteProject', { Id: id });
      assert.equal((await row(id))?.status, 'Deleting');
      await assert.rejects(gateway.call(admin, current, 'DeleteProject', { Id: id }), refusal('WrongState'));
      await assert.rejects(gateway.call(admin, current, 'UpdateProject', { Id: id, DisplayName: 'x' }), refusal('WrongState'));
      await decide('FAIL');
      assert.equal((await row(id))?.status, 'Forbidden');
      await gateway.call(admin, current, 'DeleteProject', { Id: id });
      events.raised.length = 0;
      await decide('OK');
      assert.equal((await row(id))?.status, 'Deleted');
      assert.deepEqual(events.codes(), ['project-deleted']);
      // A second resumption finds nothing to do.
      await decide('OK');
      assert.deepEqual(events.codes(), ['project-deleted']);
    } finally {
      holds.holding.clear();
    }
  });

  it('learns of changes by other processes', async () => {
    const id = await create('remote');
    const other = createWorkspaces({ database, clock, log: silentLog, users, holds, scheduling });
    const [service] = other.module.services ?? [];
    await service?.start();
    try {
      assert.equal((await other.directory.byId(id))?.status, 'Available');
      await gateway.call(admin, current, 'UpdateProject', { Id: id, Status: 'Forbidden' });
      const deadline = Date.now() + 5_000;
      while ((await other.directory.byId(id))?.status !== 'Forbidden') {
        assert.ok(Date.now() < deadline, 'the announcement did not arrive');
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      await service?.stop();
    }
  });

  it('goes only along the edges of its table of statuses', () => {
    const all: WorkspaceStatus[] = ['Available', 'Forbidden', 'Deleting', 'Deleted'];
    const edges = all.flatMap((from) => all.filter((to) => nextStatuses[from].includes(to)).map((to) => `${from} ${to}`));
    assert.deepEqual(edges, [
      'Available Forbidden',
      'Available Deleting',
      'Available Deleted',
      'Forbidden Available',
      'Forbidden Deleting',
      'Forbidden Deleted',
      'Deleting Available',
      'Deleting Forbidden',
      'Deleting Deleted',
    ]);
  });
});
