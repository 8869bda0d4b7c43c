/**
 * The real server under a steady load for hours: calls that write, runs of tasks, push to targets of which one is dead. Memory, table and index sizes, lag and
 * latency are sampled, written as CSV, and drawn.
 *
 *     npm run soak -- --hours 8
 *     npm run soak -- --hours 0.1 --out docs/soak        the files are docs/soak.csv and docs/soak.svg
 *
 * Ends with 1 when what should stay flat grew: the memory of the server, tables that are no logs, or the lag of a healthy target.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openDatabase, type Database } from '../../server/kernel/database.ts';
import { removeEmbeddedPostgres, startEmbeddedPostgres } from '../../server/kernel/postgres/supervisor.ts';
import { freePort } from '../chaos/server.ts';
import { emptyLedger, prepareFiles, sender, type Send } from '../chaos/writers.ts';
import { signV3 } from '../support/sign.ts';
import { drawPanels, slope } from './graph.ts';

const { values } = parseArgs({ options: { hours: { type: 'string', default: '1' }, out: { type: 'string', default: join(import.meta.dirname, '..', '..', 'docs', 'soak') }, rate: { type: 'string', default: '20' } } });
const lengthMs = Number(values.hours) * 3_600_000;
const rate = Number(values.rate);
if (!(lengthMs > 0) || !(rate > 0)) {
  process.stderr.write('usage: npm run soak -- --hours <number> [--rate <writes a second>] [--out <path without ending>]\n');
  process.exit(2);
}
/** About 400 samples, and at least one every five seconds at the beginning. */
const sampleMs = Math.max(2_000, Math.min(60_000, lengthMs / 400));
const key = { accessKeyId: 'LTAI5tOfTheSoakExample01', accessKeySecret: 'soakExample0123456789abcdefgh' };
/** Tables that keep what happened until its time is over, or what a dead target is owed; the others should stay as small as what is there. */
const LOGS =
  /^(?:ad_hoc_code|alert_message|async_job|audit|call_count|call_log|dag_operation|dag_run|delivery_attempt|delivery_parked|deployment|deployment_(?:check|item|stage)|event|event_deadline_wait|hold|hold_(?:approval|approval_decision|check)|idempotency|instance_edge|job|kafka_index|kafka_record|node_version|nonce|refused_callback|schedule_operation|snapshot|task_instance|task_log|task_run|task_version|workspace_removal)$/;

interface Sample {
  readonly minute: number;
  readonly serverMb: number;
  readonly postgresMb: number;
  readonly logTablesMb: number;
  readonly logIndexesMb: number;
  readonly otherTablesMb: number;
  readonly otherIndexesMb: number;
  readonly events: number;
  readonly lagEvents: number;
  readonly parked: number;
  readonly callP50: number;
  readonly callP95: number;
  readonly deliveryP50: number;
  readonly deliveryP95: number;
}

const folder = await mkdtemp(join(tmpdir(), 'millrace-soak-'));
const port = await freePort();
const server = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '..', '..', 'server', 'main.ts')], {
  stdio: ['ignore', 'ignore', 'inherit'],
  env: { ...process.env, DATABASE_URL: '', MILLRACE_DATA: folder, MILLRACE_PORT: String(port), MILLRACE_SAMPLE: 'off', MILLRACE_LOG_LEVEL: 'error', MILLRACE_ADMIN_ACCESS_KEY_ID: key.accessKeyId, MILLRACE_ADMIN_ACCESS_KEY_SECRET: key.accessKeySecret },
});

/** Milliseconds since the last sample. */
let deliveries: number[] = [];
let calls: number[] = [];
const receiver = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    if (request.url === '/dead') {
      response.writeHead(503).end();
      return;
    }
    const { time } = JSON.parse(Buffer.concat(parts).toString('utf8')) as { time: string };
    deliveries.push(Date.now() - Date.parse(time));
    response.end();
  });
});
receiver.listen(0, '127.0.0.1');
await once(receiver, 'listening');

const samples: Sample[] = [];
/** Of each sample, the size of each table with its indexes, bytes. */
const tableSizes: Map<string, number>[] = [];
let database: Database | undefined;
try {
  await ready();
  const postgres = await startEmbeddedPostgres({ dataDir: folder, log: () => {}, use: 'shared' });
  await postgres.leave();
  database = openDatabase({ connection: postgres.connection, connections: 2 });
  const timed = timedSender(sender(port, key));
  const files = await prepareFiles(timed, 'soak', emptyLedger());
  const { port: receiverPort } = receiver.address() as AddressInfo;
  for (const name of ['one', 'two', 'dead']) await own('CreateSubscription', { Name: name, Url: `http://127.0.0.1:${receiverPort}/${name}` });

  const began = Date.now();
  let written = 0;
  const writer = (async () => {
    for (let number = 0; Date.now() - began < lengthMs; number += 1) {
      const behind = began + (number * 1_000) / rate - Date.now();
      if (behind > 0) await pause(behind);
      written += 1;
      await writeOne(timed, number, files);
    }
  })();
  for (let due = began + sampleMs; Date.now() - began < lengthMs; due += sampleMs) {
    await pause(Math.max(0, Math.min(due, began + lengthMs) - Date.now()));
    samples.push(await sample(database, postgres.pid, (Date.now() - began) / 60_000));
  }
  await writer;
  await report(written);
} finally {
  await database?.close();
  if (server.exitCode === null) {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
  receiver.closeAllConnections();
  receiver.close();
  await removeEmbeddedPostgres(folder);
  await rm(folder, { recursive: true, force: true });
}

async function ready(): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (server.exitCode !== null) throw new Error('the server ended');
    if (await fetch(`http://127.0.0.1:${port}/readyz`).then((answer) => answer.ok, () => false)) return;
    await pause(100);
  }
  throw new Error('the server was not ready within a minute');
}

