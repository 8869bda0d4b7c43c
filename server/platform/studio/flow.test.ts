import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { current, legacy, people, testPlatform, type TestPlatform } from '../../../test/support/platform.ts';
import { ApiError, type ErrorName } from '../../kernel/errors.ts';

const { developer, visitor, stranger } = people;
const refusal = (entry: ErrorName, text?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ApiError, String(error));
  assert.equal(error.entry, entry, error.message);
  if (text !== undefined) assert.match(error.message, text);
  return true;
};

type Json = Record<string, unknown>;
interface NodeDocument {
  version: string;
  kind: string;
  spec: { nodes: (Json & { id: string; script: Json & { path: string; content?: string; runtime: Json }; trigger: Json; inputs: { nodeOutputs: { data: string }[] }; outputs: { nodeOutputs: { data: string }[] } })[]; dependencies: { nodeId: string; depends: Json[] }[] };
}

const node = (name: string, extra: object = {}) => ({ name, id: name, script: { path: name, runtime: { command: 'DIDE_SHELL' }, content: `echo ${name}` }, ...extra });
const nodeSpec = (one: object, body: object = {}, kind = 'Node') => JSON.stringify({ version: '2.0.0', kind, spec: { nodes: [one], ...body } });
const output = (data: string) => ({ outputs: { nodeOutputs: [{ data, artifactType: 'NodeOutput' }] } });

/** A field of an object that is there. */
const field = <Value = Json>(object: Json | undefined, name: string) => {
  assert.ok(object !== undefined && name in object, name);
  return object[name] as Value;
};

