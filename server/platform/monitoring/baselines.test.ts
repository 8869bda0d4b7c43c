import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { ApiError } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { SHELL, TENANT, USER, WORKSPACE, ZERO_LOAD } from '../scheduling/scheduling.fixture.ts';
import { judgeBaseline } from './baselines.ts';
import { ELSEWHERE, inputs, monitoringPlace, outputs, outsider, spec, stranger, visitor } from './monitoring.fixture.ts';

const LEGACY = '2020-05-18';
const BIZDATE = '2026-03-20T00:00:00+0800';
const refused = (entry: string) => (error: unknown) => error instanceof ApiError && error.entry === entry;
const minutes = (moment: string) => Date.parse(moment);

/** `load` at 01:00, then `clean`, then `report`, which is the node of a baseline that has to be done by 04:00, with half an hour of margin. */
async function newPlace(t: TestContext) {
  const place = await monitoringPlace();
  t.after(place.close);
  const load = await place.publish(SHELL, 'true', { name: 'load', spec: spec('00 00 01 * * ?', outputs('w.load')) });
  const clean = await place.publish(SHELL, 'true', { name: 'clean', spec: spec('00 00 01 * * ?', { ...inputs('w.load'), ...outputs('w.clean') }) });
  const report = await place.publish(SHELL, 'true', { name: 'report', spec: spec('00 00 01 * * ?', inputs('w.clean')) });
  await place.at('2026-03-20T12:00:00Z');
  const ask = async (action: string, request: object = {}) => (await place.ask(LEGACY, action, request))['Data'];
  const baseline = async (more: object = {}) =>
    Number(
      await ask('CreateBaseline', { ProjectId: WORKSPACE, BaselineName: 'morning', BaselineType: 'DAILY', Owner: String(USER), Priority: 7, NodeIds: String(report), OvertimeSettings: [{ Cycle: 1, Time: '04:00' }], AlertMarginThreshold: 30, ...more }),
    );
  const first = async (task: number) => {
    const instance = (await place.instancesOf(task))[0];
    assert.ok(instance !== undefined);
    return instance;
  };
  const status = async (BaselineId: number, InGroupId = 1) => (await ask('GetBaselineStatus', { BaselineId, Bizdate: BIZDATE, InGroupId })) as Record<string, unknown>;
  /** Runs an instance from the present moment to another. */
  const runTo = async (task: number, moment: string, kind: 'Success' | 'TimedOut' = 'Success') => {
    const { id } = await first(task);
    await place.begin(id);
    await place.at(moment);
    await place.end(id, kind);
    await place.at(moment);
  };
  return { ...place, ask, askAs: place.ask, baseline, first, status, runTo, load, clean, report };
}

