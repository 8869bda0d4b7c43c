import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { limits } from '../../kernel/limits.ts';
import { maskAddress } from '../../kernel/url-secrets.ts';
import { member, openEventPlace, owner, refused, stranger } from './callers.fixture.ts';

let place: Awaited<ReturnType<typeof openEventPlace>>;
let call: typeof place.call;
before(async () => {
  place = await openEventPlace();
  call = place.call;
  place.delivery.start();
});
after(async () => {
  await place.delivery.stop();
  await place.close();
});

const commitFile = '{"source": ["acs.dataworks"], "type": ["dataworks:FileChange:CommitFile"]}';
let count = 0;
const fresh = (what: string) => `${what}-${(count += 1)}`;

async function bus(): Promise<string> {
  const name = fresh('bus');
  await call(owner, 'CreateEventBus', { EventBusName: name });
  return name;
}
async function ruled(EventBusName: string, EventPattern: string, url: string) {
  const { RuleId = 0 } = await call(owner, 'CreateEventRule', { EventBusName, RuleName: fresh('rule'), EventPattern });
  const { TargetId = 0, SubscriptionId = 0, Secret } = await call(owner, 'CreateRuleTarget', { RuleId, TargetName: 't', Url: url });
  return { RuleId, TargetId, SubscriptionId, Secret };
}
/** Waits until everything raised so far has passed the subscription. The end of the log will not do, since an old transaction anywhere holds it back. */
async function passed(SubscriptionId: number) {
  await place.until('the subscription has passed what was raised', async () => {
    const row = await place.database.row(
      'select from delivery_cursor where subscription_id = $1 and (position, row_id) >= (select position, id from event order by position desc, id desc limit 1)',
      [SubscriptionId],
    );
    return row !== undefined;
  });
}
/** Waits until the deliverer knows of the last change. */
async function known(SubscriptionId: number) {
  await place.until('the deliverer knows of the change', async () => {
    return (await place.database.row('select from delivery_cursor where subscription_id = $1 and owner is not null', [SubscriptionId])) !== undefined;
  });
}

test('every tenant has a default bus, which gets what belongs to the tenant, and it cannot be deleted', async () => {
  const { PagingInfo } = await call(stranger, 'ListEventBuses', {});
  assert.deepEqual(PagingInfo?.EventBuses?.map(({ EventBusName, IsDefault, Enabled }) => [EventBusName, IsDefault, Enabled]), [['default', true, true]]);
  assert.equal((await call(stranger, 'GetEventBus', { EventBusName: 'default' })).EventBus?.IsDefault, true);
  await assert.rejects(call(stranger, 'DeleteEventBus', { EventBusName: 'default' }), refused('WrongState'));
  await assert.rejects(call(stranger, 'CreateEventBus', { EventBusName: 'default' }), refused('AlreadyExists'));
});

test('a bus is made, changed, and deleted once nothing hangs on it', async () => {
  const name = await bus();
  await assert.rejects(call(owner, 'CreateEventBus', { EventBusName: name }), refused('AlreadyExists'));
  await assert.rejects(call(owner, 'CreateEventBus', { EventBusName: 'a b' }), refused('InvalidParameter'));
  await call(owner, 'UpdateEventBus', { EventBusName: name, Description: 'kept', RetentionDays: 3 });
  const shown = (await call(member, 'GetEventBus', { EventBusName: name })).EventBus;
  assert.deepEqual([shown?.Description, shown?.RetentionDays], ['kept', 3]);
  const { RuleId = 0 } = await call(owner, 'CreateEventRule', { EventBusName: name, RuleName: 'r', EventPattern: '{}' });
  await assert.rejects(call(owner, 'DeleteEventBus', { EventBusName: name }), refused('WrongState'));
  await assert.rejects(call(stranger, 'DeleteEventBus', { EventBusName: name }), refused('NotFound'));
  await call(owner, 'DeleteEventRule', { RuleId });
  await call(owner, 'DeleteEventBus', { EventBusName: name });
  await assert.rejects(call(owner, 'GetEventBus', { EventBusName: name }), refused('NotFound'));
});

