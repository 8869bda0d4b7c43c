import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { secretBox } from '../../kernel/secrets.ts';
import { maskAddress } from '../../kernel/url-secrets.ts';
import { SHELL, USER, WORKSPACE } from '../scheduling/scheduling.fixture.ts';
import { addressKey, createAddresses, withoutAddress } from './addresses.ts';
import { monitoringPlace, spec, visitor } from './monitoring.fixture.ts';

const LEGACY = '2020-05-18';
const CURRENT = '2024-05-18';

test('a stored address opens for its tenant only, and has the same key whenever it was sealed', () => {
  const addresses = createAddresses(secretBox(Buffer.alloc(32, 1)));
  const url = 'https://example.com/robot?access_token=hidden-1';
  const seal = (tenantId: number) => addresses.sealReceivers(tenantId, [{ type: 'DingdingUrl', values: [url], atAll: false }])[0]?.values[0] ?? '';
  const [first, second, other] = [seal(1), seal(1), seal(2)];
  assert.notEqual(first, second);
  assert.equal(addressKey(first), addressKey(second));
  assert.notEqual(addressKey(first), addressKey(other));
  assert.equal(addresses.open(1, first), url);
  assert.throws(() => addresses.open(2, first));
});

test('what a receiver answers is kept without what it repeats of its address', () => {
  const url = 'https://example.com:8443/hook/0123456789abcdef?access_token=a%20b-secret&timestamp=1';
  assert.equal(withoutAddress(`no robot ${url}`, url), 'no robot ******');
  assert.equal(withoutAddress('bad token a b-secret, or a%20b-secret, at 0123456789abcdef', url), 'bad token ******, or ******, at ******');
  assert.equal(maskAddress(url), 'https://example.com:8443/******');
  assert.equal(maskAddress('nothing'), '******');
});

test('no table has the token of an address, whichever way it came and whatever the robot answered', async (t) => {
  const place = await monitoringPlace();
  t.after(place.close);
  const task = await place.publish(SHELL, 'true', { name: 'orders', spec: spec('00 00 01 * * ?') });
  await place.at('2026-03-20T12:00:00Z');
  const token = 'tok-5f1c9e77aa';
  const robot = await place.receiver([{ status: 200, body: { errcode: 300001, errmsg: `access_token=${token} is unknown at /robot?access_token=${token}` } }]);
  const url = `${robot.url}/robot?access_token=${token}`;
  const rule = { Enabled: true, Owner: String(USER), TriggerCondition: { Type: 'Error', Target: { Type: 'Task', Ids: [task] } } };
  const { Id } = await place.ask(CURRENT, 'CreateAlertRule', { ...rule, Name: 'robot', Notification: { Channels: ['Webhook'], Maximum: 1, Receivers: [{ ReceiverType: 'DingdingUrl', ReceiverValues: [url] }] } });
  const RemindId = (await place.ask(LEGACY, 'CreateRemind', { RemindName: 'old robot', RemindType: 'FINISHED', RemindUnit: 'NODE', NodeIds: String(task), AlertUnit: 'OWNER', AlertMethods: 'MAIL', RobotUrls: url, Webhooks: url }))['Data'];
  await place.ask(LEGACY, 'UpdateRemind', { RemindId, MaxAlertTimes: 5 });
  const BaselineId = (await place.ask(LEGACY, 'CreateBaseline', { ProjectId: WORKSPACE, BaselineName: 'b', BaselineType: 'DAILY', Owner: String(USER), Priority: 5, NodeIds: String(task), OvertimeSettings: [{ Cycle: 1, Time: '08:00' }] }))['Data'];
  const settings = { DingRobots: [{ WebUrl: url, AtAll: true }], Webhooks: [url] };
  await place.ask(LEGACY, 'UpdateBaseline', { BaselineId, ProjectId: WORKSPACE, AlertSettings: [{ AlertType: 'BASELINE', ...settings }] });
  await place.ask(LEGACY, 'UpdateBaseline', { BaselineId, ProjectId: WORKSPACE, Priority: 7 });
  const forbidden = { ...rule, Name: 'no', Notification: { Channels: ['Webhook'], Receivers: [{ ReceiverType: 'WebhookUrl', ReceiverValues: [`http://169.254.169.254/?access_token=${token}`] }] } };
  await assert.rejects(place.ask(CURRENT, 'CreateAlertRule', forbidden), (error: Error) => error.message.includes('may not be called') && !error.message.includes(token));

  await place.at('2026-03-20T17:00:00Z');
  const [instance] = await place.instancesOf(task);
  await place.begin(instance?.id ?? 0);
  await place.end(instance?.id ?? 0, 'TimedOut');
  await place.watch();
  const kept = await place.database.row<{ error_text: string; receiver: string }>(`select error_text, receiver from alert_message where source_id = $1 and method = 'DINGROBOTS'`, [Id]);
  assert.match(kept?.error_text ?? '', /errcode 300001: .*\*{6} is unknown/);
  assert.match(kept?.receiver ?? '', /^url:[0-9a-f]{64}$/);
  const tables = await place.database.rows<{ name: string }>(`select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public'`);
  for (const { name } of tables) assert.deepEqual(await place.database.rows(`select t::text as row from ${name} as t where position($1 in t::text) > 0 limit 1`, [token]), [], name);

  await place.at('2026-03-20T17:01:00Z');
  await place.watch();
  const sent = robot.taken.filter(({ body }) => JSON.stringify(body).includes('Alert rule robot'));
  assert.deepEqual(sent.map(({ path }) => path), Array.from({ length: 2 }, () => `/robot?access_token=${token}`));

  const shown = async (caller?: typeof visitor) => {
    const { Notification } = (await place.ask(CURRENT, 'GetAlertRule', { Id: String(Id) }, caller))['AlertRule'] as { Notification: { Receivers: { ReceiverValues: string[] }[] } };
    const { Robots, Webhooks } = (await place.ask(LEGACY, 'GetRemind', { RemindId }, caller))['Data'] as { Robots: { WebUrl: string }[]; Webhooks: string[] };
    const { AlertSettings } = (await place.ask(LEGACY, 'GetBaseline', { BaselineId, ProjectId: WORKSPACE }, caller))['Data'] as { AlertSettings: { DingRobots: { WebUrl: string }[]; Webhooks: string[] }[] };
    return [Notification.Receivers[0]?.ReceiverValues[0], Robots[0]?.WebUrl, Webhooks[0], AlertSettings[0]?.DingRobots[0]?.WebUrl, AlertSettings[0]?.Webhooks[0]];
  };
  assert.deepEqual(await shown(), Array.from({ length: 5 }, () => url));
  assert.deepEqual(await shown(visitor), Array.from({ length: 5 }, () => `${robot.url}/******`));
});

