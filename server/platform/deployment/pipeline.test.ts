import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { current, legacy, people, testPlatform, type TestPlatform } from '../../../test/support/platform.ts';
import { ApiError, type ErrorName } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { stageStatesBefore } from './states.ts';

const { admin, developer, stranger } = people;
const refusal = (entry: ErrorName, text?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ApiError, String(error));
  assert.equal(error.entry, entry, error.message);
  if (text !== undefined) assert.match(error.message, text);
  return true;
};

interface Stage {
  Code: string;
  Type: string;
  Status: string;
  Message: string;
  Step: number;
  Detail?: { Checks: { Status: string; Tip: string }[] };
}
interface Run {
  Id: string;
  Status: string;
  Message: string;
  Stages: Stage[];
}

const nodeOf = (name: string, extra: object = {}) => ({ name, id: name, script: { path: name, runtime: { command: 'DIDE_SHELL' }, content: `echo ${name}` }, ...extra });
const gives = (data: string) => ({ outputs: { nodeOutputs: [{ data, artifactType: 'NodeOutput' }] } });

describe('the pipeline', () => {
  let platform: TestPlatform;
  let simple: number;
  before(async () => {
    platform = await testPlatform();
    simple = await platform.createWorkspace('basic', false);
  });
  after(() => platform.close());
  beforeEach(() => {
    platform.holds.holding.clear();
    platform.scheduling.published.length = 0;
    platform.scheduling.publishedWorkflows.length = 0;
    platform.scheduling.order.length = 0;
    platform.scheduling.withdrawn.length = 0;
    platform.scheduling.withdrawnWorkflows.length = 0;
  });

  const call = (action: string, request: object = {}, caller = admin, version = current) => platform.gateway.call(caller, version, action, { ProjectId: simple, ...request });
  const createNode = async (name: string, extra: object = {}, depends: object[] = [], request: object = {}) =>
    String((await call('CreateNode', { Scene: 'DATAWORKS_PROJECT', Spec: JSON.stringify({ version: '2.0.0', kind: 'Node', spec: { nodes: [nodeOf(name, extra)], dependencies: depends.length === 0 ? [] : [{ nodeId: name, depends }] } }), ...request }))['Id']);
  const createRun = async (id: string, request: object = {}) => String((await call('CreatePipelineRun', { Type: 'Online', ObjectIds: [id], ...request }))['Id']);
  const getRun = async (Id: string, request: object = {}) => ((await call('GetPipelineRun', { Id, ...request })) as unknown as { Pipeline: Run }).Pipeline;
  const stages = (run: Run) => run.Stages.map((stage) => `${stage.Code} ${stage.Status}`);
  /** Begins a stage and lets it be carried out. */
  const exec = async (Id: string, Code: string, request: object = {}) => {
    await call('ExecPipelineRunStage', { Id, Code, ...request });
    await platform.jobs.drain();
    return getRun(Id, request);
  };
  /** All the way to production. */
  const publish = async (id: string, request: object = {}) => {
    const run = await createRun(id, { RunMode: 'Auto', ...request });
    await platform.jobs.drain();
    return getRun(run);
  };
  const row = (id: string) => platform.database.row<{ deployed_version: number | null; committed_version: number | null; state: string; task_id: number }>('select deployed_version, committed_version, state, task_id from node where id = $1', [id]);

  it('refuses a page of items whose code is too much for one answer', async () => {
    const run = await createRun(await createNode('heavy', gives('basic.heavy'), [{ output: 'basic_root' }]));
    await platform.jobs.drain();
    const limit = limits.pageContentBytes as { value: number };
    const { value } = limit;
    limit.value = 10;
    await assert.rejects(call('ListPipelineRunItems', { PipelineRunId: run }), refusal('InvalidParameter', /smaller page/)).finally(() => {
      limit.value = value;
    });
    await call('ListPipelineRunItems', { PipelineRunId: run });
  });

  it('goes stage by stage to production in a simple workspace', async () => {
    const id = await createNode('first', gives('basic.first'), [{ output: 'basic_root' }]);
    const run = await createRun(id, { Description: 'the first' });
    assert.match(run, /^[0-9a-f-]{36}$/);
    assert.deepEqual(stages(await getRun(run)), ['BUILD_PACKAGE Running', 'PROD_CHECK Init', 'PROD Init']);
    await platform.jobs.drain();
    const built = await getRun(run);
    assert.deepEqual([built.Status, ...stages(built)], ['Running', 'BUILD_PACKAGE Success', 'PROD_CHECK Init', 'PROD Init']);
    assert.deepEqual(built.Stages.map(({ Type, Step }) => [Type, Step]), [['Build', 1], ['Check', 2], ['Deploy', 3]]);
    assert.deepEqual([(await row(id))?.committed_version, (await row(id))?.deployed_version], [1, null]);
    await assert.rejects(call('ExecPipelineRunStage', { Id: run, Code: 'PROD' }), refusal('WrongState', /PROD_CHECK comes first/));
    await assert.rejects(call('ExecPipelineRunStage', { Id: run, Code: 'DEV' }), refusal('InvalidParameter'));
    assert.deepEqual(stages(await exec(run, 'PROD_CHECK')), ['BUILD_PACKAGE Success', 'PROD_CHECK Success', 'PROD Init']);
    await assert.rejects(call('ExecPipelineRunStage', { Id: run, Code: 'PROD_CHECK' }), refusal('WrongState'));
    const done = await exec(run, 'PROD');
    assert.deepEqual([done.Status, ...stages(done)], ['Success', 'BUILD_PACKAGE Success', 'PROD_CHECK Success', 'PROD Success']);
    assert.deepEqual(platform.scheduling.published.map((task) => [task.name, task.environment, task.fileId, task.workflowId]), [['first', 'PROD', Number(id), undefined]]);
    assert.equal((await row(id))?.deployed_version, 1);
    await assert.rejects(call('ExecPipelineRunStage', { Id: run, Code: 'PROD' }), refusal('WrongState', /Success/));
    await assert.rejects(call('AbolishPipelineRun', { Id: run }), refusal('WrongState'));

    const { PagingInfo } = (await call('ListPipelineRunItems', { PipelineRunId: run })) as unknown as { PagingInfo: { TotalCount: number; PipelineRunItems: { Id: string; Type: string; Version: number; Status: string; Spec: string }[] } };
    assert.deepEqual(PagingInfo.PipelineRunItems.map((item) => [item.Id, item.Type, item.Version, item.Status, (JSON.parse(item.Spec) as { kind: string }).kind]), [[id, 'Node', 1, 'Success', 'Node']]);
    const list = async (request: object) => ((await call('ListPipelineRuns', request)) as unknown as { PagingInfo: { PipelineRuns: Run[] } }).PagingInfo.PipelineRuns.map((one) => one.Id);
    assert.deepEqual(await list({ ObjectId: id, Status: 'Success', Creator: '1' }), [run]);
    assert.deepEqual(await list({ ObjectId: id, Status: 'Fail' }), []);
    // A run is a deployment of the legacy dialect too.
    const deployment = await platform.database.row<{ id: number }>('select id from deployment where run_id = $1', [run]);
    const old = (await call('GetDeployment', { DeploymentId: deployment?.id }, admin, legacy)) as { Data: { Deployment: { Status: number; ToEnvironment: number }; DeployedItems: object[] } };
    assert.deepEqual([old.Data.Deployment.Status, old.Data.Deployment.ToEnvironment, old.Data.DeployedItems], [1, 2, [{ FileId: Number(id), FileVersion: 1, Status: 1 }]]);
    const snapshots = (await call('ListSnapshots', { Namespace: String(simple), ObjectId: id, Type: 'Deployed' })) as unknown as { PagingInfo: { Snapshots: { Version: number }[] } };
    assert.deepEqual(snapshots.PagingInfo.Snapshots.map((one) => one.Version), [1]);
  });

  it('goes by development in a standard workspace, and by itself up to the stage that is named', async () => {
    const shop = { ProjectId: platform.shop };
    const id = await createNode('standard', {}, [], shop);
    const run = await createRun(id, { ...shop, RunMode: 'Auto', AutoRunUntilStage: 'DEV' });
    await platform.jobs.drain();
    const half = await getRun(run, shop);
    assert.deepEqual([half.Status, ...stages(half)], ['Running', 'BUILD_PACKAGE Success', 'DEV_CHECK Success', 'DEV Success', 'PROD_CHECK Init', 'PROD Init']);
    assert.deepEqual(platform.scheduling.published.map((task) => task.environment), ['DEV']);
    await exec(run, 'PROD_CHECK', shop);
    // A developer may not go to production.
    await assert.rejects(call('ExecPipelineRunStage', { ...shop, Id: run, Code: 'PROD' }, developer), refusal('Forbidden'));
    await assert.rejects(call('CreatePipelineRun', { ...shop, Type: 'Online', ObjectIds: [id], RunMode: 'Auto' }, developer), refusal('Forbidden'));
    await call('CreatePipelineRun', { ...shop, Type: 'Online', ObjectIds: [id] }, developer);
    assert.equal((await exec(run, 'PROD', shop)).Status, 'Success');
    assert.deepEqual(platform.scheduling.published.map((task) => task.environment), ['DEV', 'PROD']);
    await assert.rejects(call('CreatePipelineRun', { ...shop, Type: 'Online', ObjectIds: [id], RunMode: 'Auto', AutoRunUntilStage: 'NEVER' }), refusal('InvalidParameter', /DEV_CHECK/));
    await assert.rejects(platform.gateway.call(stranger, current, 'GetPipelineRun', { ...shop, Id: run }), refusal('WorkspaceNotFound'));
    await assert.rejects(call('GetPipelineRun', { Id: run }), refusal('NotFound'));
    await assert.rejects(call('GetPipelineRun', { Id: 'no uuid' }), refusal('NotFound'));
  });

  it('waits for the extensions in a check stage, and goes on with OK', async () => {
    const id = await createNode('checked');
    platform.holds.holding.add('deploy-file');
    const run = await createRun(id, { RunMode: 'Auto' });
    await platform.jobs.drain();
    const waiting = await getRun(run);
    assert.deepEqual([waiting.Status, ...stages(waiting)], ['Running', 'BUILD_PACKAGE Success', 'PROD_CHECK Running', 'PROD Init']);
    assert.equal(waiting.Stages[1]?.Detail?.Checks[0]?.Status, 'CHECKING');
    const proposal = platform.holds.proposals.at(-1);
    assert.deepEqual([proposal?.point, proposal?.title, proposal?.data['fileVersion']], ['deploy-file', 'checked', 1]);
    await assert.rejects(call('ExecPipelineRunStage', { Id: run, Code: 'PROD' }), refusal('WrongState', /PROD_CHECK/));
    await platform.decide('WARN', 'look at it');
    await platform.jobs.drain();
    const done = await getRun(run);
    assert.deepEqual([done.Status, ...stages(done), done.Stages[1]?.Detail?.Checks], ['Success', 'BUILD_PACKAGE Success', 'PROD_CHECK Success', 'PROD Success', [{ FileId: id, HoldId: platform.holds.proposals.length, Status: 'PASSED', Verdict: 'WARN', Tip: 'look at it' }]]);
  });

  it('fails when an extension says FAIL, and leaves production as it was', async () => {
    const id = await createNode('blocked');
    platform.holds.holding.add('deploy-file');
    const run = await createRun(id, { RunMode: 'Auto' });
    await platform.jobs.drain();
    await platform.decide('FAIL', 'max_pt is banned');
    const failed = await getRun(run);
    assert.deepEqual([failed.Status, failed.Message, ...stages(failed)], ['Fail', 'blocked: max_pt is banned', 'BUILD_PACKAGE Success', 'PROD_CHECK Fail', 'PROD Termination']);
    assert.deepEqual([(await row(id))?.deployed_version, platform.scheduling.published.length], [null, 0]);
    await assert.rejects(call('ExecPipelineRunStage', { Id: run, Code: 'PROD' }), refusal('WrongState', /not running/));
    platform.holds.holding.clear();
    assert.equal((await publish(id)).Status, 'Success');
  });

  it('is abolished while it waits, with its holds', async () => {
    const id = await createNode('given_up');
    platform.holds.holding.add('deploy-file');
    const run = await createRun(id, { RunMode: 'Auto' });
    await platform.jobs.drain();
    await call('AbolishPipelineRun', { Id: run });
    const gone = await getRun(run);
    assert.deepEqual([gone.Status, ...stages(gone)], ['Cancel', 'BUILD_PACKAGE Success', 'PROD_CHECK Cancel', 'PROD Cancel']);
    assert.equal(platform.holds.withdrawn.at(-1), platform.holds.proposals.length);
    await platform.decide('OK');
    await platform.jobs.drain();
    assert.deepEqual([(await getRun(run)).Status, (await row(id))?.deployed_version], ['Cancel', null]);
    const early = await createRun(id);
    await call('AbolishPipelineRun', { Id: early });
    await platform.jobs.drain();
    assert.deepEqual(stages(await getRun(early)), ['BUILD_PACKAGE Cancel', 'PROD_CHECK Cancel', 'PROD Cancel']);
  });

  const workflow = (name: string, nodes: object[], dependencies: object[], extra: object = {}) =>
    JSON.stringify({ version: '2.0.0', kind: 'CycleWorkflow', spec: { workflows: [{ name, script: { path: name, runtime: { command: 'WORKFLOW' } }, trigger: { type: 'Scheduler', cron: '00 10 02 * * ?' }, nodes, dependencies, ...extra }] } });

  it('publishes a workflow with its nodes, and a node in it through it alone', async () => {
    const loop = { ...nodeOf('loop'), script: { path: 'loop', runtime: { command: 'CONTROLLER_CYCLE' } }, 'do-while': { maxIterations: 2, nodes: [nodeOf('body')] } };
    const id = String((await call('CreateWorkflowDefinition', { Spec: workflow('flow', [nodeOf('a', gives('basic.flow_a')), nodeOf('b'), loop], [{ nodeId: 'b', depends: [{ nodeId: 'a' }] }, { nodeId: 'loop', depends: [{ nodeId: 'b' }] }]) }))['Id']);
    const inside = await platform.database.rows<{ id: number; name: string }>('select id, name from node where container_id = $1 order by id', [id]);
    await assert.rejects(createRun(String(inside[0]?.id)), refusal('WrongState', /published with it/));
    const done = await publish(id);
    assert.equal(done.Status, 'Success', done.Message);
    const [published] = platform.scheduling.publishedWorkflows;
    assert.ok(published);
    assert.deepEqual([published.name, published.kind, published.environment, (published.spec['trigger'] as { cron: string }).cron], ['flow', 'CycleWorkflow', 'PROD', '00 10 02 * * ?']);
    const tasks = platform.scheduling.published;
    const taskOf = (name: string) => tasks.find((task) => task.name === name);
    assert.deepEqual(tasks.map((task) => [task.name, task.workflowId]), [['a', published.workflowId], ['b', published.workflowId], ['loop', published.workflowId], ['body', taskOf('loop')?.taskId]]);
    // A workflow that counts at once makes instances of the nodes that are there when it comes.
    assert.equal(platform.scheduling.order.at(-1), 'flow');
    const taskB = taskOf('b');
    assert.ok(taskB);
    assert.deepEqual((taskB.spec['dependencies'] as { output: string }[]).map(({ output }) => output), ['basic.flow_a']);
    const got = (await call('GetWorkflowDefinition', { Id: id })) as { WorkflowDefinition: { WorkflowId: number } };
    assert.equal(got.WorkflowDefinition.WorkflowId, published.workflowId);

    // A node that is deleted from it leaves production with its next run; only what was changed gets a new version.
    const b = inside.find((one) => one.name === 'b');
    const loopId = inside.find((one) => one.name === 'loop')?.id;
    await call('UpdateNode', { Id: String(loopId), Spec: JSON.stringify({ version: '2.0.0', kind: 'Node', spec: { nodes: [{ name: 'loop' }], dependencies: [{ nodeId: 'loop', depends: [{ output: 'basic.flow_a' }] }] } }) });
    await call('DeleteNode', { Id: String(b?.id) });
    assert.equal((await row(String(b?.id)))?.deployed_version, 1);
    platform.scheduling.published.length = 0;
    platform.scheduling.withdrawn.length = 0;
    const second = await publish(id);
    assert.equal(second.Status, 'Success', second.Message);
    assert.deepEqual(platform.scheduling.published.map((task) => [task.name, task.fileVersion]), [['a', 1], ['loop', 2], ['body', 1]]);
    assert.deepEqual(platform.scheduling.withdrawn, [{ taskId: (await row(String(b?.id)))?.task_id, environment: 'PROD' }]);
    assert.deepEqual([(await row(String(b?.id)))?.deployed_version, (await row(String(b?.id)))?.state], [null, 'DELETED']);
  });

  it('takes offline what nobody waits for', async () => {
    const giver = await createNode('giver', gives('basic.giver'));
    const taker = await createNode('taker', {}, [{ output: 'basic.giver' }]);
    await assert.rejects(call('CreatePipelineRun', { Type: 'Offline', ObjectIds: [giver] }), refusal('WrongState', /nothing of it is in production/));
    await publish(giver);
    await publish(taker);
    await assert.rejects(call('DeleteNode', { Id: giver }), refusal('WrongState', /Offline/));
    const refused = await publish(giver, { Type: 'Offline' });
    assert.deepEqual([refused.Status, ...stages(refused)], ['Fail', 'OfflineCheck Fail', 'PROD_CHECK Termination', 'PROD Termination']);
    assert.match(refused.Message, new RegExp(`taker \\(${taker}\\) waits for its output basic\\.giver`));
    platform.holds.holding.add('undeploy-node');
    const run = await createRun(taker, { Type: 'Offline' });
    await platform.jobs.drain();
    await exec(run, 'PROD_CHECK');
    assert.equal(platform.holds.proposals.at(-1)?.point, 'undeploy-node');
    assert.deepEqual(platform.holds.proposals.at(-1)?.data['nodeIds'], [(await row(taker))?.task_id]);
    await platform.decide('OK');
    const done = await exec(run, 'PROD');
    assert.deepEqual([done.Status, done.Stages[2]?.Type, ...stages(done)], ['Success', 'Offline', 'OfflineCheck Success', 'PROD_CHECK Success', 'PROD Success']);
    assert.deepEqual(platform.scheduling.withdrawn, [{ taskId: (await row(taker))?.task_id, environment: 'PROD' }]);
    assert.deepEqual([(await row(taker))?.deployed_version, (await row(taker))?.state], [null, 'NORMAL']);
    platform.holds.holding.clear();
    await call('DeleteNode', { Id: taker });
    assert.equal((await publish(giver, { Type: 'Offline' })).Status, 'Success');
  });

  it('names a circle and a missing output at deployment, in both dialects', async () => {
    const id = String((await call('CreateWorkflowDefinition', { Spec: workflow('circle', [nodeOf('x'), nodeOf('y'), nodeOf('z')], [{ nodeId: 'x', depends: [{ nodeId: 'z' }] }, { nodeId: 'y', depends: [{ nodeId: 'x' }] }, { nodeId: 'z', depends: [{ nodeId: 'y' }] }]) }))['Id']);
    const failed = await publish(id);
    assert.deepEqual(stages(failed), ['BUILD_PACKAGE Fail', 'PROD_CHECK Termination', 'PROD Termination']);
    assert.match(failed.Message, /circle: x \(\d+\) -> z \(\d+\) -> y \(\d+\) -> x \(\d+\)/);

    const lost = await createNode('lost', {}, [{ output: 'basic.nowhere' }]);
    const missing = await publish(lost);
    assert.deepEqual([missing.Status, /lost waits for the output basic\.nowhere, which nothing deployed gives/.test(missing.Message)], ['Fail', true]);
    await call('SubmitFile', { FileId: Number(lost) }, admin, legacy);
    await assert.rejects(call('DeployFile', { FileId: Number(lost) }, admin, legacy), refusal('WrongState', /basic\.nowhere/));

    // A workflow waits for all that is in it: what is in it cannot wait for what waits for the workflow.
    const outer = String((await call('CreateWorkflowDefinition', { Spec: workflow('outer', [nodeOf('in', gives('basic.in'))], [], gives('basic.outer')) }))['Id']);
    assert.equal((await publish(outer)).Status, 'Success');
    const behind = await createNode('behind', gives('basic.behind'), [{ output: 'basic.outer' }]);
    assert.equal((await publish(behind)).Status, 'Success');
    const inner = await platform.database.row<{ id: number }>('select id from node where container_id = $1', [outer]);
    await call('UpdateNode', { Id: String(inner?.id), Spec: JSON.stringify({ version: '2.0.0', kind: 'Node', spec: { nodes: [{ name: 'in' }], dependencies: [{ nodeId: 'in', depends: [{ output: 'basic.behind' }] }] } }) });
    assert.match((await publish(outer)).Message, /circle: .*outer \(\d+\).*behind \(\d+\)/);
  });

  it('lets two runs that would close a circle together not both go to production', async () => {
    const [left, right] = [await createNode('left', gives('basic.left')), await createNode('right', gives('basic.right'))];
    await publish(left);
    await publish(right);
    const wait = (id: string, name: string, data: string) => call('UpdateNode', { Id: id, Spec: JSON.stringify({ version: '2.0.0', kind: 'Node', spec: { nodes: [{ name }], dependencies: [{ nodeId: name, depends: [{ output: data }] }] } }) });
    await wait(left, 'left', 'basic.right');
    await wait(right, 'right', 'basic.left');
    const runs = await Promise.all([createRun(left, { RunMode: 'Auto' }), createRun(right, { RunMode: 'Auto' })]);
    await Promise.all([platform.jobs.drain(), platform.jobs.drain(), platform.jobs.drain()]);
    await platform.jobs.drain();
    const statuses = (await Promise.all(runs.map((run) => getRun(run)))).map((run) => run.Status);
    assert.deepEqual(statuses.toSorted(), ['Fail', 'Success']);
  });

  it('waits for outputs and roots of other workspaces of the tenant, and for no others', async () => {
    const shop = { ProjectId: platform.shop };
    const id = await createNode('abroad', gives('shop.abroad'), [{ output: 'shop_root' }], shop);
    const run = await createRun(id, { ...shop, RunMode: 'Auto' });
    await platform.jobs.drain();
    assert.equal((await getRun(run, shop)).Status, 'Success');
    assert.equal((await publish(await createNode('from_abroad', {}, [{ output: 'shop.abroad' }, { output: 'shop_root' }]))).Status, 'Success');
    assert.match((await publish(await createNode('from_nowhere', {}, [{ output: 'atlantis_root' }]))).Message, /atlantis_root, which nothing deployed gives/);
  });

  it('creates in one dialect, and reads, changes, deploys in the other', async () => {
    const id = await createNode('both', gives('basic.both'), [{ output: 'basic_root' }]);
    await call('UpdateFile', { FileId: Number(id), Content: 'echo changed' }, admin, legacy);
    await call('SubmitFile', { FileId: Number(id) }, admin, legacy);
    const deployment = Number((await call('DeployFile', { FileId: Number(id) }, admin, legacy))['Data']);
    assert.deepEqual(platform.scheduling.published.map((task) => [task.name, task.content]), [['both', 'echo changed']]);
    // What the legacy dialect deployed is a pipeline run here.
    const { PagingInfo } = (await call('ListPipelineRuns', { ObjectId: id })) as unknown as { PagingInfo: { PipelineRuns: Run[] } };
    const [run] = PagingInfo.PipelineRuns;
    assert.ok(run);
    assert.deepEqual([run.Status, ...stages(run)], ['Success', 'BUILD_PACKAGE Success', 'PROD_CHECK Success', 'PROD Success']);
    assert.equal((await platform.database.row<{ run_id: string }>('select run_id from deployment where id = $1', [deployment]))?.run_id, run.Id);

    const file = Number((await call('CreateFile', { FileName: 'from_file', FileType: 6, Content: 'echo 1', InputList: 'basic.both' }, admin, legacy))['Data']);
    await call('UpdateNode', { Id: String(file), Spec: JSON.stringify({ version: '2.0.0', kind: 'Node', spec: { nodes: [{ script: { content: 'echo 2' } }] } }) });
    assert.equal((await publish(String(file))).Status, 'Success');
    const version = (await call('GetFileVersion', { FileId: file, FileVersion: 1 }, admin, legacy)) as { Data: { FileContent: string; Status: string; IsCurrentProd: boolean } };
    assert.deepEqual([version.Data.FileContent, version.Data.Status, version.Data.IsCurrentProd], ['echo 2', 'DEPLOYED', true]);
  });

  it('deploys resources and functions as versions', async () => {
    const spec = JSON.stringify({ version: '1.1.0', kind: 'Resource', spec: { fileResources: [{ name: 'kit.py', type: 'python', script: { path: 'kit.py', content: 'x = 1', runtime: { command: 'ODPS_PYTHON' } } }] } });
    const id = String((await call('CreateResource', { Spec: spec }))['Id']);
    const done = await publish(id);
    assert.deepEqual([done.Status, (await row(id))?.deployed_version, platform.scheduling.published.length], ['Success', 1, 0]);
    const { PagingInfo } = (await call('ListPipelineRunItems', { PipelineRunId: done.Id })) as unknown as { PagingInfo: { PipelineRunItems: { Type: string }[] } };
    assert.equal(PagingInfo.PipelineRunItems[0]?.Type, 'Resource');
  });

  it('moves stages only along the edges of their table', () => {
    assert.deepEqual(
      (['Init', 'Running', 'Success', 'Fail', 'Termination', 'Cancel'] as const).map((to) => stageStatesBefore(to)),
      [[], ['Init'], ['Running'], ['Running'], ['Init'], ['Init', 'Running']],
    );
  });
});
