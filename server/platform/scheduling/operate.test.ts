import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { manualClock } from '../../kernel/clock.ts';
import { schedulingPlace, SHELL, WORKSPACE, ZERO_LOAD } from './scheduling.fixture.ts';

// 2026-03-21 12:00 in Shanghai. Nothing works here: shell tasks stay in the queue until a test ends them.
const clock = manualClock(new Date('2026-03-21T04:00:00Z'));
const place = await schedulingPlace({ schedule: false, clock });
const { call, callCurrent, publish, database, scheduler, jobs } = place;
after(place.close);

const outputs = (...names: string[]) => ({ outputs: { nodeOutputs: names.map((data) => ({ data })) } });
const inputs = (...names: string[]) => ({ inputs: { nodeOutputs: names.map((data) => ({ data })) } });
const daily = (cron = '00 00 01 * * ?') => ({ trigger: { type: 'Scheduler', cron, timezone: 'Asia/Shanghai' } });
const PROD = { ProjectEnv: 'PROD' } as const;
const refused = (code: string) => (error: unknown) => (error as { entry?: string }).entry === code;

async function settle(): Promise<void> {
  await scheduler.drain();
  await jobs.drain();
  await scheduler.drain();
}

async function states(dagId: number): Promise<Record<string, string>> {
  await settle();
  const rows = await database.rows<{ name: string; status: string }>('select name, status from task_instance where dag_id = $1 order by id', [dagId]);
  return Object.fromEntries(rows.map((row) => [row.name, row.status]));
}

async function idOf(dagId: number, name: string): Promise<number> {
  return (await database.row<{ id: number }>('select id from task_instance where dag_id = $1 and name = $2 order by id limit 1', [dagId, name]))?.id ?? 0;
}

/** a and b give to c, which gives to d. */
async function diamond(prefix: string, types: Partial<Record<'a' | 'b' | 'c' | 'd', typeof SHELL>> = {}) {
  const make = (name: 'a' | 'b' | 'c' | 'd', more: object) => publish(types[name] ?? ZERO_LOAD, '', { name: `${prefix}_${name}`, spec: { ...daily(), ...outputs(`${prefix}.${name}`), ...more } });
  return { a: await make('a', {}), b: await make('b', {}), c: await make('c', inputs(`${prefix}.a`, `${prefix}.b`)), d: await make('d', inputs(`${prefix}.c`)) };
}

const END_RUN = `update task_run set state = 'Finished', outcome = $2, finished_at = now() where instance_id = $1 and state = 'Queued'`;

/** Ends the queued run of an instance as a worker would, without one. */
async function endRun(instanceId: number, kind: 'Success' | 'Failure'): Promise<void> {
  await place.changes.change(place.actor, async (change) => {
    const run = await change.row<{ id: number; attempt: number }>(`select id, attempt from task_run where instance_id = $1 and state = 'Queued'`, [instanceId]);
    assert.ok(run);
    const of = { id: run.id, tenantId: 1, workspaceId: WORKSPACE, environment: 'PROD', instanceId, attempt: run.attempt } as const;
    await change.run(END_RUN, [instanceId, kind]);
    await place.follower.onStarted(change, [of]);
    await place.follower.onFinished(change, [{ run: of, outcome: { kind, reason: `The task has ended with ${kind}.`, exitCode: kind === 'Success' ? 0 : 1 } }]);
  });
  await settle();
}

test('a backfill runs dates one after the other, what is excluded succeeds without running', async () => {
  const { a, b, c, d } = await diamond('bf', { a: SHELL });
  const { Data } = await call('RunCycleDagNodes', { ...PROD, Name: 'fill', RootNodeId: a, IncludeNodeIds: `${a},${c},${d}`, ExcludeNodeIds: String(b), StartBizDate: '2026-03-10 00:00:00', EndBizDate: '2026-03-11 00:00:00', Parallelism: false });
  const [first = 0, second = 0] = Data ?? [];
  assert.deepEqual(await states(first), { bf_a: 'WaitResource', bf_b: 'Success', bf_c: 'NotRun', bf_d: 'NotRun' });
  assert.deepEqual(await states(second), { bf_a: 'NotRun', bf_b: 'NotRun', bf_c: 'NotRun', bf_d: 'NotRun' });
  assert.equal(place.proposals.at(-1)?.point, 'backfill-data');
  await endRun(await idOf(first, 'bf_a'), 'Success');
  assert.deepEqual(await states(first), { bf_a: 'Success', bf_b: 'Success', bf_c: 'Success', bf_d: 'Success' });
  assert.equal((await states(second))['bf_a'], 'WaitResource');
  const dag = (await call('GetDag', { ...PROD, DagId: first })).Data;
  assert.deepEqual([dag?.Status, dag?.Type], ['SUCCESS', 'SUPPLY_DATA']);
  assert.deepEqual((await call('ListDags', { ...PROD, OpSeq: Number(dag?.OpSeq) })).Data?.Dags?.map((one) => [one.DagId, one.Status]), [[first, 'SUCCESS'], [second, 'RUNNING']]);
  // Started, then succeeded: each state of the DAG is told once.
  assert.deepEqual(place.events.filter((event) => event.objectKey === `dag:${first}`).map((event) => event.data['status']), [4, 6]);
  assert.deepEqual(await database.rows('select task_type from task_instance where dag_id = $1 and name = $2', [first, 'bf_b']), [{ task_type: 'SKIP_UNCHOOSE' }]);
});

