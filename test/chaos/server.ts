import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Key } from '../support/sign.ts';

const root = join(import.meta.dirname, '..', '..');
/** A restart that takes longer than this is given up; the promise is 5 s. */
const READY_MS = 30_000;

export interface ServerSettings {
  readonly dataFolder: string;
  readonly port: number;
  readonly key: Key;
  /** More of its environment, over the defaults. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The real server as a process of its own, on embedded PostgreSQL. */
export interface ServerProcess {
  readonly pid: number;
  /** Resolves when the process has ended, however. */
  readonly ended: Promise<unknown>;
  /** The end of what it said on its standard error. */
  complaints(): string;
  /** Milliseconds from the start of the process until `/readyz` answers 200. */
  ready(): Promise<number>;
  /** kill -9 of the server alone; PostgreSQL and running tasks live on. */
  kill(): Promise<void>;
  /** SIGTERM, and the orderly end of everything. */
  stop(): Promise<void>;
}

export function startServer(settings: ServerSettings): ServerProcess {
  const began = performance.now();
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'server/main.ts')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      DATABASE_URL: '',
      MILLRACE_DATA: settings.dataFolder,
      MILLRACE_PORT: String(settings.port),
      MILLRACE_SAMPLE: 'off',
      MILLRACE_LOG_LEVEL: 'error',
      MILLRACE_ADMIN_ACCESS_KEY_ID: settings.key.accessKeyId,
      MILLRACE_ADMIN_ACCESS_KEY_SECRET: settings.key.accessKeySecret,
      ...settings.env,
    },
  });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-4_000);
  });
  const ended = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    ended,
    complaints: () => complaints,
    async ready() {
      const url = `http://127.0.0.1:${settings.port}/readyz`;
      const deadline = performance.now() + READY_MS;
      while (performance.now() < deadline) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server ended with ${child.exitCode ?? child.signalCode}: ${complaints.slice(-800)}`);
        const status = await fetch(url).then(
          (answer) => answer.body?.cancel().then(() => answer.status),
          () => 0,
        );
        if (status === 200) return performance.now() - began;
        await pause(10);
      }
      throw new Error(`the server was not ready within ${READY_MS} ms: ${complaints.slice(-800)}`);
    },
    kill: () => end(child, 'SIGKILL'),
    stop: () => end(child, 'SIGTERM'),
  };
}

/** Ends a process by a signal and waits until it is gone. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
