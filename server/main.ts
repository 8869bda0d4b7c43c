import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { isLoopback, readConfig, type Config } from './config.ts';
import { CONSOLE_PATH, serveConsole } from './console.ts';
import { buildHouse, type House } from './house.ts';
import { bootstrapTenant, type FirstTenant } from './identity/index.ts';
import { systemClock } from './kernel/clock.ts';
import { openDatabase, type Database } from './kernel/database.ts';
import { randomIds } from './kernel/ids.ts';
import { limits } from './kernel/limits.ts';
import type { Log } from './kernel/log.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './kernel/postgres/supervisor.ts';
import { loadMasterKey, secretBox } from './kernel/secrets.ts';
import { prepareDatabase, schemaFaults } from './modules.ts';
import { createHttpServer } from './openapi/http.ts';
import { registerMetrics } from './openapi/index.ts';
import { makeSample } from './sample.ts';

/** A running server. */
export interface RunningServer {
  readonly url: string;
  readonly house: House;
  /** The first account, when this start made it. */
  readonly first: FirstTenant | undefined;
  stop(): Promise<void>;
}

const CONSOLE_FOLDER = fileURLToPath(new URL('../console/dist/', import.meta.url));

/** Starts everything on the configured data and listens. `say` takes lines for the operator. */
export async function startServer(config: Config, log: Log, say: (line: string) => void, onFatal: (reason: string) => void): Promise<RunningServer> {
  let postgres: EmbeddedPostgres | undefined;
  if (config.databaseUrl === undefined) {
    postgres = await startEmbeddedPostgres({ dataDir: config.dataFolder, log: (line) => log.info({}, line), onExit: onFatal });
  }
  const closers: (() => Promise<void>)[] = [];
  try {
    const connection = postgres?.connection ?? config.databaseUrl ?? '';
    const onError = (error: Error) => log.warn({ err: error }, 'a database connection was lost');
    const timeouts = `-c idle_in_transaction_session_timeout=${limits.idleTransactionMs.value}`;
    const database = openDatabase({ connection: withOptions(connection, timeouts), connections: limits.databaseConnections.value, onError });
    closers.push(() => database.close());
    const relaxed = openDatabase({ connection: withOptions(connection, `${timeouts} -c synchronous_commit=off`), connections: 3, onError });
    closers.push(() => relaxed.close());

    const migrated = await prepareDatabase(database, systemClock.now(), (line) => log.info({}, `migrated ${line}`));
    if (migrated > 0) say(`  database ready (${migrated} migrations)`);
    const faults = await schemaFaults(database);
    if (faults.length > 0) throw new Error(`the database is not as this release expects it:\n  ${faults.slice(0, 10).join('\n  ')}`);
    const secrets = secretBox(await loadMasterKey(join(config.dataFolder, 'master.key'), config.masterKey));
    const { kafka } = config;
    const kafkaTls = kafka?.tls === undefined ? undefined : { cert: await readFile(kafka.tls.certFile, 'utf8'), key: await readFile(kafka.tls.keyFile, 'utf8') };
    const pem = async (file: string | undefined) => (file === undefined ? undefined : await readFile(file, 'utf8'));
    const { kafkaCluster } = config;
    const clusterTls = kafkaCluster?.tls === undefined ? undefined : { ca: await pem(kafkaCluster.tls.caFile), cert: await pem(kafkaCluster.tls.certFile), key: await pem(kafkaCluster.tls.keyFile) };
    const house = buildHouse({
      database,
      relaxed,
      clock: systemClock,
      ids: randomIds,
      log,
      secrets,
      regions: config.regions,
      timeZone: config.timeZone,
      dataFolder: config.dataFolder,
      searchPath: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
      allowLoopback: isLoopback(config.host),
      allowedTargets: config.allowedTargets,
      publishAddress: config.host,
      roles: config.roles,
      uploadEndpoint: config.uploadEndpoint,
      validatePayloads: false,
      kafka: kafka === undefined ? undefined : { ...kafka, tls: kafkaTls },
      kafkaCluster: kafkaCluster === undefined ? undefined : { ...kafkaCluster, tls: clusterTls },
    });
    const { admin } = config;
    const first = await bootstrapTenant({
      database,
      changes: house.changes,
      secrets,
      ids: randomIds,
      userName: admin.userName,
      password: admin.password,
      accessKeyId: admin.accessKeyId,
      accessKeySecret: admin.accessKeySecret,
    });
    await house.start();
    closers.push(() => house.stop());

    const hasConsole = existsSync(join(CONSOLE_FOLDER, 'index.html'));
    const tls = config.tls === undefined ? undefined : { cert: await readFile(config.tls.certFile, 'utf8'), key: await readFile(config.tls.keyFile, 'utf8') };
    const app = createHttpServer({ gateway: house.gateway, registry: house.registry, log, tls, ready: () => isReady(database), receiveForm: house.receiveForm, consolePath: hasConsole ? CONSOLE_PATH : undefined });
    if (hasConsole) await serveConsole(app, CONSOLE_FOLDER);
    registerMetrics(app, { metrics: house.metrics, token: config.metricsToken });
    await app.listen({ host: config.host, port: config.port });
    closers.push(() => app.close());

    const address = app.server.address();
    const port = address !== null && typeof address === 'object' ? address.port : config.port;
    const host = config.host.includes(':') ? `[${config.host}]` : config.host;
    const url = `${tls === undefined ? 'http' : 'https'}://${host}:${port}`;
    let stopping: Promise<void> | undefined;
    return {
      url,
      house,
      first,
      stop() {
        stopping ??= (async () => {
          for (const close of closers.toReversed()) await close();
          await postgres?.stop();
        })();
        return stopping;
      },
    };
  } catch (error) {
    for (const close of closers.toReversed()) await close().catch(() => {});
    await postgres?.stop();
    throw error;
  }
}