test('a held backfill makes nothing until it is let through, and is given up whole when it is refused', async () => {
  const { a } = await diamond('held');
  place.holding.add('backfill-data');
  const order = () => call('CreateDagComplement', { ...PROD, Name: 'held', RootNodeId: a, IncludeNodeIds: String(a), StartBizDate: '2026-03-10', EndBizDate: '2026-03-12', Parallelism: true });
  const first = (await order()).Data ?? [];
  const args = place.proposals.at(-1)?.args ?? {};
  const second = (await order()).Data ?? [];
  const others = place.proposals.at(-1)?.args ?? {};
  place.holding.delete('backfill-data');
  assert.deepEqual(await states(first[0] ?? 0), {});
  const point = place.points.find(({ code }) => code === 'backfill-data');
  await place.changes.change(place.actor, (change) => point?.proceed(change, args, { holdId: 1, verdict: 'OK', tip: '' }) ?? Promise.resolve());
  for (const dag of first) assert.deepEqual(await states(dag), { held_a: 'Success' });
  await place.changes.change(place.actor, (change) => point?.reject(change, others, { holdId: 2, verdict: 'FAIL', tip: 'Not this week.' }) ?? Promise.resolve());
  for (const dag of second) assert.deepEqual([await states(dag), (await call('GetDag', { ...PROD, DagId: dag })).Data?.Status], [{}, 'FAILURE']);
});

test('a backfill that asks for too much, for nothing or for others is refused and leaves nothing', async () => {
  const { a } = await diamond('no');
  const before = await database.row('select count(*) as count from dag_run');
  const ask = (more: object) => call('RunCycleDagNodes', { ...PROD, Name: 'no', RootNodeId: a, IncludeNodeIds: String(a), StartBizDate: '2026-03-10', EndBizDate: '2026-03-12', Parallelism: true, ...more });
  for (const wrong of [{ EndBizDate: '2036-01-01' }, { EndBizDate: '2026-03-09' }, { IncludeNodeIds: '1,2' }, { StartBizDate: 'monday' }, { BizBeginTime: '25:00:00' }, { ConcurrentRuns: 99 }]) await assert.rejects(ask(wrong), refused('InvalidParameter'));
  assert.deepEqual(await database.row('select count(*) as count from dag_run'), before);
});

test('workflow instances are ordered in the newer dialect, by mode, and found by their operation', async () => {
  const { a, b, c, d } = await diamond('cw');
  const create = async (run: object, more: object = {}) => {
    const { OperationId = '' } = await callCurrent('CreateWorkflowInstances', { ProjectId: WORKSPACE, WorkflowId: 1, Name: 'ordered', Type: 'SupplementData', Periods: { BizDates: [{ StartBizDate: '2026-03-10', EndBizDate: '2026-03-10' }] }, DefaultRunProperties: run, ...more });
    await settle();
    const { Result } = await callCurrent('GetCreateWorkflowInstancesResult', { OperationId });
    assert.equal(Result?.Status, 'Created');
    return Result?.WorkflowInstanceIds ?? [];
  };
  const names = async (ids: readonly number[]) => Object.keys(await states(ids[0] ?? 0));
  assert.deepEqual(await names(await create({ Mode: 'General', RootTaskIds: [a], IncludeTaskIds: [b] })), ['cw_a', 'cw_b']);
  assert.deepEqual(await names(await create({ Mode: 'AllDownstream', RootTaskIds: [a] })), ['cw_a', 'cw_c', 'cw_d']);
  assert.deepEqual(await names(await create({ Mode: 'Chain', RootTaskIds: [a], IncludeTaskIds: [c] })), ['cw_a', 'cw_c']);
  const [waiting = 0] = await create({ Mode: 'ManualSelection', IncludeTaskIds: [d] }, { AutoStartEnabled: false });
  assert.deepEqual(await states(waiting), { cw_d: 'NotRun' });
  assert.deepEqual((await callCurrent('StartWorkflowInstances', { Ids: [waiting] })).SuccessInfo, { [waiting]: { Success: true, Message: '' } });
  assert.deepEqual(await states(waiting), { cw_d: 'Success' });
  const { WorkflowInstance } = await callCurrent('GetWorkflowInstance', { Id: waiting });
  assert.deepEqual([WorkflowInstance?.Status, WorkflowInstance?.Type], ['Success', 'SupplementData']);
  const { PagingInfo } = await callCurrent('ListWorkflowInstances', { ProjectId: WORKSPACE, BizDate: Date.parse('2026-03-09T16:00:00Z'), Name: 'ordered', SortBy: 'Id Asc' });
  assert.equal(PagingInfo?.TotalCount, 4);
});

