import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { processStart } from './process-tree.ts';

/**
 * Names the machine: its host name and a number kept in the data folder, since host names repeat. Processes of one machine can see whether
 * another one's process lives.
 */
export async function machineName(dataFolder: string): Promise<string> {
  const file = join(dataFolder, 'machine');
  await mkdir(dataFolder, { recursive: true });
  // Of two processes that start together one writes, and both read what it wrote.
  await writeFile(file, `${randomUUID()}\n`, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return `${hostname()} ${(await readFile(file, 'utf8')).trim()}`;
}

/** Names a worker so that others on its machine can tell whether it lives. */
export function workerName(suffix: string): string {
  return `${process.pid} ${processStart(process.pid) ?? ''} ${suffix}`;
}

/** Whether the process of a worker of this machine is there no more. */
export function isWorkerDead(worker: string): boolean {
  const [pid = '', start = ''] = worker.split(/ (.*) /);
  return processStart(Number(pid)) !== start;
}
