import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { limits } from '../../kernel/limits.ts';
import { SHELL, TENANT, USER, WORKSPACE, ZERO_LOAD } from '../scheduling/scheduling.fixture.ts';
import { inputs, monitoringPlace, outputs, spec } from './monitoring.fixture.ts';

const LEGACY = '2020-05-18';
const CURRENT = '2024-05-18';

/** A place in which a task `orders` was made an instance for 2026-03-21, at 01:00 in Shanghai, and other tasks beside. */
async function newPlace(t: TestContext) {
  const place = await monitoringPlace();
  t.after(place.close);
  const tasks: number[] = [];
  for (const name of ['orders', 'refunds', 'stock']) tasks.push(await place.publish(SHELL, 'true', { name, spec: spec('00 00 01 * * ?') }));
  const [orders = 0, refunds = 0, stock = 0] = tasks;
  await place.at('2026-03-20T12:00:00Z');
  const rule = async (Type: string, more: { Extension?: object; Target?: object; Notification?: object; Name?: string } = {}) =>
    Number(
      (
        await place.ask(CURRENT, 'CreateAlertRule', {
          Name: more.Name ?? `rule ${Type}`,
          Enabled: true,
          Owner: String(USER),
          TriggerCondition: { Type, Extension: more.Extension ?? {}, Target: more.Target ?? { Type: 'Task', Ids: [orders] } },
          Notification: more.Notification ?? { Channels: ['Mail'], Maximum: 1, Receivers: [{ ReceiverType: 'Owner' }] },
        })
      )['Id'],
    );
  const only = async (task: number) => {
    const [instance] = await place.instancesOf(task);
    assert.ok(instance !== undefined);
    return instance.id;
  };
  const messages = async (request: object = {}) =>
    ((await place.ask(LEGACY, 'ListAlertMessages', { BeginTime: '2026-03-01T00:00:00+0800', EndTime: '2026-04-30T00:00:00+0800', PageNumber: 1, PageSize: 100, ...request }))['Data'] as { AlertMessages: Record<string, unknown>[] }).AlertMessages;
  return { ...place, rule, only, messages, orders, refunds, stock, project: { Type: 'Project', Ids: [WORKSPACE] } };
}

test('a success and a failure alert once each, with the payload of the catalogue and a message for the owner', async (t) => {
  const { rule, at, begin, end, watch, alerts, messages, only, orders, refunds, ask } = await newPlace(t);
  const finished = await rule('Finished');
  const failed = await rule('Error', { Target: { Type: 'Project', Ids: [WORKSPACE], AllowTasks: [orders] } });
  await at('2026-03-20T17:00:00Z');
  const [first, second] = [await only(orders), await only(refunds)];
  await begin(first);
  await begin(second);
  await end(first, 'Success');
  await end(second, 'TimedOut');
  await watch();
  await watch();
  assert.deepEqual(await alerts(), [
    { eventCode: 'workbench-monitor-alert', tenantId: TENANT, alarmType: 'REMIND_ALERT', remindId: finished, remindName: 'rule Finished', remindType: 'FINISHED', remindUnit: 'NODE', projectId: WORKSPACE, nodeIds: String(orders), taskIds: String(first), taskId: String(first) },
    { eventCode: 'workbench-monitor-alert', tenantId: TENANT, alarmType: 'REMIND_ALERT', remindId: failed, remindName: 'rule Error', remindType: 'ERROR', remindUnit: 'NODE', projectId: WORKSPACE, nodeIds: String(refunds), taskIds: String(second), taskId: String(second) },
  ]);
  const [message] = await messages({ RemindId: failed });
  assert.deepEqual(
    [message?.['AlertMessageStatus'], message?.['AlertMethod'], message?.['AlertUser'], message?.['Source'], message?.['RemindName'], message?.['Instances']],
    ['SEND_FAIL', 'MAIL', String(USER), 'REMIND_ALERT', 'rule Error', [{ InstanceId: second, NodeId: refunds, NodeName: 'refunds', ProjectId: WORKSPACE, Status: 'FAILURE' }]],
  );
  assert.match(String(message?.['Content']), /has failed.*sends no mail/);
  assert.deepEqual((await ask(LEGACY, 'GetAlertMessage', { AlertId: String(message?.['AlertId']) }))['Data'], message);
});

