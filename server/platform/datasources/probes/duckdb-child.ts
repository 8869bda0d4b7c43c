import { DuckDBInstance } from '@duckdb/node-api';

/**
 * Opens a DuckDB file for reading in a process of its own, since a damaged file may end the process. The file is the first argument, the
 * second the number of tables to list, one a line. The exit code is 1 with the reason on the standard error when it cannot be opened.
 */
const [, , file = '', most = '0'] = process.argv;
try {
  const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY', enable_external_access: 'false', autoinstall_known_extensions: 'false', memory_limit: '256MB', threads: '1' });
  const connection = await instance.connect();
  const result = await connection.runAndReadAll(`select table_schema || '.' || table_name as name from information_schema.tables order by 1 limit ${Math.trunc(Number(most)) || 0}`);
  for (const [name] of result.getRows()) process.stdout.write(`${String(name)}\n`);
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
