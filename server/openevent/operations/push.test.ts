import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { logIsReadable } from '../../../test/support/log.ts';
import type { Received } from '../delivery/delivery.fixture.ts';
import { keeper, member, openEventPlace, owner, refused, stranger } from './callers.fixture.ts';

let place: Awaited<ReturnType<typeof openEventPlace>>;
let call: typeof place.call;

before(async () => {
  place = await openEventPlace();
  call = place.call;
});
after(() => place.close());

let count = 0;
async function subscribed(url: string, more: Partial<Operations['CreateSubscription']['request']> = {}) {
  count += 1;
  await logIsReadable(place.events);
  const { SubscriptionId = 0, Secret = '' } = await call(keeper, 'CreateSubscription', { Name: `push ${count}`, Url: url, ...more });
  return { SubscriptionId, Secret };
}
const shown = async (SubscriptionId: number) => (await call(owner, 'GetSubscription', { SubscriptionId })).Subscription;
const blockedOf = async (SubscriptionId: number) => (await call(owner, 'ListBlockedKeys', { SubscriptionId })).PagingInfo?.BlockedKeys ?? [];
const deadOf = async (SubscriptionId: number, more: Partial<Operations['ListDeadLetters']['request']> = {}) => (await call(owner, 'ListDeadLetters', { SubscriptionId, ...more })).PagingInfo;

function signedBy(secret: string, got: Received): boolean {
  try {
    new Webhook(secret).verify(got.body, { ...got.headers });
    return true;
  } catch {
    return false;
  }
}

test('how to deliver is set, shown without what is secret, and done in tests and deliveries alike', async () => {
  const engine = await place.engine();
  const receiver = await place.receiver();
  const { SubscriptionId } = await subscribed(receiver.url, {
    EventFormat: 'Structured',
    TimeoutMillis: 2_000,
    Concurrency: 3,
    RatePerSecond: 50,
    RetryStrategy: 'BACKOFF_RETRY',
    PauseAfterSeconds: 3_600,
    Headers: [{ Name: 'X-Team', Value: 'data' }, { Name: 'Authorization', SecretValue: 'Bearer hidden' }],
  });
  const first = await shown(SubscriptionId);
  assert.deepEqual(
    [first?.EventFormat, first?.TimeoutMillis, first?.Concurrency, first?.RatePerSecond, first?.RetryStrategy, first?.PauseAfterSeconds, first?.Paused],
    ['Structured', 2_000, 3, 50, 'BACKOFF_RETRY', 3_600, false],
  );
  assert.deepEqual(first?.Headers, [{ Name: 'x-team', Value: 'data', Secret: false }, { Name: 'authorization', Value: undefined, Secret: true }]);
  const row = await place.database.row<{ text: string }>('select headers::text as text from subscription where id = $1', [SubscriptionId]);
  assert.equal(row?.text.includes('hidden'), false, 'sealed at rest');

  await place.raise(1, 'settings', 1);
  await place.until('it arrives', () => receiver.accepted.length === 1);
  await call(keeper, 'TestSubscription', { SubscriptionId });
  assert.equal(receiver.accepted.length, 2);
  for (const got of receiver.accepted) {
    assert.deepEqual([got.headers['content-type'], got.headers['authorization'], got.headers['x-team'], got.headers['millrace-attempt']], ['application/cloudevents+json; charset=utf-8', 'Bearer hidden', 'data', '1']);
  }

  // The list takes the place of the former one; a secret one without a value keeps what it had.
  await call(keeper, 'UpdateSubscription', { SubscriptionId, Headers: [{ Name: 'authorization' }], RatePerSecond: 0, EventFormat: 'Binary' });
  await call(keeper, 'TestSubscription', { SubscriptionId });
  assert.deepEqual([receiver.accepted[2]?.headers['authorization'], receiver.accepted[2]?.headers['x-team'], receiver.accepted[2]?.headers['ce-specversion']], ['Bearer hidden', undefined, '1.0']);
  assert.equal((await shown(SubscriptionId))?.RatePerSecond, undefined);
  for (const Headers of [[{ Name: 'webhook-id', Value: 'x' }], [{ Name: 'Host', Value: 'x' }], [{ Name: 'a b', Value: 'x' }], [{ Name: 'x', Value: 'a\nb' }], [{ Name: 'x', Value: '1' }, { Name: 'X', Value: '2' }], [{ Name: 'x' }]]) {
    await assert.rejects(call(keeper, 'UpdateSubscription', { SubscriptionId, Headers }), refused('InvalidParameter'));
  }
  await engine.stop();
});

