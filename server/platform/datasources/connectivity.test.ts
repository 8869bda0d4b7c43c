import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { ApiError } from '../../kernel/errors.ts';
import { listen, mysqlServer, postgresByTcp, stranger, testDataSources, visitor } from './datasources.fixture.ts';

function refusal(entry: string) {
  return (error: unknown) => {
    assert.ok(error instanceof ApiError && error.entry === entry, String(error));
    return true;
  };
}

async function web(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => new Promise<void>((resolve) => void server.close(() => resolve()).closeAllConnections()) };
}

/** A broker that answers ApiVersions, and takes the user `clerk` with the password `abacus` by SASL PLAIN. */
function broker() {
  return listen((socket) => {
    let received = Buffer.alloc(0);
    socket.on('data', (part) => {
      received = Buffer.concat([received, part]);
      while (received.length >= 4 && received.length >= received.readInt32BE(0) + 4) {
        const request = received.subarray(4, received.readInt32BE(0) + 4);
        received = received.subarray(request.length + 4);
        const api = request.readInt16BE(0);
        const accepted = api !== 36 || request.includes('\0clerk\0abacus');
        const body = Buffer.alloc(api === 18 ? 6 : 14);
        body.writeInt16BE(accepted ? 0 : 58, 0);
        const head = Buffer.alloc(8);
        head.writeInt32BE(body.length + 4, 0);
        head.writeInt32BE(request.readInt32BE(4), 4);
        socket.write(Buffer.concat([head, body]));
      }
    });
  });
}

