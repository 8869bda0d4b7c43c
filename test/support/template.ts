import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';

/** The advisory lock under which a template is built, so that two test files do not build the same one. */
const buildLock = 7_145_501_227;

/** The address of another database of the same server. */
export function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** Runs `work` with a connection to the server's own database, from which databases are created and dropped. */
export async function onServer<Result>(serverUrl: string, work: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: serverUrl, application_name: 'millrace tests' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Makes the migrated template database `name` unless it exists. It appears under its name only when it is complete. */
export async function ensureTemplate(serverUrl: string, name: string): Promise<void> {
  await onServer(serverUrl, async (client) => {
    await client.query('select pg_advisory_lock($1)', [buildLock]);
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount !== 0) return;
    const unfinished = `${name}_unfinished`;
    await client.query(`drop database if exists ${unfinished} with (force)`);
    await client.query(`create database ${unfinished} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'`);
    // Loaded only here: a fault in any module is then a failure of this step, not of everything that imports this file.
    const { migrateAll } = await import('../../server/modules.ts');
    await migrateAll(databaseUrl(serverUrl, unfinished));
    // Nobody may connect to a template: cloning needs it unused.
    await client.query(`alter database ${unfinished} with allow_connections false`);
    await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [unfinished]);
    await client.query(`alter database ${unfinished} rename to ${name}`);
  });
}

/** Drops the databases whose names begin with `prefix` and for which `isDue` holds. */
export async function dropDatabases(serverUrl: string, prefix: string, isDue: (name: string) => boolean): Promise<void> {
  await onServer(serverUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>('select datname as name from pg_database where starts_with(datname, $1)', [prefix]);
    for (const { name } of rows) {
      if (isDue(name)) await client.query(`drop database if exists ${name} with (force)`);
    }
  });
}

/** A hash of what shapes a freshly migrated database: the SQL, the code that applies it, and the day, which names partitions. */
export function hashSchema(root: string): string {
  const hash = createHash('sha256').update(new Date().toISOString().slice(0, 10));
  const server = join(root, 'server');
  const files = readdirSync(server, { recursive: true, encoding: 'utf8' }).filter((path) => /\.sql$|(?:^|\/)(?:migrations|partitions|schema|modules)\.ts$/.test(path));
  for (const path of files.toSorted()) hash.update(`\0${path}\0`).update(readFileSync(join(server, path)));
  return hash.digest('hex').slice(0, 12);
}
