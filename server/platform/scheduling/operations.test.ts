import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { ApiError } from '../../kernel/errors.ts';
import { PYTHON, schedulingPlace, SHELL, WORKSPACE, ZERO_LOAD } from './scheduling.fixture.ts';

const place = await schedulingPlace();
const { publish, run, ends, call, callCurrent, events, changes, actor, scheduling } = place;
await place.start();
after(place.close);

const refused = (entry: string) => (error: unknown) => error instanceof ApiError && error.entry === entry;
const nodeEvents = (taskId: number) => events.filter((event) => event.objectKey === `node:${taskId}`).map((event) => event.code);

test('a node is created when it first reaches production, updated by what changes after, deleted when it is taken out', async () => {
  const development = { environment: 'DEV' } as const;
  const taskId = await publish(SHELL, 'one', development);
  assert.deepEqual(nodeEvents(taskId), []);
  await publish(SHELL, 'one', { ...development, taskId });
  assert.deepEqual(nodeEvents(taskId), [], 'nothing has changed');
  await publish(SHELL, 'two', { ...development, taskId, fileVersion: 2 });
  assert.deepEqual(nodeEvents(taskId), ['node-change-updated']);
  await publish(SHELL, 'two', { taskId, fileVersion: 2, spec: { priority: 7, trigger: { type: 'Scheduler', cron: '00 30 05 * * ?' } } });
  await publish(SHELL, 'three', { taskId, fileVersion: 3 });
  assert.deepEqual(nodeEvents(taskId), ['node-change-updated', 'node-change-created', 'node-change-updated']);
  const created = events.find((event) => event.objectKey === `node:${taskId}` && event.code === 'node-change-created');
  const { createTime, modifyTime, ...data } = created?.data ?? {};
  assert.equal(createTime, modifyTime);
  assert.deepEqual(data, {
    nodeId: taskId,
    nodeName: 'task',
    programType: 'DIDE_SHELL',
    cronExpress: '00 30 05 * * ?',
    schedulerType: 'NORMAL',
    ownerId: '7',
    priority: 7,
    repeatability: true,
    projectId: WORKSPACE,
    operator: '7',
    blockBusiness: false,
  });
  for (const environment of ['PROD', 'DEV'] as const) await changes.change(actor, (change) => scheduling.withdraw(change, { taskId, workspaceId: WORKSPACE, environment }));
  assert.deepEqual(nodeEvents(taskId).slice(3), ['node-change-deleted']);
  await assert.rejects(call('GetNode', { NodeId: taskId, ProjectEnv: 'PROD' }), refused('NotFound'));
});

test('nodes are shown, listed and filtered', async () => {
  const path = '业务流程/Sales/Shell/alpha_one';
  const spec = { priority: 5, rerunMode: 'Denied', script: { path, parameters: [{ name: 'day', type: 'System', value: '$bizdate' }] } };
  const taskId = await publish(SHELL, 'echo shown', { name: 'alpha_one', ownerId: 9, fileId: 33, spec });
  await publish(PYTHON, 'print(1)', { name: 'alpha%two', spec: { recurrence: 'Pause' } });
  const { Data: node } = await call('GetNode', { NodeId: taskId, ProjectEnv: 'prod' });
  assert.deepEqual([node?.NodeName, node?.FileId, node?.FileType, node?.OwnerId, node?.Priority, node?.Repeatability, node?.ParamValues, node?.SchedulerType], ['alpha_one', 33, 6, '9', 5, 'false', 'day=$bizdate', 'NORMAL']);
  assert.equal((await call('GetNodeCode', { NodeId: taskId, ProjectEnv: 'PROD' })).Data, 'echo shown');
  const list = async (more: object) => {
    const { Data } = await call('ListNodes', { ProjectId: WORKSPACE, ProjectEnv: 'PROD', ...more });
    return [Data?.TotalCount, Data?.Nodes?.map((found) => found.NodeName)];
  };
  assert.deepEqual(await list({ NodeName: 'alpha' }), [2, ['alpha%two', 'alpha_one']]);
  assert.deepEqual(await list({ NodeName: 'alpha', PageNumber: 2, PageSize: 1 }), [2, ['alpha_one']]);
  assert.deepEqual(await list({ NodeName: 'alpha', PageNumber: 9 }), [2, []]);
  assert.deepEqual(await list({ NodeName: 'a%t' }), [1, ['alpha%two']]);
  assert.deepEqual(await list({ Owner: '9' }), [1, ['alpha_one']]);
  assert.deepEqual(await list({ ProgramType: 'PYODPS3' }), [1, ['alpha%two']]);
  assert.deepEqual(await list({ SchedulerType: 'PAUSE' }), [1, ['alpha%two']]);
  assert.deepEqual(await list({ BizName: 'Sales' }), [1, ['alpha_one']]);
});

