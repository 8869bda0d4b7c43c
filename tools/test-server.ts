import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { connectionUrl } from '../server/kernel/postgres/connection.ts';
import { isAlive } from '../server/kernel/postgres/process.ts';
import { removeEmbeddedPostgres, startEmbeddedPostgres } from '../server/kernel/postgres/supervisor.ts';
import { fastSettings } from '../test/support/database.ts';
import { dropDatabases, ensureTemplate } from '../test/support/template.ts';
import { root } from './steps.ts';

/** The PostgreSQL of one test run. */
export interface TestServer {
  url: string;
  /** The migrated database that test files clone. */
  template: string;
  /** Removes everything the run has made. */
  end(): Promise<void>;
}

const cache = join(root, '.cache');
const folderPrefix = 'test-postgres-';

/** Starts a throw-away PostgreSQL, or uses the one of MILLRACE_TEST_DATABASE_URL, and builds the template. */
export async function startTestServer(): Promise<TestServer> {
  const template = `mt_run${process.pid}`;
  const url = process.env['MILLRACE_TEST_DATABASE_URL'];
  if (url !== undefined && url !== '') {
    await ensureTemplate(url, template);
    return { url, template, end: () => dropDatabases(url, template, () => true) };
  }
  await removeLeftOvers();
  const dataDir = join(cache, `${folderPrefix}${process.pid}`);
  const remove = async (): Promise<void> => {
    await removeEmbeddedPostgres(dataDir);
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const postgres = await startEmbeddedPostgres({ dataDir, log: () => {}, settings: fastSettings, initdbOptions: ['--no-sync'] });
    const ownUrl = connectionUrl(postgres.connection);
    await ensureTemplate(ownUrl, template);
    return {
      url: ownUrl,
      template,
      async end() {
        await postgres.stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * Keeps transactions of `ms` milliseconds open, one after the other, that have an id: the event log is readable up to the oldest of them only, so a test that
 * reads an event once, right after the change, fails. Answers what ends it.
 */
export async function holdFloor(url: string, ms: number): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const state = { ended: false };
  const loop = (async () => {
    while (!state.ended) await client.query(`begin; select pg_current_xact_id(), pg_sleep(${ms / 1_000}); commit`);
  })();
  return async () => {
    state.ended = true;
    await loop;
    await client.end();
  };
}

/** Removes what killed runs have left, a running PostgreSQL included. */
async function removeLeftOvers(): Promise<void> {
  if (!existsSync(cache)) return;
  for (const name of readdirSync(cache)) {
    const pid = name.startsWith(folderPrefix) ? Number(name.slice(folderPrefix.length)) : Number.NaN;
    if (!Number.isSafeInteger(pid) || isAlive(pid)) continue;
    await removeEmbeddedPostgres(join(cache, name));
    await rm(join(cache, name), { recursive: true, force: true });
  }
}
