import type { Clock } from './clock.ts';
import { isUniqueViolation, type Database, type Executor } from './database.ts';
import type { IdSource } from './ids.ts';
import { limits } from './limits.ts';

/** Who makes a change. */
export interface Actor {
  readonly tenantId: number;
  /** Id of the user, or 0 for the platform itself. */
  readonly userId: number;
  /** What is being done: the operation, or the job. Stands in the audit line. */
  readonly action: string;
  /** The call the change belongs to, or undefined for the platform's own work. */
  readonly requestId: string | undefined;
  readonly sourceAddress: string | undefined;
  /** W3C trace context of the call, well formed, when it named one. */
  readonly traceparent?: string | undefined;
  /** The caller's idempotency token, with the hash of the request it came with. */
  readonly token?: { readonly value: string; readonly requestHash: string } | undefined;
}

/** An event as a domain raises it. The log adds position, time and actor. */
export interface RaisedEvent {
  /** Code of the catalogue, such as `commit-file`. */
  readonly code: string;
  /** Workspace of the event; undefined for an event of the tenant. */
  readonly workspaceId: number | undefined;
  /** Names the object whose events stay in order, such as `file:17`. */
  readonly objectKey: string;
  /** The payload of the catalogue's schema. `tenantId` and `eventCode` are added. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** A job to be done after the commit, at least once, by any process; see `jobs.ts`. */
export interface NewJob {
  readonly kind: string;
  /** With a key there is at most one waiting job of the kind for it. */
  readonly key?: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Earliest moment; now when absent. */
  readonly runAt?: Date;
}

/** A write in progress. Nothing outside the database may be called while it is open. */
export interface Change extends Executor {
  readonly actor: Actor;
  readonly now: Date;
  /** Adds an event to the change. Returns its id, the `MessageId` of callbacks. */
  raise(event: RaisedEvent): string;
  /** Adds a job to the change. */
  enqueue(job: NewJob): void;
  /** Names what was changed, for the audit line, such as `file:17`. */
  touch(target: string): void;
  /** Wakes listeners of a channel in all processes after the commit. */
  notify(channel: Channel, payload?: string): void;
  /** Runs after the commit, in this process only, best effort; for caches and wake-ups. */
  afterCommit(action: () => void): void;
}

/** Channels of LISTEN/NOTIFY. A wake-up only saves waiting: every listener also polls. */
export type Channel = 'millrace_event' | 'millrace_job' | 'millrace_task' | 'millrace_cache' | 'millrace_stop' | 'millrace_schedule';

export interface StoredEvent extends RaisedEvent {
  readonly eventId: string;
}

/** Where events are written. The event log implements it; the kernel only knows that it happens inside the transaction, last. */
export interface EventWriter {
  /** Throws when an event is unknown or too large, which fails the change. */
  append(tx: Executor, actor: Actor, now: Date, events: readonly StoredEvent[]): Promise<void>;
}

export interface Changes {
  /**
   * Runs `work` in one transaction that also holds its events, jobs, audit line and, for a call with a ClientToken, its answer.
   * Rejects with what `work` throws, after everything was rolled back.
   */
  change<Result>(actor: Actor, work: (change: Change) => Promise<Result>): Promise<Result>;
  /** The stored answer for the actor's token, or undefined. The hash tells whether the request was the same. */
  storedAnswer(actor: Actor): Promise<{ readonly answer: unknown; readonly requestHash: string } | undefined>;
  /** Forgets answers that are older than `idempotencySeconds`. Returns how many. */
  pruneAnswers(now: Date): Promise<number>;
}

/** The platform itself as actor, in a tenant (0: in none). */
export function platformActor(action: string, tenantId = 0): Actor {
  return { tenantId, userId: 0, action, requestId: undefined, sourceAddress: undefined };
}

export function createChanges(options: { database: Database; clock: Clock; ids: IdSource; events: EventWriter }): Changes {
  const { database, clock, ids, events } = options;

  async function change<Result>(actor: Actor, work: (change: Change) => Promise<Result>): Promise<Result> {
    const raised: StoredEvent[] = [];
    const jobs: NewJob[] = [];
    const targets = new Set<string>();
    const wakes = new Map<string, { channel: Channel; payload: string }>();
    const after: (() => void)[] = [];

    const result = await database.transaction(async (tx) => {
      const now = clock.now();
      const notify = (channel: Channel, payload = '') => void wakes.set(`${channel} ${payload}`, { channel, payload });
      const answer = await work({
        rows: tx.rows,
        row: tx.row,
        run: tx.run,
        actor,
        now,
        raise(event) {
          const eventId = ids.eventId();
          raised.push({ ...event, eventId });
          notify('millrace_event');
          return eventId;
        },
        enqueue(job) {
          jobs.push(job);
          notify('millrace_job');
        },
        touch: (target) => void targets.add(target),
        notify,
        afterCommit: (action) => void after.push(action),
      });
      await writeEpilogue(tx, actor, now, jobs, [...targets], [...wakes.values()]);
      if (actor.token !== undefined) await storeAnswer(tx, actor, actor.token, now, answer);
      // Last, so that the log's position is taken after every lock of the change is held (see decision 0003).
      if (raised.length > 0) await events.append(tx, actor, now, raised);
      return answer;
    });
    for (const action of after) action();
    return result;
  }

  return {
    change,
    async storedAnswer(actor) {
      if (actor.token === undefined) return undefined;
      const row = await database.row<{ answer: unknown; request_hash: string }>(
        'select answer, request_hash from idempotency where tenant_id = $1 and user_id = $2 and action = $3 and token = $4',
        [actor.tenantId, actor.userId, actor.action, actor.token.value],
      );
      return row === undefined ? undefined : { answer: row.answer, requestHash: row.request_hash };
    },
    pruneAnswers: (now) => database.run('delete from idempotency where created_at < $1', [new Date(now.getTime() - limits.idempotencySeconds.value * 1_000)]),
  };
}

/** Audit line, jobs and wake-ups in one round trip. */
async function writeEpilogue(tx: Executor, actor: Actor, now: Date, jobs: readonly NewJob[], targets: readonly string[], wakes: readonly { channel: Channel; payload: string }[]): Promise<void> {
  await tx.run(
    `with audited as (
       insert into audit (tenant_id, user_id, action, request_id, source_address, targets, at) values ($1, $2, $3, $4, $5, $6, $7)
     ), queued as (
       insert into job (kind, key, payload, run_at, created_at)
       select kind, key, payload, coalesce(run_at, $7), $7
       from jsonb_to_recordset($8::jsonb) as j(kind text, key text, payload jsonb, run_at timestamptz)
       on conflict (kind, key) where key is not null do nothing
     )
     select pg_notify(w.channel, w.payload) from jsonb_to_recordset($9::jsonb) as w(channel text, payload text)`,
    [
      actor.tenantId,
      actor.userId,
      actor.action,
      actor.requestId ?? null,
      actor.sourceAddress ?? null,
      targets,
      now,
      JSON.stringify(jobs.map((job) => ({ kind: job.kind, key: job.key ?? null, payload: job.payload, run_at: job.runAt ?? null }))),
      JSON.stringify(wakes),
    ],
  );
}

/** Thrown when two requests with one token run at the same time; the gateway then answers with the stored answer of the first. */
export class TokenInUse extends Error {}

async function storeAnswer(tx: Executor, actor: Actor, token: { value: string; requestHash: string }, now: Date, answer: unknown): Promise<void> {
  try {
    await tx.run('insert into idempotency (tenant_id, user_id, action, token, request_hash, answer, created_at) values ($1, $2, $3, $4, $5, $6, $7)', [
      actor.tenantId,
      actor.userId,
      actor.action,
      token.value,
      token.requestHash,
      JSON.stringify(answer ?? null),
      now,
    ]);
  } catch (error) {
    if (isUniqueViolation(error)) throw new TokenInUse('the token is in use', { cause: error });
    throw error;
  }
}