test('what happened before the rule, or while it was disabled, counts for nothing', async (t) => {
  const { rule, at, begin, end, watch, alerts, only, orders, refunds, ask } = await newPlace(t);
  await at('2026-03-20T17:00:00Z');
  await begin(await only(orders));
  await end(await only(orders), 'TimedOut');
  await at('2026-03-20T17:01:00Z');
  const id = await rule('Error', { Target: { Type: 'Task', Ids: [orders, refunds] } });
  await ask(CURRENT, 'UpdateAlertRule', { Id: id, Enabled: false });
  await begin(await only(refunds));
  await end(await only(refunds), 'TimedOut');
  await at('2026-03-20T17:02:00Z');
  await ask(CURRENT, 'UpdateAlertRule', { Id: id, Enabled: true });
  await watch();
  assert.deepEqual(await alerts(), []);
});

test('a failure that stays is told again at the interval, as often as the maximum, and no more once it is repaired', async (t) => {
  const { rule, at, begin, end, watch, alerts, only, orders, refunds, call } = await newPlace(t);
  await rule('ExhaustedError', { Target: { Type: 'Task', Ids: [orders, refunds] }, Notification: { Channels: ['Mail'], IntervalInMinutes: 30, Maximum: 3, Receivers: [{ ReceiverType: 'TaskOwner' }] } });
  await at('2026-03-20T17:00:00Z');
  const [first, second] = [await only(orders), await only(refunds)];
  for (const id of [first, second]) {
    await begin(id);
    await end(id, 'TimedOut');
  }
  await watch();
  assert.equal((await alerts()).length, 2);
  await at('2026-03-20T17:29:00Z');
  await watch();
  assert.equal((await alerts()).length, 2);
  await call('SetSuccessInstance', { InstanceId: second, ProjectEnv: 'PROD' });
  await at('2026-03-20T17:30:00Z');
  await watch();
  assert.deepEqual((await alerts()).map((alert) => alert['taskIds']).slice(2), [String(first)]);
  for (const moment of ['18:00', '18:30', '19:00']) {
    await at(`2026-03-20T${moment}:00Z`);
    await watch();
  }
  assert.equal((await alerts()).length, 4);
});

test('in the silence of a rule nothing is sent, and what was found is told at its end', async (t) => {
  const { rule, at, begin, end, watch, alerts, messages, only, orders } = await newPlace(t);
  await rule('Error', { Notification: { Channels: ['Mail'], Maximum: 1, SilenceStartTime: '22:00', SilenceEndTime: '06:30', Receivers: [{ ReceiverType: 'AliUid', ReceiverValues: ['7'] }] } });
  await at('2026-03-20T17:00:00Z');
  await begin(await only(orders));
  await end(await only(orders), 'TimedOut');
  await watch();
  await at('2026-03-20T22:29:00Z');
  await watch();
  assert.deepEqual([await alerts(), await messages()], [[], []]);
  await at('2026-03-20T22:30:00Z');
  await watch();
  assert.deepEqual([(await alerts()).length, (await messages()).length], [1, 1]);
});

