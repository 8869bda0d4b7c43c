import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientConfig } from 'pg';
import type { BackupSummary } from '../../server/backup.ts';
import type { Config } from '../../server/config.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../server/kernel/postgres/supervisor.ts';

export interface Place {
  readonly connection: string | ClientConfig;
  close(): Promise<void>;
}

const ignore = (): void => {};

/** The configured database. The embedded PostgreSQL is started when nobody runs it, and then stopped again; that of a running server is used beside it. */
export async function openForBackup(config: Config): Promise<Place> {
  if (config.databaseUrl !== undefined) return { connection: config.databaseUrl, close: async () => {} };
  if (!existsSync(join(config.dataFolder, 'postgres'))) throw new Error(`there is no database in ${config.dataFolder} (MILLRACE_DATA), and DATABASE_URL is not set.`);
  let postgres: EmbeddedPostgres;
  let ours = true;
  try {
    postgres = await startEmbeddedPostgres({ dataDir: config.dataFolder, log: ignore });
  } catch (error) {
    if (!(error as Error).message.startsWith('Another Millrace server')) throw error;
    postgres = await startEmbeddedPostgres({ dataDir: config.dataFolder, log: ignore, use: 'shared' });
    ours = false;
  }
  return { connection: { ...postgres.connection }, close: () => (ours ? postgres.stop() : postgres.leave()) };
}

/** The configured database for nobody but us: a restore does not go under a running server. */
export async function openForRestore(config: Config): Promise<Place> {
  if (config.databaseUrl !== undefined) return { connection: config.databaseUrl, close: async () => {} };
  const postgres = await startEmbeddedPostgres({ dataDir: config.dataFolder, log: ignore });
  return { connection: { ...postgres.connection }, close: () => postgres.stop() };
}

export function describeSummary({ tables, rows, files, bytes, takenAt }: BackupSummary): string {
  const count = (value: number) => value.toLocaleString('en-US');
  return `${count(rows)} rows of ${tables} tables and ${count(files)} files as of ${takenAt}, ${count(bytes)} bytes`;
}
