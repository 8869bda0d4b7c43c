import { DuckDBInstance } from '@duckdb/node-api';

/**
 * Shows the first rows of a table in a DuckDB file, or of a Parquet file, as CSV, in a process of its own, since a damaged file may end the process. The job comes
 * as JSON on the standard input. The exit code is 1, with the reason on the standard error, when there is nothing to show.
 */
export interface PreviewJob {
  readonly file: string;
  /** The file is a Parquet file when absent. */
  readonly table?: { readonly schema: string; readonly name: string };
  readonly rows: number;
  readonly memoryMegabytes: number;
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

function field(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function readJob(): Promise<PreviewJob> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return JSON.parse(Buffer.concat(parts).toString('utf8')) as PreviewJob;
}

try {
  const { file, table, rows, memoryMegabytes } = await readJob();
  const common = { memory_limit: `${memoryMegabytes}MB`, threads: '1', autoinstall_known_extensions: 'false', temp_directory: '' };
  const instance =
    table === undefined ? await DuckDBInstance.create(':memory:', common) : await DuckDBInstance.create(file, { ...common, access_mode: 'READ_ONLY', enable_external_access: 'false' });
  const connection = await instance.connect();
  const from = table === undefined ? `read_parquet(${literal(file)})` : `${quoted(table.schema)}.${quoted(table.name)}`;
  const result = await connection.runAndReadAll(`select * from ${from} limit ${Math.trunc(rows)}`);
  const lines = [result.columnNames(), ...result.getRows()].map((row) => row.map(field).join(','));
  process.stdout.write(`${lines.join('\n')}\n`);
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
