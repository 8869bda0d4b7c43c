import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { ProbeFailure, requireAddress, type ProbeContext } from './probe.ts';
import { tlsOf } from '../interface.ts';

const CONFIGURATION = new Set(['ER_ACCESS_DENIED_ERROR', 'ER_DBACCESS_DENIED_ERROR', 'ER_BAD_DB_ERROR', 'ER_NOT_SUPPORTED_AUTH_MODE', 'ER_HOST_NOT_PRIVILEGED', 'HANDSHAKE_NO_SSL_SUPPORT', 'ER_ACCOUNT_HAS_BEEN_LOCKED', 'ER_MUST_CHANGE_PASSWORD', 'AUTH_SWITCH_PLUGIN_ERROR']);

/** Opens a connection to a checked address, runs `work` on it and closes it. */
async function withMysql<Result>(context: ProbeContext, work: (query: (text: string) => Promise<Record<string, unknown>[]>) => Promise<Result>): Promise<Result> {
  const { connection, tcp, step, signal, timeoutMs } = context;
  const { host, port } = requireAddress(connection);
  const { tls, verify } = tlsOf(connection.options);
  const socket = await step('Connect', `Connect to ${host}:${port}`, () => tcp.connect({ host, port, signal }));
  socket.on('error', () => {});
  let client: Connection | undefined;
  try {
    client = await step('Login', 'Sign in', async () => {
      try {
        return await createConnection({
          // Already connected to the checked address; the name is for the certificate.
          stream: () => socket,
          host,
          port,
          user: connection.user ?? '',
          password: connection.password ?? '',
          ...(connection.database === undefined ? {} : { database: connection.database }),
          connectTimeout: timeoutMs,
          // A server that asks for a file of this machine gets none.
          flags: ['-LOCAL_FILES'],
          ...(tls ? { ssl: { rejectUnauthorized: verify, verifyIdentity: verify } } : {}),
        });
      } catch (error) {
        throw failure(error);
      }
    });
    client.on('error', () => {});
    const open = client;
    return await work(async (text) => {
      try {
        const [rows] = await open.query<RowDataPacket[]>({ sql: text, timeout: timeoutMs });
        return rows;
      } catch (error) {
        throw failure(error);
      }
    });
  } finally {
    client?.destroy();
    socket.destroy();
  }
}

function failure(error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string };
  return code !== undefined && CONFIGURATION.has(code) ? new ProbeFailure('ConfigError', message ?? code, error) : error;
}

export async function probeMysql(context: ProbeContext): Promise<void> {
  if (context.connection.user === undefined) throw new ProbeFailure('ConfigError', 'The connection properties name no user.');
  await withMysql(context, (query) => context.step('Query', 'Ask for the version', () => query('select version()')));
}

/** The tables and views of the database, at most `most`. */
export function mysqlTables(context: ProbeContext, most: number): Promise<string[]> {
  return withMysql(context, async (query) => {
    const rows = await query(`select concat(table_schema, '.', table_name) as name from information_schema.tables where table_schema not in ('mysql', 'sys', 'performance_schema', 'information_schema') order by 1 limit ${most}`);
    return rows.map((row) => String(row['name']));
  });
}
