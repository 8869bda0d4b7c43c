import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { buildHouse, type House } from '../../server/house.ts';
import { bootstrapTenant, type FirstTenant } from '../../server/identity/index.ts';
import { systemClock, type Clock } from '../../server/kernel/clock.ts';
import { openDatabase, type Database } from '../../server/kernel/database.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import type { ClusterSettings, KafkaSettings } from '../../server/openevent/index.ts';
import { silentLog, type Log } from '../../server/kernel/log.ts';
import { secretBox } from '../../server/kernel/secrets.ts';
import { createHttpServer } from '../../server/openapi/http.ts';
import { signedCaller, type SignedCall } from '../../server/sample.ts';
import { testDatabase } from './database.ts';

/** A whole server on a database of its own, listening on a free loopback port, with a first tenant. */
export interface TestHouse {
  readonly url: string;
  readonly house: House;
  readonly database: Database;
  readonly databaseUrl: string;
  /** The folder of the server's files. */
  readonly dataFolder: string;
  readonly first: FirstTenant;
  /** Calls as the first tenant's owner through the signed door, without HTTP between. */
  readonly call: SignedCall;
  /** Makes a user with these tenant roles and an AccessKey, and calls as that user. */
  as(userName: string, tenantRoles?: readonly string[]): Promise<{ readonly userId: number; readonly call: SignedCall; readonly accessKeyId: string; readonly accessKeySecret: string }>;
  /** A second tenant's owner, to show that tenants do not see each other. */
  stranger(): Promise<{ readonly call: SignedCall; readonly accessKeyId: string; readonly accessKeySecret: string }>;
  stop(): Promise<void>;
}

export async function startTestHouse(options: {
  /** The built-in Kafka listener; none when absent. */
  readonly kafka?: KafkaSettings;
  /** The Kafka cluster that events are written to; none when absent. */
  readonly kafkaCluster?: ClusterSettings;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly regions?: readonly string[];
  /** Adds to the HTTP server before it listens, such as the console. */
  readonly serve?: (app: FastifyInstance) => Promise<void>;
} = {}): Promise<TestHouse> {
  const { url: databaseUrl, drop } = await testDatabase();
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog;
  const database = openDatabase({ connection: databaseUrl, connections: 10 });
  const relaxed = openDatabase({ connection: databaseUrl, connections: 2 });
  const dataFolder = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  const secrets = secretBox(randomBytes(32));
  const house = buildHouse({
    database,
    relaxed,
    clock,
    ids: randomIds,
    log,
    secrets,
    regions: options.regions ?? [],
    timeZone: 'Asia/Shanghai',
    dataFolder,
    searchPath: process.env['PATH'] ?? '/usr/bin:/bin',
    allowLoopback: true,
    allowedTargets: [],
    publishAddress: '127.0.0.1',
    uploadEndpoint: 'files.test:8443',
    validatePayloads: true,
    kafka: options.kafka,
    kafkaCluster: options.kafkaCluster,
  });
  const first = await bootstrapTenant({ database, changes: house.changes, secrets, ids: randomIds, userName: 'owner' });
  if (first === undefined) throw new Error('the template already has a tenant');
  await house.start();
  const app = createHttpServer({ gateway: house.gateway, registry: house.registry, log, ready: async () => true, receiveForm: house.receiveForm });
  await options.serve?.(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const call = signedCaller(house.gateway, url, first);
  return {
    url,
    house,
    database,
    databaseUrl,
    dataFolder,
    first,
    call,
    async as(userName, tenantRoles = ['tenant_member']) {
      const user = await call('2026-12-01', 'CreateUser', { UserName: userName, DisplayName: userName, TenantRoles: JSON.stringify(tenantRoles) });
      const userId = Number(user['UserId']);
      const answer = await call('2026-12-01', 'CreateAccessKey', { UserId: userId });
      const holder = (answer['AccessKey'] ?? answer) as { AccessKeyId: string; AccessKeySecret: string };
      const key = { accessKeyId: holder.AccessKeyId, accessKeySecret: holder.AccessKeySecret };
      return { userId, ...key, call: signedCaller(house.gateway, url, key) };
    },
    async stranger() {
      const key = { accessKeyId: `LTAI5tStranger${Date.now()}`, accessKeySecret: randomBytes(20).toString('hex') };
      await insertTenant(database, key.accessKeyId, secrets.seal(key.accessKeySecret, `access-key:${key.accessKeyId}`));
      return { ...key, call: signedCaller(house.gateway, url, key) };
    },
    async stop() {
      await app.close();
      await house.stop();
      await relaxed.close();
      await database.close();
      await drop();
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
}

/** There is no operation that makes a second tenant, so a test writes one. */
async function insertTenant(database: Database, keyId: string, sealed: string): Promise<void> {
  const tenant = await database.row<{ id: number }>("insert into tenant (name, created_at) values ('stranger', now()) returning id");
  const user = await database.row<{ id: number }>(
    `insert into account (tenant_id, name, display_name, tenant_roles, created_at) values ($1, 'stranger', 'Stranger', '{tenant_owner}', now()) returning id`,
    [tenant?.id],
  );
  await database.run(`insert into access_key (id, user_id, secret, status, created_at) values ($1, $2, $3, 'Active', now())`, [keyId, user?.id, sealed]);
}
