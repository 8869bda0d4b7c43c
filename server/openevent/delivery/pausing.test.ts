import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { limits } from '../../kernel/limits.ts';
import { deliveryPlace } from './delivery.fixture.ts';
import { createHealthWatch } from './health.ts';

let place: Awaited<ReturnType<typeof deliveryPlace>>;
let tenant = 800;

before(async () => {
  place = await deliveryPlace();
});
after(() => place.close());

const HOUR = 3_600_000;

async function stateOf(id: number) {
  const row = await place.database.row<{ pause_reason: string | null; warned_share: number | null; failures: number; failing_since: Date | null }>(
    'select s.pause_reason, s.warned_share, c.failures, c.failing_since from subscription as s join delivery_cursor as c on c.subscription_id = s.id where s.id = $1',
    [id],
  );
  assert.ok(row !== undefined);
  return row;
}

async function audited(id: number): Promise<string[]> {
  const rows = await place.database.rows<{ action: string }>('select action from audit where $1 = any(targets) and user_id = 0 order by id', [`subscription:${id}`]);
  return rows.map((row) => row.action);
}

test('a target that keeps failing is warned of, paused with its queue kept, probed, and goes on by itself', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  receiver.answer = () => ({ status: 500 });
  const engine = await place.engine();
  const { id } = await place.subscribe(tenantId, receiver.url, { settings: { pause_after_ms: 24 * HOUR, retry: 'decay' } });
  for (const object of ['a', 'b', 'c']) for (const number of [1, 2]) await place.raise(tenantId, object, number);
  await place.until('all are parked', async () => (await place.parked(id)).length === 6);

  const advanceUntil = (what: string, condition: () => Promise<boolean>) =>
    place.until(what, async () => {
      place.clock.advance(HOUR / 6);
      return condition();
    });
  await advanceUntil('it is warned', async () => (await stateOf(id)).warned_share === 50);
  await advanceUntil('it is paused', async () => (await stateOf(id)).pause_reason === 'failing');
  assert.deepEqual(await audited(id), ['SubscriptionFailing', 'SubscriptionFailing', 'SubscriptionFailing', 'SubscriptionPaused']);

  // Paused: new events wait, and one try at a time asks the target.
  await place.raise(tenantId, 'd', 1);
  const moments: number[] = [];
  receiver.answer = () => {
    moments.push(place.clock.now().getTime());
    return { status: 500 };
  };
  await place.until('it is probed again and again', () => {
    // In steps that leave the lease time to be renewed.
    place.clock.advance(1_000);
    return moments.length >= 3;
  });
  // The first may be a try that was under way when the target was paused.
  const [, second = 0, third = 0] = moments;
  assert.ok(third - second >= limits.deliveryProbeMs.value, 'one at a time');
  assert.equal((await place.parked(id)).some((row) => row.state === 'exhausted'), false, 'nothing is given up');

  receiver.answer = () => ({ status: 200 });
  await place.until('it goes on', async () => {
    place.clock.advance(1_000);
    return (await stateOf(id)).pause_reason === null;
  });
  await place.until('all seven have arrived', () => new Set(receiver.accepted.map((got) => got.envelope.id)).size === 7);
  for (const object of ['a', 'b', 'c']) assert.deepEqual(receiver.accepted.filter((got) => got.object === object).map((got) => got.number), [1, 2], object);
  assert.deepEqual((await audited(id)).slice(-1), ['SubscriptionResumed']);
  await place.until('it counts as healthy', async () => (await stateOf(id)).failing_since === null && (await stateOf(id)).failures === 0);
  await engine.stop();
});

test('the state of a target outlives its deliverer', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  receiver.answer = () => ({ status: 500 });
  const first = await place.engine();
  const { id } = await place.subscribe(tenantId, receiver.url);
  for (const object of ['a', 'b', 'c']) await place.raise(tenantId, object, 1);
  await place.until('the failures are written', async () => (await stateOf(id)).failures === 3);
  const since = (await stateOf(id)).failing_since;
  await first.stop();
  place.clock.advance(6_000);
  const second = await place.engine();
  await place.until('the failures are counted on', async () => (await stateOf(id)).failures === 6);
  assert.deepEqual((await stateOf(id)).failing_since, since);
  await second.stop();
});

test('only finished tries of several objects speak against a target, and one success ends it', () => {
  const start = { failingSince: undefined, failures: 0, warnedShare: 0, paused: false, pauseAfterMs: 100 };
  const at = (milliseconds: number) => new Date(milliseconds);
  const watch = createHealthWatch(start);
  for (let step = 0; step < 10; step += 1) assert.equal(watch.record(false, 'a', at(step * 50), 'no'), undefined, 'one object alone says nothing');
  assert.deepEqual(watch.record(false, 'b', at(500), 'no'), { kind: 'pause' });
  assert.deepEqual(watch.record(true, 'a', at(501), undefined), { kind: 'resume' });
  assert.deepEqual([watch.now().failures, watch.now().failingSince, watch.paused()], [0, undefined, false]);

  const other = createHealthWatch(start);
  for (let step = 0; step < 4; step += 1) other.record(false, step % 2 === 0 ? 'a' : 'b', at(0), 'no');
  assert.deepEqual(other.record(false, 'a', at(55), 'no'), { kind: 'warn', share: 50 });
  assert.equal(other.record(false, 'a', at(60), 'no'), undefined, 'each warning once');
  assert.deepEqual(other.record(false, 'b', at(95), 'no'), { kind: 'warn', share: 90 });
  assert.deepEqual(other.record(true, 'a', at(96), undefined), { kind: 'recover' });
});

test('a target that only fails is asked with one request at a time, until it accepts one', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  receiver.answer = () => ({ status: 500 });
  const engine = await place.engine();
  const { id } = await place.subscribe(tenantId, receiver.url);
  for (let number = 1; number <= limits.deliveryNarrowFailures.value; number += 1) await place.raise(tenantId, `early:${number}`, number);
  await place.until('it has failed often', async () => (await stateOf(id)).failures >= limits.deliveryNarrowFailures.value);
  let underWay = 0;
  let most = 0;
  const gates: (() => void)[] = [];
  receiver.answer = async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise<void>((resolve) => gates.push(resolve));
    underWay -= 1;
    return { status: 200 };
  };
  for (let number = 1; number <= 8; number += 1) await place.raise(tenantId, `late:${number}`, number);
  await place.until('one is under way', () => underWay === 1);
  await place.until('the others are read', async () => (await place.database.row<{ count: number }>('select count(*) from event where tenant_id = $1', [tenantId]))?.count === limits.deliveryNarrowFailures.value + 8);
  assert.equal(most, 1);
  gates.shift()?.();
  await place.until('after a success they go side by side', () => underWay > 3);
  const open = setInterval(() => gates.splice(0).forEach((release) => release()), 5);
  await place.until('all late ones arrive', () => receiver.accepted.length === 8);
  clearInterval(open);
  await engine.stop();
});
