// A lock folder between processes: one file in it holds the id of the owner.
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
    if (owner !== null && !isRunning(owner)) {
      discard(path, owner);
      continue;
    }
    if (owner !== null && !told) {
      told = true;
      process.stdout.write(`Waiting for process ${owner}, which ${doing} ...\n`);
    }
    if (Date.now() > deadline) throw new Error(`Process ${owner} holds ${path} for too long. If it is not a Millrace command, remove the folder.`);
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
  writeFileSync(join(own, 'pid'), String(process.pid));
  try {
    renameSync(own, path);
    return true;
  } catch (error) {
    rmSync(own, { recursive: true, force: true });
    if (error.code === 'ENOTEMPTY' || error.code === 'EEXIST') return false;
    throw error;
  }
}

function readOwner(path) {
  try {
    return Number.parseInt(readFileSync(join(path, 'pid'), 'utf8'), 10);
  } catch {
    return null;
  }
}

function discard(path, deadOwner) {
  const aside = join(dirname(path), `${basename(path)}.stale.${process.pid}`);
  try {
    renameSync(path, aside);
    // Another waiter may have been faster, and this is its fresh lock: give it back.
    if (readOwner(aside) !== deadOwner) renameSync(aside, path);
    else rmSync(aside, { recursive: true, force: true });
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY') throw error;
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  try {
    // After a restart of the machine the number may belong to somebody else; a zombie has no command line.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('launch.mjs');
  } catch (error) {
    return error.code !== 'ENOENT' || process.platform !== 'linux';
  }
}
