import { Client, DatabaseError } from 'pg';
import { tlsOf, type DataSourceConnection } from '../interface.ts';
import { ProbeFailure, requireAddress, type ProbeContext } from './probe.ts';

/** Classes of SQLSTATE that say something about the properties: authorisation, catalogue name, access rule. */
const CONFIGURATION = /^(28|3D|42|0L|0P)/;

/** Opens a connection to a checked address, runs `work` on it and closes it. */
export async function withPostgres<Result>(context: ProbeContext, work: (query: (text: string) => Promise<Record<string, unknown>[]>) => Promise<Result>): Promise<Result> {
  const { connection, tcp, step, signal, timeoutMs } = context;
  const { host, port } = requireAddress(connection);
  const address = await step('Resolve', `Look up ${host}`, () => tcp.resolve(host, port));
  const client = new Client({ ...settings(connection, host), host: address, port, connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs, statement_timeout: timeoutMs });
  // An error of the connection after it was made ends the query; without a listener it would end the process.
  client.on('error', () => {});
  const abort = () => void client.end().catch(() => {});
  signal.addEventListener('abort', abort, { once: true });
  try {
    await step('Connect', `Connect to ${host}:${port} and sign in`, async () => {
      try {
        await client.connect();
      } catch (error) {
        throw failure(error);
      }
    });
    return await work(async (text) => {
      try {
        return (await client.query(text)).rows as Record<string, unknown>[];
      } catch (error) {
        throw failure(error);
      }
    });
  } finally {
    signal.removeEventListener('abort', abort);
    await client.end().catch(() => {});
  }
}

function settings(connection: DataSourceConnection, host: string) {
  const { tls, verify } = tlsOf(connection.options);
  return {
    user: connection.user ?? '',
    password: connection.password ?? '',
    database: connection.database ?? connection.user ?? '',
    application_name: 'millrace connectivity test',
    ssl: tls ? { rejectUnauthorized: verify, servername: host } : false,
  };
}

function failure(error: unknown): unknown {
  if (error instanceof DatabaseError && CONFIGURATION.test(error.code ?? '')) return new ProbeFailure('ConfigError', error.message, error);
  if (error instanceof Error && /SASL|password|not support SSL/i.test(error.message)) return new ProbeFailure('ConfigError', error.message, error);
  return error;
}

export async function probePostgres(context: ProbeContext): Promise<void> {
  if (context.connection.user === undefined) throw new ProbeFailure('ConfigError', 'The connection properties name no user.');
  await withPostgres(context, (query) => context.step('Query', 'Ask for the version', () => query('select version()')));
}

/** The tables and views that the user may read, as `schema.table`, at most `most`. */
export function postgresTables(context: ProbeContext, most: number): Promise<string[]> {
  return withPostgres(context, async (query) => {
    const rows = await query(`select table_schema || '.' || table_name as name from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema') order by 1 limit ${most}`);
    return rows.map((row) => String(row['name']));
  });
}
