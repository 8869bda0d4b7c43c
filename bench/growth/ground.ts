import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildHouse, type House } from '../../server/house.ts';
import { bootstrapTenant } from '../../server/identity/index.ts';
import { systemClock } from '../../server/kernel/clock.ts';
import { openDatabase, type Database } from '../../server/kernel/database.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import { limits } from '../../server/kernel/limits.ts';
import { silentLog } from '../../server/kernel/log.ts';
import { maintainPartitions } from '../../server/kernel/partitions.ts';
import { connectionUrl } from '../../server/kernel/postgres/connection.ts';
import { startEmbeddedPostgres } from '../../server/kernel/postgres/supervisor.ts';
import { secretBox } from '../../server/kernel/secrets.ts';
import { prepareDatabase } from '../../server/modules.ts';
import { signedCaller, type SignedCall } from '../../server/sample.ts';

export const LEGACY = '2020-05-18';
export const CURRENT = '2024-05-18';
export const OWN = '2026-12-01';
export const ZONE = 'Asia/Shanghai';
const DAY_MS = 86_400_000;

/** A house of all modules on a database with one tenant and one workspace, without the loops that deliver events and carry tasks out. */
export interface Ground {
  readonly house: House;
  readonly database: Database;
  /** Commits without waiting for the disk, for filling. */
  readonly relaxed: Database;
  readonly tenantId: number;
  readonly userId: number;
  readonly projectId: number;
  /** Workspaces of the tenant, the first of which is `projectId`. */
  readonly projectIds: readonly number[];
  /** A signed call through the gateway, without HTTP. */
  readonly call: SignedCall;
  stop(): Promise<void>;
}

/** What is measured at a number of rows. */
export interface Cost {
  readonly name: string;
  /** Does it once. */
  readonly once: (number: number) => Promise<unknown>;
  /** Why it must look at a share of all rows; what it counts grows with them. */
  readonly counts?: string;
}

/** Costs that depend on the same rows. */
export interface Subject {
  readonly name: string;
  /** Where the rows are that are counted. */
  readonly tables: readonly string[];
  /** More rows than this are not tried, where nobody would have them. */
  readonly most?: number;
  /** Brings the tables to this many rows, spread over the time for which they are kept. They are empty of earlier fills. */
  fill(count: number): Promise<void>;
  /** Takes the fill away. */
  clear(): Promise<void>;
  readonly costs: readonly Cost[];
}

export async function openGround(): Promise<Ground> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const given = process.env['DATABASE_URL'];
  const postgres = given === undefined ? await startEmbeddedPostgres({ dataDir: folder, log: () => {} }) : undefined;
  const connection = given ?? (postgres === undefined ? '' : connectionUrl(postgres.connection));
  const database = openDatabase({ connection, connections: limits.databaseConnections.value });
  const relaxed = openDatabase({ connection: `${connection}${connection.includes('?') ? '&' : '?'}options=${encodeURIComponent('-c synchronous_commit=off')}`, connections: 3 });
  const close = async () => {
    await relaxed.close();
    await database.close();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await prepareDatabase(database, new Date());
    const secrets = secretBox(randomBytes(32));
    const house = buildHouse({
      database,
      relaxed,
      clock: systemClock,
      ids: randomIds,
      log: silentLog,
      secrets,
      regions: [],
      timeZone: ZONE,
      dataFolder: folder,
      searchPath: process.env['PATH'] ?? '/usr/bin:/bin',
      allowLoopback: true,
      allowedTargets: [],
      publishAddress: '127.0.0.1',
      roles: ['schedule'],
      validatePayloads: false,
    });
    const first = await bootstrapTenant({ database, changes: house.changes, secrets, ids: randomIds, userName: 'owner' });
    if (first === undefined) throw new Error('the database is not empty');
    await house.start();
    const call = signedCaller(house.gateway, 'http://127.0.0.1:8080', first);
    await call(OWN, 'UpdatePlan', { Plan: 'Unlimited' });
    const projectIds: number[] = [];
    for (let number = 0; number < 5; number += 1) {
      projectIds.push(Number((await call(LEGACY, 'CreateProject', { ProjectIdentifier: `growth_${number}`, ProjectName: `growth_${number}`, ProjectDescription: 'bench', ProjectMode: 2 }))['Data']));
    }
    const owner = await database.row<{ id: number; tenant_id: number }>('select id, tenant_id from account order by id limit 1');
    if (owner === undefined) throw new Error('there is no account');
    return {
      house,
      database,
      relaxed,
      tenantId: owner.tenant_id,
      userId: owner.id,
      projectId: projectIds[0] ?? 0,
      projectIds,
      call,
      async stop() {
        await house.stop();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Makes the partitions of a table for so many days before today. */
export async function makePastDays(database: Database, table: string, days: number): Promise<void> {
  for (let ago = days; ago > 0; ago -= 1) await maintainPartitions(database, { table, every: 'day', keep: undefined }, new Date(Date.now() - ago * DAY_MS));
}

/** Runs a statement for parts of the numbers from 0 to `count`, as `$1` (inclusive) and `$2` (exclusive). */
export async function inParts(database: Database, count: number, text: string, more: readonly unknown[] = []): Promise<void> {
  const part = 250_000;
  for (let from = 0; from < count; from += part) await database.run(text, [from, Math.min(from + part, count), ...more]);
}
