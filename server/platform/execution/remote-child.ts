import { createConnection, type Connection, type FieldPacket } from 'mysql2/promise';
import { Client, type ClientConfig, type QueryResult } from 'pg';
import { createOutbound } from '../../kernel/outbound.ts';
import { createTcpOutbound } from '../../kernel/outbound-tcp.ts';
import { print, readJob, showValue, table } from './result-table.ts';

/**
 * Runs one task that calls another server, in a process of its own: SQL on a PostgreSQL- or MySQL-speaking data source, or an HTTP call. The job comes as
 * JSON on the standard input, so that no secret stands in a command line or environment; the log goes to the standard output; the exit code is 1 when
 * it fails. Told to end, it has the other server give the statement up before it goes.
 */
export type RemoteJob =
  | {
      readonly kind: 'postgresql' | 'mysql';
      readonly sql: string;
      readonly rows: number;
      readonly host: string;
      readonly port: number;
      readonly database: string | undefined;
      readonly user: string | undefined;
      readonly password: string | undefined;
      readonly tls: boolean;
      readonly verify: boolean;
      readonly connectMs: number;
      readonly guard: Guard;
    }
  | { readonly kind: 'http'; readonly request: HttpCall; readonly timeoutMs: number; readonly guard: Guard };

interface Guard {
  readonly allowLoopback: boolean;
  readonly allowed: readonly string[];
}

/** What the code of an HTTP task says. */
export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Statuses that count as success; empty for 200 to 299. */
  readonly expect: readonly number[];
}

type SqlJob = Extract<RemoteJob, { kind: 'postgresql' | 'mysql' }>;

/** Longest part of an answer that stands in the log. */
const ANSWER_CHARACTERS = 20_000;

function whenTold(giveUp: () => Promise<void>): void {
  process.once('SIGTERM', () => {
    print('--- the statement is being given up ---');
    void giveUp()
      .catch((error: unknown) => print(String(error)))
      .finally(() => process.exit(1));
  });
}

function printRows(which: string, names: readonly string[], rows: readonly (readonly unknown[])[], most: number): void {
  print(`${which} ${rows.length > most ? `the first ${most} of ${rows.length} rows` : `${rows.length} rows`}`);
  print(table(names, rows.slice(0, most).map((row) => row.map(showValue))));
}

async function postgres(job: SqlJob): Promise<void> {
  const tcp = createTcpOutbound(job.guard);
  const settings = async () => ({
    host: await tcp.resolve(job.host, job.port),
    port: job.port,
    user: job.user ?? '',
    password: job.password ?? '',
    database: job.database ?? job.user ?? '',
    connectionTimeoutMillis: job.connectMs,
    application_name: 'millrace task',
    ssl: job.tls ? { rejectUnauthorized: job.verify, servername: job.host } : (false as const),
  });
  const client = new Client(await settings());
  client.on('error', () => {});
  client.on('notice', (notice) => print(`NOTICE: ${notice.message ?? ''}`));
  await client.connect();
  try {
    await queryPostgres(client, job, settings);
  } finally {
    // An open connection would keep the process.
    await client.end().catch(() => {});
  }
}

async function queryPostgres(client: Client, job: SqlJob, settings: () => Promise<ClientConfig>): Promise<void> {
  // Should this process be killed, the server notices and gives up too, where it knows how to.
  await client.query("set client_connection_check_interval = '2s'").catch(() => {});
  const backend = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid;
  whenTold(async () => {
    const other = new Client(await settings());
    await other.connect();
    await other.query('select pg_cancel_backend($1)', [backend]);
    await other.end();
  });
  const answer = (await client.query({ text: job.sql, rowMode: 'array' })) as unknown as QueryResult<unknown[]> | QueryResult<unknown[]>[];
  const results = Array.isArray(answer) ? answer : [answer];
  for (const [index, result] of results.entries()) {
    const which = `[${index + 1}/${results.length}]`;
    if (result.fields.length > 0) printRows(which, result.fields.map((field) => field.name), result.rows, job.rows);
    else print(`${which} ${result.command ?? 'done'}${result.rowCount === null ? '' : ` ${result.rowCount} rows`}`);
  }
}

async function mysql(job: SqlJob): Promise<void> {
  const tcp = createTcpOutbound(job.guard);
  const open = async () => {
    // Only signing in has a time of its own; the statements have that of the task.
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), job.connectMs);
    try {
      const socket = await tcp.connect({ host: job.host, port: job.port, signal: late.signal });
      return await createConnection({
        stream: () => socket,
        host: job.host,
        user: job.user ?? '',
        password: job.password ?? '',
        ...(job.database === undefined ? {} : { database: job.database }),
        multipleStatements: true,
        rowsAsArray: true,
        // A server that asks for a file of this machine gets none.
        flags: ['-LOCAL_FILES'],
        ...(job.tls ? { ssl: { rejectUnauthorized: job.verify, verifyIdentity: job.verify } } : {}),
      });
    } finally {
      clearTimeout(timer);
    }
  };
  const client = await open();
  client.on('error', () => {});
  try {
    await queryMysql(client, job, open);
  } finally {
    client.destroy();
  }
}

async function queryMysql(client: Connection, job: SqlJob, open: () => Promise<Connection>): Promise<void> {
  whenTold(async () => {
    const other = await open();
    await other.query(`kill query ${client.threadId}`);
    await other.end();
  });
  const [answer, columns] = (await client.query(job.sql)) as unknown as [unknown, unknown];
  // Several statements answer lists of lists, one statement its own result.
  const several = Array.isArray(columns) && columns.some((one) => one === undefined || Array.isArray(one));
  const results = several ? (answer as unknown[]).map((one, index) => [one, (columns as unknown[])[index]] as const) : [[answer, columns] as const];
  for (const [index, [rows, fields]] of results.entries()) {
    const which = `[${index + 1}/${results.length}]`;
    if (Array.isArray(rows)) printRows(which, ((fields ?? []) as FieldPacket[]).map((field) => field.name), rows as unknown[][], job.rows);
    else print(`${which} ${(rows as { affectedRows?: number }).affectedRows ?? 0} rows changed`);
  }
}

async function http(job: Extract<RemoteJob, { kind: 'http' }>): Promise<void> {
  const outbound = createOutbound(job.guard);
  const { method, url, headers, body, expect } = job.request;
  print(`${method} ${url.replace(/\?.*$/s, '?…')}`);
  const answer = await outbound.request({ method, url, headers, timeoutMs: job.timeoutMs, ...(body === undefined ? {} : { body }) }).finally(() => outbound.close());
  print(`${answer.status} after ${answer.durationMs} ms, ${answer.text.length} characters`);
  print(answer.text.slice(0, ANSWER_CHARACTERS));
  const good = expect.length === 0 ? answer.status >= 200 && answer.status < 300 : expect.includes(answer.status);
  if (!good) throw new Error(`the answer has the status ${answer.status}; ${expect.length === 0 ? '200 to 299' : expect.join(', ')} was expected`);
}

try {
  const job = await readJob<RemoteJob>();
  if (job.kind === 'http') await http(job);
  else await (job.kind === 'postgresql' ? postgres(job) : mysql(job));
} catch (error) {
  print(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
