import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { Database, Executor } from './database.ts';

/** A module's numbered SQL files. They run once each, in order, and only forward. */
export interface MigrationSource {
  /** Name of the module; part of the key under which a migration is remembered. */
  readonly module: string;
  /** Folder with files `001-what-it-does.sql`. */
  readonly folder: URL;
}

interface Migration {
  readonly module: string;
  readonly name: string;
  readonly sql: string;
  readonly hash: string;
}

/** Held while migrating, so that several processes that start at once migrate one after the other. */
export const MIGRATION_LOCK = 7_261_940_117;

async function readMigrations(source: MigrationSource): Promise<Migration[]> {
  const names = (await readdir(source.folder)).filter((name) => name.endsWith('.sql')).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, `${source.folder.href.replace(/\/?$/, '/')}`), 'utf8');
      return { module: source.module, name, sql, hash: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/** The migrations of a release as texts `module/name hash`, in their order: two databases with the same list have the same schema. */
export async function migrationList(sources: readonly MigrationSource[]): Promise<string[]> {
  return (await Promise.all(sources.map(readMigrations))).flat().map(({ module, name, hash }) => `${module}/${name} ${hash}`);
}

/**
 * Brings the database to the schema of this release. Modules migrate in the order given, each file in a transaction of its own.
 * Rejects when a file that already ran has changed since, or when the database knows files that this release does not (it is newer).
 */
export async function migrate(database: Database, sources: readonly MigrationSource[], report: (line: string) => void = () => {}): Promise<number> {
  await database.transaction(async (tx) => {
    await tx.run('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await tx.run(`create table if not exists migration (
      module text not null, name text not null, hash text not null, ran_at timestamptz not null default now(), primary key (module, name))`);
  });
  const wanted = (await Promise.all(sources.map(readMigrations))).flat();
  let count = 0;
  for (const migration of wanted) {
    const ran = await database.transaction((tx) => runOnce(tx, migration));
    if (ran) {
      count += 1;
      report(`${migration.module}/${migration.name}`);
    }
  }
  await refuseNewer(database, wanted);
  return count;
}

async function runOnce(tx: Executor, migration: Migration): Promise<boolean> {
  await tx.run('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
  const known = await tx.row<{ hash: string }>('select hash from migration where module = $1 and name = $2', [migration.module, migration.name]);
  if (known !== undefined) {
    if (known.hash !== migration.hash) {
      throw new Error(`the migration ${migration.module}/${migration.name} has changed since it ran; migrations only go forward, so add a new file instead`);
    }
    return false;
  }
  // No values: the simple protocol takes a file of many statements.
  await tx.run(migration.sql);
  await tx.run('insert into migration (module, name, hash) values ($1, $2, $3)', [migration.module, migration.name, migration.hash]);
  return true;
}

async function refuseNewer(database: Database, wanted: readonly Migration[]): Promise<void> {
  const known = new Set(wanted.map((migration) => `${migration.module}/${migration.name}`));
  const stored = await database.rows<{ key: string }>(`select module || '/' || name as key from migration order by 1`);
  const unknown = stored.map((row) => row.key).filter((key) => !known.has(key));
  if (unknown.length > 0) {
    throw new Error(`the database was migrated by a newer release (it has ${unknown.join(', ')}); start that release, or restore a backup`);
  }
}
