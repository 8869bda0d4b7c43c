import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { limits } from '../../server/kernel/limits.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';

const OWN = '2026-12-01';

let house: TestHouse;
before(async () => {
  house = await startTestHouse();
});
after(() => house.stop());

test('quota and statistics count what was called, by operation, key and status', async () => {
  const { Quota: before } = (await house.call(OWN, 'GetQuota', {})) as { Quota: { Plan: string; Used: number } };
  const caller = await house.as('counted');
  for (let round = 0; round < 3; round += 1) await caller.call(OWN, 'GetCaller', {});
  await assert.rejects(caller.call(OWN, 'GetEventBus', { EventBusName: 'none' }));
  const count = async (GroupBy: string, more: object = {}) => {
    const { Statistics } = (await house.call(OWN, 'GetCallStatistics', { GroupBy, UserId: caller.userId, ...more })) as { Statistics: { TotalCount: number; FailedCount: number; Groups: { Key: string; Count: number; FailedCount: number; ReadCount: number }[] } };
    return Statistics;
  };
  const byOperation = await count('Operation');
  assert.deepEqual([byOperation.TotalCount, byOperation.FailedCount], [4, 1]);
  const counted = byOperation.Groups.find(({ Key }) => Key.includes('GetCaller'));
  assert.deepEqual([counted?.Count, counted?.FailedCount, counted?.ReadCount], [3, 0, 3]);
  assert.deepEqual((await count('AccessKey')).Groups.map(({ Key, Count }) => [Key, Count]), [[caller.accessKeyId, 4]]);
  assert.deepEqual((await count('Status')).Groups.map(({ Key, Count }) => [Key, Count]).toSorted(), [['200', 3], ['404', 1]]);
  assert.equal((await count('Day', { Operation: 'GetCaller' })).TotalCount, 3);
  const { Quota: later } = (await house.call(OWN, 'GetQuota', {})) as { Quota: { Plan: string; Used: number } };
  assert.equal(later.Plan, 'Unlimited');
  assert.ok(later.Used >= before.Used, `${later.Used} after ${before.Used}`);
  const { Limits } = (await house.call(OWN, 'GetLimits', {})) as { Limits: { Name: string; Value: number }[] };
  assert.equal(Limits.find(({ Name }) => Name === 'pageSize')?.Value, limits.pageSize.value);
});

test('operations can be looked through, and say whether they are built', async () => {
  const list = async (more: object) => (await house.call(OWN, 'ListOperations', { PageSize: 100, ...more }))['PagingInfo'] as { TotalCount: number; Operations: { Name: string; Access: string; Implemented: boolean; Version: string }[] };
  const all = await list({});
  assert.equal(all.TotalCount, house.house.registry.entries.length);
  const writes = await list({ ApiVersion: OWN, Access: 'write', Keyword: 'eventbus', Implemented: true });
  assert.deepEqual(writes.Operations.map(({ Name }) => Name).toSorted(), ['CreateEventBus', 'DeleteEventBus', 'DisableEventBus', 'EnableEventBus', 'UpdateEventBus']);
  assert.ok(writes.Operations.every((one) => one.Access === 'write' && one.Implemented && one.Version === OWN));
});
