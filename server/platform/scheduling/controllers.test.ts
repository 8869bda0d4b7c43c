import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { loopRows, substituteLoop } from './loop.ts';
import { schedulingPlace, SHELL, WORKSPACE, ZERO_LOAD } from './scheduling.fixture.ts';

const place = await schedulingPlace();
const { publish, database } = place;
before(() => place.start());
after(place.close);

const ASSIGNMENT = { fileType: 1100, command: 'CONTROLLER_ASSIGNMENT' };
const BRANCH = { fileType: 1101, command: 'CONTROLLER_BRANCH' };
const JOIN = { fileType: 1102, command: 'CONTROLLER_JOIN' };
const CYCLE = { fileType: 1103, command: 'CONTROLLER_CYCLE' };
const CYCLE_END = { fileType: 1105, command: 'CONTROLLER_CYCLE_END' };
const TRAVERSE = { fileType: 1106, command: 'CONTROLLER_TRAVERSE' };
const HUB = { fileType: 1115, command: 'PARAM_HUB' };

const outputs = (...names: string[]) => ({ outputs: { nodeOutputs: names.map((data) => ({ data })) } });
const inputs = (names: readonly string[], variables: readonly object[] = []) => ({ inputs: { nodeOutputs: names.map((data) => ({ data })), variables } });
const reads = (inputName: string, output: string, name = 'outputs') => ({ name, inputName, artifactType: 'Variable', scope: 'NodeContext', type: 'NodeOutput', node: { output } });

/** Runs tasks together for one business date; answers the states by name once the run has ended. */
async function play(...taskIds: number[]): Promise<{ dagId: number; states: Record<string, string>; log(name: string): Promise<string> }> {
  const tasks = await place.tasksOf(1, taskIds);
  const { dagId } = await place.changes.change(place.actor, (change) => place.dags.make(change, { name: 'play', type: 'SupplementData', workspaceId: WORKSPACE, environment: 'PROD', bizdate: new Date('2026-03-10T00:00:00Z'), tasks }));
  await eventually('the run ends', async () => ['Success', 'Failure'].includes((await database.row<{ status: string }>('select status from dag_run where id = $1', [dagId]))?.status ?? ''), 20_000);
  const rows = await database.rows<{ id: number; name: string; status: string; task_type: string }>('select id, name, status, task_type from task_instance where dag_id = $1 order by id', [dagId]);
  return {
    dagId,
    states: Object.fromEntries(rows.map((row) => [row.name, row.task_type === 'CONDITION_UNCHOOSE' ? 'not run' : row.status])),
    log: (name) => place.log(rows.find((row) => row.name === name)?.id ?? 0),
  };
}

test('what an assignment puts out last is read by its children, in every language', async () => {
  const shell = await publish(ASSIGNMENT, 'echo first; echo a,b', { name: 'as_shell', spec: { script: { language: 'shell' }, ...outputs('as.shell') } });
  const sql = await publish(ASSIGNMENT, JSON.stringify({ language: 'odps', content: 'select 1; select * from (values (1, null), (2, \'x\')) t(a, b)' }), { name: 'as_sql', spec: outputs('as.sql') });
  const reader = await publish(SHELL, 'echo "got $one and $two"', { name: 'as_reader', spec: inputs(['as.shell', 'as.sql'], [reads('one', 'as.shell'), reads('two', 'as.sql')]) });
  const { states, log } = await play(shell, sql, reader);
  assert.deepEqual(states, { as_shell: 'Success', as_sql: 'Success', as_reader: 'Success' });
  assert.equal(await log('as_reader'), 'got a,b and [["1",null],["2","x"]]\n');
});