test('an event reaches the target of a rule by a channel of its workspace and the pattern, in order, signed', async () => {
  const receiver = await place.receiver();
  const name = await bus();
  const { SubscriptionId } = await ruled(name, '{"type": ["dataworks:FileChange:CommitFile"], "data": {"operator": [{"prefix": "wanted"}]}}', receiver.url);
  await place.raise(1, 'wanted-before', 1, { workspaceId: 11 });
  await passed(SubscriptionId);
  const { ChannelId = 0 } = await call(owner, 'CreateDistributionChannel', { ProjectId: 11, EventBusName: name });
  await place.raise(1, 'wanted-disabled', 1, { workspaceId: 11 });
  await passed(SubscriptionId);
  await call(owner, 'EnableDistributionChannel', { ChannelId });
  for (let number = 1; number <= 20; number += 1) {
    await place.raise(1, 'wanted', number, { workspaceId: 11 });
    await place.raise(1, 'other', number, { workspaceId: 11 });
    await place.raise(1, 'wanted', number, { workspaceId: 12 });
  }
  await place.until('20 events', () => receiver.received.length >= 20);
  await passed(SubscriptionId);
  assert.deepEqual(receiver.received.map(({ object, number }) => `${object} ${number}`), Array.from({ length: 20 }, (_, index) => `wanted ${index + 1}`));
  assert.ok(receiver.received[0]?.headers['webhook-signature']);
  assert.equal(receiver.received[0]?.envelope.aliyuneventbusname, name);

  await call(owner, 'DisableDistributionChannel', { ChannelId });
  await known(SubscriptionId);
  await place.raise(1, 'wanted', 21, { workspaceId: 11 });
  await passed(SubscriptionId);
  await call(owner, 'EnableDistributionChannel', { ChannelId });
  await place.raise(1, 'wanted', 22, { workspaceId: 11 });
  await place.until('the event after', () => receiver.received.some(({ number }) => number === 22));
  assert.ok(!receiver.received.some(({ number }) => number === 21), 'what happens while a channel is disabled is not delivered later');
});

test('rule, bus and switch stop the flow and let what comes after through; a paused target gets what waited', async () => {
  const receiver = await place.receiver();
  const name = await bus();
  const { RuleId, TargetId, SubscriptionId } = await ruled(name, commitFile, receiver.url);
  const { ChannelId = 0 } = await call(owner, 'CreateDistributionChannel', { ProjectId: 12, EventBusName: name, Enabled: true });
  const channel = async () => {
    const { Channel } = await call(owner, 'GetDistributionChannel', { ChannelId });
    return [Channel?.ChannelId, Channel?.ProjectId, Channel?.EventBusName, Channel?.Enabled];
  };
  assert.deepEqual(await channel(), [ChannelId, 12, name, true]);
  let number = 0;
  const raise = () => place.raise(1, 'flow', (number += 1), { workspaceId: 12 });
  const stops: [() => Promise<unknown>, () => Promise<unknown>][] = [
    [() => call(owner, 'DisableEventRule', { RuleId }), () => call(owner, 'EnableEventRule', { RuleId })],
    [() => call(owner, 'DisableEventBus', { EventBusName: name }), () => call(owner, 'EnableEventBus', { EventBusName: name })],
    [() => call(owner, 'DisableMessageSubscription', {}), () => call(owner, 'EnableMessageSubscription', {})],
  ];
  for (const [stop, go] of stops) {
    await raise();
    await place.until('the event', () => receiver.received.some((one) => one.number === number));
    await stop();
    await known(SubscriptionId);
    await raise();
    await go();
  }
  assert.deepEqual(receiver.received.map((one) => one.number), [1, 3, 5]);
  assert.equal((await call(member, 'GetMessageSubscription', {})).Enabled, true);

  await call(owner, 'DisableRuleTarget', { TargetId });
  await raise();
  await call(owner, 'EnableRuleTarget', { TargetId });
  await place.until('what waited', () => receiver.received.some((one) => one.number === 7));

  const other = await bus();
  await call(owner, 'UpdateDistributionChannel', { ChannelId, EventBusName: other });
  await known(SubscriptionId);
  assert.deepEqual((await call(owner, 'ListDistributionChannels', { EventBusName: other })).PagingInfo?.Channels?.map((one) => one.ChannelId), [ChannelId]);
  assert.deepEqual(await channel(), [ChannelId, 12, other, true]);
  await raise();
  await passed(SubscriptionId);
  assert.ok(!receiver.received.some((one) => one.number === 8));
  await call(owner, 'DeleteDistributionChannel', { ChannelId });
  await assert.rejects(call(owner, 'GetDistributionChannel', { ChannelId }), refused('NotFound'));
});

test('a changed pattern and a changed address hold from then on; a deleted target gets nothing more', async () => {
  const first = await place.receiver();
  const second = await place.receiver();
  const name = await bus();
  await call(owner, 'CreateDistributionChannel', { ProjectId: 11, EventBusName: name, Enabled: true });
  const { RuleId, TargetId, SubscriptionId } = await ruled(name, '{"type": ["dataworks:FileChange:DeployFile"]}', first.url);
  await place.raise(1, 'changed', 1, { workspaceId: 11 });
  await passed(SubscriptionId);
  await call(owner, 'UpdateEventRule', { RuleId, EventPattern: commitFile, RuleName: 'renamed' });
  await place.raise(1, 'changed', 2, { workspaceId: 11 });
  await place.until('the event of the new pattern', () => first.received.some((one) => one.number === 2));
  await call(owner, 'UpdateRuleTarget', { TargetId, Url: second.url, TargetName: 'moved' });
  await place.raise(1, 'changed', 3, { workspaceId: 11 });
  await place.until('the event at the new address', () => second.received.some((one) => one.number === 3));
  assert.deepEqual(new Set(first.received.map((one) => one.number)).has(1), false);
  const shown = (await call(member, 'GetRuleTarget', { TargetId })).Target;
  assert.deepEqual([shown?.TargetName, shown?.Url, shown?.SubscriptionId], ['moved', maskAddress(second.url), SubscriptionId]);
  assert.equal((await call(owner, 'GetRuleTarget', { TargetId })).Target?.Url, second.url);
  for (const [person, url] of [[member, maskAddress(second.url)], [owner, second.url]] as const) assert.equal((await call(person, 'ListRuleTargets', { RuleId })).PagingInfo?.Targets?.[0]?.Url, url);
  const rule = (await call(member, 'GetEventRule', { RuleId })).Rule;
  assert.deepEqual([rule?.RuleName, rule?.EventPattern, rule?.TargetCount, rule?.EventBusName], ['renamed', commitFile, 1, name]);
  assert.deepEqual((await call(member, 'ListRuleTargets', { RuleId })).PagingInfo?.Targets?.length, 1);
  assert.deepEqual((await call(member, 'ListEventRules', { EventBusName: name })).PagingInfo?.Rules?.map((one) => one.RuleId), [RuleId]);
  await call(owner, 'DeleteRuleTarget', { TargetId });
  assert.equal(await place.database.row('select from subscription where id = $1', [SubscriptionId]), undefined);
});

