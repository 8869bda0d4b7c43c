import { randomUUID } from 'node:crypto';
import { Client, DatabaseError, escapeIdentifier, Pool, TypeOverrides, type ClientConfig, type PoolConfig, type QueryConfig, type QueryResult } from 'pg';
import { runTogether } from './one-trip.ts';

/** Runs statements: the database itself, or the transaction of a change. */
export interface Executor {
  /** All rows of a statement. */
  rows<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The first row, or undefined. */
  row<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row | undefined>;
  /** Runs a statement and tells how many rows it touched. */
  run(text: string, values?: readonly unknown[]): Promise<number>;
}

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** A pool of connections to one PostgreSQL database. */
export interface Database extends Executor {
  /**
   * Runs `work` in one READ COMMITTED transaction: committed when it resolves, rolled back when it rejects. The transaction begins with the first statement.
   * `last` answers statements that are run after `work`, in their order, and reach the server together with the commit, so that they cost no round trip.
   */
  transaction<T>(work: (tx: Executor) => Promise<T>, last?: (result: T) => Promise<readonly Statement[]>): Promise<T>;
  /**
   * Wakes the listeners of a channel, with the payload '': those of this process at once, those of others by one NOTIFY for all calls of a moment. It belongs to no
   * transaction, so a process that ends in that moment has woken nobody, and whoever listens must poll too. A NOTIFY in a transaction would make all commits
   * wait for each other: PostgreSQL lets one notifying transaction commit at a time, the wait for the disk included.
   */
  wake(channel: string): void;
  /** Calls `wake` with the payload of each NOTIFY on `channel`, and with '' after the listening connection was renewed. */
  listen(channel: string, wake: (payload: string) => void): Promise<() => Promise<void>>;
  /**
   * Holds a shared advisory lock on a connection of its own, which is renewed when it is lost. PostgreSQL lets go of it the moment the process ends,
   * however it ends, so others can tell that it lives; see `presence.ts`.
   */
  hold(space: number, key: string): Promise<() => Promise<void>>;
  /** The pool's present load: connections open, idle, and callers waiting for one. */
  load(): { open: number; idle: number; waiting: number };
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly connection: string | ClientConfig;
  /** Most connections of the pool. */
  readonly connections: number;
  /** Told of errors of idle connections; they are replaced by themselves. */
  readonly onError?: (error: Error) => void;
}

const INT8 = 20;
const NUMERIC = 1700;

/** bigint arrives as a number; one beyond 2^53 is a fault of ours and must not be rounded silently. */
function readInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`the integer ${text} is beyond 2^53`);
  return value;
}

const types = new TypeOverrides();
types.setTypeParser(INT8, readInteger);
types.setTypeParser(NUMERIC, Number);

/** Least time between the starts of two NOTIFYs of `wake`; a lone one waits for nothing. */
const WAKE_PACE_MS = 5;

/** Texts that are prepared by name. Bounded, since a text that is put together at run time must not fill the server's memory. */
const PREPARED_LIMIT = 2_000;
const preparedNames = new Map<string, string>();

function query(text: string, values: readonly unknown[] | undefined, named = values !== undefined): QueryConfig {
  let name = preparedNames.get(text);
  if (name === undefined && named && preparedNames.size < PREPARED_LIMIT) {
    name = `s${preparedNames.size}`;
    preparedNames.set(text, name);
  }
  const config: QueryConfig = { text };
  if (values !== undefined) config.values = values as unknown[];
  if (name !== undefined) config.name = name;
  return config;
}

const BEGIN = () => query('begin', undefined, true);
const COMMIT = () => query('commit', undefined, true);

interface Runner {
  query(config: QueryConfig): Promise<QueryResult>;
}

function executor(runner: Runner): Executor {
  return {
    async rows<Row extends object>(text: string, values?: readonly unknown[]) {
      return (await runner.query(query(text, values))).rows as Row[];
    },
    async row<Row extends object>(text: string, values?: readonly unknown[]) {
      return (await runner.query(query(text, values))).rows[0] as Row | undefined;
    },
    async run(text: string, values?: readonly unknown[]) {
      return (await runner.query(query(text, values))).rowCount ?? 0;
    },
  };
}

