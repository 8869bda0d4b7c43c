import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, posix, relative, sep } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientConfig } from 'pg';
import { beginSnapshot, emptyTables, holdSchemaStill, isInUse, listPartitions, listTables, readSequences, setSequence, storedMigrations, withoutForeignKeys, type BackedTable, type Partition, type SequenceState } from './backup-store.ts';
import { readArchive, writeArchive, type ArchiveWriter } from './kernel/backup/archive.ts';
import { copyIn, copyOut } from './kernel/backup/copy.ts';
import { openDatabase, singleConnection } from './kernel/database.ts';
import { migrationList } from './kernel/migrations.ts';
import { prepareDatabase, schemas } from './modules.ts';
import { continuePositions, positionFloor } from './openevent/epoch.ts';

const FORMAT = 'millrace backup 1';

/** Folders of the data folder that hold what people made; the rest is PostgreSQL's own, working folders, and the key. */
const KEPT_FOLDERS = ['workspaces'];

/**
 * Positions of events go on so far beyond those of the backup, so that a program which has read further than the backup reaches
 * (with a cursor of its own) misses nothing of what comes after the restore.
 */
const POSITION_LEAP = 1_000_000_000;

export interface BackupSummary {
  readonly tables: number;
  readonly rows: number;
  readonly files: number;
  /** Of the rows and files, before they are compressed. */
  readonly bytes: number;
  readonly takenAt: string;
}

interface Header {
  readonly format: string;
  readonly takenAt: string;
  readonly migrations: readonly string[];
  readonly partitions: readonly Partition[];
  /** Tells whether a key is the one of the backup, and nothing else about it. */
  readonly key: string;
  readonly floor: number;
}

export interface BackupOptions {
  readonly connection: string | ClientConfig;
  readonly dataFolder: string;
  readonly masterKey: Buffer;
  readonly now: Date;
}

/** What a backup says of the key: enough to tell a wrong one. */
function fingerprint(masterKey: Buffer): string {
  return createHash('sha256').update('millrace master key\0').update(masterKey).digest('hex').slice(0, 32);
}

const releaseMigrations = () => migrationList(schemas.map((schema) => schema.migrations));

/**
 * Writes everything that a server knows into `target`, as of one moment, while servers go on: all rows from one snapshot, where the sequences stand, and the files of workspaces.
 * Not inside: the master key, without which no secret in the backup opens. Throws an Error for the operator when the database has another schema than this release.
 */
export async function writeBackup(options: BackupOptions, target: Writable): Promise<BackupSummary> {
  const { client, executor } = singleConnection(options.connection);
  client.on('error', () => {});
  await client.connect();
  try {
    await holdSchemaStill(executor);
    await beginSnapshot(client);
    const migrations = await releaseMigrations();
    const differences = differencesOf(migrations, await storedMigrations(executor));
    if (differences.length > 0) throw new Error(`The database has another schema than this release: ${differences.join('; ')}. Back it up with the release that it belongs to.`);
    const takenAt = options.now.toISOString();
    const archive = writeArchive(target);
    const header: Header = { format: FORMAT, takenAt, migrations, partitions: await listPartitions(executor), key: fingerprint(options.masterKey), floor: await positionFloor(executor) };
    await archive.record({ ...header });
    let rows = 0;
    let bytes = 0;
    const tables = await listTables(executor);
    for (const table of tables) {
      await archive.record({ table: table.name, columns: table.columns });
      await copyOut(client, `copy (select ${table.columns.join(', ')} from ${table.name}) to stdout`, async (chunk) => {
        rows += countRows(chunk);
        bytes += chunk.length;
        await archive.data(chunk);
      });
    }
    await archive.record({ sequences: await readSequences(executor) });
    const files = await writeFiles(archive, options.dataFolder);
    await archive.end();
    return { tables: tables.length, rows, files: files.count, bytes: bytes + files.bytes, takenAt };
  } finally {
    await client.end();
  }
}

/** The text format of COPY ends each row with a line feed and escapes all others. */
function countRows(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) count += 1;
  return count;
}

async function writeFiles(archive: ArchiveWriter, dataFolder: string): Promise<{ count: number; bytes: number }> {
  let count = 0;
  let bytes = 0;
  for (const folder of KEPT_FOLDERS) {
    const entries = await readdir(join(dataFolder, folder), { recursive: true, withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const entry of entries.filter((one) => one.isFile())) {
      const path = join(entry.parentPath, entry.name);
      const { mode } = await stat(path);
      await archive.record({ file: relative(dataFolder, path).split(sep).join('/'), mode: mode & 0o777 });
      for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        await archive.data(chunk);
      }
      count += 1;
    }
  }
  return { count, bytes };
}

export interface RestoreOptions extends Omit<BackupOptions, 'masterKey'> {
  /** The key that the server will use; undefined restores without, and all secrets are lost. */
  readonly masterKey: Buffer | undefined;
}

/**
 * Reads a backup into an empty database and data folder: all of it, or nothing. Throws an Error for the operator, having changed nothing but the empty schema,
 * when the target is in use, the backup is of another release's schema, damaged or cut off, or the key is another one.
 */