function timedSender(send: Send): Send {
  return async (action, parameters) => {
    const start = performance.now();
    const outcome = await send(action, parameters);
    calls.push(performance.now() - start);
    return outcome;
  };
}

/** A call of our own product. */
async function own(action: string, parameters: Readonly<Record<string, string>>): Promise<void> {
  const host = `127.0.0.1:${port}`;
  const draft = signV3(key, { version: '2026-12-01', action, host, query: [], contentType: 'application/x-www-form-urlencoded', body: Buffer.from(new URLSearchParams(parameters).toString()) });
  const answer = await fetch(`http://${host}/`, { method: 'POST', headers: draft.headers, body: draft.body.toString() });
  if (!answer.ok) throw new Error(`${action}: ${await answer.text()}`);
}

/** Mostly changes of code with their commit, now and then a deployment, a run, or a workspace that comes and goes. */
async function writeOne(send: Send, number: number, files: readonly { projectId: number; fileId: number; nodeId: number }[]): Promise<void> {
  const file = files[number % files.length];
  if (file === undefined) return;
  const place = { ProjectId: file.projectId, FileId: file.fileId };
  if (number % 50 === 49) {
    const made = await send('CreateProject', { ProjectIdentifier: `soak_${number}`, ProjectName: `soak_${number}`, ProjectMode: 2 });
    if (made.kind === 'acknowledged') await send('DeleteProject', { Id: Number(made.data) });
  } else if (number % 20 === 19) await send('RunSmokeTest', { ProjectEnv: 'PROD', NodeId: file.nodeId, Name: `run ${number}`, Bizdate: '2026-01-15 00:00:00' });
  else if (number % 10 === 9) await send('DeployFile', place);
  else if (number % 2 === 0) await send('UpdateFile', { ...place, Content: `echo ${number}` });
  else await send('SubmitFile', place);
}

async function sample(db: Database, postmaster: number, minute: number): Promise<Sample> {
  const [delivered, called] = [deliveries, calls];
  deliveries = [];
  calls = [];
  const sizes = await db.rows<{ name: string; tables: number; indexes: number }>(
    `select coalesce(p.relname, c.relname) as name, sum(pg_table_size(c.oid)) as tables, sum(pg_indexes_size(c.oid)) as indexes
     from pg_class c left join pg_inherits i on i.inhrelid = c.oid left join pg_class p on p.oid = i.inhparent where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' group by 1`,
  );
  tableSizes.push(new Map(sizes.map(({ name, tables, indexes }) => [name, tables + indexes])));
  const sum = (of: 'tables' | 'indexes', logs: boolean) => sizes.filter(({ name }) => LOGS.test(name) === logs).reduce((total, size) => total + size[of], 0) / 2 ** 20;
  const counts = await db.row<{ events: number; lag: number; parked: number }>(
    `select (select count(*) from event) as events, (select count(*) from delivery_parked) as parked,
       (select coalesce(max(lag), 0) from (select (select count(*) from event e where (e.position, e.id) > (c.position, c.row_id)) as lag
          from delivery_cursor c join subscription s on s.id = c.subscription_id where s.name <> 'dead') lags) as lag`,
  );
  return {
    minute,
    serverMb: residentMb(server.pid ?? 0),
    postgresMb: proportionalMb(postmaster),
    logTablesMb: sum('tables', true),
    logIndexesMb: sum('indexes', true),
    otherTablesMb: sum('tables', false),
    otherIndexesMb: sum('indexes', false),
    events: counts?.events ?? 0,
    lagEvents: counts?.lag ?? 0,
    parked: counts?.parked ?? 0,
    callP50: quantile(called, 0.5),
    callP95: quantile(called, 0.95),
    deliveryP50: quantile(delivered, 0.5),
    deliveryP95: quantile(delivered, 0.95),
  };
}

