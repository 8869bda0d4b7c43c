/**
 * What the third door costs, on one PostgreSQL that flushes to disk.
 *
 *   direct    what an empty direct checker on loopback adds to an operation, from the call of the change to the commit of what was held: at most 5 ms
 *             (p50) and 15 ms (p99) more than the same operation that nobody checks
 *   callback  from sending a signed callback over HTTP until the held operation is carried out: at most 20 ms (p95)
 *   peers     what a checker on loopback adds to a write over HTTP, side by side: Millrace's SubmitFile with a direct HTTP checker, from the call until the file is
 *             committed, and a save of parse-server with a before-save webhook, until it is answered. Each server in a process of its own, with a database of
 *             its own on the same PostgreSQL; also the writes a second with 8 under way. Told, not judged
 *   open      a signed read and a write of a server with 1,000 open holds against the same without: ratio of the medians at most 1.1
 *
 * Run: `npm run bench -- holds [operations] [rounds] [part]`. DATABASE_URL names an empty database (for `peers`, of a user who may make others beside it);
 * without it an embedded PostgreSQL is started. parse-server is installed under bench/peers the first time.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PointDeclaration } from '../server/extensions/declare.ts';
import { createExtensions } from '../server/extensions/index.ts';
import { createChanges, type Actor } from '../server/kernel/change.ts';
import { systemClock } from '../server/kernel/clock.ts';
import { openDatabase } from '../server/kernel/database.ts';
import { randomIds } from '../server/kernel/ids.ts';
import { createJobRunner } from '../server/kernel/jobs.ts';
import { limits } from '../server/kernel/limits.ts';
import { silentLog } from '../server/kernel/log.ts';
import { createOutbound } from '../server/kernel/outbound.ts';
import { connectionUrl } from '../server/kernel/postgres/connection.ts';
import { startEmbeddedPostgres } from '../server/kernel/postgres/supervisor.ts';
import { secretBox } from '../server/kernel/secrets.ts';
import { prepareDatabase } from '../server/modules.ts';
import { createEventLog } from '../server/openevent/index.ts';
import { openApiCore } from '../test/conformance/official-clients.ts';
import { startHouse } from './holds/house.ts';
import { comparePeers } from './holds/peers.ts';

const MOST_ADDED = { p50: 5, p99: 15 };
const MOST_CALLBACK_P95 = 20;
const OPEN_HOLDS = 1_000;
const MOST_RATIO = 1.1;

const operations = Number(process.argv[2] ?? 500);
const rounds = Number(process.argv[3] ?? 12);
const part = process.argv[4];

const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
const given = process.env['DATABASE_URL'];
const postgres = given === undefined ? await startEmbeddedPostgres({ dataDir: folder, log: () => {} }) : undefined;
const connection = given ?? (postgres === undefined ? '' : connectionUrl(postgres.connection));
const database = openDatabase({ connection, connections: limits.databaseConnections.value });
const relaxed = openDatabase({ connection: `${connection}${connection.includes('?') ? '&' : '?'}options=${encodeURIComponent('-c synchronous_commit=off')}`, connections: 3 });
let missed = 0;

try {
  await prepareDatabase(database, new Date());
  if (part === undefined || part === 'direct') await measureDirect();
  if (part === undefined || part === 'callback' || part === 'open') await measureHouse();
  if (part === undefined || part === 'peers') await comparePeers({ database, connection, operations: Math.min(operations, 200), rounds: Math.min(rounds, 3), folder });
  if (missed > 0) process.exitCode = 1;
} finally {
  await relaxed.close();
  await database.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}

/** The third door alone, with a point whose operation is one row: what is measured is the door and nothing else. */
async function measureDirect(): Promise<void> {
  const checker = fork(join(import.meta.dirname, 'holds', 'checker.ts'));
  const [url] = (await once(checker, 'message')) as [string];
  const outbound = createOutbound({ allowLoopback: true, allowed: [] });
  const events = createEventLog({ database, validatePayloads: false });
  const changes = createChanges({ database, clock: systemClock, ids: randomIds, events });
  await database.run('create table bench_operation (id bigint generated always as identity primary key, body text)');
  const done = new Map<number, () => void>();
  const point: PointDeclaration = {
    code: 'commit-file',
    async proceed(change, _args, outcome) {
      await change.run(`insert into bench_operation (body) values ('held')`);
      change.afterCommit(() => done.get(outcome.holdId)?.());
    },
    async reject() {
      throw new Error('an empty checker rejects nothing');
    },
  };
  const { module, holds } = createExtensions({
    database,
    changes,
    clock: systemClock,
    ids: randomIds,
    log: silentLog,
    secrets: secretBox(randomBytes(32)),
    directory: { find: async () => undefined, byId: async () => undefined, rolesOf: async () => [] },
    users: { find: async () => undefined },
    outbound,
    history: events,
    points: () => [point],
  });
  const jobs = createJobRunner({ database, changes, clock: systemClock, log: silentLog, jobs: module.jobs ?? [] });
  const unlisten = await database.listen('millrace_job', () => jobs.wake());
  jobs.start();
  for (const service of module.services ?? []) await service.start();

  const CHECKED = 1;
  const FREE = 2;
  const extension = await database.row<{ id: number }>(
    `insert into extension (tenant_id, code, name, description, owner_id, status, events, detail_url, help_doc_url, parameter_setting, option_setting, deadline_seconds, deadline_outcome,
       created_by, created_at, modified_by, modified_at, invocation, target)
     values (1, 'bench', 'Bench', '', 1, 1, '{commit-file}', '', '', '', '', 60, 'FAIL', 1, now(), 1, now(), 'HTTP', $1) returning id`,
    [url],
  );
  await database.run('insert into extension_attachment (extension_id, workspace_id, enabled_by, enabled_at) values ($1, $2, 1, now())', [extension?.id, CHECKED]);

  const actor: Actor = { tenantId: 1, userId: 5, action: 'SubmitFile', requestId: undefined, sourceAddress: undefined };
  const snapshot = { CommittedFile: { FileName: 'daily.sql', Content: 'select 1;\n'.repeat(200) } };
  async function operate(workspaceId: number, number: number): Promise<number> {
    const started = performance.now();
    let finished: Promise<void> | undefined;
    await changes.change(actor, async (change) => {
      const proposed = await holds.propose(change, {
        point: 'commit-file',
        workspaceId,
        objectKey: `file:${number}`,
        data: { fileId: number, fileName: 'daily.sql', projectId: workspaceId },
        title: 'daily.sql',
        fileType: 10,
        snapshot,
        args: { fileId: number },
      });
      if (proposed.held) finished = new Promise((resolve) => done.set(proposed.holdId, resolve));
      else await change.run(`insert into bench_operation (body) values ('free')`);
    });
    if ((workspaceId === CHECKED) !== (finished !== undefined)) throw new Error('the wrong operations are held');
    await finished;
    return performance.now() - started;
  }
  for (let number = 0; number < 100; number += 1) {
    await operate(CHECKED, number);
    await operate(FREE, number);
  }
  await database.run('analyze');
  const held: number[] = [];
  const free: number[] = [];
  for (let number = 0; number < operations; number += 1) {
    held.push(await operate(CHECKED, number));
    free.push(await operate(FREE, number));
  }
  console.log(`direct, ${operations} operations: unchecked p50 ${ms(quantile(free, 0.5))}, p99 ${ms(quantile(free, 0.99))}; checked p50 ${ms(quantile(held, 0.5))}, p99 ${ms(quantile(held, 0.99))}`);
  judge(`added p50 ${ms(quantile(held, 0.5) - quantile(free, 0.5))}`, quantile(held, 0.5) - quantile(free, 0.5), MOST_ADDED.p50);
  judge(`added p99 ${ms(quantile(held, 0.99) - quantile(free, 0.99))}`, quantile(held, 0.99) - quantile(free, 0.99), MOST_ADDED.p99);

  for (const service of module.services ?? []) await service.stop();
  await unlisten();
  await jobs.stop();
  await outbound.close();
  checker.kill();
  await database.run('drop table bench_operation');
  await database.run('truncate hold, hold_check, extension_attachment, extension, job cascade');
}

