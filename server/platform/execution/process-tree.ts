import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * The processes of a run. A run's first process leads a process group of its own, so the group is the tree, except for descendants that
 * left it (`setsid`). On Linux those are found by their environment, whose HOME is the run's folder.
 */
export interface ProcessTree {
  /** Process id of the leader, which is also the id of the group; undefined when it was never written down. */
  readonly leader: number | undefined;
  /** The run's folder, `HOME` of all its processes. */
  readonly folder: string;
}

/** When a process began, as text that is equal only for the same process; undefined when there is none. */
export function processStart(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name in the second field may hold blanks and brackets; the fields after it are counted from its end. A zombie has ended.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
    }
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return text === '' ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Processes whose HOME is the folder, besides this one. Empty where the system does not show it. */
function processesAtHome(folder: string): number[] {
  if (process.platform !== 'linux') return [];
  const mark = `\0HOME=${folder}\0`;
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    try {
      return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`.includes(mark) && processStart(pid) !== undefined ? [pid] : [];
    } catch {
      // Gone meanwhile, or of another user.
      return [];
    }
  });
}

function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Sends a signal to all processes of the tree. */
export function signalTree(tree: ProcessTree, signal: NodeJS.Signals): void {
  if (tree.leader !== undefined) send(-tree.leader, signal);
  for (const pid of processesAtHome(tree.folder)) send(pid, signal);
}

/**
 * Kills what is left of a run whose worker is gone. The group is only touched when its leader is still the process that was written down, or
 * when it has ended: the system gives its number to nobody while the group has members.
 */
export function killAbandonedTree(tree: ProcessTree, startedAs: string | undefined): void {
  const present = tree.leader === undefined ? undefined : processStart(tree.leader);
  const leader = tree.leader !== undefined && startedAs !== undefined && (present === undefined || present === startedAs) ? tree.leader : undefined;
  signalTree({ leader, folder: tree.folder }, 'SIGKILL');
}

/** Whether any process of the tree still runs. */
export function isTreeAlive(tree: ProcessTree): boolean {
  if (processesAtHome(tree.folder).length > 0) return true;
  return tree.leader !== undefined && groupHasMembers(tree.leader);
}

function groupHasMembers(group: number): boolean {
  if (!send(-group, 0)) return false;
  if (process.platform !== 'linux') return true;
  // The signal also reaches processes that have ended and wait for somebody to collect them; they do not count.
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[2] === String(group) && fields[0] !== 'Z' && fields[0] !== 'X';
    } catch {
      return false;
    }
  });
}
