import { spawn } from 'node:child_process';

/** Runs a shell that does nothing, and waits for its end. */
export type RunShell = () => Promise<void>;

export const SHELL_CONTENT = 'true';

export const runShell: RunShell = () =>
  new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', SHELL_CONTENT], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.resume();
    child.stderr.resume();
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`the shell ended with ${code}`))));
  });
