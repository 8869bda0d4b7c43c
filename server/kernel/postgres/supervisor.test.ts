import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { Client } from 'pg';
import { connectionUrl, type PostgresConnection } from './connection.ts';
import { isAlive } from './process.ts';
import { removeEmbeddedPostgres, startEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions } from './supervisor.ts';

const isRoot = process.getuid?.() === 0;

function dataFolder(context: TestContext, name = ''): string {
  const parent = mkdtempSync(join(tmpdir(), 'millrace-postgres-'));
  chmodSync(parent, 0o755);
  const dataDir = join(parent, name, 'data');
  context.after(async () => {
    await removeEmbeddedPostgres(dataDir);
    rmSync(parent, { recursive: true, force: true });
  });
  return dataDir;
}

// Making a cluster is the expensive part: tests that need no new one share this, and leave it stopped.
const shared = join(mkdtempSync(join(tmpdir(), 'millrace-postgres-')), 'data');
chmodSync(join(shared, '..'), 0o755);
after(async () => {
  await removeEmbeddedPostgres(shared);
  rmSync(join(shared, '..'), { recursive: true, force: true });
});

async function start(dataDir: string, options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  return await startEmbeddedPostgres({ dataDir, log: () => {}, settings: { fsync: 'off' }, initdbOptions: ['--no-sync'], ...options });
}

async function query(connection: PostgresConnection, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: connectionUrl(connection) });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Runs a process that starts PostgreSQL, and kills it as soon as it has. Returns the postmaster's process id. */
async function startAndKill(dataDir: string): Promise<number> {
  const holder = fork(join(import.meta.dirname, 'holder.fixture.ts'), [dataDir]);
  const [message] = (await once(holder, 'message')) as [{ pid: number }];
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  return message.pid;
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, 'the awaited state did not come');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('data is there after a stop and a new start', async () => {
  const dataDir = shared;
  const first = await start(dataDir);
  assert.equal(first.adopted, false);
  await query(first.connection, 'create table kept as select 7 as number');
  await first.stop();
  assert.equal(isAlive(first.pid), false);
  const second = await start(dataDir);
  assert.equal(second.adopted, false);
  assert.deepEqual(await query(second.connection, 'select number from kept'), [{ number: 7 }]);
  await Promise.all([second.stop(), second.stop()]);
});

test('a new cluster is private, durable and reachable by its socket only', async (context) => {
  const dataDir = dataFolder(context);
  const postgres = await startEmbeddedPostgres({ dataDir, log: () => {}, initdbOptions: ['--no-sync'] });
  const rows = await query(postgres.connection, `
    select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit, current_setting('data_checksums') as checksums,
      current_setting('listen_addresses') as addresses, current_setting('server_encoding') as encoding,
      current_setting('idle_in_transaction_session_timeout') as timeout, current_setting('password_encryption') as passwords, datcollate as collation
    from pg_database where datname = current_database()`);
  assert.deepEqual(rows, [{ fsync: 'on', commit: 'on', checksums: 'on', addresses: '', encoding: 'UTF8', timeout: '1min', passwords: 'scram-sha-256', collation: 'C' }]);
  const home = join(dataDir, 'postgres');
  assert.equal(statSync(home).mode & 0o777, 0o700);
  assert.equal(statSync(join(home, 'password')).mode & 0o777, 0o600);
  assert.equal(statSync(postgres.connection.host).mode & 0o777, 0o700);
  await assert.rejects(query({ ...postgres.connection, password: 'wrong' }, 'select 1'), { code: '28P01' });
  await postgres.stop();
});

test('the PostgreSQL of a killed server is adopted with its data, and can be stopped', async () => {
  const dataDir = shared;
  const orphan = await startAndKill(dataDir);
  assert.equal(isAlive(orphan), true);
  const adopter = await start(dataDir);
  assert.deepEqual([adopter.adopted, adopter.pid], [true, orphan]);
  await query(adopter.connection, 'create table adopted as select 8 as number');
  await adopter.stop();
  assert.equal(isAlive(orphan), false);
  const next = await start(dataDir);
  assert.deepEqual(await query(next.connection, 'select number from adopted'), [{ number: 8 }]);
  await next.stop();
});

