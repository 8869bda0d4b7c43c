import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KafkaListener } from '../../server/openevent/kafka/listener.ts';
import { kafkaPlace } from '../../server/openevent/kafka/kafka.fixture.ts';
import { testDatabase } from '../support/database.ts';
import { assertComplete, joinWithKafkajs, joinWithPlatformatic, kafkajs, type Got, type GroupMember, type JoinGroup } from './kafka-clients.ts';

let server: Awaited<ReturnType<typeof testDatabase>>;
let place: Awaited<ReturnType<typeof kafkaPlace>>;
let listener: KafkaListener & { readonly broker: string };
before(async () => {
  server = await testDatabase();
  place = await kafkaPlace(server.url);
  listener = await place.listen();
});
after(async () => {
  await place.close();
  await server.drop();
});

let tenants = 0;
/** A tenant of its own for each test, so that none sees what others raised. */
function newTenant(): number {
  tenants += 1;
  return tenants;
}

function counting(tenantId: number) {
  const raised = new Map<string, number>();
  let halt = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const one = async (object: string) => {
    const number = raised.get(object) ?? 0;
    raised.set(object, number + 1);
    await place.raise(object, number, { tenantId, workspaceId: tenantId * 10 + 1 });
  };
  return {
    raised,
    async some(count: number, objects = 12) {
      for (let number = 0; number < count; number += 1) await one(`file:${number % objects}`);
    },
    /** Raises until it is told to stop, each object's events one after the other. */
    start(objects = 12) {
      halt = new AbortController();
      const { signal } = halt;
      running = (async () => {
        for (let number = 0; !signal.aborted; number += 1) await one(`file:${number % objects}`);
      })();
    },
    async stop() {
      halt.abort();
      await running;
    },
    total: () => [...raised.values()].reduce((sum, count) => sum + count, 0),
  };
}

const distinct = (got: readonly Got[]) => new Set(got.map((one) => one.id)).size;

for (const [name, join] of [
  ['kafkajs', joinWithKafkajs],
  ['@platformatic/kafka', joinWithPlatformatic],
] as const satisfies readonly (readonly [string, JoinGroup])[]) {
  test(`${name}: a group grows and shrinks under load and misses nothing`, async () => {
    const tenantId = newTenant();
    const user = await place.user({ tenantId });
    const load = counting(tenantId);
    const got: Got[] = [];
    const options = { broker: listener.broker, user, group: 'growing', topics: ['dataworks.all'], onRecord: (record: Got) => void got.push(record) };
    await load.some(100);
    const first = await join(options);
    await place.until('the first has read what was there', () => distinct(got) === 100);
    load.start();
    const members: GroupMember[] = [first];
    for (let round = 0; round < 2; round += 1) {
      const before = got.length;
      members.push(await join(options));
      await place.until('it goes on after one has come', () => got.length > before + 50);
    }
    const before = got.length;
    await members.shift()?.stop();
    await place.until('it goes on after one has left', () => got.length > before + 50);
    await load.stop();
    await place.until('everything has come', () => distinct(got) >= load.total());
    for (const member of members) await member.stop();
    assertComplete(got, load.raised);
    const partitions = new Map(got.map((one) => [one.key, one.partition]));
    assert.ok(got.every((one) => partitions.get(one.key) === one.partition), 'an object stays in its partition');
  });

  test(`${name}: after a restart of the server a group reads on where it was, at the same offsets`, async () => {
    const tenantId = newTenant();
    const user = await place.user({ tenantId });
    const load = counting(tenantId);
    const own = await place.listen();
    const port = own.address()?.port ?? 0;
    const got: Got[] = [];
    const options = { broker: own.broker, user, group: 'restarted', topics: ['dataworks.all'], onRecord: (record: Got) => void got.push(record) };
    const member = await join(options);
    await load.some(120);
    await place.until('the first part has come', () => distinct(got) === 120);
    await own.stop();
    await load.some(60);
    const again = await place.listen({ port });
    await load.some(60);
    await place.until('the rest has come', () => distinct(got) === 240);
    await member.stop();
    assertComplete(got, load.raised);
    // A new group sees every event at the offset at which it was before.
    const offsets = new Map(got.map((one) => [one.id, `${one.partition}/${one.offset}`]));
    const second: Got[] = [];
    const other = await join({ ...options, group: 'later', onRecord: (record) => void second.push(record) });
    await place.until('a new group has read all', () => second.length >= 240);
    await other.stop();
    assert.deepEqual(second.map((one) => [one.id, `${one.partition}/${one.offset}`]).filter(([id, at]) => offsets.get(id ?? '') !== at), []);
    await again.stop();
  });
}

