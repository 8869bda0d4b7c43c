import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { logIsReadable } from '../../../test/support/log.ts';
import { ownEvents } from '../catalogue.ts';
import { randomIds } from '../../kernel/ids.ts';
import { limits } from '../../kernel/limits.ts';
import type { Received } from '../delivery/delivery.fixture.ts';
import { keeper, member, openEventPlace, owner, refused, stranger, type Person } from './callers.fixture.ts';

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
  const { SubscriptionId = 0, Secret = '' } = await call(keeper, 'CreateSubscription', { Name: `s${count}`, Url: url, ...more });
  return { SubscriptionId, Secret };
}
const attemptsOf = async (SubscriptionId: number) => (await call(owner, 'ListDeliveryAttempts', { SubscriptionId })).PagingInfo?.DeliveryAttempts ?? [];
const statusOf = async (SubscriptionId: number) => (await call(owner, 'GetSubscriptionStatus', { SubscriptionId })).Status;

test('a subscription is created, shown without its secret, changed and deleted', async () => {
  const { SubscriptionId, Secret } = await subscribed('http://127.0.0.1:9/hook', { Name: 'first', Types: ['dataworks:FileChange:CommitFile'], ProjectId: 11, Enabled: false });
  assert.match(Secret, /^whsec_/);
  const row = await place.database.row<{ secret: string }>('select secret from subscription where id = $1', [SubscriptionId]);
  assert.ok(row !== undefined && !row.secret.includes(Secret.slice(6)), 'sealed at rest');
  const shown = await call(member, 'GetSubscription', { SubscriptionId });
  assert.ok(!JSON.stringify(shown).includes(Secret));
  assert.deepEqual([shown.Subscription?.Name, shown.Subscription?.ProjectId, shown.Subscription?.Enabled], ['first', 11, false]);
  await call(keeper, 'UpdateSubscription', { SubscriptionId, Name: 'second', Types: [], Url: 'http://127.0.0.1:9/other' });
  const listed = (await call(owner, 'ListSubscriptions', { Keyword: 'SECOND' })).PagingInfo;
  assert.deepEqual([listed?.TotalCount, listed?.Subscriptions?.[0]?.Url, listed?.Subscriptions?.[0]?.Types], [1, 'http://127.0.0.1:9/other', []]);
  await call(keeper, 'DeleteSubscription', { SubscriptionId });
  await assert.rejects(call(owner, 'GetSubscription', { SubscriptionId }), refused('NotFound'));
});

test('what does not fit is refused', async () => {
  const url = 'http://127.0.0.1:9/';
  await assert.rejects(subscribed('http://10.0.0.1/'), refused('TargetForbidden'));
  await assert.rejects(subscribed('ftp://a.example/'), refused('TargetForbidden'));
  await assert.rejects(subscribed(url, { Types: ['no such type'] }), refused('InvalidParameter'));
  await assert.rejects(subscribed(url, { Secret: 'whsec_c2hvcnQ=' }), refused('InvalidParameter'));
  await assert.rejects(subscribed(url, { ProjectId: 99 }), refused('WorkspaceNotFound'));
  await assert.rejects(subscribed(url, { Name: '  ' }), refused('InvalidParameter'));
  await subscribed(url, { Name: 'taken', Enabled: false });
  await assert.rejects(subscribed(url, { Name: 'taken' }), refused('AlreadyExists'));
  const limit = limits.subscriptionsPerTenant as { value: number };
  const { value } = limit;
  limit.value = 1;
  await assert.rejects(subscribed(url), refused('TooMany')).finally(() => {
    limit.value = value;
  });
});

test('writing needs the right over the Open Platform; others see what is theirs to see', async () => {
  const { SubscriptionId: hidden } = await subscribed('http://127.0.0.1:9/', { ProjectId: 12, Enabled: false });
  const { SubscriptionId: open } = await subscribed('http://127.0.0.1:9/', { ProjectId: 11, Enabled: false });
  for (const attempt of [
    call(member, 'CreateSubscription', { Name: 'x', Url: 'http://127.0.0.1:9/' }),
    call(member, 'DeleteSubscription', { SubscriptionId: open }),
    call(member, 'TestSubscription', { SubscriptionId: open }),
    call(member, 'RetryDelivery', { SubscriptionId: open, EventId: randomIds.eventId() }),
  ]) {
    await assert.rejects(attempt, refused('Forbidden'));
  }
  for (const person of [member, stranger]) await assert.rejects(call(person, 'GetSubscription', { SubscriptionId: hidden }), refused('NotFound'));
  await assert.rejects(call(stranger, 'UpdateSubscription', { SubscriptionId: open, Name: 'mine' }), refused('NotFound'));
  await assert.rejects(call(stranger, 'DeleteSubscription', { SubscriptionId: open }), refused('NotFound'));
  const ids = ((await call(member, 'ListSubscriptions', { PageSize: 100 })).PagingInfo?.Subscriptions ?? []).map((one) => one.SubscriptionId);
  assert.ok(ids.includes(open) && !ids.includes(hidden));
  assert.equal((await call(stranger, 'ListSubscriptions', {})).PagingInfo?.TotalCount, 0);
});

