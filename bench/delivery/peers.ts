import { run as runGraphile, makeWorkerUtils, type Runner, type Logger } from 'graphile-worker';
import { Logger as GraphileLogger } from 'graphile-worker';
import { Pool } from 'pg';
import { PgBoss } from 'pg-boss';
import { randomIds } from '../../server/kernel/ids.ts';
import { countRecords, createRecorder, insertBusinessRow, KEYS, pathOf, post, type Engine, type Ground, type Task } from './engine.ts';

export const tasksOf = (id: string, number: number, subscriptions: number): Task[] => Array.from({ length: subscriptions }, (_, at) => ({ id, path: pathOf(at), key: `file:${number % KEYS}` }));

/** The limit: the same row, then the same POSTs straight after the commit, then the same record; no queue at all, so a crash loses the event. */
export function bare(ground: Ground): Engine {
  const record = createRecorder(ground);
  let subscriptions = 1;
  return {
    name: 'bare insert and POST',
    async start(count) {
      subscriptions = count;
    },
    async raise(number) {
      await ground.database.transaction((tx) => insertBusinessRow(tx));
      const committedAt = process.hrtime.bigint();
      const id = randomIds.eventId();
      for (const task of tasksOf(id, number, subscriptions)) void post(ground, task).then((duration) => record(task, duration));
      return { id, committedAt };
    },
    recorded: () => countRecords(ground),
    async stop() {},
  };
}

/**
 * How a peer is used. `documented`: as its documentation has it, with its own settings for speed, a call for each job and a row written by each job.
 * `gathered`: with what our engine does by itself put around it: all jobs of a change in one statement, rows of deliveries gathered over all jobs, and no
 * commit of a worker that waits for the disk.
 */
export type Use = 'documented' | 'gathered';

export function recordEach(ground: Ground): (task: Task, durationMs: number) => Promise<void> {
  return async (task, durationMs) => {
    await ground.database.run('insert into bench_attempt (event_id, path, object_key, duration_ms, at) values ($1, $2, $3, $4, now())', [task.id, task.path, task.key, durationMs]);
  };
}

const silent: Logger = new GraphileLogger(() => () => {});
export const TASK = 'deliver';

/** graphile-worker 0.18 with its local queue, 32 jobs at once and batched completion. */
export async function graphile(ground: Ground, use: Use): Promise<Engine> {
  const record = use === 'gathered' ? createRecorder(ground) : recordEach(ground);
  const utils = await makeWorkerUtils({ connectionString: ground.connection, logger: silent });
  await utils.migrate();
  await utils.release();
  let runner: Runner | undefined;
  let pool: Pool | undefined;
  let subscriptions = 1;
  return {
    name: `graphile-worker, ${use}`,
    async start(count) {
      subscriptions = count;
      pool = new Pool({ connectionString: ground.connection, max: 12, ...(use === 'gathered' ? { options: '-c synchronous_commit=off' } : {}) });
      // Connections that the end of the database cuts; graphile-worker wants both told.
      pool.on('error', () => {});
      pool.on('connect', (client) => client.on('error', () => {}));
      runner = await runGraphile({
        pgPool: pool,
        logger: silent,
        noHandleSignals: true,
        preset: { worker: { concurrentJobs: 32, localQueue: { size: 200 }, completeJobBatchDelay: 0, pollInterval: 1_000 } },
        taskList: {
          async [TASK](payload) {
            const task = payload as Task;
            await record(task, await post(ground, task));
          },
        },
      });
    },
    async raise(number) {
      const id = randomIds.eventId();
      const tasks = tasksOf(id, number, subscriptions);
      const specs = tasks.map((task) => ({ identifier: TASK, payload: task }));
      await ground.database.transaction(async (tx) => {
        await insertBusinessRow(tx);
        if (use === 'documented') {
          for (const task of tasks) await tx.run('select from graphile_worker.add_job($1, $2::json)', [TASK, JSON.stringify(task)]);
          return;
        }
        // Answers no rows, since those of the jobs would only be read and thrown away.
        await tx.run(
          `select count(*) from graphile_worker.add_jobs((select array_agg((j->>'identifier', j->'payload', null, null, null, null, null, null)::graphile_worker.job_spec) from jsonb_array_elements($1::jsonb) as j))`,
          [JSON.stringify(specs)],
        );
      });
      return { id, committedAt: process.hrtime.bigint() };
    },
    recorded: () => countRecords(ground),
    async stop() {
      await runner?.stop();
      await pool?.end();
    },
  };
}

/** pg-boss 12 with LISTEN/NOTIFY, batches of 100 and continuous fetching while batches are full. */
export async function pgBoss(ground: Ground, use: Use): Promise<Engine> {
  const record = use === 'gathered' ? createRecorder(ground) : recordEach(ground);
  let boss: PgBoss | undefined;
  let subscriptions = 1;
  const open = async () => {
    const made = new PgBoss({ connectionString: use === 'gathered' ? relaxedAddress(ground.connection) : ground.connection, max: 12, useListenNotify: true, supervise: false, schedule: false });
    made.on('error', (error) => console.error('pg-boss', error));
    await made.start();
    return made;
  };
  const first = await open();
  await first.createQueue(TASK, { notify: true });
  await first.stop();
  return {
    name: `pg-boss, ${use}`,
    async start(count) {
      subscriptions = count;
      boss = await open();
      await boss.work<Task>(TASK, { batchSize: 100, localConcurrency: 2, pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5, burstWhenBatchFull: true }, async (jobs) => {
        await Promise.all(jobs.map(async ({ data }) => record(data, await post(ground, data))));
      });
    },
    async raise(number) {
      const id = randomIds.eventId();
      const jobs = tasksOf(id, number, subscriptions).map((data) => ({ data }));
      await ground.database.transaction(async (tx) => {
        await insertBusinessRow(tx);
        const db = { executeSql: async (text: string, values?: unknown[]) => ({ rows: await tx.rows<object>(text, values ?? []) }) };
        if (use === 'gathered') await boss?.insert(TASK, jobs, { db });
        else for (const { data } of jobs) await boss?.send(TASK, data, { db });
      });
      return { id, committedAt: process.hrtime.bigint() };
    },
    recorded: () => countRecords(ground),
    stop: async () => boss?.stop({ graceful: true, timeout: 5_000 }),
  };
}

/** The same database with synchronous_commit off. */
export function relaxedAddress(connection: string): string {
  return `${connection}${connection.includes('?') ? '&' : '?'}options=${encodeURIComponent('-c synchronous_commit=off')}`;
}