test('instances are listed by every filter of both dialects', async () => {
  const taskId = await publish(ZERO_LOAD, '', { name: 'listed', ownerId: 21, spec: { script: { path: '业务流程/Listed/General/listed' } } });
  const first = await run(taskId, { bizdate: '2026-03-20 00:00:00' });
  const second = await run(taskId, { bizdate: '2026-03-21 08:00:00' });
  for (const instance of [first, second]) await place.ends(instance);
  const list = async (more: object) => (await call('ListInstances', { ProjectId: WORKSPACE, ProjectEnv: 'PROD', NodeId: taskId, ...more })).Data?.Instances?.map((found) => found.InstanceId);
  assert.deepEqual(await list({}), [second, first]);
  assert.deepEqual(await list({ OrderBy: 'CREATE_TIME_DESC' }), [second, first]);
  assert.deepEqual(await list({ Bizdate: '2026-03-20 00:00:00' }), [first]);
  assert.deepEqual(await list({ BeginBizdate: '2026-03-21 00:00:00' }), [second]);
  assert.deepEqual(await list({ EndBizdate: '2026-03-20 00:00:00' }), [first]);
  assert.deepEqual(await list({ Status: 'SUCCESS', Owner: '21', ProgramType: 'VIRTUAL', NodeName: 'list', BizName: 'Listed' }), [second, first]);
  assert.deepEqual(await list({ Status: 'FAILURE' }), []);
  assert.deepEqual(await list({ Owner: '22' }), []);
  assert.deepEqual(await list({ ProjectEnv: 'DEV' }), []);
  assert.deepEqual(await list({ PageNumber: 2, PageSize: 1 }), [first]);
  for (const wrong of [{ Status: 'HALF' }, { OrderBy: 'X' }, { Bizdate: 'monday' }, { Owner: 'ada' }, { PageSize: 1000 }, { ProjectEnv: 'TEST' }]) await assert.rejects(list(wrong), refused('InvalidParameter'));

  const current = async (more: object) => (await callCurrent('ListTaskInstances', { ProjectId: WORKSPACE, Bizdate: Date.parse('2026-03-19T16:00:00Z'), TaskId: taskId, ...more })).PagingInfo?.TaskInstances?.map((found) => found.Id);
  assert.deepEqual(await current({}), [first]);
  assert.deepEqual(await current({ Status: 'Success', WorkflowInstanceType: 'SmokeTest', ProjectEnv: 'Prod', TriggerType: 'Scheduler', TriggerRecurrence: 'Normal', SortBy: 'StartedTime Asc', TaskType: 'VIRTUAL' }), [first]);
  assert.deepEqual(await current({ Bizdate: Date.parse('2026-03-20T16:00:00Z'), Ids: [first, second] }), [second]);
  assert.deepEqual(await current({ TriggerType: 'Manual' }), []);
  for (const wrong of [{ SortBy: 'Name' }, { Status: 'SUCCESS' }, { WorkflowInstanceType: 'X' }, { Bizdate: -1 }]) await assert.rejects(current(wrong), refused('InvalidParameter'));
  const { TaskInstance } = await callCurrent('GetTaskInstance', { Id: first });
  assert.deepEqual([TaskInstance?.Status, TaskInstance?.RerunMode, TaskInstance?.WorkflowInstanceType, TaskInstance?.RunNumber, TaskInstance?.TriggerTime], ['Success', 'AllAllowed', 'SmokeTest', 1, Date.parse('2026-03-20T16:00:00Z')]);
  assert.match((await callCurrent('GetTaskInstanceLog', { Id: first })).TaskInstanceLog ?? '', /zero load/);
  await assert.rejects(callCurrent('GetTaskInstanceLog', { Id: first, RunNumber: 2 }), refused('NotFound'));
});

test('what is not there, in the other environment or of another tenant does not exist', async () => {
  const taskId = await publish(ZERO_LOAD, '');
  const instance = await run(taskId);
  const elsewhere = { tenantId: 2 };
  for (const wrong of [{ NodeId: 5, ProjectEnv: 'PROD' }, { NodeId: taskId, ProjectEnv: 'DEV' }]) await assert.rejects(call('GetNode', wrong), refused('NotFound'));
  await assert.rejects(call('GetNode', { NodeId: taskId, ProjectEnv: 'PROD' }, elsewhere), refused('NotFound'));
  await assert.rejects(call('GetInstance', { InstanceId: instance, ProjectEnv: 'DEV' }), refused('NotFound'));
  for (const action of ['GetInstance', 'GetInstanceLog', 'StopInstance', 'RestartInstance', 'SetSuccessInstance'] as const) await assert.rejects(call(action, { InstanceId: instance, ProjectEnv: 'PROD' }, elsewhere), refused('NotFound'));
  await assert.rejects(callCurrent('GetTaskInstance', { Id: instance }, elsewhere), refused('NotFound'));
});

