import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { manualClock } from '../../kernel/clock.ts';
import { addDays } from './calendar.ts';
import { schedulingPlace, WORKSPACE, ZERO_LOAD } from './scheduling.fixture.ts';

/** A place whose scheduler looks when it is told, at the time it is told. */
async function newPlace(t: TestContext, start: string, timeZone = 'Asia/Shanghai') {
  const clock = manualClock(new Date(start));
  const place = await schedulingPlace({ schedule: false, clock, timeZone });
  t.after(place.close);
  const at = async (moment: string) => {
    clock.set(new Date(moment));
    await place.scheduler.drain();
  };
  /** Instances by name, in the order of their time: status and time on the wall of Shanghai. */
  const all = () =>
    place.database.rows<{ name: string; status: string; task_type: string; due: string; parameters: { name: string; value: string }[] }>(
      `select name, status, task_type, to_char(trigger_time at time zone '${timeZone}', 'MM-DD HH24:MI') as due, parameters from task_instance where dag_type = 'Normal' order by trigger_time, name`,
    );
  return { ...place, clock, at, all };
}

const spec = (cron: string, more: object = {}) => ({ trigger: { type: 'Scheduler', cron, timezone: 'Asia/Shanghai' }, ...more });
const outputs = (...names: string[]) => ({ outputs: { nodeOutputs: names.map((data) => ({ data, artifactType: 'NodeOutput' })) } });
const inputs = (...names: string[]) => ({ inputs: { nodeOutputs: names.map((data) => ({ data, artifactType: 'NodeOutput' })) } });

test('instances of tomorrow are made in the evening, wait for their upstreams and their time, and run', async (t) => {
  const { publish, at, all } = await newPlace(t, '2026-03-20T04:00:00Z');
  await publish(ZERO_LOAD, '', { name: 'a', spec: spec('00 05 00 * * ?', outputs('w.a')) });
  await publish(ZERO_LOAD, '', { name: 'b', spec: { ...spec('00 00 02 * * ?', { ...inputs('w.a', 'w_root'), ...outputs('w.b') }), script: { parameters: [{ name: 'day', type: 'System', value: '$bizdate' }] } } });
  await publish(ZERO_LOAD, '', { name: 'c', spec: spec('00 00 01 * * ?', inputs('w.b')) });
  // What was published first counts from the next day.
  await at('2026-03-20T12:00:00Z');
  assert.deepEqual(await all(), []);
  await at('2026-03-20T15:31:00Z');
  assert.deepEqual((await all()).map(({ name, status, due }) => [name, status, due]), [['a', 'WaitTime', '03-21 00:05'], ['c', 'NotRun', '03-21 01:00'], ['b', 'NotRun', '03-21 02:00']]);
  await at('2026-03-20T16:05:00Z');
  assert.deepEqual((await all()).map(({ name, status }) => [name, status]), [['a', 'Success'], ['c', 'NotRun'], ['b', 'WaitTime']]);
  await at('2026-03-20T18:00:00Z');
  assert.deepEqual((await all()).map(({ name, status }) => [name, status]), [['a', 'Success'], ['c', 'Success'], ['b', 'Success']]);
  assert.deepEqual((await all()).find(({ name }) => name === 'b')?.parameters, [{ name: 'day', value: '20260320' }]);
});

test('a day is made once, also when it is made again, and missed days are made up for', async (t) => {
  const { publish, at, all, generation, database } = await newPlace(t, '2026-03-20T04:00:00Z');
  await publish(ZERO_LOAD, '', { name: 'a', spec: spec('00 05 00 * * ?') });
  await at('2026-03-20T12:00:00Z');
  await at('2026-03-23T12:00:00Z');
  assert.deepEqual((await all()).map(({ due, status }) => [due, status]), [['03-21 00:05', 'Success'], ['03-22 00:05', 'Success'], ['03-23 00:05', 'Success']]);
  await generation.makeDay(1, new Date('2026-03-23T00:00:00Z'));
  await at('2026-03-23T12:01:00Z');
  assert.equal((await all()).length, 3);
  assert.deepEqual(await database.rows(`select type, status, count(*) as count from dag_run group by 1, 2`), [{ type: 'Normal', status: 'Success', count: 3 }]);
});