test('what has not succeeded by its time of the day, or by that of its cycle, is told when that time has come', async (t) => {
  const place = await newPlace(t);
  const { rule, at, begin, end, watch, alerts, only, orders, refunds, stock } = place;
  const hourly = await place.publish(SHELL, 'true', { name: 'hourly', spec: spec('00 00 */8 * * ?') });
  await rule('UnFinished', { Extension: { UnFinished: { UnFinishedTime: '05:00' } }, Target: { Type: 'Task', Ids: [orders, refunds, stock] } });
  await rule('CycleUnfinished', { Extension: { CycleUnfinished: { CycleAndTime: [{ CycleId: 2, Time: '09:00' }, { CycleId: 1, Time: '25:00' }] } }, Target: { Type: 'Task', Ids: [hourly] } });
  await at('2026-03-20T17:00:00Z');
  const [one, two, three] = [await only(orders), await only(refunds), await only(stock)];
  await begin(one);
  await end(one, 'Success');
  await begin(two);
  await begin(three);
  await end(three, 'TimedOut');
  await at('2026-03-20T20:59:00Z');
  await watch();
  assert.deepEqual(await alerts(), []);
  await at('2026-03-20T21:00:00Z');
  await watch();
  assert.deepEqual((await alerts()).map((alert) => [alert['remindType'], alert['taskIds']]), [['UNFINISHED', String(two)], ['UNFINISHED', String(three)]]);
  await end(two, 'Success');
  const cycles = await place.instancesOf(hourly);
  await at('2026-03-21T01:00:00Z');
  await watch();
  await watch();
  assert.deepEqual((await alerts()).slice(2).map((alert) => [alert['remindType'], alert['taskIds']]), [['CYCLE_UNFINISHED', String(cycles[1]?.id)]]);
  await at('2026-03-21T17:00:00Z');
  await watch();
  assert.deepEqual((await alerts()).slice(3).map((alert) => alert['taskIds']), [String(cycles[0]?.id)]);
});

test('a run that takes too long is told once for each run', async (t) => {
  const { rule, at, begin, watch, alerts, only, orders } = await newPlace(t);
  await rule('Timeout', { Extension: { Timeout: { TimeoutInMinutes: 20 } } });
  await at('2026-03-20T17:00:00Z');
  await begin(await only(orders));
  await at('2026-03-20T17:19:00Z');
  await watch();
  assert.deepEqual(await alerts(), []);
  await at('2026-03-20T17:20:00Z');
  await watch();
  await watch();
  assert.deepEqual((await alerts()).map((alert) => [alert['remindType'], alert['taskIds']]), [['TIMEOUT', String(await only(orders))]]);
});

test('a number and a share of failed instances of a day are told once for the day', async (t) => {
  const { rule, at, begin, end, watch, alerts, only, orders, refunds, stock, project } = await newPlace(t);
  await rule('InstanceErrorCount', { Extension: { InstanceErrorCount: { Count: 2 } }, Target: project });
  await rule('InstanceErrorPercentage', { Extension: { InstanceErrorPercentage: { Percentage: 60 } }, Target: project });
  await at('2026-03-20T17:00:00Z');
  await begin(await only(orders));
  await end(await only(orders), 'TimedOut');
  await watch();
  assert.deepEqual(await alerts(), []);
  for (const task of [refunds, stock]) {
    await begin(await only(task));
    await end(await only(task), 'TimedOut');
    await watch();
  }
  assert.deepEqual((await alerts()).map((alert) => alert['remindType']), ['INSTANCE_ERROR_COUNT', 'INSTANCE_ERROR_PERCENTAGE']);
});

test('that the instances of a day were made is told, and that they are more or fewer than usual', async (t) => {
  const place = await newPlace(t);
  const { rule, at, watch, alerts, publish, project } = place;
  await rule('InstanceTransferComplete', { Target: project });
  await rule('InstanceTransferFluctuate', { Extension: { InstanceTransferFluctuate: { Percentage: 50, Trend: 'increase' } }, Target: project });
  await at('2026-03-20T15:31:00Z');
  await watch();
  assert.deepEqual((await alerts()).map((alert) => alert['remindType']), ['INSTANCE_TRANSFER_COMPLETE']);
  await at('2026-03-21T15:31:00Z');
  await watch();
  for (let n = 0; n < 3; n += 1) await publish(ZERO_LOAD, '', { name: `new ${n}`, spec: spec('00 00 02 * * ?', { ...inputs('no'), ...outputs(`o.${n}`) }) });
  await at('2026-03-22T15:31:00Z');
  await watch();
  await watch();
  assert.deepEqual((await alerts()).map((alert) => alert['remindType']), ['INSTANCE_TRANSFER_COMPLETE', 'INSTANCE_TRANSFER_COMPLETE', 'INSTANCE_TRANSFER_COMPLETE', 'INSTANCE_TRANSFER_FLUCTUATE']);
});

