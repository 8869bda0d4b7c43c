import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { contracts, findOperation, type Node } from '../../contract/index.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';
import { eventually } from '../support/eventually.ts';
import { failure, openApiCore, type Body, type Values } from './official-clients.ts';

/** The main loop of 2024-05-18 with the official client: create, deploy, run, inspect. Every answer of the studio is held against the contract's response. */

const LEGACY = '2020-05-18';
const CURRENT = '2024-05-18';
const PLATFORM = '2026-12-01';

let house: TestHouse;
let ProjectId: number;
const checked = new Set<string>();

before(async () => {
  house = await startTestHouse();
  const { Data } = await client(LEGACY, 'CreateProject', { ProjectIdentifier: 'loop', ProjectName: 'loop', ProjectDescription: 'the main loop', ProjectMode: 2 });
  ProjectId = Number(Data);
});
after(() => house.stop());

/** What in a value the contract does not know, or has as something else. */
function misfits(node: Node, value: unknown, path: string): string[] {
  if (value === null || value === undefined) return [];
  switch (node.type) {
    case 'object':
      if (typeof value !== 'object' || Array.isArray(value)) return [`${path} is no object`];
      return Object.entries(value).flatMap(([key, inner]) => (node.properties[key] === undefined ? [`${path}.${key} is not in the contract`] : misfits(node.properties[key], inner, `${path}.${key}`)));
    case 'array':
      return Array.isArray(value) ? value.flatMap((item, at) => misfits(node.items, item, `${path}[${at}]`)) : [`${path} is no list`];
    case 'map':
    case 'any':
      return [];
    case 'string': {
      if (typeof value !== 'string') return [`${path} is ${typeof value}, not text`];
      return node.enum !== undefined && value !== '' && !node.enum.map(String).includes(value) ? [`${path} is ${value}, not one of ${node.enum.join(', ')}`] : [];
    }
    case 'boolean':
      return typeof value === 'boolean' ? [] : [`${path} is ${typeof value}, not true or false`];
    default:
      return typeof value === 'number' ? [] : [`${path} is ${typeof value}, not a number`];
  }
}

/** Whose answers are held against the contract here. */
const NEW_STUDIO = ['DataStudio (new)', 'Components', 'Parameters', 'Deployment pipeline'];
const MODULES = [...NEW_STUDIO, 'DataStudio (legacy files)', 'Open Platform callbacks & async jobs'];

async function client(version: string, action: string, parameters: Values = {}): Promise<Body> {
  const body = await openApiCore(house.url, house.first, version)(action, parameters);
  const operation = findOperation('dataworks-public', version, action);
  if (operation !== undefined && MODULES.includes(operation.module ?? '')) {
    assert.deepEqual(misfits(operation.response, body, operation.name), [], `${version} ${action}`);
    checked.add(`${version} ${operation.name}`);
  }
  return body;
}

const call = (action: string, parameters: Values = {}) => client(CURRENT, action, { ProjectId, ...parameters });
const legacy = (action: string, parameters: Values = {}) => client(LEGACY, action, { ProjectId, ...parameters });

interface Run {
  Status: string;
  Message: string;
  Stages: { Code: string; Status: string }[];
}

const getRun = async (Id: string, action = 'GetPipelineRun') => ((await call(action, { Id })) as { Pipeline: Run }).Pipeline;
const stage = async (Id: string, Code: string, Status = 'Success') =>
  eventually(`the stage ${Code} is ${Status}`, async () => {
    const run = await getRun(Id);
    return run.Stages.find((one) => one.Code === Code)?.Status === Status ? run : undefined;
  });
const ended = async (Id: string) =>
  eventually('the pipeline run has ended', async () => {
    const run = await getRun(Id);
    return run.Status === 'Init' || run.Status === 'Running' ? undefined : run;
  });
const publish = async (id: string, more: Values = {}) => {
  const { Id } = await call('CreatePipelineRun', { Type: 'Online', ObjectIds: JSON.stringify([id]), RunMode: 'Auto', ...more });
  return { Id: String(Id), run: await ended(String(Id)) };
};