describe('connectivity tests really connect', () => {
  let house: Awaited<ReturnType<typeof testDataSources>>;
  let count = 0;
  before(async () => {
    house = await testDataSources();
  });
  after(() => house.close());

  const state = async (type: string, properties: object) => (await tested(type, properties)).ConnectState;
  const tested = async (type: string, properties: object) => house.test(await house.create(`probe_${(count += 1)}`, type, properties));

  it('PostgreSQL: signs in, and tells wrong credentials from no server', async () => {
    const { port, close, username, password, database } = await postgresByTcp(house.url);
    const good = { host: '127.0.0.1', port, database, username, password };
    const report = await tested('postgresql', good);
    assert.deepEqual([report.ConnectState, report.DetailLogs.map((log) => log.Code)], ['Connectable', ['Resolve', 'Connect', 'Query']], report.ConnectMessage);
    assert.equal(await state('hologres', { jdbcUrl: `jdbc:postgresql://127.0.0.1:${port}/${database}`, username, password }), 'Connectable');
    const wrong = await tested('postgresql', { ...good, password: 'wrong-password' });
    assert.equal(wrong.ConnectState, 'ConfigError');
    assert.ok(!JSON.stringify(wrong).includes('wrong-password'));
    assert.equal(await state('postgresql', { ...good, database: 'nowhere' }), 'ConfigError');
    assert.equal(await state('postgresql', { ...good, sslmode: 'require' }), 'ConfigError');
    assert.equal(await state('postgresql', { database, username, password }), 'ConfigError');

    const id = await house.create('meta', 'postgresql', good);
    const { Data } = (await house.legacy('GetDataSourceMeta', { ProjectId: house.shop, DatasourceName: 'meta', PageSize: 100 })) as { Data: { Status: string; Meta: string } };
    assert.equal(Data.Status, 'success');
    assert.ok((JSON.parse(Data.Meta) as { dbTables: { schema: string; table: string }[] }).dbTables.some((one) => one.schema === 'public' && one.table === 'data_source'));
    const named = { ProjectId: house.shop, DatasourceName: 'meta', EnvType: '1', ResourceGroup: 'group_default_1' };
    assert.deepEqual((await house.legacy('TestNetworkConnection', named, visitor))['TaskList'], { ConnectStatus: true, ConnectMessage: 'Connected.' });
    await close();
    assert.equal((await house.test(id)).ConnectState, 'Unreachable');
    assert.equal(((await house.legacy('TestNetworkConnection', named))['TaskList'] as { ConnectStatus: boolean }).ConnectStatus, false);
    assert.equal(((await house.legacy('GetDataSourceMeta', { ProjectId: house.shop, DatasourceName: 'meta' }))['Data'] as { Status: string }).Status, 'fail');
  });

  it('MySQL: the handshake decides', async () => {
    const { port, close } = await mysqlServer();
    const good = { address: [{ host: '127.0.0.1', port }], username: 'clerk', password: 'abacus' };
    assert.deepEqual((await tested('mysql', good)).ConnectMessage, 'Connected.');
    assert.equal(await state('rds', { ...good, tag: 'public' }), 'Connectable');
    assert.equal(await state('mysql', { ...good, password: 'wrong' }), 'ConfigError');
    await house.create('mysql_meta', 'mysql', good);
    const { Data } = (await house.legacy('GetDataSourceMeta', { ProjectId: house.shop, DatasourceName: 'mysql_meta' })) as { Data: { Meta: string } };
    assert.deepEqual(JSON.parse(Data.Meta), { dbTables: [{ schema: 'shop', table: 'orders' }], totalNum: 1 });
    await close();
    assert.equal(await state('mysql', good), 'Unreachable');
  });

  it('DuckDB: opens the file of the workspace, and no other', async () => {
    const folder = join(house.dataFolder, 'workspaces', String(house.shop));
    await mkdir(folder, { recursive: true });
    const instance = await DuckDBInstance.create(join(folder, 'dev.duckdb'));
    const connection = await instance.connect();
    await connection.run('create table sales (id int)');
    connection.closeSync();
    instance.closeSync();
    await writeFile(join(folder, 'broken.duckdb'), 'this is no database at all');
    const report = await tested('duckdb', { path: 'dev.duckdb' });
    assert.equal(report.ConnectState, 'Connectable', report.ConnectMessage);
    const broken = await tested('duckdb', { path: 'broken.duckdb' });
    assert.equal(broken.ConnectState, 'ConfigError');
    assert.ok(!JSON.stringify(broken).includes(house.dataFolder), 'the path of the machine is not told');
    await symlink(join(house.dataFolder, 'outside.duckdb'), join(folder, 'link.duckdb'));
    await writeFile(join(house.dataFolder, 'outside.duckdb'), '');
    for (const path of ['link.duckdb', 'none.duckdb', '../../x', '/etc/passwd', 'nul\\u0000']) assert.equal(await state('duckdb', { path }), 'ConfigError', path);
    await house.create('duck_meta', 'duckdb', { path: 'dev.duckdb' });
    const { Data } = (await house.legacy('GetDataSourceMeta', { ProjectId: house.shop, DatasourceName: 'duck_meta' })) as { Data: { Meta: string } };
    assert.deepEqual(JSON.parse(Data.Meta), { dbTables: [{ schema: 'main', table: 'sales' }], totalNum: 1 });
  });

  it('HTTP: the status of the answer decides', async () => {
    const server = await web((request, response) => {
      response.statusCode = request.url === '/down' ? 503 : request.headers.authorization === `Basic ${Buffer.from('clerk:abacus').toString('base64')}` ? 200 : 401;
      response.end();
    });
    const good = { url: `${server.url}/data`, username: 'clerk', password: 'abacus' };
    assert.equal(await state('http', good), 'Connectable');
    assert.equal(await state('restapi', { ...good, password: 'wrong' }), 'ConfigError');
    assert.equal(await state('http', { ...good, url: `${server.url}/down` }), 'Unreachable');
    assert.equal(await state('http', { url: 'ftp://example.com' }), 'ConfigError');
    assert.equal(await state('http', {}), 'ConfigError');
    await server.close();
    assert.equal(await state('http', good), 'Unreachable');
  });

  it('Kafka: ApiVersions, and SASL PLAIN where there is a user', async () => {
    const { port, close } = await broker();
    assert.equal(await state('kafka', { server: `127.0.0.1:${port}` }), 'Connectable');
    const report = await tested('kafka', { bootstrapServers: [`127.0.0.1:${port}`], username: 'clerk', password: 'abacus' });
    assert.deepEqual([report.ConnectState, report.DetailLogs.map((log) => log.Code)], ['Connectable', ['Connect', 'ApiVersions', 'Login']]);
    assert.equal(await state('kafka', { server: `127.0.0.1:${port}`, username: 'clerk', password: 'wrong' }), 'ConfigError');
    await close();
    assert.equal(await state('kafka', { server: `127.0.0.1:${port}` }), 'Unreachable');
    const other = await listen((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    assert.equal(await state('kafka', { server: `127.0.0.1:${other.port}` }), 'Unreachable');
    await other.close();
  });

  it('OSS and S3: the request is signed', async () => {
    const seen: IncomingMessage[] = [];
    const server = await web((request, response) => {
      seen.push(request);
      response.statusCode = request.url?.startsWith('/none') === true ? 404 : request.headers.authorization?.includes('good') === true ? 200 : 403;
      response.end();
    });
    assert.equal(await state('oss', { endpoint: server.url, bucket: 'sales', accessId: 'good', accessKey: 'oss-key' }), 'Connectable');
    const date = String(seen[0]?.headers['date']);
    assert.equal(seen[0]?.headers.authorization, `OSS good:${createHmac('sha1', 'oss-key').update(`GET\n\n\n${date}\n/sales/`).digest('base64')}`);
    assert.equal(await state('s3', { endpoint: server.url, bucket: 'sales', accessKey: 'good', secretKey: 's3-key', region: 'eu-west-1' }), 'Connectable');
    assert.match(String(seen[1]?.headers.authorization), /^AWS4-HMAC-SHA256 Credential=good\/20260322\/eu-west-1\/s3\/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=[0-9a-f]{64}$/);
    assert.equal(await state('minio', { endpoint: server.url, bucket: 'sales', accessKey: 'bad', secretKey: 'k' }), 'ConfigError');
    assert.equal(await state('s3', { endpoint: server.url, bucket: 'none', accessKey: 'good', secretKey: 'k' }), 'ConfigError');
    assert.equal(await state('oss', { endpoint: server.url, accessId: 'good', accessKey: 'k' }), 'ConfigError');
    await server.close();
  });

  it('says so when nothing here speaks the type', async () => {
    assert.equal(await state('oracle', { address: '127.0.0.1:1521' }), 'Unsupport');
  });

  it('asks for what the caller may use: own and shared sources, groups of the workspace', async () => {
    const DataSourceId = await house.create('borrowed', 'oracle', {});
    const other = await house.workspace('borrower');
    await assert.rejects(house.test(DataSourceId, other), refusal('DataSourceNotFound'));
    await house.call('CreateDataSourceSharedRule', { DataSourceId, TargetProjectId: other, EnvType: 'Prod' });
    assert.equal((await house.test(DataSourceId, other)).ConnectState, 'Unsupport');
    await assert.rejects(house.call('TestDataSourceConnectivity', { ProjectId: house.shop, DataSourceId, ResourceGroupId: 'nobody' }), refusal('ResourceGroupNotFound'));
    await assert.rejects(house.call('TestDataSourceConnectivity', { ProjectId: house.shop, DataSourceId, ResourceGroupId: 'Default' }, stranger), refusal('WorkspaceNotFound'));
  });
});

describe('connectivity tests are guarded', () => {
  it('no private address is connected to', async () => {
    const house = await testDataSources({ allowLoopback: false });
    let connections = 0;
    const trap = await listen(() => void (connections += 1));
    const { port } = trap;
    const types: [string, object][] = [
      ['postgresql', { host: '127.0.0.1', port, username: 'u', password: 'p' }],
      ['postgresql', { host: 'localhost', port, username: 'u', password: 'p' }],
      ['mysql', { jdbcUrl: `jdbc:mysql://127.0.0.1:${port}/d`, username: 'u', password: 'p' }],
      ['kafka', { server: `127.0.0.1:${port}` }],
      ['http', { url: `http://127.0.0.1:${port}/` }],
      ['s3', { endpoint: `http://127.0.0.1:${port}`, bucket: 'bucket', accessKey: 'a', secretKey: 'b' }],
      ['oss', { endpoint: `http://localhost:${port}`, bucket: 'bucket', accessId: 'a', accessKey: 'b' }],
      ['mysql', { host: '169.254.169.254', port: 80, username: 'u' }],
    ];
    for (const [at, [type, properties]] of types.entries()) {
      const report = await house.test(await house.create(`guarded_${at}`, type, properties));
      assert.equal(report.ConnectState, 'Unreachable', type);
      assert.match(report.ConnectMessage, /is not a public address|hands out credentials/, type);
    }
    assert.equal(connections, 0);
    await trap.close();
    await house.close();
  });

  it('a server that says nothing costs the named time and no more', async () => {
    const house = await testDataSources({ timeoutMs: 150 });
    const silent = await listen(() => {});
    const { port } = silent;
    const address = { host: '127.0.0.1', port, username: 'u', password: 'p' };
    for (const [type, properties] of [['postgresql', address], ['mysql', address], ['kafka', { server: `127.0.0.1:${port}` }], ['http', { url: `http://127.0.0.1:${port}/` }]] as const) {
      const report = await house.test(await house.create(`silent_${type}`, type, properties));
      assert.equal(report.ConnectState, 'Unreachable', type);
    }
    await silent.close();
    await house.close();
  });
});
