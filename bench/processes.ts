/**
 * What a second and a fourth process give: Millrace as 1, 2 and 4 server processes with all roles on one PostgreSQL, in interleaved rounds.
 *
 *     npm run bench -- processes [--rounds 5] [--scale 1]
 *
 *   reads        signed GetProject over HTTP, 32 clients that go to the servers in turn
 *   writes       signed UpdateFile, each client on a file of its own through all servers
 *   deliveries   signed pushes of events to 8 subscriptions, from the first to the last arrival
 *   loads        tasks of no load in one backfill, which the schedulers move
 *   shell tasks  tasks that each run `true`, which the workers run
 *
 * Processes share the cores with PostgreSQL, the clients and the receiver, so the ratio to one process cannot exceed the number of cores, and where one process already
 * fills them there is nothing to gain: the number of cores is told beside the figures. At the end all that was written is audited: nothing lost, nothing twice, and
 * the events of an object in their order.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createChanges, platformActor } from '../server/kernel/change.ts';
import { systemClock } from '../server/kernel/clock.ts';
import { openDatabase, type Database } from '../server/kernel/database.ts';
import { randomIds } from '../server/kernel/ids.ts';
import { connectionUrl } from '../server/kernel/postgres/connection.ts';
import { startEmbeddedPostgres } from '../server/kernel/postgres/supervisor.ts';
import { createEventLog } from '../server/openevent/index.ts';
import { auditInvariants } from '../test/chaos/audit.ts';
import { freePort, startServer, type ServerProcess } from '../test/chaos/server.ts';
import { sender, type Send } from '../test/chaos/writers.ts';
import { startReceiver, type Arrivals } from './delivery/arrivals.ts';
import { median } from './delivery/measure.ts';
import type { Measurement, Order } from './processes/load.ts';

const COUNTS = [1, 2, 4] as const;
const CLIENTS = 32;
const SUBSCRIPTIONS = 8;
const OBJECTS = 50;
const EVENTS_OF_CHANGE = 20;
const KINDS = ['reads', 'writes', 'deliveries', 'loads', 'shell tasks'] as const;
type Kind = (typeof KINDS)[number];
/** How much of each is done to measure it once, at scale 1. */
const AMOUNT = { reads: 200, writes: 40, deliveries: 600, loads: 300, 'shell tasks': 100 } as const;
const LEASES_SECONDS = 60;

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' }, scale: { type: 'string', default: '1' } } });
const rounds = Number(values.rounds);
const amount = (kind: Kind) => Math.max(1, Math.round(AMOUNT[kind] * Number(values.scale)));
const key = { accessKeyId: 'LTAI5tBenchOfProcesses01', accessKeySecret: 'benchSecretOfTheProcesses01234' };

const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
// Tasks run under another account where the server is root.
await chmod(folder, 0o755);
const given = process.env['DATABASE_URL'];
// Four processes may open more connections than the hundred that the embedded PostgreSQL of one process has.
const postgres = given === undefined ? await startEmbeddedPostgres({ dataDir: join(folder, 'pg'), log: () => {}, settings: { max_connections: '250' } }) : undefined;
const databaseUrl = given ?? (postgres === undefined ? '' : connectionUrl(postgres.connection));
const database = openDatabase({ connection: databaseUrl, connections: 8 });
const changes = createChanges({ database, clock: systemClock, ids: randomIds, events: createEventLog({ database, validatePayloads: false }) });
const load = fork(join(import.meta.dirname, 'processes', 'load.ts'));
const receiver = await startReceiver();
let servers: ServerProcess[] = [];
let urls: string[] = [];
const faults: string[] = [];

interface Place {
  readonly tenantId: number;
  readonly projectId: number;
  readonly files: { fileId: number; next: number }[];
  /** Tasks by what they do; the first of each is the root of the backfill. */
  readonly tasks: Readonly<Record<'loads' | 'shell tasks', readonly number[]>>;
}