describe('the studio of 2024-05-18', () => {
  let platform: TestPlatform;
  before(async () => {
    platform = await testPlatform();
  });
  after(() => platform.close());

  const call = (action: string, request: object = {}, caller = developer, version = current) => platform.gateway.call(caller, version, action, { ProjectId: platform.shop, ...request });
  const createNode = async (spec: string, extra: object = {}) => String((await call('CreateNode', { Scene: 'DATAWORKS_PROJECT', Spec: spec, ...extra }))['Id']);
  const getNode = async (Id: string) => {
    const { Node } = (await call('GetNode', { Id })) as { Node: Json };
    return { ...Node, document: JSON.parse(String(Node['Spec'])) as NodeDocument } as Json & { document: NodeDocument };
  };
  const row = (id: string) => platform.database.row<Json>('select name, state, content, container_id, use_type, command, file_type, folder_id, revision, owner_id, spec from node where id = $1', [id]);
  const listed = async (action: string, list: string, request: object = {}) => ((await call(action, request)) as { PagingInfo: Record<string, Json[]> & { TotalCount: number | string } }).PagingInfo[list] ?? [];
  const finished = async (job: Json) => {
    await platform.jobs.drain();
    return ((await call('GetJobStatus', { JobId: job['Id'] })) as { JobStatus: Json }).JobStatus;
  };

  it('creates a node from its least form, and fills in what a service fills in', async () => {
    const Id = await createNode(nodeSpec(node('load_day', { script: { path: 'daily/load_day', runtime: { command: 'DIDE_SHELL' }, content: 'echo ${day}', parameters: [{ name: 'day', scope: 'NodeParameter', type: 'System', value: '$[yyyymmdd-1]' }] }, ...output('shop.load_day'), futureKey: { kept: [1] } }), { dependencies: [{ nodeId: 'load_day', depends: [{ type: 'Normal', output: 'shop_root' }] }], xBody: 1 }));
    const { document, ...Node } = await getNode(Id);
    assert.deepEqual([Node['Id'], Node['Name'], Node['Owner'], Node['ProjectId'], Node['CreateTime']], [Id, 'load_day', '2', platform.shop, platform.clock.now().getTime()]);
    const [one] = document.spec.nodes;
    assert.ok(one);
    assert.equal(document.kind, 'Node');
    assert.deepEqual(document.spec.dependencies, [{ nodeId: Id, depends: [{ type: 'Normal', output: 'shop_root' }] }]);
    assert.equal((document.spec as unknown as Json)['xBody'], 1);
    assert.deepEqual([one.id, one.script.path, one.script.content, one.script.runtime['command'], one.script.runtime['commandTypeId']], [Id, 'daily/load_day', 'echo ${day}', 'DIDE_SHELL', 6]);
    assert.deepEqual(one['futureKey'], { kept: [1] });
    assert.deepEqual([one['recurrence'], one['rerunMode'], one['instanceMode'], one.trigger['type'], one.trigger['cron']], ['Normal', 'Allowed', 'T+1', 'Scheduler', '00 05 00 * * ?']);
    assert.deepEqual(one.inputs.nodeOutputs.map(({ data }) => data), ['shop_root']);
    assert.deepEqual(one.outputs.nodeOutputs.map(({ data }) => data), [`shop.${Id}_out`, 'shop.load_day']);
    assert.deepEqual([(await row(Id))?.['use_type'], (await row(Id))?.['content']], ['NORMAL', 'echo ${day}']);
  });

  it('writes a node so that it can be read again: what is got may be sent back and changes nothing', async () => {
    const Id = await createNode(nodeSpec(node('stable', { priority: 7, timeout: 3, trigger: { type: 'Scheduler', cron: '00 30 01 * * ?', delaySeconds: 5 }, metadata: { team: 'x' } }), { metadata: { from: 'a test' } }));
    const before = await row(Id);
    await call('UpdateNode', { Id, Spec: (await getNode(Id))['Spec'] });
    assert.equal((await row(Id))?.['revision'], before?.['revision']);
    assert.deepEqual(await row(Id), before);
  });

  it('changes only what an update names, and replaces lists', async () => {
    const Id = await createNode(nodeSpec(node('patched', { rerunTimes: 2, ...output('shop.patched'), datasource: { name: 'first', type: 'odps' } }), { dependencies: [{ nodeId: 'patched', depends: [{ output: 'shop.a' }, { type: 'CrossCycleDependsOnSelf', nodeId: 'patched' }] }] }));
    await call('UpdateNode', { Id, Spec: nodeSpec({ script: { content: 'echo 2' }, datasource: { name: 'second' }, recurrence: 'Pause', timeout: 2 }) });
    const { document } = await getNode(Id);
    const [one] = document.spec.nodes;
    assert.deepEqual([one?.script.content, one?.['rerunTimes'], one?.['datasource'], one?.['recurrence'], one?.['timeout'], one?.['timeoutUnit']], ['echo 2', 2, { name: 'second', type: 'odps' }, 'Pause', 2, 'HOURS']);
    assert.deepEqual(document.spec.dependencies[0]?.depends, [{ type: 'Normal', output: 'shop.a' }, { type: 'CrossCycleDependsOnSelf', nodeId: Id }]);
    await call('UpdateNode', { Id, Spec: nodeSpec({ outputs: { nodeOutputs: [{ data: 'shop.other' }] } }, { dependencies: [{ nodeId: Id, depends: [{ output: 'shop.b' }] }] }) });
    const again = (await getNode(Id)).document;
    assert.deepEqual(again.spec.nodes[0]?.outputs.nodeOutputs.map(({ data }) => data), [`shop.${Id}_out`, 'shop.other']);
    assert.deepEqual(again.spec.dependencies[0]?.depends, [{ type: 'Normal', output: 'shop.b' }]);
    await assert.rejects(call('UpdateNode', { Id, Spec: nodeSpec({ script: { runtime: { command: 'ODPS_SQL' } } }) }), refusal('InvalidParameter', /spec\.nodes\[0\]\.script\.runtime\.command.*stays/));
    await assert.rejects(call('UpdateNode', { Id: '1', Spec: nodeSpec({}) }), refusal('NotFound'));
  });

  it('is the same node in both dialects', async () => {
    const Id = await createNode(nodeSpec(node('shared', { ...output('shop.shared'), rerunMode: 'FailureAllowed' }), { dependencies: [{ nodeId: 'shared', depends: [{ output: 'shop_root' }] }] }));
    const file = (await call('GetFile', { FileId: Number(Id) }, developer, legacy)) as { Data: { File: Json; NodeConfiguration: Json & { InputList: Json[]; OutputList: Json[] } } };
    assert.deepEqual([file.Data.File['FileName'], file.Data.File['FileType'], file.Data.File['Content'], file.Data.NodeConfiguration['RerunMode']], ['shared', 6, 'echo shared', 'FAILURE_ALLOWED']);
    assert.deepEqual(file.Data.NodeConfiguration.InputList, [{ Input: 'shop_root', ParseType: 'MANUAL' }]);
    assert.deepEqual(file.Data.NodeConfiguration.OutputList.map((one) => one['Output']), [`shop.${Id}_out`, 'shop.shared']);
    await call('UpdateFile', { FileId: Number(Id), Content: 'echo from files', CronExpress: '00 10 03 * * ?', ParaValue: 'a=1' }, developer, legacy);
    const [one] = (await getNode(Id)).document.spec.nodes;
    assert.deepEqual([one?.script.content, one?.trigger['cron'], field<Json[]>(one?.script, 'parameters')[0]?.['name']], ['echo from files', '00 10 03 * * ?', 'a']);

    const created = Number((await call('CreateFile', { FileName: 'by_file', FileType: 10, Content: 'select 1' }, developer, legacy))['Data']);
    const made = await getNode(String(created));
    assert.deepEqual([made['Name'], made.document.spec.nodes[0]?.script.runtime['command']], ['by_file', 'ODPS_SQL']);
    await call('RenameNode', { Id: String(created), Name: 'renamed_there' });
    assert.equal(((await call('GetFile', { FileId: created }, developer, legacy)) as { Data: { File: Json } }).Data.File['FileName'], 'renamed_there');
  });

  it('keeps manual tasks unscheduled', async () => {
    const Id = await createNode(nodeSpec(node('once'), {}, 'ManualNode'), { Scene: 'DATAWORKS_MANUAL_TASK' });
    const { document } = await getNode(Id);
    assert.deepEqual([document.kind, document.spec.nodes[0]?.trigger['type'], document.spec.nodes[0]?.trigger['cron'], (await row(Id))?.['use_type']], ['ManualNode', 'Manual', '', 'MANUAL']);
    assert.deepEqual((await listed('ListNodes', 'Nodes', { Scene: 'DataworksManualTask' })).map((one) => one['Id']), [Id]);
    assert.ok(!(await listed('ListNodes', 'Nodes', { Scene: 'DataworksProject', PageSize: 100 })).some((one) => one['Id'] === Id));
  });

  it('refuses bad specs with the place of the fault', async () => {
    const create = (Spec: string, extra: object = {}) => call('CreateNode', { Scene: 'DATAWORKS_PROJECT', Spec, ...extra });
    await assert.rejects(create('{"version"'), refusal('InvalidParameter', /Spec JSON parse failed/));
    await assert.rejects(create(nodeSpec({ name: 'x', script: { path: 'x' } })), refusal('InvalidParameter', /spec\.nodes\[0\]\.script\.runtime\.command: script\.runtime\.command is empty \(0x5083000000000010\)/));
    await assert.rejects(create(nodeSpec(node('x'), {}, 'CycleWorkflow')), refusal('InvalidParameter', /spec kind and request not match/));
    await assert.rejects(create(JSON.stringify({ version: '2.0.0', kind: 'Node', spec: {} })), refusal('InvalidParameter', /spec\.nodes/));
    await assert.rejects(create(nodeSpec(node('x/y', { script: { runtime: { command: 'VIRTUAL' } } }))), refusal('InvalidParameter', /spec\.nodes\[0\]\.name/));
    await assert.rejects(create(nodeSpec(node('x')), { Scene: 'SOMEWHERE' }), refusal('InvalidParameter', /Scene/));
    await assert.rejects(create(nodeSpec(node('x')), { ContainerId: '77' }), refusal('NotFound'));
    await assert.rejects(create(nodeSpec(node('heavy', { ballast: 'x'.repeat(1_100_000) }))), refusal('InvalidParameter', /at most 1048576 bytes/));
    await createNode(nodeSpec(node('twice')));
    await assert.rejects(create(nodeSpec(node('twice'))), refusal('AlreadyExists'));
    await assert.rejects(call('CreateNode', { Scene: 'DATAWORKS_PROJECT', Spec: nodeSpec(node('y')) }, visitor), refusal('Forbidden'));
    await assert.rejects(platform.gateway.call(stranger, current, 'GetNode', { Id: await createNode(nodeSpec(node('mine'))) }), refusal('MissingParameter'));
  });

  it('lists nodes by what is asked, and what a node waits for', async () => {
    const first = await createNode(nodeSpec(node('dep_a', output('shop.dep_a'))));
    const second = await createNode(nodeSpec(node('dep_b')));
    const last = await createNode(nodeSpec(node('dep_c', { recurrence: 'Skip', rerunMode: 'Denied' }), { dependencies: [{ nodeId: 'dep_c', depends: [{ output: 'shop.dep_a' }, { nodeId: second }] }] }));
    const upstream = await call('ListNodeDependencies', { Id: last });
    const info = (upstream as { PagingInfo: { TotalCount: string; Nodes: Json[] } }).PagingInfo;
    assert.deepEqual([info.TotalCount, info.Nodes.map((one) => one['Id'])], ['2', [first, second]]);
    assert.deepEqual((await listed('ListNodes', 'Nodes', { Name: 'DEP_', Recurrence: 'Skip', RerunMode: 'Denied' })).map((one) => one['Id']), [last]);
    const [shown] = await listed('ListNodes', 'Nodes', { Name: 'dep_a' });
    assert.deepEqual([shown?.['Script'], field<{ NodeOutputs: Json[] }>(shown, 'Outputs').NodeOutputs[1]], [{ Id: first, Path: 'dep_a', Runtime: { Command: 'DIDE_SHELL' } }, { Data: 'shop.dep_a', RefTableName: '' }]);
  });

  it('moves, renames and deletes', async () => {
    const Id = await createNode(nodeSpec(node('mover')));
    await call('MoveNode', { Id, Path: 'deep/er' });
    await call('RenameNode', { Id, Name: 'moved' });
    const [one] = (await getNode(Id)).document.spec.nodes;
    assert.deepEqual([one?.['name'], one?.script.path], ['moved', 'deep/er/moved']);
    assert.equal(((await call('GetFolder', { FolderPath: 'deep/er' }, developer, legacy)) as { Data: Json }).Data['FolderPath'], 'deep/er');
    await call('DeleteNode', { Id });
    assert.equal((await row(Id))?.['state'], 'RECYCLE_BIN');
    assert.ok(platform.events.codes().includes('delete-file'));
    await assert.rejects(call('DeleteNode', { Id }), refusal('NotFound'));
  });

  const workflow = (name: string, kind = 'CycleWorkflow', extra: object = {}) =>
    JSON.stringify({
      version: '2.0.0',
      kind,
      spec: {
        workflows: [
          {
            name,
            script: { path: `flows/${name}`, runtime: { command: 'WORKFLOW' } },
            ...(kind === 'CycleWorkflow' ? { trigger: { type: 'Scheduler', cron: '00 10 02 * * ?', timezone: 'Asia/Shanghai' } } : {}),
            strategy: { rerunMode: 'FailureAllowed', failureStrategy: 'Break' },
            nodes: [node('a', output(`shop.${name}_a`)), node('b'), { ...node('loop'), script: { path: 'loop', runtime: { command: 'CONTROLLER_CYCLE' } }, 'do-while': { maxIterations: 3, nodes: [node('body')], while: { name: 'stop', script: { path: 'stop', runtime: { command: 'CONTROLLER_CYCLE_END' } } }, flow: [{ nodeId: 'stop', depends: [{ nodeId: 'body' }] }] } }],
            dependencies: [{ nodeId: 'b', depends: [{ nodeId: 'a' }] }, { nodeId: 'loop', depends: [{ output: `shop.${name}_a` }] }],
            ...extra,
          },
        ],
      },
    });

  it('creates a workflow with its nodes and loops, and shows it whole', async () => {
    const Id = String((await call('CreateWorkflowDefinition', { Spec: workflow('nightly') }))['Id']);
    const below = await listed('ListNodes', 'Nodes', { ContainerId: Id });
    assert.deepEqual(below.map((one) => one['Name']).toSorted(), ['a', 'b', 'loop']);
    const loop = below.find((one) => one['Name'] === 'loop');
    assert.deepEqual((await listed('ListNodes', 'Nodes', { ContainerId: loop?.['Id'] })).map((one) => (one['Script'] as Json)['Path']).toSorted(), ['flows/nightly/loop/body', 'flows/nightly/loop/stop']);
    // Nodes without a trigger of their own have the workflow's.
    assert.deepEqual(field(below[0], 'Trigger')['Cron'], '00 10 02 * * ?');
    const got = (await call('GetWorkflowDefinition', { Id, IncludeScriptContent: true })) as { WorkflowDefinition: Json & { Spec: string } };
    const document = JSON.parse(got.WorkflowDefinition.Spec) as { kind: string; spec: { workflows: (Json & { nodes: Json[]; dependencies: Json[] })[] } };
    const [one] = document.spec.workflows;
    assert.deepEqual([document.kind, one?.['name'], one?.['rerunMode'], one?.['strategy'], one?.nodes.length, one?.dependencies.length], ['CycleWorkflow', 'nightly', 'FailureAllowed', { failureStrategy: 'Break' }, 3, 2]);
    const inner = (one?.nodes.find((each) => each['name'] === 'loop')?.['do-while'] ?? {}) as Json & { nodes: Json[] };
    assert.deepEqual([inner['maxIterations'], inner.nodes.length], [3, 2]);
    assert.equal(((one?.nodes.find((each) => each['name'] === 'a')?.['script'] ?? {}) as Json)['content'], 'echo a');
    const bare = (await call('GetWorkflowDefinition', { Id })) as { WorkflowDefinition: { Spec: string } };
    assert.ok(!bare.WorkflowDefinition.Spec.includes('echo a'));

    // What is shown can be imported elsewhere: the same workflow again.
    const copy = JSON.parse(got.WorkflowDefinition.Spec.replaceAll('flows/nightly', 'copies/nightly').replaceAll('shop.nightly_a', 'shop.copy_a')) as object;
    const { AsyncJob } = (await call('ImportWorkflowDefinition', { Spec: JSON.stringify(copy) })) as { AsyncJob: Json };
    assert.deepEqual([AsyncJob['Status'], AsyncJob['Completed']], ['Running', false]);
    assert.equal((await finished(AsyncJob))['Status'], 'Success');
    const copyId = (JSON.parse(String(AsyncJob['Response'])) as { Id: string }).Id;
    assert.equal((await platform.database.row<{ path: string }>('select container_path($1) as path', [copyId]))?.path, 'copies/nightly');
    assert.equal((await listed('ListNodes', 'Nodes', { ContainerId: copyId })).length, 3);
  });

  it('changes a workflow, its nodes, and the trigger that they share', async () => {
    const Id = String((await call('CreateWorkflowDefinition', { Spec: workflow('changing') }))['Id']);
    await call('UpdateWorkflowDefinition', {
      Id,
      Spec: JSON.stringify({ version: '2.0.0', kind: 'CycleWorkflow', spec: { workflows: [{ trigger: { cron: '00 20 04 * * ?' }, nodes: [{ name: 'a', priority: 8 }, node('new')], dependencies: [{ nodeId: 'a', depends: [{ nodeId: 'new' }] }] }] } }),
    });
    const below = await listed('ListNodes', 'Nodes', { ContainerId: Id });
    assert.deepEqual(below.map((one) => one['Name']).toSorted(), ['a', 'b', 'loop', 'new']);
    assert.ok(below.every((one) => (one['Trigger'] as Json)['Cron'] === '00 20 04 * * ?'));
    const a = await getNode(String(below.find((one) => one['Name'] === 'a')?.['Id']));
    const fresh = String(below.find((one) => one['Name'] === 'new')?.['Id']);
    assert.deepEqual([a.document.spec.nodes[0]?.['priority'], a.document.spec.dependencies[0]?.depends.map((one) => one['output'])], [8, [`shop.${fresh}_out`]]);
    await assert.rejects(call('UpdateWorkflowDefinition', { Id, Spec: workflow('changing', 'ManualWorkflow') }), refusal('InvalidParameter', /kind/));
    await call('RenameWorkflowDefinition', { Id, Name: 'changed' });
    await call('MoveWorkflowDefinition', { Id, Path: 'elsewhere' });
    const inside = String(below[0]?.['Id']);
    assert.match((await getNode(inside)).document.spec.nodes[0]?.script.path ?? '', /^elsewhere\/changed\//);
    await assert.rejects(call('MoveNode', { Id: inside, Path: 'x' }), refusal('WrongState'));
    await assert.rejects(call('SubmitFile', { FileId: Number(inside) }, developer, legacy), refusal('WrongState', /CreatePipelineRun/));
    await call('CreateNode', { Scene: 'DATAWORKS_PROJECT', ContainerId: Id, Spec: nodeSpec(node('added')) });
    await call('DeleteNode', { Id: inside });
    assert.equal((await listed('ListNodes', 'Nodes', { ContainerId: Id })).length, 4);
    await call('DeleteWorkflowDefinition', { Id });
    assert.deepEqual((await listed('ListNodes', 'Nodes', { ContainerId: Id })).length, 0);
    assert.equal((await row(fresh))?.['state'], 'RECYCLE_BIN');
    await assert.rejects(call('GetFile', { FileId: Number(Id) }, developer, legacy), refusal('NotFound'));
  });

  it('lists workflows by their kind, and keeps manual ones unscheduled', async () => {
    const Id = String((await call('CreateWorkflowDefinition', { Spec: workflow('repair', 'ManualWorkflow') }))['Id']);
    const trigger = String((await call('CreateWorkflowDefinition', { Spec: workflow('waiting', 'TriggerWorkflow') }))['Id']);
    assert.deepEqual((await listed('ListWorkflowDefinitions', 'WorkflowDefinitions', { Type: 'ManualWorkflow' })).map((one) => [one['Id'], one['Type']]), [[Id, 'ManualWorkflow']]);
    assert.deepEqual((await listed('ListWorkflowDefinitions', 'WorkflowDefinitions', { Type: 'TriggerWorkflow' })).map((one) => one['Id']), [trigger]);
    assert.ok((await listed('ListWorkflowDefinitions', 'WorkflowDefinitions', { PageSize: 100 })).every((one) => one['Type'] === 'CycleWorkflow'));
    const [inner] = await listed('ListNodes', 'Nodes', { ContainerId: Id });
    assert.deepEqual([field(inner, 'Trigger')['Type'], (await row(String(inner?.['Id'])))?.['use_type']], ['Manual', 'MANUAL_BIZ']);
  });

  it('imports the older form, looks without changing, and tells why an import failed', async () => {
    const older = { version: '1.1.0', kind: 'CycleWorkflow', spec: { name: 'weekly', triggers: [{ id: 't', type: 'Scheduler', cron: '00 00 03 ? * MON' }], scripts: [{ id: 's', path: 'weekly/report.sql', runtime: { command: 'ODPS_SQL' } }], nodes: [{ id: 'start', name: 'start', script: { runtime: { command: 'VIRTUAL' } }, trigger: '{{t}}', timeout: 60 }, { id: 'report', name: 'report', script: '{{s}}', trigger: '{{t}}' }], flow: [{ nodeId: '{{report}}', depends: [{ nodeId: '{{start}}' }] }] } };
    const count = () => platform.database.row<{ count: number }>('select count(*) as count from node');
    const before = await count();
    const dry = (await call('ImportWorkflowDefinition', { Spec: JSON.stringify(older), DryRun: true })) as { AsyncJob: Json };
    assert.deepEqual([dry.AsyncJob['Status'], JSON.parse(String(dry.AsyncJob['Response']))], ['Success', { NodeCount: 2 }]);
    assert.deepEqual(await count(), before);
    const { AsyncJob } = (await call('ImportWorkflowDefinition', { Spec: JSON.stringify(older) })) as { AsyncJob: Json };
    const status = await finished(AsyncJob);
    assert.deepEqual([status['Status'], status['Completed'], status['JobType']], ['Success', 'true', 'Create']);
    const { Id } = JSON.parse(String(AsyncJob['Response'])) as { Id: string };
    const below = await listed('ListNodes', 'Nodes', { ContainerId: Id });
    assert.deepEqual(below.map((one) => [(one['Trigger'] as Json)['Cron'], (one['Strategy'] as Json)['Timeout']]).toSorted(), [['00 00 03 ? * MON', 0], ['00 00 03 ? * MON', 60]]);
    const again = (await call('ImportWorkflowDefinition', { Spec: JSON.stringify(older) })) as { AsyncJob: Json };
    const failed = await finished(again.AsyncJob);
    assert.equal(failed['Status'], 'Fail');
    assert.match(String(failed['Error']), /already a workflow definition weekly/);
    await assert.rejects(call('ImportWorkflowDefinition', { Spec: JSON.stringify({ ...older, spec: { ...older.spec, name: undefined } }) }), refusal('InvalidParameter', /spec\.name/));
    await assert.rejects(call('GetJobStatus', { JobId: 'none' }), refusal('NotFound'));
    await assert.rejects(platform.gateway.call(stranger, current, 'GetJobStatus', { JobId: AsyncJob['Id'] }), refusal('NotFound'));
  });

  it('lets what nodes say of each other follow them to their ids', async () => {
    const spec = {
      version: '1.1.0',
      kind: 'CycleWorkflow',
      spec: {
        name: 'control',
        nodes: [
          { id: 'fork', name: 'fork', script: { path: 'fork', runtime: { command: 'CONTROLLER_BRANCH' } }, branch: { branches: [{ when: '1 == 1', output: { data: 'shop.one' } }] } },
          { id: 'list', name: 'list', script: { path: 'list', runtime: { command: 'CONTROLLER_ASSIGNMENT' }, content: 'echo 1' }, outputs: { variables: [{ name: 'outputs', scope: 'NodeContext', type: 'NodeOutput', value: '${outputs}' }] } },
          { ...node('reader'), inputs: { variables: [{ name: 'outputs', inputName: 'rows', scope: 'NodeContext', type: 'NodeOutput', value: '${outputs}', node: { name: 'list' } }] } },
          { id: 'meet', name: 'meet', script: { path: 'meet', runtime: { command: 'CONTROLLER_JOIN' } }, join: { branches: [{ name: 'b', nodeId: 'reader', assertion: { field: 'status', in: ['1'] } }], logic: { expression: 'b' } } },
        ],
        flow: [{ nodeId: 'reader', depends: [{ nodeId: 'list' }, { output: 'shop.one' }] }, { nodeId: 'meet', depends: [{ nodeId: 'reader' }] }],
      },
    };
    const { AsyncJob } = (await call('ImportWorkflowDefinition', { Spec: JSON.stringify(spec) })) as { AsyncJob: Json };
    assert.equal((await finished(AsyncJob))['Status'], 'Success');
    const { Id } = JSON.parse(String(AsyncJob['Response'])) as { Id: string };
    const below = await listed('ListNodes', 'Nodes', { ContainerId: Id });
    const idOf = (name: string) => String(below.find((one) => one['Name'] === name)?.['Id']);
    const specOf = async (name: string) => ((await row(idOf(name)))?.['spec'] ?? {}) as Json & { inputs: { variables: Json[] }; join: { branches: Json[] }; outputs: { nodeOutputs: Json[] } };
    assert.deepEqual((await specOf('fork')).outputs.nodeOutputs.map((one) => one['data']), [`shop.${idOf('fork')}_out`, 'shop.one']);
    assert.deepEqual((await specOf('reader')).inputs.variables[0]?.['node'], { name: 'list', nodeId: idOf('list'), output: `shop.${idOf('list')}_out` });
    assert.equal((await specOf('meet')).join.branches[0]?.['nodeId'], idOf('reader'));
  });

  it('holds resources in both dialects', async () => {
    const spec = (content: string, extra: object = {}) => JSON.stringify({ version: '1.1.0', kind: 'Resource', spec: { fileResources: [{ name: 'tools.py', type: 'python', script: { path: 'res/tools.py', content, runtime: { command: 'ODPS_PYTHON' } }, file: { storage: {} }, datasource: { name: 'odps_first', type: 'odps' }, ...extra }] } });
    const Id = String((await call('CreateResource', { Spec: spec('print(1)', { xKept: true }) }))['Id']);
    const file = (await call('GetFile', { FileId: Number(Id) }, developer, legacy)) as { Data: { File: Json } };
    assert.deepEqual([file.Data.File['FileName'], file.Data.File['FileType'], file.Data.File['Content']], ['tools.py', 12, 'print(1)']);
    await call('UpdateResource', { Id, Spec: spec('print(2)') });
    await call('UpdateResource', { Id, Spec: spec('ignored'), ResourceFile: 'http://files/tools.py' });
    const got = (await call('GetResource', { Id })) as { Resource: { Spec: string } };
    const [one] = (JSON.parse(got.Resource.Spec) as { spec: { fileResources: (Json & { script: Json })[] } }).spec.fileResources;
    assert.deepEqual([one?.script['content'], one?.script['path'], one?.['xKept'], one?.['type']], ['fetched from http://files/tools.py', 'res/tools.py', true, 'python']);
    await call('RenameResource', { Id, Name: 'kit.py' });
    await call('MoveResource', { Id, Path: 'kits' });
    assert.deepEqual((await listed('ListResources', 'Resources', { Type: 'Python' })).map((each) => [each['Name'], (each['Script'] as Json)['Path'], each['Type'], each['DataSource']]), [['kit.py', 'kits/kit.py', 'Python', { Name: 'odps_first', Type: 'odps' }]]);
    const other = Number((await call('CreateResourceFile', { FileName: 'old.jar', FileType: 13, FileFolderPath: '/kits', OriginResourceName: 'old.jar', RegisterToCalcEngine: true, Content: 'x' }, developer, legacy))['Data']);
    assert.deepEqual((await listed('ListResources', 'Resources', { Type: 'Jar' })).map((each) => [each['Id'], each['SourcePath']]), [[String(other), 'old.jar']]);
    await call('DeleteResource', { Id });
    assert.equal((await row(Id))?.['state'], 'RECYCLE_BIN');
  });

  it('holds functions in both dialects', async () => {
    const spec = JSON.stringify({ version: '1.1.0', kind: 'Function', spec: { functions: [{ name: 'plus_one', type: 'math', className: 'tools.PlusOne', script: { path: 'fn/plus_one', content: '{}', runtime: { command: 'ODPS_FUNCTION' } }, usageDescription: 'adds one', fileResources: [{ name: 'tools.py' }] }] } });
    const Id = String((await call('CreateFunction', { Spec: spec }))['Id']);
    await call('UpdateFunction', { Id, Spec: JSON.stringify({ version: '2.0.0', kind: 'Function', spec: { functions: [{ usageExample: 'plus_one(1)' }] } }) });
    await call('UpdateUdfFile', { FileId: Id, ClassName: 'tools.PlusTwo', FunctionType: 'STRING', Resources: 'tools.py,more.py' }, developer, legacy);
    const [shown] = await listed('ListFunctions', 'Functions', { Type: 'String' });
    assert.deepEqual([shown?.['Id'], shown?.['ClassName'], shown?.['Description'], shown?.['ExampleDescription'], shown?.['FileResource']], [Id, 'tools.PlusTwo', 'adds one', 'plus_one(1)', 'tools.py,more.py']);
    const made = Number((await call('CreateUdfFile', { FileName: 'by_file', ClassName: 'C', FunctionType: 'DATE', Resources: 'a.jar', FileFolderPath: 'fn', UdfDescription: 'd', CreateFolderIfNotExists: true }, developer, legacy))['Data']);
    const got = (await call('GetFunction', { Id: String(made) })) as { Function: { Spec: string; Name: string } };
    assert.deepEqual([got.Function.Name, (JSON.parse(got.Function.Spec) as { spec: { functions: Json[] } }).spec.functions[0]?.['className']], ['by_file', 'C']);
    await call('MoveFunction', { Id, Path: 'fn/more' });
    assert.equal((await call('RenameFunction', { Id, Name: 'plus_two' }))['Success'], 'true');
    assert.equal(field((await listed('ListFunctions', 'Functions', { Name: 'plus_two' }))[0], 'Script')['Path'], 'fn/more/plus_two');
    await call('DeleteFunction', { Id });
    assert.equal((await row(Id))?.['state'], 'RECYCLE_BIN');
  });

  it('holds components', async () => {
    const spec = (extra: object) => JSON.stringify({ version: '1.1.0', kind: 'Component', spec: { components: [{ name: 'top_n', description: 'first rows', script: { path: 'cmp/top_n', content: 'select * from @@{t} limit @@{n};', runtime: { command: 'SQL_COMPONENT' } }, inputs: [{ name: 't', type: 'table' }, { name: 'n', type: 'string', defaultValue: '10' }], outputs: [{ name: 'o', type: 'table' }], ...extra }] } });
    const ComponentId = String((await call('CreateComponent', { Spec: spec({}) }))['ComponentId']);
    await call('UpdateComponent', { ComponentId, Spec: spec({ description: 'the first rows' }) });
    const got = (await call('GetComponent', { ComponentId })) as { Component: Json & { Spec: string } };
    assert.deepEqual([got.Component['Name'], got.Component['Description'], got.Component['CreateTime']], ['top_n', 'the first rows', '2026-03-22T06:30:00Z']);
    assert.match(got.Component.Spec, /limit @@\{n\}/);
    const [shown] = await listed('ListComponents', 'Components', { Name: 'top' });
    assert.deepEqual([shown?.['CreateTime'], field<Json[]>(shown, 'Inputs')[1]], ['2026-03-22 06:30:00', { Name: 'n', Type: 'string', DefaultValue: '10' }]);
    await call('DeleteComponent', { ComponentId });
    assert.equal((await row(ComponentId))?.['state'], 'RECYCLE_BIN');
  });

  it('keeps snapshots of drafts, whichever dialect saved them', async () => {
    const Id = await createNode(nodeSpec(node('history')));
    await call('UpdateNode', { Id, Spec: nodeSpec({ script: { content: 'echo 2' } }) });
    await call('UpdateFile', { FileId: Number(Id), Content: 'echo 3' }, developer, legacy);
    const saved = (await call('ListSnapshots', { Namespace: String(platform.shop), ObjectId: Id, Type: 'Saved' })) as { PagingInfo: { TotalCount: number; Snapshots: Json[] } };
    assert.deepEqual(saved.PagingInfo.Snapshots.map((one) => one['Version']), [3, 2, 1]);
    const first = (await call('GetSnapshot', { Id: saved.PagingInfo.Snapshots[2]?.['Id'] })) as { Snapshot: Json & { Content: { Content: string; Spec: string } } };
    assert.deepEqual([first.Snapshot.Content.Content, first.Snapshot['ObjectId'], (JSON.parse(first.Snapshot.Content.Spec) as NodeDocument).spec.nodes[0]?.script.content], ['echo history', Id, 'echo history']);
    assert.match(String(first.Snapshot['Id']), /^[0-9a-f]{32}$/);
    await assert.rejects(platform.gateway.call(stranger, current, 'GetSnapshot', { Id: first.Snapshot['Id'] }), refusal('NotFound'));
    await assert.rejects(call('ListSnapshots', { Namespace: '1', ObjectId: Id, Type: 'Saved' }), refusal('NotFound'));
  });

  it('keeps parameters with their versions, and secrets to itself', async () => {
    const create = async (Name: string, Type: string, Value: string) => Number((await call('CreateParameter', { Name, Type, Owner: '2', Properties: [{ EnvType: 'Prod', Value }, { EnvType: 'Dev', Value: 'dev' }] }))['Id']);
    const Id = await create('region', 'PlainConstant', 'north');
    const secret = await create('token', 'SecretConstant', 'hush-hush');
    assert.equal((await call('UpdateParameter', { Id, Properties: [{ EnvType: 'Prod', Value: 'south' }], Description: 'where' }))['Version'], 2);
    await call('RollbackParameter', { Id, RollbackVersion: 1 });
    const { Parameter } = (await call('GetParameter', { Id })) as { Parameter: Json };
    assert.deepEqual([Parameter['Version'], Parameter['Properties'], Parameter['Description'], Parameter['Owner']], [3, [{ EnvType: 'Prod', Value: 'north' }, { EnvType: 'Dev', Value: 'dev' }], '', '2']);
    const versions = (await call('ListParameterVersions', { Id, SortBy: 'Version Asc' })) as { PagingInfo: { ParameterVersion: Json[] } };
    assert.deepEqual(versions.PagingInfo.ParameterVersion.map((one) => [one['Version'], (one['Properties'] as Json[])[0]?.['Value']]), [[1, 'north'], [2, 'south'], [3, 'north']]);
    assert.deepEqual((await listed('ListParameters', 'Parameters', { Names: ['token'], Type: 'SecretConstant' })).map((one) => [one['Id'], one['Properties']]), [[secret, [{ EnvType: 'Prod' }, { EnvType: 'Dev' }]]]);
    const stored = await platform.database.rows<object>('select p.*, v.* from parameter p join parameter_version v on v.parameter_id = p.id');
    assert.ok(!JSON.stringify(stored).includes('hush'));
    await assert.rejects(create('region', 'PlainConstant', 'x'), refusal('AlreadyExists'));
    await assert.rejects(call('RollbackParameter', { Id, RollbackVersion: 9 }), refusal('NotFound'));
    await assert.rejects(platform.gateway.call(stranger, current, 'GetParameter', { Id }), refusal('NotFound'));
    await call('DeleteParameter', { Id });
    await assert.rejects(call('GetParameter', { Id }), refusal('NotFound'));
    assert.equal((await platform.database.rows('select 1 from parameter_version where parameter_id = $1', [Id])).length, 0);
  });
});