test('a rotated secret signs beside the former one until the overlap ends', async () => {
  const engine = await place.engine();
  const receiver = await place.receiver();
  const { SubscriptionId, Secret: former } = await subscribed(receiver.url);
  const { Secret: next = '', PreviousSecretEndTime } = await call(keeper, 'RotateSubscriptionSecret', { SubscriptionId, OverlapSeconds: 600 });
  assert.equal((await shown(SubscriptionId))?.PreviousSecretEndTime, PreviousSecretEndTime);
  assert.equal(JSON.stringify(await shown(SubscriptionId)).includes(next), false);
  await place.until('both sign', async () => {
    await place.raise(1, 'rotate', 1);
    return receiver.accepted.some((got) => signedBy(next, got) && signedBy(former, got));
  });
  place.clock.advance(600_000);
  const before = receiver.accepted.length;
  await place.until('only the new one signs', async () => {
    await place.raise(1, 'rotate', 2);
    // The verifier looks at the real time, so the form is looked at here.
    return receiver.accepted.slice(before).some((got) => got.headers['webhook-signature']?.split(' ').length === 1);
  });
  assert.equal((await shown(SubscriptionId))?.PreviousSecretEndTime, undefined);
  await assert.rejects(call(member, 'RotateSubscriptionSecret', { SubscriptionId }), refused('Forbidden'));
  await assert.rejects(call(stranger, 'RotateSubscriptionSecret', { SubscriptionId }), refused('NotFound'));
  await assert.rejects(call(keeper, 'RotateSubscriptionSecret', { SubscriptionId, Secret: 'short' }), refused('InvalidParameter'));
  await engine.stop();
});

test('a subscription is paused and resumed by hand, and nothing of its queue is lost', async () => {
  const engine = await place.engine();
  const receiver = await place.receiver();
  const { SubscriptionId } = await subscribed(receiver.url);
  await call(keeper, 'PauseSubscription', { SubscriptionId });
  await place.until('nobody delivers it', () => !engine.owned().includes(SubscriptionId));
  const paused = await shown(SubscriptionId);
  assert.deepEqual([paused?.Paused, paused?.PauseReason, paused?.Enabled], [true, 'Manual', true]);
  await assert.rejects(call(keeper, 'PauseSubscription', { SubscriptionId }), refused('WrongState'));
  for (const number of [1, 2]) await place.raise(1, 'paused', number);
  await call(keeper, 'ResumeSubscription', { SubscriptionId });
  await place.until('both arrive', () => receiver.accepted.length === 2);
  assert.deepEqual(receiver.accepted.map((got) => got.number), [1, 2]);
  assert.equal((await shown(SubscriptionId))?.Paused, false);
  await assert.rejects(call(keeper, 'ResumeSubscription', { SubscriptionId }), refused('WrongState'));
  await engine.stop();
});

test('a target paused for its failures shows a warning, and another address lets it go on', async () => {
  const engine = await place.engine();
  const failing = await place.receiver();
  failing.answer = () => ({ status: 500 });
  const { SubscriptionId } = await subscribed(failing.url);
  await place.database.run('update subscription set warned_at = now(), warned_share = 70 where id = $1', [SubscriptionId]);
  assert.match((await shown(SubscriptionId))?.Warning ?? '', /failing for 70 %/);
  await place.raise(1, 'w', 1);
  await place.until('it is parked', async () => (await place.parked(SubscriptionId)).length === 1);
  const status = (await call(owner, 'GetSubscriptionStatus', { SubscriptionId })).Status;
  assert.deepEqual([status?.FailureCount, status?.ParkedCount, status?.LastErrorMessage], [1, 1, 'the receiver answered with status 500']);
  assert.ok(status?.FailingSince !== undefined && status.DelivererName !== undefined && status.LagMillis !== undefined);
  await place.database.run(`update subscription set paused_at = now(), pause_reason = 'failing', version = version + 1 where id = $1`, [SubscriptionId]);
  assert.match((await shown(SubscriptionId))?.Warning ?? '', /is paused/);
  const healthy = await place.receiver();
  await call(keeper, 'UpdateSubscription', { SubscriptionId, Url: healthy.url });
  await place.until('it arrives at once', () => healthy.accepted.length === 1);
  assert.deepEqual([(await shown(SubscriptionId))?.Paused, (await shown(SubscriptionId))?.Warning], [false, undefined]);
  await engine.stop();
});

