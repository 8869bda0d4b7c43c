import { until } from '../../examples/demo/until.ts';
import type { SignedCall } from '../../server/sample.ts';

const CURRENT = '2024-05-18';

/** One real object of each kind that the studio and the pipeline of 2024-05-18 have, by the name of the parameter that names it. `mark` stands in the text of each. */
export async function makeStudioObjects(call: SignedCall, ProjectId: number, mark: string): Promise<Record<string, unknown>> {
  const text = async (action: string, parameters: Record<string, string>, field = 'Id') => String((await call(CURRENT, action, { ProjectId, ...parameters }))[field]);
  const spec = (kind: string, body: object) => JSON.stringify({ version: '2.0.0', kind, spec: body });
  const script = (name: string, command: string) => ({ path: `${mark}_flow/${name}`, runtime: { command }, content: `echo ${mark}` });

  const workflow = spec('CycleWorkflow', { workflows: [{ name: `${mark}_workflow`, script: { path: `${mark}_workflow`, runtime: { command: 'WORKFLOW' } }, nodes: [{ name: `${mark}_inner`, script: script(`${mark}_inner`, 'VIRTUAL') }] }] });
  const NodeId = await text('CreateNode', { Scene: 'DATAWORKS_PROJECT', Spec: spec('Node', { nodes: [{ name: `${mark}_node`, script: script(`${mark}_node`, 'DIDE_SHELL') }] }) });
  const WorkflowId = await text('CreateWorkflowDefinition', { Spec: workflow });
  const ResourceId = await text('CreateResource', { Spec: spec('Resource', { fileResources: [{ name: `${mark}.py`, type: 'python', script: script(`${mark}.py`, 'ODPS_PYTHON') }] }) });
  const FunctionId = await text('CreateFunction', { Spec: spec('Function', { functions: [{ name: `${mark}_function`, type: 'math', className: mark, script: script(`${mark}_function`, 'ODPS_FUNCTION') }] }) });
  const ComponentId = await text('CreateComponent', { Spec: spec('Component', { components: [{ name: `${mark}_component`, script: script(`${mark}_component`, 'SQL_COMPONENT') }] }) }, 'ComponentId');
  const ParameterId = await text('CreateParameter', { Name: `${mark}_parameter`, Type: 'PlainConstant', Owner: '', Properties: JSON.stringify([{ EnvType: 'Prod', Value: mark }]) });
  const { AsyncJob } = (await call(CURRENT, 'ImportWorkflowDefinition', { ProjectId, Spec: workflow.replaceAll(`${mark}_workflow`, `${mark}_imported`) })) as { AsyncJob: { Id: string } };
  const PipelineRunId = await text('CreatePipelineRun', { Type: 'Online', ObjectIds: JSON.stringify([NodeId]), Description: mark });
  await until('the first stage of a pipeline run', async () => {
    const { Pipeline } = (await call(CURRENT, 'GetPipelineRun', { ProjectId, Id: PipelineRunId })) as { Pipeline: { Stages: { Status: string }[] } };
    return Pipeline.Stages[0]?.Status === 'Success' ? true : undefined;
  });
  const { Snapshots } = (await call(CURRENT, 'ListSnapshots', { Namespace: String(ProjectId), ObjectId: NodeId, Type: 'Saved' }))['PagingInfo'] as { Snapshots: { Id: string }[] };

  const named = (id: string, actions: readonly string[]) => Object.fromEntries(actions.map((action) => [`${action}.Id`, id]));
  const all = (noun: string) => ['Get', 'Update', 'Move', 'Rename', 'Delete'].map((verb) => `${verb}${noun}`);
  return {
    ComponentId,
    PipelineRunId,
    JobId: AsyncJob.Id,
    ObjectId: NodeId,
    'CreatePipelineRun.ObjectIds': [NodeId],
    Namespace: String(ProjectId),
    ...named(NodeId, [...all('Node'), 'ListNodeDependencies']),
    ...named(WorkflowId, all('WorkflowDefinition')),
    ...named(ResourceId, all('Resource')),
    ...named(FunctionId, all('Function')),
    ...named(ParameterId, ['GetParameter', 'UpdateParameter', 'DeleteParameter', 'RollbackParameter', 'ListParameterVersions']),
    ...named(PipelineRunId, ['GetPipelineRun', 'ExecPipelineRunStage', 'AbolishPipelineRun']),
    'GetSnapshot.Id': Snapshots[0]?.Id,
    'ListSnapshots.Type': 'Saved',
    'CreateNode.ContainerId': WorkflowId,
    'ListNodes.ContainerId': WorkflowId,
  };
}
