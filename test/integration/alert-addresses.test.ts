import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';

const LEGACY = '2020-05-18';
const CURRENT = '2024-05-18';

let house: TestHouse;
before(async () => {
  house = await startTestHouse();
});
after(() => house.stop());

test('what stands in the database after alert rules were made, changed and read has no token of a robot in the clear', async () => {
  const { call } = house;
  const token = 'tok-never-written';
  const ProjectId = Number((await call(LEGACY, 'CreateProject', { ProjectIdentifier: 'alerting', ProjectName: 'alerting', ProjectMode: 3 }))['Data']);
  const TriggerCondition = { Type: 'Error', Target: { Type: 'Project', Ids: [ProjectId] } };
  const Receivers = [
    { ReceiverType: 'DingdingUrl', ReceiverValues: [`https://example.com/robot?access_token=${token}`] },
    { ReceiverType: 'FeishuUrl', ReceiverValues: [`https://example.com/hook/${token}`] },
  ];
  const { Id } = await call(CURRENT, 'CreateAlertRule', { Name: 'robots', Enabled: true, Owner: '1', TriggerCondition: JSON.stringify(TriggerCondition), Notification: JSON.stringify({ Channels: ['Webhook'], Receivers }) });
  const RemindId = Number((await call(LEGACY, 'CreateRemind', { RemindName: 'old', RemindType: 'FINISHED', RemindUnit: 'PROJECT', ProjectId, AlertUnit: 'OWNER', AlertMethods: 'MAIL', RobotUrls: `https://example.com/hook/${token}` }))['Data']);
  await call(LEGACY, 'UpdateRemind', { RemindId, Webhooks: `https://example.com/${token}?key=${token}` });
  await assert.rejects(call(LEGACY, 'UpdateRemind', { RemindId, Webhooks: `http://169.254.169.254/${token}` }));
  const { AlertRule } = (await call(CURRENT, 'GetAlertRule', { Id: String(Id) })) as { AlertRule: { Notification: { Receivers: { ReceiverValues: string[] }[] } } };
  assert.deepEqual(AlertRule.Notification.Receivers.map(({ ReceiverValues }) => ReceiverValues), Receivers.map(({ ReceiverValues }) => ReceiverValues));
  await eventually('the calls are logged', async () => (await house.database.rows(`select 1 from call_log where action = 'GetAlertRule'`)).length > 0);
  const tables = await house.database.rows<{ name: string }>(`select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public'`);
  for (const { name } of tables) assert.deepEqual(await house.database.rows(`select t::text as row from ${name} as t where position($1 in t::text) > 0 limit 1`, [token]), [], name);
});