export async function restoreBackup(options: RestoreOptions, source: Readable): Promise<BackupSummary> {
  const sections = readArchive(source);
  const first = await sections.next();
  const header = first.done === true ? undefined : readHeader(first.value.record);
  if (header === undefined) throw new Error('This is no backup of Millrace.');
  const differences = differencesOf(await releaseMigrations(), header.migrations);
  if (differences.length > 0) throw new Error(`The backup has another schema than this release: ${differences.join('; ')}. Restore it with the release that wrote it, and then start the newer one.`);
  if (options.masterKey !== undefined && fingerprint(options.masterKey) !== header.key) {
    throw new Error('The master key is not the one of this backup: no secret in it would open. Put the right one into MILLRACE_MASTER_KEY or master.key of the data folder.');
  }
  for (const folder of KEPT_FOLDERS) {
    if ((await readdir(join(options.dataFolder, folder)).catch(() => [])).length > 0) throw new Error(`The data folder is in use: ${join(options.dataFolder, folder)} is not empty. Restore into a new one.`);
  }

  const database = openDatabase({ connection: options.connection, connections: 1 });
  try {
    if (await isInUse(database)) throw new Error('The database is in use. Restore into an empty one.');
    await prepareDatabase(database, options.now);
  } finally {
    await database.close();
  }

  const { client, executor } = singleConnection(options.connection);
  client.on('error', () => {});
  await client.connect();
  const files: RestoredFiles = { drafts: [], folders: [] };
  let rows = 0;
  let bytes = 0;
  let tables = 0;
  try {
    await holdSchemaStill(executor);
    await client.query('set idle_in_transaction_session_timeout = 0');
    await client.query('begin');
    const known = new Map((await listTables(executor)).map((table): [string, BackedTable] => [table.name, table]));
    await emptyTables(executor, [...known.values()], header.partitions);
    const keys = await withoutForeignKeys(executor);
    for await (const { record, bytes: content } of sections) {
      const counted = (async function* () {
        for await (const chunk of content) {
          bytes += chunk.length;
          if (typeof record['table'] === 'string') rows += countRows(chunk);
          yield chunk;
        }
      })();
      if (typeof record['table'] === 'string') {
        const table = known.get(record['table']);
        if (table === undefined || !known.delete(table.name)) throw new Error(`The backup has a table ${record['table']} that this release does not expect.`);
        await copyIn(client, `copy ${table.name} (${(record['columns'] as string[]).filter((column) => table.columns.includes(column)).join(', ')}) from stdin`, counted);
        tables += 1;
      } else if (Array.isArray(record['sequences'])) {
        for (const sequence of record['sequences'] as SequenceState[]) await setSequence(executor, sequence);
      } else if (typeof record['file'] === 'string') {
        await writeDraft(files, options.dataFolder, record['file'], Number(record['mode']), counted);
      } else {
        throw new Error('The backup has a section that this release does not know.');
      }
    }
    if (known.size > 0) throw new Error(`The backup lacks the tables ${[...known.keys()].join(', ')}.`);
    await keys.give();
    await continuePositions(executor, header.floor + POSITION_LEAP);
    for (const { draft, final } of files.drafts) await rename(draft, final);
    await client.query('commit');
    await client.query('analyze');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    for (const { draft, final } of files.drafts) for (const path of [draft, final]) await rm(path, { force: true });
    for (const made of files.folders) await rm(made, { recursive: true, force: true });
    throw error;
  } finally {
    await client.end().catch(() => {});
  }
  return { tables, rows, files: files.drafts.length, bytes, takenAt: header.takenAt };
}

function readHeader(record: Readonly<Record<string, unknown>>): Header | undefined {
  return record['format'] === FORMAT ? (record as unknown as Header) : undefined;
}

/** How two lists of migrations differ, in words; empty when they do not. */
function differencesOf(release: readonly string[], given: readonly string[]): string[] {
  const lists = [
    ['it lacks', release, new Set(given)],
    ['it has', given, new Set(release)],
  ] as const;
  return lists.flatMap(([word, list, other]) => {
    const names = list.filter((line) => !other.has(line)).map((line) => line.split(' ')[0]);
    return names.length === 0 ? [] : [`${word} ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`];
  });
}

/** What a restore has written to disk so far, to be taken away when it fails. */
interface RestoredFiles {
  readonly drafts: { readonly draft: string; readonly final: string }[];
  readonly folders: string[];
}

/** Files stand under another name until the rows are sure to stay. */
async function writeDraft(files: RestoredFiles, dataFolder: string, name: string, mode: number, content: AsyncIterable<Buffer>): Promise<void> {
  if (posix.normalize(name) !== name || !KEPT_FOLDERS.some((folder) => name.startsWith(`${folder}/`))) throw new Error(`The backup has a file at ${JSON.stringify(name)}, where none belongs.`);
  const final = join(dataFolder, ...name.split('/'));
  const draft = `${final}.restoring`;
  await mkdir(dataFolder, { recursive: true });
  const made = await mkdir(dirname(final), { recursive: true, mode: 0o700 });
  if (made !== undefined) files.folders.push(made);
  files.drafts.push({ draft, final });
  await pipeline(Readable.from(content), createWriteStream(draft, { mode, flush: true }));
}
