import { Client } from 'pg';

/** How to reach a PostgreSQL; `host` is the folder of a Unix socket or a host name. */
export interface PostgresConnection {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

/** The connection as an address that `pg` and libpq's programs understand, for the same or another database. */
export function connectionUrl(connection: PostgresConnection, database: string = connection.database): string {
  const { host, port, user, password } = connection;
  // A folder does not fit into the host part of an address; as a parameter it overrides that part.
  return `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@localhost:${port}/${encodeURIComponent(database)}?host=${encodeURIComponent(host)}`;
}

/** What a server said to an attempt to connect. */
export type Answer =
  | { kind: 'ready'; client: Client }
  /** Nothing listens: no socket file, or one without a process behind it. */
  | { kind: 'silent' }
  /** It listens, and is starting up or shutting down, or did not answer in time. */
  | { kind: 'busy' }
  /** It listens, and the database does not exist. */
  | { kind: 'no database' }
  /** It refuses us for a reason that waiting does not cure. */
  | { kind: 'refused'; error: Error };

/** Tries to connect once. The caller ends a returned client. */
export async function knock(connection: PostgresConnection, applicationName: string): Promise<Answer> {
  const client = new Client({ ...connection, application_name: applicationName, connectionTimeoutMillis: 2000 });
  // A connection that breaks later reports here; without a listener it would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    return { kind: 'ready', client };
  } catch (error) {
    void client.end().catch(() => {});
    return classify(error as Error & { code?: string });
  }
}

function classify(error: Error & { code?: string }): Answer {
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return { kind: 'silent' };
    case '3D000':
      return { kind: 'no database' };
    case '28P01':
    case '28000':
    case 'EACCES':
      return { kind: 'refused', error };
    default:
      // 57P03 while it starts or stops, 53300 when it is full, a reset, a time-out.
      return { kind: 'busy' };
  }
}
