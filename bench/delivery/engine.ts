import { createSecretKey } from 'node:crypto';
import type { Database, Executor } from '../../server/kernel/database.ts';
import type { Outbound } from '../../server/kernel/outbound.ts';
import { signatureHeaders } from '../../server/openevent/delivery/signature.ts';

/** What the engines stand on. */
export interface Ground {
  readonly connection: string;
  readonly database: Database;
  /** The same database with synchronous_commit off, for records of deliveries, which every engine writes that way. */
  readonly relaxed: Database;
  readonly outbound: Outbound;
  readonly url: string;
}

/** An event of a change. */
export interface Raised {
  readonly id: string;
  /** Nanoseconds of the monotonic clock at the acknowledgement of the commit, before anything follows from it in this process. */
  readonly committedAt: bigint;
}

/** A thing that delivers events of changes: business row and enqueueing in one transaction, a wake-up, a signed POST, a durable row for it. */
export interface Engine {
  readonly name: string;
  /** Gets ready to deliver to so many subscriptions, at `/ok/0`, `/ok/1`, … */
  start(subscriptions: number): Promise<void>;
  /** Commits a change with its event. */
  raise(number: number): Promise<Raised>;
  /** Rows of deliveries that were recorded, ever. */
  recorded(): Promise<number>;
  stop(): Promise<void>;
}

export const KEYS = 50;
export const TENANT = 1;
const PAYLOAD = 'x'.repeat(200);

/** Writes the business row, and wakes listeners of `channel` on the commit. */
export async function insertBusinessRow(tx: Executor, channel?: string): Promise<void> {
  if (channel === undefined) await tx.run('insert into bench_row (body) values ($1)', [PAYLOAD]);
  else await tx.run(`with added as (insert into bench_row (body) values ($1)) select pg_notify($2, '')`, [PAYLOAD, channel]);
}

/** What a peer's job carries: as much as the envelope of an event. */
export interface Task {
  readonly id: string;
  readonly path: string;
  readonly key: string;
}

const SIGNING = [createSecretKey(Buffer.alloc(32, 7))];

/** The POST of one task, signed, with a body as large as that of an event. */
export async function post(ground: Ground, task: Task): Promise<number> {
  const at = new Date();
  const body = JSON.stringify({
    id: task.id,
    source: 'acs.dataworks',
    specversion: '1.0',
    type: 'dataworks:FileChange:CommitFile',
    time: at.toISOString(),
    datacontenttype: 'application/json;charset=utf-8',
    data: { projectId: 1, fileId: 1, operator: 'bench', tenantId: TENANT, eventCode: 'commit-file' },
    aliyunaccountid: '1',
    aliyunpublishtime: at.toISOString(),
    aliyuneventbusname: 'default',
    aliyunregionid: 'local',
  });
  const headers = { 'content-type': 'application/json;charset=utf-8', ...signatureHeaders(SIGNING, task.id, at, body) };
  const answer = await ground.outbound.request({ method: 'POST', url: `${ground.url}${task.path}`, headers, body, timeoutMs: 15_000 });
  if (answer.status !== 204) throw new Error(`the receiver answered ${answer.status}`);
  return answer.durationMs;
}

/** Writes one row for each delivery of a peer. Rows gather while others are written, as the own engine's do, so that no engine pays for a round trip each. */
export function createRecorder(ground: Ground): (task: Task, durationMs: number) => Promise<void> {
  let waiting: { task: Task; durationMs: number; done: () => void; fail: (error: unknown) => void }[] = [];
  let running = false;
  async function run(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await ground.relaxed
        .run(
          `insert into bench_attempt (event_id, path, object_key, duration_ms, at) select event_id, path, object_key, duration_ms, now()
           from unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) as a(event_id, path, object_key, duration_ms)`,
          [batch.map((one) => one.task.id), batch.map((one) => one.task.path), batch.map((one) => one.task.key), batch.map((one) => one.durationMs)],
        )
        .then(
          () => batch.forEach((one) => one.done()),
          (error: unknown) => batch.forEach((one) => one.fail(error)),
        );
    }
    running = false;
  }
  return (task, durationMs) =>
    new Promise((done, fail) => {
      waiting.push({ task, durationMs, done, fail });
      if (!running) void run();
    });
}

export async function countRecords(ground: Ground): Promise<number> {
  return (await ground.database.row<{ count: number }>('select count(*) from bench_attempt'))?.count ?? 0;
}

export const pathOf = (subscription: number) => `/ok/${subscription}`;