test('frozen nodes fail, dry ones and days that are not due succeed without running, and what hangs on a failure waits', async (t) => {
  const { publish, at, all } = await newPlace(t, '2026-03-20T04:00:00Z');
  await publish(ZERO_LOAD, '', { name: 'frozen', spec: spec('00 00 01 * * ?', { recurrence: 'Pause', ...outputs('w.f') }) });
  await publish(ZERO_LOAD, '', { name: 'behind', spec: spec('00 00 01 * * ?', inputs('w.f')) });
  await publish({ fileType: 6, command: 'DIDE_SHELL' }, 'exit 1', { name: 'dry', spec: spec('00 00 01 * * ?', { recurrence: 'Skip' }) });
  // Mondays only; 2026-03-21 is a Saturday.
  await publish({ fileType: 6, command: 'DIDE_SHELL' }, 'exit 1', { name: 'monday', spec: spec('00 00 01 ? * 1') });
  await publish(ZERO_LOAD, '', { name: 'isolated', spec: spec('00 00 01 * * ?', inputs('nowhere.at.all')) });
  await at('2026-03-20T12:00:00Z');
  await at('2026-03-20T16:00:00Z');
  await at('2026-03-20T18:00:00Z');
  assert.deepEqual(
    (await all()).map(({ name, status, task_type }) => [name, status, task_type]),
    [['behind', 'NotRun', 'NORMAL'], ['dry', 'Success', 'SKIP'], ['frozen', 'Failure', 'PAUSE'], ['isolated', 'NotRun', 'NORMAL'], ['monday', 'Success', 'SKIP_CYCLE']],
  );
});

test('hourly and daily tasks wait for each other by their cycles, and for their own cycle before', async (t) => {
  const { publish, at, database } = await newPlace(t, '2026-03-20T04:00:00Z');
  await publish(ZERO_LOAD, '', { name: 'hourly', spec: spec('00 00 */6 * * ?', { ...outputs('w.h'), dependencies: [{ type: 'CrossCycleDependsOnSelf' }] }) });
  await publish(ZERO_LOAD, '', { name: 'half', spec: spec('00 30 00,12 * * ?', inputs('w.h')) });
  await publish(ZERO_LOAD, '', { name: 'daily', spec: spec('00 00 03 * * ?', inputs('w.h')) });
  await at('2026-03-20T12:00:00Z');
  await at('2026-03-20T15:31:00Z');
  await at('2026-03-21T15:31:00Z');
  const edges = await database.rows<{ down: string; up: string }>(
    `select d.name || ' ' || to_char(d.trigger_time at time zone 'Asia/Shanghai', 'DD HH24:MI') as down, u.name || ' ' || to_char(u.trigger_time at time zone 'Asia/Shanghai', 'DD HH24:MI') as up
     from instance_edge e join task_instance d on d.id = e.downstream_id join task_instance u on u.id = e.upstream_id where d.trigger_time > '2026-03-21T15:59:00Z' order by 1, 2`,
  );
  assert.deepEqual(edges.map(({ down, up }) => `${down} <- ${up}`), [
    'daily 22 03:00 <- hourly 22 00:00',
    'daily 22 03:00 <- hourly 22 06:00',
    'daily 22 03:00 <- hourly 22 12:00',
    'daily 22 03:00 <- hourly 22 18:00',
    'half 22 00:30 <- hourly 22 00:00',
    'half 22 12:30 <- hourly 22 06:00',
    'half 22 12:30 <- hourly 22 12:00',
    'hourly 22 00:00 <- hourly 21 18:00',
    'hourly 22 06:00 <- hourly 22 00:00',
    'hourly 22 12:00 <- hourly 22 06:00',
    'hourly 22 18:00 <- hourly 22 12:00',
  ]);
});

test('what counts at once gets the rest of today, its past cycles expired', async (t) => {
  const { publish, at, all, clock } = await newPlace(t, '2026-03-20T04:00:00Z');
  await at('2026-03-20T04:00:00Z');
  clock.set(new Date('2026-03-20T04:30:00Z'));
  await publish(ZERO_LOAD, '', { name: 'now', spec: spec('00 00 */6 * * ?', { instanceMode: 'Immediately' }) });
  await at('2026-03-20T04:31:00Z');
  const expected = (last: string) => [['03-20 00:00', 'Success', 'REALTIME_DEPRECATED'], ['03-20 06:00', 'Success', 'REALTIME_DEPRECATED'], ['03-20 12:00', 'Success', 'REALTIME_DEPRECATED'], ['03-20 18:00', last, 'NORMAL']];
  assert.deepEqual((await all()).map(({ due, status, task_type }) => [due, status, task_type]), expected('WaitTime'));
  await at('2026-03-20T10:00:00Z');
  assert.deepEqual((await all()).map(({ due, status, task_type }) => [due, status, task_type]), expected('Success'));
});