test('a blocked key is told with its event and since when; it can be retried, set aside and skipped', async () => {
  const engine = await place.engine();
  const receiver = await place.receiver();
  receiver.answer = () => ({ status: 500, body: 'disk full' });
  const { SubscriptionId } = await subscribed(receiver.url);
  const ids = [await place.raise(1, 'key', 1), await place.raise(1, 'key', 2), await place.raise(1, 'key', 3)];
  await place.until('all are parked', async () => (await place.parked(SubscriptionId)).length === 3);
  const [key] = await blockedOf(SubscriptionId);
  assert.deepEqual([key?.ObjectKey, key?.EventId, key?.WaitingCount, key?.AttemptCount], ['key', ids[0], 2, 1]);
  assert.equal(key?.Explanation, `blocked by event ${ids[0]} since ${new Date(key?.BlockedSince ?? 0).toISOString()}`);

  await call(keeper, 'ResolveBlockedKey', { SubscriptionId, ObjectKey: 'key', Resolution: 'Retry' });
  await place.until('it was tried again', async () => (await place.attempts(SubscriptionId)).length === 2);
  // Set aside: the next of the key is tried at once.
  assert.equal((await call(keeper, 'ResolveBlockedKey', { SubscriptionId, ObjectKey: 'key', Resolution: 'Park', Reason: 'look at it later' })).EventId, ids[0]);
  await place.until('the second was tried', async () => (await place.attempts(SubscriptionId)).some((row) => row.event_id === ids[1]));
  await place.until('and blocks the key', async () => (await blockedOf(SubscriptionId))[0]?.EventId === ids[1]);
  receiver.answer = () => ({ status: 200 });
  await call(keeper, 'ResolveBlockedKey', { SubscriptionId, ObjectKey: 'key', Resolution: 'Skip' });
  await place.until('the third arrives', () => receiver.accepted.length === 1);
  assert.equal(receiver.accepted[0]?.envelope.id, ids[2]);
  await place.until('the key is free', async () => (await blockedOf(SubscriptionId)).length === 0);
  await assert.rejects(call(keeper, 'ResolveBlockedKey', { SubscriptionId, ObjectKey: 'key', Resolution: 'Skip' }), refused('WrongState'));
  await assert.rejects(call(member, 'ResolveBlockedKey', { SubscriptionId, ObjectKey: 'key', Resolution: 'Skip' }), refused('Forbidden'));

  const [dead] = (await deadOf(SubscriptionId))?.DeadLetters ?? [];
  assert.deepEqual([dead?.EventId, dead?.Reason, (dead?.Data as { operator?: string } | undefined)?.operator], [ids[0], 'look at it later', 'key#1']);
  await call(keeper, 'RetryDelivery', { SubscriptionId, EventId: ids[0] ?? '' });
  await place.until('it arrives late', () => receiver.accepted.some((got) => got.envelope.id === ids[0]));
  await place.until('and is no dead letter any more', async () => (await deadOf(SubscriptionId))?.TotalCount === 0);
  await engine.stop();
});

