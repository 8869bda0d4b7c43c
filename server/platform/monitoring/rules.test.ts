import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ApiError } from '../../kernel/errors.ts';
import { SHELL, WORKSPACE } from '../scheduling/scheduling.fixture.ts';
import { ELSEWHERE, monitoringPlace, outsider, spec, stranger, visitor } from './monitoring.fixture.ts';

const LEGACY = '2020-05-18';
const CURRENT = '2024-05-18';

const refused = (entry: string) => (error: unknown) => error instanceof ApiError && error.entry === entry;

describe('alert rules in both dialects', () => {
  let place: Awaited<ReturnType<typeof monitoringPlace>>;
  let task: number;
  let other: number;
  before(async () => {
    place = await monitoringPlace({ business: { 77: 'shop' } });
    task = await place.publish(SHELL, 'true', { name: 'orders', spec: spec('00 00 01 * * ?') });
    other = await place.publish(SHELL, 'true', { name: 'elsewhere', workspaceId: ELSEWHERE, spec: spec('00 00 01 * * ?') });
  });
  after(() => place.close());

  const condition = (Type: string, Extension: object = {}, Target: object = { Type: 'Task', Ids: [task] }) => ({ Type, Extension, Target });
  const create = async (Name: string, TriggerCondition: object, more: object = {}) => Number((await place.ask(CURRENT, 'CreateAlertRule', { Name, Enabled: true, Owner: '7', TriggerCondition, ...more }))['Id']);
  const get = async (Id: number) => (await place.ask(CURRENT, 'GetAlertRule', { Id: String(Id) }))['AlertRule'] as Record<string, unknown>;
  const remind = async (RemindId: number) => (await place.ask(LEGACY, 'GetRemind', { RemindId }))['Data'] as Record<string, unknown>;

  it('a rule made in the newer dialect is seen and changed in the older one', async () => {
    const Notification = {
      Channels: ['Mail', 'Sms'],
      IntervalInMinutes: 10,
      Maximum: 5,
      SilenceStartTime: '22:00',
      SilenceEndTime: '06:00',
      Receivers: [
        { ReceiverType: 'AliUid', ReceiverValues: ['7', '8'] },
        { ReceiverType: 'DingdingUrl', ReceiverValues: ['https://example.com/robot'], Extension: '{"atAll":true}' },
      ],
    };
    const id = await create('late orders', condition('UnFinished', { UnFinished: { UnFinishedTime: '30:15' } }), { Notification });
    const made = await get(id);
    assert.deepEqual(made, {
      Id: id,
      Name: 'late orders',
      Enabled: true,
      Owner: '7',
      TriggerCondition: { Type: 'UnFinished', Extension: { UnFinished: { UnFinishedTime: '30:15' } }, Target: { Type: 'Task', Ids: [task], AllowTasks: [] } },
      Notification: { ...Notification, SilenceStartTime: '22:00:00', SilenceEndTime: '06:00:00', Receivers: [Notification.Receivers[0], Notification.Receivers[1]] },
    });
    const seen = await remind(id);
    assert.deepEqual(
      [seen['RemindName'], seen['RemindType'], seen['RemindUnit'], seen['Detail'], seen['AlertInterval'], seen['MaxAlertTimes'], seen['AlertMethods'], seen['AlertTargets'], seen['DndStart'], seen['DndEnd'], seen['Useflag']],
      ['late orders', 'UNFINISHED', 'NODE', '{"hour":30,"minu":15}', 600, 5, ['MAIL', 'SMS'], ['7', '8'], '22:00', '06:00', true],
    );
    assert.deepEqual(seen['Nodes'], [{ NodeId: task, NodeName: 'orders', Owner: '7', ProjectId: WORKSPACE }]);
    assert.deepEqual(seen['Robots'], [{ WebUrl: 'https://example.com/robot', AtAll: true }]);

    await place.ask(LEGACY, 'UpdateRemind', { RemindId: id, RemindName: 'slow orders', RemindType: 'TIMEOUT', Detail: '5400', UseFlag: false, AlertUnit: 'OWNER' });
    const changed = await get(id);
    assert.deepEqual([changed['Name'], changed['Enabled'], (changed['TriggerCondition'] as { Extension: object }).Extension], ['slow orders', false, { Timeout: { TimeoutInMinutes: 90 } }]);
    const { Receivers } = changed['Notification'] as { Receivers: { ReceiverType: string }[] };
    assert.deepEqual(Receivers.map(({ ReceiverType }) => ReceiverType), ['TaskOwner', 'DingdingUrl']);
  });

  it('a reminder made in the older dialect is seen, changed and deleted in the newer one', async () => {
    const made = { RemindName: 'cycles', RemindType: 'CYCLE_UNFINISHED', RemindUnit: 'PROJECT', ProjectId: WORKSPACE, Detail: '{"1":"05:50","2":"06:50"}', AlertUnit: 'OTHER', AlertTargets: '7', AlertMethods: 'MAIL,WEBHOOKS', Webhooks: 'https://example.com/hook', DndEnd: '08:00' };
    const id = Number((await place.ask(LEGACY, 'CreateRemind', made))['Data']);
    const seen = await get(id);
    assert.deepEqual(seen['TriggerCondition'], {
      Type: 'CycleUnfinished',
      Extension: { CycleUnfinished: { CycleAndTime: [{ CycleId: 1, Time: '05:50' }, { CycleId: 2, Time: '06:50' }] } },
      Target: { Type: 'Project', Ids: [WORKSPACE], AllowTasks: [] },
    });
    await place.ask(CURRENT, 'UpdateAlertRule', { Id: id, Notification: { Maximum: 7 }, TriggerCondition: { Target: { AllowTasks: [task] } } });
    const after = await remind(id);
    assert.deepEqual([after['MaxAlertTimes'], after['AllowNodes'], after['DndStart'], after['Webhooks'], after['Projects']], [7, [task], '00:00', ['https://example.com/hook'], [{ ProjectId: WORKSPACE }]]);
    await place.ask(CURRENT, 'DeleteAlertRule', { Id: id });
    await assert.rejects(remind(id), refused('NotFound'));
  });

  it('lists filter, and the older dialect lists only what it has words for', async () => {
    const finished = await create('all done', condition('Finished'), { Notification: { Channels: ['Mail'], Receivers: [{ ReceiverType: 'AliUid', ReceiverValues: ['8'] }] } });
    const count = await create('many errors', condition('InstanceErrorCount', { InstanceErrorCount: { Count: 3 } }, { Type: 'Project', Ids: [WORKSPACE] }));
    const rules = async (request: object, caller?: typeof visitor) => ((await place.ask(CURRENT, 'ListAlertRules', { PageNumber: 1, PageSize: 100, ...request }, caller))['PagingInfo'] as { AlertRules: { Id: number }[] }).AlertRules.map(({ Id }) => Id);
    const reminds = async (request: object) => ((await place.ask(LEGACY, 'ListReminds', { PageNumber: 1, PageSize: 100, ...request }))['Data'] as { Reminds: { RemindId: number }[] }).Reminds.map(({ RemindId }) => RemindId);
    assert.ok((await rules({})).includes(count));
    assert.ok(!(await reminds({})).includes(count));
    assert.deepEqual(await rules({ Types: ['Finished'] }), [finished]);
    assert.deepEqual(await rules({ Name: 'DONE' }), [finished]);
    assert.deepEqual((await rules({ Receiver: '8' })).includes(finished), true);
    assert.ok((await rules({ TaskIds: [task] })).includes(finished) && !(await rules({ TaskIds: [task] })).includes(count));
    assert.deepEqual(await reminds({ NodeId: task, RemindTypes: 'FINISHED' }), [finished]);
    assert.ok((await rules({}, visitor)).includes(finished));
    assert.deepEqual(await rules({}, outsider), []);
    assert.deepEqual(await rules({}, stranger), []);
    await assert.rejects(remind(count), refused('NotFound'));
    await place.ask(LEGACY, 'DeleteRemind', { RemindId: finished });
    await assert.rejects(get(finished), refused('NotFound'));
  });

  it('a rule may watch a business flow by its number', async () => {
    const id = await create('shop', condition('Error', { Error: { AutoRerunAlertEnabled: true } }, { Type: 'BizProcess', Ids: [77] }));
    assert.deepEqual((await remind(id))['BizProcesses'], [{ BizId: 77, BizProcessName: 'shop' }]);
  });

  it('refuses what cannot be, and leaves nothing of it', async () => {
    const before = await place.database.row<{ count: number }>('select count(*) as count from alert_rule');
    await assert.rejects(create('two places', condition('Error', {}, { Type: 'Task', Ids: [task, other] })), refused('InvalidParameter'));
    await assert.rejects(create('nothing', condition('Error', {}, { Type: 'Task', Ids: [4711] })), refused('NotFound'));
    await assert.rejects(create('no workspace', condition('Error', {}, { Type: 'Project', Ids: [4711] })), refused('WorkspaceNotFound'));
    await assert.rejects(create('no time', condition('UnFinished')), refused('MissingParameter'));
    await assert.rejects(create('bad time', condition('UnFinished', { UnFinished: { UnFinishedTime: '48:00' } })), refused('InvalidParameter'));
    await assert.rejects(create('shop', condition('Error')), refused('AlreadyExists'));
    const told = (receiver: object) => ({ Notification: { Channels: ['Mail'], Receivers: [receiver] } });
    await assert.rejects(create('shift', condition('Error'), told({ ReceiverType: 'ShiftSchedule', ReceiverValues: ['x'] })), refused('InvalidParameter'));
    await assert.rejects(create('metadata', condition('Error'), told({ ReceiverType: 'WebhookUrl', ReceiverValues: ['http://169.254.169.254/'] })), refused('TargetForbidden'));
    await assert.rejects(place.ask(LEGACY, 'CreateRemind', { RemindName: 'x', RemindType: 'TIMEOUT', RemindUnit: 'NODE', NodeIds: String(task), AlertUnit: 'OWNER', AlertMethods: 'MAIL', Detail: 'soon' }), refused('InvalidParameter'));
    assert.deepEqual(await place.database.row('select count(*) as count from alert_rule'), before);
  });

  it('only who operates the workspace changes rules; who may read it reads them', async () => {
    const id = await create('guarded', condition('Error'));
    await assert.rejects(place.ask(CURRENT, 'CreateAlertRule', { Name: 'x', Enabled: true, Owner: '8', TriggerCondition: condition('Error') }, visitor), refused('Forbidden'));
    await assert.rejects(place.ask(CURRENT, 'DeleteAlertRule', { Id: id }, visitor), refused('Forbidden'));
    await assert.rejects(place.ask(LEGACY, 'UpdateRemind', { RemindId: id, UseFlag: false }, visitor), refused('Forbidden'));
    await assert.rejects(place.ask(CURRENT, 'GetAlertRule', { Id: String(id) }, outsider), refused('Forbidden'));
    await assert.rejects(place.ask(CURRENT, 'GetAlertRule', { Id: String(id) }, stranger), refused('NotFound'));
    assert.equal((await place.ask(CURRENT, 'GetAlertRule', { Id: String(id) }, visitor))['AlertRule'] !== undefined, true);
  });
});
