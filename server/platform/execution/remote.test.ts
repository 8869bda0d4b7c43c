import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../../../test/support/eventually.ts';
import { mysqlServer, postgresByTcp } from '../datasources/datasources.fixture.ts';
import type { DataSourceConnection } from '../datasources/interface.ts';
import { schedulingPlace } from '../scheduling/scheduling.fixture.ts';
import type { RemoteJob } from './remote-child.ts';

const POSTGRES = { fileType: 1302, command: 'POSTGRESQL' };
const MYSQL = { fileType: 1303, command: 'MYSQL' };
const HTTP = { fileType: 0, command: 'HTTP' };

let source: DataSourceConnection;
const sources = new Map<string, DataSourceConnection>();
const place = await schedulingPlace({ execution: { settings: { pollMs: 100, killMs: 5_000, shutdownMs: 200, logFlushMs: 50 }, guard: { allowLoopback: true, allowed: [] }, datasource: async (_workspaceId, environment, name) => (environment === 'PROD' ? sources.get(name) : undefined) } });
let postgres: Awaited<ReturnType<typeof postgresByTcp>>;

before(async () => {
  postgres = await postgresByTcp(place.url);
  source = {
    id: 1,
    name: 'pg',
    type: 'postgresql',
    protocol: 'postgresql',
    host: '127.0.0.1',
    port: postgres.port,
    database: postgres.database,
    user: postgres.username,
    password: postgres.password === '' ? 'secret-of-the-source' : postgres.password,
    url: undefined,
    options: {},
  };
  sources.set('pg', source);
  await place.start();
});
after(async () => {
  await place.close();
  await postgres.close();
});

const play = async (task: { fileType: number; command: string }, content: string, spec: object = {}) => {
  const instance = await place.run(await place.publish(task, content, { spec: spec as Record<string, unknown> }));
  return { instance, state: await place.ends(instance, 20_000), log: await place.log(instance) };
};

test('SQL runs on a PostgreSQL data source, with parameters in their place and its results in the log', async () => {
  const spec = { datasource: { name: 'pg' }, script: { parameters: [{ name: 'day', type: 'System', value: '$bizdate' }] } };
  const { state, log } = await play(POSTGRES, "create table sold (day text, count int); insert into sold values ('${day}', 3), ('${day}', null); select * from sold", spec);
  assert.equal(state, 'Success');
  assert.match(log, /\[1\/3\] CREATE/);
  assert.match(log, /\[2\/3\] INSERT 2 rows/);
  assert.match(log, /\| 20260321 \| 3 {4} \|\n\| 20260321 \| NULL {2}\|/);
  assert.deepEqual(await place.database.rows('select count(*) as count from sold'), [{ count: 2 }]);
});

test('what the server refuses is told, without secrets; nothing is called without a data source', async () => {
  const wrong = await play(POSTGRES, 'select * from nowhere', { datasource: { name: 'pg' } });
  assert.equal(wrong.state, 'Failure');
  assert.match(wrong.log, /relation "nowhere" does not exist/);
  assert.doesNotMatch(wrong.log, /secret-of-the-source/);
  assert.match((await play(POSTGRES, 'select 1')).log, /names none/);
  assert.match((await play(POSTGRES, 'select 1', { datasource: { name: 'gone' } })).log, /no data source gone/);
  assert.match((await play(MYSQL, 'select 1', { datasource: { name: 'pg' } })).log, /does not speak the protocol/);
});

test('a statement that is stopped is given up by the server too', async () => {
  const instance = await place.run(await place.publish(POSTGRES, "/* to be stopped */ select pg_sleep(60)", { spec: { datasource: { name: 'pg' } } }));
  const running = () => place.database.rows(`select from pg_stat_activity where query like '/* to be stopped */%' and state = 'active'`);
  await eventually('the statement runs', async () => (await running()).length === 1);
  await place.call('StopInstance', { ProjectEnv: 'PROD', InstanceId: instance });
  assert.equal(await place.ends(instance, 10_000), 'Failure');
  await eventually('the server has given it up', async () => (await running()).length === 0);
});

test('SQL runs on a MySQL data source', async () => {
  const server = await mysqlServer();
  try {
    sources.set('my', { ...source, name: 'my', type: 'mysql', protocol: 'mysql', port: server.port, database: undefined, user: 'clerk', password: 'abacus' });
    const { state, log } = await play(MYSQL, 'select version()', { datasource: { name: 'my' } });
    assert.equal(state, 'Success', log);
    assert.match(log, /\[1\/1\] 1 rows\n\| version\(\) \|\n[^]*\| 8\.0\.0/);
    sources.set('wrong', { ...source, name: 'wrong', type: 'mysql', protocol: 'mysql', port: server.port, database: undefined, user: 'clerk', password: 'not-the-password' });
    const wrong = await play(MYSQL, 'select 1', { datasource: { name: 'wrong' } });
    assert.equal(wrong.state, 'Failure');
    assert.match(wrong.log, /Access denied/);
    assert.doesNotMatch(wrong.log, /not-the-password/);
  } finally {
    await server.close();
  }
});

test('the time for connecting does not end a statement that runs longer', async () => {
  const server = await mysqlServer();
  try {
    const job: RemoteJob = { kind: 'mysql', sql: 'select version(), sleep(1.5)', rows: 10, host: '127.0.0.1', port: server.port, database: undefined, user: 'clerk', password: 'abacus', tls: false, verify: false, connectMs: 1_000, guard: { allowLoopback: true, allowed: [] } };
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', fileURLToPath(new URL('remote-child.ts', import.meta.url))], { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (part: Buffer) => (said += part.toString()));
    child.stdin.end(JSON.stringify(job));
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 0, said);
    assert.match(said, /8\.0\.0/);
  } finally {
    await server.close();
  }
});

test('an HTTP call is sent as its code says, and fails on a status that is not expected', async () => {
  const calls: { method: string | undefined; url: string | undefined; body: string; type: string | undefined }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      calls.push({ method: request.method, url: request.url, body, type: request.headers['content-type'] });
      response.writeHead(request.url === '/made' ? 201 : 500).end('the answer');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const spec = { script: { parameters: [{ name: 'day', type: 'System', value: '$bizdate' }] } };
    const good = await play(HTTP, JSON.stringify({ method: 'POST', url: `${base}/made`, body: { day: '${day}' } }), spec);
    assert.equal(good.state, 'Success', good.log);
    assert.match(good.log, /201 after \d+ ms[^]*the answer/);
    assert.deepEqual(calls, [{ method: 'POST', url: '/made', body: '{"day":"20260321"}', type: 'application/json' }]);
    assert.equal((await play(HTTP, JSON.stringify({ url: `${base}/broken` }))).state, 'Failure');
    assert.equal((await play(HTTP, JSON.stringify({ url: `${base}/broken`, expect: [500] }))).state, 'Success');
    assert.match((await play(HTTP, 'curl it')).log, /must be JSON/);
    assert.match((await play(HTTP, JSON.stringify({ url: 'http://169.254.169.254/latest' }))).log, /169\.254/);
  } finally {
    server.close();
  }
});