/** A whole server, called with signatures over HTTP by the vendor's client. */
async function measureHouse(): Promise<void> {
  const { url, first, stop } = await startHouse({ database, relaxed, dataFolder: folder });
  const legacy = openApiCore(url, first, '2020-05-18');
  const own = openApiCore(url, first, '2026-12-01');
  try {
    await own('UpdatePlan', { Plan: 'Unlimited' });
    const ProjectId = Number((await legacy('CreateProject', { ProjectIdentifier: 'bench', ProjectName: 'bench', ProjectDescription: 'bench', ProjectMode: 3 }))['Data']);
    const file = async (name: string) =>
      Number((await legacy('CreateFile', { ProjectId, FileName: name, FileType: 6, Content: 'echo 1', FileFolderPath: '业务流程/bench', InputList: 'bench_root', OutputList: `bench.${name}` }))['Data']);
    await legacy('CreateBusiness', { ProjectId, BusinessName: 'bench' });
    await own('CreateExtension', { ExtensionCode: 'bench', ExtensionName: 'Bench', BindEventList: JSON.stringify(['commit-file']) });
    await own('PublishExtension', { ExtensionCode: 'bench' });

    if (part === undefined || part === 'callback') {
      await own('EnableExtension', { ExtensionCode: 'bench', ProjectId });
      const took: number[] = [];
      for (let number = 0; number < Math.min(operations, 200) + 20; number += 1) {
        await legacy('SubmitFile', { ProjectId, FileId: await file(`callback_${number}`), Comment: 'bench' });
        const hold = await database.row<{ id: number; message_id: string }>(`select id, message_id from hold where status = 'CHECKING' order by id desc limit 1`);
        if (hold === undefined) throw new Error('nothing is held');
        const started = performance.now();
        const sent = legacy('UpdateIDEEventResult', { MessageId: hold.message_id, ExtensionCode: 'bench', CheckResult: 'OK' });
        while ((await database.row('select 1 from hold where id = $1 and resumed_at is not null', [hold.id])) === undefined);
        if (number >= 20) took.push(performance.now() - started);
        await sent;
      }
      console.log(`callback, ${took.length} operations: p50 ${ms(quantile(took, 0.5))}, p95 ${ms(quantile(took, 0.95))}, p99 ${ms(quantile(took, 0.99))}`);
      judge(`resumed p95 ${ms(quantile(took, 0.95))}`, quantile(took, 0.95), MOST_CALLBACK_P95);
      await own('DisableExtensionForProject', { ExtensionCode: 'bench', ProjectId });
    }

    if (part === undefined || part === 'open') {
      const FileId = await file('other');
      const ratios: Record<string, number[]> = { read: [], write: [] };
      const measure = async () => {
        const read: number[] = [];
        const write: number[] = [];
        for (let number = 0; number < 150; number += 1) {
          let started = performance.now();
          await legacy('GetFile', { ProjectId, FileId });
          read.push(performance.now() - started);
          started = performance.now();
          await legacy('UpdateFile', { ProjectId, FileId, Content: `echo ${number}` });
          write.push(performance.now() - started);
        }
        return { read: quantile(read, 0.5), write: quantile(write, 0.5) };
      };
      await own('EnableExtension', { ExtensionCode: 'bench', ProjectId });
      for (let number = 0; number < OPEN_HOLDS; number += 1) await legacy('SubmitFile', { ProjectId, FileId: await file(`open_${number}`), Comment: 'bench' });
      await database.run('delete from extension_attachment');
      const open = await database.row<{ count: number }>(`select count(*) as count from hold where status = 'CHECKING'`);
      if (open?.count !== OPEN_HOLDS) throw new Error(`${open?.count} holds are open`);
      // Rows are all that a hold is, so turning them is opening and closing; done by SQL to have many short rounds side by side.
      const close = async () => {
        await database.run(`update hold set status = 'CANCELED', closed_at = now(), resumed_at = now(), resume_status = 'DONE' where status = 'CHECKING'`);
        await database.run(`update hold_check set state = 'RELEASED' where state = 'WAITING'`);
      };
      const reopen = async () => {
        await database.run(`update hold_check set state = 'WAITING' where state = 'RELEASED'`);
        await database.run(`update hold set status = 'CHECKING', closed_at = null, resumed_at = null, resume_status = null where status = 'CANCELED'`);
      };
      const settled = async (turn: () => Promise<void>) => {
        await turn();
        await database.run('vacuum analyze hold, hold_check');
        return measure();
      };
      await measure();
      for (let round = 0; round < rounds; round += 1) {
        // Each round begins with the other one, so that a drift of the machine falls on both.
        const early = round % 2 === 0 ? await settled(close) : await settled(reopen);
        const late = round % 2 === 0 ? await settled(reopen) : await settled(close);
        const [without, during] = round % 2 === 0 ? [early, late] : [late, early];
        for (const kind of ['read', 'write'] as const) ratios[kind]?.push(during[kind] / without[kind]);
        console.log(`open, round ${round + 1}: read ${ms(without.read)} without, ${ms(during.read)} with ${OPEN_HOLDS} open holds; write ${ms(without.write)}, ${ms(during.write)}`);
      }
      for (const [kind, values] of Object.entries(ratios)) judge(`${kind} ratio (median of ${rounds} rounds) ${quantile(values, 0.5).toFixed(3)}`, quantile(values, 0.5), MOST_RATIO);
    }
  } finally {
    await stop();
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function judge(what: string, value: number, most: number): void {
  const kept = value <= most;
  if (!kept) missed += 1;
  console.log(`  ${what}, limit ${most}: ${kept ? 'kept' : 'MISSED'}`);
}
