import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { end } from './server.ts';

/** A program of ours beside the servers, such as a receiver: a process of its own that says `ready` when it is. */
export interface Program {
  readonly pid: () => number;
  /** Starts it, again after `kill`, with the same arguments. Resolves when it is ready. */
  start(): Promise<void>;
  kill(): Promise<void>;
  /** What it said since `ready`, whole lines. */
  lines(): readonly string[];
  /** How often it ended without having been told to; it was started again. */
  failures(): readonly string[];
}

/** Pause before one that ended by itself is started again. */
const AGAIN_MS = 300;

/** `file` is in this folder; its one argument is `settings` as JSON. */
export function program(file: string, settings: object): Program {
  let child: ChildProcess | undefined;
  let lines: string[] = [];
  const failures: string[] = [];

  async function start(): Promise<void> {
    const own = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--disable-warning=TimeoutNegativeWarning', join(import.meta.dirname, file), JSON.stringify(settings)], { stdio: ['pipe', 'pipe', 'pipe'] });
    child = own;
    lines = [];
    let said = '';
    own.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2_000);
    });
    let rest = '';
    const ready = new Promise<void>((resolve, reject) => {
      own.stdout.setEncoding('utf8').on('data', (text: string) => {
        const parts = (rest + text).split('\n');
        rest = parts.pop() ?? '';
        for (const line of parts) {
          if (line === 'ready') resolve();
          else lines.push(line);
        }
      });
      own.once('exit', (code, signal) => reject(new Error(`${file} ended with ${code ?? signal}: ${said}`)));
    });
    own.once('exit', (code, signal) => {
      if (child !== own || signal === 'SIGKILL') return;
      failures.push(`${file} ended with ${code ?? signal}: ${said}`);
      setTimeout(() => {
        if (child === own) start().catch(() => {});
      }, AGAIN_MS);
    });
    await ready;
  }

  return {
    pid: () => child?.pid ?? 0,
    start,
    async kill() {
      const own = child;
      child = undefined;
      if (own !== undefined) await end(own, 'SIGKILL');
    },
    lines: () => lines,
    failures: () => failures,
  };
}
