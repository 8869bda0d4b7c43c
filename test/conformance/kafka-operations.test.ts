import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { platformActor } from '../../server/kernel/change.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';
import { eventually } from '../support/eventually.ts';
import { joinWithKafkajs, kafkajs, type Got } from './kafka-clients.ts';

const PLATFORM = '2026-12-01';
let house: TestHouse;
let broker: string;
let ProjectId: number;
let tenantId: number;
before(async () => {
  house = await startTestHouse({ kafka: { host: '127.0.0.1', port: 0, advertised: undefined, tls: undefined, groups: 20 } });
  const address = house.house.kafka?.address();
  broker = `${address?.host}:${address?.port}`;
  tenantId = (await house.database.row<{ id: number }>('select id from tenant'))?.id ?? 0;
  ProjectId = Number((await house.call('2020-05-18', 'CreateProject', { ProjectIdentifier: 'kafka', ProjectName: 'kafka', ProjectDescription: '', ProjectMode: 3 }))['Data']);
});
after(() => house.stop());

async function raise(count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    await house.house.changes.change(platformActor('test', tenantId), async (change) =>
      change.raise({ code: 'commit-file', workspaceId: ProjectId, objectKey: `file:${number % 3}`, data: { projectId: ProjectId, operator: `file:${number % 3}#${number}` } }),
    );
  }
}

const paging = async (action: string, request: Record<string, string | number> = {}) => (await house.call(PLATFORM, action, request))['PagingInfo'] as Record<string, unknown>;

test('a user is made, reads what it may, is listed, gets a new password, and is deleted', async () => {
  await raise(30);
  const made = await house.call(PLATFORM, 'CreateKafkaUser', { Name: 'reader', ProjectIds: JSON.stringify([ProjectId]), TenantEvents: 'false', Types: JSON.stringify(['dataworks:FileChange:CommitFile']) });
  const KafkaUserId = Number(made['KafkaUserId']);
  const user = { id: KafkaUserId, login: String(made['UserName']), password: String(made['Password']) };
  await assert.rejects(house.call(PLATFORM, 'CreateKafkaUser', { Name: 'reader' }), /AlreadyExists|already/i);
  await assert.rejects(house.call(PLATFORM, 'CreateKafkaUser', { Name: 'other', ProjectIds: '[999999]' }), /999999/);
  await assert.rejects(house.call(PLATFORM, 'CreateKafkaUser', { Name: 'a b' }), /Name/);

  const topic = `dataworks.workspace.${ProjectId}`;
  const got: Got[] = [];
  const member = await joinWithKafkajs({ broker, user, group: 'readers', topics: [topic], onRecord: (record) => void got.push(record) });
  await eventually('all records have come', () => got.length === 30);
  const listed = (await eventually('the group has members', async () => {
    const groups = (await paging('ListConsumerGroups', { KafkaUserId }))['ConsumerGroups'] as { GroupId: string; Status: string; MemberCount: number; LagCount: number }[];
    return groups[0]?.Status === 'Stable' ? groups : undefined;
  }));
  assert.deepEqual(listed.map((one) => [one.GroupId, one.MemberCount]), [['readers', 1]]);
  await assert.rejects(house.call(PLATFORM, 'ResetConsumerGroupOffsets', { KafkaUserId, GroupId: 'readers', To: 'Earliest' }), /members/);
  await member.stop();
  await raise(6);

  // Lag, and offsets set by hand.
  const lagging = await eventually('the lag is told', async () => {
    const groups = (await paging('ListConsumerGroups'))['ConsumerGroups'] as { LagCount: number; MemberCount: number; Offsets: { Topic: string }[] }[];
    return groups[0]?.LagCount === 6 && groups[0].MemberCount === 0 ? groups[0] : undefined;
  });
  assert.ok(lagging.Offsets.every((one) => one.Topic === topic));
  await house.call(PLATFORM, 'ResetConsumerGroupOffsets', { KafkaUserId, GroupId: 'readers', To: 'Latest' });
  const [ended] = (await paging('ListConsumerGroups'))['ConsumerGroups'] as { LagCount: number }[];
  assert.equal(ended?.LagCount, 0);
  const events = (await paging('ListEvents', { ProjectId, MaxResults: 100, Types: JSON.stringify(['dataworks:FileChange:CommitFile']) })) as { Cursor: string };
  const half = (await paging('ListEvents', { ProjectId, MaxResults: 20, Types: JSON.stringify(['dataworks:FileChange:CommitFile']) })) as { Cursor: string };
  assert.notEqual(events.Cursor, half.Cursor);
  await house.call(PLATFORM, 'ResetConsumerGroupOffsets', { KafkaUserId, GroupId: 'readers', To: 'Cursor', Cursor: half.Cursor });
  const rest: Got[] = [];
  const again = await joinWithKafkajs({ broker, user, group: 'readers', topics: [topic], onRecord: (record) => void rest.push(record) });
  await eventually('what stands after the cursor', () => rest.length === 16);
  await again.stop();
  await house.call(PLATFORM, 'ResetConsumerGroupOffsets', { KafkaUserId, GroupId: 'readers', To: 'Time', Time: 1 });
  const [full] = (await paging('ListConsumerGroups'))['ConsumerGroups'] as { LagCount: number }[];
  assert.equal(full?.LagCount, 36 + 0 + (await others(topic)));

  // The new password is right, the old one is not, and open connections end.
  assert.equal((await house.call(PLATFORM, 'GetKafkaUserPassword', { KafkaUserId }))['Password'], user.password);
  const admin = kafkajs({ broker, user }).admin();
  await admin.connect();
  const reset = await house.call(PLATFORM, 'ResetKafkaUserPassword', { KafkaUserId });
  const renewed = { ...user, password: String(reset['Password']) };
  assert.notEqual(renewed.password, user.password);
  await eventually('the old connection has ended', async () => admin.listTopics().then(() => false, () => true));
  await admin.disconnect();
  const other = kafkajs({ broker, user: renewed }).admin();
  await other.connect();
  assert.deepEqual((await other.listTopics()).toSorted(), ['dataworks.all', topic]);
  await other.disconnect();
  const users = (await paging('ListKafkaUsers'))['KafkaUsers'] as { Name: string; ProjectIds: number[]; AllProjects: boolean }[];
  assert.deepEqual(users.map((one) => [one.Name, one.ProjectIds, one.AllProjects]), [['reader', [ProjectId], false]]);
  assert.ok(!JSON.stringify(users).includes(renewed.password));
  await house.call(PLATFORM, 'DeleteKafkaUser', { KafkaUserId });
  assert.equal((await paging('ListKafkaUsers'))['TotalCount'], 0);
  assert.equal((await paging('ListConsumerGroups'))['TotalCount'], 0);

  // Nowhere in clear text.
  for (const table of ['call_log', 'event', 'audit', 'idempotency']) {
    const exists = await house.database.row<{ at: string | null }>('select to_regclass($1)::text as at', [table]);
    if (exists?.at == null) continue;
    const rows = await house.database.row<{ count: number }>(`select count(*) from ${table} as t where t::text like '%' || $1 || '%' or t::text like '%' || $2 || '%'`, [user.password, renewed.password]);
    assert.equal(rows?.count, 0, table);
  }
});