test('a baseline is made, read, changed, listed and deleted', async (t) => {
  const { ask, askAs, baseline, load, report, publish } = await newPlace(t);
  const id = await baseline();
  assert.deepEqual(await ask('GetBaseline', { BaselineId: id, ProjectId: WORKSPACE }), {
    BaselineId: id,
    BaselineName: 'morning',
    BaselineType: 'DAILY',
    ProjectId: WORKSPACE,
    Owner: String(USER),
    Priority: 7,
    Enabled: true,
    AlertEnabled: true,
    AlertMarginThreshold: 30,
    OverTimeSettings: [{ Cycle: 1, Time: '04:00' }],
    NodeIds: [report],
    AlertSettings: [],
  });
  const config = (await ask('GetBaselineConfig', { BaselineId: id })) as Record<string, unknown>;
  assert.deepEqual([config['SlaHour'], config['SlaMinu'], config['ExpHour'], config['ExpMinu'], config['UseFlag'], config['IsDefault']], [4, 0, 3, 30, true, false]);
  const nodes = [{ NodeId: report, NodeName: 'report', Owner: String(USER), ProjectId: WORKSPACE }];
  assert.deepEqual(await ask('ListNodesByBaseline', { BaselineId: id }), nodes);
  assert.deepEqual(await ask('GetNodeOnBaseline', { BaselineId: id }), nodes);

  const AlertSettings = [{ AlertType: 'BASELINE', AlertMethods: ['MAIL'], AlertRecipientType: 'OTHER', AlertRecipient: '7,8', SilenceStartTime: '22:00:00', SilenceEndTime: '23:00:00' }];
  await ask('UpdateBaseline', { BaselineId: id, ProjectId: WORKSPACE, BaselineName: 'hours', BaselineType: 'HOURLY', OvertimeSettings: [{ Cycle: 2, Time: '02:10' }, { Cycle: 1, Time: '01:10' }], NodeIds: String(load), RemoveNodeIds: String(report), Priority: 8, AlertSettings });
  const changed = (await ask('GetBaseline', { BaselineId: id, ProjectId: WORKSPACE })) as Record<string, unknown>;
  assert.deepEqual([changed['BaselineName'], changed['NodeIds'], changed['Priority'], changed['OverTimeSettings']], ['hours', [load], 8, [{ Cycle: 1, Time: '01:10' }, { Cycle: 2, Time: '02:10' }]]);
  assert.equal((changed['AlertSettings'] as { AlertRecipient: string }[])[0]?.AlertRecipient, '7,8');
  assert.equal(((await ask('GetBaselineConfig', { BaselineId: id })) as Record<string, unknown>)['HourExpDetail'], '{"1":"00:40","2":"01:40"}');

  const other = await baseline({ Priority: 1 });
  const page = { ProjectId: WORKSPACE, PageNumber: 1, PageSize: 10 };
  const names = async (action: string, more: object) => ((await ask(action, { ...page, ...more })) as { Baselines: { BaselineName: string }[] }).Baselines.map((one) => one.BaselineName);
  assert.deepEqual(await names('ListBaselines', {}), ['morning', 'hours']);
  assert.deepEqual(await names('ListBaselines', { BaselineTypes: 'HOURLY' }), ['hours']);
  assert.deepEqual(await names('ListBaselineConfigs', { Priority: '1,3' }), ['morning']);
  assert.deepEqual(await names('ListBaselineConfigs', { SearchText: 'HOUR', Useflag: true }), ['hours']);

  const elsewhere = await publish(SHELL, 'true', { name: 'elsewhere', workspaceId: ELSEWHERE, spec: spec('00 00 01 * * ?') });
  await assert.rejects(baseline(), refused('AlreadyExists'));
  await assert.rejects(baseline({ BaselineName: 'x', NodeIds: String(elsewhere) }), refused('InvalidParameter'));
  await assert.rejects(baseline({ BaselineName: 'x', NodeIds: '4711' }), refused('NotFound'));
  await assert.rejects(baseline({ BaselineName: 'x', Priority: 2 }), refused('InvalidParameter'));
  await assert.rejects(baseline({ BaselineName: 'x', OvertimeSettings: [{ Cycle: 2, Time: '04:00' }] }), refused('InvalidParameter'));
  await assert.rejects(ask('GetBaseline', { BaselineId: id, ProjectId: ELSEWHERE }), refused('NotFound'));
  await assert.rejects(askAs(LEGACY, 'DeleteBaseline', { BaselineId: id, ProjectId: WORKSPACE }, visitor), refused('Forbidden'));
  await assert.rejects(askAs(LEGACY, 'GetBaselineConfig', { BaselineId: id }, outsider), refused('Forbidden'));
  await assert.rejects(askAs(LEGACY, 'GetBaselineConfig', { BaselineId: id }, stranger), refused('NotFound'));
  const settings = (more: object) => ask('UpdateBaseline', { BaselineId: id, ProjectId: WORKSPACE, AlertSettings: [{ AlertType: 'TOPIC', ...more }] });
  await assert.rejects(settings({ AlertMethods: ['a\u0000b'] }), refused('InvalidParameter'));
  await assert.rejects(settings({ TopicTypes: ['\ud800'] }), refused('InvalidParameter'));
  await assert.rejects(settings({ Webhooks: ['http://169.254.169.254/'] }), refused('TargetForbidden'));
  await assert.rejects(settings({ AlertRecipientType: 'SHIFT_SCHEDULE' }), refused('InvalidParameter'));
  assert.deepEqual(await names('ListBaselines', { Priority: '9007199254740991' }), []);
  await assert.rejects(names('ListBaselines', { BaselineTypes: 'a\u0000' }), refused('InvalidParameter'));
  await assert.rejects(ask('ListBaselineStatuses', { Bizdate: '0000-01-01T00:00:00+0800', PageNumber: 1, PageSize: 10 }), refused('InvalidParameter'));
  await ask('DeleteBaseline', { BaselineId: other, ProjectId: WORKSPACE });
  await assert.rejects(ask('GetBaseline', { BaselineId: other, ProjectId: WORKSPACE }), refused('NotFound'));
});

