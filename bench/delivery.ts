/**
 * Push delivery, side by side in one run on one PostgreSQL, in interleaved rounds. Everybody does the same job: a business row and the enqueueing in one
 * transaction, a wake-up, a signed POST to a receiver in another process, a durable row for it. Ours also keeps the order of each object.
 *
 *   throughput   Millrace, graphile-worker, pg-boss, BullMQ and the bare limit with one and ten subscriptions: at least 2.5 and 5 times the rate of
 *                graphile-worker and pg-boss used as documented, and 1,000 deliveries/s. Told beside it: these with our own way of gathering put around them, and
 *                BullMQ on Redis (with the flush each second that it advises, and with the flush before each answer that a commit of PostgreSQL has) and on
 *                PostgreSQL. BullMQ adds its jobs after the commit, since neither takes part in the transaction
 *   latency      commit to receiver at 200 events/s with one subscription: p95 under 15 ms
 *   disturbed    ten targets of which one hangs and one fails: p95 of the other eight within 1.2 of the undisturbed run
 *
 * Run: `npm run bench -- delivery [--part throughput|latency|disturbed] [--rounds 3] [--seconds 4]`. DATABASE_URL names an empty database;
 * without it an embedded PostgreSQL is started. Redis is that of REDIS_URL, or a redis-server or valkey-server of the search path; without one BullMQ runs
 * on PostgreSQL only. BullMQ is installed under bench/peers the first time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDatabase } from '../server/kernel/database.ts';
import { limits } from '../server/kernel/limits.ts';
import { createOutbound } from '../server/kernel/outbound.ts';
import { connectionUrl } from '../server/kernel/postgres/connection.ts';
import { startEmbeddedPostgres } from '../server/kernel/postgres/supervisor.ts';
import { prepareDatabase } from '../server/modules.ts';
import { startReceiver } from './delivery/arrivals.ts';
import { pathOf, type Engine, type Ground } from './delivery/engine.ts';
import { latency, median, quantile, throughput } from './delivery/measure.ts';
import { bullOnPostgres, bullOnRedis, type BullMq, type IoRedis } from './delivery/bullmq.ts';
import { own } from './delivery/own.ts';
import { bare, graphile, pgBoss, relaxedAddress } from './delivery/peers.ts';
import { findRedis, type Redis } from './delivery/redis.ts';
import { preparePeers } from './peers/peers.ts';

const WANTED_RATIO = new Map([
  [1, 2.5],
  [10, 5],
]);
const LEAST_DELIVERIES = 1_000;
const MOST_P95_MS = 15;
const MOST_DISTURBANCE = 1.2;
const PACED_RATE = 200;
/** Times ten targets. */
const DISTURBED_RATE = 50;

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: { part: { type: 'string', multiple: true }, rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '4' } },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const wants = (part: string) => values.part === undefined || values.part.includes(part);

