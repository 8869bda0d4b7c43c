import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { limits } from '../../server/kernel/limits.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';

const LEGACY = '2020-05-18';
const wanted = { ProjectIdentifier: 'once', ProjectName: 'Once', ProjectMode: 2, ClientToken: 'token-1' };

let house: TestHouse;
before(async () => {
  house = await startTestHouse();
});
after(() => house.stop());

test('a write with the same ClientToken happens once and answers alike, with other parameters it is refused', async () => {
  const answers = await Promise.all([house.call(LEGACY, 'CreateProject', wanted), house.call(LEGACY, 'CreateProject', wanted)]);
  assert.equal(answers[0]['Data'], answers[1]['Data']);
  assert.equal((await house.call(LEGACY, 'CreateProject', wanted))['Data'], answers[0]['Data']);
  await assert.rejects(house.call(LEGACY, 'CreateProject', { ...wanted, ProjectName: 'Other' }), /was used with other parameters/);
  const row = await house.database.row<{ count: number }>("select count(*) as count from workspace where name = 'once'");
  assert.equal(row?.count, 1);
});

test('an answer is forgotten after its time, and not before', async () => {
  const kept = limits.idempotencySeconds.value * 1_000;
  assert.equal(await house.house.changes.pruneAnswers(new Date(Date.now() + kept - 60_000)), 0);
  assert.equal(await house.house.changes.pruneAnswers(new Date(Date.now() + kept + 60_000)), 1);
  await assert.rejects(house.call(LEGACY, 'CreateProject', wanted), /already/);
});
