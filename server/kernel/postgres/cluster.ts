import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, chown, link, lstat, mkdir, mkdtemp, open, readFile, realpath, rename, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { accountFor, canReach, makePrivateFolder, spawnAs, type Account } from './account.ts';
import { prepareBinaries, type Binaries } from './binaries.ts';
import { draftOf, removeAbandonedDrafts, removeDraft } from './drafts.ts';

/** The name of the superuser and of the database. */
export const clusterName = 'millrace';

/** The port only names the socket file: nothing listens on the network. */
export const socketPort = 5432;

/** Longest path of a Unix socket in bytes: macOS takes 103, Linux 107. */
const longestSocketPath = 103;

/** Where root keeps a cluster whose data folder the unprivileged account cannot reach, such as one below /root. */
const sharedStateFolder = process.platform === 'darwin' ? '/usr/local/var/millrace' : '/var/lib/millrace';

/** A cluster on disk, complete and ready to be started. */
export interface Cluster {
  /** PostgreSQL's own data folder. */
  pgdata: string;
  /** The private folder of the Unix socket. */
  socketFolder: string;
  password: string;
  account: Account | null;
  binaries: Binaries;
  /** Where postgres writes its log. */
  logFile: string;
}

/**
 * Opens the cluster of a Millrace data folder, creating what is missing: folders, password, and by initdb the cluster
 * itself. initdb works in a folder of its own that is renamed when it is complete, so an interrupted one leaves
 * nothing but rubbish, which is removed here. Layout: `postgres/` with `cluster`, `password`, `socket`; `postgres.log`.
 */
export async function openCluster(dataDir: string, log: (message: string) => void, initdbOptions: readonly string[]): Promise<Cluster> {
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const home = await openHome(dataDir, log);
  const account = await accountFor(home);
  await makePrivateFolder(home, account);
  await removeAbandonedDrafts(home);
  const binaries = await prepareBinaries(home, account);
  const password = await reservePassword(join(home, 'password'), account);
  const pgdata = join(home, 'cluster');
  if ((await stat(pgdata).catch(() => null)) === null) {
    log('Creating the database cluster, once ...');
    await createCluster(binaries, pgdata, home, account, initdbOptions);
  }
  const major = (await readFile(join(pgdata, 'PG_VERSION'), 'utf8')).trim();
  if (major !== binaries.major) {
    throw new Error(`The database in ${pgdata} belongs to PostgreSQL ${major}, and this Millrace carries PostgreSQL ${binaries.major}.`);
  }
  const socketFolder = await openSocketFolder(home, account);
  return { pgdata, socketFolder, password, account, binaries, logFile: join(dataDir, 'postgres.log') };
}

/** Removes the cluster of a data folder, wherever it lies; `stopIt` is given PostgreSQL's own folder before. */
export async function removeCluster(dataDir: string, stopIt: (pgdata: string) => Promise<void>): Promise<void> {
  const home = await realpath(join(dataDir, 'postgres')).catch(() => null);
  if (home === null) return;
  await stopIt(join(home, 'cluster'));
  const account = await accountFor(home);
  for (const folder of distantSocketFolders(home, account)) await rm(folder, { recursive: true, force: true });
  await rm(home, { recursive: true, force: true });
  await rm(join(dataDir, 'postgres'), { recursive: true, force: true });
}

/** The data folder's `postgres`, resolved. Root puts a link there when the unprivileged account could not reach a folder. */
async function openHome(dataDir: string, log: (message: string) => void): Promise<string> {
  const place = join(await realpath(dataDir), 'postgres');
  const found = await lstat(place).catch(() => null);
  if (found !== null) {
    if (process.getuid?.() !== 0 && found.uid !== process.getuid?.()) {
      throw new Error(`${place} belongs to another user (${found.uid}): it was begun by root or by somebody else. Start Millrace as that user, or choose another MILLRACE_DATA.`);
    }
    return await realpath(place);
  }
  const account = await accountFor(place);
  if (account === null) return place;
  const { uid, mode } = await stat(dataDir);
  if (uid === 0 && (mode & 0o1) === 0) await chmod(dataDir, mode | 0o1);
  if (await canReach(dataDir, account, 0o1)) return place;
  await mkdir(sharedStateFolder, { recursive: true, mode: 0o755 });
  const elsewhere = await mkdtemp(join(sharedStateFolder, 'data-'));
  await symlink(elsewhere, place);
  log(`PostgreSQL does not run as root, and its user cannot reach ${dataDir}: the database is kept in ${elsewhere}.`);
  return elsewhere;
}

