import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { schedulingPlace } from '../scheduling/scheduling.fixture.ts';

const place = await schedulingPlace();
const { publish, run, ends, database } = place;
await place.start();
after(place.close);

const ASSIGNMENT = { fileType: 1100, command: 'CONTROLLER_ASSIGNMENT' };
const shell = (code: string) => publish(ASSIGNMENT, code, { spec: { script: { language: 'shell' } } });
const outputOf = async (instance: number) => (await database.row<{ value: string }>(`select result #>> '{variables,outputs}' as value from task_instance where id = $1`, [instance]))?.value;

test('what a task lays where a query leaves its rows is not read: it may lead to a file of the server', async () => {
  const secret = join(place.dataFolder, 'key');
  await writeFile(secret, 'the key of the server', { mode: 0o600 });
  const instance = await run(await shell(`ln -s ${secret} captured.json; echo said`));
  assert.equal(await ends(instance), 'Success');
  assert.equal(await outputOf(instance), 'said');
});

test('an output that the database cannot hold does not keep the run from ending', async () => {
  const instance = await run(await shell(`printf 'a\\0b\\n'`));
  assert.equal(await ends(instance), 'Success');
  assert.equal(await outputOf(instance), 'a\uFFFDb');
});
