import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { testDatabase } from '../test/support/database.ts';
import { openDatabase } from './kernel/database.ts';
import { compareSchemas, readSchema } from './kernel/schema-check.ts';
import { schemaFile, schemaFaults } from './modules.ts';

const { url, drop } = await testDatabase();
const database = openDatabase({ connection: url, connections: 1 });
after(async () => {
  await database.close();
  await drop();
});

test('the migrations make the schema that schema.json expects (write it anew with MILLRACE_UPDATE_SCHEMA=1)', async () => {
  const live = await readSchema(database);
  if (process.env['MILLRACE_UPDATE_SCHEMA'] === '1') await writeFile(schemaFile, `${JSON.stringify(live, undefined, 1)}\n`);
  assert.deepEqual(compareSchemas(JSON.parse(await readFile(schemaFile, 'utf8')) as string[], live), []);
});

test('a table that was changed by hand is told at the start', async () => {
  await database.run('alter table job add column by_hand text');
  await database.run('drop index nonce_expiry');
  const faults = await schemaFaults(database);
  assert.deepEqual(
    faults.map((fault) => fault.split(' ').slice(0, 3).join(' ')),
    ['missing: index nonce', 'unexpected: column job.by_hand'],
  );
});