test('the load of a resource group is one alert from its beginning to its end', async (t) => {
  const place = await newPlace(t);
  const { rule, at, watch, alerts, load, publish, project } = place;
  await publish(SHELL, 'true', { name: 'heavy', spec: spec('00 00 03 * * ?', { runtimeResource: { resourceGroup: 'big' } }) });
  const used = await rule('ResourceGroupPercentage', { Target: project });
  await rule('ResourceGroupWaitCount', { Target: project });
  load.set('big', { running: 8, waiting: 0 });
  await watch();
  assert.deepEqual(await alerts(), []);
  load.set('big', { running: 9, waiting: limits.alertGroupWaiting.value });
  await at('2026-03-20T12:01:00Z');
  await watch();
  await watch();
  assert.deepEqual(
    (await alerts()).map(({ remindType, remindUnit, resourceGroupIdentifier, resourceGroupName, resourceGroupType }) => [remindType, remindUnit, resourceGroupIdentifier, resourceGroupName, resourceGroupType]),
    [
      ['RES_GROUP_THRESHOLD', 'GATEWAY_RES', 'big', 'name of big', 'GATEWAY'],
      ['RES_GROUP_WAIT_AMOUNT', 'GATEWAY_RES', 'big', 'name of big', 'GATEWAY'],
    ],
  );
  load.set('big', { running: 1, waiting: 0 });
  await watch();
  load.set('big', { running: 10, waiting: 0 });
  await at('2026-03-20T12:02:00Z');
  await watch();
  assert.deepEqual((await alerts()).slice(2).map((alert) => alert['remindId']), [used]);
});

test('addresses and robots are sent the alert in their own form, a robot that is busy again later, and one that refuses is given up', async (t) => {
  const { rule, at, begin, end, watch, messages, only, orders, receiver } = await newPlace(t);
  const good = await receiver();
  const busy = await receiver([{ status: 200, body: { errcode: 130101, errmsg: 'too fast' } }]);
  const broken = await receiver(Array.from({ length: limits.alertSendAttempts.value }, () => ({ status: 500 })));
  const Receivers = [
    { ReceiverType: 'WebhookUrl', ReceiverValues: [`${good.url}/hook`] },
    { ReceiverType: 'FeishuUrl', ReceiverValues: [`${good.url}/feishu`] },
    { ReceiverType: 'WeixinUrl', ReceiverValues: [`${good.url}/weixin`], Extension: '{"atAll":true}' },
    { ReceiverType: 'DingdingUrl', ReceiverValues: [`${busy.url}/dingding`] },
    { ReceiverType: 'WebhookUrl', ReceiverValues: [`${broken.url}/broken`] },
  ];
  const id = await rule('Error', { Notification: { Channels: ['Webhook'], Maximum: 1, Receivers } });
  await at('2026-03-20T17:00:00Z');
  const instance = await only(orders);
  await begin(instance);
  await end(instance, 'TimedOut');
  await watch();
  const by = new Map(good.taken.map(({ path, body }) => [path, body]));
  const text = `Alert rule rule Error: the instance ${instance} of the node orders (${orders}) has failed.`;
  const { alertId, ...hook } = by.get('/hook') ?? {};
  assert.ok(Number(alertId) > 0);
  assert.deepEqual(hook, { alarmType: 'REMIND_ALERT', content: text, alertTime: Date.parse('2026-03-20T17:00:00Z'), projectId: WORKSPACE, remindId: id, nodeIds: [orders], taskIds: [instance] });
  assert.deepEqual(by.get('/feishu'), { msg_type: 'text', content: { text } });
  assert.deepEqual(by.get('/weixin'), { msgtype: 'text', text: { content: text, mentioned_list: ['@all'] } });
  assert.deepEqual(busy.taken.map(({ body }) => body), [{ msgtype: 'text', text: { content: text }, at: { isAtAll: false } }]);
  const states = async () => (await messages({ RemindId: id })).map((message) => `${String(message['AlertMethod'])} ${String(message['AlertMessageStatus'])}`).toSorted();
  assert.deepEqual(await states(), ['DINGROBOTS READY_TO_SEND', 'FEISHU SEND_SUCCESS', 'WEBHOOKS READY_TO_SEND', 'WEBHOOKS SEND_SUCCESS', 'WEIXIN SEND_SUCCESS']);
  for (const minute of ['01', '02', '03', '04', '05', '06']) {
    await at(`2026-03-20T17:${minute}:00Z`);
    await watch();
  }
  assert.deepEqual(await states(), ['DINGROBOTS SEND_SUCCESS', 'FEISHU SEND_SUCCESS', 'WEBHOOKS SEND_FAIL', 'WEBHOOKS SEND_SUCCESS', 'WEIXIN SEND_SUCCESS']);
  assert.deepEqual([good.taken.length, busy.taken.length, broken.taken.length], [3, 2, limits.alertSendAttempts.value]);
  assert.ok((await messages()).every((message) => !JSON.stringify(message).includes('127.0.0.1')));
});