test('an event whose transaction commits late has its place, and none is passed over', async () => {
  const tenantId = newTenant();
  const user = await place.user({ tenantId });
  const got: Got[] = [];
  const member = await joinWithKafkajs({ broker: listener.broker, user, group: 'late', topics: ['dataworks.all'], onRecord: (record) => void got.push(record) });
  await place.raise('early', 0, { tenantId, workspaceId: 31 });
  await place.until('the first event', () => got.length === 1);
  let commit = () => {};
  const held = new Promise<void>((resolve) => {
    commit = resolve;
  });
  // Holds its number in the log and commits after others that came later.
  const slow = place.changes.change({ tenantId, userId: 0, action: 'test', requestId: undefined, sourceAddress: undefined }, async (change) => {
    await change.row('select pg_current_xact_id()');
    await held;
    return change.raise({ code: 'commit-file', workspaceId: 31, objectKey: 'slow', data: { projectId: 31, operator: 'slow#0' } });
  });
  for (let number = 0; number < 10; number += 1) await place.raise('quick', number, { tenantId, workspaceId: 31 });
  commit();
  await slow;
  await place.until('all events', () => distinct(got) === 12);
  await member.stop();
  assertComplete(got, new Map([['early', 1], ['slow', 1], ['quick', 10]]));
});

test('a user reads what it is subscribed to, and the protocol says so about the rest', async () => {
  const tenantId = newTenant();
  const [mine, other] = [tenantId * 10 + 1, tenantId * 10 + 2];
  const narrow = await place.user({ tenantId, workspaces: [mine], tenantEvents: false, types: ['dataworks:FileChange:CommitFile'] });
  for (let number = 0; number < 40; number += 1) {
    await place.raise('mine', number, { tenantId, workspaceId: mine });
    await place.raise('other', number, { tenantId, workspaceId: other });
    await place.raise('mine', number, { tenantId, workspaceId: mine, code: 'delete-file' });
  }
  const got: Got[] = [];
  const member = await joinWithKafkajs({ broker: listener.broker, user: narrow, group: 'narrow', topics: ['dataworks.all'], onRecord: (record) => void got.push(record) });
  await place.until('what it may see', () => distinct(got) === 40);
  await member.stop();
  assert.ok(got.every((one) => one.object === 'mine'));

  const kafka = kafkajs({ broker: listener.broker, user: narrow });
  const admin = kafka.admin();
  await admin.connect();
  assert.deepEqual((await admin.listTopics()).toSorted(), ['dataworks.all', `dataworks.workspace.${mine}`]);
  await assert.rejects(admin.fetchTopicMetadata({ topics: [`dataworks.workspace.${other}`] }), /TOPIC_AUTHORIZATION_FAILED|not authorized/i);
  await assert.rejects(admin.fetchTopicMetadata({ topics: ['dataworks.tenant'] }), /TOPIC_AUTHORIZATION_FAILED|not authorized/i);
  await assert.rejects(admin.fetchTopicMetadata({ topics: ['something.else'] }), /does not host this topic-partition/i);
  const ends = await admin.fetchTopicOffsets('dataworks.all');
  assert.equal(ends.reduce((sum, one) => sum + Number(one.high), 0), 120);
  const byTime = await admin.fetchTopicOffsetsByTimestamp('dataworks.all', Date.now() - 3_600_000);
  assert.equal(byTime.reduce((sum, one) => sum + Number(one.offset), 0), ends.reduce((sum, one) => sum + (one.high === '0' ? Number(byTime.find((two) => two.partition === one.partition)?.offset) : 0), 0));
  await assert.rejects(admin.createTopics({ topics: [{ topic: 'dataworks.mine' }] }), /nobody can make others|not authorized|Topic creation errors/i);
  await admin.disconnect();

  const producer = kafka.producer({ retry: { retries: 0 } });
  await producer.connect();
  await assert.rejects(producer.send({ topic: 'dataworks.all', messages: [{ value: 'x' }] }), /not authorized/i);
  await producer.disconnect();
});