test('a branch lets the chosen way run, the others and what hangs on them are not run, a join brings them together', async () => {
  const value = await publish(ASSIGNMENT, 'echo 7', { name: 'br_value', spec: { script: { language: 'shell' }, ...outputs('br.value') } });
  const branches = JSON.stringify([{ condition: '${n} > 10', nodeoutput: 'br.large' }, { condition: "${n} > 5 and '${n}' != ''", nodeoutput: 'br.middle' }, { condition: 'True', nodeoutput: 'br.rest' }]);
  const branch = await publish(BRANCH, branches, { name: 'br', spec: { ...inputs(['br.value'], [reads('n', 'br.value')]), ...outputs('br.large', 'br.middle', 'br.rest') } });
  const large = await publish(ZERO_LOAD, '', { name: 'br_large', spec: { ...inputs(['br.large']), ...outputs('br.l') } });
  const behind = await publish(ZERO_LOAD, '', { name: 'br_behind', spec: { ...inputs(['br.l']), ...outputs('br.b') } });
  const middle = await publish(SHELL, 'exit 0', { name: 'br_middle', spec: { ...inputs(['br.middle']), ...outputs('br.m') } });
  const anyway = await publish(SHELL, 'echo anyway', { name: 'br_anyway', spec: { ...inputs(['br.rest']), ignoreBranchConditionSkip: true } });
  const join = (logic: number) => JSON.stringify({ branchList: [{ node: 'br.b', runStatus: [1] }, { node: 'br.m', runStatus: [1], logic }], resultStatus: '1' });
  const either = await publish(JOIN, join(2), { name: 'br_either', spec: { ...inputs(['br.b', 'br.m']), ...outputs('br.j') } });
  const both = await publish(JOIN, join(1), { name: 'br_both', spec: inputs(['br.b', 'br.m']) });
  const after2 = await publish(ZERO_LOAD, '', { name: 'br_after', spec: inputs(['br.j']) });
  const { states } = await play(value, branch, large, behind, middle, anyway, either, both, after2);
  assert.deepEqual(states, {
    br_value: 'Success',
    br: 'Success',
    br_large: 'not run',
    br_behind: 'not run',
    br_middle: 'Success',
    br_anyway: 'Success',
    br_either: 'Success',
    br_both: 'Failure',
    br_after: 'Success',
  });
});

test('a join decides on failures too, and by an expression', async () => {
  const bad = await publish(SHELL, 'exit 3', { name: 'jo_bad', spec: outputs('jo.bad') });
  const good = await publish(ZERO_LOAD, '', { name: 'jo_good', spec: outputs('jo.good') });
  const join = { branches: [{ name: 'a', output: 'jo.bad', assertion: { field: 'status', in: ['FAILURE'] } }, { name: 'b', output: 'jo.good', assertion: { field: 'status', in: ['SUCCESS'] } }], logic: { expression: 'a and b' } };
  const joined = await publish(JOIN, '', { name: 'jo_joined', spec: { join, ...inputs(['jo.bad', 'jo.good']) } });
  const { states } = await play(bad, good, joined);
  assert.deepEqual(states, { jo_bad: 'Failure', jo_good: 'Success', jo_joined: 'Success' });
});

test('a parameter hub passes constants, expressions and values of others on', async () => {
  const source = await publish(ASSIGNMENT, 'echo 42', { name: 'hub_source', spec: { script: { language: 'shell' }, ...outputs('hub.source') } });
  const variables = [
    { name: 'fixed', type: 'Constant', value: 'x' },
    { name: 'day', type: 'System', value: '$bizdate' },
    { name: 'answer', type: 'PassThrough', referenceVariable: { name: 'outputs', node: { output: 'hub.source' } } },
  ];
  const hub = await publish(HUB, '', { name: 'hub', spec: { 'param-hub': { variables }, ...inputs(['hub.source']), ...outputs('hub.out') } });
  const reader = await publish(SHELL, 'echo "$f $d $a"', { name: 'hub_reader', spec: inputs(['hub.out'], [reads('f', 'hub.out', 'fixed'), reads('d', 'hub.out', 'day'), reads('a', 'hub.out', 'answer')]) });
  const { log } = await play(source, hub, reader);
  assert.equal(await log('hub_reader'), 'x 20260310 42\n');
});

test('for-each runs its body for every row, do-while until its end says so; both keep to their limit', async () => {
  const rows = await publish(ASSIGNMENT, 'echo \'[["a",1],["b",2],["c",3]]\'', { name: 'fe_rows', spec: { script: { language: 'shell' }, ...outputs('fe.rows') } });
  const each = await publish(TRAVERSE, '', { name: 'fe', spec: { 'for-each': { maxIterations: 2 }, ...inputs(['fe.rows'], [reads('loopDataArray', 'fe.rows')]), ...outputs('fe.out') } });
  await publish(SHELL, 'echo "${dag.loopTimes}: ${dag.foreach.current[0]} of ${dag.loopDataArray[2][1]} at ${dag.offset}"', { name: 'fe_body', workflowId: each, spec: outputs('fe.body') });
  const loop = await publish(CYCLE, '', { name: 'dw', spec: { 'do-while': { maxIterations: 5 }, ...inputs(['fe.out']) } });
  await publish(SHELL, 'echo round ${dag.loopTimes}', { name: 'dw_body', workflowId: loop, spec: outputs('dw.body') });
  await publish(CYCLE_END, JSON.stringify({ language: 'shell', content: 'if [ ${dag.loopTimes} -ge 3 ]; then echo False; else echo True; fi' }), { name: 'dw_end', workflowId: loop, spec: inputs(['dw.body']) });
  const { states } = await play(rows, each, loop);
  assert.deepEqual(states, { fe_rows: 'Success', fe: 'Success', dw: 'Success' });
  const inner = async (OuterNodeId: number, more: object = {}) => (await place.call('ListInnerNodes', { ProjectId: WORKSPACE, OuterNodeId, PageNumber: 1, PageSize: 10, ...more })).Paging?.Nodes?.map((node) => node.NodeName);
  assert.deepEqual([await inner(each), await inner(loop), await inner(rows)], [['fe_body'], ['dw_body', 'dw_end'], []]);
  assert.deepEqual([await inner(loop, { ProgramType: String(CYCLE_END.fileType) }), await inner(loop, { NodeName: 'bod' }), await inner(loop, { PageNumber: 2, PageSize: 1 })], [['dw_end'], ['dw_body'], ['dw_end']]);
  const logs = async (name: string) => Promise.all((await database.rows<{ id: number }>('select id from task_instance where name = $1 order by id', [name])).map((row) => place.log(row.id)));
  assert.deepEqual(await logs('fe_body'), ['1: a of 3 at 0\n', '2: b of 3 at 1\n']);
  assert.deepEqual(await logs('dw_body'), ['round 1\n', 'round 2\n', 'round 3\n']);
});

