import { storeAnswer } from './answers.ts';
import { changeOn, gather, writeEpilogue, type Actor, type Change, type EventWriter, type Gathered, type StoredEvent } from './change.ts';
import type { Clock } from './clock.ts';
import type { Database, Executor } from './database.ts';
import type { IdSource } from './ids.ts';
import { limits } from './limits.ts';

/**
 * All changes of one call in one transaction. A call with a ClientToken needs it, so that its whole effect and its answer are kept together or not at all;
 * a dry run needs it, so that all of it can be taken back. The call's reads go through the same transaction and see what its changes have written.
 */
export interface Unit {
  readonly db: Database;
  change<Result>(actor: Actor, work: (change: Change) => Promise<Result>): Promise<Result>;
}

/** What a dry run came to. */
export interface Rehearsed<Result> {
  readonly result: Result;
  readonly events: readonly StoredEvent[];
  readonly jobs: Gathered['jobs'];
  readonly targets: readonly string[];
  readonly questions: Gathered['questions'];
  /** Rows that would be written, by table; without the tables of the kernel and of events. */
  readonly rows: readonly RowCount[];
}

export interface RowCount {
  readonly table: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** Everything gathered by the changes of a unit, with the events of each change beside its actor. */
interface State extends Gathered {
  readonly raised: { readonly actor: Actor; readonly events: readonly StoredEvent[] }[];
}

/** Ends the transaction of a dry run. */
class TakenBack extends Error {}

export function createUnits(options: { database: Database; clock: Clock; ids: IdSource; events: EventWriter }) {
  const { database, clock, ids, events } = options;
  const gate = createGate(limits.callTransactions.value);

  /** Runs `work` on a fresh unit in an open transaction, and at its end what belongs at the end. */
  async function run<Result>(raw: Executor, work: (unit: Unit, now: Date) => Promise<Result>, atEnd: (result: Result, now: Date) => Promise<void>): Promise<{ result: Result; state: State }> {
    const now = clock.now();
    const state: State = { ...gather(), raised: [] };
    const tx = inSequence(raw);
    const step = savepoints(tx);
    const unit: Unit = {
      db: {
        ...database,
        ...tx,
        transaction: (inner, last) =>
          step(async () => {
            const result = await inner(tx);
            for (const { text, values } of (await last?.(result)) ?? []) await tx.run(text, values);
            return result;
          }),
      },
      change: (actor, inner) =>
        step(async () => {
          const gathered = gather();
          const result = await inner(changeOn(tx, actor, now, ids, gathered));
          await writeEpilogue(tx, actor, now, gathered);
          take(state, actor, gathered);
          return result;
        }),
    };
    const result = await work(unit, now);
    await atEnd(result, now);
    for (const raised of state.raised) await events.append(tx, raised.actor, now, raised.events);
    return { result, state };
  }

  return {
    async once<Result>(actor: Actor, work: (unit: Unit) => Promise<Result>, answerOf: (result: Result) => string): Promise<Result> {
      const { result, state } = await gate(() => database.transaction((raw) => run(raw, work, (answer, now) => storeAnswer(raw, actor, now, answerOf(answer)))));
      for (const action of state.after) action();
      return result;
    },

    async rehearse<Result>(actor: Actor, work: (unit: Unit, actor: Actor) => Promise<Result>): Promise<Rehearsed<Result>> {
      const seen: Rehearsed<Result>[] = [];
      await gate(() =>
        database.transaction(async (raw) => {
          const before = await writtenRows(raw);
          // What is checked at the commit only would else not be noticed.
          const { result, state } = await run(raw, (unit) => work(unit, { ...actor, token: undefined, rehearsal: unit }), async () => void (await raw.run('set constraints all immediate')));
          const rows = difference(await writtenRows(raw), before);
          seen.push({ result, events: state.events, jobs: state.jobs, targets: [...state.targets], questions: state.questions, rows });
          throw new TakenBack();
        }),
      ).catch((error: unknown) => {
        if (!(error instanceof TakenBack)) throw error;
      });
      const [rehearsed] = seen;
      if (rehearsed === undefined) throw new Error('a dry run ended without a result');
      return rehearsed;
    },
  };
}

function take(state: State, actor: Actor, gathered: Gathered): void {
  state.events.push(...gathered.events);
  state.jobs.push(...gathered.jobs);
  for (const target of gathered.targets) state.targets.add(target);
  state.after.push(...gathered.after);
  state.questions.push(...gathered.questions);
  if (gathered.events.length > 0) state.raised.push({ actor, events: gathered.events });
}

/** One statement after the other: a call may read several things at once, a connection does not. */
function inSequence(raw: Executor): Executor {
  let last: Promise<unknown> = Promise.resolve();
  const next = <Result>(statement: () => Promise<Result>): Promise<Result> => {
    const result = last.then(statement, statement);
    last = result.catch(() => undefined);
    return result;
  };
  return {
    rows: <Row extends object>(text: string, values?: readonly unknown[]) => next(() => raw.rows<Row>(text, values)),
    row: <Row extends object>(text: string, values?: readonly unknown[]) => next(() => raw.row<Row>(text, values)),
    run: (text, values) => next(() => raw.run(text, values)),
  };
}

/** Runs steps one after the other, each on a savepoint: one that fails is taken back alone. */
function savepoints(tx: Executor): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const step = async () => {
      await tx.run('savepoint step');
      try {
        const result = await work();
        await tx.run('release savepoint step');
        return result;
      } catch (error) {
        await tx.run('rollback to savepoint step');
        throw error;
      }
    };
    const result = last.then(step, step);
    last = result.catch(() => undefined);
    return result;
  };
}

/** At most `most` at once; others wait in the order they came. Each unit keeps a connection while its call may need another. */
function createGate(most: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let free = most;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free -= 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

/**
 * What this connection has written, by PostgreSQL's own count, partitions under the name of their table. It may still hold what earlier transactions
 * of the connection wrote, so that only the difference between two moments tells.
 */
function writtenRows(tx: Executor): Promise<RowCount[]> {
  return tx.rows<RowCount>(
    `select coalesce(p.relname, s.relname)::text as table, sum(n_tup_ins)::int as inserted, sum(n_tup_upd)::int as updated, sum(n_tup_del)::int as deleted
     from pg_stat_xact_user_tables s left join pg_inherits i on i.inhrelid = s.relid left join pg_class p on p.oid = i.inhparent
     where n_tup_ins + n_tup_upd + n_tup_del > 0 group by 1 order by 1`,
  );
}

/** Told in other ways, or of no interest to who asks. */
const NOT_TOLD = new Set(['audit', 'job', 'idempotency', 'event']);

function difference(after: readonly RowCount[], before: readonly RowCount[]): RowCount[] {
  const earlier = new Map(before.map((row) => [row.table, row]));
  return after.flatMap((row) => {
    if (NOT_TOLD.has(row.table)) return [];
    const was = earlier.get(row.table);
    const rest = { table: row.table, inserted: row.inserted - (was?.inserted ?? 0), updated: row.updated - (was?.updated ?? 0), deleted: row.deleted - (was?.deleted ?? 0) };
    return rest.inserted + rest.updated + rest.deleted > 0 ? [rest] : [];
  });
}
