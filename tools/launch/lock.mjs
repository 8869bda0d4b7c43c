// A lock folder between processes: one file in it holds the id of the owner, and when that process began where the system tells.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const longestWaitMs = 20 * 60_000;

/**
 * Runs `work` while holding the lock folder `path`. Waits for a living owner (saying once that it `doing`, for example
 * "installs packages") and takes over from a dead one.
 */
export async function withLock(path, doing, work) {
  const deadline = Date.now() + longestWaitMs;
  let told = false;
  while (!acquire(path)) {
    const owner = readOwner(path);
    if (owner !== null && !isRunning(...owner)) {
      discard(path, owner);
      continue;
    }
    if (owner !== null && !told) {
      told = true;
      process.stdout.write(`Waiting for process ${owner[0]}, which ${doing} ...\n`);
    }
    if (Date.now() > deadline) throw new Error(`Process ${owner?.[0]} holds ${path} for too long. If it is not a Millrace command, remove the folder.`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  try {
    return await work();
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** A folder that already holds its owner's id is moved into place: no moment exists at which the lock has no owner. */
function acquire(path) {
  const own = `${path}.${process.pid}`;
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'pid'), `${process.pid} ${beginOf(process.pid)}`);
  try {
    renameSync(own, path);
    return true;
  } catch (error) {
    rmSync(own, { recursive: true, force: true });
    if (error.code === 'ENOTEMPTY' || error.code === 'EEXIST') return false;
    throw error;
  }
}

/** The id of the owner and its beginning, or null when there is none. */
function readOwner(path) {
  try {
    const [pid, began = ''] = readFileSync(join(path, 'pid'), 'utf8').split(' ');
    return [Number(pid), began];
  } catch {
    return null;
  }
}

function discard(path, deadOwner) {
  const aside = join(dirname(path), `${basename(path)}.stale.${process.pid}`);
  try {
    renameSync(path, aside);
    // Another waiter may have been faster, and this is its fresh lock: give it back.
    if (readOwner(aside)?.join(' ') !== deadOwner.join(' ')) renameSync(aside, path);
    else rmSync(aside, { recursive: true, force: true });
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY') throw error;
  }
}

function isRunning(pid, began) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  // After a restart of the machine the number may belong to somebody else, who began at another time.
  return began === '' || beginOf(pid) === began;
}

/** When a process began, in ticks since the system did; '' where the system does not tell (only Linux does), or for one that has ended. */
function beginOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in brackets, may hold anything; the state follows it, and the beginning is the twentieth from there.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? '' : fields[19];
  } catch {
    return '';
  }
}