test('after a kill of server and PostgreSQL the stale pid file does no harm, even if its number is in use', async () => {
  const dataDir = shared;
  const orphan = await startAndKill(dataDir);
  process.kill(orphan, 'SIGKILL');
  await until(() => !isAlive(orphan));
  const recovered = await start(dataDir);
  assert.equal(recovered.adopted, false);
  await recovered.stop();

  writeFileSync(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'), `${process.pid}\n`);
  const again = await start(dataDir);
  assert.equal(again.adopted, false);
  await again.stop();
});

test('a PostgreSQL that is shutting down is waited for', async () => {
  const dataDir = shared;
  const first = await start(dataDir);
  const [, second] = await Promise.all([first.stop(), start(dataDir)]);
  assert.notEqual(second.pid, first.pid);
  assert.equal(isAlive(first.pid), false);
  await second.stop();
});

test('an interrupted initdb is done again', async (context) => {
  const dataDir = dataFolder(context);
  const holder = fork(join(import.meta.dirname, 'holder.fixture.ts'), [dataDir]);
  const home = join(dataDir, 'postgres');
  const unfinished = (): string[] => (existsSync(home) ? readdirSync(home).filter((name) => name.startsWith('cluster.tmp-')) : []);
  await until(() => unfinished().some((name) => existsSync(join(home, name, 'PG_VERSION'))));
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  assert.equal(existsSync(join(home, 'cluster')), false);
  const postgres = await start(dataDir);
  assert.deepEqual(await query(postgres.connection, 'select 1 as one'), [{ one: 1 }]);
  assert.deepEqual(unfinished(), []);
  await postgres.stop();
});

test('a second server on the folder is refused and harms nothing', async () => {
  const dataDir = shared;
  const owner = await start(dataDir);
  await assert.rejects(start(dataDir), (error: Error) => error.message.includes(`Another Millrace server (process ${process.pid}) is running on the data folder ${dataDir}`));
  assert.deepEqual(await query(owner.connection, 'select 1 as one'), [{ one: 1 }]);
  await owner.leave();
  const next = await start(dataDir);
  assert.deepEqual([next.adopted, next.pid], [true, owner.pid]);
  await next.stop();
});

test('two that share a new folder end up on one PostgreSQL', async (context) => {
  const dataDir = dataFolder(context);
  const [one, other] = await Promise.all([start(dataDir, { use: 'shared' }), start(dataDir, { use: 'shared' })]);
  assert.equal(one.pid, other.pid);
  await one.stop();
  await other.stop();
});

test('the ownership survives the loss of its session', async () => {
  const dataDir = shared;
  const owner = await start(dataDir);
  const holder = async (): Promise<unknown> => (await query(owner.connection, `select pid from pg_locks where locktype = 'advisory' and granted`))[0]?.['pid'];
  const first = await holder();
  await query(owner.connection, `select pg_terminate_backend(${String(first)})`);
  const deadline = Date.now() + 5000;
  for (let current = first; current === first || current === undefined; current = await holder()) assert.ok(Date.now() < deadline);
  await owner.stop();
});

test('an unexpected end is reported, an ordered one is not', async () => {
  const dataDir = shared;
  const reasons: string[] = [];
  const onExit = (reason: string): void => void reasons.push(reason);
  const first = await start(dataDir, { onExit });
  process.kill(first.pid, 'SIGKILL');
  await until(() => reasons.length > 0);
  assert.match(reasons[0] ?? '', /PostgreSQL has ended unexpectedly \(signal SIGKILL\)/);
  const second = await start(dataDir, { onExit });
  await second.stop();
  assert.equal(reasons.length, 1);
});

test('a folder with a long path gets its socket elsewhere', async (context) => {
  const dataDir = dataFolder(context, 'long-'.repeat(30));
  const postgres = await start(dataDir);
  assert.ok(!postgres.connection.host.startsWith(dataDir));
  assert.equal(statSync(postgres.connection.host).mode & 0o777, 0o700);
  assert.deepEqual(await query(postgres.connection, 'select 1 as one'), [{ one: 1 }]);
  await postgres.stop();
  assert.equal((await start(dataDir)).connection.host, postgres.connection.host);
});

test('a folder with blanks, commas and quotes in its path works', async (context) => {
  const postgres = await start(dataFolder(context, `it's "a", b`));
  assert.deepEqual(await query(postgres.connection, 'select 1 as one'), [{ one: 1 }]);
  await postgres.stop();
});

test('a start that fails shows the end of the log', async () => {
  await assert.rejects(start(shared, { settings: { shared_buffers: 'much' } }), /PostgreSQL does not start \(exit code 1\)[^]*invalid value for parameter "shared_buffers"/);
});

test('a cluster of another version is not touched', async () => {
  const dataDir = shared;
  const postgres = await start(dataDir);
  await postgres.stop();
  const versionFile = join(dataDir, 'postgres', 'cluster', 'PG_VERSION');
  writeFileSync(versionFile, '17\n');
  await assert.rejects(start(dataDir), /belongs to PostgreSQL 17, and this Millrace carries PostgreSQL 18/);
  writeFileSync(versionFile, '18\n');
});

test('root runs PostgreSQL as another user', { skip: !isRoot || process.platform !== 'linux' }, async () => {
  const dataDir = shared;
  const postgres = await start(dataDir);
  assert.match(readFileSync(`/proc/${postgres.pid}/status`, 'utf8'), /^Uid:\t65534\t65534/m);
  assert.equal(statSync(join(dataDir, 'postgres', 'cluster')).uid, 65534);
  await postgres.stop();
});

test('root keeps the database elsewhere when the other user cannot reach the data folder', { skip: !isRoot }, async (context) => {
  const dataDir = dataFolder(context, 'private');
  mkdirSync(join(dataDir, '..'), { mode: 0o700 });
  const lines: string[] = [];
  const postgres = await start(dataDir, { log: (line) => void lines.push(line) });
  assert.equal(lstatSync(join(dataDir, 'postgres')).isSymbolicLink(), true);
  assert.match(lines[0] ?? '', /its user cannot reach .* the database is kept in /);
  await query(postgres.connection, 'create table kept as select 9 as number');
  await postgres.stop();
  const again = await start(dataDir);
  assert.deepEqual(await query(again.connection, 'select number from kept'), [{ number: 9 }]);
  await again.stop();
});
