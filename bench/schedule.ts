/**
 * What the scheduler does in a second, on one process and a PostgreSQL that syncs: a chain of 40 zero loads, 1,000 independent ones, a sustained stream with
 * every event written (beside the floor: the same rows and events written by bare statements), and a day of 10,000 tasks with 30,000 edges made
 * while others run. With rows in the store: first page and statistics of a day, and the rate again.
 * Run: `npm run bench -- schedule [rounds] [instances in the store, such as 5000000]`. DATABASE_URL names an empty database; without it an embedded PostgreSQL is started.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../server/kernel/database.ts';
import { limits } from '../server/kernel/limits.ts';
import { connectionUrl } from '../server/kernel/postgres/connection.ts';
import { startEmbeddedPostgres } from '../server/kernel/postgres/supervisor.ts';
import { prepareDatabase } from '../server/modules.ts';
import { addDays, instantOf, startOfDay, wallTimeOf } from '../server/platform/scheduling/calendar.ts';
import { listInstances } from '../server/platform/scheduling/instance-store.ts';
import { instanceStatistic } from '../server/platform/scheduling/statistic-store.ts';
import { fillStore } from './schedule/fill.ts';
import { createStage, TENANT, WORKSPACE, ZONE } from './schedule/stage.ts';

const [rounds = 3, stored = 0] = process.argv.slice(2).map(Number);
const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
const given = process.env['DATABASE_URL'];
const postgres = given === undefined ? await startEmbeddedPostgres({ dataDir: folder, log: () => {} }) : undefined;
const database = openDatabase({ connection: given ?? connectionUrl((postgres ?? fail()).connection), connections: limits.databaseConnections.value });

try {
  await prepareDatabase(database, new Date());
  const { scheduler, generation, publish, play } = createStage(database, folder);
  /** The floor of a sustained stream: the same rows and as many events, by bare statements of a thousand. */
  const bare = async (count: number): Promise<number> => {
    const rows = await database.rows<{ id: number }>('select id from task_instance order by id desc limit $1', [count]);
    const began = performance.now();
    for (let from = 0; from < rows.length; from += 1_000) {
      const ids = rows.slice(from, from + 1_000).map((row) => row.id);
      await database.transaction(async (tx) => {
        await tx.run(`update task_instance set status = 'Success', finished_at = now(), modified_at = now() where id = any($1)`, [ids]);
        await tx.run(
          `insert into event (position, event_id, tenant_id, workspace_id, code, type, object_key, data, occurred_at, actor_id, request_id)
           select 1, gen_random_uuid(), 1, 1, 'bare', 'bare', 'instance:' || i, jsonb_build_object('taskId', i, 'status', s, 'text', repeat('x', 300)), now(), 0, null from unnest($1::bigint[]) i, generate_series(1, 3) s`,
          [ids],
        );
      });
    }
    return performance.now() - began;
  };
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  const report = (what: string, value: string) => console.log(`${what.padEnd(58)} ${value}`);

  console.log(`node ${process.version}, ${cpus().length} cores, ${(await database.row<{ v: string }>('show server_version')) === undefined ? '' : 'PostgreSQL'} with fsync, ${rounds} rounds`);
  const chain = await publish(40, (place) => (place === 0 ? [] : [place - 1]));
  const wide = await publish(1_000, () => []);
  const stream = await publish(10_000, (place) => (place < 100 ? [] : [place - 100, place - 99, place - 98].filter((other) => other >= 0)));
  await scheduler.start();
  await play(chain);

  const measure = async (name: string): Promise<number> => {
    const chains: number[] = [];
    const wides: number[] = [];
    const rates: number[] = [];
    const floors: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      chains.push(await play(chain));
      wides.push(await play(wide));
      rates.push(10_000 / ((await play(stream)) / 1_000));
      floors.push(10_000 / ((await bare(10_000)) / 1_000));
    }
    report(`${name}: chain of 40, trigger to last success`, `${median(chains).toFixed(0)} ms (wanted 500)`);
    report(`${name}: 1,000 independent tasks`, `${median(wides).toFixed(0)} ms (wanted 4,000)`);
    report(`${name}: 10,000 tasks with 30,000 edges, made and run`, `${median(rates).toFixed(0)} tasks/s with 3 events each (wanted 300); bare rows and events ${median(floors).toFixed(0)}/s; ratio ${(median(rates) / median(floors)).toFixed(2)}`);
    return median(rates);
  };
  const empty = await measure('empty store');

  // A day is made while a stream runs.
  const tomorrow = addDays(startOfDay(wallTimeOf(new Date(), ZONE)), 1);
  const running = play(stream);
  const began = performance.now();
  const made = await generation.makeDay(TENANT, tomorrow);
  const took = performance.now() - began;
  report(`a day of ${made} instances made while a stream runs`, `${(took / 1_000).toFixed(1)} s (wanted 10); the stream beside it ${(10_000 / ((await running) / 1_000)).toFixed(0)} tasks/s`);

  if (stored > 0) {
    await fillStore(database, { tenantId: TENANT, workspaceId: WORKSPACE, count: stored, until: new Date(), timeZone: ZONE }, (line) => console.log(line));
    const day = instantOf(addDays(startOfDay(wallTimeOf(new Date(), ZONE)), -20), ZONE);
    const filters = [{}, { states: ['Failure'] as const }, { taskTypes: ['NORMAL'] as const }, { ownerId: 3 }, { command: 'ODPS_SQL' }, { name: 'stored_12' }, { taskIds: [700000003] }, { states: ['Success'] as const, dagTypes: ['Normal'] as const }];
    for (const order of [{ by: 'id', descending: true }, { by: 'due', descending: true }] as const) {
      for (const filter of filters) {
        const times: number[] = [];
        for (let round = 0; round < 7; round += 1) {
          const start = performance.now();
          await listInstances(database, { workspaceId: WORKSPACE, environment: 'PROD', bizdateFrom: day, bizdateTo: day, ...filter }, order, 0, 10);
          times.push(performance.now() - start);
        }
        report(`ListTaskInstances, first page by ${order.by} ${JSON.stringify(filter)}`, `${median(times).toFixed(1)} ms (wanted 50)`);
      }
    }
    const times: number[] = [];
    for (let round = 0; round < 7; round += 1) {
      const start = performance.now();
      await instanceStatistic(database, { workspaceId: WORKSPACE, environment: 'PROD', bizdate: day });
      times.push(performance.now() - start);
    }
    report('GetInstanceStatusStatistic of a day', `${median(times).toFixed(1)} ms (wanted 100)`);
    const full = await measure(`${stored} rows`);
    report('rate with the full store to that with the empty one', `${(full / empty).toFixed(2)} (wanted 0.8)`);
  }
  await scheduler.stop();
} finally {
  await database.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}

function fail(): never {
  throw new Error('no PostgreSQL');
}