test('how a cycle stands, by its end or by its forecast', () => {
  const at = { exp: 100, sla: 200 };
  assert.equal(judgeBaseline({ ...at, finish: 100, endCast: 100, now: 999 }), 'SAFE');
  assert.equal(judgeBaseline({ ...at, finish: 101, endCast: 101, now: 999 }), 'DANGEROUS');
  assert.equal(judgeBaseline({ ...at, finish: 201, endCast: 201, now: 999 }), 'OVER');
  assert.equal(judgeBaseline({ ...at, finish: undefined, endCast: 90, now: 50 }), 'SAFE');
  assert.equal(judgeBaseline({ ...at, finish: undefined, endCast: 150, now: 50 }), 'DANGEROUS');
  assert.equal(judgeBaseline({ ...at, finish: undefined, endCast: 300, now: 50 }), 'DANGEROUS');
  assert.equal(judgeBaseline({ ...at, finish: undefined, endCast: 150, now: 201 }), 'OVER');
  assert.equal(judgeBaseline({ ...at, finish: undefined, endCast: undefined, now: 0 }), 'ERROR');
});

test('the forecast follows the runs, from what they usually take, to the end of the day', async (t) => {
  const { at, watch, baseline, status, runTo, ask, alerts, first, instancesOf, load, clean, report } = await newPlace(t);
  const id = await baseline();
  // The first day: load takes 60 minutes, clean 30, report 10.
  await at('2026-03-20T17:00:00Z');
  await watch();
  const start = await status(id);
  const usual = limits.baselineUsualMs.value;
  assert.deepEqual([start['Status'], start['FinishStatus'], start['EndCast'], start['SlaTime'], start['ExpTime']], ['SAFE', 'UNFINISH', minutes('2026-03-20T17:00:00Z') + 3 * usual, minutes('2026-03-20T20:00:00Z'), minutes('2026-03-20T19:30:00Z')]);
  assert.equal(start['Buffer'], 3 * 3_600 - (3 * usual) / 1_000);
  await runTo(load, '2026-03-20T18:00:00Z');
  await runTo(clean, '2026-03-20T18:30:00Z');
  await watch();
  const path = (await ask('GetBaselineKeyPath', { BaselineId: id, Bizdate: BIZDATE, InGroupId: 1 })) as { NodeName: string; Runs: { Status: string; EndCast: number }[] }[];
  assert.deepEqual(path.map(({ NodeName, Runs }) => [NodeName, Runs[0]?.Status, Runs[0]?.EndCast]), [
    ['report', 'WAIT_RESOURCE', minutes('2026-03-20T18:30:00Z') + usual],
    ['clean', 'SUCCESS', minutes('2026-03-20T18:30:00Z')],
    ['load', 'SUCCESS', minutes('2026-03-20T18:00:00Z')],
  ]);
  await runTo(report, '2026-03-20T18:40:00Z');
  await watch();
  const end = await status(id);
  assert.deepEqual([end['Status'], end['FinishStatus'], end['FinishTime'], end['Buffer'], end['BlockInstance']], ['SAFE', 'FINISH', minutes('2026-03-20T18:40:00Z'), 4_800, undefined]);
  assert.equal((end['LastInstance'] as { InstanceId: number }).InstanceId, (await first(report)).id);
  assert.deepEqual(await alerts(), []);

  // The next day nothing has begun by 02:00; from what it took before, 100 minutes more.
  await at('2026-03-21T18:00:00Z');
  await watch();
  const [, second] = await instancesOf(load);
  const next = (await ask('GetBaselineStatus', { BaselineId: id, Bizdate: '2026-03-21T00:00:00+0800', InGroupId: 1 })) as Record<string, unknown>;
  assert.deepEqual([next['Status'], next['EndCast'], next['Buffer']], ['DANGEROUS', minutes('2026-03-21T19:40:00Z'), 1_200]);
  assert.equal((next['BlockInstance'] as { InstanceId: number }).InstanceId, second?.id);
  await at('2026-03-21T20:01:00Z');
  await watch();
  await watch();
  const told = { eventCode: 'workbench-monitor-alert', tenantId: TENANT, alarmType: 'SLA_ALERT', baselineId: id, baselineName: 'morning', bizDate: minutes('2026-03-21T00:00:00+08:00'), inGroupId: 1, nodeId: load, taskId: second?.id, projectId: WORKSPACE };
  assert.deepEqual(await alerts(), [{ ...told, baselineStatus: 2 }, { ...told, baselineStatus: 3 }]);
  const list = async (more: object) => ((await ask('ListBaselineStatuses', { Bizdate: '2026-03-21T00:00:00+0800', PageNumber: 1, PageSize: 10, ...more })) as { BaselineStatuses: { Status: string; BaselineName: string }[] }).BaselineStatuses;
  assert.deepEqual((await list({})).map(({ Status, BaselineName }) => [Status, BaselineName]), [['OVER', 'morning']]);
  assert.deepEqual(await list({ Status: 'SAFE,ERROR' }), []);
  assert.equal((await list({ FinishStatus: 'UNFINISH', Priority: '7', SearchText: 'MORN', BaselineTypes: 'DAILY' })).length, 1);
  const { AlertMessages } = (await ask('ListAlertMessages', { BeginTime: '2026-03-01T00:00:00+0800', EndTime: '2026-04-30T00:00:00+0800', PageNumber: 1, PageSize: 10, BaselineId: id })) as { AlertMessages: Record<string, unknown>[] };
  assert.deepEqual(AlertMessages.map((message) => [message['Source'], (message['SlaAlert'] as { Status: string }).Status, message['AlertUser']]), [['SLA_ALERT', 'OVER', String(USER)], ['SLA_ALERT', 'DANGEROUS', String(USER)]]);
});

