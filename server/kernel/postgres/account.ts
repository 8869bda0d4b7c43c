import { chown, mkdir, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The user and group that PostgreSQL's processes run under. */
export interface Account {
  uid: number;
  gid: number;
}

/** Nobody's numbers: PostgreSQL refuses to run as root. macOS gives nobody the number -2. */
const unprivileged: Account = process.platform === 'darwin' ? { uid: 4294967294, gid: 4294967294 } : { uid: 65534, gid: 65534 };

/**
 * The account for a cluster: null means "as ourselves", the case of a plain user. Root takes the owner of the existing
 * `folder`, so that data begun by a plain user stays theirs, and nobody for a new one.
 */
export async function accountFor(folder: string): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null;
  const found = await stat(folder).catch(() => null);
  return found === null || found.uid === 0 ? unprivileged : { uid: found.uid, gid: found.gid };
}

/** The spawn options that start a child under the account. */
export function spawnAs(account: Account | null): { uid?: number; gid?: number } {
  // spawn takes signed 32-bit numbers.
  return account === null ? {} : { uid: account.uid | 0, gid: account.gid | 0 };
}

/** Creates `folder` (and parents) so that only the account may enter it. */
export async function makePrivateFolder(folder: string, account: Account | null): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (account !== null) await chown(folder, account.uid, account.gid);
}

/**
 * Whether the account has the `wanted` rights (bits: 4 to read, 1 to enter or run) on `path` and may pass through all the
 * folders above it.
 */
export async function canReach(path: string, account: Account | null, wanted: number): Promise<boolean> {
  let current = await realpath(path);
  if (!(await allows(current, account, wanted))) return false;
  while (dirname(current) !== current) {
    current = dirname(current);
    if (!(await allows(current, account, 0o1))) return false;
  }
  return true;
}

async function allows(path: string, account: Account | null, wanted: number): Promise<boolean> {
  const { uid, gid, mode } = await stat(path);
  const user = account?.uid ?? process.getuid?.() ?? -1;
  const groups = account === null ? (process.getgroups?.() ?? []) : [account.gid];
  const granted = uid === user ? mode >> 6 : groups.includes(gid) ? mode >> 3 : mode;
  return (granted & wanted) === wanted;
}
