import { closeSync, fchownSync, openSync, writeFileSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileTypeByCommand, type FileType } from '../../../contract/index.ts';
import { limits } from '../../kernel/limits.ts';
import { findProgram, type TaskAccount } from './account.ts';
import type { DuckdbJob } from './duckdb-child.ts';
import { tlsOf, type DataSourceConnection } from '../datasources/interface.ts';
import type { RunParameter, RunSurroundings, Supplies } from './interface.ts';
import type { HttpCall, RemoteJob } from './remote-child.ts';

/** What a run needs to be started as a process. */
export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly account: TaskAccount | undefined;
  /** Given to the standard input, which is then closed. */
  readonly input: string;
  /** The file in the run's folder that the code was written to. */
  readonly script?: string;
  /** Where our own program leaves the rows of the last query. Never set for code that may lay something else there, such as a link. */
  readonly capturedFile?: string;
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
  /** Where tasks may call to, as everything else that goes out. */
  readonly guard: { readonly allowLoopback: boolean; readonly allowed: readonly string[] };
  /** The data source that a task names, with its secrets; undefined when its workspace has none of the name. */
  datasource(workspaceId: number, environment: 'DEV' | 'PROD', name: string): Promise<DataSourceConnection | undefined>;
  /** What is around a run, with the contents. */
  supplies(workspaceId: number, environment: 'DEV' | 'PROD', surroundings: RunSurroundings): Promise<Supplies>;
}

/** A run on the way to its runner. */
export interface RunnerJob {
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  readonly command: string;
  readonly content: string;
  readonly parameters: readonly RunParameter[];
  /** Name of the data source it runs on, for types that need one. */
  readonly datasource: string | null;
  readonly timeoutSeconds: number;
  /** Whether the rows of the last query are kept for others. */
  readonly capture: boolean;
  /** Names of the files that stand in the folder already. */
  readonly fileNames: readonly string[];
  /** The run's own folder, which exists. */
  readonly folder: string;
  readonly account: TaskAccount | undefined;
}

/** What runs a command here, or undefined when nothing does. */
export function runnerOf(command: string): FileType['runnable'] {
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

function script(job: RunnerJob, settings: RunnerSettings, name: string, programs: readonly string[], missing: string): Launch | Refusal {
  const program = findProgram(programs, settings.searchPath, job.account);
  if (program === undefined) return { refusal: missing };
  // A resource may have the name that the code would have.
  const file = join(job.folder, job.fileNames.includes(name) ? `run-${job.fileNames.length}-${name}` : name);
  // A new file, held while it is given away: the folder belongs to the account that tasks share, and one of them may have laid a link there.
  const held = openSync(file, 'wx', 0o600);
  try {
    writeFileSync(held, job.content.replaceAll('\r\n', '\n'));
    if (job.account !== undefined) fchownSync(held, job.account.uid, job.account.gid);
  } finally {
    closeSync(held);
  }
  return { program, args: [file, ...job.parameters.map(({ value }) => value)], environment: environmentOf(job, settings), account: job.account, input: '', script: file };
}

/** Where a run leaves the rows of its last query, as JSON. */
function capturedRows(folder: string): string {
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
    ...(job.capture ? { capturedFile: capturedRows(job.folder) } : {}),
  };
}

const REMOTE = fileURLToPath(new URL('remote-child.ts', import.meta.url));
/** Longest wait for a connection to another server. */
const CONNECT_MS = 15_000;
const PORTS = { postgresql: 5432, mysql: 3306 } as const;

function remote(job: RunnerJob, settings: RunnerSettings, details: RemoteJob): Launch {
  return {
    program: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', `--max-old-space-size=${limits.remoteMemoryMegabytes.value}`, REMOTE],
    environment: environmentOf({ ...job, parameters: [] }, settings),
    account: undefined,
    input: JSON.stringify(details),
  };
}

async function sql(job: RunnerJob, settings: RunnerSettings, kind: 'postgresql' | 'mysql'): Promise<Launch | Refusal> {
  if (job.datasource === null || job.datasource === '') return { refusal: `The type ${job.command} runs on a data source, and the node names none.` };
  const source = await settings.datasource(job.workspaceId, job.environment, job.datasource);
  if (source === undefined) return { refusal: `The workspace has no data source ${job.datasource} in ${job.environment}.` };
  if (source.protocol !== kind) return { refusal: `The data source ${job.datasource} is of the type ${source.type}, which does not speak the protocol of ${job.command}.` };
  if (source.host === undefined) return { refusal: `The data source ${job.datasource} names no host.` };
  return remote(job, settings, {
    kind,
    sql: substitute(job.content, job.parameters),
    rows: limits.sqlResultRows.value,
    host: source.host,
    port: source.port ?? PORTS[kind],
    database: source.database,
    user: source.user,
    password: source.password,
    ...tlsOf(source.options),
    connectMs: CONNECT_MS,
    guard: settings.guard,
  });
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const;

/** Reads the code of an HTTP task: JSON with `url`, and `method`, `headers`, `body`, `expect` where they are not GET, none, none and 200 to 299. */
export function readHttpCall(text: string): HttpCall | Refusal {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { refusal: 'The code of an HTTP call must be JSON, such as {"method": "POST", "url": "https://example.com/", "body": {"day": "${bizdate}"}}.' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { refusal: 'The code of an HTTP call must be a JSON object.' };
  const { method = 'GET', url, headers = {}, body, expect = [] } = value as Record<string, unknown>;
  const known = METHODS.find((one) => one === method);
  if (known === undefined) return { refusal: `The method must be one of ${METHODS.join(', ')}.` };
  if (typeof url !== 'string') return { refusal: 'The call has no url.' };
  if (typeof headers !== 'object' || headers === null || Object.values(headers).some((one) => typeof one !== 'string')) return { refusal: 'The headers must be an object of texts.' };
  const statuses = Array.isArray(expect) ? expect : [expect];
  if (statuses.some((one) => !Number.isInteger(one))) return { refusal: 'The expected statuses must be whole numbers.' };
  const json = body !== undefined && typeof body !== 'string';
  return {
    method: known,
    url,
    headers: { ...(json ? { 'content-type': 'application/json' } : {}), ...(headers as Record<string, string>) },
    body: json ? JSON.stringify(body) : body,
    expect: statuses as number[],
  };
}

function http(job: RunnerJob, settings: RunnerSettings): Launch | Refusal {
  const request = readHttpCall(substitute(job.content, job.parameters));
  if ('refusal' in request) return request;
  return remote(job, settings, { kind: 'http', request, timeoutMs: job.timeoutSeconds * 1_000, guard: settings.guard });
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
    case 'postgresql':
      return sql(job, settings, 'postgresql');
    case 'mysql':
      return sql(job, settings, 'mysql');
    case 'http':
      return http(job, settings);
    default:
      return { refusal: `Nothing here runs the type ${job.command}. Types that run: ${runnableCommands().join(', ')}.` };
  }
}

function runnableCommands(): string[] {
  return [...new Set([...fileTypeByCommand.values()].filter((type) => type.runnable !== undefined).map((type) => type.command))];
}
