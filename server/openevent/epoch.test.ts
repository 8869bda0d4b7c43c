import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { testDatabase } from '../../test/support/database.ts';
import { createChanges, platformActor } from '../kernel/change.ts';
import { systemClock } from '../kernel/clock.ts';
import { openDatabase } from '../kernel/database.ts';
import { randomIds } from '../kernel/ids.ts';
import { continuePositions } from './epoch.ts';
import { beginning, createEventLog } from './log.ts';

const { url, drop } = await testDatabase();
const database = openDatabase({ connection: url, connections: 4 });
after(async () => {
  await database.close();
  await drop();
});

const log = createEventLog({ database, validatePayloads: true });
const changes = createChanges({ database, clock: systemClock, ids: randomIds, events: log });
const raise = (projectId: number) => changes.change(platformActor('test', 1), async (change) => change.raise({ code: 'project-deleted', workspaceId: 1, objectKey: `workspace:${projectId}`, data: { projectId } }));

/** The floor holds for the whole PostgreSQL, where other tests may have transactions open for a moment. */
async function readAll(count: number): Promise<unknown[]> {
  for (;;) {
    const { events, waiting } = await log.read(beginning, 100, { tenantId: 1 });
    if (events.length >= count || !waiting) return events.map((event) => event.data['projectId']);
  }
}

test('events that came from a PostgreSQL with more transactions are seen, and new ones come after them and after every cursor', async () => {
  await raise(1);
  assert.deepEqual(await readAll(1), [1]);
  assert.equal(await continuePositions(database), 0, 'nothing to do where the rows were not copied');

  // As after a copy from a PostgreSQL that has counted a thousand million transactions more.
  await database.run('update event set position = position + 1000000000');
  assert.deepEqual(await readAll(0), [], 'without the shift they are not below the floor');
  const shift = await continuePositions(database);
  assert.ok(shift > 900_000_000);
  assert.deepEqual(await readAll(1), [1]);
  const end = await log.end();
  await raise(2);
  assert.deepEqual(await readAll(2), [1, 2]);
  assert.deepEqual((await log.read(end, 10, { tenantId: 1 })).events.map((event) => event.data['projectId']), [2]);
  assert.equal(await continuePositions(database), shift, 'once is enough');

  const later = end.position + 5_000_000;
  assert.ok((await continuePositions(database, later)) > shift);
  assert.ok((await log.end()).position >= later, 'a place that only a program outside knows is behind the new events too');
});