test('dead letters are listed by what they are and sent again together, each once', async () => {
  const engine = await place.engine();
  const receiver = await place.receiver();
  receiver.answer = () => ({ status: 503 });
  const { SubscriptionId } = await subscribed(receiver.url, { RetryStrategy: 'BACKOFF_RETRY' });
  const keys = ['x', 'y', 'z'];
  for (const key of keys) await place.raise(1, key, 1);
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    await place.until(`try ${attempt} of all`, async () => (await place.attempts(SubscriptionId)).length >= 3 * attempt);
    place.clock.advance(20_000);
  }
  await place.until('three dead letters', async () => (await deadOf(SubscriptionId))?.TotalCount === 3);
  assert.equal((await deadOf(SubscriptionId, { ObjectKey: 'x' }))?.DeadLetters?.[0]?.Reason, 'the receiver answered with status 503');
  assert.equal((await deadOf(SubscriptionId, { EndTime: 1_000 }))?.TotalCount, 0);

  receiver.answer = () => ({ status: 200 });
  const one = await call(keeper, 'RetryDeadLetters', { SubscriptionId, ObjectKey: 'x' });
  assert.deepEqual([one.RetriedCount, one.LeftCount], [1, 0]);
  await place.until('that one arrives', () => receiver.accepted.length === 1);
  assert.equal((await call(keeper, 'RetryDeadLetters', { SubscriptionId })).RetriedCount, 2);
  await place.until('the others arrive', () => receiver.accepted.length === 3);
  await place.until('nothing is left', async () => (await place.parked(SubscriptionId)).length === 0);
  assert.equal((await call(keeper, 'RetryDeadLetters', { SubscriptionId })).RetriedCount, 0);
  await assert.rejects(call(keeper, 'RetryDeadLetters', { SubscriptionId, EventIds: ['nonsense'] }), refused('InvalidParameter'));
  await assert.rejects(call(stranger, 'ListDeadLetters', { SubscriptionId }), refused('NotFound'));
  await engine.stop();
});

test('the delivery log is searched by object, status and words, and shows what was sent', async () => {
  const engine = await place.engine();
  const receiver = await place.receiver();
  receiver.answer = (got) => (got.object === 'log:bad' ? { status: 507, body: 'Disk FULL on node 7' } : { status: 200, body: 'thanks' });
  const { SubscriptionId } = await subscribed(receiver.url);
  await place.raise(1, 'log:good', 41);
  await place.raise(1, 'log:bad', 42);
  await place.until('both are written', async () => (await place.attempts(SubscriptionId)).length === 2);
  const find = async (more: Partial<Operations['ListDeliveryAttempts']['request']>) => {
    const page = (await call(owner, 'ListDeliveryAttempts', { SubscriptionId, ...more })).PagingInfo;
    assert.equal(page?.TotalCount, page?.DeliveryAttempts?.length);
    return (page?.DeliveryAttempts ?? []).map((row) => row.ObjectKey);
  };
  assert.deepEqual(await find({ ObjectKey: 'log:good' }), ['log:good']);
  assert.deepEqual(await find({ HttpStatus: 507 }), ['log:bad']);
  assert.deepEqual(await find({ Keyword: 'disk full' }), ['log:bad'], 'in the answer');
  assert.deepEqual(await find({ Keyword: 'GOOD#41' }), ['log:good'], 'in the body');
  assert.deepEqual(await find({ Keyword: '%' }), [], 'a word, no pattern');
  assert.deepEqual(await find({ Type: 'dataworks:FileChange:RunFile' }), []);
  assert.deepEqual(await find({ MinDurationMillis: 3_600_000 }), []);

  const [row] = (await call(owner, 'ListDeliveryAttempts', { SubscriptionId, HttpStatus: 507 })).PagingInfo?.DeliveryAttempts ?? [];
  const attempt = (await call(owner, 'GetDeliveryAttempt', { SubscriptionId, AttemptId: row?.AttemptId ?? 0 })).DeliveryAttempt;
  const sent = receiver.received.find((got) => got.object === 'log:bad');
  // The deliverer and the operations of this place know the workspace by different regions.
  assert.equal(attempt?.RequestBody?.replace('cn-beijing', 'cn-test'), sent?.body);
  assert.equal(attempt?.ResponseBody, 'Disk FULL on node 7');
  assert.equal(attempt?.TraceId, sent?.headers['traceparent']?.split('-')[1]);
  await assert.rejects(call(owner, 'GetDeliveryAttempt', { SubscriptionId, AttemptId: 1_000_000 }), refused('NotFound'));
  await assert.rejects(call(stranger, 'GetDeliveryAttempt', { SubscriptionId, AttemptId: row?.AttemptId ?? 0 }), refused('NotFound'));
  await engine.stop();
});