async function isReady(database: Database): Promise<boolean> {
  return (await database.row<{ one: number }>('select 1 as one')) !== undefined;
}

/** Adds session settings to a connection, without losing those of an address. */
function withOptions(connection: string | EmbeddedPostgres['connection'], settings: string): Parameters<typeof openDatabase>[0]['connection'] {
  if (typeof connection !== 'string') return { ...connection, options: settings };
  const url = new URL(connection);
  const given = url.searchParams.get('options');
  url.searchParams.set('options', given === null ? settings : `${given} ${settings}`);
  return url.href;
}

async function main(): Promise<void> {
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  const began = performance.now();
  let config: Config;
  try {
    config = readConfig(process.env);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 2;
    return;
  }
  const log: Log = pino({ level: config.logLevel, base: null }, pino.destination({ fd: 2, sync: false }));
  say('Millrace is starting …');
  let server: RunningServer | undefined;
  const end = async (code: number) => {
    process.exitCode = code;
    const hurry = setTimeout(() => process.exit(code), 20_000);
    hurry.unref();
    await server?.stop();
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      say(`${signal}: stopping …`);
      end(0).catch(() => process.exit(1));
    });
  }
  try {
    server = await startServer(config, log, say, (reason) => {
      log.error({}, reason);
      process.stderr.write(`PostgreSQL ended: ${reason}\n`);
      void end(1);
    });
  } catch (error) {
    log.debug({ err: error }, 'start failed');
    process.stderr.write(`Millrace could not start: ${(error as Error).message}\n`);
    process.exit(1);
  }
  if (server.first !== undefined && config.sample) {
    say('  making the sample workspace and running its workflow …');
    await makeSample(server.house.gateway, server.url, server.first).then(
      (line) => say(`  ${line}`),
      (error: unknown) => say(`  the sample could not be made: ${(error as Error).message}`),
    );
  }
  announce(server, say, performance.now() - began);
}

function announce(server: RunningServer, say: (line: string) => void, milliseconds: number): void {
  say('');
  say(`Millrace is ready after ${(milliseconds / 1_000).toFixed(1)} s.`);
  say(`  OpenAPI      ${server.url}/   (documents: ${server.url}/openapi.json)`);
  const kafka = server.house.kafka?.address();
  if (kafka !== undefined) say(`  Kafka        ${kafka.host}:${kafka.port} (${server.house.kafka?.securityProtocol})`);
  if (existsSync(join(CONSOLE_FOLDER, 'index.html'))) say(`  Console      ${server.url}${CONSOLE_PATH}`);
  if (server.first !== undefined) {
    say('');
    say('  The first account, shown this once:');
    say(`    user name          ${server.first.userName}`);
    say(`    password           ${server.first.password}`);
    say(`    AccessKey id       ${server.first.accessKeyId}`);
    say(`    AccessKey secret   ${server.first.accessKeySecret}`);
  }
  say('');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
