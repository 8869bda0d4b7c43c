import { spawn } from 'node:child_process';
import { mkdtemp, open, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Executor } from '../../kernel/database.ts';
import { ApiError } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { readLocation } from './location.ts';
import type { PreviewJob } from './preview-child.ts';
import { contentOf, type VersionRow } from './store.ts';

/** The beginning of what a version has, as text. Never the whole of it, and never anything that is no text. */
export interface Preview {
  readonly fileName: string;
  readonly mimeType: string;
  /** Undefined where nothing here can show it. */
  readonly content: string | undefined;
}

const CHILD = fileURLToPath(new URL('preview-child.ts', import.meta.url));

const types: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.tsv': 'text/tab-separated-values',
  '.txt': 'text/plain',
  '.log': 'text/plain',
  '.md': 'text/markdown',
  '.json': 'application/json',
  '.jsonl': 'application/x-ndjson',
  '.ndjson': 'application/x-ndjson',
  '.xml': 'application/xml',
  '.yaml': 'application/yaml',
  '.yml': 'application/yaml',
  '.sql': 'application/sql',
  '.html': 'text/html',
  '.parquet': 'application/vnd.apache.parquet',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.mp3': 'audio/mpeg',
  '.wav': 'audio/wav',
  '.mp4': 'video/mp4',
};

function typeOf(fileName: string): string {
  return types[extname(fileName).toLowerCase()] ?? 'application/octet-stream';
}

/** The text of the first bytes of a file; a character that was cut in two at the end is left out. Undefined when they are no text. */
function textOf(head: Buffer, whole: boolean): string | undefined {
  if (head.includes(0)) return undefined;
  for (let cut = 0; cut <= (whole ? 0 : 3) && cut <= head.length; cut += 1) {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(head.subarray(0, head.length - cut));
    } catch {
      // A character may be cut, or it is no text.
    }
  }
  return undefined;
}

/** Shows versions. `dataFolder` holds `workspaces/<id>/` with their files. */
export function createPreviews(options: { dataFolder: string }): (db: Executor, version: VersionRow) => Promise<Preview> {
  const { dataFolder } = options;
  let underWay = 0;

  async function runChild(job: Omit<PreviewJob, 'rows' | 'memoryMegabytes'>): Promise<string | undefined> {
    if (underWay >= limits.datasetPreviews.value) throw new ApiError('Throttling.System', {}, 1_000);
    underWay += 1;
    try {
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD], { env: { PATH: '/usr/bin:/bin' }, stdio: ['pipe', 'pipe', 'pipe'], timeout: limits.datasetPreviewMs.value, killSignal: 'SIGKILL' });
      let output = '';
      let problem = '';
      const most = limits.datasetPreviewBytes.value;
      child.stdout.setEncoding('utf8').on('data', (part: string) => (output.length < most ? (output += part) : undefined));
      child.stderr.setEncoding('utf8').on('data', (part: string) => (problem.length < 2_000 ? (problem += part) : undefined));
      child.stdin.on('error', () => {});
      child.stdin.end(JSON.stringify({ ...job, rows: limits.datasetPreviewRows.value, memoryMegabytes: limits.datasetPreviewMegabytes.value } satisfies PreviewJob));
      const code = await new Promise<number | null>((resolve, reject) => {
        child.once('error', reject);
        child.once('close', resolve);
      });
      if (code === 0) return output.slice(0, most);
      if (/lock/i.test(problem)) throw new ApiError('WrongState', { kind: 'Dataset', label: 'file of the workspace', id: 'DuckDB', reason: 'a task is using it, and it belongs to one process at a time' });
      return undefined;
    } finally {
      underWay -= 1;
    }
  }

  /** The path of a file below the workspace's folder; undefined when there is none, also behind a link that leads out of it. */
  async function fileBelow(workspaceId: number, path: string): Promise<string | undefined> {
    const folder = join(dataFolder, 'workspaces', String(workspaceId));
    const real = await realpath(join(folder, path)).catch(() => undefined);
    if (real === undefined || !real.startsWith((await realpath(folder)) + sep)) return undefined;
    return (await stat(real)).isFile() ? real : undefined;
  }

  async function headOf(file: string): Promise<string | undefined> {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      const buffer = Buffer.alloc(Math.min(size, limits.datasetPreviewBytes.value));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
      return textOf(buffer.subarray(0, bytesRead), bytesRead === size);
    } finally {
      await handle.close();
    }
  }

  async function parquetOf(content: Buffer): Promise<string | undefined> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-preview-'));
    try {
      const file = join(folder, 'data.parquet');
      await writeFile(file, content, { mode: 0o600 });
      return await runChild({ file });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  return async (db, version) => {
    const location = readLocation('Url', version.url);
    const mimeType = typeOf(version.file_name);
    const isParquet = mimeType === types['.parquet'];
    const shown = (content: string | undefined): Preview => ({ fileName: version.file_name, mimeType: isParquet && content !== undefined ? 'text/csv' : mimeType, content });
    switch (location.kind) {
      case 'web': {
        const copied = await contentOf(db, version.id, isParquet ? undefined : limits.datasetPreviewBytes.value);
        if (copied === undefined) return shown(undefined);
        return shown(isParquet ? await parquetOf(copied.content) : textOf(copied.content, copied.content.length === copied.bytes));
      }
      case 'file': {
        const file = await fileBelow(version.workspace_id, location.path);
        if (file === undefined) return shown(undefined);
        return shown(isParquet ? await runChild({ file }) : await headOf(file));
      }
      case 'table': {
        const file = await fileBelow(version.workspace_id, `${location.environment}.duckdb`);
        return shown(file === undefined ? undefined : await runChild({ file, table: { schema: location.schema, name: location.table } }));
      }
      default:
        return shown(undefined);
    }
  };
}