test('a failure and a slow run on the way are topics, told once, followed until they are repaired', async (t) => {
  const { at, watch, baseline, runTo, ask, alerts, first, begin, call, instancesOf, load, clean, receiver } = await newPlace(t);
  const hook = await receiver();
  const id = await baseline();
  await ask('UpdateBaseline', { BaselineId: id, ProjectId: WORKSPACE, AlertSettings: [{ AlertType: 'BASELINE', BaselineAlertEnabled: false }, { AlertType: 'TOPIC', Webhooks: [hook.url], TopicTypes: ['ERROR'] }] });
  await at('2026-03-20T17:00:00Z');
  await runTo(load, '2026-03-20T17:10:00Z', 'TimedOut');
  await watch();
  await watch();
  const page = { BeginTime: '2026-03-01T00:00:00+0800', EndTime: '2026-04-30T00:00:00+0800', PageNumber: 1, PageSize: 10 };
  const topics = async (more: object = {}) => ((await ask('ListTopics', { ...page, ...more })) as { Topics: Record<string, unknown>[] }).Topics;
  const [topic] = await topics();
  const TopicId = Number(topic?.['TopicId']);
  const instance = (await first(load)).id;
  assert.deepEqual([topic?.['TopicType'], topic?.['TopicStatus'], topic?.['NodeName'], topic?.['InstanceId'], topic?.['HappenTime']], ['ERROR', 'NEW', 'load', instance, minutes('2026-03-20T17:10:00Z')]);
  assert.deepEqual(await alerts(), [{ eventCode: 'workbench-monitor-alert', tenantId: TENANT, alarmType: 'TOPIC_ALERT', topicId: TopicId, taskStatus: '5', nodeId: load, taskId: instance, projectId: WORKSPACE }]);
  assert.deepEqual(hook.taken.map(({ body }) => [body['alarmType'], body['topicId'], body['taskIds']]), [['TOPIC_ALERT', TopicId, [instance]]]);
  const influence = (await ask('GetTopicInfluence', { TopicId })) as { Influences: Record<string, unknown>[] };
  assert.deepEqual(influence.Influences.map((one) => [one['BaselineId'], one['BaselineName'], one['InGroupId'], one['Status'], one['Priority']]), [[id, 'morning', 1, 'SAFE', 7]]);
  const path = (await ask('GetBaselineKeyPath', { BaselineId: id, Bizdate: BIZDATE, InGroupId: 1 })) as { Topics: { TopicId: number }[] }[];
  assert.deepEqual(path.flatMap(({ Topics }) => Topics.map((one) => one.TopicId)), [TopicId]);
  assert.equal((((await ask('ListBaselineStatuses', { Bizdate: BIZDATE, PageNumber: 1, PageSize: 10, TopicId })) as { BaselineStatuses: object[] }).BaselineStatuses).length, 1);

  await call('RestartInstance', { InstanceId: instance, ProjectEnv: 'PROD' });
  await at('2026-03-20T17:20:00Z');
  await watch();
  const fixing = (await ask('GetTopic', { TopicId })) as Record<string, unknown>;
  assert.deepEqual([fixing['TopicStatus'], fixing['DealUser'], fixing['BaselineName'], fixing['BaselineId'], fixing['AlertTime']], ['FIXING', String(USER), 'morning', id, minutes('2026-03-20T17:10:00Z')]);
  await runTo(load, '2026-03-20T17:30:00Z');
  await watch();
  assert.deepEqual((await topics({ TopicStatuses: 'RECOVER', TopicTypes: 'ERROR', NodeId: load, InstanceId: instance })).map((one) => one['FixTime']), [minutes('2026-03-20T17:30:00Z')]);
  await runTo(clean, '2026-03-20T17:40:00Z');

  // The next day load, which took ten minutes, runs for more than twice that.
  await at('2026-03-21T17:00:00Z');
  await begin((await instancesOf(load))[1]?.id ?? 0);
  await at('2026-03-21T17:19:00Z');
  await watch();
  assert.deepEqual(await topics({ TopicTypes: 'SLOW' }), []);
  await at('2026-03-21T17:20:00Z');
  await watch();
  assert.deepEqual((await topics({ TopicTypes: 'SLOW' })).map((one) => [one['NodeName'], one['TopicStatus'], one['HappenTime']]), [['load', 'NEW', minutes('2026-03-21T17:00:00Z')]]);
  assert.equal((await alerts()).length, 1);
});

