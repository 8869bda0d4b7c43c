import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { postgresByTcp } from '../../server/platform/datasources/datasources.fixture.ts';
import { makeBelongings } from '../conformance/belonging-objects.ts';
import { makeSourceObjects } from '../conformance/source-objects.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';
import { testRuns } from '../support/runs.ts';

const CURRENT = '2024-05-18';
const LEGACY = '2020-05-18';

let house: TestHouse;
before(async () => {
  house = await startTestHouse();
});
after(() => house.stop());

test('code runs on a compute resource of its workspace', async () => {
  const ProjectId = Number((await house.call(CURRENT, 'CreateProject', { Name: 'computing', DisplayName: 'computing' }))['Id']);
  await house.call(LEGACY, 'CreateBusiness', { ProjectId, BusinessName: 'computing' });
  const { port, close, username, password, database } = await postgresByTcp(house.databaseUrl);
  try {
    const ConnectionProperties = JSON.stringify({ host: '127.0.0.1', port, database, username, password });
    await house.call(CURRENT, 'CreateComputeResource', { ProjectId, Name: 'engine', Type: 'hologres', ConnectionPropertiesMode: 'UrlMode', ConnectionProperties });
    const { status, log } = await testRuns(house, { id: ProjectId, name: 'computing' }).run('on_engine', 1302, 'create table computed as select 6 * 7 as answer; select answer from computed', { ConnectionName: 'engine' });
    assert.equal(status, 'SUCCESS', log);
    assert.deepEqual(await house.database.rows('select answer from computed'), [{ answer: 42 }]);
  } finally {
    await close();
  }
});

test('at the real door a role of the workspace allows what it says, and no more', async () => {
  const ProjectId = Number((await house.call(CURRENT, 'CreateProject', { Name: 'guarded', DisplayName: 'guarded' }))['Id']);
  const user = await house.as('writer');
  const { Code } = await house.call(CURRENT, 'CreateProjectRole', { ProjectId, Name: 'Writers', ModulePermissions: JSON.stringify([{ ModuleId: 11, PermissionType: 'Write' }]) });
  await house.call(CURRENT, 'CreateProjectMember', { ProjectId, UserId: String(user.userId), RoleCodes: JSON.stringify([Code]) });
  const Properties = JSON.stringify([{ EnvType: 'Prod', Value: 'x' }]);
  assert.ok(Number((await user.call(CURRENT, 'CreateParameter', { ProjectId, Name: 'allowed', Type: 'PlainConstant', Owner: '', Properties }))['Id']) > 0);
  await user.call(CURRENT, 'ListComputeResources', { ProjectId });
  const forbidden: readonly [string, Record<string, string | number>][] = [
    ['CreateDataSource', { Name: 'x', Type: 'mysql', ConnectionPropertiesMode: 'UrlMode', ConnectionProperties: '{}' }],
    ['CreateDataset', { Name: 'x', StorageType: 'OSS', InitVersion: JSON.stringify({ Url: 'oss://b/x' }) }],
    ['DeleteProjectRole', { Code: String(Code) }],
  ];
  for (const [action, request] of forbidden) await assert.rejects(user.call(CURRENT, action, { ProjectId, ...request }), /You may not call/, action);
});

test('what belongs to a workspace goes with it', async () => {
  const workspace = async (Name: string) => Number((await house.call(CURRENT, 'CreateProject', { Name, DisplayName: Name, DevEnvironmentEnabled: true }))['Id']);
  const [going, staying] = [await workspace('going'), await workspace('staying')];
  for (const [id, mark] of [[going, 'going_mark'], [staying, 'staying_mark']] as const) {
    await makeSourceObjects(house.call, id, mark);
    await makeBelongings(house, id, mark);
    await house.call(CURRENT, 'CreateParameter', { ProjectId: id, Name: 'secret', Type: 'SecretConstant', Owner: '', Properties: JSON.stringify([{ EnvType: 'Prod', Value: 'x' }]) });
  }
  const { Id } = await house.call(CURRENT, 'CreateDataSource', { ProjectId: staying, Name: 'lent', Type: 'mysql', ConnectionPropertiesMode: 'UrlMode', ConnectionProperties: '{}' });
  await house.call(CURRENT, 'CreateDataSourceSharedRule', { DataSourceId: Number(Id), TargetProjectId: going, EnvType: 'Prod' });
  const tables = ['data_source', 'compute_resource', 'certificate', 'dataset', 'resource_group_workspace', 'image_workspace', 'workspace_role', 'parameter'];
  const counts = async (id: number) => Promise.all(tables.map(async (table) => (await house.database.row<{ count: number }>(`select count(*) as count from ${table} where workspace_id = $1`, [id]))?.count ?? 0));
  const before = await counts(staying);
  assert.ok((await counts(going)).every((count) => count > 0));
  await house.call(CURRENT, 'DeleteProject', { Id: going });
  assert.deepEqual(await counts(going), tables.map(() => 0));
  assert.deepEqual(await counts(staying), before);
  assert.deepEqual(await house.database.rows('select 1 from data_source_rule where target_workspace_id = $1', [going]), []);
});
