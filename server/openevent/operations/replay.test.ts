import assert from 'node:assert/strict';
import { logIsReadable } from '../../../test/support/log.ts';
import { after, before, test } from 'node:test';
import { limits } from '../../kernel/limits.ts';
import type { Received } from '../delivery/delivery.fixture.ts';
import { member, openEventPlace, owner, refused, stranger } from './callers.fixture.ts';

let place: Awaited<ReturnType<typeof openEventPlace>>;
let call: typeof place.call;
before(async () => {
  place = await openEventPlace();
  call = place.call;
  await place.delivery.start();
});
after(async () => {
  await place.delivery.stop();
  await place.close();
});

let count = 0;
/** A subscription with its receiver, which has got `number` events of each of two objects. */
async function delivered(number: number) {
  const receiver = await place.receiver();
  await logIsReadable(place.events);
  const { SubscriptionId = 0 } = await call(owner, 'CreateSubscription', { Name: `s${(count += 1)}`, Url: receiver.url });
  for (let index = 1; index <= number; index += 1) for (const object of ['a', 'b']) await place.raise(1, object, index, { workspaceId: 11 });
  await place.until('all arrived', () => receiver.received.length >= number * 2);
  await settled(SubscriptionId);
  return { receiver, SubscriptionId, start: place.clock.now().getTime() };
}

/** Waits until the deliverer has written that all of it arrived. */
async function settled(SubscriptionId: number) {
  const end = await place.events.end();
  await place.until('the cursor is at the end', async () => {
    const row = await place.database.row<{ passed: boolean }>('select position >= $2 or not exists (select from event where position >= c.position and (position, id) > (c.position, c.row_id)) as passed from delivery_cursor as c where subscription_id = $1', [SubscriptionId, end.position]);
    return row?.passed === true;
  });
}

const statusOf = async (ReplayId: number) => (await call(owner, 'GetReplay', { ReplayId })).Replay;
const numbers = (received: readonly Received[], object: string) => received.filter((one) => one.object === object).map((one) => one.number);

/** Lets seconds pass until the replay has ended. */
async function finished(ReplayId: number): Promise<number> {
  let steps = 0;
  await place.until('the replay has ended', async () => {
    await place.jobs.drain();
    const row = await statusOf(ReplayId);
    if (row?.Status === 'Succeeded') return true;
    if (row?.WaitingCount === 0 || row?.Status === 'Delivering') {
      place.clock.advance(limits.replayStepMs.value);
      steps += 1;
    }
    return false;
  });
  return steps;
}