test('a tenant never sees another, and a deleted user is cut off', async () => {
  const [tenantId, foreign] = [newTenant(), newTenant()];
  const user = await place.user({ tenantId });
  await place.raise('own', 0, { tenantId, workspaceId: tenantId * 10 + 1 });
  await place.raise('foreign', 0, { tenantId: foreign, workspaceId: foreign * 10 + 1 });
  await place.raise('whole', 0, { tenantId, workspaceId: undefined });
  const got: Got[] = [];
  const member = await joinWithPlatformatic({ broker: listener.broker, user, group: 'one', topics: ['dataworks.all', 'dataworks.tenant'], onRecord: (record) => void got.push(record) });
  await place.until('the own events, those of the tenant in both topics', () => got.length === 3);
  assert.deepEqual(got.map((one) => `${one.topic} ${one.object}`).toSorted(), ['dataworks.all own', 'dataworks.all whole', 'dataworks.tenant whole']);
  await member.stop();

  const admin = kafkajs({ broker: listener.broker, user }).admin();
  await admin.connect();
  await assert.rejects(admin.fetchTopicMetadata({ topics: [`dataworks.workspace.${foreign * 10 + 1}`] }), /does not host this topic-partition/i);
  await place.removeUser(user.id);
  await place.until('its connection is closed and it cannot sign in again', async () => admin.listTopics().then(() => false, () => true));
  await admin.disconnect();
});

test('groups: described, listed, their offsets kept, reset and deleted', async () => {
  const tenantId = newTenant();
  const user = await place.user({ tenantId });
  const load = counting(tenantId);
  await load.some(50);
  const got: Got[] = [];
  const member = await joinWithKafkajs({ broker: listener.broker, user, group: 'seen', topics: ['dataworks.all'], onRecord: (record) => void got.push(record) });
  await place.until('all read', () => distinct(got) === 50);
  const admin = kafkajs({ broker: listener.broker, user }).admin();
  await admin.connect();
  const described = await admin.describeGroups(['seen', 'nowhere']);
  assert.deepEqual(described.groups.map((one) => [one.groupId, one.state, one.members.length]), [['seen', 'Stable', 1], ['nowhere', 'Dead', 0]]);
  await assert.rejects(admin.deleteGroups(['seen']), /Error in DeleteGroups/);
  await member.stop();
  const offsets = await admin.fetchOffsets({ groupId: 'seen', topics: ['dataworks.all'] });
  assert.equal(offsets[0]?.partitions.reduce((sum, one) => sum + Math.max(0, Number(one.offset)), 0), 50);
  await admin.resetOffsets({ groupId: 'seen', topic: 'dataworks.all', earliest: true });
  const again = await joinWithKafkajs({ broker: listener.broker, user, group: 'seen', topics: ['dataworks.all'], onRecord: (record) => void got.push(record) });
  await place.until('all read once more', () => got.length >= 100);
  await again.stop();
  assert.deepEqual((await admin.listGroups()).groups.map((one) => one.groupId), ['seen']);
  await admin.deleteGroups(['seen']);
  assert.deepEqual((await admin.listGroups()).groups, []);
  await admin.disconnect();
});

test('two processes serve the same topics; when the one that coordinates ends, the other takes over', async () => {
  const tenantId = newTenant();
  const user = await place.user({ tenantId });
  const load = counting(tenantId);
  // The one from above holds the lease; this one serves beside it.
  const beside = await place.listen();
  const got: Got[] = [];
  const member = await joinWithKafkajs({ broker: beside.broker, user, group: 'two', topics: ['dataworks.all'], onRecord: (record) => void got.push(record) });
  await load.some(60);
  await place.until('read through both', () => distinct(got) === 60);
  await listener.stop();
  await load.some(60);
  await place.until('read after the change', () => distinct(got) === 120, 40_000);
  await member.stop();
  assertComplete(got, load.raised);
  await beside.stop();
  listener = await place.listen();
});
