import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
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
  if (!isAlive(pid)) return false;
  if (process.platform === 'linux') {
    try {
      // A postmaster works in its data folder, before it writes the pid file and until its end.
      return readlinkSync(`/proc/${pid}/cwd`) === pgdata;
    } catch {
      return false;
    }
  }
  try {
    const command = execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    return command.includes('postgres') && command.includes(pgdata);
  } catch {
    return false;
  }
}