test('a time range is counted first and then delivered once more, in order, marked, no faster than its rate', async () => {
  const { receiver, SubscriptionId, start } = await delivered(10);
  const range = { SubscriptionId, StartTime: start - 1_000 };
  place.clock.advance(5_000);
  const counted = await call(owner, 'CountReplay', range);
  assert.deepEqual([counted.Count, counted.ByType], [20, { 'dataworks:FileChange:CommitFile': 20 }]);
  const { ReplayId = 0, TotalCount } = await call(owner, 'CreateReplay', { ...range, RatePerSecond: 5 });
  assert.equal(TotalCount, 20);
  receiver.received.length = 0;
  await place.jobs.drain();
  assert.equal((await statusOf(ReplayId))?.QueuedCount, 5, 'one second of its rate');
  const steps = await finished(ReplayId);
  assert.ok(steps >= 3, `${steps} seconds`);
  assert.deepEqual(numbers(receiver.received, 'a'), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual(numbers(receiver.received, 'b'), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.ok(receiver.received.every(({ headers, envelope }) => headers['millrace-replay'] === String(ReplayId) && envelope.millracereplay === String(ReplayId)));
  const shown = await statusOf(ReplayId);
  assert.deepEqual([shown?.DeliveredCount, shown?.FailedCount, shown?.WaitingCount], [20, 0, 0]);
  await place.raise(1, 'a', 11, { workspaceId: 11 });
  await place.until('a new event', () => receiver.received.some((one) => one.number === 11));
  assert.equal(receiver.received.at(-1)?.envelope.millracereplay, undefined, 'what happens now is no replay');
});

test('a pattern narrows a replay; what fails becomes a dead letter of it and holds nobody up', async () => {
  const { receiver, SubscriptionId, start } = await delivered(4);
  place.clock.advance(1_000);
  receiver.received.length = 0;
  receiver.answer = (one) => ({ status: one.number === 2 ? 500 : 204 });
  const { ReplayId = 0, TotalCount } = await call(owner, 'CreateReplay', { SubscriptionId, StartTime: start - 500, EventPattern: '{"data": {"operator": [{"prefix": "b#"}]}}' });
  assert.equal(TotalCount, 4);
  await finished(ReplayId);
  assert.deepEqual(numbers(receiver.received, 'b'), [1, 2, 3, 4]);
  assert.deepEqual(numbers(receiver.received, 'a'), []);
  const shown = await statusOf(ReplayId);
  assert.deepEqual([shown?.DeliveredCount, shown?.FailedCount], [3, 1]);
  receiver.answer = () => ({ status: 204 });
});

test('a replay can be canceled: what was not sent stays unsent', async () => {
  const { receiver, SubscriptionId, start } = await delivered(10);
  place.clock.advance(1_000);
  receiver.received.length = 0;
  const { ReplayId = 0 } = await call(owner, 'CreateReplay', { SubscriptionId, StartTime: start - 500, RatePerSecond: 2 });
  await place.jobs.drain();
  await place.until('the first of it', () => receiver.received.length === 2);
  await call(owner, 'CancelReplay', { ReplayId });
  place.clock.advance(5_000);
  await place.jobs.drain();
  assert.deepEqual([(await statusOf(ReplayId))?.Status, receiver.received.length], ['Canceled', 2]);
  assert.equal(await place.database.row(`select from delivery_parked where replay_id = $1 and state = 'replay'`, [ReplayId]), undefined);
  await assert.rejects(call(owner, 'CancelReplay', { ReplayId }), refused('WrongState'));
  assert.deepEqual((await call(owner, 'ListReplays', { SubscriptionId })).PagingInfo?.Replays?.map((row) => row.ReplayId), [ReplayId]);
});

test('what does not fit is refused, and the bus of a rule bounds what its targets can be sent again', async () => {
  const { SubscriptionId, start } = await delivered(1);
  place.clock.advance(1_000);
  await assert.rejects(call(owner, 'CreateReplay', { SubscriptionId, StartTime: start, EndTime: start }), refused('InvalidParameter', /EndTime/));
  await assert.rejects(call(owner, 'CreateReplay', { SubscriptionId, StartTime: start, EventPattern: '{"x": [1]}' }), refused('InvalidParameter', /\$\.x/));
  await assert.rejects(call(member, 'CreateReplay', { SubscriptionId, StartTime: start }), refused('Forbidden'));
  await assert.rejects(call(member, 'CountReplay', { SubscriptionId, StartTime: start }), refused('Forbidden'));
  await assert.rejects(call(stranger, 'CreateReplay', { SubscriptionId, StartTime: start }), refused('NotFound'));
  const { ReplayId = 0 } = await call(owner, 'CreateReplay', { SubscriptionId, StartTime: start });
  await assert.rejects(call(stranger, 'GetReplay', { ReplayId }), refused('NotFound'));
  await assert.rejects(call(stranger, 'CancelReplay', { ReplayId }), refused('NotFound'));
  await finished(ReplayId);

  await call(owner, 'CreateEventBus', { EventBusName: 'short', RetentionDays: 1 });
  await call(owner, 'CreateDistributionChannel', { EventBusName: 'short', ProjectId: 11, Enabled: true });
  const { RuleId = 0 } = await call(owner, 'CreateEventRule', { EventBusName: 'short', RuleName: 'r', EventPattern: '{}' });
  const { SubscriptionId: target = 0 } = await call(owner, 'CreateRuleTarget', { RuleId, TargetName: 't', Url: 'http://127.0.0.1:9/' });
  const before = await call(owner, 'CountReplay', { SubscriptionId: target, StartTime: start - 60_000 });
  assert.ok((before.Count ?? 0) > 0);
  place.clock.advance(25 * 3_600_000);
  assert.equal((await call(owner, 'CountReplay', { SubscriptionId: target, StartTime: start - 60_000 })).Count, 0);
});