/** Opens a pool. No connection is made before the first statement. */
export function openDatabase(options: DatabaseOptions): Database {
  const base: ClientConfig = typeof options.connection === 'string' ? { connectionString: options.connection } : options.connection;
  const config: PoolConfig = { ...base, max: options.connections, types, application_name: 'millrace', connectionTimeoutMillis: 15_000, idleTimeoutMillis: 60_000 };
  const pool = new Pool(config);
  const report = options.onError ?? (() => {});
  pool.on('error', report);
  const direct = executor(pool);
  /** Names this pool in its own NOTIFY, whose listeners here were woken without it. */
  const self = `from ${randomUUID()}`;
  const listeners = new Map<string, Set<() => void>>();
  const toTell = new Set<string>();
  let telling: Promise<void> | undefined;
  let told = 0;

  /** Wakes other processes. The commit does not wait for the disk, since nothing is written. */
  async function tell(): Promise<void> {
    while (toTell.size > 0) {
      const rest = told + WAKE_PACE_MS - performance.now();
      if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
      told = performance.now();
      const channels = [...toTell];
      toTell.clear();
      await direct
        .run(`select pg_notify(channel, $2) from unnest($1::text[]) as w(channel) where set_config('synchronous_commit', 'off', true) is not null`, [channels, self])
        .catch((error: unknown) => report(error as Error));
    }
    telling = undefined;
  }

  return {
    ...direct,
    async transaction(work, last) {
      const client = await pool.connect();
      let begun: Promise<unknown> | undefined;
      let sent = false;
      let ended = false;
      let broken: Error | undefined;
      const onError = (error: Error) => {
        broken = error;
      };
      client.on('error', onError);
      try {
        const runner: Runner = {
          async query(config) {
            if (begun !== undefined) {
              await begun;
              // On a connection that may be somebody else's by now.
              if (ended) throw new Error('the transaction has ended');
              return client.query(config);
            }
            sent = true;
            const both = runTogether(client, [BEGIN(), config], types);
            begun = both.catch(() => {});
            const [, result] = await both;
            if (result === undefined) throw new Error('the first statement of a transaction was not answered');
            return result;
          },
        };
        const result = await work(executor(runner));
        const end = last === undefined ? [] : (await last(result)).map(({ text, values }) => query(text, values));
        if (sent) await runTogether(client, [...end, COMMIT()], types);
        else if (end.length > 0) {
          sent = true;
          await runTogether(client, [BEGIN(), ...end, COMMIT()], types);
        }
        return result;
      } catch (error) {
        if (sent) {
          await client.query('rollback').catch((rollbackError: Error) => {
            broken = rollbackError;
          });
        }
        throw error;
      } finally {
        ended = true;
        client.removeListener('error', onError);
        client.release(broken);
      }
    },
    async listen(channel, wake) {
      const end = await keepConnection(
        { ...base, types, application_name: 'millrace listen' },
        { text: `listen ${escapeIdentifier(channel)}` },
        (payload) => {
          if (payload !== self) wake(payload);
        },
        report,
      );
      const here = () => wake('');
      const others = listeners.get(channel);
      if (others === undefined) listeners.set(channel, new Set([here]));
      else others.add(here);
      return async () => {
        listeners.get(channel)?.delete(here);
        await end();
      };
    },
    wake(channel) {
      for (const here of listeners.get(channel) ?? []) here();
      toTell.add(channel);
      telling ??= tell();
    },
    hold: (space, key) =>
      keepConnection({ ...base, types, application_name: 'millrace presence' }, { text: 'select pg_advisory_lock_shared($1, hashtext($2))', values: [space, key] }, () => {}, report),
    load: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    async close() {
      await telling;
      await pool.end();
    },
  };
}

/** One connection outside any pool, for what needs its session or moves rows by COPY. The caller connects and ends `client`. */
export function singleConnection(connection: string | ClientConfig): { readonly client: Client; readonly executor: Executor } {
  const base: ClientConfig = typeof connection === 'string' ? { connectionString: connection } : connection;
  const client = new Client({ ...base, types, application_name: 'millrace' });
  return { client, executor: executor(client) };
}

/** One connection of its own that has run `statement`, and is renewed with growing pauses when it is lost. `wake` takes notifications, and '' after a renewal. */
async function keepConnection(config: ClientConfig, statement: QueryConfig, wake: (payload: string) => void, report: (error: Error) => void): Promise<() => Promise<void>> {
  let closed = false;
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let pause = 100;
  const connect = async (): Promise<void> => {
    const fresh = new Client(config);
    fresh.on('error', report);
    fresh.on('notification', (message) => wake(message.payload ?? ''));
    fresh.on('end', () => {
      if (closed || client !== fresh) return;
      timer = setTimeout(() => void reconnect(), pause);
    });
    try {
      await fresh.connect();
      await fresh.query(statement);
    } catch (error) {
      // One that is open and did not run its statement would be forgotten, and stay open.
      void fresh.end().catch(() => {});
      throw error;
    }
    client = fresh;
    pause = 100;
  };
  const reconnect = async (): Promise<void> => {
    try {
      await connect();
      wake('');
    } catch (error) {
      report(error as Error);
      pause = Math.min(pause * 2, 5_000);
      if (!closed) timer = setTimeout(() => void reconnect(), pause);
    }
  };
  await connect();
  return async () => {
    closed = true;
    clearTimeout(timer);
    await client?.end();
  };
}

/** The SQLSTATE of a database error, or undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined;
}

/** True for a violation of a unique constraint, of the named one when given. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return error instanceof DatabaseError && error.code === '23505' && (constraint === undefined || error.constraint === constraint);
}