test('a loop whose round fails has failed, and runs anew from its first round', async () => {
  const each = await publish(TRAVERSE, '', { name: 'bad', spec: { 'for-each': { maxIterations: 9 }, script: { parameters: [{ name: 'loopDataArray', type: 'Constant', value: 'x,y\\,z' }] } } });
  await publish(SHELL, 'test "${dag.offset}" = 0', { name: 'bad_body', workflowId: each });
  const { dagId, states } = await play(each);
  assert.deepEqual(states, { bad: 'Failure' });
  const id = (await database.row<{ id: number }>('select id from task_instance where dag_id = $1', [dagId]))?.id ?? 0;
  assert.equal((await database.row<{ error_text: string }>('select error_text from task_instance where id = $1', [id]))?.error_text, 'Round 2 of the loop has failed.');
  await place.call('RestartInstance', { ProjectEnv: 'PROD', InstanceId: id });
  await eventually('it has failed again', async () => (await database.row<{ count: number }>('select count(*) as count from dag_run where parent_instance_id = $1', [id]))?.count === 4 && (await place.status(id)) === 'Failure');
});

test('a loop that is stopped takes its rounds with it', async () => {
  const each = await publish(TRAVERSE, '', { name: 'halt', spec: { 'for-each': { maxIterations: 9, parallelism: 2 }, script: { parameters: [{ name: 'loopDataArray', type: 'Constant', value: 'x,y,z' }] } } });
  await publish(SHELL, 'sleep 60', { name: 'halt_body', workflowId: each });
  const tasks = await place.tasksOf(1, [each]);
  const { dagId } = await place.changes.change(place.actor, (change) => place.dags.make(change, { name: 'play', type: 'SupplementData', workspaceId: WORKSPACE, environment: 'PROD', bizdate: new Date('2026-03-10T00:00:00Z'), tasks }));
  const bodies = () => database.rows<{ status: string }>(`select status from task_instance where name = 'halt_body' order by id`);
  await eventually('both rounds run', async () => (await bodies()).filter(({ status }) => status === 'Running').length === 2);
  const id = (await database.row<{ id: number }>('select id from task_instance where dag_id = $1', [dagId]))?.id ?? 0;
  await place.call('StopInstance', { ProjectEnv: 'PROD', InstanceId: id });
  assert.equal(await place.status(id), 'Failure');
  await eventually('nothing of it runs any more', async () => (await bodies()).every(({ status }) => status === 'Failure'));
  assert.equal((await bodies()).length, 2, 'no further round has begun');
});

test('rows are read from JSON and from lists, and values of a loop are put in their place', () => {
  assert.deepEqual(loopRows('[["a", 1], ["b", null]]'), [['a', '1'], ['b', '']]);
  assert.deepEqual(loopRows('a,b\\,c,'), [['a'], ['b,c'], ['']]);
  assert.deepEqual(loopRows('[not json'), [['[not json']]);
  assert.deepEqual(loopRows(''), []);
  const loop = { offset: 1, loopTimes: 2, current: ['x', 'y'], array: [['p', 'q'], ['x', 'y']] };
  assert.equal(substituteLoop('${dag.foreach.current} ${dag.foreach.current[1]} ${dag.loopDataArray[0][1]} ${dag.loopDataArray[1]} ${dag.unknown} ${other}', loop), 'x,y y q x,y ${dag.unknown} ${other}');
});
