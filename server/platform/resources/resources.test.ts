import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { testCaller, testEvents, testGateway, testHolds, type TestGateway } from '../../../test/support/call.ts';
import { testDatabase } from '../../../test/support/database.ts';
import { recordedScheduling } from '../../../test/support/scheduling.ts';
import { manualClock } from '../../kernel/clock.ts';
import { openDatabase, type Database } from '../../kernel/database.ts';
import { ApiError, describeError } from '../../kernel/errors.ts';
import { randomIds } from '../../kernel/ids.ts';
import { limits } from '../../kernel/limits.ts';
import { silentLog } from '../../kernel/log.ts';
import { maintainAllPartitions } from '../../modules.ts';
import { createWorkspaces, livingWorkspaceIds } from '../workspaces/index.ts';
import { createResources } from './index.ts';

const LEGACY = '2020-05-18';
const CURRENT = '2024-05-18';
const admin = testCaller(1, 1, ['tenant_admin']);
const member = testCaller(2);
const stranger = testCaller(9, 2, ['tenant_owner']);

function refusal(entry: string, code?: string) {
  return (error: unknown) => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.entry, entry, error.message);
    if (code !== undefined) assert.equal(describeError(error, 'en', CURRENT).code, code);
    return true;
  };
}

describe('resource groups', () => {
  let database: Database;
  let drop: () => Promise<void>;
  let gateway: TestGateway;
  let domain: ReturnType<typeof createResources>;
  let shop: number;
  const load = new Map<string, { running: number; waiting: number }>();
  const clock = manualClock(new Date('2026-03-22T06:30:30Z'));

  before(async () => {
    const test = await testDatabase();
    database = openDatabase({ connection: test.url, connections: 5 });
    drop = test.drop;
    await maintainAllPartitions(database, clock.now());
    const users = { find: async (id: number) => ({ id, name: `user${id}`, displayName: `User ${id}` }) };
    const workspaces = createWorkspaces({ database, clock, log: silentLog, users, holds: testHolds(), scheduling: recordedScheduling() });
    domain = createResources({
      ids: randomIds,
      directory: workspaces.directory,
      workspaceIds: livingWorkspaceIds,
      usage: async (_db, groups) => groups.flatMap((group) => [load.get(group)].flatMap((one) => (one === undefined ? [] : [{ group, ...one }]))),
    });
    gateway = testGateway({ database, clock, directory: workspaces.directory, events: testEvents(), operations: [...(workspaces.module.operations ?? []), ...(domain.module.operations ?? [])] });
    shop = await workspace('shop');
  });
  after(async () => {
    await database.close();
    await drop();
  });

  const call = (action: string, request: object = {}, caller = admin) => gateway.call(caller, CURRENT, action, request);
  const workspace = async (name: string) => Number((await call('CreateProject', { Name: name, DisplayName: name }))['Id']);
  const create = async (Name: string, extra: object = {}) => {
    const answer = await call('CreateResourceGroup', { ClientToken: Name, Name, PaymentType: 'PrePaid', Spec: 4, VpcId: 'vpc-1', VswitchId: 'vsw-1', ...extra });
    return (answer['ResourceGroupOrder'] as { Id: string }).Id;
  };
  const get = async (Id: string) => (await call('GetResourceGroup', { Id }))['ResourceGroup'] as Record<string, unknown>;
  const names = async (request: object = {}, caller = admin) =>
    ((await call('ListResourceGroups', request, caller))['PagingInfo'] as { ResourceGroupList: { Name: string }[] }).ResourceGroupList.map((group) => group.Name);

  it('gives every tenant a default group that takes as many tasks as a process', async () => {
    const [first, second] = await Promise.all([domain.resources.defaultOf(database, 1), domain.resources.defaultOf(database, 1)]);
    assert.deepEqual(first, second);
    assert.deepEqual(first, { id: 'group_default_1', identifier: 'group_default_1', name: 'Default', slots: limits.taskSlots.value, status: 'Normal', tags: [] });
    assert.deepEqual(await domain.resources.resolve(database, 1, shop, 'Default'), first);
    assert.equal((await domain.resources.defaultOf(database, 2)).id, 'group_default_2');
    assert.equal(await domain.resources.resolve(database, 1, shop, 'group_default_2'), undefined);
    assert.deepEqual((await call('ListResourceGroupAssociateProjects', { ResourceGroupId: first.id }))['ProjectIdList'], await livingWorkspaceIds(database, 1));
    await assert.rejects(call('DeleteResourceGroup', { Id: first.id }), refusal('WrongState'));
    await assert.rejects(call('DissociateProjectFromResourceGroup', { ResourceGroupId: first.id, ProjectId: shop }), refusal('WrongState'));
  });

  it('creates a group whose fields come back as they were sent', async () => {
    const tags = [{ Key: 'worker', Value: 'gpu' }, { Key: 'team', Value: 'a' }];
    const id = await create('sent', { Remark: 'for reports', AliyunResourceGroupId: 'rg-1', AliyunResourceTags: tags });
    assert.deepEqual(await get(id), {
      Id: id,
      Name: 'sent',
      Remark: 'for reports',
      ResourceGroupType: 'CommonV2',
      PaymentType: 'PrePaid',
      Spec: { Amount: 4, Standard: 'CU' },
      Status: 'Normal',
      AliyunResourceGroupId: 'rg-1',
      AliyunResourceTags: tags,
      CreateTime: clock.now().getTime(),
      CreateUser: '1',
      DefaultVpcId: 'vpc-1',
      DefaultVswitchId: 'vsw-1',
      OrderInstanceId: '',
    });
    assert.deepEqual(await domain.resources.byId(database, 1, id), { id, identifier: id, name: 'sent', slots: 4, status: 'Normal', tags: ['gpu'] });
    assert.equal(await domain.resources.slotsOf(database, id), 4);
    await assert.rejects(create('sent'), refusal('AlreadyExists'));
    await assert.rejects(create('zero', { Spec: 0 }), refusal('InvalidParameter'));
    await assert.rejects(create('huge', { Spec: 1e6 }), refusal('InvalidParameter'));
    await assert.rejects(create('unspecified', { Spec: undefined }), refusal('MissingParameter'));
    await assert.rejects(create('nul\u0000'), refusal('InvalidParameter'));
    await assert.rejects(call('CreateResourceGroup', { Name: 'mine', PaymentType: 'PostPaid', VpcId: 'v', VswitchId: 's' }, member), refusal('Forbidden'));
  });

  it('lists, filters and sorts groups in both dialects', async () => {
    await create('list-b', { Spec: 2 });
    await create('list-a', { PaymentType: 'PostPaid', Spec: undefined, AliyunResourceTags: [{ Key: 'k', Value: 'v' }] });
    assert.deepEqual(await names({ Name: 'LIST-', SortBy: 'Name Asc' }), ['list-a', 'list-b']);
    assert.deepEqual(await names({ Name: 'list-', SortBy: 'Name Desc', PageSize: 1, PageNumber: 2 }), ['list-a']);
    assert.deepEqual(await names({ AliyunResourceTags: [{ Key: 'k', Value: 'v' }], PaymentType: 'PostPaid', Statuses: ['Normal'] }), ['list-a']);
    assert.deepEqual(await names({ ResourceGroupTypes: ['ExclusiveScheduler'] }), []);
    assert.equal((await names())[0], 'Default');
    assert.deepEqual(await names({}, stranger), ['Default']);
    await assert.rejects(names({ SortBy: 'Secret' }), refusal('InvalidParameter'));
    await assert.rejects(names({ ProjectId: shop }, stranger), refusal('WorkspaceNotFound'));
    const { Data } = (await gateway.call(admin, LEGACY, 'ListResourceGroups', { Keyword: 'list-a' })) as { Data: Record<string, unknown>[] };
    assert.equal(Data.length, 1);
    assert.deepEqual([Data[0]?.['Name'], Data[0]?.['IsDefault'], Data[0]?.['Status'], Data[0]?.['Specs']], ['list-a', false, 0, { cu: limits.taskSlots.value }]);
    assert.ok(Number.isInteger(Data[0]?.['Id']));
    const all = (await gateway.call(admin, LEGACY, 'ListResourceGroups', { BizExtKey: 'default' })) as { Data: { Identifier: string }[] };
    assert.deepEqual(all.Data.map((group) => group.Identifier), ['group_default_1']);
    assert.deepEqual((await gateway.call(admin, LEGACY, 'ListResourceGroups', { ResourceGroupType: 4 }))['Data'], []);
  });

  it('lets a workspace use a group only while they are associated', async () => {
    const id = await create('joined');
    assert.equal(await domain.resources.resolve(database, 1, shop, id), undefined);
    await call('AssociateProjectToResourceGroup', { ProjectId: shop, ResourceGroupId: id });
    await call('AssociateProjectToResourceGroup', { ProjectId: shop, ResourceGroupId: id });
    assert.equal((await domain.resources.resolve(database, 1, shop, id))?.id, id);
    assert.equal((await domain.resources.resolve(database, 1, shop, 'joined'))?.id, id);
    const { Data } = (await gateway.call(admin, LEGACY, 'ListResourceGroups', { Keyword: 'joined' })) as { Data: { Id: number }[] };
    assert.equal((await domain.resources.resolve(database, 1, shop, String(Data[0]?.Id)))?.id, id);
    assert.equal(await domain.resources.resolve(database, 2, shop, id), undefined);
    assert.deepEqual((await call('ListResourceGroupAssociateProjects', { ResourceGroupId: id }))['ProjectIdList'], [shop]);
    assert.deepEqual(await names({ ProjectId: shop }), ['Default', 'joined']);
    await assert.rejects(call('DeleteResourceGroup', { Id: id }), refusal('WrongState'));
    await assert.rejects(call('AssociateProjectToResourceGroup', { ProjectId: shop, ResourceGroupId: id }, stranger), refusal('WorkspaceNotFound'));
    await call('DissociateProjectFromResourceGroup', { ProjectId: shop, ResourceGroupId: id });
    assert.equal(await domain.resources.resolve(database, 1, shop, id), undefined);
    load.set(id, { running: 1, waiting: 0 });
    await assert.rejects(call('DeleteResourceGroup', { Id: id }), refusal('WrongState'));
    load.delete(id);
    await call('DeleteResourceGroup', { Id: id });
    await assert.rejects(get(id), refusal('ResourceGroupNotFound', '9990040003'));
    assert.equal(await domain.resources.slotsOf(database, id), undefined);
  });

  it('a group may go when the last workspace that used it is gone', async () => {
    const id = await create('left');
    const ended = await workspace('ended');
    await call('AssociateProjectToResourceGroup', { ProjectId: ended, ResourceGroupId: id });
    await call('DeleteProject', { Id: ended });
    assert.deepEqual((await call('ListResourceGroupAssociateProjects', { ResourceGroupId: id }))['ProjectIdList'], []);
    await call('DeleteResourceGroup', { Id: id });
  });

  it('changes name and remark, of the tenant only', async () => {
    const id = await create('before');
    await call('UpdateResourceGroup', { Id: id, Name: 'after', Remark: 'new' });
    const { Name, Remark, AliyunResourceGroupId } = await get(id);
    assert.deepEqual([Name, Remark, AliyunResourceGroupId], ['after', 'new', '']);
    await assert.rejects(call('UpdateResourceGroup', { Id: id, Name: 'sent' }), refusal('AlreadyExists'));
    await assert.rejects(call('UpdateResourceGroup', { Id: id, Name: 'theirs' }, stranger), refusal('ResourceGroupNotFound'));
    await assert.rejects(call('GetResourceGroup', { Id: 'nul\u0000' }), refusal('ResourceGroupNotFound'));
  });

  it('tells slots and running tasks', async () => {
    const id = await create('measured');
    load.set(id, { running: 3, waiting: 7 });
    const metric = async (MetricName: string, extra: object = {}) => {
      const { MetricData } = (await call('ListResourceGroupMetricData', { ResourceGroupId: id, MetricName, ...extra })) as { MetricData: { Metrics: { Timestamp: number; Value: number }[] } };
      return MetricData.Metrics;
    };
    assert.deepEqual(await metric('SlotUsage'), [{ Timestamp: Date.UTC(2026, 2, 22, 6, 30), Value: 3 }]);
    assert.deepEqual((await metric('CUUtilization')).map((point) => point.Value), [75]);
    assert.deepEqual((await metric('SlotSpec')).map((point) => point.Value), [4]);
    assert.deepEqual(await metric('SlotUsage', { BeginTime: 0, EndTime: 1_000 }), []);
    assert.deepEqual(await metric('DataServiceCUUsage'), []);
    assert.deepEqual(await metric('SlotUsage', { ResourceGroupId: 'group_default_1' }), []);
    assert.equal((await metric('SlotSpec', { ResourceGroupId: 'group_default_1' }))[0]?.Value, limits.taskSlots.value);
    await assert.rejects(metric('Weather'), refusal('InvalidParameter'));
    await assert.rejects(metric('SlotUsage', { Period: '0' }), refusal('InvalidParameter'));
  });

  it('keeps networks and routes as records', async () => {
    const group = await create('wired');
    const network = Number((await call('CreateNetwork', { ClientToken: 'n', ResourceGroupId: group, VpcId: 'vpc-9', VswitchId: 'vsw-9' }))['Id']);
    await assert.rejects(call('CreateNetwork', { ClientToken: 'n2', ResourceGroupId: group, VpcId: 'vpc-9', VswitchId: 'vsw-9' }), refusal('AlreadyExists'));
    assert.deepEqual((await call('GetNetwork', { Id: network }))['Network'], {
      Id: network,
      ResourceGroupId: group,
      VpcId: 'vpc-9',
      VswitchId: 'vsw-9',
      Status: 'Running',
      CreateTime: clock.now().getTime(),
      CreateUser: '1',
    });
    const route = Number((await call('CreateRoute', { NetworkId: network, DestinationCidr: '10.1.0.0/16' }))['Id']);
    await assert.rejects(call('CreateRoute', { NetworkId: network, DestinationCidr: 'everywhere' }), refusal('InvalidParameter'));
    await assert.rejects(call('CreateRoute', { NetworkId: network, DestinationCidr: '10.1.0.0/16' }), refusal('AlreadyExists'));
    await call('UpdateRoute', { Id: route, DestinationCidr: '10.2.0.0/16' });
    const routes = (await call('ListRoutes', { ResourceGroupId: group, NetworkId: network })) as { PagingInfo: { RouteList: object[]; TotalCount: number } };
    assert.deepEqual(routes.PagingInfo.RouteList, [{ Id: route, NetworkId: network, ResourceGroupId: group, ResourceId: String(network), DestinationCidr: '10.2.0.0/16', CreateTime: clock.now().getTime() }]);
    assert.deepEqual((await call('GetRoute', { Id: route }))['Route'], routes.PagingInfo.RouteList[0]);
    const networks = (await call('ListNetworks', { ResourceGroupId: group, SortBy: 'Id Desc' })) as { PagingInfo: { NetworkList: { Id: number }[] } };
    assert.deepEqual(networks.PagingInfo.NetworkList.map((one) => one.Id), [network]);
    for (const action of ['GetNetwork', 'DeleteNetwork']) await assert.rejects(call(action, { Id: network }, stranger), refusal('ResourceGroupNotFound', '9990040003'));
    await call('DeleteRoute', { Id: route });
    await assert.rejects(call('GetRoute', { Id: route }), refusal('ResourceGroupNotFound'));
    await call('CreateRoute', { NetworkId: network, DestinationCidr: '10.3.0.0/16' });
    await call('DeleteNetwork', { Id: network });
    await assert.rejects(call('GetNetwork', { Id: network }), refusal('ResourceGroupNotFound'));
    assert.equal((await database.rows('select 1 from resource_route where network_id = $1', [network])).length, 0);
  });
});
