/**
 * How long an event is under way: from the acknowledged commit of a change to its HTTP receiver in another process, at a paced rate, beside the
 * floor of a bare insert followed by a POST, with no log, order, signature or attempt row. Limit: p50 under 5 ms, p99 under 25 ms at 100 events/s.
 * Run: `node bench/delivery.ts [rounds] [seconds a round] [events a second] [subscriptions]`. DATABASE_URL names an empty database; without it an embedded PostgreSQL is started.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createChanges, platformActor } from '../server/kernel/change.ts';
import { systemClock } from '../server/kernel/clock.ts';
import { openDatabase } from '../server/kernel/database.ts';
import { randomIds } from '../server/kernel/ids.ts';
import { limits } from '../server/kernel/limits.ts';
import type { Log } from '../server/kernel/log.ts';
import { createOutbound } from '../server/kernel/outbound.ts';
import { connectionUrl } from '../server/kernel/postgres/connection.ts';
import { startEmbeddedPostgres } from '../server/kernel/postgres/supervisor.ts';
import { secretBox } from '../server/kernel/secrets.ts';
import { prepareDatabase } from '../server/modules.ts';
import { secretFrom } from '../server/openevent/delivery/signature.ts';
import { createEventLog, createOpenEvent } from '../server/openevent/index.ts';
import { insertSubscription, nextSubscriptionId, secretPurpose } from '../server/openevent/store.ts';
import type { Arrival } from './delivery/receiver.ts';

const MOST_P50_MS = 5;
const MOST_P99_MS = 25;
const [rounds = 3, seconds = 5, rate = 100, subscriptions = 1] = process.argv.slice(2).map(Number);
const TENANT = 1;
const KEYS = 50;

const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
const given = process.env['DATABASE_URL'];
const postgres = given === undefined ? await startEmbeddedPostgres({ dataDir: folder, log: () => {} }) : undefined;
const database = openDatabase({ connection: given ?? connectionUrl((postgres ?? fail()).connection), connections: limits.databaseConnections.value });
const receiver = fork(join(import.meta.dirname, 'delivery/receiver.ts'));
const outbound = createOutbound({ allowLoopback: true, allowed: [] });
try {
  const [{ port }] = (await once(receiver, 'message')) as [{ port: number }];
  const url = `http://127.0.0.1:${port}/`;
  await prepareDatabase(database, new Date());
  await database.run('create table bench (id bigint generated always as identity primary key, body text)');

  const log: Log = { debug() {}, info() {}, warn: (detail, message) => console.error(message, detail), error: (detail, message) => console.error(message, detail) };
  const events = createEventLog({ database, validatePayloads: false });
  const changes = createChanges({ database, clock: systemClock, ids: randomIds, events });
  const secrets = secretBox(randomBytes(32));
  const directory = { find: async () => undefined, byId: async () => undefined, rolesOf: async () => [] };
  const { delivery } = createOpenEvent({ database, changes, events, clock: systemClock, ids: randomIds, secrets, log, directory, outbound, defaultRegion: 'local', publishAddress: '127.0.0.1' });
  for (let number = 0; number < subscriptions; number += 1) await subscribe(`bench ${number}`);
  await delivery.start();

  const arrivals = new Map<string, bigint[]>();
  let arrived = 0;
  receiver.on('message', ({ id, at }: Arrival) => {
    arrived += 1;
    const list = arrivals.get(id);
    if (list === undefined) arrivals.set(id, [BigInt(at)]);
    else list.push(BigInt(at));
  });

  /** A change with a row and an event. The engine does the rest. */
  const raise = async (number: number): Promise<string> =>
    changes.change(platformActor('bench', TENANT), async (change) => {
      await change.run('insert into bench (body) values ($1)', ['x'.repeat(200)]);
      return change.raise({ code: 'commit-file', workspaceId: 1, objectKey: `file:${number % KEYS}`, data: { projectId: 1, fileId: number % KEYS, operator: 'bench' } });
    });
  /** The floor: the same row, then the same POST, straight after the commit. */
  const post = async (id: string): Promise<void> => {
    const body = JSON.stringify({ id, type: 'dataworks:FileChange:CommitFile', data: { projectId: 1, fileId: 1, operator: 'bench' } });
    await outbound.request({ method: 'POST', url, headers: { 'content-type': 'application/json', 'webhook-id': id }, body, timeoutMs: 15_000 });
  };
  const bare = async (): Promise<string> => {
    await database.transaction((tx) => tx.run('insert into bench (body) values ($1)', ['x'.repeat(200)]));
    return randomIds.eventId();
  };

  const measure = async (kind: 'log' | 'bare'): Promise<number[]> => {
    const committed = new Map<string, bigint>();
    const copies = kind === 'log' ? subscriptions : 1;
    const target = arrived + rate * seconds * copies;
    const running: Promise<void>[] = [];
    const began = performance.now();
    for (let number = 0; number < rate * seconds; number += 1) {
      await pause(Math.max(0, began + (number * 1_000) / rate - performance.now()));
      running.push(
        (async () => {
          const id = kind === 'log' ? await raise(number) : await bare();
          committed.set(id, process.hrtime.bigint());
          if (kind === 'bare') await post(id);
        })(),
      );
    }
    await Promise.all(running);
    const missing = () => target - arrived;
    const deadline = Date.now() + 30_000;
    while (missing() > 0) {
      if (Date.now() > deadline) throw new Error(`${missing()} events did not arrive`);
      await pause(10);
    }
    // An event can be at the receiver before this process has read its own acknowledgement.
    return [...committed].flatMap(([id, at]) => (arrivals.get(id) ?? []).map((arrival) => Math.max(0, Number(arrival - at) / 1e6)));
  };

  await measure('log');
  await measure('bare');
  const results: { log: number[]; bare: number[] }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const first = round % 2 === 0 ? { log: await measure('log'), bare: await measure('bare') } : { bare: await measure('bare'), log: await measure('log') };
    results.push(first);
    console.log(`round ${round + 1}: event log ${show(first.log)}, bare insert and POST ${show(first.bare)}`);
  }
  const p50 = median(results.map((one) => quantile(one.log, 0.5)));
  const p99 = median(results.map((one) => quantile(one.log, 0.99)));
  const floor50 = median(results.map((one) => quantile(one.bare, 0.5)));
  const floor99 = median(results.map((one) => quantile(one.bare, 0.99)));
  console.log(
    `commit to receiver at ${rate} events/s, ${subscriptions} subscription(s), medians of ${rounds} rounds of ${seconds} s: ` +
      `p50 ${p50.toFixed(2)} ms (limit ${MOST_P50_MS}), p99 ${p99.toFixed(2)} ms (limit ${MOST_P99_MS}); floor p50 ${floor50.toFixed(2)} ms, p99 ${floor99.toFixed(2)} ms`,
  );
  if (p50 > MOST_P50_MS || p99 > MOST_P99_MS) process.exitCode = 1;
  await delivery.stop();

  async function subscribe(name: string): Promise<void> {
    await changes.change(platformActor('bench', TENANT), async (change) => {
      const id = await nextSubscriptionId(change);
      const secret = secrets.seal(secretFrom(randomBytes(32)), secretPurpose(id));
      await insertSubscription(change, { id, tenant_id: TENANT, workspace_id: null, name, url, types: [], secret, enabled: true, created_by: 0 }, await events.end(change), change.now);
    });
  }
} finally {
  receiver.kill('SIGTERM');
  await outbound.close();
  await database.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function show(values: readonly number[]): string {
  return `p50 ${quantile(values, 0.5).toFixed(2)} p99 ${quantile(values, 0.99).toFixed(2)} max ${Math.max(...values).toFixed(2)} ms`;
}

function fail(): never {
  throw new Error('there is no PostgreSQL');
}
