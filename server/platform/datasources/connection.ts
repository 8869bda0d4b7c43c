import type { DataSourceConnection, Protocol } from './interface.ts';
import type { Properties } from './properties.ts';

/** From the properties of a data source to host, port, database and user. */

const protocols: Readonly<Record<string, Protocol>> = {
  postgresql: 'postgresql',
  postgres: 'postgresql',
  analyticdb_for_postgresql: 'postgresql',
  hybriddb_for_postgresql: 'postgresql',
  holo: 'postgresql',
  hologres: 'postgresql',
  redshift: 'postgresql',
  greenplum: 'postgresql',
  kingbasees: 'postgresql',
  mysql: 'mysql',
  mariadb: 'mysql',
  polardb: 'mysql',
  polardb_x: 'mysql',
  drds: 'mysql',
  analyticdb_for_mysql: 'mysql',
  apsaradb_for_oceanbase: 'mysql',
  starrocks: 'mysql',
  doris: 'mysql',
  selectdb: 'mysql',
  tidb: 'mysql',
  rds: 'mysql',
  duckdb: 'duckdb',
  kafka: 'kafka',
  http: 'http',
  https: 'http',
  httpfile: 'http',
  restapi: 'http',
  s3: 's3',
  amazon_s3: 's3',
  minio: 's3',
  cos: 's3',
  obs: 's3',
  oss: 'oss',
};

const defaultPorts: Partial<Record<Protocol, number>> = { postgresql: 5432, mysql: 3306, kafka: 9092 };

/** How a type is spoken to. The older types `rds` and `polardb` say in their sub-type or database type which of two it is. */
export function protocolOf(type: string, subType: string, properties: Properties = {}): Protocol | undefined {
  const name = type.toLowerCase();
  if (name === 'rds' || name === 'polardb') {
    const kind = `${subType} ${text(properties, ['dbType', 'databaseType', 'jdbcUrl', 'url']) ?? ''}`.toLowerCase();
    if (/postgres/.test(kind)) return 'postgresql';
    if (/sqlserver|oracle/.test(kind)) return undefined;
  }
  return Object.hasOwn(protocols, name) ? protocols[name] : undefined;
}

/** The first of the properties that is there, as text. */
function text(properties: Properties, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'number') return String(value);
  }
  return undefined;
}

/** `host:port` of lists such as `[{"host":…,"port":…}]`, of `"a:1,b:2"` and of `["a:1"]`; the first that is there. */
export function addressesOf(properties: Properties): { host: string; port: number | undefined }[] {
  for (const name of ['address', 'addresses', 'bootstrapServers', 'bootstrap.servers', 'brokers', 'server', 'servers', 'endpoint']) {
    const value = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const parts = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? (value as unknown[]) : [];
    const found = parts.flatMap((part) => {
      if (typeof part === 'object' && part !== null) {
        const { host, port } = part as { host?: unknown; port?: unknown };
        return typeof host === 'string' && host !== '' ? [{ host, port: port === undefined ? undefined : Number(port) }] : [];
      }
      if (typeof part !== 'string') return [];
      const match = /^\s*(?:[a-z+]+:\/\/)?(\[[0-9a-f:.]+\]|[^\s:/]+)(?::(\d{1,5}))?\/?\s*$/i.exec(part);
      return match?.[1] === undefined ? [] : [{ host: match[1], port: match[2] === undefined ? undefined : Number(match[2]) }];
    });
    if (found.length > 0) return found;
  }
  return [];
}

/** Host, port, database and settings of `jdbc:<driver>://host:port/database?a=b`, or of the same without `jdbc:`. */
function readUrl(url: string): { host: string; port: number | undefined; database: string | undefined; user: string | undefined; password: string | undefined; options: Record<string, string> } | undefined {
  const parsed = URL.parse(url.replace(/^jdbc:/i, '').replace(/^[a-z0-9]+:(?:[a-z0-9]+:)?\/\//i, 'database://'));
  if (parsed === null || parsed.hostname === '') return undefined;
  const options: Record<string, string> = {};
  for (const [name, value] of parsed.searchParams) options[name] = value;
  const { user, password, ...rest } = options;
  return {
    host: parsed.hostname,
    port: parsed.port === '' ? undefined : Number(parsed.port),
    database: parsed.pathname.length > 1 ? decode(parsed.pathname.slice(1)) : undefined,
    user: decode(parsed.username) || user,
    password: decode(parsed.password) || password,
    options: rest,
  };
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

// `accessKey` is the secret beside an `accessId`, and the id beside a `secretKey`; hence its place at the end of both.
const USER = ['username', 'user', 'userName', 'accessId', 'accessKeyId', 'ak', 'accessKey'];
const PASSWORD = ['password', 'secretAccessKey', 'secretKey', 'accessKeySecret', 'accessSecret', 'sk', 'token', 'accessKey'];
const URLS = ['jdbcUrl', 'url', 'baseUrl', 'endpoint', 'address', 'server'];

/** The connection as a client needs it. Properties that are neither text nor number stay out of the options. */
export function connectionOf(source: { readonly id: number; readonly name: string; readonly type: string; readonly subType: string }, properties: Properties): DataSourceConnection {
  const protocol = protocolOf(source.type, source.subType, properties);
  const url = text(properties, URLS);
  const fromUrl = protocol === 'postgresql' || protocol === 'mysql' ? (text(properties, ['jdbcUrl', 'url']) === undefined ? undefined : readUrl(text(properties, ['jdbcUrl', 'url']) ?? '')) : undefined;
  const [address] = addressesOf(properties);
  const port = Number(text(properties, ['port']));
  const host = fromUrl?.host ?? text(properties, ['host', 'hostname']) ?? (protocol === 'http' || protocol === 'duckdb' ? undefined : address?.host);
  const nested = properties['properties'];
  const further = typeof nested === 'object' && nested !== null ? Object.entries(nested) : [];
  const options = Object.fromEntries([...Object.entries(properties), ...further].flatMap(([name, value]) => (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? [[name, String(value)] as const] : [])));
  return {
    id: source.id,
    name: source.name,
    type: source.type,
    protocol,
    host: host?.replace(/^\[|\]$/g, ''),
    port: host === undefined ? undefined : (fromUrl?.port ?? (Number.isInteger(port) && port > 0 ? port : undefined) ?? (fromUrl === undefined ? address?.port : undefined) ?? (protocol === undefined ? undefined : defaultPorts[protocol])),
    database: fromUrl?.database ?? text(properties, ['database', 'databaseName', 'db']),
    user: text(properties, USER) ?? fromUrl?.user,
    password: text(properties, PASSWORD) ?? fromUrl?.password,
    url,
    options: { ...options, ...fromUrl?.options },
  };
}