test('only who writes the Open Platform sees the whole address of a subscription and its headers', async () => {
  const { SubscriptionId } = await subscribed('http://127.0.0.1:9/robot/abacus?access_token=abacus', { Enabled: false, Headers: [{ Name: 'x-token', Value: 'abacus' }] });
  const ways = async (person: Person) => [(await call(person, 'GetSubscription', { SubscriptionId })).Subscription, (await call(person, 'ListSubscriptions', { PageSize: 100 })).PagingInfo?.Subscriptions?.find((one) => one.SubscriptionId === SubscriptionId)];
  for (const shown of await ways(keeper)) assert.deepEqual([shown?.Url, shown?.Headers?.[0]?.Value], ['http://127.0.0.1:9/robot/abacus?access_token=abacus', 'abacus']);
  for (const shown of await ways(member)) {
    assert.deepEqual([shown?.Url, shown?.Headers?.[0]?.Name], ['http://127.0.0.1:9/******', 'x-token']);
    assert.ok(!JSON.stringify(shown).includes('abacus'));
  }
});

test('the log is read page by page, and each sees the events of the own workspaces', async () => {
  for (const number of [1, 2, 3]) {
    await place.raise(1, 'log:11', number, { workspaceId: 11 });
    await place.raise(1, 'log:12', number, { workspaceId: 12 });
  }
  const readAll = async (person: Person) => {
    const seen: string[] = [];
    let After: string | undefined;
    for (;;) {
      const page = (await call(person, 'ListEvents', { MaxResults: 2, After })).PagingInfo;
      seen.push(...(page?.Events ?? []).map((event) => event.ObjectKey ?? ''));
      After = page?.Cursor;
      if (page?.HasMore !== true) return seen.filter((key) => key.startsWith('log:'));
    }
  };
  await place.until('the owner sees all', async () => (await readAll(owner)).length === 6);
  assert.deepEqual(await readAll(member), ['log:11', 'log:11', 'log:11']);
  assert.deepEqual(await readAll(stranger), []);
  await assert.rejects(call(member, 'ListEvents', { ProjectId: 12 }), refused('WorkspaceNotFound'));
  await assert.rejects(call(owner, 'ListEvents', { After: 'x' }), refused('InvalidParameter'));
  const [event] = (await call(owner, 'ListEvents', { ObjectKey: 'log:12' })).PagingInfo?.Events ?? [];
  const EventId = event?.EventId ?? '';
  const shown = (await call(owner, 'GetEvent', { EventId })).Event;
  assert.deepEqual([shown?.Envelope?.['id'], shown?.Envelope?.['aliyunregionid'], shown?.EventCode], [EventId, 'cn-beijing', 'commit-file']);
  for (const person of [member, stranger]) await assert.rejects(call(person, 'GetEvent', { EventId }), refused('NotFound'));
  await assert.rejects(call(owner, 'GetEvent', { EventId: 'nonsense' }), refused('NotFound'));
});

test('the catalogue is listed with schemas', async () => {
  const all = (await call(member, 'ListEventTypes', {})).EventTypes ?? [];
  // The vendor's 51, and ours.
  assert.equal(all.length, 51 + ownEvents.length);
  assert.equal((await call(member, 'ListEventTypes', { Class: 'X' })).EventTypes?.length, 33);
  const [commit] = (await call(member, 'ListEventTypes', { Keyword: 'commitfile' })).EventTypes ?? [];
  assert.deepEqual([commit?.EventCode, commit?.Schema?.['type']], ['commit-file', 'object']);
});

test('a test sends a signed sample and tells what came back', async () => {
  const receiver = await place.receiver();
  const { SubscriptionId, Secret } = await subscribed(receiver.url, { Enabled: false });
  const good = (await call(keeper, 'TestSubscription', { SubscriptionId, Type: 'dataworks:FileChange:CommitFile' })).Result;
  assert.deepEqual([good?.Delivered, good?.HttpStatus], [true, 204]);
  const [got] = receiver.received;
  assert.doesNotThrow(() => new Webhook(Secret).verify(got?.body ?? '', { ...got?.headers }));
  receiver.answer = () => ({ status: 418 });
  const bad = (await call(keeper, 'TestSubscription', { SubscriptionId })).Result;
  assert.deepEqual([bad?.Delivered, bad?.HttpStatus, bad?.Stage], [false, 418, 'status']);
});

