import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..');

/** A check of the code as it stands: a program whose output matters only when it fails. */
interface Check {
  title: string;
  program: string;
  args: readonly string[];
  /** The check is left out while none of these exists. */
  needs?: string;
}

const linted = ['server', 'test', 'tools', 'bench', 'examples', 'contract', 'console/src', 'packages'];

const checks: readonly Check[] = [
  { title: 'Type check', program: 'tsc', args: ['-p', '.'] },
  { title: 'Type check of the console', program: 'tsc', args: ['--noEmit', '-p', 'console'], needs: 'console/tsconfig.json' },
  { title: 'Lint', program: 'oxlint', args: ['--deny-warnings', ...linted.filter((folder) => existsSync(join(root, folder)))] },
  { title: 'Architecture check', program: process.execPath, args: [join('tools', 'check-arrows.ts')] },
  { title: 'Generated files are current', program: process.execPath, args: [join('tools', 'generate.ts'), '--check'], needs: 'tools/generate.ts' },
];

/** Runs all checks, with a line for each that says what and how long. Returns the titles of those that failed. */
export async function runChecks(): Promise<string[]> {
  const failed: string[] = [];
  for (const check of checks) {
    if (check.needs !== undefined && !existsSync(join(root, check.needs))) continue;
    if (!(await timed(check.title, () => runQuietly(check.program, check.args)))) failed.push(check.title);
  }
  return failed;
}

/** Runs `work`, which returns the text to show if it failed and null if it succeeded, and prints one line about it. */
export async function timed(title: string, work: () => Promise<string | null>): Promise<boolean> {
  const started = performance.now();
  process.stdout.write(`${title} ... `);
  const failure = await work();
  process.stdout.write(`${failure === null ? '' : 'FAILED, '}${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  if (failure !== null) process.stdout.write(`${failure.trimEnd()}\n`);
  return failure === null;
}

async function runQuietly(program: string, args: readonly string[]): Promise<string | null> {
  const env = { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' };
  const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  return await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === 0 ? null : `${output}\n${program}: ${signal ?? `exit code ${code}`}`));
  });
}