test('a large order is filled by jobs, and starts when it is whole', async () => {
  const minute = await publish(ZERO_LOAD, '', { name: 'minute', spec: daily('00 * * * * ?') });
  const { Data } = await call('RunCycleDagNodes', { ...PROD, Name: 'large', RootNodeId: minute, IncludeNodeIds: String(minute), StartBizDate: '2026-03-10', EndBizDate: '2026-03-11', Parallelism: true });
  assert.deepEqual(await database.rows('select dag_id from task_instance where dag_id = any($1)', [Data]), []);
  await jobs.drain();
  await settle();
  assert.deepEqual(await database.rows('select dag_id, count(*) as count, min(status) as status from task_instance where dag_id = any($1) group by dag_id order by dag_id', [Data]), (Data ?? []).map((dag_id) => ({ dag_id, count: 1_440, status: 'Success' })));
});

test('a failed instance is run again, alone or with all that hangs on it; what waits for it goes on', async () => {
  const { a, b, c, d } = await diamond('rr', { a: SHELL });
  const { Data } = await call('RunCycleDagNodes', { ...PROD, Name: 'rr', RootNodeId: a, IncludeNodeIds: `${a},${b},${c},${d}`, StartBizDate: '2026-03-10', EndBizDate: '2026-03-10', Parallelism: false });
  const dag = Data?.[0] ?? 0;
  await settle();
  const id = await idOf(dag, 'rr_a');
  await endRun(id, 'Failure');
  assert.deepEqual(await states(dag), { rr_a: 'Failure', rr_b: 'Success', rr_c: 'NotRun', rr_d: 'NotRun' });
  assert.equal((await call('GetDag', { ...PROD, DagId: dag })).Data?.Status, 'FAILURE');
  const rerun = await callCurrent('RerunTaskInstances', { Ids: [id, await idOf(dag, 'rr_c'), 999], Comment: 'once more' });
  assert.equal(rerun.SuccessInfo?.[String(id)]?.Success, true);
  assert.equal(rerun.SuccessInfo?.['999']?.Success, false);
  await settle();
  await endRun(id, 'Success');
  assert.deepEqual(await states(dag), { rr_a: 'Success', rr_b: 'Success', rr_c: 'Success', rr_d: 'Success' });
  assert.equal((await call('GetDag', { ...PROD, DagId: dag })).Data?.Status, 'SUCCESS');
  const { OperationId = '' } = await callCurrent('RerunWorkflowInstances', { ProjectId: WORKSPACE, WorkflowId: 1, Type: 'SupplementData', Ids: [dag], Filter: { TaskName: '_b', RerunDownstreamEnabled: true } });
  await settle();
  assert.equal((await callCurrent('GetRerunWorkflowInstancesResult', { OperationId })).Result?.Status, 'Success');
  assert.deepEqual(await database.rows(`select name, attempts from task_instance where dag_id = $1 order by name`, [dag]), [{ name: 'rr_a', attempts: 2 }, { name: 'rr_b', attempts: 2 }, { name: 'rr_c', attempts: 2 }, { name: 'rr_d', attempts: 2 }]);
  const logs = await callCurrent('ListTaskInstanceOperationLogs', { Id: id });
  assert.deepEqual(logs.PagingInfo?.OperationLogs?.map((one) => one.OperationContent), ['Rerun: once more']);
  assert.deepEqual((await call('ListInstanceHistory', { InstanceId: id })).Instances?.map((one) => [one.InstanceHistoryId, one.Status]), [[1, 'FAILURE'], [2, 'SUCCESS']]);
});