test('addresses that were stored in plain are taken away by the migration, and all else stays', async (t) => {
  const place = await monitoringPlace();
  t.after(place.close);
  const { database } = place;
  const url = 'https://example.com/hidden';
  const task = await place.publish(SHELL, 'true', { name: 'orders', spec: spec('00 00 01 * * ?') });
  await place.ask(CURRENT, 'CreateAlertRule', { Name: 'rule', Enabled: true, Owner: String(USER), TriggerCondition: { Type: 'Error', Target: { Type: 'Task', Ids: [task] } } });
  await place.ask(LEGACY, 'CreateBaseline', { ProjectId: WORKSPACE, BaselineName: 'b', BaselineType: 'DAILY', Owner: String(USER), Priority: 5, NodeIds: String(task), OvertimeSettings: [{ Cycle: 1, Time: '08:00' }] });
  const owner = { type: 'Owner', values: [], atAll: false };
  await database.run('update alert_rule set receivers = $1', [JSON.stringify([{ type: 'FeishuUrl', values: [url], atAll: false }, owner])]);
  await database.run('update baseline set alert_settings = $1', [JSON.stringify([{ AlertType: 'TOPIC', Webhooks: [url], DingRobots: [{ WebUrl: url }] }])]);
  const target = JSON.stringify({ kind: 'FeishuUrl', url, atAll: false });
  await database.run(
    `with made as (insert into alert (tenant_id, workspace_id, source, source_id, occurrence, content, detail, at) select tenant_id, workspace_id, 'REMIND_ALERT', id, 'x', 'x', '{}', now() from alert_rule returning *)
     insert into alert_message (alert_id, tenant_id, workspace_id, source, source_id, method, target, receiver, status, content, at)
     select id, tenant_id, workspace_id, source, source_id, 'FEISHU', $1::jsonb, $2, 'READY_TO_SEND', 'x', at from made
     union all select id, tenant_id, workspace_id, source, source_id, 'MAIL', null, 'user:7:MAIL', 'SEND_FAIL', 'x', at from made`,
    [target, url],
  );
  await database.run(await readFile(new URL('migrations/004-sealed-addresses.sql', import.meta.url), 'utf8'));
  assert.deepEqual((await database.row<{ receivers: object }>('select receivers from alert_rule'))?.receivers, [owner]);
  assert.deepEqual((await database.row<{ alert_settings: object }>('select alert_settings from baseline'))?.alert_settings, [{ AlertType: 'TOPIC' }]);
  const messages = await database.rows<{ target: object | null; receiver: string; status: string }>('select target, receiver, status from alert_message order by method');
  assert.deepEqual(messages.map(({ target: left, receiver, status }) => [left, receiver.slice(0, 5), status]), [[null, messages[0]?.receiver.slice(0, 5), 'SEND_FAIL'], [null, 'user:', 'SEND_FAIL']]);
  assert.match(messages[0]?.receiver ?? '', /^url:[0-9a-f]{64}$/);
});
