/**
 * The built-in Kafka listener, with consumers in processes of their own:
 *
 *   read        events a second that one consumer reads from a warm log (limit 50,000), and from a cold one, beside one that reads the table straight
 *   latency     from the acknowledged commit of a change to its consumer at 200 events/s: p95 under 20 ms
 *   rebalance   100 rebalances of a group of 5 under load: no event skipped, the order of each object kept
 *
 * Run: `node bench/kafka.ts [read|latency|rebalance|all] [events or seconds or rounds]`. DATABASE_URL names an empty database; without it an embedded PostgreSQL is started.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase } from '../server/kernel/database.ts';
import type { Log } from '../server/kernel/log.ts';
import { connectionUrl } from '../server/kernel/postgres/connection.ts';
import { startEmbeddedPostgres } from '../server/kernel/postgres/supervisor.ts';
import { prepareDatabase } from '../server/modules.ts';
import { kafkaPlace } from '../server/openevent/kafka/kafka.fixture.ts';
import type { Task, Told } from './kafka/consumer.ts';
import type { StraightTask } from './kafka/straight.ts';

const LEAST_RATE = 50_000;
const MOST_P95_MS = 20;
const RATE = 200;
const KEYS = 200;
/** Events in a page of the reader of the table, which makes it about as quick as it gets. */
const PAGE = 2_000;

const [what = 'all', sizeText] = process.argv.slice(2);
const size = sizeText === undefined ? undefined : Number(sizeText);

const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
const given = process.env['DATABASE_URL'];
const postgres = given === undefined ? await startEmbeddedPostgres({ dataDir: folder, log: () => {} }) : undefined;
const url = given ?? (postgres === undefined ? '' : connectionUrl(postgres.connection));
const setup = openDatabase({ connection: url, connections: 2 });
await prepareDatabase(setup, new Date());
const log: Log = { debug() {}, info() {}, warn: (detail, message) => console.error(message, detail), error: (detail, message) => console.error(message, detail) };
const place = await kafkaPlace(url, { log, validatePayloads: false });
const listener = await place.listen();
const user = await place.user();
const children = new Set<ChildProcess>();

try {
  if (what === 'read' || what === 'all') await read(size ?? 60_000);
  if (what === 'latency' || what === 'all') await latency(size ?? 15);
  if (what === 'rebalance' || what === 'all') await rebalance(size ?? 100);
} finally {
  for (const child of children) child.kill('SIGKILL');
  await place.close();
  await setup.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}

function consume(task: Omit<Task, 'broker' | 'user' | 'password' | 'topic'>, hear: (told: Told) => void): { stop(): Promise<void>; kill(): void } {
  const child = fork(join(import.meta.dirname, 'kafka/consumer.ts'));
  children.add(child);
  child.on('message', hear);
  child.send({ ...task, broker: listener.broker, user: user.login, password: user.password, topic: 'dataworks.all' } satisfies Task);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      children.delete(child);
      resolve();
    });
  });
  return {
    async stop() {
      if (child.connected) child.send('stop');
      await ended;
    },
    kill: () => child.kill('SIGKILL'),
  };
}

/** Events of about 600 bytes as records, written in pages as changes would. */
async function fill(count: number): Promise<void> {
  for (let begun = 0; begun < count; begun += 1_000) {
    await setup.run(
      `insert into event (position, event_id, tenant_id, workspace_id, code, type, object_key, data, occurred_at, actor_id)
       select pg_current_xact_id()::text::bigint, gen_random_uuid(), 1, 11, 'commit-file', 'dataworks:FileChange:CommitFile', 'file:' || (n % ${KEYS}),
         jsonb_build_object('projectId', 11, 'fileId', n, 'fileName', 'file ' || n, 'operator', n::text, 'tenantId', 1, 'eventCode', 'commit-file', 'filePath', repeat('x', 100)), now(), 1
       from generate_series($1::bigint, $2::bigint) as n`,
      [begun, Math.min(begun + 1_000, count) - 1],
    );
  }
  listener.wake();
  await place.until('all have their offsets', async () => ((await setup.row<{ sum: number }>('select coalesce(sum(next_offset), 0) as sum from kafka_counter where workspace_id = -1'))?.sum ?? 0) >= count, 120_000);
}

