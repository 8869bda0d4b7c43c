import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const PROGRAMS = ['redis-server', 'valkey-server'];
const READY_MS = 10_000;

/** When an acknowledged write is on the disk: with the next second's flush, or before the acknowledgement, as PostgreSQL's commit. */
export type Fsync = 'everysec' | 'always';

export interface Redis {
  readonly url: string;
  /** Whether it is ours, so that its settings may be changed. */
  readonly own: boolean;
  stop(): Promise<void>;
}

/**
 * The Redis of REDIS_URL; else a `redis-server` or `valkey-server` of the search path, started on a free port with a folder of its own, every write in the
 * append-only file, no snapshots and nothing evicted. Undefined where there is neither.
 */
export async function findRedis(environment: NodeJS.ProcessEnv): Promise<Redis | undefined> {
  const given = environment['REDIS_URL'];
  if (given !== undefined) return { url: given, own: false, async stop() {} };
  const program = PROGRAMS.flatMap((name) => (environment['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name))).find(isExecutable);
  return program === undefined ? undefined : startRedis(program);
}

async function startRedis(program: string): Promise<Redis> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-redis-'));
  const port = await freePort();
  const settings = { port, bind: '127.0.0.1', dir: folder, appendonly: 'yes', appendfsync: 'everysec', save: '', 'maxmemory-policy': 'noeviction' };
  const child = spawn(program, Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]), { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const deadline = Date.now() + READY_MS;
  while (!/ready to accept connections/i.test(said)) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${program} did not start: ${said.trim()}`);
    await pause(20);
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    own: true,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
