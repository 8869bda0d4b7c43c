import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { maintainPartitions } from '../../kernel/partitions.ts';
import { openEventPlace, owner, stranger } from '../operations/callers.fixture.ts';

const DAY = 86_400_000;
let place: Awaited<ReturnType<typeof openEventPlace>>;
let call: typeof place.call;
let today: Date;
before(async () => {
  place = await openEventPlace();
  call = place.call;
  today = place.clock.now();
  for (let back = 1; back < 16; back += 1) await maintainPartitions(place.database, { table: 'event', every: 'day', keep: undefined }, new Date(today.getTime() - back * DAY));
});
after(() => place.close());

const nameOf = (back: number) => `event_${new Date(today.getTime() - back * DAY).toISOString().slice(0, 10).replaceAll('-', '')}`;
const present = async (back: number) => (await place.database.row(`select from pg_class where relname = $1`, [nameOf(back)])) !== undefined;

/** Raises an event some days ago. */
async function raiseBack(back: number, tenantId: number, workspaceId = 11, object = 'o'): Promise<void> {
  place.clock.set(new Date(today.getTime() - back * DAY));
  await place.raise(tenantId, object, back, { workspaceId });
  place.clock.set(today);
}

test('a day leaves the log when all buses of all its tenants keep less, and nobody waits for it', async () => {
  await call(owner, 'CreateEventBus', { EventBusName: 'long' });
  await call(owner, 'UpdateEventBus', { EventBusName: 'default', RetentionDays: 3 });
  for (const back of [12, 9, 6, 2]) await raiseBack(back, 1);
  assert.deepEqual(await place.retention.round(), [], 'a bus without retention keeps what the log keeps');
  await call(owner, 'UpdateEventBus', { EventBusName: 'long', RetentionDays: 10 });
  assert.deepEqual(await place.retention.round(), [nameOf(12)]);
  assert.deepEqual([await present(12), await present(9)], [false, true]);

  // Another tenant with events of the day, and then a subscription that has yet to come to them.
  await raiseBack(9, 2, 21);
  await call(owner, 'UpdateEventBus', { EventBusName: 'long', RetentionDays: 3 });
  assert.deepEqual(await place.retention.round(), []);
  await call(stranger, 'UpdateEventBus', { EventBusName: 'default', RetentionDays: 1 });
  const waiting = await place.subscribe(1, 'http://127.0.0.1:9/');
  await place.database.run('update delivery_cursor set position = 0, row_id = 0 where subscription_id = $1', [waiting.id]);
  assert.deepEqual(await place.retention.round(), [], 'what is undelivered is not dropped early');
  await place.database.run('delete from subscription where id = $1', [waiting.id]);
  assert.deepEqual(await place.retention.round(), [nameOf(9), nameOf(6)]);
  assert.equal(await present(2), true);
});

test('a bus may keep by size: the newest days that fit, and replays reach no further back', async () => {
  await call(owner, 'CreateDistributionChannel', { EventBusName: 'long', ProjectId: 11, Enabled: true });
  for (const back of [8, 7, 5, 4]) for (let index = 0; index < 20; index += 1) await raiseBack(back, 1, 11, 'x'.repeat(500));
  const { RuleId = 0 } = await call(owner, 'CreateEventRule', { EventBusName: 'long', RuleName: 'r', EventPattern: '{}' });
  const { SubscriptionId = 0 } = await call(owner, 'CreateRuleTarget', { RuleId, TargetName: 't', Url: 'http://127.0.0.1:9/' });
  await call(owner, 'UpdateEventBus', { EventBusName: 'default', RetentionDays: 30 });
  await call(owner, 'UpdateEventBus', { EventBusName: 'long', ClearRetention: true });
  const counted = async () => (await call(owner, 'CountReplay', { SubscriptionId, StartTime: today.getTime() - 20 * DAY, EndTime: today.getTime() })).Count;
  await place.retention.round();
  assert.equal(await counted(), 81);
  // Two of the days have some 15 kB each.
  await call(owner, 'UpdateEventBus', { EventBusName: 'long', RetentionBytes: 20_000 });
  assert.deepEqual(await place.retention.round(), [], 'the default bus still keeps all');
  assert.equal(await counted(), 41, 'the newest days up to the one that goes beyond the size');
  await call(owner, 'UpdateEventBus', { EventBusName: 'default', RetentionDays: 1 });
  await place.database.run('update delivery_cursor set position = $1', [(await place.events.end()).position]);
  assert.deepEqual(await place.retention.round(), [nameOf(8), nameOf(7)]);
});
