import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connectionUrl } from '../../server/kernel/postgres/connection.ts';
import { isAlive } from '../../server/kernel/postgres/process.ts';
import { startEmbeddedPostgres } from '../../server/kernel/postgres/supervisor.ts';
import { databaseUrl, dropDatabases, ensureTemplate, hashSchema, onServer } from './template.ts';

/** The server and the template that the test runner has prepared; a test file run by hand prepares its own. */
export const serverVariable = 'MILLRACE_TEST_POSTGRES';
export const templateVariable = 'MILLRACE_TEST_TEMPLATE';

/** Settings for data that may be lost: nothing is flushed to the disk. */
export const fastSettings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' };

const root = join(import.meta.dirname, '..', '..');
const cloneMs = 20_000;

interface Server {
  url: string;
  template: string;
}

let server: Promise<Server> | undefined;
let count = 0;

/**
 * A migrated, empty database for one test file, cloned from a template in some 40 ms. `drop` removes it, open
 * connections notwithstanding. Without a test runner around, a PostgreSQL in `.cache/dev-postgres` is started and left
 * running for the next run.
 */
export async function testDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  server ??= findServer();
  const { url, template } = await server;
  count += 1;
  const name = `${template}_db_${process.pid}_${count}`;
  await clone(url, template, name);
  return {
    url: databaseUrl(url, name),
    async drop() {
      await onServer(url, (client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

async function clone(url: string, template: string, name: string): Promise<void> {
  const deadline = Date.now() + cloneMs;
  for (;;) {
    try {
      await onServer(url, (client) => client.query(`create database ${name} template ${template}`));
      return;
    } catch (error) {
      // Another session is cloning the template, or the server is full for a moment.
      const { code } = error as { code?: string };
      if ((code !== '55006' && code !== '53300') || Date.now() > deadline) throw error;
      await pause(50);
    }
  }
}

async function findServer(): Promise<Server> {
  const url = process.env[serverVariable];
  const template = process.env[templateVariable];
  if (url !== undefined && template !== undefined) return { url, template };
  return await startDevelopmentServer();
}

async function startDevelopmentServer(): Promise<Server> {
  const postgres = await startEmbeddedPostgres({
    dataDir: join(root, '.cache', 'dev-postgres'),
    log: () => {},
    settings: fastSettings,
    initdbOptions: ['--no-sync'],
    use: 'shared',
  });
  const url = connectionUrl(postgres.connection);
  await postgres.leave();
  const template = `mt_${hashSchema(root)}`;
  await ensureTemplate(url, template);
  await dropDatabases(url, 'mt_', (name) => isLeftOver(name, template));
  return { url, template };
}

/** A database whose test process has ended, or a template of an older schema that no living test clones. */
function isLeftOver(name: string, template: string): boolean {
  const pid = /_db_(\d+)_\d+$/.exec(name)?.[1];
  if (pid !== undefined) return !isAlive(Number(pid));
  return name !== template && !name.endsWith('_unfinished');
}