test('an instance is suspended and resumed, its priority changed, its upstreams cut, its end declared', async () => {
  const { a, b, c, d } = await diamond('op', { a: SHELL, b: SHELL });
  const { Data } = await call('RunCycleDagNodes', { ...PROD, Name: 'op', RootNodeId: a, IncludeNodeIds: `${a},${b},${c},${d}`, StartBizDate: '2026-03-10', EndBizDate: '2026-03-10', Parallelism: false });
  const dag = Data?.[0] ?? 0;
  await settle();
  const [ida, idb, idc] = [await idOf(dag, 'op_a'), await idOf(dag, 'op_b'), await idOf(dag, 'op_c')];
  await call('SuspendInstance', { ...PROD, InstanceId: ida });
  assert.equal((await states(dag))['op_a'], 'NotRun');
  assert.deepEqual(await database.rows(`select state, outcome from task_run where instance_id = $1`, [ida]), [{ state: 'Finished', outcome: 'Withdrawn' }]);
  await assert.rejects(call('SuspendInstance', { ...PROD, InstanceId: ida }), refused('WrongState'));
  const changed = await callCurrent('UpdateTaskInstances', { TaskInstances: [{ Id: ida, Priority: 8 }, { Id: idb, Priority: 8 }] });
  assert.deepEqual([changed.SuccessInfo?.[String(ida)]?.Success, changed.SuccessInfo?.[String(idb)]?.Success], [true, false]);
  assert.deepEqual((await callCurrent('ResumeTaskInstances', { Ids: [ida] })).SuccessInfo?.[String(ida)]?.Success, true);
  assert.equal((await states(dag))['op_a'], 'WaitResource');
  assert.deepEqual(await database.rows(`select priority from task_run where instance_id = $1 and state = 'Queued'`, [ida]), [{ priority: 8 }]);
  await endRun(idb, 'Success');
  assert.deepEqual((await callCurrent('ListUpstreamTaskInstances', { Id: idc })).PagingInfo?.UpstreamTaskInstances?.map((one) => one.TaskInstance?.Id), [ida, idb]);
  assert.deepEqual((await callCurrent('ListDownstreamTaskInstances', { Id: ida })).PagingInfo?.TotalCount, 1);
  await callCurrent('RemoveTaskInstanceDependencies', { Id: idc, UpstreamTaskInstanceIds: [ida] });
  assert.deepEqual(await states(dag), { op_a: 'WaitResource', op_b: 'Success', op_c: 'Success', op_d: 'Success' });
  await callCurrent('StopTaskInstances', { Ids: [ida] });
  assert.equal((await states(dag))['op_a'], 'Failure');
  await callCurrent('SetSuccessTaskInstances', { Ids: [ida] });
  assert.equal((await states(dag))['op_a'], 'Success');
  const codes = place.codes(`instance:${ida}`).filter((code) => code !== 'instance-status-changes');
  assert.deepEqual(codes, ['freeze-instance', 'unfreeze-instance', 'kill-instance', 'set-instance-success']);
  assert.deepEqual(place.codes(`instance:${idc}`).filter((code) => code !== 'instance-status-changes'), ['delete-task-instance-dependencies']);
  assert.deepEqual(place.proposals.filter((one) => one.objectKey === `instance:${ida}`).map((one) => one.point), ['pre-freeze-instance', 'pre-freeze-instance', 'pre-unfreeze-instance', 'pre-kill-instance', 'pre-set-instance-success']);
});

test('what one dialect suspends, the other lets go on: the run is taken from the queue and put there again', async () => {
  const { a } = await diamond('sr', { a: SHELL });
  const { Data: dag = 0 } = await call('RunSmokeTest', { ...PROD, Name: 'sr', NodeId: a, Bizdate: '2026-03-10 00:00:00' });
  await settle();
  const id = await idOf(dag, 'sr_a');
  const runs = () => database.rows('select state, outcome from task_run where instance_id = $1 order by id', [id]);
  const { SuccessInfo } = await callCurrent('SuspendTaskInstances', { Ids: [id, 999], Comment: 'not now' });
  assert.deepEqual([SuccessInfo?.[String(id)]?.Success, SuccessInfo?.['999']?.Success], [true, false]);
  assert.equal((await states(dag))['sr_a'], 'NotRun');
  assert.equal((await call('GetInstance', { ...PROD, InstanceId: id })).Data?.TaskType, 'PAUSE');
  assert.deepEqual(await runs(), [{ state: 'Finished', outcome: 'Withdrawn' }]);
  await call('ResumeInstance', { ...PROD, InstanceId: id });
  assert.equal((await states(dag))['sr_a'], 'WaitResource');
  assert.deepEqual(await runs(), [{ state: 'Finished', outcome: 'Withdrawn' }, { state: 'Queued', outcome: null }]);
  await assert.rejects(call('ResumeInstance', { ...PROD, InstanceId: id }), refused('WrongState'));
  assert.deepEqual((await callCurrent('ListTaskInstanceOperationLogs', { Id: id })).PagingInfo?.OperationLogs?.map((one) => one.OperationContent).toSorted(), ['Resume', 'Suspend: not now']);
  assert.deepEqual(place.codes(`instance:${id}`).filter((code) => code !== 'instance-status-changes'), ['freeze-instance', 'unfreeze-instance']);
});

