import { writeFile } from 'node:fs/promises';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { print, readJob, showValue, table } from './result-table.ts';

/**
 * Runs one SQL task in a process of its own: a fault of the engine then ends the task and not the server. The job comes as JSON on the
 * standard input, the log goes to the standard output; the exit code is 1 when a statement fails.
 */
export interface DuckdbJob {
  readonly file: string;
  readonly sql: string;
  readonly rows: number;
  readonly memoryMegabytes: number;
  readonly externalAccess: boolean;
  readonly temporaryFolder: string;
  /** How long to wait for another process to leave the file. */
  readonly lockWaitMs: number;
  /** Where the rows of the last query go as JSON, for others to read, and how large that may be. */
  readonly captureFile?: string;
  readonly captureBytes?: number;
}

const QUERY_RESULT = 3;
const CHANGED_ROWS = 1;

/** Opens the file, waiting while another process has it. */
async function open(job: DuckdbJob): Promise<DuckDBInstance> {
  const deadline = Date.now() + job.lockWaitMs;
  for (;;) {
    try {
      return await DuckDBInstance.create(job.file, {
        memory_limit: `${job.memoryMegabytes}MB`,
        threads: '2',
        temp_directory: job.temporaryFolder,
        enable_external_access: String(job.externalAccess),
        autoinstall_known_extensions: 'false',
        lock_configuration: 'true',
      });
    } catch (error) {
      if (!/lock/i.test(String(error)) || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function runStatements(connection: DuckDBConnection, job: DuckdbJob): Promise<void> {
  const statements = await connection.extractStatements(job.sql);
  let last: (string | null)[][] | undefined;
  for (let index = 0; index < statements.count; index += 1) {
    const began = performance.now();
    const statement = await statements.prepare(index);
    const result = await statement.stream();
    const took = () => `(${Math.round(performance.now() - began)} ms)`;
    if (result.returnType !== QUERY_RESULT) {
      // A streamed result has only happened once it was read to its end.
      await result.fetchAllChunks();
      print(`[${index + 1}/${statements.count}] ${result.returnType === CHANGED_ROWS ? `${result.rowsChanged} rows changed` : 'done'} ${took()}`);
      continue;
    }
    const rows: string[][] = [];
    const whole: (string | null)[][] = [];
    last = whole;
    let total = 0;
    for await (const part of result.yieldRows()) {
      total += part.length;
      for (const row of part) {
        if (rows.length >= job.rows) break;
        rows.push(row.map(showValue));
        if (job.captureFile !== undefined) whole.push(row.map((value) => (value === null ? null : String(value))));
      }
      if (total > job.rows) break;
    }
    print(`[${index + 1}/${statements.count}] ${total > job.rows ? `the first ${job.rows} rows` : `${total} rows`} ${took()}`);
    print(table(result.columnNames(), rows));
  }
  if (job.captureFile === undefined || last === undefined) return;
  const text = JSON.stringify(last);
  if (text.length > (job.captureBytes ?? 0)) throw new Error(`the rows to be handed on have ${text.length} bytes; at most ${job.captureBytes} are handed on`);
  await writeFile(job.captureFile, text);
}

try {
  const job = await readJob<DuckdbJob>();
  const instance = await open(job);
  const connection = await instance.connect();
  await runStatements(connection, job);
  connection.closeSync();
  instance.closeSync();
} catch (error) {
  print(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
