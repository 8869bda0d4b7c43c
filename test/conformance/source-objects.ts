import type { SignedCall } from '../../server/sample.ts';

const CURRENT = '2024-05-18';

/** A data source in both environments with a rule that shares it, a resource group that the workspace uses, its network and a route. */
export async function makeSourceObjects(call: SignedCall, ProjectId: number, mark: string): Promise<Record<string, unknown>> {
  const group = (await call(CURRENT, 'CreateResourceGroup', { ClientToken: mark, Name: mark, Remark: mark, PaymentType: 'PostPaid', VpcId: mark, VswitchId: mark }))['ResourceGroupOrder'] as { Id: string };
  await call(CURRENT, 'AssociateProjectToResourceGroup', { ProjectId, ResourceGroupId: group.Id });
  const NetworkId = Number((await call(CURRENT, 'CreateNetwork', { ClientToken: `${mark}-network`, ResourceGroupId: group.Id, VpcId: mark, VswitchId: mark }))['Id']);
  const route = Number((await call(CURRENT, 'CreateRoute', { NetworkId, DestinationCidr: '10.0.0.0/8' }))['Id']);
  const source = async (envType: string) =>
    Number(
      (await call(CURRENT, 'CreateDataSource', { ProjectId, Name: mark, Type: 'oracle', ConnectionPropertiesMode: 'UrlMode', Description: mark, ConnectionProperties: JSON.stringify({ envType, address: `${mark}:1521`, password: mark }) }))['Id'],
    );
  const DataSourceId = await source('Prod');
  await source('Dev');
  const other = Number((await call(CURRENT, 'CreateProject', { Name: `${mark}_reader`, DisplayName: mark }))['Id']);
  const rule = Number((await call(CURRENT, 'CreateDataSourceSharedRule', { DataSourceId, TargetProjectId: other, EnvType: 'Prod' }))['Id']);
  const of = (id: unknown, ...actions: string[]) => Object.fromEntries(actions.map((action) => [`${action}.Id`, id]));
  return {
    DataSourceId,
    ConnectionId: DataSourceId,
    DatasourceName: mark,
    ResourceGroupId: group.Id,
    NetworkId,
    // There it is a number.
    'CreateFile.ResourceGroupId': 1,
    ...of(group.Id, 'GetResourceGroup', 'UpdateResourceGroup', 'DeleteResourceGroup'),
    ...of(NetworkId, 'GetNetwork', 'DeleteNetwork'),
    ...of(route, 'GetRoute', 'UpdateRoute', 'DeleteRoute'),
    ...of(DataSourceId, 'GetDataSource', 'UpdateDataSource', 'DeleteDataSource', 'CloneDataSource'),
    ...of(rule, 'DeleteDataSourceSharedRule'),
    'TestNetworkConnection.ResourceGroup': mark,
    'CreateDataSourceSharedRule.TargetProjectId': other,
    'CreateResourceGroup.PaymentType': 'PostPaid',
    'CreateRoute.DestinationCidr': '10.0.0.0/8',
    'UpdateRoute.DestinationCidr': '10.0.0.0/8',
  };
}