/** Events of the workspace beside those that the test raised. */
async function others(topic: string): Promise<number> {
  const { Topics } = (await paging('GetKafkaAccess', { ProjectId })) as { Topics: { Topic: string; Partitions: { LatestOffset: number }[] }[] };
  assert.deepEqual(Topics.map((one) => one.Topic), [topic]);
  return (Topics[0]?.Partitions.reduce((sum, one) => sum + one.LatestOffset, 0) ?? 0) - 36;
}

test('only two roles see passwords; the rest is for every user of the tenant', async () => {
  const made = await house.call(PLATFORM, 'CreateKafkaUser', { Name: 'seen' });
  const KafkaUserId = Number(made['KafkaUserId']);
  const keeper = await house.as('keeper', ['open_platform_admin']);
  assert.equal((await keeper.call(PLATFORM, 'GetKafkaUserPassword', { KafkaUserId }))['Password'], made['Password']);
  const member = await house.as('member');
  await assert.rejects(member.call(PLATFORM, 'GetKafkaUserPassword', { KafkaUserId }), /Forbidden|may not/);
  await assert.rejects(member.call(PLATFORM, 'ResetKafkaUserPassword', { KafkaUserId }), /Forbidden|may not/);
  const access = ((await member.call(PLATFORM, 'GetKafkaAccess', {}))['PagingInfo'] ?? {}) as { Enabled: boolean; BootstrapServers: string; SaslMechanisms: string[]; Topics: { Topic: string }[] };
  assert.equal(access.Enabled, true);
  assert.equal(access.BootstrapServers, broker);
  assert.deepEqual(access.SaslMechanisms, ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']);
  // A workspace that the member may not read is not shown.
  assert.deepEqual(access.Topics.map((one) => one.Topic), ['dataworks.all', 'dataworks.tenant']);
  const watched = await house.database.row<{ count: number }>(`select count(*) from audit where action = 'GetKafkaUserPassword' and $1 = any(targets)`, [`kafka-user:${KafkaUserId}`]);
  assert.equal(watched?.count, 1);
});