test('developers run in development, operators in production', async () => {
  const taskId = await publish(ZERO_LOAD, '', { environment: 'DEV' });
  await publish(ZERO_LOAD, '', { taskId });
  const request = { Bizdate: '2026-03-21 00:00:00', Name: 'try', NodeId: taskId };
  await call('RunSmokeTest', { ...request, ProjectEnv: 'DEV' }, { rights: ['read', 'develop'] });
  await call('RunSmokeTest', { ...request, ProjectEnv: 'PROD' }, { rights: ['read', 'operate'] });
  await assert.rejects(call('RunSmokeTest', { ...request, ProjectEnv: 'PROD' }, { rights: ['read', 'develop'] }), /needs operate/);
  await assert.rejects(call('RunSmokeTest', { ...request, ProjectEnv: 'DEV' }, { rights: ['read', 'operate'] }), /needs develop/);
});

test('a smoke test refuses what it cannot read', async () => {
  const taskId = await publish(ZERO_LOAD, '');
  const request = { Bizdate: '2026-03-21 00:00:00', Name: 'try', NodeId: taskId, ProjectEnv: 'PROD' };
  for (const wrong of [{ Bizdate: 'soon' }, { Bizdate: '2026-02-31 00:00:00' }, { NodeParams: '{' }, { NodeParams: '[1]' }, { NodeParams: '{"a":{"b":1}}' }, { NodeParams: `{"${taskId}":3}` }, { Name: 'a\u0000b' }, { Name: 'x'.repeat(300) }]) {
    await assert.rejects(call('RunSmokeTest', { ...request, ...wrong }), refused('InvalidParameter'), JSON.stringify(wrong));
  }
});

test('an ended instance is run again or set to succeeded as its rerun mode and state allow', async () => {
  const failing = await run(await publish(SHELL, 'exit 1'));
  assert.equal(await ends(failing), 'Failure');
  const ofInstance = { InstanceId: failing, ProjectEnv: 'PROD' };
  const running = { InstanceId: await run(await publish(SHELL, 'sleep 60')), ProjectEnv: 'PROD' };
  await assert.rejects(call('SetSuccessInstance', running), refused('WrongState'));
  await call('StopInstance', running);
  await call('RestartInstance', ofInstance);
  assert.equal(await ends(failing), 'Failure');
  await call('SetSuccessInstance', ofInstance);
  assert.equal(await place.status(failing), 'Success');
  await assert.rejects(call('SetSuccessInstance', ofInstance), refused('WrongState'));
  assert.deepEqual(place.told(failing), [3, 4, 5, 1, 3, 4, 5, 6]);
  assert.deepEqual(place.codes(`instance:${failing}`).filter((code) => code !== 'instance-status-changes'), ['rerun-instance', 'set-instance-success']);
  const logs = [await call('GetInstanceLog', { ...ofInstance, InstanceHistoryId: 1 }), await call('GetInstanceLog', ofInstance)];
  assert.ok(logs.every(({ Data }) => Data?.includes('exit code 1')));
  await assert.rejects(call('GetInstanceLog', { ...ofInstance, InstanceHistoryId: 3 }), refused('NotFound'));

  const once = await run(await publish(ZERO_LOAD, '', { spec: { rerunMode: 'FailureAllowed' } }));
  await assert.rejects(call('RestartInstance', { InstanceId: once, ProjectEnv: 'PROD' }), refused('WrongState'));
});

test('code that is not deployed runs in development, and keeps its code', async () => {
  const id = await changes.change(actor, (change) =>
    scheduling.runAdHoc(change, { workspaceId: WORKSPACE, fileId: 4, taskId: undefined, name: 'draft', fileType: 6, command: 'DIDE_SHELL', content: 'echo draft $1', spec: { script: { parameters: [{ name: 'x', type: 'Constant', value: '5' }] } }, ownerId: 7 }),
  );
  assert.equal(await ends(id), 'Success');
  const { Data } = await call('GetInstance', { InstanceId: id, ProjectEnv: 'DEV' });
  assert.deepEqual([Data?.DagType, Data?.TaskType, Data?.NodeId], ['MANUAL', 'MANUAL', undefined]);
  assert.match(await place.log(id), /^draft 5\n/);
  assert.equal((await callCurrent('GetTaskInstance', { Id: id })).TaskInstance?.Script?.Content, 'echo draft $1');
  await eventually('the whole run has ended too', async () => (await place.database.row<{ status: string }>('select status from dag_run where id = $1', [Data?.DagId]))?.status === 'Success');
});
