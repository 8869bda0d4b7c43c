import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { limits } from './kernel/limits.ts';
import { processRoles, type ProcessRole } from './kernel/module.ts';
import { compressions, type Compression } from './openevent/index.ts';

/** How a process of Millrace is set up, read from the environment once. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly dataFolder: string;
  /** Outside PostgreSQL; the embedded one when undefined. */
  readonly databaseUrl: string | undefined;
  readonly regions: readonly string[];
  readonly timeZone: string;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly masterKey: string | undefined;
  readonly allowedTargets: readonly string[];
  /** Bearer token for `GET /metrics`; without one it answers to this machine only. */
  readonly metricsToken: string | undefined;
  /** Host, with its port unless that is 443, below which clients reach `millrace.<host>` over TLS to upload files. */
  readonly uploadEndpoint: string;
  readonly sample: boolean;
  readonly admin: {
    readonly userName: string;
    readonly password: string | undefined;
    readonly accessKeyId: string | undefined;
    readonly accessKeySecret: string | undefined;
  };
  /** The built-in Kafka listener; none when undefined. */
  readonly kafka:
    | {
        readonly host: string;
        readonly port: number;
        readonly advertised: { readonly host: string; readonly port: number } | undefined;
        readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
        readonly groups: number;
        readonly compression: Compression;
      }
    | undefined;
  /** The Apache Kafka cluster that events are written to; none when undefined. */
  readonly kafkaCluster:
    | {
        readonly brokers: readonly string[];
        readonly sasl: { readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'; readonly username: string; readonly password: string } | undefined;
        readonly tls: { readonly caFile: string | undefined; readonly certFile: string | undefined; readonly keyFile: string | undefined } | undefined;
        readonly replicas: number | undefined;
        readonly users: boolean;
      }
    | undefined;
  /** What this process does besides answering calls. */
  readonly roles: readonly ProcessRole[];
  readonly logLevel: string;
  /** Name of this machine in leases. */
  readonly machine: string;
}

