import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import { invalid, notFound } from '../../../kernel/errors.ts';
import { limits } from '../../../kernel/limits.ts';
import { inProject, type Access, type Call, type Handlers } from '../../../kernel/operation.ts';
import { pageCounters, readId, readMoment, readPage, success } from '../../dialect.ts';
import { nodeChange, schedulerType } from '../events.ts';
import { logOperations } from '../operation-store.ts';
import { parameterText } from '../parameters.ts';
import { dependenciesOf, listTasks, outputsOf, patchTask, relatedTasks, tasksByOutputs, tasksOfWorkflow, versionContent, type TaskRow } from '../store.ts';
import { readEnvironment, readNode, runNode, taskOf, type Services } from './shared.ts';

/** The number of a rerun mode in the legacy dialect: 0 after a failure only, 1 always, 2 never. */
const repeatModes = { FailureAllowed: 0, Allowed: 1, Denied: 2 } as const;

function nodeOf(task: TaskRow) {
  return {
    NodeId: task.task_id,
    NodeName: task.name,
    Description: task.description,
    FileId: task.file_id,
    FileType: task.file_type,
    FileVersion: task.file_version,
    ProgramType: task.command,
    ProjectId: task.workspace_id,
    OwnerId: String(task.owner_id),
    ParamValues: parameterText(task.parameters),
    Priority: task.priority,
    RepeatMode: repeatModes[task.rerun_mode],
    RepeatInterval: task.rerun_interval_ms,
    SchedulerType: schedulerType(task),
    CronExpress: task.cron ?? '',
    CreateTime: task.created_at.getTime(),
    ModifyTime: task.modified_at.getTime(),
    DeployDate: task.modified_at.getTime(),
    RelatedFlowId: task.workflow_id ?? 1,
    ...(task.resource_group === null ? {} : { ResGroupIdentifier: task.resource_group, ResGroupName: task.resource_group }),
    ...(task.datasource === null ? {} : { Connection: task.datasource }),
  };
}

