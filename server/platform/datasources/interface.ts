import type { Change } from '../../kernel/change.ts';
import type { Executor } from '../../kernel/database.ts';

/** How a data source is spoken to, whatever its type is called. */
export type Protocol = 'postgresql' | 'mysql' | 'duckdb' | 'kafka' | 'http' | 's3' | 'oss';

/** A data source with its secrets in the clear. It is never logged and never answered. */
export interface DataSourceConnection {
  readonly id: number;
  readonly name: string;
  /** As it was given, such as `hologres`. */
  readonly type: string;
  /** Undefined for types that are kept as records only. */
  readonly protocol: Protocol | undefined;
  /** Undefined when the properties name none, as in the mode that names an instance of the vendor's cloud. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly database: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** The JDBC or HTTP URL, or the endpoint of a store, where the properties have one. */
  readonly url: string | undefined;
  /** Further settings by name: those of the URL and all other plain properties. */
  readonly options: Readonly<Record<string, string>>;
}

/** What other domains ask of data sources. */
export interface DataSources {
  /**
   * The connection for running code, secrets opened; undefined when the workspace has no data source of the name in the environment and none is
   * shared with it, or when it is disabled. A compute resource of the name serves as well. `userId` is needed for those that are shared with one user only.
   */
  open(db: Executor, workspaceId: number, environment: 'DEV' | 'PROD', name: string, userId?: number): Promise<DataSourceConnection | undefined>;
  /** Deletes the data sources and compute resources of a workspace that is being deleted, and the rules that share others with it. */
  removeWorkspace(change: Change, workspaceId: number): Promise<void>;
}

/** Whether the settings ask for TLS, and whether the certificate must then be one that somebody vouches for. */
export function tlsOf(options: Readonly<Record<string, string>>): { tls: boolean; verify: boolean } {
  const mode = (options['sslmode'] ?? options['sslMode'] ?? options['ssl-mode'] ?? '').toLowerCase().replace('_', '-');
  const on = ['ssl', 'useSSL', 'tls', 'useTLS'].some((name) => options[name]?.toLowerCase() === 'true') || /ssl/i.test(options['securityProtocol'] ?? options['security.protocol'] ?? '');
  const strict = mode.startsWith('verify') || options['verifyServerCertificate']?.toLowerCase() === 'true';
  return { tls: on || strict || mode.startsWith('require'), verify: strict };
}