test('a workflow instance is stopped with all of it that runs or waits; one that has ended is refused', async () => {
  const { a, b, c, d } = await diamond('st', { a: SHELL, b: SHELL });
  const { Data } = await call('RunCycleDagNodes', { ...PROD, Name: 'st', RootNodeId: a, IncludeNodeIds: `${a},${b},${c},${d}`, StartBizDate: '2026-03-10', EndBizDate: '2026-03-10', Parallelism: false });
  const dag = Data?.[0] ?? 0;
  await settle();
  await endRun(await idOf(dag, 'st_b'), 'Success');
  const { SuccessInfo } = await callCurrent('StopWorkflowInstances', { Ids: [dag], Comment: 'wrong day' });
  assert.deepEqual(SuccessInfo, { [dag]: { Success: true, Message: '' } });
  assert.deepEqual(await states(dag), { st_a: 'Failure', st_b: 'Success', st_c: 'Failure', st_d: 'Failure' });
  assert.deepEqual(await database.rows('select r.outcome from task_run r join task_instance i on i.id = r.instance_id where i.dag_id = $1 and i.name = $2', [dag, 'st_a']), [{ outcome: 'Stopped' }]);
  assert.equal((await callCurrent('GetWorkflowInstance', { Id: dag })).WorkflowInstance?.Status, 'Failure');
  for (const name of ['st_a', 'st_c', 'st_d']) assert.ok(place.codes(`instance:${await idOf(dag, name)}`).includes('kill-instance'), name);
  assert.equal((await callCurrent('StopWorkflowInstances', { Ids: [dag] })).SuccessInfo?.[String(dag)]?.Success, false);
});

test('what is held does nothing until it is let through', async () => {
  const { a } = await diamond('gate', { a: SHELL });
  const { Data: dag = 0 } = await call('RunSmokeTest', { ...PROD, Name: 'gate', NodeId: a, Bizdate: '2026-03-10 00:00:00' });
  await settle();
  const id = await idOf(dag, 'gate_a');
  place.holding.add('pre-kill-instance');
  await call('StopInstance', { ...PROD, InstanceId: id });
  place.holding.delete('pre-kill-instance');
  assert.equal((await states(dag))['gate_a'], 'WaitResource');
  const args = place.proposals.at(-1)?.args ?? {};
  await place.changes.change(place.actor, (change) => place.points.find(({ code }) => code === 'pre-kill-instance')?.proceed(change, args, { holdId: 1, verdict: 'OK', tip: '' }) ?? Promise.resolve());
  assert.equal((await states(dag))['gate_a'], 'Failure');
});

test('nodes are frozen, unfrozen, given to others and taken out of service', async () => {
  const { a, c } = await diamond('nd');
  await call('UpdateNodeRunMode', { ...PROD, NodeId: a, SchedulerType: 2 });
  assert.equal((await call('GetNode', { ...PROD, NodeId: a })).Data?.SchedulerType, 'PAUSE');
  await assert.rejects(call('UpdateNodeRunMode', { ...PROD, NodeId: a, SchedulerType: 2 }), refused('WrongState'));
  await call('UpdateNodeRunMode', { ...PROD, NodeId: a, SchedulerType: 0 });
  await call('UpdateNodeOwner', { ...PROD, NodeId: a, UserId: '21' });
  assert.deepEqual([(await call('GetNode', { ...PROD, NodeId: a })).Data?.SchedulerType, (await call('GetNode', { ...PROD, NodeId: a })).Data?.OwnerId], ['NORMAL', '21']);
  await assert.rejects(call('OfflineNode', { ProjectId: WORKSPACE, NodeId: a }), /nd_c.*waits for it/);
  assert.deepEqual((await call('GetNodeChildren', { ...PROD, NodeId: a })).Data?.Nodes?.map((one) => one.NodeId), [c]);
  assert.deepEqual((await call('GetNodeParents', { ...PROD, NodeId: c })).Data?.Nodes?.length, 2);
  assert.deepEqual((await call('ListNodeInputOrOutput', { ...PROD, NodeId: c, IoType: 'input' })).Data?.map((one) => one.Data), ['nd.a', 'nd.b']);
  assert.deepEqual((await call('ListNodeIO', { ...PROD, NodeId: c, IoType: 'output' })).Data?.map((one) => one.Data), ['nd.c']);
  assert.deepEqual((await call('ListNodesByOutput', { ...PROD, Outputs: 'nd.a,nd.b' })).Data?.map((one) => [one.Output, one.NodeList?.length]), [['nd.a', 1], ['nd.b', 1]]);
  assert.deepEqual(Object.keys((await call('SearchNodesByOutput', { ...PROD, Outputs: 'nd.a' })).Data ?? {}), ['nd.a']);
  const lone = await publish(ZERO_LOAD, '', { name: 'lone', spec: daily() });
  assert.equal((await call('OfflineNode', { ProjectId: WORKSPACE, NodeId: lone })).Success, 'true');
  await assert.rejects(call('GetNode', { ...PROD, NodeId: lone }), refused('NotFound'));
  assert.ok(place.undeployed.includes(lone));
  assert.deepEqual(place.codes(`node:${lone}`), ['node-change-created', 'node-change-deleted']);
});