/** Deployed nodes in API 2020-05-18. */
export function nodeOperations(services: Services): Handlers<Operations> {
  const { gates } = services;

  async function related(call: Call, request: { NodeId: number; ProjectEnv: string }, direction: 'up' | 'down') {
    const environment = readEnvironment(request.ProjectEnv);
    const { rows } = await relatedTasks(call.db, call.tenantId, request.NodeId, environment, direction, 0, limits.relatedNodes.value);
    return rows.map((task) => ({ ...nodeOf(task), Repeatability: task.rerun_mode !== 'Denied', StepType: task.cross_cycle ? '3' : '0' }));
  }

  async function inputsOrOutputs(call: Call, request: { NodeId: number; ProjectEnv: string; IoType: string }) {
    const task = await taskOf(call, request);
    if (request.IoType !== 'input' && request.IoType !== 'output') throw invalid('IoType', 'it must be input or output');
    if (request.IoType === 'output') return { ...success, Data: (await outputsOf(call.db, task.task_id, task.environment)).map((name) => ({ Data: name, NodeId: task.task_id })) };
    const inputs = (await dependenciesOf(call.db, [task.task_id], task.environment)).filter((one) => one.kind === 'Normal' && one.output !== null);
    return { ...success, Data: inputs.map((one) => ({ Data: one.output ?? '', ...(one.upstream_id === null ? {} : { NodeId: one.upstream_id }) })) };
  }

  function outputsIn(text: string): string[] {
    const names = text.split(',').map((name) => name.trim()).filter((name) => name !== '');
    if (names.length === 0) throw invalid('Outputs', 'it names no output');
    if (names.length > limits.batchIds.value) throw invalid('Outputs', `it may name at most ${limits.batchIds.value} outputs`);
    return names;
  }

  /** Only what the caller may see: nodes of the workspace that the first found one is in. */
  async function giversOf(call: Call, request: { Outputs: string; ProjectEnv: string }) {
    return (await tasksByOutputs(call.db, call.tenantId, readEnvironment(request.ProjectEnv), outputsIn(request.Outputs))).filter((task) => task.workspace_id === call.workspace.id);
  }

  const byOutputs: Access<{ Outputs: string; ProjectEnv: string }> = {
    level: 'workspace',
    right: 'read',
    async find(request, call) {
      const [first] = await tasksByOutputs(call.db, call.tenantId, readEnvironment(request.ProjectEnv), outputsIn(request.Outputs));
      if (first === undefined) throw notFound('Output', request.Outputs, 'output in service');
      return first.workspace_id;
    },
  };

  return {
    GetNode: {
      access: readNode,
      async handle(call, request) {
        const task = await taskOf(call, request);
        return { ...success, Data: { ...nodeOf(task), Repeatability: String(task.rerun_mode !== 'Denied') } };
      },
    },
    GetNodeCode: {
      access: readNode,
      async handle(call, request) {
        const task = await taskOf(call, request);
        return { ...success, Data: (await versionContent(call.db, task.task_id, task.environment, task.version)) ?? '' };
      },
    },
    ListNodes: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const filter = {
          workspaceId: call.workspace.id,
          environment: readEnvironment(request.ProjectEnv),
          name: request.NodeName,
          ownerId: request.Owner === undefined ? undefined : readId('Owner', request.Owner),
          command: request.ProgramType,
          schedulerType: request.SchedulerType,
          business: request.BizName,
        };
        const { total, rows } = await listTasks(call.db, filter, page.offset, page.size);
        return { ...success, Data: { ...pageCounters(page, total), Nodes: rows.map((task) => ({ ...nodeOf(task), Repeatability: task.rerun_mode !== 'Denied' })) } };
      },
    },
    GetNodeChildren: {
      access: readNode,
      async handle(call, request) {
        return { ...success, Data: { Nodes: await related(call, request, 'down') } };
      },
    },
    GetNodeParents: {
      access: readNode,
      async handle(call, request) {
        return { ...success, Data: { Nodes: await related(call, request, 'up') } };
      },
    },
    ListNodeInputOrOutput: { access: readNode, handle: inputsOrOutputs },
    ListNodeIO: { access: readNode, handle: inputsOrOutputs },
    ListNodesByOutput: {
      access: byOutputs,
      async handle(call, request) {
        const found = await giversOf(call, request);
        return { ...success, Data: outputsIn(request.Outputs).map((Output) => ({ Output, NodeList: found.filter((task) => task.output === Output).map((task) => ({ ...nodeOf(task), FileType: String(task.file_type), Repeatability: task.rerun_mode !== 'Denied' })) })) };
      },
    },
    SearchNodesByOutput: {
      access: byOutputs,
      async handle(call, request) {
        const found = await giversOf(call, request);
        return { ...success, Data: Object.fromEntries(outputsIn(request.Outputs).map((output) => [output, found.filter((task) => task.output === output).map((task) => ({ ...nodeOf(task), Repeatability: task.rerun_mode !== 'Denied' }))])) };
      },
    },
    ListInnerNodes: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const environment = request.ProjectEnv === undefined || request.ProjectEnv === '' ? 'PROD' : readEnvironment(request.ProjectEnv);
        const outer = await taskOf(call, { NodeId: request.OuterNodeId, ProjectEnv: environment });
        if (outer.workspace_id !== call.workspace.id) throw notFound('Node', request.OuterNodeId);
        const number = request.ProgramType === undefined || request.ProgramType === '' ? undefined : readId('ProgramType', request.ProgramType);
        const inner = (await tasksOfWorkflow(call.db, outer.task_id, environment)).filter((task) => (request.NodeName === undefined || task.name.includes(request.NodeName)) && (number === undefined || task.file_type === number));
        return { Success: true, Paging: { ...pageCounters(page, inner.length), Nodes: inner.slice(page.offset, page.offset + page.size).map((task) => ({ ...nodeOf(task), Repeatability: task.rerun_mode !== 'Denied' })) } };
      },
    },
    OfflineNode: {
      access: { level: 'workspace', right: 'operate', find: (request) => request.ProjectId },
      async handle(call, request) {
        const task = await taskOf(call, { NodeId: request.NodeId, ProjectEnv: 'PROD' });
        if (task.workspace_id !== call.workspace.id) throw notFound('Node', request.NodeId);
        await call.change((change) => gates.onNode(change, 'undeploy', task));
        return { Success: 'true' };
      },
    },
    UpdateNodeRunMode: {
      access: runNode,
      async handle(call, request) {
        const task = await taskOf(call, request);
        if (request.SchedulerType !== 0 && request.SchedulerType !== 2) throw invalid('SchedulerType', 'it must be 0 (normal) or 2 (frozen)');
        await call.change((change) => gates.onNode(change, request.SchedulerType === 2 ? 'freeze' : 'unfreeze', task));
        return { Success: true };
      },
    },
    UpdateNodeOwner: {
      access: runNode,
      async handle(call, request) {
        const task = await taskOf(call, request);
        const owner = readId('UserId', request.UserId);
        if (!(await services.isMember(task.workspace_id, owner))) throw invalid('UserId', `the user ${owner} is not a member of the workspace`);
        await call.change(async (change) => {
          const row = await patchTask(change, task.task_id, task.environment, { owner_id: owner }, change.actor.userId, change.now);
          if (row === undefined) throw notFound('Node', task.task_id);
          change.raise(nodeChange('node-change-updated', row, change.actor));
          await logOperations(change, [{ tenantId: task.tenant_id, workspaceId: task.workspace_id, kind: 'Task', id: task.task_id, environment: task.environment, name: 'ChangeOwner', content: String(owner) }], change.actor.userId, change.now);
          change.touch(`node:${task.task_id}`);
        });
        return { Success: true };
      },
    },
    RunTriggerNode: {
      access: { level: 'workspace', right: 'operate', find: (request) => request.AppId },
      async handle(call, request) {
        const task = await taskOf(call, { NodeId: request.NodeId, ProjectEnv: 'PROD' });
        if (task.workspace_id !== call.workspace.id) throw notFound('Node', request.NodeId);
        readMoment('BizDate', request.BizDate);
        const moment = readMoment('CycleTime', request.CycleTime);
        await call.change((change) => services.triggers.fire(change, task.task_id, 'PROD', moment));
        return { Success: true };
      },
    },
  };
}