test('what does not fit is refused, with the place in the pattern', async () => {
  const name = await bus();
  const make = (EventPattern: string) => call(owner, 'CreateEventRule', { EventBusName: name, RuleName: fresh('rule'), EventPattern });
  await assert.rejects(make('{"type": ["x"'), refused('InvalidParameter', /EventPattern.*not JSON/));
  await assert.rejects(make('{"data": {"a": [{"prefixx": "x"}]}}'), refused('InvalidParameter', /\$\.data\.a\[0\]\.prefixx.*prefix/));
  await assert.rejects(make('{"resources": ["x"]}'), refused('InvalidParameter', /no such field/));
  await assert.rejects(call(owner, 'CreateEventRule', { EventBusName: 'nowhere', RuleName: 'r', EventPattern: '{}' }), refused('NotFound'));
  const { RuleId = 0 } = await make('{}');
  await assert.rejects(call(owner, 'UpdateEventRule', { RuleId, EventPattern: '[]' }), refused('InvalidParameter'));
  await assert.rejects(call(owner, 'CreateRuleTarget', { RuleId, TargetName: 't', Url: 'http://10.0.0.1/' }), refused('TargetForbidden'));
  await assert.rejects(call(owner, 'CreateDistributionChannel', { ProjectId: 99, EventBusName: name }), refused('WorkspaceNotFound'));
  await call(owner, 'CreateDistributionChannel', { ProjectId: 12, EventBusName: name });
  await assert.rejects(call(owner, 'CreateDistributionChannel', { ProjectId: 12, EventBusName: name }), refused('AlreadyExists'));
  assert.deepEqual((await call(member, 'ListDistributionChannels', { EventBusName: name })).PagingInfo?.TotalCount, 0, 'a channel is shown to who may see its workspace');
  for (const action of ['CreateEventBus', 'DisableMessageSubscription', 'CreateEventRule'] as const) await assert.rejects(call(member, action, {} as never), refused('Forbidden'));
  await assert.rejects(call(stranger, 'GetEventRule', { RuleId }), refused('NotFound'));
  await assert.rejects(call(stranger, 'DeleteEventRule', { RuleId }), refused('NotFound'));
  await assert.rejects(call(stranger, 'CreateRuleTarget', { RuleId, TargetName: 't', Url: 'https://example.com/' }), refused('NotFound'));
  const limit = limits.eventRulesPerBus as { value: number };
  const { value } = limit;
  limit.value = 1;
  await assert.rejects(make('{}'), refused('TooMany')).finally(() => (limit.value = value));
});

test('a pattern is tried on a sample and on the last events that the caller may see', async () => {
  await place.raise(1, 'seen', 1, { workspaceId: 11 });
  await place.raise(1, 'hidden', 1, { workspaceId: 12 });
  const EventPattern = '{"data": {"operator": [{"prefix": "seen"}, {"prefix": "hidden"}]}}';
  const all = await call(owner, 'TestEventPattern', { EventPattern, Event: '{"detail": {"operator": "seen#1"}}' });
  assert.deepEqual([all.Matched, all.MatchedEvents?.map((event) => event.ObjectKey).toSorted()], [true, ['hidden', 'seen']]);
  const some = await call(member, 'TestEventPattern', { EventPattern, Event: '{}' });
  assert.deepEqual([some.Matched, some.MatchedEvents?.map((event) => event.ObjectKey)], [false, ['seen']]);
  assert.ok((some.CheckedCount ?? 0) < (all.CheckedCount ?? 0));
  await assert.rejects(call(member, 'TestEventPattern', { EventPattern, ProjectId: 12 }), refused('WorkspaceNotFound'));
  await assert.rejects(call(member, 'TestEventPattern', { EventPattern, Event: '[' }), refused('InvalidParameter'));
  await assert.rejects(call(member, 'TestEventPattern', { EventPattern: '{"a": 1}' }), refused('InvalidParameter', /\$\.a/));
  assert.equal((await call(stranger, 'TestEventPattern', { EventPattern: '{}' })).CheckedCount, 0);
});