const nodeSpec = (name: string, content: string, extra: object = {}, depends: object[] = []) =>
  JSON.stringify({ version: '2.0.0', kind: 'Node', spec: { nodes: [{ name, id: name, script: { path: `flow/${name}`, runtime: { command: 'DIDE_SHELL' }, content, parameters: [{ name: 'day', scope: 'NodeParameter', type: 'System', value: '$bizdate' }] }, ...extra }], dependencies: [{ nodeId: name, depends: [{ type: 'Normal', output: 'loop_root' }, ...depends] }] } });

/** Runs a task in production and answers the log of its run. */
async function runAndRead(taskId: number): Promise<string> {
  const { Data: DagId } = await client(LEGACY, 'RunSmokeTest', { ProjectEnv: 'PROD', NodeId: taskId, Name: 'a smoke test', Bizdate: '2026-03-21 00:00:00' });
  const { Data } = (await legacy('ListInstances', { ProjectEnv: 'PROD', DagId: Number(DagId) })) as { Data: { Instances: { InstanceId: number }[] } };
  const Id = Data.Instances[0]?.InstanceId ?? 0;
  await eventually('the instance has ended', async () => {
    const { TaskInstance } = (await client(CURRENT, 'GetTaskInstance', { Id, ProjectEnv: 'Prod' })) as { TaskInstance: { Status: string } };
    return TaskInstance.Status === 'Success' || TaskInstance.Status === 'Failure' ? TaskInstance.Status : undefined;
  }, 30_000);
  return String((await client(CURRENT, 'GetTaskInstanceLog', { Id }))['TaskInstanceLog']);
}

