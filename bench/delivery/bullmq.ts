import { randomIds } from '../../server/kernel/ids.ts';
import { countRecords, createRecorder, insertBusinessRow, post, type Engine, type Ground, type Task } from './engine.ts';
import { recordEach, TASK, tasksOf, type Use } from './peers.ts';
import type { Fsync, Redis } from './redis.ts';

/** What of BullMQ is used here; the package is not installed with the project's. */
export interface BullMq {
  readonly Queue: new (name: string, options: object, backend?: unknown) => Queue;
  readonly Worker: new (name: string, work: (job: { data: Task }) => Promise<void>, options: object, backend?: unknown) => Part;
  readonly createPostgresBackend: unknown;
}
interface Part {
  on(event: 'error', handle: (error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}
interface Queue extends Part {
  add(name: string, data: Task): Promise<unknown>;
  addBulk(jobs: readonly { name: string; data: Task }[]): Promise<unknown>;
}

/** What of ioredis is used here. */
export interface IoRedis {
  readonly Redis: new (url: string) => { config(...words: string[]): Promise<unknown>; disconnect(): void };
}

/** Jobs that one worker has under way; its documentation advises some tens to hundreds where the work waits for others. */
const CONCURRENCY = 64;

/**
 * BullMQ 6 on Redis. A transaction of PostgreSQL cannot hold its jobs, so they are added after the commit: a crash between the two loses the event, which
 * happens to no other engine here but the bare limit.
 */
export async function bullOnRedis(ground: Ground, bull: BullMq, { Redis: Client }: IoRedis, redis: Redis, use: Use, fsync: Fsync): Promise<Engine> {
  let durability = fsync === 'always' ? 'fsync always' : 'fsync each second';
  if (!redis.own) {
    const client = new Client(redis.url);
    const told = JSON.stringify(await client.config('GET', 'append*').catch(() => 'unknown'));
    client.disconnect();
    durability = /"appendonly","yes"/.test(told) ? `fsync ${/"appendfsync","(\w+)"/.exec(told)?.[1] ?? 'unknown'}` : 'no append-only file';
  }
  return engine(ground, bull, `BullMQ on Redis, ${durability}${use === 'gathered' ? ', gathered' : ''}`, use, { url: redis.url }, undefined, async () => {
    if (!redis.own) return;
    const client = new Client(redis.url);
    await client.config('SET', 'appendfsync', fsync);
    client.disconnect();
  });
}

/** The same on PostgreSQL, which BullMQ can use as well: one database and its durability, but its jobs too are added after the commit. */
export async function bullOnPostgres(ground: Ground, bull: BullMq): Promise<Engine> {
  return engine(ground, bull, 'BullMQ on PostgreSQL', 'documented', { connectionString: ground.connection, max: 12, migrate: true }, bull.createPostgresBackend, async () => {});
}

function engine(ground: Ground, bull: BullMq, name: string, use: Use, connection: object, backend: unknown, prepare: () => Promise<void>): Engine {
  const record = use === 'gathered' ? createRecorder(ground) : recordEach(ground);
  let queue: Queue | undefined;
  let worker: Part | undefined;
  let subscriptions = 1;
  return {
    name,
    async start(count) {
      subscriptions = count;
      await prepare();
      queue = new bull.Queue(TASK, { connection, defaultJobOptions: { removeOnComplete: true, removeOnFail: 1_000 } }, backend);
      worker = new bull.Worker(TASK, async ({ data }) => record(data, await post(ground, data)), { connection, concurrency: CONCURRENCY }, backend);
      for (const part of [queue, worker]) {
        part.on('error', (error) => console.error(name, error));
        await part.waitUntilReady();
      }
    },
    async raise(number) {
      const id = randomIds.eventId();
      await ground.database.transaction((tx) => insertBusinessRow(tx));
      const committedAt = process.hrtime.bigint();
      const tasks = tasksOf(id, number, subscriptions);
      if (use === 'gathered') await queue?.addBulk(tasks.map((data) => ({ name: TASK, data })));
      else for (const data of tasks) await queue?.add(TASK, data);
      return { id, committedAt };
    },
    recorded: () => countRecords(ground),
    async stop() {
      await worker?.close();
      await queue?.close();
    },
  };
}