test('retry and skip: a blocked event goes out now, a skipped one lets the next go, a delivered one goes out again', async () => {
  const engine = await place.engine();
  const receiver = await place.receiver();
  receiver.answer = () => ({ status: 500 });
  const { SubscriptionId } = await subscribed(receiver.url);
  const [one = '', two = '', three = ''] = [await place.raise(1, 'k', 1), await place.raise(1, 'k', 2), await place.raise(1, 'k', 3)];
  await place.until('all are parked', async () => (await place.parked(SubscriptionId)).length === 3);
  const status = await statusOf(SubscriptionId);
  assert.deepEqual([status?.LagCount, status?.BlockedKeys?.map((key) => [key.EventId, key.State, key.WaitingCount])], [3, [[one, 'Blocked', 2]]]);
  await assert.rejects(call(keeper, 'RetryDelivery', { SubscriptionId, EventId: two }), refused('WrongState'));

  await call(keeper, 'RetryDelivery', { SubscriptionId, EventId: one });
  await place.until('the second try is written', async () => (await attemptsOf(SubscriptionId)).length === 2);
  await call(keeper, 'SkipDelivery', { SubscriptionId, EventId: one, Reason: 'broken data' });
  await place.until('the next of the key was tried', async () => (await attemptsOf(SubscriptionId)).some((row) => row.EventId === two));
  assert.ok((await attemptsOf(SubscriptionId)).some((row) => row.EventId === one && row.Status === 'Skipped' && row.ErrorMessage === 'broken data'));

  receiver.answer = () => ({ status: 200 });
  await call(keeper, 'RetryDelivery', { SubscriptionId, EventId: two });
  await place.until('both arrive', () => receiver.accepted.length === 2);
  assert.deepEqual(receiver.accepted.map((got) => got.envelope.id), [two, three]);
  await place.until('nothing is parked', async () => (await place.parked(SubscriptionId)).length === 0);
  await assert.rejects(call(keeper, 'SkipDelivery', { SubscriptionId, EventId: two }), refused('WrongState'));
  await assert.rejects(call(keeper, 'RetryDelivery', { SubscriptionId, EventId: 'nonsense' }), refused('NotFound'));

  await call(keeper, 'RetryDelivery', { SubscriptionId, EventId: two });
  await place.until('it arrives again', () => receiver.accepted.length === 3);
  assert.equal(receiver.accepted[2]?.envelope.id, two);
  await place.until('and leaves nothing', async () => (await place.parked(SubscriptionId)).length === 0);
  assert.equal((await statusOf(SubscriptionId))?.LagCount, 0);

  // A retry that fails of an event that was delivered leaves a dead letter, which blocks nobody.
  receiver.answer = (got) => ({ status: got.number === 3 ? 500 : 200 });
  await call(keeper, 'RetryDelivery', { SubscriptionId, EventId: three });
  await place.until('a dead letter', async () => (await place.parked(SubscriptionId))[0]?.state === 'exhausted');
  await place.raise(1, 'k', 4);
  await place.until('the next arrives', () => receiver.accepted.length === 4);
  await call(keeper, 'SkipDelivery', { SubscriptionId, EventId: three });
  await place.until('the dead letter is gone', async () => (await place.parked(SubscriptionId)).length === 0);
  await engine.stop();
});

test('a disabled subscription is silent at once, keeps its place, and goes on where it was, to the new address', async () => {
  const engine = await place.engine();
  const hanging = await place.receiver();
  hanging.answer = () => undefined;
  const { SubscriptionId } = await subscribed(hanging.url);
  await place.raise(1, 'd', 1);
  await place.until('it is under way', () => hanging.received.length === 1);
  await call(keeper, 'UpdateSubscription', { SubscriptionId, Enabled: false });
  await place.until('nobody delivers it', () => !engine.owned().includes(SubscriptionId));
  await place.raise(1, 'd', 2);
  const healthy = await place.receiver();
  await call(keeper, 'UpdateSubscription', { SubscriptionId, Enabled: true, Url: healthy.url });
  await place.until('both arrive', () => healthy.accepted.length === 2);
  assert.deepEqual(healthy.accepted.map((got) => got.number), [1, 2]);
  assert.equal(hanging.received.length, 1);

  await call(keeper, 'DeleteSubscription', { SubscriptionId });
  await place.until('it is let go', () => !engine.owned().includes(SubscriptionId));
  await place.raise(1, 'd', 3);
  await engine.stop();
  assert.equal(healthy.received.length, 2);
});

function signedBy(secret: string, got: Received): boolean {
  try {
    new Webhook(secret).verify(got.body, { ...got.headers });
    return true;
  } catch {
    return false;
  }
}

test('a new secret signs from the next delivery on', async () => {
  const engine = await place.engine();
  const receiver = await place.receiver();
  const { SubscriptionId } = await subscribed(receiver.url);
  const next = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
  await call(keeper, 'UpdateSubscription', { SubscriptionId, Secret: next });
  const audited = await place.database.rows<{ targets: string[] }>(`select targets from audit where action = 'UpdateSubscription' order by id desc limit 1`);
  assert.deepEqual(audited[0]?.targets, [`subscription:${SubscriptionId}`]);
  const verified = () => receiver.accepted.some((got) => signedBy(next, got));
  await place.until('the new secret signs', async () => {
    await place.raise(1, 's', 1);
    return verified();
  });
  await engine.stop();
});
