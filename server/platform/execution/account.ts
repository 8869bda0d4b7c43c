import { accessSync, constants, statSync, type Stats } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';

/** The user and group under which the code of tasks runs, when that is not the server's own. */
export interface TaskAccount {
  readonly uid: number;
  readonly gid: number;
}

/** Nobody's numbers on Linux. */
const NOBODY: TaskAccount = { uid: 65534, gid: 65534 };

// Looked at in place: some dozens of looks take a fraction of a millisecond, and many times that when each waits for a thread.

function look(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function passable(path: string, account: TaskAccount, wanted: number): boolean {
  const found = look(path);
  if (found === undefined) return false;
  const granted = found.uid === account.uid ? found.mode >> 6 : found.gid === account.gid ? found.mode >> 3 : found.mode;
  return (granted & wanted) === wanted;
}

/** Whether the account has the right (1: enter or run) on a path and may pass through all folders above it. */
function reaches(path: string, account: TaskAccount): boolean {
  for (let current = path; ; current = dirname(current)) {
    if (!passable(current, account, 1)) return false;
    if (dirname(current) === current) return true;
  }
}

/**
 * The account for tasks: nobody when the server runs as root on Linux and nobody can get to `folder`, else undefined, the server's own.
 */
export function taskAccount(folder: string): TaskAccount | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  return reaches(folder, NOBODY) ? NOBODY : undefined;
}

/** The first program of one of these names that the account may run, in the order of the search path. */
export function findProgram(names: readonly string[], searchPath: string, account: TaskAccount | undefined): string | undefined {
  for (const name of names) {
    for (const folder of searchPath.split(delimiter)) {
      if (!isAbsolute(folder)) continue;
      const file = join(folder, name);
      if (look(file)?.isFile() === true && (account === undefined ? executable(file) : reaches(file, account))) return file;
    }
  }
  return undefined;
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