test('the nodes of a workflow have its cycles and parameters, and others wait for its ends', async (t) => {
  const { publish, changes, actor, scheduling, at, all, database } = await newPlace(t, '2026-03-20T04:00:00Z');
  const workflowId = await changes.change(actor, async (change) => {
    const id = await scheduling.reserveTaskId(change);
    await scheduling.publishWorkflow(change, {
      workflowId: id,
      workspaceId: WORKSPACE,
      environment: 'PROD',
      fileId: 5,
      fileVersion: 1,
      name: 'flow',
      kind: 'CycleWorkflow',
      ownerId: 7,
      spec: { ...spec('00 00 04 * * ?'), ...outputs('w.flow'), script: { parameters: [{ name: 'city', type: 'Constant', value: 'Hangzhou' }] } },
    });
    return id;
  });
  await publish(ZERO_LOAD, '', { name: 'first', workflowId, spec: outputs('w.first') });
  await publish(ZERO_LOAD, '', { name: 'second', workflowId, spec: inputs('w.first') });
  await publish(ZERO_LOAD, '', { name: 'after', spec: spec('00 00 01 * * ?', inputs('w.flow')) });
  await at('2026-03-20T12:00:00Z');
  await at('2026-03-20T16:00:00Z');
  await at('2026-03-20T19:59:00Z');
  assert.deepEqual((await all()).map(({ name, status, due }) => [name, status, due]), [['after', 'NotRun', '03-21 01:00'], ['first', 'WaitTime', '03-21 04:00'], ['second', 'NotRun', '03-21 04:00']]);
  await at('2026-03-20T20:00:00Z');
  assert.deepEqual((await all()).map(({ status }) => status), ['Success', 'Success', 'Success']);
  assert.deepEqual((await all())[1]?.parameters, [{ name: 'city', value: 'Hangzhou' }]);
  assert.deepEqual(await database.rows(`select name, flow_id = ${workflowId} as own, status from dag_run order by name`), [
    { name: 'flow', own: true, status: 'Success' },
    { name: `workspace_${WORKSPACE}_2026-03-21`, own: false, status: 'Success' },
  ]);
});

test('a workflow that counts at once runs its nodes today, in their order', async (t) => {
  const { publish, changes, actor, scheduling, at, all } = await newPlace(t, '2026-03-20T04:30:00Z');
  const workflowId = await changes.change(actor, (change) => scheduling.reserveTaskId(change));
  await publish(ZERO_LOAD, '', { name: 'second', workflowId, spec: inputs('w.first') });
  await publish(ZERO_LOAD, '', { name: 'first', workflowId, spec: outputs('w.first') });
  const flow = { workflowId, workspaceId: WORKSPACE, environment: 'PROD', fileId: 5, fileVersion: 1, name: 'flow', kind: 'CycleWorkflow', ownerId: 7, spec: spec('00 00 13 * * ?', { instanceMode: 'Immediately' }) } as const;
  await changes.change(actor, (change) => scheduling.publishWorkflow(change, flow));
  await changes.change(actor, (change) => scheduling.publishWorkflow(change, { ...flow, fileVersion: 2 }));
  await at('2026-03-20T04:31:00Z');
  assert.deepEqual((await all()).map(({ name, status, due }) => [name, status, due]), [['first', 'WaitTime', '03-20 13:00'], ['second', 'NotRun', '03-20 13:00']]);
  await at('2026-03-20T05:00:00Z');
  assert.deepEqual((await all()).map(({ name, status }) => [name, status]), [['first', 'Success'], ['second', 'Success']]);
});

test('a month passes in seconds, each day once', async (t) => {
  const { publish, at, all } = await newPlace(t, '2026-03-01T04:00:00Z');
  await publish(ZERO_LOAD, '', { name: 'a', spec: spec('00 10 00 * * ?', outputs('w.a')) });
  await publish(ZERO_LOAD, '', { name: 'b', spec: spec('00 20 00 * * ?', { ...inputs('w.a'), dependencies: [{ type: 'CrossCycleDependsOnSelf' }] }) });
  await at('2026-03-01T05:00:00Z');
  for (let day = 0; day < 31; day += 1) await at(addDays(new Date('2026-03-01T16:30:00Z'), day).toISOString());
  const rows = await all();
  assert.equal(rows.length, 62);
  assert.ok(rows.every(({ status }) => status === 'Success'));
  assert.equal(new Set(rows.map(({ name, due }) => `${name} ${due}`)).size, 62);
});

test('instances past their time are forgotten with all that is theirs, and told by their owners', async (t) => {
  const { publish, at, all, clock, retention, database, events } = await newPlace(t, '2026-03-20T04:00:00Z');
  await publish(ZERO_LOAD, '', { name: 'a', spec: spec('00 05 00 * * ?', outputs('w.a')) });
  await publish(ZERO_LOAD, '', { name: 'b', ownerId: 21, spec: spec('00 05 00 * * ?', inputs('w.a')) });
  await at('2026-03-20T12:00:00Z');
  await at('2026-03-22T12:00:00Z');
  assert.equal((await all()).length, 4);
  clock.set(new Date('2026-06-18T12:00:00Z'));
  assert.equal(await retention.round(), 2);
  assert.deepEqual((await all()).map(({ due }) => due), ['03-22 00:05', '03-22 00:05']);
  const told = events.filter((event) => event.code === 'expired-task-instances-deleted').map((event) => event.data);
  assert.deepEqual(told.map((data) => data['owner']).toSorted(), ['21', '7']);
  assert.equal(told.flatMap((data) => data['deletedTaskInstanceIds']).length, 2);
  assert.deepEqual(await database.rows('select from instance_edge e where not exists (select from task_instance i where i.id = e.downstream_id)'), []);
  assert.equal(await retention.round(), 0);
});