test('a baseline gives its priority to what has not started, also before its nodes, when the day is made and when it changes', async (t) => {
  const { at, watch, baseline, ask, begin, first, load, clean, report, publish, instancesOf } = await newPlace(t);
  const beside = await publish(ZERO_LOAD, '', { name: 'beside', spec: spec('00 00 05 * * ?') });
  const id = await baseline({ Priority: 5 });
  await at('2026-03-20T15:31:00Z');
  await watch();
  const priorities = async () => Promise.all([load, clean, report, beside].map(async (task) => (await first(task)).priority));
  assert.deepEqual(await priorities(), [5, 5, 5, 1]);
  await at('2026-03-20T17:00:00Z');
  await begin((await first(load)).id);
  await ask('UpdateBaseline', { BaselineId: id, ProjectId: WORKSPACE, Priority: 8 });
  assert.deepEqual(await priorities(), [5, 8, 8, 1]);
  assert.equal((await instancesOf(load)).length, 1);
});

test('what is made later on the day of a baseline gets its priority too', async (t) => {
  const { at, watch, baseline, report, publish, instancesOf } = await newPlace(t);
  const late = await publish(ZERO_LOAD, '', { name: 'late', spec: spec('00 00 05 * * ?') });
  await baseline({ NodeIds: `${report},${late}` });
  await at('2026-03-20T15:31:00Z');
  await watch();
  await at('2026-03-20T17:00:00Z');
  await publish(ZERO_LOAD, '', { name: 'late', taskId: late, fileVersion: 2, spec: spec('00 00 06,07 * * ?', { instanceMode: 'Immediately' }) });
  const added = async () => (await instancesOf(late)).slice(1).map((instance) => instance.priority);
  assert.deepEqual(await added(), [1, 1]);
  await watch();
  assert.deepEqual(await added(), [7, 7]);
});

test('a baseline of hours stands for each cycle by itself, and one whose nodes are all frozen is in error', async (t) => {
  const place = await newPlace(t);
  const { at, watch, ask, baseline, status, publish, instancesOf, begin, end, alerts } = place;
  const hourly = await publish(SHELL, 'true', { name: 'hourly', spec: spec('00 00 */8 * * ?') });
  const frozen = await publish(SHELL, 'true', { name: 'frozen', spec: spec('00 00 01 * * ?', { recurrence: 'Pause' }) });
  const id = await baseline({ BaselineType: 'HOURLY', NodeIds: String(hourly), AlertMarginThreshold: 0, OvertimeSettings: [{ Cycle: 1, Time: '01:00' }, { Cycle: 2, Time: '09:00' }, { Cycle: 3, Time: '17:00' }] });
  const broken = await baseline({ BaselineName: 'broken', NodeIds: String(frozen) });
  await at('2026-03-20T16:00:00Z');
  const cycles = await instancesOf(hourly);
  await begin(cycles[0]?.id ?? 0);
  await at('2026-03-20T16:30:00Z');
  await end(cycles[0]?.id ?? 0, 'Success');
  await at('2026-03-21T01:01:00Z');
  await watch();
  assert.deepEqual([(await status(id, 1))['Status'], (await status(id, 2))['Status'], (await status(id, 3))['Status']], ['SAFE', 'OVER', 'SAFE']);
  assert.equal((await status(broken))['Status'], 'ERROR');
  assert.deepEqual((await alerts()).filter((alert) => alert['alarmType'] === 'SLA_ALERT').map((alert) => [alert['baselineId'], alert['inGroupId'], alert['baselineStatus']]).toSorted(), [[id, 2, 3], [broken, 1, -1]].toSorted());
  await assert.rejects(ask('GetBaselineStatus', { BaselineId: id, Bizdate: BIZDATE, InGroupId: 4 }), refused('NotFound'));
});