describe('the main loop with the official client', () => {
  test('creates, deploys, runs and inspects a node', async () => {
    const Id = String((await call('CreateNode', { Scene: 'DATAWORKS_PROJECT', Spec: nodeSpec('hello', 'echo "the day is ${day}"', { outputs: { nodeOutputs: [{ data: 'loop.hello' }] } }) }))['Id']);
    await call('UpdateNode', { Id, Spec: JSON.stringify({ version: '2.0.0', kind: 'Node', spec: { nodes: [{ name: 'hello', rerunTimes: 1 }] } }) });
    const { Id: run } = await call('CreatePipelineRun', { Type: 'Online', ObjectIds: JSON.stringify([Id]), Description: 'hello' });
    await stage(String(run), 'BUILD_PACKAGE');
    const early = await failure(call('ExecPipelineRunStage', { Id: run, Code: 'PROD' }));
    assert.equal(early.code, 'Invalid.PipelineRun.Status');
    await call('ExecPipelineRunStage', { Id: run, Code: 'PROD_CHECK' });
    await stage(String(run), 'PROD_CHECK');
    await call('ExecPipelineRunStage', { Id: run, Code: 'PROD' });
    assert.equal((await ended(String(run))).Status, 'Success');
    const { Node: found } = (await call('GetNode', { Id })) as { Node: { TaskId: number; Spec: string } };
    assert.match(await runAndRead(found.TaskId), /the day is 20260321/);
    const { Task } = (await client(CURRENT, 'GetTask', { Id: found.TaskId, ProjectEnv: 'Prod' })) as { Task: { Name: string } };
    assert.equal(Task.Name, 'hello');
    await call('ListNodes', { Name: 'hello' });
    await call('ListNodeDependencies', { Id });
    await call('ListPipelineRunItems', { PipelineRunId: run });
  });

  test('knows the former names of the pipeline', async () => {
    const Id = String((await call('CreateNode', { Scene: 'DATAWORKS_PROJECT', Spec: nodeSpec('former', 'true') }))['Id']);
    const run = String((await call('CreateDeployment', { Type: 'Online', ObjectIds: JSON.stringify([Id]) }))['Id']);
    await stage(run, 'BUILD_PACKAGE');
    await call('ExecDeploymentStage', { Id: run, Code: 'PROD_CHECK' });
    await stage(run, 'PROD_CHECK');
    assert.equal((await getRun(run, 'GetDeployment')).Status, 'Running');
    await call('AbolishDeployment', { Id: run });
    assert.equal((await getRun(run)).Status, 'Cancel');
    const { PagingInfo } = (await call('ListDeployments', { ObjectId: Id })) as { PagingInfo: { PipelineRuns: { Id: string }[] } };
    assert.deepEqual(PagingInfo.PipelineRuns.map((one) => one.Id), [run]);
  });

  test('one node in both dialects: created in one, read, changed, deployed and run in the other', async () => {
    const Id = String((await call('CreateNode', { Scene: 'DATAWORKS_PROJECT', Spec: nodeSpec('shared', 'echo new', { outputs: { nodeOutputs: [{ data: 'loop.shared' }] } }) }))['Id']);
    const FileId = Number(Id);
    const { Data } = (await legacy('GetFile', { FileId })) as { Data: { File: { FileName: string; Content: string; NodeId?: number }; NodeConfiguration: { ParaValue: string } } };
    assert.deepEqual([Data.File.FileName, Data.File.Content, Data.NodeConfiguration.ParaValue], ['shared', 'echo new', 'day=$bizdate']);
    await legacy('UpdateFile', { FileId, Content: 'echo "changed as a file on ${day}"' });
    await legacy('SubmitFile', { FileId, Comment: 'from the other side' });
    const { Data: deployment } = await legacy('DeployFile', { FileId, Comment: '' });
    await eventually('the deployment has ended', async () => (((await legacy('GetDeployment', { DeploymentId: deployment })) as { Data: { Deployment: { Status: number } } }).Data.Deployment.Status === 1 ? true : undefined));
    const { Data: again } = (await legacy('GetFile', { FileId })) as { Data: { File: { NodeId: number } } };
    assert.match(await runAndRead(again.File.NodeId), /changed as a file on 20260321/);
    const { Node: seen } = (await call('GetNode', { Id })) as { Node: { TaskId: number; Spec: string } };
    assert.equal(seen.TaskId, again.File.NodeId);
    assert.match(seen.Spec, /changed as a file/);

    const { Data: file } = await legacy('CreateFile', { FileName: 'by_file', FileType: 6, Content: 'echo old', InputList: 'loop.shared', FileFolderPath: '' });
    await call('UpdateNode', { Id: String(file), Spec: JSON.stringify({ version: '2.0.0', kind: 'Node', spec: { nodes: [{ script: { content: 'echo "changed as a node"' } }] } }) });
    const { run } = await publish(String(file));
    assert.equal(run.Status, 'Success', run.Message);
    const { Node: made } = (await call('GetNode', { Id: String(file) })) as { Node: { TaskId: number } };
    assert.match(await runAndRead(made.TaskId), /changed as a node/);
  });

  test('imports a workflow, publishes it whole, and finds it in the Operation Center', async () => {
    const spec = {
      version: '2.0.0',
      kind: 'CycleWorkflow',
      spec: {
        workflows: [
          {
            name: 'nightly', script: { path: 'flow/nightly', runtime: { command: 'WORKFLOW' } }, trigger: { type: 'Scheduler', cron: '00 10 02 * * ?' },
            nodes: [
              { id: 'a', name: 'a', script: { path: 'nightly/a', runtime: { command: 'DIDE_SHELL' }, content: 'echo a' } },
              { id: 'b', name: 'b', script: { path: 'nightly/b', runtime: { command: 'VIRTUAL' } } },
            ],
            dependencies: [{ nodeId: 'b', depends: [{ type: 'Normal', nodeId: 'a' }] }],
          },
        ],
      },
    };
    const dry = (await call('ImportWorkflowDefinition', { Spec: JSON.stringify(spec), DryRun: true })) as { AsyncJob: { Status: string } };
    assert.equal(dry.AsyncJob.Status, 'Success');
    const { AsyncJob } = (await call('ImportWorkflowDefinition', { Spec: JSON.stringify(spec) })) as { AsyncJob: { Id: string; Response: string } };
    await eventually('the import has ended', async () => (((await client(CURRENT, 'GetJobStatus', { JobId: AsyncJob.Id })) as { JobStatus: { Status: string } }).JobStatus.Status === 'Success' ? true : undefined));
    const { Id } = JSON.parse(AsyncJob.Response) as { Id: string };
    const { run } = await publish(Id);
    assert.equal(run.Status, 'Success', run.Message);
    const { WorkflowDefinition } = (await call('GetWorkflowDefinition', { Id, IncludeScriptContent: true })) as { WorkflowDefinition: { WorkflowId: number } };
    const { Workflow } = (await client(CURRENT, 'GetWorkflow', { Id: WorkflowDefinition.WorkflowId, EnvType: 'Prod' })) as { Workflow: { Name: string } };
    assert.equal(Workflow.Name, 'nightly');
    const { PagingInfo } = (await call('ListNodes', { ContainerId: Id })) as { PagingInfo: { Nodes: { TaskId: number; Name: string }[] } };
    const { PagingInfo: upstream } = (await client(CURRENT, 'ListUpstreamTasks', { Id: PagingInfo.Nodes.find((one) => one.Name === 'b')?.TaskId, ProjectEnv: 'Prod' })) as { PagingInfo: { UpstreamTasks?: { Task: { Id: number } }[]; TotalCount: number } };
    assert.equal(upstream.TotalCount, 1);
    await call('ListWorkflowDefinitions');
    const { run: offline } = await publish(Id, { Type: 'Offline' });
    assert.equal(offline.Status, 'Success', offline.Message);
    await call('DeleteWorkflowDefinition', { Id });
  });

  test('is held by a real extension at the check stage, and goes on with its verdict', async () => {
    await client(PLATFORM, 'CreateExtension', { ExtensionCode: 'gate', ExtensionName: 'gate', BindEventList: JSON.stringify(['deploy-file', 'undeploy-node']) });
    await client(PLATFORM, 'PublishExtension', { ExtensionCode: 'gate' });
    await client(PLATFORM, 'EnableExtension', { ExtensionCode: 'gate', ProjectId });
    const Id = String((await call('CreateNode', { Scene: 'DATAWORKS_PROJECT', Spec: nodeSpec('guarded', 'echo guarded') }))['Id']);
    const decide = async (run: string, point: string, CheckResult: string) => {
      await stage(run, 'PROD_CHECK', 'Running');
      const MessageId = await eventually('the extension is asked', async () => {
        const { PagingInfo } = (await client(LEGACY, 'ListCheckProcesses', { EventCode: point, ProjectId, Status: 'CHECKING' })) as { PagingInfo: { CheckProcesses: { MessageId: string }[] } };
        return PagingInfo.CheckProcesses[0]?.MessageId;
      });
      if (point === 'deploy-file') {
        const { EventDetail } = (await client(CURRENT, 'GetIDEEventDetail', { MessageId, ProjectId })) as { EventDetail: { CommittedFile: { Content: string } } };
        assert.equal(EventDetail.CommittedFile.Content, 'echo guarded');
      }
      await client(LEGACY, 'CallbackExtension', { MessageId, ExtensionCode: 'gate', CheckResult, CheckMessage: 'seen by the gate' });
    };
    const start = async (Type: string) => String((await call('CreatePipelineRun', { Type, ObjectIds: JSON.stringify([Id]), RunMode: 'Auto' }))['Id']);
    const blocked = await start('Online');
    await decide(blocked, 'deploy-file', 'FAIL');
    const failed = await ended(blocked);
    assert.deepEqual([failed.Status, failed.Message, failed.Stages.map((one) => one.Status)], ['Fail', 'guarded: seen by the gate', ['Success', 'Fail', 'Termination']]);
    const passed = await start('Online');
    await decide(passed, 'deploy-file', 'WARN');
    assert.equal((await ended(passed)).Status, 'Success');
    const offline = await start('Offline');
    await decide(offline, 'undeploy-node', 'OK');
    assert.equal((await ended(offline)).Status, 'Success');
    const { Node: left } = (await call('GetNode', { Id })) as { Node: { TaskId: number } };
    assert.equal((await failure(client(CURRENT, 'GetTask', { Id: left.TaskId, ProjectEnv: 'Prod' }))).statusCode, 404);
  });

  test('follows the Operation Center: a node undeployed there lies in the recycle bin here', async () => {
    const Id = String((await call('CreateNode', { Scene: 'DATAWORKS_PROJECT', Spec: nodeSpec('withdrawn', 'true', { outputs: { nodeOutputs: [{ data: 'loop.withdrawn' }] } }) }))['Id']);
    await client(PLATFORM, 'DisableExtension', { ExtensionCode: 'gate', ProjectId });
    const { run } = await publish(Id);
    assert.equal(run.Status, 'Success', run.Message);
    const { Node: made } = (await call('GetNode', { Id })) as { Node: { TaskId: number } };
    await legacy('OfflineNode', { NodeId: made.TaskId });
    const row = await house.database.row('select state, deployed_version from node where id = $1', [Number(Id)]);
    assert.deepEqual(row, { state: 'RECYCLE_BIN', deployed_version: null });
    // Its output is free again.
    const { run: second } = await publish(String((await call('CreateNode', { Scene: 'DATAWORKS_PROJECT', Spec: nodeSpec('successor', 'true', { outputs: { nodeOutputs: [{ data: 'loop.withdrawn' }] } }) }))['Id']));
    assert.equal(second.Status, 'Success', second.Message);
  });

  test('answers every operation of the new studio, its components and parameters, and the pipeline as the contract has it', async () => {
    const spec = (kind: string, body: object) => JSON.stringify({ version: '1.1.0', kind, spec: body });
    const script = (name: string, command: string) => ({ path: name, content: 'text', runtime: { command } });
    const kinds = {
      Resource: spec('Resource', { fileResources: [{ name: 'r.py', type: 'python', script: script('r.py', 'ODPS_PYTHON') }] }),
      Function: spec('Function', { functions: [{ name: 'f', type: 'math', className: 'a.B', script: script('f', 'ODPS_FUNCTION') }] }),
      Node: nodeSpec('moved', 'true'),
      WorkflowDefinition: spec('CycleWorkflow', { workflows: [{ name: 'w', script: { path: 'w', runtime: { command: 'WORKFLOW' } } }] }),
    };
    for (const [kind, Spec] of Object.entries(kinds)) {
      const Id = String((await call(`Create${kind}`, { Spec, Scene: 'DATAWORKS_PROJECT' }))['Id']);
      await call(`Update${kind}`, { Id, Spec });
      await call(`Move${kind}`, { Id, Path: `moved/${kind}` });
      await call(`Rename${kind}`, { Id, Name: 'renamed' });
      await call(`Get${kind}`, { Id });
      await call(`List${kind}s`, {});
      const { PagingInfo } = (await client(CURRENT, 'ListSnapshots', { Namespace: String(ProjectId), ObjectId: Id, Type: 'Saved' })) as { PagingInfo: { Snapshots: { Id: string }[] } };
      await client(CURRENT, 'GetSnapshot', { Id: PagingInfo.Snapshots[0]?.Id });
      await call(`Delete${kind}`, { Id });
    }
    const Component = spec('Component', { components: [{ name: 'c', script: script('c', 'SQL_COMPONENT'), inputs: [{ name: 'i', type: 'string' }] }] });
    const { ComponentId } = await call('CreateComponent', { Spec: Component });
    await call('UpdateComponent', { ComponentId, Spec: Component });
    await call('GetComponent', { ComponentId });
    await call('ListComponents');
    await call('DeleteComponent', { ComponentId });
    const { Id } = await call('CreateParameter', { Name: 'p', Type: 'SecretConstant', Owner: String(house.first.userId), Properties: JSON.stringify([{ EnvType: 'Prod', Value: 'hush' }]) });
    await client(CURRENT, 'UpdateParameter', { Id, Description: 'again' });
    await client(CURRENT, 'RollbackParameter', { Id, RollbackVersion: 1 });
    await client(CURRENT, 'GetParameter', { Id });
    await call('ListParameters');
    await client(CURRENT, 'ListParameterVersions', { Id });
    await client(CURRENT, 'DeleteParameter', { Id });
    const all = [...(contracts.get(`dataworks-public/${CURRENT}`)?.operations.values() ?? [])].filter((operation) => NEW_STUDIO.includes(operation.module ?? ''));
    assert.equal(all.length, 50);
    await call('ListPipelineRuns');
    assert.deepEqual(all.map((operation) => `${CURRENT} ${operation.name}`).filter((name) => !checked.has(name)), []);
  });
});
