import { spawn } from 'node:child_process';
import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ProbeFailure, type ProbeContext } from './probe.ts';

const CHILD = fileURLToPath(new URL('duckdb-child.ts', import.meta.url));
const MOST_OUTPUT = 1024 * 1024;

/** The file, inside the folder of the workspace: data sources give no way to other files of the machine. */
function fileOf(context: ProbeContext): { file: string; folder: string } {
  const { options, database } = context.connection;
  const path = options['path'] ?? options['file'] ?? options['filePath'] ?? database;
  if (path === undefined) throw new ProbeFailure('ConfigError', 'The connection properties name no file (path).');
  const inside = normalize(path);
  if (isAbsolute(inside) || inside === '..' || inside.startsWith(`..${sep}`) || path.includes('\u0000')) throw new ProbeFailure('ConfigError', 'The file must lie in the folder of the workspace: give a path relative to it.');
  const folder = join(context.dataFolder, 'workspaces', String(context.workspaceId));
  return { file: join(folder, inside), folder };
}

async function run(context: ProbeContext, most: number): Promise<string> {
  const { file, folder } = fileOf(context);
  await context.step('Find', 'Look for the file', async () => {
    const found = await stat(file).catch(() => undefined);
    // Behind a link could be any file.
    const inFolder = found !== undefined && (await realpath(file)).startsWith((await realpath(folder)) + sep);
    if (found?.isFile() !== true || !inFolder) throw new ProbeFailure('ConfigError', 'There is no such file in the folder of the workspace.');
  });
  return context.step('Open', 'Open the file for reading', async () => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD, file, String(most)], { env: { PATH: '/usr/bin:/bin' }, stdio: ['ignore', 'pipe', 'pipe'], signal: context.signal, killSignal: 'SIGKILL' });
    let output = '';
    let problem = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (output.length < MOST_OUTPUT ? (output += part) : undefined));
    child.stderr.setEncoding('utf8').on('data', (part: string) => (problem.length < 2_000 ? (problem += part) : undefined));
    const code = await new Promise<number | null>((fulfil, reject) => {
      child.once('error', reject);
      child.once('close', (exit) => fulfil(exit));
    });
    if (code === 0) return output;
    if (/lock/i.test(problem)) throw new ProbeFailure('Unreachable', 'A task is using the file; a DuckDB file belongs to one process at a time.');
    // The path of the machine is nobody's business.
    throw new ProbeFailure('ConfigError', problem.replaceAll(file, 'the file').slice(0, 500) || 'The file cannot be opened.');
  });
}

export async function probeDuckdb(context: ProbeContext): Promise<void> {
  await run(context, 0);
}

/** The tables of the file, at most `most`. */
export async function duckdbTables(context: ProbeContext, most: number): Promise<string[]> {
  return (await run(context, most)).split('\n').filter((line) => line !== '');
}