try {
  await start(1);
  const place = await prepare(sender(Number(new URL(urls[0] ?? '').port), key));
  await stop();
  const figures = new Map<number, Record<Kind, number[]>>(COUNTS.map((count) => [count, { reads: [], writes: [], deliveries: [], loads: [], 'shell tasks': [] }]));
  for (let round = 0; round < rounds; round += 1) {
    // Every other round goes the other way, so that a drift of the machine falls on all.
    for (const count of round % 2 === 0 ? COUNTS : COUNTS.toReversed()) {
      await start(count);
      await warm(place, count);
      for (const kind of KINDS) {
        const perSecond = await measure(kind, place, receiver);
        figures.get(count)?.[kind].push(perSecond);
      }
      await stop();
      const told = KINDS.map((kind) => `${kind} ${figures.get(count)?.[kind].at(-1)?.toFixed(0)}/s`).join(', ');
      console.log(`round ${round + 1}, ${count} ${count === 1 ? 'process' : 'processes'}: ${told}`);
    }
  }
  const cores = availableParallelism();
  console.log(`\nmedians of ${rounds} interleaved rounds, on ${cores} cores that PostgreSQL, the clients and the receiver share; in brackets the median of the ratios to one process of the same round`);
  console.log(''.padEnd(14) + COUNTS.map((count) => `${count} ${count === 1 ? 'process' : 'processes'}`.padStart(22)).join(''));
  for (const kind of KINDS) {
    const one = figures.get(1)?.[kind] ?? [];
    const cells = COUNTS.map((count) => {
      const list = figures.get(count)?.[kind] ?? [];
      return `${median(list).toFixed(0)}/s (${median(list.map((value, at) => value / (one[at] ?? Number.NaN))).toFixed(2)})`.padStart(22);
    });
    console.log(kind.padEnd(14) + cells.join(''));
  }
  if (cores <= 2) console.log(`With ${cores} cores no ratio can exceed ${cores}, and what one process and PostgreSQL fill together has no room for more. On more cores measure again.`);
  await audit(place);
} finally {
  await stop();
  receiver.stop();
  load.kill('SIGTERM');
  await database.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}
for (const fault of faults.slice(0, 20)) console.log(`FAULT: ${fault}`);
if (faults.length > 0) process.exitCode = 1;

/** Starts so many servers and waits until each is ready, and all subscriptions are held. */
async function start(count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    const port = await freePort();
    // One after the other: the first makes tables and the key.
    const server = startServer({ dataFolder: join(folder, 'data'), port, key, env: { DATABASE_URL: databaseUrl } });
    servers.push(server);
    await server.ready();
    urls.push(`http://127.0.0.1:${port}`);
  }
  const until = performance.now() + LEASES_SECONDS * 1_000;
  for (;;) {
    const held = await database.row<{ free: number; most: number; owners: number }>(
      `select count(*) filter (where owner is null) as free, coalesce(max(n), 0) as most, count(distinct owner) as owners from (select owner, count(*) over (partition by owner) as n from delivery_cursor) as c`,
    );
    // The processes share the subscriptions evenly by and by.
    if (held !== undefined && held.free === 0 && (held.most <= Math.ceil(SUBSCRIPTIONS / count) || held.most === 0)) return;
    if (performance.now() > until) throw new Error(`the subscriptions are held unevenly after ${LEASES_SECONDS} s: ${JSON.stringify(held)}`);
    await pause(20);
  }
}

async function stop(): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
  for (const complaints of servers.map((server) => server.complaints())) if (/"level":(50|60)/.test(complaints)) faults.push(`a server complained: ${complaints.slice(0, 500)}`);
  servers = [];
  urls = [];
}