/**
 * Reads the superuser's password from `file`, or generates one and keeps it there for its owner only. Of two processes
 * that do this at once, one wins and both return its password.
 */
export async function reservePassword(file: string, account: Account | null): Promise<string> {
  const known = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (known !== null) return known;
  const draft = draftOf(file);
  await writeFile(draft, randomBytes(24).toString('base64url'), { mode: 0o600, flush: true });
  if (account !== null) await chown(draft, account.uid, account.gid);
  // Unlike a rename, a link never replaces what is there.
  await link(draft, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await unlink(draft);
  return await readFile(file, 'utf8');
}

async function createCluster(binaries: Binaries, pgdata: string, home: string, account: Account | null, options: readonly string[]): Promise<void> {
  const unfinished = draftOf(pgdata);
  const args = [
    `--pgdata=${unfinished}`,
    `--username=${clusterName}`,
    `--pwfile=${join(home, 'password')}`,
    '--auth=scram-sha-256',
    '--locale=C',
    '--encoding=UTF8',
    '--data-checksums',
    '--no-instructions',
    ...options,
  ];
  try {
    await promisify(execFile)(binaries.initdb, args, { cwd: home, env: postgresEnvironment(), ...spawnAs(account) });
  } catch (error) {
    await removeDraft(unfinished);
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(`The database cluster cannot be created: ${stderr?.trim() || message}`, { cause: error });
  }
  try {
    await rename(unfinished, pgdata);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    // Another process was faster; its cluster has the same password.
    await removeDraft(unfinished);
  }
  const folder = await open(home, 'r');
  await folder.sync().finally(() => folder.close());
}

/** The variables that PostgreSQL's programs get: none of the caller's PG* settings, and messages in English. */
export function postgresEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
}

async function openSocketFolder(home: string, account: Account | null): Promise<string> {
  const beside = join(home, 'socket');
  if (isFitSocketFolder(beside)) {
    await makePrivateFolder(beside, account);
    return beside;
  }
  for (const folder of distantSocketFolders(home, account)) {
    if (!isFitSocketFolder(folder) || !(await mayEnter(dirname(folder), account))) continue;
    await makePrivateFolder(folder, account);
    const { uid, mode } = await lstat(folder);
    const owner = account?.uid ?? process.getuid?.();
    if (uid === owner && (mode & 0o777) === 0o700) return folder;
    throw new Error(`${folder} should be a private folder of user ${owner}, and is not. Remove it.`);
  }
  throw new Error(`No folder for PostgreSQL's socket: ${beside} is too long for a socket path, and neither ${tmpdir()} nor /tmp can be used.`);
}

/** Short folders for the socket of a cluster whose own path is too long for one, the better place first. */
function distantSocketFolders(home: string, account: Account | null): string[] {
  // The user's number is in the name, so that nobody meets a folder of somebody else by accident.
  const owner = account?.uid ?? process.getuid?.() ?? 0;
  const name = `millrace-${createHash('sha256').update(`${owner}:${home}`).digest('hex').slice(0, 16)}`;
  return [join(tmpdir(), name), join('/tmp', name)];
}

async function mayEnter(folder: string, account: Account | null): Promise<boolean> {
  return await canReach(folder, account, 0o1).catch(() => false);
}

function isFitSocketFolder(folder: string): boolean {
  // Anything but plain letters would need quoting in PostgreSQL's list of folders.
  return Buffer.byteLength(join(folder, `.s.PGSQL.${socketPort}`)) <= longestSocketPath && /^[\w./+@=-]+$/.test(folder) && dirname(folder) !== folder;
}
