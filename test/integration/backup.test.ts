import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../../examples/demo/until.ts';
import { restoreBackup, writeBackup } from '../../server/backup.ts';
import { listTables } from '../../server/backup-store.ts';
import { readConfig } from '../../server/config.ts';
import { openDatabase, type Database } from '../../server/kernel/database.ts';
import { silentLog } from '../../server/kernel/log.ts';
import { connectionUrl } from '../../server/kernel/postgres/connection.ts';
import { removeEmbeddedPostgres, startEmbeddedPostgres, type EmbeddedPostgres } from '../../server/kernel/postgres/supervisor.ts';
import { startServer, type RunningServer } from '../../server/main.ts';
import { maintainAllPartitions } from '../../server/modules.ts';
import { signedCaller, type SignedCall } from '../../server/sample.ts';
import { fastSettings, testDatabase } from '../support/database.ts';

const LEGACY = '2020-05-18';
const PLATFORM = '2026-12-01';
const key = { accessKeyId: 'LTAI5tOfTheBackupDrill01', accessKeySecret: 'drillSecret0123456789abcdefgh' };
const masterKey = randomBytes(32);

let folder: string;
/** A PostgreSQL whose count of transactions begins anew, as that of a new machine does. */
let fresh: EmbeddedPostgres;
let source: Awaited<ReturnType<typeof testDatabase>>;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-backup-'));
  fresh = await startEmbeddedPostgres({ dataDir: join(folder, 'fresh'), log: () => {}, settings: fastSettings, initdbOptions: ['--no-sync'] });
  source = await testDatabase();
});
after(async () => {
  await fresh.stop();
  await removeEmbeddedPostgres(join(folder, 'fresh'));
  await source.drop();
  await rm(folder, { recursive: true, force: true });
});

function start(databaseUrl: string, dataFolder: string): Promise<RunningServer> {
  const config = readConfig({
    MILLRACE_PORT: '0',
    MILLRACE_DATA: dataFolder,
    DATABASE_URL: databaseUrl,
    MILLRACE_MASTER_KEY: masterKey.toString('hex'),
    MILLRACE_ADMIN_ACCESS_KEY_ID: key.accessKeyId,
    MILLRACE_ADMIN_ACCESS_KEY_SECRET: key.accessKeySecret,
  });
  return startServer(config, silentLog, () => {}, (reason) => assert.fail(reason));
}

/** Rows and a checksum of each table, whatever the order of its rows. What a restore changes on purpose is left out. */
async function checksums(database: Database): Promise<Record<string, string>> {
  const sums: Record<string, string> = {};
  for (const { name } of await listTables(database)) {
    if (name === 'event_epoch') continue;
    const row = await database.row<{ count: number; sum: string | null }>(`select count(*) as count, md5(string_agg(line, '' order by line)) as sum from (select md5(t::text) as line from ${name} t) lines`);
    sums[name] = `${row?.count} ${row?.sum}`;
  }
  return sums;
}