/** Reads the configuration. Throws an Error for the operator that names the variable at fault. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const text = (name: string) => (env[name] === undefined || env[name] === '' ? undefined : env[name]);
  const list = (name: string) =>
    (text(name) ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  const port = Number(text('MILLRACE_PORT') ?? '8080');
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`MILLRACE_PORT must be a port number, not ${text('MILLRACE_PORT')}`);
  const regions = list('MILLRACE_REGIONS').map((region) => region.toLowerCase());
  for (const region of regions) if (!/^[a-z]{2}-[a-z0-9-]+$/.test(region)) throw new Error(`MILLRACE_REGIONS has ${region}; a region looks like cn-shanghai`);
  const certFile = text('MILLRACE_TLS_CERT');
  const keyFile = text('MILLRACE_TLS_KEY');
  if ((certFile === undefined) !== (keyFile === undefined)) throw new Error('MILLRACE_TLS_CERT and MILLRACE_TLS_KEY go together');
  const roles = text('MILLRACE_ROLES') === undefined ? processRoles : list('MILLRACE_ROLES').filter((role) => role !== 'api');
  for (const role of roles) if (!(processRoles as readonly string[]).includes(role)) throw new Error(`MILLRACE_ROLES has ${role}; the roles are api (always), ${processRoles.join(', ')}`);
  const timeZone = text('MILLRACE_TIME_ZONE') ?? 'Asia/Shanghai';
  try {
    Intl.DateTimeFormat('en', { timeZone });
  } catch {
    throw new Error(`MILLRACE_TIME_ZONE must be a name such as Asia/Shanghai, not ${timeZone}`);
  }
  const files = (name: string) => {
    const cert = text(`${name}_CERT`);
    const key = text(`${name}_KEY`);
    if ((cert === undefined) !== (key === undefined)) throw new Error(`${name}_CERT and ${name}_KEY go together`);
    return cert === undefined || key === undefined ? undefined : { certFile: cert, keyFile: key };
  };
  const address = (name: string, defaultPort: number) => {
    const given = text(name);
    if (given === undefined) return undefined;
    const [, bracketed, plain = '', portText] = /^(?:\[([^\]]+)\]|([^:\s]*))(?::(\d{1,5}))?$/.exec(/^\d+$/.test(given) ? `:${given}` : given) ?? [];
    const number = portText === undefined ? defaultPort : Number(portText);
    if (portText === undefined && bracketed === undefined && plain === '') throw new Error(`${name} must look like 127.0.0.1:9092, not ${given}`);
    if (number > 65_535) throw new Error(`${name} must have a port number, not ${portText}`);
    return { host: bracketed ?? (plain === '' ? (text('MILLRACE_HOST') ?? '127.0.0.1') : plain), port: number };
  };
  const kafkaListen = address('MILLRACE_KAFKA_LISTEN', 9_092);
  const kafkaGroups = Number(text('MILLRACE_KAFKA_GROUPS') ?? limits.kafkaGroupsPerTenant.value);
  if (!Number.isInteger(kafkaGroups) || kafkaGroups < 1) throw new Error(`MILLRACE_KAFKA_GROUPS must be a number of groups, not ${text('MILLRACE_KAFKA_GROUPS')}`);
  const compression = text('MILLRACE_KAFKA_COMPRESSION')?.toLowerCase() ?? 'none';
  const kafkaCompression = compressions.find((one) => one === compression);
  if (kafkaCompression === undefined) throw new Error(`MILLRACE_KAFKA_COMPRESSION must be one of ${compressions.join(', ')}, not ${compression}`);
  return {
    host: text('MILLRACE_HOST') ?? '127.0.0.1',
    port,
    dataFolder: resolve(text('MILLRACE_DATA') ?? './data'),
    databaseUrl: text('DATABASE_URL'),
    regions,
    timeZone,
    roles: roles as readonly ProcessRole[],
    tls: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
    masterKey: text('MILLRACE_MASTER_KEY'),
    allowedTargets: list('MILLRACE_ALLOW_TARGETS'),
    metricsToken: text('MILLRACE_METRICS_TOKEN'),
    uploadEndpoint: text('MILLRACE_UPLOAD_ENDPOINT') ?? `localhost:${port}`,
    sample: text('MILLRACE_SAMPLE')?.toLowerCase() !== 'off',
    admin: {
      userName: text('MILLRACE_ADMIN_USER') ?? 'admin',
      password: text('MILLRACE_ADMIN_PASSWORD'),
      accessKeyId: text('MILLRACE_ADMIN_ACCESS_KEY_ID'),
      accessKeySecret: text('MILLRACE_ADMIN_ACCESS_KEY_SECRET'),
    },
    kafka:
      kafkaListen === undefined
        ? undefined
        : {
            ...kafkaListen,
            advertised: address('MILLRACE_KAFKA_ADVERTISED', 0),
            tls: files('MILLRACE_KAFKA_TLS'),
            groups: kafkaGroups,
            compression: kafkaCompression,
          },
    kafkaCluster: readKafkaCluster(text, list),
    logLevel: text('MILLRACE_LOG_LEVEL') ?? 'warn',
    machine: hostname(),
  };
}

const clusterMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

function readKafkaCluster(text: (name: string) => string | undefined, list: (name: string) => string[]): Config['kafkaCluster'] {
  const brokers = list('MILLRACE_KAFKA_BROKERS').map((broker) => (/:\d+$/.test(broker) ? broker : `${broker}:9092`));
  const name = (rest: string) => `MILLRACE_KAFKA_CLUSTER_${rest}`;
  const isOn = (rest: string) => {
    const given = text(name(rest))?.toLowerCase() ?? 'off';
    if (given !== 'on' && given !== 'off') throw new Error(`${name(rest)} must be on or off, not ${given}`);
    return given === 'on';
  };
  if (brokers.length === 0) return undefined;
  for (const broker of brokers) {
    const [, port] = /^(?:\[[0-9a-fA-F:.]+\]|[^:\s/]+):(\d{1,5})$/.exec(broker) ?? [];
    if (port === undefined || Number(port) < 1 || Number(port) > 65_535) throw new Error(`MILLRACE_KAFKA_BROKERS has ${broker}; a broker looks like kafka-1.example.com:9092`);
  }
  const username = text(name('USER'));
  const password = text(name('PASSWORD'));
  if ((username === undefined) !== (password === undefined)) throw new Error(`${name('USER')} and ${name('PASSWORD')} go together`);
  const given = text(name('MECHANISM'))?.toUpperCase() ?? 'SCRAM-SHA-512';
  const mechanism = clusterMechanisms.find((one) => one === given);
  if (mechanism === undefined) throw new Error(`${name('MECHANISM')} must be one of ${clusterMechanisms.join(', ')}, not ${given}`);
  const files = { caFile: text(name('TLS_CA')), certFile: text(name('TLS_CERT')), keyFile: text(name('TLS_KEY')) };
  if ((files.certFile === undefined) !== (files.keyFile === undefined)) throw new Error(`${name('TLS_CERT')} and ${name('TLS_KEY')} go together`);
  const replicas = text(name('REPLICAS'));
  if (replicas !== undefined && !/^[1-9]\d{0,2}$/.test(replicas)) throw new Error(`${name('REPLICAS')} must be a number of copies, not ${replicas}`);
  return {
    brokers,
    sasl: username === undefined || password === undefined ? undefined : { mechanism, username, password },
    tls: isOn('TLS') || files.caFile !== undefined || files.certFile !== undefined ? files : undefined,
    replicas: replicas === undefined ? undefined : Number(replicas),
    users: isOn('USERS'),
  };
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