const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
const given = process.env['DATABASE_URL'];
const postgres = given === undefined ? await startEmbeddedPostgres({ dataDir: folder, log: () => {} }) : undefined;
const connection = given ?? (postgres === undefined ? '' : connectionUrl(postgres.connection));
const database = openDatabase({ connection, connections: limits.databaseConnections.value });
const relaxed = openDatabase({ connection: relaxedAddress(connection), connections: 4 });
const outbound = createOutbound({ allowLoopback: true, allowed: [] });
const arrivals = await startReceiver();
let redis: Redis | undefined;
let missed = 0;
try {
  await prepareDatabase(database, new Date());
  await database.run('create table bench_row (id bigint generated always as identity primary key, body text)');
  await database.run('create table bench_attempt (id bigint generated always as identity primary key, event_id uuid, path text, object_key text, duration_ms integer, at timestamptz)');
  const ground: Ground = { connection, database, relaxed, outbound, url: arrivals.url };
  const ours = own(ground, 'enqueue');
  const whole = own(ground, 'change');
  const bulls = wants('throughput') || wants('latency') ? await bullEngines(ground) : [];
  if (wants('throughput')) {
    const others = [await graphile(ground, 'documented'), await pgBoss(ground, 'documented'), await graphile(ground, 'gathered'), await pgBoss(ground, 'gathered'), ...bulls];
    await compareThroughput([ours, whole, ...others, bare(ground)]);
  }
  if (wants('latency')) await measureLatency([ours, whole, ...bulls, bare(ground)]);
  if (wants('disturbed')) await measureDisturbance();

  /** None of them, with a line that says why, where they cannot be had. */
  async function bullEngines(on: Ground): Promise<Engine[]> {
    try {
      const load = await preparePeers();
      const bull = load<BullMq>('bullmq');
      redis = await findRedis(process.env);
      if (redis === undefined) {
        console.log('no Redis was found (REDIS_URL, redis-server, valkey-server): BullMQ runs on PostgreSQL only');
        return [await bullOnPostgres(on, bull)];
      }
      const client = load<IoRedis>('ioredis');
      const found = redis;
      const onRedis = found.own
        ? [await bullOnRedis(on, bull, client, found, 'documented', 'everysec'), await bullOnRedis(on, bull, client, found, 'documented', 'always'), await bullOnRedis(on, bull, client, found, 'gathered', 'everysec')]
        : [await bullOnRedis(on, bull, client, found, 'documented', 'everysec'), await bullOnRedis(on, bull, client, found, 'gathered', 'everysec')];
      return [...onRedis, await bullOnPostgres(on, bull)];
    } catch (error) {
      console.log(`BullMQ is left out: ${error instanceof Error ? error.message : String(error)}`);
      return [];
    }
  }

  async function compareThroughput(engines: readonly Engine[]): Promise<void> {
    // Once each, unmeasured: the first to run would pay for compiling what all share.
    for (const engine of engines) await throughput(engine, arrivals, 1, 1);
    for (const subscriptions of WANTED_RATIO.keys()) {
      const rates = new Map<string, number[]>(engines.map((engine) => [engine.name, []]));
      for (let round = 0; round < rounds; round += 1) {
        // Each round begins with another one, so that a drift of the machine falls on all.
        for (let turn = 0; turn < engines.length; turn += 1) {
          const engine = engines[(round + turn) % engines.length];
          if (engine === undefined) continue;
          await database.run('vacuum analyze');
          rates.get(engine.name)?.push(await throughput(engine, arrivals, subscriptions, seconds));
        }
        console.log(`${subscriptions} subscription(s), round ${round + 1}: ${engines.map(({ name }) => `${name} ${rates.get(name)?.at(-1)?.toFixed(0)}/s`).join(', ')}`);
      }
      const rateOf = (name: string) => median(rates.get(name) ?? []);
      const mine = rateOf(ours.name);
      const wanted = WANTED_RATIO.get(subscriptions) ?? 1;
      for (const { name } of engines) {
        if (name === ours.name) continue;
        const ratio = median((rates.get(ours.name) ?? []).map((rate, round) => rate / (rates.get(name)?.[round] ?? Number.NaN)));
        const judged = !name.endsWith('documented') ? ' (told, not judged)' : judge(ratio >= wanted, `wanted ${wanted}`);
        console.log(`  ${subscriptions} subscription(s): Millrace ${mine.toFixed(0)} deliveries/s, ${name} ${rateOf(name).toFixed(0)}/s, ratio ${ratio.toFixed(2)}${judged}`);
      }
      console.log(`  ${subscriptions} subscription(s): ${mine.toFixed(0)} deliveries/s${judge(mine >= LEAST_DELIVERIES, `wanted ${LEAST_DELIVERIES}`)}`);
    }
  }

  async function measureLatency(engines: readonly Engine[]): Promise<void> {
    const p95 = new Map<string, number[]>(engines.map((engine) => [engine.name, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const engine of round % 2 === 0 ? engines : engines.toReversed()) {
        await engine.start(1);
        await latency(engine, arrivals, { rate: PACED_RATE, seconds: 1, targets: 1, path: '/ok' });
        const times = await latency(engine, arrivals, { rate: PACED_RATE, seconds, targets: 1, path: '/ok' });
        await engine.stop();
        p95.get(engine.name)?.push(quantile(times, 0.95));
        console.log(`latency at ${PACED_RATE} events/s, round ${round + 1}: ${engine.name} p50 ${quantile(times, 0.5).toFixed(2)}, p95 ${quantile(times, 0.95).toFixed(2)}, p99 ${quantile(times, 0.99).toFixed(2)} ms`);
      }
    }
    const mine = median(p95.get(ours.name) ?? []);
    console.log(`  commit to receiver at ${PACED_RATE} events/s: p95 ${mine.toFixed(2)} ms${judge(mine < MOST_P95_MS, `limit ${MOST_P95_MS}`)}, bare ${median(p95.get('bare insert and POST') ?? []).toFixed(2)} ms`);
  }

  async function measureDisturbance(): Promise<void> {
    const undisturbed = Array.from({ length: 10 }, (_, at) => (at < 8 ? pathOf(at) : `/ok-other/${at}`));
    const disturbed = [...undisturbed.slice(0, 8), '/hang', '/fail'];
    const p95 = { undisturbed: [] as number[], disturbed: [] as number[] };
    const one = async (kind: 'undisturbed' | 'disturbed') => {
      await ours.startAt(kind === 'undisturbed' ? undisturbed : disturbed);
      const targets = kind === 'undisturbed' ? 10 : 8;
      await latency(ours, arrivals, { rate: DISTURBED_RATE, seconds: 2, targets, path: '/ok/' });
      const times = await latency(ours, arrivals, { rate: DISTURBED_RATE, seconds: seconds * 2, targets, path: '/ok/' });
      await ours.stop();
      p95[kind].push(quantile(times, 0.95));
    };
    for (let round = 0; round < rounds; round += 1) {
      for (const kind of round % 2 === 0 ? (['undisturbed', 'disturbed'] as const) : (['disturbed', 'undisturbed'] as const)) await one(kind);
      console.log(`ten targets at ${DISTURBED_RATE} events/s, round ${round + 1}: p95 of the eight ${p95.undisturbed.at(-1)?.toFixed(2)} ms undisturbed, ${p95.disturbed.at(-1)?.toFixed(2)} ms with one hanging and one failing`);
    }
    const ratio = median(p95.disturbed.map((value, round) => value / (p95.undisturbed[round] ?? Number.NaN)));
    console.log(`  one hanging and one failing among ten: p95 of the eight ${median(p95.disturbed).toFixed(2)} ms, undisturbed ${median(p95.undisturbed).toFixed(2)} ms, ratio ${ratio.toFixed(2)}${judge(ratio <= MOST_DISTURBANCE, `limit ${MOST_DISTURBANCE}`)}`);
  }
} finally {
  arrivals.stop();
  await redis?.stop();
  await outbound.close();
  await relaxed.close();
  await database.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}
if (missed > 0) process.exitCode = 1;
// graphile-worker and pg-boss leave timers behind.
process.exit();

function judge(kept: boolean, wanted: string): string {
  if (!kept) missed += 1;
  return ` (${wanted}: ${kept ? 'kept' : 'MISSED'})`;
}