/** The tables that are no logs, with what each grew in an hour, the one that grew most first. */
function grownMost(): string {
  const half = Math.floor(tableSizes.length / 2);
  const [before, after] = [tableSizes[half], tableSizes.at(-1)];
  const hours = ((samples.at(-1)?.minute ?? 0) - (samples[half]?.minute ?? 0)) / 60;
  const grown = [...(after ?? [])].map(([name, size]) => ({ name, mb: (size - (before?.get(name) ?? 0)) / 2 ** 20 / hours })).filter(({ name, mb }) => !LOGS.test(name) && mb > 0);
  const most = grown.toSorted((a, b) => b.mb - a.mb).slice(0, 6);
  return most.map(({ name, mb }) => `${name} ${mb.toFixed(2)} MiB/h`).join(', ') || 'none';
}

function quantile(list: readonly number[], share: number): number {
  const sorted = list.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function residentMb(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
  } catch {
    return Number.NaN;
  }
}

/** PostgreSQL's processes together; pages that they share count once. */
function proportionalMb(postmaster: number): number {
  try {
    const own = readdirSync('/proc').map(Number).filter((pid) => Number.isSafeInteger(pid) && (pid === postmaster || parentOf(pid) === postmaster));
    return own.reduce((sum, pid) => sum + Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0), 0) / 1_024;
  } catch {
    return Number.NaN;
  }
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

async function report(written: number): Promise<void> {
  const names = Object.keys(samples[0] ?? {}) as (keyof Sample)[];
  const round = (value: number) => (Number.isFinite(value) ? String(Number(value.toFixed(3))) : '');
  await writeFile(`${values.out}.csv`, `${[names.join(','), ...samples.map((one) => names.map((name) => round(one[name])).join(','))].join('\n')}\n`);
  const column = (name: keyof Sample) => samples.map((one) => one[name]);
  const minutes = column('minute');
  const title = `Millrace under a steady load: ${rate} writes/s, 3 push targets of which one is dead (${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown CPU'})`;
  await writeFile(
    `${values.out}.svg`,
    drawPanels(title, minutes, [
      { title: 'Memory', unit: 'MiB', lines: [{ name: 'server', values: column('serverMb') }, { name: 'PostgreSQL', values: column('postgresMb') }] },
      { title: 'Tables and indexes that are no logs', unit: 'MiB', lines: [{ name: 'tables', values: column('otherTablesMb') }, { name: 'indexes', values: column('otherIndexesMb') }] },
      { title: 'Logs: what is kept for its time', unit: 'MiB', lines: [{ name: 'tables', values: column('logTablesMb') }, { name: 'indexes', values: column('logIndexesMb') }] },
      { title: 'Events that healthy targets lack, and parked ones', unit: 'events', lines: [{ name: 'lacking', values: column('lagEvents') }, { name: 'parked (dead)', values: column('parked') }] },
      { title: 'Latency', unit: 'ms', lines: [{ name: 'call, p95', values: column('callP95') }, { name: 'delivery, p95', values: column('deliveryP95') }, { name: 'delivery, p50', values: column('deliveryP50') }] },
    ]),
  );
  const last = samples.at(-1);
  const middle = (name: keyof Sample) => quantile(column(name).filter(Number.isFinite), 0.5);
  const perHour = (name: keyof Sample) => slope(minutes, column(name), 0.5) * 60;
  console.log(`${(lengthMs / 60_000).toFixed(1)} minutes, ${written} writes, ${last?.events} events, ${samples.length} samples`);
  console.log(`server: median ${middle('serverMb').toFixed(0)} MiB, ${perHour('serverMb').toFixed(1)} MiB/h in the second half; PostgreSQL: median ${middle('postgresMb').toFixed(0)} MiB`);
  console.log(`tables and indexes that are no logs: ${((last?.otherTablesMb ?? 0) + (last?.otherIndexesMb ?? 0)).toFixed(1)} MiB, ${(perHour('otherTablesMb') + perHour('otherIndexesMb')).toFixed(2)} MiB/h; logs: ${((last?.logTablesMb ?? 0) + (last?.logIndexesMb ?? 0)).toFixed(1)} MiB`);
  console.log(`grew most in the second half: ${grownMost()}`);
  console.log(`lacking at healthy targets: median ${middle('lagEvents')}, most ${Math.max(...column('lagEvents'))}; call p95 ${middle('callP95').toFixed(1)} ms; delivery p50 ${middle('deliveryP50').toFixed(1)} ms, p95 ${middle('deliveryP95').toFixed(1)} ms`);
  console.log(`${values.out}.csv, ${values.out}.svg`);
  // A short run is warming up: it can show that the graph is drawn, and nothing else.
  if (lengthMs < 1_800_000) return;
  const grew = [
    ...(perHour('serverMb') > middle('serverMb') * 0.05 ? ['the memory of the server'] : []),
    ...(perHour('lagEvents') > 10 ? ['the lag of healthy targets'] : []),
    ...(perHour('otherTablesMb') + perHour('otherIndexesMb') > 5 ? ['tables that are no logs'] : []),
  ];
  if (grew.length === 0) return;
  console.log(`NOT FLAT: ${grew.join(', ')}`);
  process.exitCode = 1;
}
