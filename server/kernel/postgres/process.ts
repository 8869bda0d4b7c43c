import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What `postmaster.pid` says. The file grows while the postmaster starts, so later fields may be missing. */
export interface PostmasterFile {
  pid: number;
  socketFolder: string | null;
  /** "starting", "ready", "stopping", "standby" or empty. */
  status: string;
}

/** Reads PostgreSQL's pid file, null if there is none. */
export async function readPostmasterFile(pgdata: string): Promise<PostmasterFile | null> {
  const text = await readFile(join(pgdata, 'postmaster.pid'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  const lines = text?.split('\n') ?? [];
  const pid = Number.parseInt(lines[0] ?? '', 10);
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  return { pid, socketFolder: lines[4]?.trim() || null, status: lines[7]?.trim() ?? '' };
}

/** Whether a process exists and is not a zombie: where process 1 does not collect orphans, they stay as zombies. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^\) [ZX]/.test(stat.slice(stat.lastIndexOf(')')));
  } catch {
    return false;
  }
}

/** Whether the process is a postmaster on this data folder and not a stranger that got the number of a dead one. */
export function isPostmasterOf(pid: number, pgdata: string): boolean {
  return isAlive(pid) && commandOf(pid).includes(pgdata);
}

/** The command line: everybody may read it, other than a process's working directory, which needs a right of its own. */
function commandOf(pid: number): readonly string[] {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const command = execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    // ps separates the arguments by blanks, as a path may contain: cut out what stands between -D and the first setting.
    return [/ -D (.*?) -c /.exec(command)?.[1] ?? ''];
  } catch {
    return [];
  }
}