/** A workspace with a file for each client, and with tasks in production; subscriptions to all events of its objects. */
async function prepare(send: Send): Promise<Place> {
  const must = async (action: string, parameters: Parameters<Send>[1]): Promise<unknown> => {
    const outcome = await send(action, parameters);
    if (outcome.kind !== 'acknowledged') throw new Error(`${action}: ${JSON.stringify(outcome)}`);
    return outcome.data;
  };
  await must('UpdatePlan', { Plan: 'Unlimited' });
  const projectId = Number(await must('CreateProject', { ProjectIdentifier: 'processes', ProjectName: 'processes', ProjectMode: 2 }));
  await must('CreateBusiness', { ProjectId: projectId, BusinessName: 'bench' });
  const create = async (FileName: string, FileType: number, InputList: string) =>
    Number(
      await must('CreateFile', {
        ProjectId: projectId,
        FileName,
        FileType,
        Content: FileType === 99 ? '' : 'true',
        FileFolderPath: '业务流程/bench/MaxCompute',
        CreateFolderIfNotExists: true,
        InputList,
        OutputList: `bench.${FileName}`,
        CronExpress: '00 30 00 * * ?',
        CycleType: 'DAY',
      }),
    );
  const files = [];
  for (let client = 0; client < CLIENTS; client += 1) files.push({ fileId: await create(`client_${client}`, 6, 'processes_root'), next: 1 });
  const deployed = async (FileName: string, FileType: number, InputList: string) => {
    const FileId = await create(FileName, FileType, InputList);
    await must('SubmitFile', { ProjectId: projectId, FileId });
    await must('DeployFile', { ProjectId: projectId, FileId });
    return ((await must('GetFile', { ProjectId: projectId, FileId })) as { File: { NodeId: number } }).File.NodeId;
  };
  const backfilled = async (kind: 'loads' | 'shell tasks', fileType: number) => {
    const name = kind.replace(' ', '_');
    const ids = [await deployed(`${name}_root`, 99, 'processes_root')];
    for (let number = 0; number < amount(kind); number += 1) ids.push(await deployed(`${name}_${number}`, fileType, `bench.${name}_root`));
    return ids;
  };
  const tasks = { loads: await backfilled('loads', 99), 'shell tasks': await backfilled('shell tasks', 6) };
  for (let number = 0; number < SUBSCRIPTIONS; number += 1) await must('CreateSubscription', { Name: `bench ${number}`, Url: `${receiver.url}/ok/${number}`, Types: JSON.stringify(['dataworks:TableChange:CommitTable']) });
  const owner = await database.row<{ tenant_id: number }>('select tenant_id from workspace where id = $1', [projectId]);
  return { tenantId: owner?.tenant_id ?? 0, projectId, files, tasks };
}

/** Gives each process as much to do beforehand as one alone would get, since code that has just been loaded is slow. */
async function warm(place: Place, count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) for (const kind of ['reads', 'writes', 'deliveries'] as const) await measure(kind, place, receiver);
}

/** How many a second. */
async function measure(kind: Kind, place: Place, arrivals: Arrivals): Promise<number> {
  if (kind === 'reads' || kind === 'writes') return calls(kind, place);
  if (kind === 'deliveries') return deliveries(place, arrivals);
  return backfill(kind, place);
}

async function calls(kind: 'reads' | 'writes', place: Place): Promise<number> {
  const requestsOfClient = amount(kind);
  load.send({ kind: kind === 'reads' ? 'read' : 'write', urls, key, projectId: place.projectId, files: place.files, requestsOfClient } satisfies Order);
  const [answer] = (await once(load, 'message')) as [Measurement];
  if (answer.fault !== undefined) throw new Error(answer.fault);
  if (kind === 'writes') for (const file of place.files) file.next += requestsOfClient;
  return answer.perSecond;
}

/** Raises events of some objects, and waits until all have come to each subscription: each once, and those of an object in their order. */
async function deliveries(place: Place, arrivals: Arrivals): Promise<number> {
  const count = amount('deliveries');
  arrivals.clear();
  const raised: { id: string; object: number }[] = [];
  for (let from = 0; from < count; from += EVENTS_OF_CHANGE) {
    await changes.change(platformActor('bench', place.tenantId), async (change) => {
      for (let number = from; number < Math.min(from + EVENTS_OF_CHANGE, count); number += 1) {
        const object = number % OBJECTS;
        raised.push({ id: change.raise({ code: 'commit-table', workspaceId: place.projectId, objectKey: `table:bench.${object}`, data: { projectId: place.projectId, tableName: `bench_${object}` } }), object });
      }
    });
  }
  await arrivals.reach(count * SUBSCRIPTIONS, 120_000);
  // One that comes twice comes after the others.
  await pause(100);
  let earliest: bigint | undefined;
  let latest = 0n;
  for (let number = 0; number < SUBSCRIPTIONS; number += 1) {
    const moments = arrivals.moments(`/ok/${number}`);
    const before = new Map<number, bigint>();
    for (const { id, object } of raised) {
      const [at, ...more] = moments.get(id) ?? [];
      if (at === undefined) faults.push(`an event has not come to subscription ${number}`);
      else {
        if (more.length > 0) faults.push(`an event has come ${more.length + 1} times to subscription ${number}`);
        if (at < (before.get(object) ?? 0n)) faults.push(`subscription ${number} got an event of an object before an earlier one`);
        before.set(object, at);
        if (earliest === undefined || at < earliest) earliest = at;
        if (at > latest) latest = at;
      }
    }
  }
  return (count * SUBSCRIPTIONS * 1e9) / Number(latest - (earliest ?? 0n));
}

