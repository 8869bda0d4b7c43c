/**
 * Reads a backup into an empty database and data folder.
 *
 *     npm run restore -- <file>
 *     npm run restore -- <file> --without-key     when the key is lost, and all secrets with it
 *
 * The database is that of DATABASE_URL or of the data folder (MILLRACE_DATA), as for a start. The key of the backup must stand in MILLRACE_MASTER_KEY
 * or as `master.key` in the data folder.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { restoreBackup } from '../server/backup.ts';
import { readConfig } from '../server/config.ts';
import { loadMasterKey } from '../server/kernel/secrets.ts';
import { describeSummary, openForRestore } from './backup/place.ts';

const given = process.argv.slice(2);
const withoutKey = given.includes('--without-key');
const [file, ...more] = given.filter((argument) => argument !== '--without-key');
if (file === undefined || more.length > 0) {
  process.stderr.write('usage: npm run restore -- <file> [--without-key]\n');
  process.exit(2);
}
try {
  const config = readConfig(process.env);
  await stat(file);
  const keyFile = join(config.dataFolder, 'master.key');
  const hasKey = config.masterKey !== undefined || (await stat(keyFile).catch(() => undefined)) !== undefined;
  if (!hasKey && !withoutKey) throw new Error(`There is no master key: put that of the backup into MILLRACE_MASTER_KEY or ${keyFile}.`);
  const place = await openForRestore(config);
  try {
    const masterKey = withoutKey ? undefined : await loadMasterKey(keyFile, config.masterKey);
    const summary = await restoreBackup({ connection: place.connection, dataFolder: config.dataFolder, masterKey, now: new Date() }, createReadStream(file));
    process.stdout.write(`Restored ${describeSummary(summary)}.\n`);
    if (withoutKey) process.stdout.write('Without the key no secret opens: passwords work, but AccessKeys, and secrets of subscriptions, Kafka users and data sources must be set anew.\n');
  } finally {
    await place.close();
  }
} catch (error) {
  process.stderr.write(`Nothing was restored: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
