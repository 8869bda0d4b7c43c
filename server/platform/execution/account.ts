import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join } from 'node:path';

/** The user and group under which the code of tasks runs, when that is not the server's own. */
export interface TaskAccount {
  readonly uid: number;
  readonly gid: number;
}

/** Nobody's numbers on Linux. */
const NOBODY: TaskAccount = { uid: 65534, gid: 65534 };

async function passable(path: string, account: TaskAccount, wanted: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return false;
  const granted = found.uid === account.uid ? found.mode >> 6 : found.gid === account.gid ? found.mode >> 3 : found.mode;
  return (granted & wanted) === wanted;
}

/** Whether the account has the right (1: enter or run) on a path and may pass through all folders above it. */
async function reaches(path: string, account: TaskAccount): Promise<boolean> {
  for (let current = path; ; current = dirname(current)) {
    if (!(await passable(current, account, 1))) return false;
    if (dirname(current) === current) return true;
  }
}

/**
 * The account for tasks: nobody when the server runs as root on Linux and nobody can get to `folder`, else undefined, the server's own.
 */
export async function taskAccount(folder: string): Promise<TaskAccount | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  return (await reaches(folder, NOBODY)) ? NOBODY : undefined;
}

/** The first program of one of these names that the account may run, in the order of the search path. */
export async function findProgram(names: readonly string[], searchPath: string, account: TaskAccount | undefined): Promise<string | undefined> {
  for (const name of names) {
    for (const folder of searchPath.split(delimiter)) {
      if (!isAbsolute(folder)) continue;
      const file = join(folder, name);
      const usable = account === undefined ? await access(file, constants.X_OK).then(() => true, () => false) : await reaches(file, account);
      if (usable && (await stat(file)).isFile()) return file;
    }
  }
  return undefined;
}
