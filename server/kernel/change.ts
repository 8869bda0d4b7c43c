import type { Clock } from './clock.ts';
import type { Database, Executor, Statement } from './database.ts';
import type { IdSource } from './ids.ts';
import { createUnits, type Rehearsed, type Unit } from './unit.ts';
import { findAnswer, pruneAnswers } from './answers.ts';

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
  /** The caller's idempotency token. */
  readonly token?: string | undefined;
  /** A dry run: every change of this actor belongs to it and is taken back with it. */
  readonly rehearsal?: Pick<Unit, 'change'> | undefined;
}

/** A decision that extensions would be asked for, as a dry run tells it. */
export interface Question {
  /** Code of the extension point. */
  readonly point: string;
  readonly title: string;
  /** Whether the operation waits for the answers. */
  readonly held: boolean;
  readonly extensions: readonly { readonly code: string; readonly name: string; readonly mode: string }[];
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
  /** Tells a dry run which extensions are asked. */
  ask(question: Question): void;
}

/** Channels of LISTEN/NOTIFY. A wake-up only saves waiting: every listener also polls. */
export type Channel = 'millrace_event' | 'millrace_job' | 'millrace_task' | 'millrace_cache' | 'millrace_stop' | 'millrace_schedule';

export interface StoredEvent extends RaisedEvent {
  readonly eventId: string;
}

/** Where events are written. The event log implements it; the kernel only knows that it happens inside the transaction, last. */
export interface EventWriter {
  /** Throws when an event is unknown or too large, which fails the change. `tx` may only gather what it is to run, so nothing can be read. */
  append(tx: Pick<Executor, 'run'>, actor: Actor, now: Date, events: readonly StoredEvent[]): Promise<void>;
}

export interface Changes {
  /**
   * Runs `work` in one transaction that also holds its events, jobs and audit line.
   * Rejects with what `work` throws, after everything was rolled back.
   */
  change<Result>(actor: Actor, work: (change: Change) => Promise<Result>): Promise<Result>;
  /**
   * Runs a whole call in one transaction, with all its changes, and keeps in it what `answerOf` makes of the result as the answer to the actor's token.
   * Rejects with `TokenInUse` when another call kept an answer to this token meanwhile; then nothing of this one has happened.
   */
  once<Result>(actor: Actor, work: (unit: Unit) => Promise<Result>, answerOf: (result: Result) => string): Promise<Result>;
  /** Runs a whole call the same way, tells what it came to, and takes all of it back. What is handed out by sequences is used up. */
  rehearse<Result>(actor: Actor, work: (unit: Unit, actor: Actor) => Promise<Result>): Promise<Rehearsed<Result>>;
  /** The kept answer for the actor's token, as `answerOf` made it, or undefined. */
  storedAnswer(actor: Actor): Promise<string | undefined>;
  /** Forgets answers that are older than `idempotencySeconds`. Returns how many. */
  pruneAnswers(now: Date): Promise<number>;
}

/** The platform itself as actor, in a tenant (0: in none). */
export function platformActor(action: string, tenantId = 0): Actor {
  return { tenantId, userId: 0, action, requestId: undefined, sourceAddress: undefined };
}

/** What a change gathers beside the rows it writes. */
export interface Gathered {
  readonly events: StoredEvent[];
  readonly jobs: NewJob[];
  readonly targets: Set<string>;
  readonly wakes: Map<string, { readonly channel: Channel; readonly payload: string }>;
  readonly after: (() => void)[];
  readonly questions: Question[];
}

export function gather(): Gathered {
  return { events: [], jobs: [], targets: new Set(), wakes: new Map(), after: [], questions: [] };
}

/** A change on an open transaction. */
export function changeOn(tx: Executor, actor: Actor, now: Date, ids: IdSource, gathered: Gathered): Change {
  const notify = (channel: Channel, payload = '') => void gathered.wakes.set(`${channel} ${payload}`, { channel, payload });
  return {
    rows: tx.rows,
    row: tx.row,
    run: tx.run,
    actor,
    now,
    raise(event) {
      const eventId = ids.eventId();
      gathered.events.push({ ...event, eventId });
      notify('millrace_event');
      return eventId;
    },
    enqueue(job) {
      gathered.jobs.push(job);
      notify('millrace_job');
    },
    touch: (target) => void gathered.targets.add(target),
    notify,
    afterCommit: (action) => void gathered.after.push(action),
    ask: (question) => void gathered.questions.push(question),
  };
}

export function createChanges(options: { database: Database; clock: Clock; ids: IdSource; events: EventWriter }): Changes {
  const { database, clock, ids, events } = options;
  const units = createUnits(options);

  async function change<Result>(actor: Actor, work: (change: Change) => Promise<Result>): Promise<Result> {
    if (actor.rehearsal !== undefined) return actor.rehearsal.change(actor, work);
    const gathered = gather();
    let now = clock.now();
    const result = await database.transaction(
      (tx) => {
        now = clock.now();
        return work(changeOn(tx, actor, now, ids, gathered));
      },
      async () => {
        const last: Statement[] = [];
        const ending = { run: async (text: string, values: readonly unknown[] = []) => last.push({ text, values }) };
        // Readers of the log are woken after the commit instead: a NOTIFY would make all changes with events commit one by one.
        for (const [key, { channel }] of gathered.wakes) if (channel === 'millrace_event') gathered.wakes.delete(key);
        await writeEpilogue(ending, actor, now, gathered);
        // Last, so that the log's position is taken after every lock of the change is held (see decision 0003).
        if (gathered.events.length > 0) await events.append(ending, actor, now, gathered.events);
        return last;
      },
    );
    if (gathered.events.length > 0) database.wake('millrace_event');
    for (const action of gathered.after) action();
    return result;
  }

  return {
    change,
    once: units.once,
    rehearse: units.rehearse,
    storedAnswer: (actor) => findAnswer(database, actor),
    pruneAnswers: (now) => pruneAnswers(database, now),
  };
}

/** Audit line, jobs and wake-ups in one statement. */
export async function writeEpilogue(tx: Pick<Executor, 'run'>, actor: Actor, now: Date, { jobs, targets, wakes }: Gathered): Promise<void> {
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
      [...targets],
      now,
      JSON.stringify(jobs.map((job) => ({ kind: job.kind, key: job.key ?? null, payload: job.payload, run_at: job.runAt ?? null }))),
      JSON.stringify([...wakes.values()]),
    ],
  );
}
