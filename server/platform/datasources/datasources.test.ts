import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ApiError, describeError } from '../../kernel/errors.ts';
import { CURRENT, developer, stranger, testDataSources, visitor } from './datasources.fixture.ts';

function refusal(entry: string, code?: string) {
  return (error: unknown) => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.entry, entry, error.message);
    if (code !== undefined) assert.equal(describeError(error, 'en', CURRENT).code, code);
    return true;
  };
}

type Json = Record<string, unknown>;

describe('data sources', () => {
  let house: Awaited<ReturnType<typeof testDataSources>>;
  before(async () => {
    house = await testDataSources();
  });
  after(() => house.close());

  const get = async (Id: number) => (await house.call('GetDataSource', { Id }))['DataSource'] as Json;
  const properties = { envType: 'Prod', address: [{ host: 'db.example.com', port: 3306 }], database: 'shop', username: 'clerk', password: 'abacus-1', properties: { useSSL: 'false' } };

  it('gives every field back as it was sent, but for the secrets', async () => {
    const Id = await house.create('orders', 'mysql', properties, { Description: 'the orders' });
    assert.deepEqual(await get(Id), {
      Id,
      Name: 'orders',
      Type: 'mysql',
      ProjectId: house.shop,
      Description: 'the orders',
      ConnectionPropertiesMode: 'UrlMode',
      ConnectionProperties: { ...properties, password: '******' },
      QualifiedName: `${house.shop}.prod.orders`,
      CreateTime: house.clock.now().getTime(),
      CreateUser: '1',
      ModifyTime: house.clock.now().getTime(),
      ModifyUser: '1',
    });
    // The order of the fields is kept too.
    assert.equal(JSON.stringify((await get(Id))['ConnectionProperties']), JSON.stringify({ ...properties, password: '******' }));
  });

  it('keeps secrets encrypted: no row has them in the clear', async () => {
    const Id = await house.create('hidden', 'oss', { bucket: 'b', endpoint: 'https://oss.example.com', accessId: 'the-id', accessKey: 'hidden-key', nested: { token: 'hidden-token' }, jdbcUrl: 'jdbc:mysql://u:hidden-url@h/d?password=hidden-parameter' });
    const rows = await house.database.rows('select * from data_source where id = $1', [Id]);
    assert.ok(!JSON.stringify(rows).includes('hidden-'), JSON.stringify(rows));
    assert.deepEqual((await get(Id))['ConnectionProperties'], {
      envType: 'Prod',
      bucket: 'b',
      endpoint: 'https://oss.example.com',
      accessId: 'the-id',
      accessKey: '******',
      nested: { token: '******' },
      jdbcUrl: 'jdbc:mysql://u:******@h/d?password=******',
    });
    const connection = await house.dataSources.open(house.database, house.shop, 'PROD', 'hidden');
    assert.deepEqual([connection?.user, connection?.password, connection?.protocol], ['the-id', 'hidden-key', 'oss']);
  });

  it('opens a connection from an address, from a JDBC URL and for other types', async () => {
    await house.create('by-url', 'postgresql', { jdbcUrl: 'jdbc:postgresql://pg.example.com:6432/sales?sslmode=require', username: 'u', password: 'p' });
    const byUrl = await house.dataSources.open(house.database, house.shop, 'PROD', 'by-url');
    assert.deepEqual([byUrl?.protocol, byUrl?.host, byUrl?.port, byUrl?.database, byUrl?.user, byUrl?.password, byUrl?.options['sslmode']], ['postgresql', 'pg.example.com', 6432, 'sales', 'u', 'p', 'require']);
    const byAddress = await house.dataSources.open(house.database, house.shop, 'PROD', 'orders');
    assert.deepEqual([byAddress?.protocol, byAddress?.host, byAddress?.port, byAddress?.database, byAddress?.user, byAddress?.password, byAddress?.options['useSSL']], ['mysql', 'db.example.com', 3306, 'shop', 'clerk', 'abacus-1', 'false']);
    await house.create('a-record', 'mongodb', { address: 'mongo.example.com:27017' });
    const record = await house.dataSources.open(house.database, house.shop, 'PROD', 'a-record');
    assert.deepEqual([record?.protocol, record?.host, record?.port], [undefined, 'mongo.example.com', 27017]);
    assert.equal(await house.dataSources.open(house.database, house.shop, 'DEV', 'orders'), undefined);
    assert.equal(await house.dataSources.open(house.database, house.shop, 'PROD', 'nul\u0000'), undefined);
  });

  it('changes: a mask that comes back keeps its secret, but not for another address', async () => {
    const Id = await house.create('changed', 'mysql', properties);
    const update = (wanted: object, extra: object = {}) => house.call('UpdateDataSource', { Id, ProjectId: house.shop, ConnectionProperties: JSON.stringify(wanted), ...extra });
    await update({ ...properties, password: '******', database: 'other' }, { Description: 'new' });
    const open = () => house.dataSources.open(house.database, house.shop, 'PROD', 'changed');
    assert.deepEqual([(await open())?.database, (await open())?.password, (await get(Id))['Description']], ['other', 'abacus-1', 'new']);
    await update({ ...properties, password: 'abacus-2' });
    assert.equal((await open())?.password, 'abacus-2');
    await assert.rejects(update({ ...properties, password: '******', address: [{ host: 'evil.example.com', port: 3306 }] }), refusal('InvalidParameter'));
    await assert.rejects(update({ ...properties, passphrase: '******' }), refusal('InvalidParameter'));
    await assert.rejects(update({ ...properties, envType: 'Dev' }), refusal('InvalidParameter'));
    await assert.rejects(house.call('UpdateDataSource', { Id, ProjectId: 1, ConnectionProperties: '{}' }), refusal('InvalidParameter'));
    assert.equal((await open())?.password, 'abacus-2');
    await update({ ...properties, password: 'abacus-2', link: 'amqp://u:inner@h/v' });
    await assert.rejects(update({ ...properties, password: '******', link: 'amqp://u:******@other/v' }), refusal('InvalidParameter'));
    await update({ ...properties, password: '******', link: 'amqp://u:******@h/v' });
    assert.equal((await open())?.options['link'], 'amqp://u:inner@h/v');
  });

  const ANEW = (error: unknown) => {
    refusal('InvalidParameter')(error);
    assert.match(describeError(error as ApiError, 'en', CURRENT).message, /password.*anew/);
    return true;
  };

  it('sends a kept secret to no other place, whatever names the place, and not over a connection that anybody may answer', async () => {
    const url = 'jdbc:mysql://clerk:in-url@db.example.com:3306/shop';
    const cases: [type: string, place: object, other: object][] = [
      ['mysql', { host: 'db.example.com', port: 3306 }, { host: 'evil.example.com', port: 3306 }],
      ['mysql', { host: 'db.example.com', port: 3306 }, { host: 'db.example.com', port: 3307 }],
      ['mysql', { host: 'db.example.com' }, { host: 'db.example.com', jdbcUrl: 'jdbc:mysql://evil.example.com/shop' }],
      ['mysql', { jdbcUrl: url }, { jdbcUrl: 'jdbc:mysql://clerk:3306/in-url@db.example.com:3306/shop' }],
      ['hologres', { instanceId: 'holo-1' }, { instanceId: 'holo-2' }],
      ['kafka', { brokers: ['k:9092'] }, { brokers: ['evil:9092'] }],
      ['kafka', { 'bootstrap.servers': 'k:9092' }, { 'bootstrap.servers': 'evil:9092' }],
      ['http', { baseUrl: 'https://api.example.com/' }, { baseUrl: 'https://evil.example.com/' }],
      ['s3', { endpoint: 'https://s3.example.com', bucket: 'b1' }, { endpoint: 'https://evil.example.com', bucket: 'b1' }],
      ['hive', { metastoreUris: 'thrift://h:9083' }, { metastoreUris: 'thrift://evil:9083' }],
      ['mongodb', { connection: 'mongodb://u@h/d' }, { connection: 'mongodb://u@evil/d' }],
      ['postgresql', { host: 'h', sslmode: 'verify-full' }, { host: 'h', sslmode: 'disable' }],
      ['mysql', { host: 'h', properties: { useSSL: 'true', verifyServerCertificate: 'true' } }, { host: 'h', properties: { useSSL: 'true' } }],
      ['kafka', { brokers: ['k:9092'], 'security.protocol': 'SASL_SSL' }, { brokers: ['k:9092'], 'security.protocol': 'SASL_PLAINTEXT' }],
    ];
    for (const [index, [type, place, other]] of cases.entries()) {
      const name = `place_${index}`;
      const rest = { username: 'clerk', note: 'n' };
      const Id = await house.create(name, type, { ...place, ...rest, password: 'abacus-4' });
      const shown = (await get(Id))['ConnectionProperties'] as Json;
      const password = async () => (await house.dataSources.open(house.database, house.shop, 'PROD', name))?.password;
      const current = (wanted: object) => house.call('UpdateDataSource', { Id, ProjectId: house.shop, ConnectionProperties: JSON.stringify(wanted) });
      const legacy = (wanted: object) => house.legacy('UpdateDataSource', { DataSourceId: Id, Content: JSON.stringify(wanted) });
      for (const update of [current, legacy]) await assert.rejects(update({ ...other, ...rest, password: '******' }), ANEW, JSON.stringify(other));
      assert.deepEqual((await get(Id))['ConnectionProperties'], shown);
      await current({ ...shown, note: 'changed' });
      await legacy({ ...shown, note: 'once more' });
      assert.equal(await password(), 'abacus-4', JSON.stringify(place));
      await current({ ...other, ...rest, password: 'abacus-5' });
      assert.equal(await password(), 'abacus-5');
      // What is left out is gone, and goes nowhere.
      await current({ ...place, ...rest });
      assert.ok(!['abacus-4', 'abacus-5'].includes((await password()) ?? ''));
    }
  });

  it('refuses what is wrong, with nothing half done', async () => {
    const before = await house.database.row('select count(*) as count from data_source');
    await assert.rejects(house.create('orders', 'mysql', properties), refusal('AlreadyExists'));
    await assert.rejects(house.create('masked', 'mysql', { password: '******' }), refusal('InvalidParameter'));
    await assert.rejects(house.create('bad name', 'mysql', properties), refusal('InvalidParameter'));
    await assert.rejects(house.create('nul', 'mysql', { a: 'nul\u0000' }), refusal('InvalidParameter'));
    await assert.rejects(house.create('env', 'mysql', { envType: 'Test' }), refusal('InvalidParameter'));
    await assert.rejects(house.create('big', 'mysql', { a: 'x'.repeat(70_000) }), refusal('InvalidParameter'));
    await assert.rejects(house.create('deep', 'mysql', JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`) as object), refusal('InvalidParameter'));
    for (const ConnectionProperties of ['', '[]', 'null', '{', '"text"']) await assert.rejects(house.create('json', 'mysql', {}, { ConnectionProperties }), refusal('InvalidParameter'));
    await assert.rejects(house.create('mode', 'mysql', {}, { ConnectionPropertiesMode: 'Other' }), refusal('InvalidParameter'));
    await assert.rejects(house.call('CreateDataSource', { ProjectId: house.shop, Name: 'x', Type: 'mysql', ConnectionPropertiesMode: 'UrlMode', ConnectionProperties: '{}' }, developer), refusal('Forbidden'));
    const simple = await house.workspace('simple', false);
    await assert.rejects(house.create('dev', 'mysql', { envType: 'Dev' }, { ProjectId: simple }), refusal('InvalidParameter'));
    assert.deepEqual(await house.database.row('select count(*) as count from data_source'), before);
  });

  it('lists both environments of a name together', async () => {
    const ProjectId = await house.workspace('listing');
    const dev = await house.create('pair', 'mysql', { envType: 'Dev', host: 'a' }, { ProjectId });
    const prod = await house.create('pair', 'mysql', { envType: 'Prod', host: 'b' }, { ProjectId });
    await house.create('alone', 'kafka', { server: 'k:9092' }, { ProjectId });
    const list = async (filter: object) => {
      const { PagingInfo } = (await house.call('ListDataSources', { ProjectId, ...filter }, visitor)) as { PagingInfo: { TotalCount: number; DataSources: { Name: string; Type: string; DataSource: { Id: number }[] }[] } };
      return [PagingInfo.TotalCount, ...PagingInfo.DataSources.map((group) => [group.Name, group.Type, ...group.DataSource.map((one) => one.Id)])];
    };
    assert.deepEqual((await list({ SortBy: 'Name', Order: 'Desc' })).slice(0, 2), [2, ['pair', 'mysql', dev, prod]]);
    assert.deepEqual(await list({ EnvType: 'Prod', Types: ['MYSQL'] }), [1, ['pair', 'mysql', prod]]);
    assert.equal((await list({ Name: 'ALO' }))[0], 1);
    assert.deepEqual((await list({ SortBy: 'Name', Order: 'Asc', PageSize: 1, PageNumber: 2 }))[1], ['pair', 'mysql', dev, prod]);
    await assert.rejects(list({ SortBy: 'sealed' }), refusal('InvalidParameter'));
    await assert.rejects(house.call('ListDataSources', { ProjectId }, stranger), refusal('WorkspaceNotFound'));
  });

  it('copies a data source with its secrets', async () => {
    const Id = await house.create('original', 'mysql', properties);
    const copy = Number((await house.call('CloneDataSource', { Id, CloneDataSourceName: 'the_copy' }))['Id']);
    assert.equal((await get(copy))['Name'], 'the_copy');
    assert.equal((await house.dataSources.open(house.database, house.shop, 'PROD', 'the_copy'))?.password, 'abacus-1');
    await assert.rejects(house.call('CloneDataSource', { Id, CloneDataSourceName: 'x'.repeat(61) }), refusal('InvalidParameter'));
  });

  it('shares with other workspaces, until the rule is gone', async () => {
    const target = await house.workspace('neighbour');
    const DataSourceId = await house.create('shared', 'mysql', properties);
    const open = (userId?: number) => house.dataSources.open(house.database, target, 'PROD', 'shop.shared', userId);
    assert.equal(await open(), undefined);
    const Id = Number((await house.call('CreateDataSourceSharedRule', { DataSourceId, TargetProjectId: target, EnvType: 'Prod' }))['Id']);
    assert.equal((await open())?.password, 'abacus-1');
    assert.equal(await house.dataSources.open(house.database, target, 'DEV', 'shop.shared'), undefined);
    assert.deepEqual((await house.call('ListDataSourceSharedRules', { DataSourceId }))['DataSourceSharedRules'], [
      { Id, DataSourceId, EnvType: 'Prod', SharedDataSourceName: 'shop.shared', SharedUser: '', SourceProjectId: house.shop, TargetProjectId: target, CreateTime: house.clock.now().getTime(), CreateUser: '1' },
    ]);
    await assert.rejects(house.call('CreateDataSourceSharedRule', { DataSourceId, TargetProjectId: target, EnvType: 'Prod' }), refusal('AlreadyExists'));
    await assert.rejects(house.call('CreateDataSourceSharedRule', { DataSourceId, TargetProjectId: house.shop, EnvType: 'Prod' }), refusal('InvalidParameter'));
    await assert.rejects(house.call('CreateDataSourceSharedRule', { DataSourceId, TargetProjectId: 1, EnvType: 'Prod' }), refusal('WorkspaceNotFound'));
    await assert.rejects(house.call('DeleteDataSourceSharedRule', { Id }, stranger), refusal('SharedRuleNotFound', '1000011038'));
    await house.call('DeleteDataSourceSharedRule', { Id });
    assert.equal(await open(), undefined);
    await assert.rejects(house.call('DeleteDataSourceSharedRule', { Id }), refusal('SharedRuleNotFound', '1000011038'));
    await house.call('CreateDataSourceSharedRule', { DataSourceId, TargetProjectId: target, EnvType: 'Prod', SharedUser: '2' });
    assert.deepEqual([await open(), await open(3), (await open(2))?.name], [undefined, undefined, 'shared']);
  });

  it('deletes a data source with its rules', async () => {
    const DataSourceId = await house.create('deleted', 'mysql', properties);
    await house.call('CreateDataSourceSharedRule', { DataSourceId, TargetProjectId: await house.workspace('reader'), EnvType: 'Prod' });
    await assert.rejects(house.call('DeleteDataSource', { Id: DataSourceId }, stranger), refusal('DataSourceNotFound', '1000010005'));
    await assert.rejects(house.call('DeleteDataSource', { Id: DataSourceId }, visitor), refusal('Forbidden'));
    await house.call('DeleteDataSource', { Id: DataSourceId });
    await assert.rejects(get(DataSourceId), refusal('DataSourceNotFound', '1000010005'));
    assert.deepEqual(await house.database.rows('select 1 from data_source_rule where data_source_id = $1', [DataSourceId]), []);
  });

  it('one data source in both dialects', async () => {
    const content = { tag: 'public', jdbcUrl: 'jdbc:mysql://db.example.com:3306/shop', username: 'clerk', password: 'abacus-3' };
    const created = await house.legacy('CreateDataSource', { ProjectId: house.shop, Name: 'both', DataSourceType: 'mysql', EnvType: 0, Content: JSON.stringify(content), Description: 'd', SubType: 'rds' });
    assert.deepEqual([created['Success'], created['HttpStatusCode']], [true, '200']);
    const Id = Number(created['Data']);
    const seen = await get(Id);
    assert.deepEqual([seen['Name'], seen['ConnectionPropertiesMode'], seen['ConnectionProperties']], ['both', 'UrlMode', { envType: 'Dev', ...content, password: '******' }]);
    const list = async (filter: object) => ((await house.legacy('ListDataSources', { ProjectId: house.shop, Name: 'both', ...filter }))['Data'] as { DataSources: Json[] }).DataSources;
    const [row] = await list({ EnvType: 0, SubType: 'rds', DataSourceType: 'mysql' });
    assert.deepEqual(
      [row?.['Id'], row?.['Content'], row?.['EnvType'], row?.['Status'], row?.['Shared'], row?.['GmtCreate'], row?.['Description']],
      [Id, JSON.stringify({ ...content, password: '******' }), 0, 1, false, '2026-03-22 06:30:00', 'd'],
    );
    assert.deepEqual(await list({ EnvType: 1 }), []);
    await house.legacy('UpdateDataSource', { DataSourceId: Id, Content: JSON.stringify({ ...content, password: '******', username: 'boss' }), Status: 'DISABLED' });
    assert.equal(((await get(Id))['ConnectionProperties'] as Json)['username'], 'boss');
    assert.equal((await list({ Status: 'DISABLED' }))[0]?.['Status'], 2);
    assert.equal(await house.dataSources.open(house.database, house.shop, 'DEV', 'both'), undefined);
    await house.legacy('UpdateConnection', { ConnectionId: Id, Status: 'ENABLED', Description: 'e' });
    assert.equal((await house.dataSources.open(house.database, house.shop, 'DEV', 'both'))?.password, 'abacus-3');
    await assert.rejects(house.legacy('UpdateConnection', { ConnectionId: Id, EnvType: 1 }), refusal('InvalidParameter'));
    const connection = Number((await house.legacy('CreateConnection', { ProjectId: house.shop, Name: 'former', ConnectionType: 'odps', EnvType: 1, Content: '{"project":"p"}' }))['Data']);
    const { Connections } = (await house.legacy('ListConnections', { ProjectId: house.shop, ConnectionType: 'odps' }))['Data'] as { Connections: Json[] };
    assert.deepEqual(Connections.map((one) => [one['Id'], one['ConnectionType'], one['Content']]), [[connection, 'odps', '{"project":"p"}']]);
    assert.equal((await house.legacy('DeleteConnection', { ConnectionId: connection }))['Data'], true);
    assert.equal((await house.legacy('DeleteDataSource', { DataSourceId: Id }))['Data'], true);
    await assert.rejects(get(Id), refusal('DataSourceNotFound'));
  });

  it('sets with whom a data source is shared', async () => {
    const target = await house.workspace('friends');
    const DataSourceId = await house.create('lent', 'mysql', properties);
    const set = (extra: object) => house.legacy('SetDataSourceShare', { ProjectId: house.shop, DatasourceName: 'lent', EnvType: '1', ...extra });
    const rules = async () => ((await house.call('ListDataSourceSharedRules', { DataSourceId }))['DataSourceSharedRules'] as Json[]).map((rule) => [rule['TargetProjectId'], rule['SharedUser']]);
    await set({ ProjectPermissions: JSON.stringify([{ projectId: target, permission: 'READ' }]), UserPermissions: JSON.stringify([{ projectId: target, users: ['2'], permission: 'WRITE' }]) });
    assert.deepEqual(await rules(), [[target, ''], [target, '2']]);
    await assert.rejects(set({ ProjectPermissions: JSON.stringify([{ projectId: 1, permission: 'READ' }]) }), refusal('WorkspaceNotFound'));
    await assert.rejects(set({ ProjectPermissions: 'READ' }), refusal('InvalidParameter'));
    await assert.rejects(set({}), refusal('MissingParameter'));
    assert.equal((await rules()).length, 2);
    await set({ ProjectPermissions: '[]' });
    assert.deepEqual(await rules(), []);
  });

  it('imports what was exported, once the secrets are filled in: all or none', async () => {
    const from = await house.workspace('exporter');
    const to = await house.workspace('importer');
    await house.create('one', 'mysql', { ...properties, password: 'filled' }, { ProjectId: from });
    await house.create('two', 'kafka', { envType: 'Dev', server: 'k:9092' }, { ProjectId: from });
    const exported = async (ProjectId: number) => ((await house.legacy('ExportDataSources', { ProjectId }))['Data'] as { DataSources: Json[] }).DataSources;
    const list = await exported(from);
    assert.equal(list.length, 2);
    const load = (one: unknown) => house.legacy('ImportDataSources', { ProjectId: to, DataSources: JSON.stringify(one) });
    await assert.rejects(load(list), refusal('InvalidParameter'));
    assert.deepEqual(await exported(to), []);
    const filled = list.map((one) => ({ ...one, Content: String(one['Content']).replace('******', 'filled') }));
    await assert.rejects(load([...filled, filled[0]]), refusal('AlreadyExists'));
    for (const wrong of [{}, [], [1], [{ Name: 'x' }], [{ Name: 1, DataSourceType: 'mysql', Content: {} }]]) await assert.rejects(load(wrong), refusal('InvalidParameter'));
    assert.deepEqual(await exported(to), []);
    assert.equal(((await load(filled))['Data'] as Json)['Status'], true);
    assert.deepEqual((await exported(to)).map((one) => [one['Name'], one['EnvType'], one['DataSourceType']]).toSorted(), [['one', 1, 'mysql'], ['two', 0, 'kafka']]);
    assert.equal((await house.dataSources.open(house.database, to, 'PROD', 'one'))?.password, 'filled');
  });
});
