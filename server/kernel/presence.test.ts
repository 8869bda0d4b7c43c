import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testDatabase } from '../../test/support/database.ts';
import { eventually } from '../../test/support/eventually.ts';
import { openDatabase, type Database } from './database.ts';
import { createPresence } from './presence.ts';

let database: Database;
let drop: () => Promise<void>;
before(async () => {
  const made = await testDatabase();
  ({ drop } = made);
  database = openDatabase({ connection: made.url, connections: 4 });
});
after(async () => {
  await database.close();
  await drop();
});

test('who delivers counts those who deliver, and not the relay of the same processes', async () => {
  const first = await createPresence(database, 'delivery', 'first');
  const relay = await createPresence(database, 'relay', 'relay of the first');
  assert.equal(await first.count(), 1);
  const second = await createPresence(database, 'delivery', 'second');
  assert.equal(await first.count(), 2);
  assert.equal(await relay.count(), 1);
  assert.deepEqual(await first.dead(['first', 'second', 'third']), ['third']);
  await second.end();
  await eventually('the second is missed', async () => (await first.dead(['second'])).length === 1);
  assert.equal(await first.count(), 1);
  await relay.end();
  await first.end();
});