/** Tasks a second of a backfill, from the order to the last success. */
async function backfill(kind: 'loads' | 'shell tasks', place: Place): Promise<number> {
  const ids = place.tasks[kind];
  const send = sender(Number(new URL(urls.at(-1) ?? '').port), key);
  const day = '2026-01-15 00:00:00';
  const began = performance.now();
  const outcome = await send('RunCycleDagNodes', { Name: 'bench', ProjectEnv: 'PROD', RootNodeId: ids[0] ?? 0, IncludeNodeIds: ids.slice(1).join(','), StartBizDate: day, EndBizDate: day, Parallelism: false });
  if (outcome.kind !== 'acknowledged') throw new Error(`the backfill was not made: ${JSON.stringify(outcome)}`);
  for (;;) {
    const row = await database.row<{ open: number; failed: number; count: number }>(
      `select count(*) as count, count(*) filter (where status not in ('Success', 'Failure')) as open, count(*) filter (where status = 'Failure') as failed from task_instance where dag_id = any($1::bigint[])`,
      [[outcome.data].flat()],
    );
    if (row === undefined || row.failed > 0) throw new Error('a task of the bench has failed');
    if (row.open === 0 && row.count === ids.length) return ids.length / ((performance.now() - began) / 1_000);
    await pause(5);
  }
}

/** What must hold of everything that was written, whatever process wrote it. */
async function audit(place: Place): Promise<void> {
  // What the schedule makes for tomorrow may wait; all that the bench ordered has ended.
  faults.push(...(await auditInvariants(database, 86_400_000)));
  for (const { fileId, next } of place.files) {
    const row = await database.row<{ content: string; revision: number }>('select content, revision from node where id = $1', [fileId]);
    // The first revision is the file as it was created.
    if (row?.content !== `echo ${next - 1}` || row.revision !== next) faults.push(`file ${fileId} has revision ${row?.revision} and the content ${row?.content} after ${next - 1} writes`);
  }
  const twice = await one(database, `select count(*) as count from (select 1 from delivery_attempt where outcome = 'succeeded' group by subscription_id, event_id having count(*) > 1) as t`);
  if (twice > 0) faults.push(`${twice} events were delivered twice`);
  const again = await one(database, `select count(*) as count from task_run where attempt > 1 or outcome <> 'Success'`);
  if (again > 0) faults.push(`${again} runs were lost or repeated`);
  const early = await one(database, `select count(*) as count from instance_edge e join task_instance d on d.id = e.downstream_id join task_instance u on u.id = e.upstream_id where d.begin_running_at < u.finished_at`);
  if (early > 0) faults.push(`${early} instances ran before their upstreams had succeeded`);
  const [writes, events, attempts, instances] = [
    place.files.reduce((sum, file) => sum + file.next - 1, 0),
    await one(database, 'select count(*) as count from event'),
    await one(database, `select count(*) as count from delivery_attempt where outcome = 'succeeded'`),
    await one(database, 'select count(*) as count from task_instance'),
  ];
  console.log(`audited: ${writes} writes, ${events} events, ${attempts} deliveries, ${instances} instances: ${faults.length === 0 ? 'nothing lost, nothing twice, every object in its order' : `${faults.length} faults`}`);
}

async function one(db: Database, text: string): Promise<number> {
  return (await db.row<{ count: number }>(text))?.count ?? 0;
}