async function read(count: number): Promise<void> {
  const began = performance.now();
  await fill(count);
  console.log(`${count} events written and given offsets in ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  const one = (client: Task['client'], group: string) =>
    new Promise<number>((resolve) => {
      const consumer = consume({ client, group, count }, (told) => {
        if (told.kind === 'read') void consumer.stop().then(() => resolve((told.records / told.milliseconds) * 1_000));
      });
    });
  const straight = () =>
    new Promise<number>((resolve, reject) => {
      const child = fork(join(import.meta.dirname, 'kafka/straight.ts'));
      children.add(child);
      child.once('exit', (code) => {
        children.delete(child);
        reject(new Error(`the reader of the table ended with ${code ?? 'a signal'}`));
      });
      child.once('message', (told: { readonly records: number; readonly milliseconds: number }) => resolve((told.records / told.milliseconds) * 1_000));
      child.send({ url, count, page: PAGE } satisfies StraightTask);
    });
  console.log(`cold, @platformatic/kafka: ${Math.round(await one('@platformatic/kafka', 'cold'))} events/s`);
  const rates: number[] = [];
  const others: number[] = [];
  const tables: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    rates.push(await one('@platformatic/kafka', `warm-${round}`));
    others.push(await one('kafkajs', `warm-kafkajs-${round}`));
    tables.push(await straight());
    console.log(`round ${round + 1}, warm: @platformatic/kafka ${Math.round(rates.at(-1) ?? 0)} events/s, kafkajs ${Math.round(others.at(-1) ?? 0)} events/s, the table straight ${Math.round(tables.at(-1) ?? 0)} events/s`);
  }
  // The rate is the slower one's of server and client; so the quicker client tells more about the server.
  const middle = Math.max(quantile(rates, 0.5), quantile(others, 0.5));
  console.log(`one consumer from a warm log, medians of 5: @platformatic/kafka ${Math.round(quantile(rates, 0.5))}, kafkajs ${Math.round(quantile(others, 0.5))} events/s (limit ${LEAST_RATE})`);
  console.log(`the table straight, median of 5: ${Math.round(quantile(tables, 0.5))} events/s; ratio ${(middle / quantile(tables, 0.5)).toFixed(2)}`);
  if (middle < LEAST_RATE) process.exitCode = 1;
}

async function latency(seconds: number): Promise<void> {
  const arrivals = new Map<string, bigint>();
  let joined = false;
  const consumer = consume({ client: '@platformatic/kafka', group: 'latency', count: undefined }, (told) => {
    if (told.kind === 'joined') joined = true;
    if (told.kind === 'record') arrivals.set(told.id, BigInt(told.at));
  });
  await place.until('the consumer has joined', () => joined);
  const committed = new Map<string, bigint>();
  const go = async (count: number) => {
    const running: Promise<void>[] = [];
    const began = performance.now();
    for (let number = 0; number < count; number += 1) {
      await pause(Math.max(0, began + (number * 1_000) / RATE - performance.now()));
      running.push(
        (async () => {
          const id = await place.raise(`file:${number % KEYS}`, number);
          committed.set(id, process.hrtime.bigint());
        })(),
      );
    }
    await Promise.all(running);
    await place.until('all have come', () => [...committed.keys()].every((id) => arrivals.has(id)));
  };
  await go(RATE * 2);
  committed.clear();
  await go(RATE * seconds);
  await consumer.stop();
  const times = [...committed].map(([id, at]) => Math.max(0, Number((arrivals.get(id) ?? at) - at) / 1e6));
  const p95 = quantile(times, 0.95);
  console.log(`commit to consumer at ${RATE} events/s, ${seconds} s: p50 ${quantile(times, 0.5).toFixed(2)}, p95 ${p95.toFixed(2)} (limit ${MOST_P95_MS}), p99 ${quantile(times, 0.99).toFixed(2)}, max ${Math.max(...times).toFixed(2)} ms`);
  if (p95 > MOST_P95_MS) process.exitCode = 1;
}

/** Members come and go, one in four by kill; the events of each object are numbered, so that a gap or a wrong order shows. */
async function rebalance(rounds: number): Promise<void> {
  const seen = new Map<string, { highest: number; numbers: Set<number> }>();
  let records = 0;
  let faults = 0;
  let joins = 0;
  const hear = (told: Told) => {
    if (told.kind === 'joined') joins += 1;
    if (told.kind !== 'record' || !told.key.startsWith('rebalance:')) return;
    records += 1;
    const key = seen.get(told.key) ?? { highest: -1, numbers: new Set<number>() };
    seen.set(told.key, key);
    if (told.number > key.highest + 1) faults += 1;
    key.highest = Math.max(key.highest, told.number);
    key.numbers.add(told.number);
  };
  const member = () => consume({ client: 'kafkajs', group: 'rebalance', count: undefined }, hear);
  const members = [0, 1, 2, 3, 4].map(() => member());
  const raised = new Map<string, number>();
  const halt = new AbortController();
  const load = (async () => {
    for (let number = 0; !halt.signal.aborted; number += 1) {
      const key = `rebalance:${number % 40}`;
      const next = raised.get(key) ?? 0;
      raised.set(key, next + 1);
      await changeOf(key, next);
      await pause(4);
    }
  })();
  await place.until('all five have joined', () => joins >= 5, 60_000);
  const generation = async () => (await setup.row<{ modified: string }>(`select modified_at::text as modified from kafka_group where group_id = 'rebalance' and state = 'Stable'`))?.modified;
  const began = performance.now();
  for (let round = 0; round < rounds; round += 1) {
    const before = await generation();
    const records0 = records;
    const old = members.shift();
    if (round % 4 === 3) old?.kill();
    else await old?.stop();
    members.push(member());
    await place.until(`round ${round}: the group is stable again`, async () => {
      const now = await generation();
      return now !== undefined && now !== before;
    }, 60_000);
    await place.until(`round ${round}: records come`, () => records > records0, 60_000);
    if ((round + 1) % 10 === 0) console.log(`  ${round + 1} rounds, ${records} records, ${((performance.now() - began) / 1_000).toFixed(0)} s`);
  }
  halt.abort();
  await load;
  const total = [...raised.values()].reduce((sum, count) => sum + count, 0);
  const distinct = () => [...seen.values()].reduce((sum, key) => sum + key.numbers.size, 0);
  await place.until('all have come', () => distinct() >= total, 60_000).catch(() => {});
  await Promise.all(members.map((one) => one.stop()));
  console.log(`${rounds} rebalances of a group of 5 under load: ${total} events raised, ${total - distinct()} skipped, ${faults} out of order within an object, ${records - distinct()} came again`);
  if (distinct() !== total || faults > 0) process.exitCode = 1;
}

async function changeOf(object: string, number: number): Promise<void> {
  await place.changes.change({ tenantId: 1, userId: 0, action: 'bench', requestId: undefined, sourceAddress: undefined }, async (change) =>
    change.raise({ code: 'commit-file', workspaceId: 11, objectKey: object, data: { projectId: 11, operator: String(number) } }),
  );
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