test('a receiver that has had too many messages gets no more that day, which its messages tell', async (t) => {
  const { rule, at, begin, end, watch, messages, only, orders, database } = await newPlace(t);
  const id = await rule('Error');
  await at('2026-03-20T17:00:00Z');
  await database.run(
    `with a as (insert into alert (tenant_id, workspace_id, source, source_id, occurrence, content, detail, at) values ($1, $2, 'REMIND_ALERT', 1, 'x', '', '{"instances":[],"nodes":[]}', $3) returning *)
     insert into alert_message (alert_id, tenant_id, workspace_id, source, source_id, method, receiver, status, content, at)
     select id, tenant_id, workspace_id, source, source_id, 'MAIL', $4, 'SEND_FAIL', '', at from a, generate_series(1, $5::integer)`,
    [TENANT, WORKSPACE, new Date('2026-03-20T10:00:00Z'), `user:${USER}:MAIL`, limits.alertReceiverDay.value],
  );
  await begin(await only(orders));
  await end(await only(orders), 'TimedOut');
  await watch();
  assert.deepEqual((await messages({ RemindId: id })).map((message) => message['AlertMessageStatus']), ['SEND_OVERLIMIT']);
});

test('two processes that follow the same log write each alert once', async (t) => {
  const place = await newPlace(t);
  const { rule, at, begin, end, alerts, only, orders, refunds, stock, project, monitoring, logIsReadable } = place;
  await rule('Error', { Target: project });
  await at('2026-03-20T17:00:00Z');
  for (const task of [orders, refunds, stock]) {
    await begin(await only(task));
    await end(await only(task), 'TimedOut');
  }
  await logIsReadable();
  await Promise.all([monitoring.rounds.follow(), monitoring.rounds.follow(), monitoring.rounds.follow()]);
  assert.equal((await alerts()).length, 3);
});

test('the rules and baselines of a workspace that is no more are forgotten', async (t) => {
  const { rule, at, project, orders, monitoring, database, deleted, ask } = await newPlace(t);
  await rule('Error', { Target: project });
  await ask(LEGACY, 'CreateBaseline', { ProjectId: WORKSPACE, BaselineName: 'b', BaselineType: 'DAILY', Owner: '7', Priority: 1, NodeIds: String(orders), OvertimeSettings: [{ Cycle: 1, Time: '04:00' }] });
  const left = () => database.row('select (select count(*) from alert_rule) as rules, (select count(*) from baseline) as baselines');
  await at('2026-03-20T13:00:00Z');
  await monitoring.rounds.forget();
  assert.deepEqual(await left(), { rules: 1, baselines: 1 });
  deleted.add(WORKSPACE);
  await monitoring.rounds.forget();
  assert.deepEqual(await left(), { rules: 0, baselines: 0 });
});