test('tasks are told and changed in the newer dialect, with their circles refused by name', async () => {
  const { a, b, c, d } = await diamond('tk');
  const { Task } = await callCurrent('GetTask', { Id: c });
  assert.deepEqual([Task?.Name, Task?.Dependencies?.map((one) => one.UpstreamTaskId), Task?.Outputs?.TaskOutputs], ['tk_c', [String(a), String(b)], [{ Output: 'tk.c' }]]);
  clock.advance(1_000);
  await callCurrent('UpdateTask', { Id: c, Description: 'changed', RerunMode: 'AllDenied', RerunTimes: 2, RerunInterval: 60, Trigger: { Cron: '00 30 02 * * ?', Recurrence: 'Skip' }, Script: { Parameters: 'x=1' } });
  const { PagingInfo } = await callCurrent('ListTasks', { ProjectId: WORKSPACE, Name: 'tk_', SortBy: 'ModifyTime Desc' });
  const first = PagingInfo?.Tasks?.[0];
  assert.deepEqual([PagingInfo?.TotalCount, first?.Id, first?.RerunMode, first?.RerunInterval, first?.Trigger?.Cron, first?.Trigger?.Recurrence, first?.ScriptParameters], [4, c, 'AllDenied', 60, '00 30 02 * * ?', 'Skip', 'x=1']);
  await assert.rejects(callCurrent('UpdateTask', { Id: c, Trigger: { Cron: 'every day' } }), refused('InvalidParameter'));
  await assert.rejects(callCurrent('UpdateTask', { Id: a, Dependencies: [{ Type: 'Normal', UpstreamOutput: 'tk.d' }] }), /tk_a → tk_c → tk_d → tk_a/);
  assert.deepEqual((await callCurrent('GetTask', { Id: a })).Task?.Dependencies, []);
  const batch = await callCurrent('BatchUpdateTasks', { Tasks: [{ Id: a, Owner: '21' }, { Id: 5, Owner: '21' }] });
  assert.deepEqual([batch.SuccessInfo?.[String(a)]?.Success, batch.SuccessInfo?.['5']?.Success], [true, false]);
  assert.deepEqual((await callCurrent('ListUpstreamTasks', { Id: c })).PagingInfo?.UpstreamTasks?.map((one) => [one.Task?.Id, one.DependencyType]), [[a, 'Normal'], [b, 'Normal']]);
  assert.deepEqual((await callCurrent('ListDownstreamTasks', { Id: c })).PagingInfo?.DownstreamTasks?.map((one) => one.Task?.Id), [d]);
  assert.deepEqual((await callCurrent('ListTaskOperationLogs', { Id: a })).PagingInfo?.OperationLogs?.length, 1);
  await callCurrent('DeleteTask', { Id: d });
  await assert.rejects(callCurrent('GetTask', { Id: d }), refused('NotFound'));
});

test('workflows are told, changed, run by hand and taken out of service', async () => {
  const workflowId = await place.changes.change(place.actor, async (change) => {
    const id = await place.scheduling.reserveTaskId(change);
    await place.scheduling.publishWorkflow(change, { workflowId: id, workspaceId: WORKSPACE, environment: 'PROD', fileId: 77, fileVersion: 1, name: 'by hand', kind: 'ManualWorkflow', ownerId: 7, spec: { script: { parameters: [{ name: 'city', type: 'Constant', value: 'Hangzhou' }] } } });
    return id;
  });
  const one = await publish(ZERO_LOAD, '', { name: 'one', workflowId, spec: outputs('mw.one') });
  await publish(ZERO_LOAD, '', { name: 'two', workflowId, spec: inputs('mw.one') });
  const { Workflow } = await callCurrent('GetWorkflow', { Id: workflowId });
  assert.deepEqual([Workflow?.Name, Workflow?.Tasks?.map((task) => task.Name), Workflow?.Trigger?.Type], ['by hand', ['one', 'two'], 'Manual']);
  await callCurrent('UpdateWorkflow', { Id: workflowId, Name: 'renamed', Owner: '21', Trigger: { Type: 'Manual' }, Parameters: 'city=Beijing' });
  assert.deepEqual((await callCurrent('ListWorkflows', { ProjectId: WORKSPACE, TriggerType: 'Manual' })).PagingInfo?.Workflows?.map((one) => [one.Name, one.Owner]), [['renamed', '21']]);
  const { OperationId = '' } = await callCurrent('CreateWorkflowInstances', { ProjectId: WORKSPACE, WorkflowId: workflowId, Name: 'go', Type: 'ManualWorkflow', WorkflowParameters: 'day=20260101' });
  const { Result } = await callCurrent('GetCreateWorkflowInstancesResult', { OperationId });
  const dag = Result?.WorkflowInstanceIds?.[0] ?? 0;
  assert.deepEqual(await states(dag), { one: 'Success', two: 'Success' });
  assert.deepEqual(await database.rows('select distinct parameters from task_instance where dag_id = $1', [dag]), [{ parameters: [{ name: 'city', value: 'Beijing' }, { name: 'day', value: '20260101' }] }]);
  const legacy = await call('RunManualDagNodes', { ...PROD, ProjectName: String(WORKSPACE), FlowName: 'renamed', BizDate: '2026-03-10 00:00:00' });
  assert.deepEqual(await states(legacy.DagId ?? 0), { one: 'Success', two: 'Success' });
  assert.equal((await call('ListManualDagInstances', { ...PROD, ProjectName: String(WORKSPACE), DagId: String(legacy.DagId) })).Instances?.length, 2);
  const some = await call('CreateManualDag', { ...PROD, ProjectName: String(WORKSPACE), FlowName: 'renamed', BizDate: '2026-03-11 00:00:00', DagParameters: '{"day":"x"}', IncludeNodeIds: String(one) });
  assert.deepEqual(await states(some.DagId ?? 0), { one: 'Success' });
  const { Instances = [] } = await call('GetManualDagInstances', { ...PROD, ProjectName: String(WORKSPACE), DagId: String(some.DagId) });
  assert.deepEqual(Instances.map((instance) => [instance.NodeId, instance.Status, instance.BizDate, instance.ParamValues]), [[one, 'SUCCESS', Date.parse('2026-03-10T16:00:00Z'), 'city=Beijing day=x']]);
  await callCurrent('DeleteWorkflow', { Id: workflowId });
  await assert.rejects(callCurrent('GetWorkflow', { Id: workflowId }), refused('NotFound'));
  assert.deepEqual(await database.rows('select from task where workflow_id = $1', [workflowId]), []);
});

