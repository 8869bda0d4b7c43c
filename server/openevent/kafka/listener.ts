import { createServer as createTcpServer, isIP, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { randomBytes } from 'node:crypto';
import type { WorkspaceDirectory } from '../../identity/directory.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import type { IdSource } from '../../kernel/ids.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { Service } from '../../kernel/module.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import type { Envelope } from '../envelope.ts';
import type { EventLog, LogEvent } from '../log.ts';
import { joinCluster, type Cluster } from './cluster.ts';
import { serveConnection, type Connection } from './connection.ts';
import { createCoordinator } from './coordinator.ts';
import type { Services } from './handlers/context.ts';
import { startIndexer, type Indexer } from './indexer.ts';
import { patiently } from './patience.ts';
import type { Compression } from './protocol/compression.ts';
import { createRecords } from './records.ts';
import { mechanisms as allMechanisms, type Credential, type Mechanism, type Verifiers } from './sasl.ts';
import { RECORD_CHANNEL, type CounterRow } from './store.ts';
import type { Reader } from './topics.ts';
import { findUserByLogin, passwordPurpose, USER_PREFIX, verifierPurpose } from './user-store.ts';
import { createWatermarks } from './watermarks.ts';

/** How the listener is set up. */
export interface KafkaSettings {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** The address that clients are told to connect to; that of the listener when undefined. A port of 0 means the listener's. */
  readonly advertised: { readonly host: string; readonly port: number } | undefined;
  /** Certificate and key in PEM; plain TCP when undefined. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Consumer groups of one tenant. */
  readonly groups: number;
  /** How records are packed on the wire; not at all when absent. With zstd, clients whose requests are older than it get them unpacked. */
  readonly compression?: Compression;
}

export interface KafkaListener extends Service {
  /** Where clients connect to, once it has started. */
  address(): { readonly host: string; readonly port: number } | undefined;
  readonly securityProtocol: 'SASL_SSL' | 'SASL_PLAINTEXT';
  readonly mechanisms: readonly Mechanism[];
  /** Gives offsets to all events that are in the log now, where this process does that. For tests and the benchmark. */
  wake(): void;
  /** Topics whose ends are kept. For tests. */
  watched(): number;
}

export interface KafkaOptions {
  readonly settings: KafkaSettings;
  readonly database: Database;
  /** May commit without waiting for the disk. */
  readonly relaxed: Database;
  readonly events: Pick<EventLog, 'read'>;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly secrets: SecretBox;
  readonly log: Log;
  readonly directory: Pick<WorkspaceDirectory, 'find'>;
  readonly wrap: (event: LogEvent, publishedAt: Date) => Promise<Envelope>;
  /** Names this process among all that share the database; never the same twice. */
  readonly owner: string;
}

/**
 * Clients take a connection that is closed while they sign in for a wrong password, and some give up for good then; so a database that is away for a moment is
 * waited for. Shorter than they wait themselves.
 */
const USER_PATIENCE_MS = 8_000;

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/**
 * Listens as a Kafka broker for consumers. Every process serves every topic; the one that holds the lease gives offsets to events and coordinates
 * the groups.
 */
export function createKafkaListener(options: KafkaOptions): KafkaListener {
  const { settings, database, relaxed, events, clock, ids, secrets, log, directory, owner } = options;
  // A password in clear text goes over no open network.
  const mechanisms = settings.tls !== undefined || isLoopback(settings.host) ? allMechanisms : allMechanisms.filter((one) => one !== 'PLAIN');
  const connections = new Set<Connection>();
  const saltSecret = randomBytes(32);
  let server: Server | undefined;
  let cluster: Cluster | undefined;
  let indexer: Indexer | undefined;
  let ending: Promise<void> = Promise.resolve();
  let unlisten: (() => Promise<void>)[] = [];
  let cancelRefresh = () => {};
  let stopped = true;

  const partitions = () => cluster?.partitions() ?? 0;
  const watermarks = createWatermarks(database, partitions);
  const records = createRecords({ database, wrap: options.wrap, compression: settings.compression ?? 'none' });
  const coordinator = createCoordinator({ database, clock, newId: () => ids.token(12), owner, mostGroups: settings.groups });

  async function findUser(login: string): Promise<Credential<Reader> | undefined> {
    const row = login.includes('\0') ? undefined : await patiently(clock, USER_PATIENCE_MS, () => findUserByLogin(database, login));
    if (row === undefined) return undefined;
    return {
      user: {
        userId: row.id,
        tenantId: row.tenant_id,
        login: row.login,
        workspaces: row.workspaces === null ? undefined : new Set(row.workspaces),
        tenantEvents: row.tenant_events,
        types: row.types.length === 0 ? undefined : new Set(row.types),
      },
      password: secrets.open(row.password, passwordPurpose(row.id)),
      verifiers: JSON.parse(secrets.open(row.verifiers, verifierPurpose(row.id))) as Verifiers,
    };
  }

  function unsent(): number {
    let sum = 0;
    for (const connection of connections) sum += connection.unsent();
    return sum;
  }

  /** Small answers when much has not been taken yet, so that slow readers cannot fill the memory. */
  function room(): number {
    const left = Math.max(0, limits.kafkaUnsentBytes.value - unsent());
    return Math.max(64 * 1024, Math.min(limits.kafkaFetchBytes.value, Math.floor(left / 4)));
  }

  function stopIndexer(): void {
    const old = indexer;
    indexer = undefined;
    if (old !== undefined) ending = ending.then(() => old.stop());
  }

  function accept(joined: Cluster, socket: Socket): void {
    const services: Services = { database, clock, directory, cluster: joined, coordinator, records, watermarks, compression: settings.compression ?? 'none', settled: () => indexer?.caughtUp() ?? true, room };
    const connection = serveConnection({ socket, clock, log, services, mechanisms, findUser, secret: saltSecret, onClose: () => connections.delete(connection) });
    connections.add(connection);
  }

  function onRecords(payload: string): void {
    if (payload === '') {
      void refresh();
      return;
    }
    const counters = (JSON.parse(payload) as [number, number, number, number][]).map(([tenantId, workspaceId, partition, next]): CounterRow => ({ tenantId, workspaceId, partition, next }));
    watermarks.apply(counters);
  }

  function refresh(): Promise<void> {
    return watermarks.refresh().catch((error: unknown) => log.warn({ err: error }, 'the ends of Kafka topics could not be read and will be tried again'));
  }

  function onChange(payload: string): void {
    // Empty: the listening connection was renewed, and changes may have been missed.
    if (payload !== '' && !payload.startsWith(USER_PREFIX)) return;
    const id = payload === '' ? undefined : Number(payload.slice(USER_PREFIX.length));
    for (const connection of connections) if (id === undefined || connection.userId() === id) connection.close();
  }

  function planRefresh(): void {
    // Backstop of the messages between processes, and how the first offsets follow the log's retention.
    cancelRefresh = clock.after(limits.kafkaLeaseMs.value / 3, () => {
      void refresh().finally(() => {
        if (!stopped) planRefresh();
      });
    });
  }

  let bound: { host: string; port: number } | undefined;

  return {
    name: 'kafka',
    securityProtocol: settings.tls === undefined ? 'SASL_PLAINTEXT' : 'SASL_SSL',
    mechanisms,
    address: () => bound,
    wake: () => indexer?.wake(),
    watched: () => watermarks.size(),
    async start() {
      stopped = false;
      const waiting: Socket[] = [];
      const onSocket = (socket: Socket) => {
        socket.on('error', () => {});
        if (cluster === undefined) waiting.push(socket);
        else accept(cluster, socket);
      };
      const listening = settings.tls === undefined ? createTcpServer(onSocket) : createTlsServer({ ...settings.tls, handshakeTimeout: limits.kafkaLoginMs.value }, onSocket);
      listening.maxConnections = limits.kafkaConnections.value;
      listening.on('tlsClientError', (error: Error) => log.debug({ err: error }, 'a Kafka client failed at the TLS handshake'));
      server = listening;
      await new Promise<void>((resolve, reject) => {
        listening.once('error', reject);
        listening.listen({ host: settings.host, port: settings.port }, () => {
          listening.removeListener('error', reject);
          listening.on('error', (error: Error) => log.error({ err: error }, 'the Kafka listener has a fault'));
          resolve();
        });
      });
      const { port } = listening.address() as AddressInfo;
      const host = settings.advertised?.host ?? (isIP(settings.host) !== 0 && /^(0\.0\.0\.0|::)$/.test(settings.host) ? 'localhost' : settings.host);
      bound = { host, port: settings.advertised === undefined || settings.advertised.port === 0 ? port : settings.advertised.port };
      unlisten = [
        await database.listen(RECORD_CHANNEL, onRecords),
        await database.listen('millrace_cache', onChange),
        await database.listen('millrace_event', () => indexer?.wake()),
      ];
      const lose = () => {
        coordinator.end();
        stopIndexer();
      };
      cluster = await joinCluster({
        database,
        clock,
        log,
        owner,
        ...bound,
        onGained(state) {
          coordinator.begin(state.epoch);
          indexer = startIndexer({ database: relaxed, events, clock, log, owner, state, records, watermarks, onLost: lose });
        },
        onLost: lose,
      });
      for (const socket of waiting) if (!socket.destroyed) accept(cluster, socket);
      planRefresh();
    },
    async stop() {
      stopped = true;
      cancelRefresh();
      const closing = server === undefined ? Promise.resolve() : new Promise<void>((resolve) => server?.close(() => resolve()));
      for (const connection of connections) connection.close();
      coordinator.end();
      stopIndexer();
      await Promise.all(unlisten.map((end) => end()));
      unlisten = [];
      await ending;
      await cluster?.stop();
      cluster = undefined;
      await closing;
      bound = undefined;
    },
  };
}
