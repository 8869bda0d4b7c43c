import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileTypeByCommand } from '../../../contract/index.ts';
import { limits } from '../../kernel/limits.ts';
import { findProgram, type TaskAccount } from './account.ts';
import type { DuckdbJob } from './duckdb-child.ts';
import type { RunParameter } from './interface.ts';

/** What a run needs to be started as a process. */
export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly account: TaskAccount | undefined;
  /** Given to the standard input, which is then closed. */
  readonly input: string;
}

/** Why a run cannot be started, for its log. */
export interface Refusal {
  readonly refusal: string;
}

export interface RunnerSettings {
  readonly dataFolder: string;
  /** Where programs are looked for; also the PATH of tasks. */
  readonly searchPath: string;
  readonly timeZone: string;
  /** Whether SQL may read and write files and attach other databases. */
  readonly externalAccess: boolean;
}

/** A run on the way to its runner. */
export interface RunnerJob {
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  readonly command: string;
  readonly content: string;
  readonly parameters: readonly RunParameter[];
  /** Whether the rows of the last query are kept for others. */
  readonly capture: boolean;
  /** The run's own folder, which exists. */
  readonly folder: string;
  readonly account: TaskAccount | undefined;
}

/** What runs a command here, or undefined when nothing does. */
export function runnerOf(command: string): 'shell' | 'python' | 'duckdb' | 'none' | undefined {
  return fileTypeByCommand.get(command)?.runnable;
}

/** Runs with one key must not run at the same time: a DuckDB file belongs to one process. */
export function resourceKey(command: string, workspaceId: number, environment: 'DEV' | 'PROD'): string | null {
  return runnerOf(command) === 'duckdb' ? `duckdb:${workspaceId}:${environment}` : null;
}

/** Where the DuckDB files of a workspace are. */
export function workspaceFolder(dataFolder: string, workspaceId: number): string {
  return join(dataFolder, 'workspaces', String(workspaceId));
}

/** Puts the values of parameters in place of `${name}`. A name that is no parameter stays as it is. */
export function substitute(text: string, parameters: readonly RunParameter[]): string {
  const values = new Map(parameters.map(({ name, value }) => [name, value]));
  return text.replaceAll(/\$\{([^{}]+)\}/g, (whole, name: string) => values.get(name.trim()) ?? whole);
}

/** Names that a parameter may not take in the environment; it is still given by position. */
const FIXED = new Set(['PATH', 'HOME', 'LANG', 'TZ']);

/** The whole environment of a task: nothing of the server's but the search path. */
function environmentOf(job: RunnerJob, settings: RunnerSettings): Record<string, string> {
  const named = job.parameters.flatMap(({ name, value }) => (name !== null && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !FIXED.has(name) ? [[name, value] as const] : []));
  return { ...Object.fromEntries(named), PATH: settings.searchPath, HOME: job.folder, LANG: 'C.UTF-8', TZ: settings.timeZone };
}

async function script(job: RunnerJob, settings: RunnerSettings, name: string, programs: readonly string[], missing: string): Promise<Launch | Refusal> {
  const program = await findProgram(programs, settings.searchPath, job.account);
  if (program === undefined) return { refusal: missing };
  const file = join(job.folder, name);
  await writeFile(file, job.content.replaceAll('\r\n', '\n'), { mode: 0o600 });
  if (job.account !== undefined) await chown(file, job.account.uid, job.account.gid);
  return { program, args: [file, ...job.parameters.map(({ value }) => value)], environment: environmentOf(job, settings), account: job.account, input: '' };
}

/** Where a run leaves the rows of its last query, as JSON. */
export function capturedRows(folder: string): string {
  return join(folder, 'captured.json');
}

const CHILD = fileURLToPath(new URL('duckdb-child.ts', import.meta.url));
/** Runs on one file are already kept apart by the queue; this bridges the moment in which a killed one lets go of its file. */
const LOCK_WAIT_MS = 15_000;

async function duckdb(job: RunnerJob, settings: RunnerSettings): Promise<Launch> {
  const folder = workspaceFolder(settings.dataFolder, job.workspaceId);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // The other code of tasks runs under another account where it can; it must not get at the files past the engine.
  await chmod(dirname(folder), 0o700);
  const details: DuckdbJob = {
    file: join(folder, `${job.environment.toLowerCase()}.duckdb`),
    sql: substitute(job.content, job.parameters),
    rows: limits.sqlResultRows.value,
    memoryMegabytes: limits.duckdbMemoryMegabytes.value,
    externalAccess: settings.externalAccess,
    temporaryFolder: join(job.folder, 'spill'),
    lockWaitMs: LOCK_WAIT_MS,
    ...(job.capture ? { captureFile: capturedRows(job.folder), captureBytes: limits.taskOutputBytes.value } : {}),
  };
  return {
    program: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', CHILD],
    // Parameters are substituted in the code; the engine needs none in its environment.
    environment: environmentOf({ ...job, parameters: [] }, settings),
    account: undefined,
    input: JSON.stringify(details),
  };
}

/** Prepares the run's folder and tells how to start it. */
export async function launchOf(job: RunnerJob, settings: RunnerSettings): Promise<Launch | Refusal> {
  switch (runnerOf(job.command)) {
    case 'shell':
      return script(job, settings, 'task.sh', ['bash', 'sh'], 'This machine has no shell that the task may use.');
    case 'python':
      return script(job, settings, 'task.py', ['python3', 'python'], 'This machine has no Python: python3 was looked for in the search path and not found. Install Python 3 where the server runs.');
    case 'duckdb':
      return duckdb(job, settings);
    default:
      return { refusal: `Nothing here runs the type ${job.command}. Types that run: ${runnableCommands().join(', ')}.` };
  }
}

function runnableCommands(): string[] {
  return [...new Set([...fileTypeByCommand.values()].filter((type) => type.runnable !== undefined).map((type) => type.command))];
}