test('code is run without being deployed, tasks in the order of their outputs; circles are named', async () => {
  const run = (Tasks: { Name: string; Type: string; RuntimeResource?: { ResourceGroupId: string }; Script?: { Content: string }; Dependencies?: { UpstreamOutput: string }[]; Outputs?: { TaskOutputs: { Output: string }[] } }[]) => callCurrent('ExecuteAdhocWorkflowInstance', { ProjectId: WORKSPACE, Name: 'adhoc', Owner: '7', BizDate: 20260310, Tasks: Tasks.map((task) => ({ ClientUniqueCode: task.Name, Owner: '7', RuntimeResource: { ResourceGroupId: 'default' }, ...task })) });
  const { WorkflowInstanceId = 0 } = await run([
    { Name: 'second', Type: 'VIRTUAL', Dependencies: [{ UpstreamOutput: 'x' }] },
    { Name: 'first', Type: 'VIRTUAL', Outputs: { TaskOutputs: [{ Output: 'x' }] } },
  ]);
  assert.deepEqual(await states(WorkflowInstanceId), { second: 'Success', first: 'Success' });
  assert.deepEqual(await database.rows(`select to_char(bizdate at time zone 'Asia/Shanghai', 'YYYY-MM-DD') as day from dag_run where id = $1`, [WorkflowInstanceId]), [{ day: '2026-03-10' }]);
  await assert.rejects(run([{ Name: 'a', Type: 'VIRTUAL', Dependencies: [{ UpstreamOutput: 'nowhere' }] }]), refused('InvalidParameter'));
  await assert.rejects(run([{ Name: 'a', Type: 'VIRTUAL', RuntimeResource: { ResourceGroupId: 'nowhere' } }]), /Tasks\.1\.RuntimeResource\.ResourceGroupId .* no resource group nowhere/);
  await assert.rejects(
    run([
      { Name: 'a', Type: 'VIRTUAL', Dependencies: [{ UpstreamOutput: 'y' }], Outputs: { TaskOutputs: [{ Output: 'x' }] } },
      { Name: 'b', Type: 'VIRTUAL', Dependencies: [{ UpstreamOutput: 'x' }], Outputs: { TaskOutputs: [{ Output: 'y' }] } },
    ]),
    /in a circle: a, b/,
  );
});

test('a trigger node waits for its call, also for one that comes too early', async () => {
  const trigger = await publish({ fileType: 1114, command: 'SCHEDULER_TRIGGER' }, '', { name: 'trigger', spec: daily('00 00 10 * * ?') });
  await place.generation.makeDay(1, new Date('2026-03-21T00:00:00Z'));
  await settle();
  const status = async () => (await database.row<{ status: string }>(`select status from task_instance where task_id = $1 and dag_type = 'Normal' order by id desc limit 1`, [trigger]))?.status;
  assert.equal(await status(), 'WaitTrigger');
  await assert.rejects(callCurrent('TriggerSchedulerTaskInstance', { TaskId: trigger, TriggerTime: Date.parse('2026-03-21T03:00:00Z') }), refused('NotFound'));
  await callCurrent('TriggerSchedulerTaskInstance', { TaskId: trigger, TriggerTime: Date.parse('2026-03-21T02:00:00Z') });
  assert.equal(await status(), 'Success');
  await place.generation.makeDay(1, new Date('2026-03-22T00:00:00Z'));
  await settle();
  await call('RunTriggerNode', { AppId: WORKSPACE, NodeId: trigger, BizDate: Date.parse('2026-03-20T16:00:00Z'), CycleTime: Date.parse('2026-03-22T02:00:00Z') });
  assert.equal(await status(), 'WaitTime');
  clock.set(new Date('2026-03-22T02:00:00Z'));
  await settle();
  assert.equal(await status(), 'Success');
});

