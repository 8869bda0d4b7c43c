import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';

const LEGACY = '2020-05-18';
const CURRENT = '2024-05-18';

let house: TestHouse;
let ProjectId: number;
before(async () => {
  house = await startTestHouse();
  ProjectId = Number((await house.call(LEGACY, 'CreateProject', { ProjectIdentifier: 'secretive', ProjectName: 'secretive', ProjectMode: 3 }))['Data']);
});
after(() => house.stop());

test('what stands in the database after data sources were made, read and tested has no secret in the clear', async () => {
  const { call } = house;
  const secret = 'zq7-never-written';
  const target = Number((await call(LEGACY, 'CreateProject', { ProjectIdentifier: 'lender', ProjectName: 'lender', ProjectMode: 3 }))['Data']);
  const { Id } = await call(CURRENT, 'CreateDataSource', { ClientToken: 'once', ProjectId, Name: 'one', Type: 'postgresql', ConnectionPropertiesMode: 'UrlMode', ConnectionProperties: JSON.stringify({ host: '127.0.0.1', port: 1, username: 'u', password: secret }) });
  await call(LEGACY, 'CreateDataSource', { ProjectId, Name: 'two', DataSourceType: 'mysql', EnvType: 1, Content: JSON.stringify({ jdbcUrl: `jdbc:mysql://u:${secret}@db/x?password=${secret}`, username: 'u', password: secret }) });
  await call(LEGACY, 'ImportDataSources', { ProjectId, DataSources: JSON.stringify([{ Name: 'three', DataSourceType: 'oss', EnvType: 1, Content: { bucket: 'b', endpoint: 'e', accessId: 'i', accessKey: secret } }]) });
  await assert.rejects(call(LEGACY, 'CreateDataSource', { ProjectId, Name: 'four', DataSourceType: 'mysql', EnvType: 1, Content: `{"password":"${secret}"` }));
  await call(LEGACY, 'SetDataSourceShare', { ProjectId, DatasourceName: 'one', EnvType: '1', ProjectPermissions: JSON.stringify([{ projectId: target, permission: 'READ' }]) });
  const { Connectivity } = (await call(CURRENT, 'TestDataSourceConnectivity', { ProjectId, DataSourceId: Number(Id), ResourceGroupId: 'Default' })) as { Connectivity: { ConnectState: string } };
  assert.equal(Connectivity.ConnectState, 'Unreachable');
  const answers = [await call(CURRENT, 'GetDataSource', { Id: Number(Id) }), await call(CURRENT, 'ListDataSources', { ProjectId }), await call(LEGACY, 'ExportDataSources', { ProjectId }), Connectivity];
  assert.ok(!JSON.stringify(answers).includes(secret));
  await eventually('the calls are logged', async () => (await house.database.rows(`select 1 from call_log where action = 'ExportDataSources'`)).length > 0);
  const tables = await house.database.rows<{ name: string }>(`select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public'`);
  for (const { name } of tables) {
    const rows = await house.database.rows(`select 1 from ${name} as t where position($1 in t::text) > 0 limit 1`, [secret]);
    assert.equal(rows.length, 0, `${name} has the secret`);
  }
});

test('a workspace is given a resource group once, however often the request is repeated', async () => {
  const { ResourceGroupOrder } = (await house.call(CURRENT, 'CreateResourceGroup', { ClientToken: 'g', Name: 'small', PaymentType: 'PrePaid', Spec: 1, VpcId: 'v', VswitchId: 's' })) as { ResourceGroupOrder: { Id: string } };
  const again = (await house.call(CURRENT, 'CreateResourceGroup', { ClientToken: 'g', Name: 'small', PaymentType: 'PrePaid', Spec: 1, VpcId: 'v', VswitchId: 's' })) as { ResourceGroupOrder: { Id: string } };
  assert.equal(again.ResourceGroupOrder.Id, ResourceGroupOrder.Id);
  await house.call(CURRENT, 'AssociateProjectToResourceGroup', { ProjectId, ResourceGroupId: ResourceGroupOrder.Id });
  const { PagingInfo } = (await house.call(CURRENT, 'ListResourceGroups', { ProjectId })) as { PagingInfo: { ResourceGroupList: { Name: string; Spec: { Amount: number } }[] } };
  assert.deepEqual(PagingInfo.ResourceGroupList.map((group) => [group.Name, group.Spec.Amount]).at(-1), ['small', 1]);
});