test('alerts, their messages and topics past their time are forgotten', async (t) => {
  const { rule, at, begin, end, watch, only, orders, monitoring, database } = await newPlace(t);
  await rule('Error');
  await at('2026-03-20T17:00:00Z');
  await begin(await only(orders));
  await end(await only(orders), 'TimedOut');
  await watch();
  await at(new Date(Date.parse('2026-03-20T17:00:00Z') + (limits.alertDays.value + 1) * 86_400_000).toISOString());
  await monitoring.rounds.forget();
  assert.deepEqual(await database.row('select (select count(*) from alert) as alerts, (select count(*) from alert_message) as messages'), { alerts: 0, messages: 0 });
});

test('a rule watches the nodes of a baseline, of a workflow and of a business flow, save those it leaves out', async (t) => {
  const place = await monitoringPlace({ business: { 77: 'shop' } });
  t.after(place.close);
  const workflow = await place.changes.change(place.actor, async (change) => {
    const workflowId = await place.scheduling.reserveTaskId(change);
    await place.scheduling.publishWorkflow(change, { workflowId, workspaceId: WORKSPACE, environment: 'PROD', fileId: 2, fileVersion: 1, name: 'flow', kind: 'CycleWorkflow', ownerId: USER, spec: spec('00 00 01 * * ?') });
    return workflowId;
  });
  const task = (name: string, more: object = {}, own: object = {}) => place.publish(ZERO_LOAD, '', { name, spec: spec('00 00 01 * * ?', more), ...own });
  const onBaseline = await task('on the baseline');
  const inFlow = await task('in the flow', {}, { workflowId: workflow });
  const leftOut = await task('left out', {}, { workflowId: workflow });
  const inShop = await task('in the shop', { script: { path: 'Business Flow/shop/MaxCompute/in the shop' } });
  await task('elsewhere', { script: { path: 'Business Flow/other/MaxCompute/elsewhere' } });
  await place.at('2026-03-20T12:00:00Z');
  const { Data: baseline } = await place.ask(LEGACY, 'CreateBaseline', { ProjectId: WORKSPACE, BaselineName: 'b', BaselineType: 'DAILY', Owner: String(USER), Priority: 1, NodeIds: String(onBaseline), OvertimeSettings: [{ Cycle: 1, Time: '04:00' }] });
  const watch = (Name: string, Target: object) => place.ask(CURRENT, 'CreateAlertRule', { Name, Enabled: true, Owner: String(USER), TriggerCondition: { Type: 'Finished', Target } });
  await watch('baseline', { Type: 'Baseline', Ids: [baseline] });
  await watch('flows', { Type: 'BizProcess', Ids: [workflow, 77], AllowTasks: [leftOut] });
  await place.at('2026-03-20T17:00:00Z');
  await place.watch();
  assert.deepEqual((await place.alerts()).map((alert) => `${String(alert['remindName'])} ${String(alert['nodeIds'])}`).toSorted(), [`baseline ${onBaseline}`, `flows ${inFlow}`, `flows ${inShop}`].toSorted());
});

test('a robot that answers what the database cannot hold is given up like any other', async (t) => {
  const { rule, at, begin, end, watch, messages, only, orders, receiver } = await newPlace(t);
  const odd = await receiver(Array.from({ length: limits.alertSendAttempts.value }, () => ({ status: 200, body: { errcode: 1, errmsg: 'a\u0000b' } })));
  const id = await rule('Error', { Notification: { Channels: ['Webhook'], Maximum: 1, Receivers: [{ ReceiverType: 'DingdingUrl', ReceiverValues: [`${odd.url}/dingding`] }] } });
  await at('2026-03-20T17:00:00Z');
  const instance = await only(orders);
  await begin(instance);
  await end(instance, 'TimedOut');
  await watch();
  for (const minute of ['01', '02', '03', '04', '05', '06']) {
    await at(`2026-03-20T17:${minute}:00Z`);
    await watch();
  }
  assert.deepEqual((await messages({ RemindId: id })).map((message) => message['AlertMessageStatus']), ['SEND_FAIL']);
});
