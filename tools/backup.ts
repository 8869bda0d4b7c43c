/**
 * Writes everything that a server knows into one file, while servers go on.
 *
 *     npm run backup -- <file>
 *
 * The database is that of DATABASE_URL or of the data folder (MILLRACE_DATA), as for a start. The master key is not inside.
 */
import { createWriteStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeBackup } from '../server/backup.ts';
import { readConfig } from '../server/config.ts';
import { loadMasterKey } from '../server/kernel/secrets.ts';
import { describeSummary, openForBackup } from './backup/place.ts';

const [file] = process.argv.slice(2);
if (file === undefined || process.argv.length > 3) {
  process.stderr.write('usage: npm run backup -- <file>\n');
  process.exit(2);
}
const draft = `${file}.unfinished`;
try {
  if ((await stat(file).catch(() => undefined)) !== undefined) throw new Error(`${file} is there already; a backup replaces nothing.`);
  const config = readConfig(process.env);
  const place = await openForBackup(config);
  try {
    const masterKey = await loadMasterKey(join(config.dataFolder, 'master.key'), config.masterKey);
    // For its owner only: what is in it is everything but the key.
    const target = createWriteStream(draft, { mode: 0o600, flush: true });
    const summary = await writeBackup({ connection: place.connection, dataFolder: config.dataFolder, masterKey, now: new Date() }, target);
    await rename(draft, file);
    const folder = await open(dirname(file), 'r');
    await folder.sync().finally(() => folder.close());
    process.stdout.write(`${file}: ${describeSummary(summary)}, ${(await stat(file)).size.toLocaleString('en-US')} bytes compressed.\n`);
    process.stdout.write('Inside: every table, where the sequences stand, and the files of workspaces (DuckDB data; best taken while no task writes there).\n');
    process.stdout.write(
      `Not inside: the master key (${config.masterKey === undefined ? join(config.dataFolder, 'master.key') : 'MILLRACE_MASTER_KEY'}). Keep it apart from the backup: without it no secret opens, with both everything does.\n`,
    );
  } finally {
    await place.close();
  }
} catch (error) {
  await rm(draft, { force: true });
  process.stderr.write(`No backup was made: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
