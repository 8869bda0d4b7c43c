import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sender } from '../../test/chaos/writers.ts';
import { startTestHouse, type TestHouse } from '../../test/support/house.ts';

let house: TestHouse;
before(async () => {
  house = await startTestHouse();
});
after(() => house.stop());

test('a write that finds no room on the disk is refused with a clear error, leaves nothing, and reads go on', async () => {
  const send = sender(Number(new URL(house.url).port), house.first);
  const project = (name: string) => send('CreateProject', { ProjectIdentifier: name, ProjectName: name, ProjectMode: 2 });
  const before = await project('roomy');
  assert.equal(before.kind, 'acknowledged');
  // What PostgreSQL says when a table cannot grow.
  await house.database.run(`create function no_room() returns trigger language plpgsql as $$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$`);
  await house.database.run('create trigger no_room before insert on workspace for each row execute function no_room()');
  const refused = await project('crowded');
  assert.deepEqual([refused.kind, 'status' in refused && refused.status], ['uncertain', 503]);
  assert.match('message' in refused ? refused.message : '', /disk .* is full/);
  assert.equal(await house.database.row(`select 1 from workspace where name = 'crowded'`), undefined);
  const listed = await send('ListProjects', { RegionId: 'cn-shanghai' });
  assert.notEqual(listed.kind, 'uncertain');
  await house.database.run('drop trigger no_room on workspace');
  assert.equal((await project('crowded')).kind, 'acknowledged');
});
