import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ApiError } from '../../kernel/errors.ts';
import { developer, stranger, testDataSources, visitor } from './datasources.fixture.ts';

function refusal(entry: string) {
  return (error: unknown) => {
    assert.ok(error instanceof ApiError && error.entry === entry, String(error));
    return true;
  };
}

describe('compute resources', () => {
  let house: Awaited<ReturnType<typeof testDataSources>>;
  before(async () => {
    house = await testDataSources();
  });
  after(() => house.close());

  const properties = { envType: 'Prod', host: 'engine.example.com', port: 5432, database: 'shop', username: 'clerk', password: 'abacus-9' };
  const create = async (Name: string, given: object = properties, extra: object = {}) =>
    Number((await house.call('CreateComputeResource', { ProjectId: house.shop, Name, Type: 'hologres', ConnectionPropertiesMode: 'UrlMode', ConnectionProperties: JSON.stringify(given), ...extra }))['Id']);
  const get = async (Id: number) => (await house.call('GetComputeResource', { ProjectId: house.shop, Id }))['ComputeResource'] as Record<string, unknown>;

  it('gives back what was sent but for the secrets, which no row has in the clear', async () => {
    const Id = await create('engine', properties, { Description: 'the engine' });
    const made = house.clock.now().getTime();
    assert.deepEqual(await get(Id), {
      Id,
      Name: 'engine',
      Type: 'hologres',
      ProjectId: house.shop,
      Description: 'the engine',
      ConnectionPropertiesMode: 'UrlMode',
      ConnectionProperties: { ...properties, password: '******' },
      QualifiedName: `${house.shop}.prod.engine`,
      WhetherDefault: true,
      CreateTime: made,
      CreateUser: '1',
      ModifyTime: made,
      ModifyUser: '1',
    });
    assert.ok(!JSON.stringify(await house.database.rows('select * from compute_resource')).includes('abacus-9'));
  });

  it('is what a node may run on; a data source of the name comes first', async () => {
    await create('runs_here');
    const connection = await house.dataSources.open(house.database, house.shop, 'PROD', 'runs_here');
    assert.deepEqual([connection?.protocol, connection?.host, connection?.password], ['postgresql', 'engine.example.com', 'abacus-9']);
    assert.equal(await house.dataSources.open(house.database, house.shop, 'DEV', 'runs_here'), undefined);
    await house.create('runs_here', 'mysql', { host: 'other.example.com', username: 'u', password: 'p' });
    assert.equal((await house.dataSources.open(house.database, house.shop, 'PROD', 'runs_here'))?.host, 'other.example.com');
  });

  it('changes, keeping the secret for the same address only', async () => {
    const Id = await create('changing');
    const update = (ConnectionProperties: object, extra: object = {}) => house.call('UpdateComputeResource', { ProjectId: house.shop, Id, ConnectionProperties: JSON.stringify(ConnectionProperties), ...extra });
    await update({ ...properties, password: '******', database: 'other' }, { Description: 'changed' });
    const connection = await house.dataSources.open(house.database, house.shop, 'PROD', 'changing');
    assert.deepEqual([connection?.database, connection?.password, (await get(Id))['Description']], ['other', 'abacus-9', 'changed']);
    await assert.rejects(update({ ...properties, password: '******', host: 'thief.example.com' }), refusal('InvalidParameter'));
    await assert.rejects(update({ ...properties, envType: 'Dev' }), refusal('InvalidParameter'));
    await assert.rejects(update({ ...properties }, { ConnectionPropertiesMode: 'Other' }), refusal('InvalidParameter'));
  });

  it('lists by name and type with both environments, the default first when asked', async () => {
    const list = async (request: object = {}) => (await house.call('ListComputeResources', { ProjectId: lists, ...request }))['PagingInfo'] as { ComputeResources: { Name: string; ComputeResource: { Id: number; WhetherDefault: boolean }[] }[]; TotalCount: number };
    const lists = await house.workspace('lists');
    const here = (Name: string, Type: string, envType = 'Prod') => create(Name, { ...properties, envType }, { ProjectId: lists, Type });
    const first = await here('b', 'hologres');
    await here('b', 'hologres', 'Dev');
    await here('a', 'hologres');
    await here('c', 'starrocks');
    assert.deepEqual((await list({ SortBy: 'Name', Order: 'Asc' })).ComputeResources.map(({ Name, ComputeResource }) => [Name, ComputeResource.map((one) => one.WhetherDefault)]), [['a', [false]], ['b', [true, true]], ['c', [true]]]);
    assert.deepEqual((await list({ SortBy: 'CreateTimeWithDefaultFirst' })).ComputeResources.map(({ Name }) => Name), ['b', 'c', 'a']);
    assert.equal((await list({ Types: ['Hologres'], EnvType: 'Prod' })).TotalCount, 2);
    await house.call('DeleteComputeResource', { ProjectId: lists, Id: first });
    const rows = (await list({ EnvType: 'Prod', SortBy: 'Name', Order: 'Asc' })).ComputeResources;
    assert.deepEqual(rows.map(({ Name, ComputeResource }) => [Name, ComputeResource[0]?.WhetherDefault]), [['a', true], ['c', true]]);
    assert.equal(await house.database.row('select 1 from compute_resource where id = $1', [first]), undefined);
    await assert.rejects(list({ SortBy: 'Type' }), refusal('InvalidParameter'));
  });

  it('refuses names that are taken, bad input, and who may not', async () => {
    const Id = await create('taken');
    await assert.rejects(create('taken'), refusal('AlreadyExists'));
    for (const name of ['', '1x', 'a b', 'nul\u0000']) await assert.rejects(create(name), refusal('InvalidParameter'), name);
    await assert.rejects(create('masked', { ...properties, password: '******' }), refusal('InvalidParameter'));
    await assert.rejects(create('bad_type', properties, { Type: '' }), refusal('InvalidParameter'));
    const other = await house.workspace('elsewhere');
    await assert.rejects(house.call('GetComputeResource', { ProjectId: other, Id }), refusal('NotFound'));
    await assert.rejects(house.call('DeleteComputeResource', { ProjectId: other, Id }), refusal('NotFound'));
    await assert.rejects(house.call('DeleteComputeResource', { ProjectId: house.shop, Id }, developer), refusal('Forbidden'));
    await assert.rejects(house.call('UpdateComputeResource', { ProjectId: house.shop, Id, ConnectionProperties: '{}' }, visitor), refusal('Forbidden'));
    await assert.rejects(house.call('GetComputeResource', { ProjectId: house.shop, Id }, stranger), refusal('WorkspaceNotFound'));
  });
});