test('statistics count what is there', async () => {
  const count = async (more: object = {}) => (await call('GetInstanceStatusStatistic', { ...PROD, ProjectId: WORKSPACE, BizDate: '2026-03-20', ...more })).StatusCount;
  const { Data: dag = 0 } = await call('CreateDagTest', { ...PROD, Name: 's', NodeId: await publish(SHELL, 'exit 1', { name: 'counted' }), Bizdate: '2026-03-20 00:00:00' });
  await settle();
  await endRun(await idOf(dag, 'counted'), 'Failure');
  const all = await database.rows<{ status: string; count: number }>(`select status, count(*) as count from task_instance where bizdate = '2026-03-19T16:00:00Z' and environment = 'PROD' group by status`);
  const total = all.reduce((sum, row) => sum + row.count, 0);
  assert.equal((await count())?.TotalCount, total);
  assert.equal((await count())?.FailureCount, all.find((row) => row.status === 'Failure')?.count);
  assert.deepEqual([(await count({ DagType: 'SMOKE_TEST' }))?.FailureCount, (await count({ DagType: 'SMOKE_TEST' }))?.TotalCount], [1, 1]);
  assert.equal((await call('GetInstanceStatusCount', { ...PROD, ProjectId: WORKSPACE, BizDate: '2026-03-20' })).StatusCount?.TotalCount, total);
  const amounts = await call('ListInstanceAmount', { ProjectId: WORKSPACE, BeginDate: '2026-03-20T00:00:00+0800', EndDate: '2026-03-21T00:00:00+0800' });
  const scheduled = await database.rows<{ count: number }>(`select count(*) as count from task_instance where dag_type = 'Normal' group by bizdate order by bizdate`);
  assert.deepEqual(amounts.InstanceCounts?.map((one) => one.Count), scheduled.map((row) => row.count));
  const types = await call('GetFileTypeStatistic', { ...PROD, ProjectId: WORKSPACE });
  assert.equal(types.ProgramTypeAndCounts?.find((one) => one.ProgramType === '1114')?.Count, 1);
  assert.equal((await call('TopTenErrorTimesInstance', { ProjectId: WORKSPACE })).InstanceErrorRank?.ErrorRank?.some((one) => one.NodeName === 'counted' && (one.Count ?? 0) >= 1), true);
  assert.ok(((await call('TopTenElapsedTimeInstance', { ProjectId: WORKSPACE })).InstanceConsumeTimeRank?.ConsumeTimeRank?.length ?? 0) > 0);
  assert.equal((await call('ListSuccessInstanceAmount', { ProjectId: WORKSPACE })).InstanceStatusTrend?.TodayTrend?.length, 24);
});

test('an ad-hoc task with a longer time limit than there is is refused, not ended at once', async () => {
  const order = (Timeout: number) => callCurrent('ExecuteAdhocWorkflowInstance', { ProjectId: WORKSPACE, Name: 'long', Owner: '7', EnvType: 'Prod', BizDate: 20260320, Tasks: [{ Name: 'a', ClientUniqueCode: 'a', RuntimeResource: { ResourceGroupId: '' }, Type: 'DIDE_SHELL', Owner: '7', Timeout, Script: { Content: 'true' } }] });
  await assert.rejects(order(3_000_000), refused('InvalidParameter'));
  await assert.rejects(order(-1), refused('InvalidParameter'));
  assert.ok((await order(604_800)).WorkflowInstanceId);
});

test('a developer runs code of the moment in development, not on what production has', async () => {
  const order = (EnvType: string | undefined) =>
    callCurrent('ExecuteAdhocWorkflowInstance', { ProjectId: WORKSPACE, Name: 'where', Owner: '7', ...(EnvType === undefined ? {} : { EnvType }), BizDate: 20260320, Tasks: [{ Name: 'a', ClientUniqueCode: 'a', RuntimeResource: { ResourceGroupId: '' }, Type: 'DIDE_SHELL', Owner: '7', Script: { Content: 'true' } }] }, { rights: ['read', 'develop'] });
  await assert.rejects(order('Prod'), /needs operate/);
  for (const environment of ['Dev', undefined]) {
    const { WorkflowInstanceId = 0 } = await order(environment);
    assert.deepEqual(await database.row('select environment from dag_run where id = $1', [WorkflowInstanceId]), { environment: 'DEV' });
  }
});
