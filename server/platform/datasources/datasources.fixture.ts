import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql, { type Connection } from 'mysql2';
import { testCaller, testEvents, testGateway, testHolds } from '../../../test/support/call.ts';
import { testDatabase } from '../../../test/support/database.ts';
import { recordedScheduling } from '../../../test/support/scheduling.ts';
import { manualClock } from '../../kernel/clock.ts';
import { openDatabase } from '../../kernel/database.ts';
import { randomIds } from '../../kernel/ids.ts';
import { silentLog } from '../../kernel/log.ts';
import { createOutbound } from '../../kernel/outbound.ts';
import { createTcpOutbound } from '../../kernel/outbound-tcp.ts';
import { secretBox } from '../../kernel/secrets.ts';
import { maintainAllPartitions } from '../../modules.ts';
import { createResources } from '../resources/index.ts';
import { createWorkspaces, livingWorkspaceIds } from '../workspaces/index.ts';
import { createDataSources } from './index.ts';

export const LEGACY = '2020-05-18';
export const CURRENT = '2024-05-18';
export const admin = testCaller(1, 1, ['tenant_admin']);
export const developer = testCaller(2);
export const visitor = testCaller(3);
export const stranger = testCaller(9, 2, ['tenant_owner']);

/** Data sources, resource groups and workspaces on a database of their own; servers of this machine may be connected to when `allowLoopback`. */
export async function testDataSources(options: { allowLoopback?: boolean; timeoutMs?: number } = {}) {
  const test = await testDatabase();
  const database = openDatabase({ connection: test.url, connections: 6 });
  const clock = manualClock(new Date('2026-03-22T06:30:00Z'));
  await maintainAllPartitions(database, clock.now());
  const dataFolder = await mkdtemp(join(tmpdir(), 'millrace-sources-'));
  const users = { find: async (id: number) => ({ id, name: `user${id}`, displayName: `User ${id}` }) };
  const workspaces = createWorkspaces({ database, clock, log: silentLog, users, holds: testHolds(), scheduling: recordedScheduling() });
  const resources = createResources({ ids: randomIds, directory: workspaces.directory, workspaceIds: livingWorkspaceIds });
  const guard = { allowLoopback: options.allowLoopback ?? true, allowed: [] };
  const outbound = createOutbound(guard);
  const domain = createDataSources({
    secrets: secretBox(randomBytes(32)),
    directory: workspaces.directory,
    groups: resources.resources,
    outbound,
    tcp: createTcpOutbound(guard),
    dataFolder,
    clock,
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  });
  const modules = [workspaces.module, resources.module, domain.module];
  const gateway = testGateway({ database, clock, directory: workspaces.directory, events: testEvents(), operations: modules.flatMap((module) => module.operations ?? []) });
  const call = (action: string, request: object = {}, caller = admin) => gateway.call(caller, CURRENT, action, request);
  const legacy = (action: string, request: object = {}, caller = admin) => gateway.call(caller, LEGACY, action, request);
  async function workspace(name: string, standard = true): Promise<number> {
    const ProjectId = Number((await call('CreateProject', { Name: name, DisplayName: name, DevEnvironmentEnabled: standard }))['Id']);
    await call('CreateProjectMember', { ProjectId, UserId: '2', RoleCodes: ['role_project_dev'] });
    await call('CreateProjectMember', { ProjectId, UserId: '3', RoleCodes: ['role_project_guest'] });
    return ProjectId;
  }
  const shop = await workspace('shop');
  return {
    url: test.url,
    database,
    clock,
    dataFolder,
    dataSources: domain.dataSources,
    call,
    legacy,
    workspace,
    shop,
    /** Creates one in the workspace `shop`. */
    async create(Name: string, Type: string, properties: object, extra: object = {}): Promise<number> {
      return Number((await call('CreateDataSource', { ProjectId: shop, Name, Type, ConnectionPropertiesMode: 'UrlMode', ConnectionProperties: JSON.stringify(properties), ...extra }))['Id']);
    },
    async test(DataSourceId: number, ProjectId = shop) {
      const { Connectivity } = await call('TestDataSourceConnectivity', { ProjectId, DataSourceId, ResourceGroupId: 'Default' });
      return Connectivity as { ConnectState: string; ConnectMessage: string; DetailLogs: { Code: string; Message: string }[] };
    },
    async close() {
      await outbound.close();
      await database.close();
      await test.drop();
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
}

/** A server on a free loopback port; `close` also ends its connections. */
export async function listen(onConnection: (socket: Socket) => void): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** A way by TCP to the PostgreSQL of the tests, which listens on a Unix socket only. */
export async function postgresByTcp(url: string) {
  const parsed = new URL(url);
  const path = join(parsed.searchParams.get('host') ?? '', `.s.PGSQL.${parsed.port}`);
  const relay = await listen((socket) => {
    const inner = connect(path);
    inner.on('error', () => socket.destroy());
    socket.on('close', () => inner.destroy());
    socket.pipe(inner).pipe(socket);
  });
  return { ...relay, username: decodeURIComponent(parsed.username), password: decodeURIComponent(parsed.password), database: decodeURIComponent(parsed.pathname.slice(1)) };
}

/** The handshake of a MySQL server for the user `clerk` with the password `abacus`, and one table. */
export async function mysqlServer() {
  const server = mysql.createServer((connection: unknown) => {
    const session = connection as Connection & { serverHandshake(options: object): void; writeTextResult(rows: object[], columns: object[]): void; sequenceId: number };
    session.on('error', () => {});
    const answer = (text: string) => {
      session.sequenceId = 1;
      const name = /version/.test(text) ? 'version()' : 'name';
      session.writeTextResult([{ [name]: name === 'name' ? 'shop.orders' : '8.0.0' }], [{ catalog: 'def', schema: '', table: '', orgTable: '', name, orgName: '', characterSet: 33, columnLength: 80, columnType: 253, flags: 0, decimals: 0 }]);
      session.sequenceId = 0;
    };
    // `sleep(<seconds>)` in a statement is obeyed.
    session.on('query', (text: string) => {
      const seconds = Number(/sleep\(([\d.]+)\)/.exec(text)?.[1] ?? 0);
      if (seconds === 0) answer(text);
      else setTimeout(() => answer(text), seconds * 1_000);
    });
    session.serverHandshake({
      protocolVersion: 10,
      serverVersion: '8.0.0',
      connectionId: 1,
      statusFlags: 2,
      characterSet: 8,
      capabilityFlags: 0xffffff ^ 0x800,
      authCallback(login: { user: string; authToken: Buffer; authPluginData1: Buffer; authPluginData2: Buffer }, done: (error: null, refusal?: { message: string; code: number }) => void) {
        const accepted = login.user === 'clerk' && matches(login);
        done(null, accepted ? undefined : { message: `Access denied for user '${login.user}'`, code: 1045 });
        // Each command counts its packets anew, which the library leaves to the server.
        session.sequenceId = 0;
      },
    });
  });
  await new Promise<void>((resolve) => (server as unknown as { listen(port: number, host: string, then: () => void): void }).listen(0, '127.0.0.1', resolve));
  const { ['_server']: inner } = server as unknown as { readonly ['_server']: Server };
  return {
    port: (inner.address() as AddressInfo).port,
    close: () => new Promise<void>((resolve) => inner.close(() => resolve())),
  };
}

function matches(login: { authToken: Buffer; authPluginData1: Buffer; authPluginData2: Buffer }): boolean {
  return login.authToken.equals(nativePassword('abacus', Buffer.concat([login.authPluginData1, login.authPluginData2]).subarray(0, 20)));
}

/** SHA1(password) xor SHA1(scramble, SHA1(SHA1(password))). */
function nativePassword(password: string, scramble: Buffer): Buffer {
  const sha1 = (...parts: (string | Buffer)[]) => parts.reduce((hash, part) => hash.update(part), createHash('sha1')).digest();
  const once = sha1(password);
  const mask = sha1(scramble, sha1(once));
  return Buffer.from(once.map((byte, index) => byte ^ (mask[index] ?? 0)));
}