async function withDatabase<Result>(connection: string, work: (database: Database) => Promise<Result>): Promise<Result> {
  const database = openDatabase({ connection, connections: 2 });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** A receiver that answers nothing until it is told otherwise, and keeps what it accepted. */
async function receiver() {
  const state = { accepts: false, types: [] as string[], unanswered: 0 };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      if (!state.accepts) {
        state.unanswered += 1;
        return;
      }
      const body = JSON.parse(Buffer.concat(parts).toString('utf8')) as { type: string };
      state.types.push(body.type.slice(body.type.lastIndexOf(':') + 1));
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}

const processOf = async (call: SignedCall, ProjectId: number) =>
  ((await call(LEGACY, 'ListCheckProcesses', { EventCode: 'commit-file', ProjectId }))['PagingInfo'] as { CheckProcesses: { Status: string }[] }).CheckProcesses[0]?.Status;

test('the drill: every row comes back, and undelivered events, an open hold and a waiting instance go on in another PostgreSQL', async () => {
  const target = await receiver();
  const sourceData = join(folder, 'source-data');
  const server = await start(source.url, sourceData);
  const call = signedCaller(server.house.gateway, server.url, key);
  const ProjectId = Number((await call(LEGACY, 'CreateProject', { ProjectIdentifier: 'drill', ProjectName: 'Drill', ProjectDescription: 'Tabs\tand\nlines, \\N and "quotes"', ProjectMode: 2 }))['Data']);
  await call(LEGACY, 'CreateBusiness', { ProjectId, BusinessName: 'flow' });
  const file = async (name: string, Content: string) => Number((await call(LEGACY, 'CreateFile', { ProjectId, FileName: name, FileType: 6, Content, FileFolderPath: '业务流程/flow/MaxCompute', CreateFolderIfNotExists: true, InputList: 'drill_root', OutputList: `drill.${name}` }))['Data']);
  const settled = (DeploymentId: unknown) =>
    until('a deployment', async () => {
      const { Deployment } = (await call(LEGACY, 'GetDeployment', { ProjectId, DeploymentId: Number(DeploymentId) }))['Data'] as { Deployment: { Status: number } };
      return Deployment.Status === 1 ? true : undefined;
    });
  const FileId = await file('slow', 'sleep 600');
  await settled((await call(LEGACY, 'SubmitFile', { ProjectId, FileId }))['Data']);
  await settled((await call(LEGACY, 'DeployFile', { ProjectId, FileId }))['Data']);
  const { File } = (await call(LEGACY, 'GetFile', { ProjectId, FileId }))['Data'] as { File: { NodeId: number } };

  await call(PLATFORM, 'CreateSubscription', { Name: 'drill', Url: target.url, ProjectId });
  await call(PLATFORM, 'CreateExtension', { ExtensionCode: 'drill', ExtensionName: 'drill', BindEventList: JSON.stringify(['commit-file']) });
  await call(PLATFORM, 'PublishExtension', { ExtensionCode: 'drill' });
  await call(PLATFORM, 'EnableExtension', { ExtensionCode: 'drill', ProjectId });
  const heldFile = await file('held', 'echo held');
  await call(LEGACY, 'SubmitFile', { ProjectId, FileId: heldFile });
  const { Holds } = (await call(PLATFORM, 'ListHolds', { ProjectId }))['PagingInfo'] as { Holds: { MessageId: string }[] };
  const MessageId = Holds[0]?.MessageId ?? '';
  assert.equal(await processOf(call, ProjectId), 'CHECKING');
  const DagId = Number((await call(LEGACY, 'RunSmokeTest', { ProjectId, ProjectEnv: 'PROD', NodeId: File.NodeId, Name: 'drill', Bizdate: '2026-01-01 00:00:00' }))['Data']);
  const instance = async (by: SignedCall) => ((await by(LEGACY, 'ListInstances', { ProjectId, ProjectEnv: 'PROD', DagId }))['Data'] as { Instances: { Status: string; InstanceId: number }[] }).Instances[0];
  await until('the instance runs', async () => ((await instance(call))?.Status === 'RUNNING' ? true : undefined));
  await until('a delivery is under way', () => (target.state.unanswered > 0 ? true : undefined));
  const workspaceFile = join(sourceData, 'workspaces', String(ProjectId), 'of-a-task.duckdb');
  await mkdir(join(sourceData, 'workspaces', String(ProjectId)), { recursive: true });
  await writeFile(workspaceFile, randomBytes(700_000));
  await server.stop();

  // What the files of the source say, and then the archive of it.
  const archive = join(folder, 'drill.backup');
  const expected = await withDatabase(source.url, checksums);
  const written = await writeBackup({ connection: source.url, dataFolder: sourceData, masterKey, now: new Date() }, createWriteStream(archive));
  assert.ok(written.rows > 50 && written.files >= 1);
  const text = (await readFile(archive)).toString('latin1');
  assert.ok(!text.includes(key.accessKeySecret));

  const targetUrl = connectionUrl(fresh.connection);
  const restoredData = join(folder, 'restored-data');
  const restored = await restoreBackup({ connection: targetUrl, dataFolder: restoredData, masterKey, now: new Date() }, createReadStream(archive));
  assert.deepEqual(restored, written);
  assert.deepEqual(await withDatabase(targetUrl, checksums), expected);
  const hash = async (path: string) => createHash('sha256').update(await readFile(path)).digest('hex');
  assert.equal(await hash(join(restoredData, 'workspaces', String(ProjectId), 'of-a-task.duckdb')), await hash(workspaceFile));

  target.state.accepts = true;
  const again = await start(targetUrl, restoredData);
  try {
    assert.equal(again.first, undefined, 'the first account is the restored one');
    const callAgain = signedCaller(again.house.gateway, again.url, key);
    await until('what was undelivered arrives', () => (target.state.types.includes('CommitFile') ? true : undefined));
    await callAgain(LEGACY, 'CallbackExtension', { MessageId, ExtensionCode: 'drill', CheckResult: 'OK', CheckMessage: 'fine' });
    await until('the held commit goes on', async () => ((await processOf(callAgain, ProjectId)) === 'PASSED' ? true : undefined));
    await until('the interrupted instance runs anew', async () => ((await instance(callAgain))?.Status === 'RUNNING' ? true : undefined));
    await callAgain(LEGACY, 'StopInstance', { ProjectId, ProjectEnv: 'PROD', InstanceId: (await instance(callAgain))?.InstanceId ?? 0 });
    await until('it ends', async () => ((await instance(callAgain))?.Status === 'FAILURE' ? true : undefined));
    const said = target.state.types.length;
    await callAgain(LEGACY, 'SubmitFile', { ProjectId, FileId: Number((await callAgain(LEGACY, 'CreateFile', { ProjectId, FileName: 'later', FileType: 6, Content: 'echo later', FileFolderPath: '业务流程/flow/MaxCompute', InputList: 'drill_root', OutputList: 'drill.later' }))['Data']) });
    await until('a new event is delivered', () => (target.state.types.slice(said).includes('CommitFile') ? true : undefined));
  } finally {
    await again.stop();
    target.close();
  }
  // The same archive does not go over what is there.
  await assert.rejects(restoreBackup({ connection: targetUrl, dataFolder: join(folder, 'other-data'), masterKey, now: new Date() }, createReadStream(archive)), /in use/);
  await assert.rejects(restoreBackup({ connection: targetUrl, dataFolder: restoredData, masterKey, now: new Date() }, createReadStream(archive)), /in use/);
});

test('an archive that is cut off, damaged, foreign, of another key or of another schema restores nothing', async () => {
  const archive = join(folder, 'drill.backup');
  const empty = await testDatabase();
  try {
    const attempt = (path: string, by: Buffer | undefined = masterKey) => restoreBackup({ connection: empty.url, dataFolder: join(folder, 'attempt'), masterKey: by, now: new Date() }, createReadStream(path));
    const rowsThere = () => withDatabase(empty.url, async (database) => (await database.row<{ count: number }>('select count(*) as count from event'))?.count);
    const { size } = await stat(archive);
    for (const [name, change] of [
      ['cut', async (path: string) => truncate(path, size - 200)],
      ['half', async (path: string) => truncate(path, Math.floor(size / 2))],
      ['changed', async (path: string) => writeFile(path, (await readFile(path)).map((byte, at) => (at === Math.floor(size * 0.6) ? byte ^ 0xff : byte)))],
      ['foreign', async (path: string) => writeFile(path, 'no archive at all')],
    ] as const) {
      const copy = join(folder, `${name}.backup`);
      await writeFile(copy, await readFile(archive));
      await change(copy);
      await assert.rejects(attempt(copy), (error: Error) => /backup/i.test(error.message), name);
      assert.equal(await rowsThere(), 0, name);
    }
    await assert.rejects(attempt(archive, randomBytes(32)), /master key/);
    await withDatabase(source.url, (database) => database.run(`update migration set hash = 'other' where module = 'kernel'`));
    await assert.rejects(writeBackup({ connection: source.url, dataFolder: folder, masterKey, now: new Date() }, createWriteStream(join(folder, 'never.backup'))), /another schema/);
    assert.equal(await rowsThere(), 0);
    await attempt(archive, undefined);
    assert.notEqual(await rowsThere(), 0, 'without the key it can be restored, when that is said');
  } finally {
    await empty.drop();
  }
});

test('a backup is of one moment while writers go on and partitions are made', async () => {
  const place = await testDatabase();
  const copy = await testDatabase();
  const archive = join(folder, 'busy.backup');
  try {
    const written = await withDatabase(place.url, async (database) => {
      // Each transaction adds a row to a table that is copied early and to one that is copied late: as of any one moment they are equally long.
      const state = { stopped: false };
      let count = 0;
      const writers = [1, 2].map(async (writer) => {
        while (!state.stopped) {
          count += 1;
          const name = `t${writer} ${count}`;
          await database.transaction(async (tx) => {
            await tx.run(`insert into audit (tenant_id, user_id, action, targets, at) values (1, 1, $1, '{}', now())`, [name]);
            await tx.run('insert into tenant (name, created_at) values ($1, now())', [name]);
          });
        }
      });
      await until('some rows', () => (count > 200 ? true : undefined));
      const inTwoDays = new Date(Date.now() + 2 * 86_400_000);
      const [summary] = await Promise.all([writeBackup({ connection: place.url, dataFolder: folder, masterKey, now: new Date() }, createWriteStream(archive)), withDatabase(place.url, (other) => maintainAllPartitions(other, inTwoDays))]);
      const before = count;
      await until('writers go on', () => (count > before ? true : undefined));
      state.stopped = true;
      await Promise.all(writers);
      return summary;
    });
    const { rows } = await restoreBackup({ connection: copy.url, dataFolder: join(folder, 'busy'), masterKey, now: new Date() }, createReadStream(archive));
    assert.equal(rows, written.rows);
    const counts = await withDatabase(copy.url, (database) => database.row<{ audits: number; tenants: number; next: number; highest: number }>(`select (select count(*) from audit) as audits, (select count(*) from tenant) as tenants, (select last_value from tenant_id_seq) as next, (select max(id) from tenant) as highest`));
    assert.ok((counts?.tenants ?? 0) > 200);
    assert.equal(counts?.audits, counts?.tenants);
    assert.ok((counts?.next ?? 0) >= (counts?.highest ?? 0), 'no number is given out twice');
  } finally {
    await place.drop();
    await copy.drop();
  }
});

test('the commands: a file that is there is not replaced, a restore needs the key, and both say what they did', async () => {
  const [place, copy] = [await testDatabase(), await testDatabase()];
  const file = join(folder, 'command.backup');
  const run = (script: string, args: readonly string[], env: Readonly<Record<string, string>>) =>
    new Promise<{ code: number | null; text: string }>((resolve) => {
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '..', '..', 'tools', script), ...args], { env: { PATH: process.env['PATH'] ?? '', MILLRACE_DATA: join(folder, 'command'), ...env } });
      let text = '';
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part: string) => void (text += part));
      child.once('close', (code) => resolve({ code, text }));
    });
  const withKey = { MILLRACE_MASTER_KEY: masterKey.toString('hex') };
  try {
    await withDatabase(place.url, (database) => database.run(`insert into tenant (name, created_at) values ('kept', now())`));
    const made = await run('backup.ts', [file], { DATABASE_URL: place.url, ...withKey });
    assert.deepEqual([made.code, /Not inside: the master key/.test(made.text)], [0, true], made.text);
    assert.equal((await stat(file)).mode & 0o077, 0, 'nobody else may read it');
    const again = await run('backup.ts', [file], { DATABASE_URL: place.url, ...withKey });
    assert.deepEqual([again.code, /replaces nothing/.test(again.text)], [1, true], again.text);
    const keyless = await run('restore.ts', [file], { DATABASE_URL: copy.url });
    assert.deepEqual([keyless.code, /no master key/.test(keyless.text)], [1, true], keyless.text);
    const restored = await run('restore.ts', [file], { DATABASE_URL: copy.url, ...withKey });
    assert.deepEqual([restored.code, restored.text.startsWith('Restored ')], [0, true], restored.text);
    assert.equal((await withDatabase(copy.url, (database) => database.row<{ name: string }>('select name from tenant')))?.name, 'kept');
    const nothing = await run('backup.ts', [join(folder, 'none.backup')], withKey);
    assert.deepEqual([nothing.code, /no database/.test(nothing.text)], [1, true], nothing.text);
  } finally {
    await place.drop();
    await copy.drop();
  }
});
