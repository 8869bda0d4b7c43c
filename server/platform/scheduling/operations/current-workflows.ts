import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import type { Change } from '../../../kernel/change.ts';
import { ApiError, invalid } from '../../../kernel/errors.ts';
import { inProject, type Access, type Handlers } from '../../../kernel/operation.ts';
import { checkText, pageCounters, readId, readOptionalWord, readPage, readSortBy } from '../../dialect.ts';
import { logOperations } from '../operation-store.ts';
import { parameterText, readParameterText } from '../parameters.ts';
import type { Dependency } from '../settings.ts';
import { deleteConnections, deleteWorkflow, dependenciesOf, downstreamTasks, listWorkflows, outputsOf, patchWorkflow, tasksOfWorkflow, type WorkflowRow } from '../store.ts';
import { checkCron } from '../tasks.ts';
import { currentTask, environmentOf, listOrders, readTriggerMoment, rightIn, shownEnvironment, triggerOf, workflowIn } from './current-shared.ts';
import type { Services } from './shared.ts';

type WorkflowRequest = { Id: number; EnvType?: string | undefined };

/** Workflows in service in API 2024-05-18. */
export function currentWorkflowOperations(services: Services): Handlers<Operations> {
  const { tasks, gates, timeZone } = services;
  const place = (request: WorkflowRequest) => environmentOf(request.EnvType, 'EnvType');
  const read: Access<WorkflowRequest> = { level: 'workspace', right: 'read', find: async (request, call) => (await workflowIn(call, request.Id, place(request))).workspace_id };
  const change: Access<WorkflowRequest> = {
    level: 'workspace',
    right: 'operate',
    find: async (request, call) => ({ workspace: (await workflowIn(call, request.Id, place(request))).workspace_id, right: rightIn(place(request)) }),
  };

  function currentWorkflow(workflow: WorkflowRow) {
    return {
      Id: workflow.workflow_id,
      Name: workflow.name,
      Description: workflow.description,
      ProjectId: workflow.workspace_id,
      EnvType: shownEnvironment(workflow.environment),
      Owner: String(workflow.owner_id),
      Parameters: parameterText(workflow.parameters),
      Trigger: triggerOf(workflow, workflow.kind === 'CycleWorkflow' ? 'Scheduler' : 'Manual', timeZone),
      CreateTime: workflow.created_at.getTime(),
      CreateUser: String(workflow.created_by),
      ModifyTime: workflow.modified_at.getTime(),
      ModifyUser: String(workflow.modified_by),
    };
  }

  async function log(open: Change, workflow: WorkflowRow, name: string): Promise<void> {
    await logOperations(open, [{ tenantId: workflow.tenant_id, workspaceId: workflow.workspace_id, kind: 'Workflow', id: workflow.workflow_id, environment: workflow.environment, name, content: '' }], open.actor.userId, open.now);
    open.touch(`workflow:${workflow.workflow_id}`);
  }

  return {
    GetWorkflow: {
      access: read,
      async handle(call, request) {
        const workflow = await workflowIn(call, request.Id, place(request));
        const inner = await tasksOfWorkflow(call.db, workflow.workflow_id, workflow.environment);
        const dependencies = await dependenciesOf(call.db, [workflow.workflow_id], workflow.environment);
        return {
          Workflow: {
            ...currentWorkflow(workflow),
            Dependencies: dependencies.map((one) => ({ Type: one.kind, ...(one.output === null ? {} : { UpstreamOutput: one.output }), ...(one.upstream_id === null ? {} : { UpstreamTaskId: one.upstream_id }) })),
            Outputs: { TaskOutputs: (await outputsOf(call.db, workflow.workflow_id, workflow.environment)).map((Output) => ({ Output })) },
            Tasks: inner.map((task) => ({ ...currentTask(task, timeZone), EnvType: shownEnvironment(task.environment), TriggerRecurrence: task.recurrence })),
          },
        };
      },
    },
    ListWorkflows: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const type = readOptionalWord('TriggerType', request.TriggerType, ['Scheduler', 'Manual', 'TriggerWorkflow']);
        const { total, rows } = await listWorkflows(
          call.db,
          {
            workspaceId: call.workspace.id,
            environment: environmentOf(request.EnvType, 'EnvType'),
            ids: request.Ids === undefined || request.Ids.length === 0 ? undefined : request.Ids,
            name: request.Name,
            ownerId: request.Owner === undefined || request.Owner === '' ? undefined : readId('Owner', request.Owner),
            kind: type === undefined ? undefined : ({ Scheduler: 'CycleWorkflow', Manual: 'ManualWorkflow', TriggerWorkflow: 'TriggerWorkflow' } as const)[type],
            order: readSortBy(request.SortBy, listOrders, 'Id Desc', 'Desc'),
          },
          page.offset,
          page.size,
        );
        return { PagingInfo: { ...pageCounters(page, total), Workflows: rows.map(currentWorkflow) } };
      },
    },
    UpdateWorkflow: {
      access: change,
      async handle(call, request) {
        const workflow = await workflowIn(call, request.Id, place(request));
        const trigger = request.Trigger;
        const zone = workflow.time_zone ?? timeZone;
        if (trigger.Cron !== undefined) checkCron({ cron: trigger.Cron }, 'Trigger.Cron');
        const patch = {
          name: checkText('Name', request.Name, 256),
          description: request.Description === undefined ? undefined : checkText('Description', request.Description, 2_000),
          owner_id: readId('Owner', request.Owner),
          instance_mode: readOptionalWord('InstanceMode', request.InstanceMode, ['T+1', 'Immediately'] as const),
          cron: trigger.Cron,
          effective_from: readTriggerMoment('Trigger.StartTime', trigger.StartTime, zone),
          effective_to: readTriggerMoment('Trigger.EndTime', trigger.EndTime, zone),
          parameters: request.Parameters === undefined ? undefined : readParameterText(checkText('Parameters', request.Parameters, 100_000)),
        };
        const dependencies = request.Dependencies?.map(
          (one): Dependency => ({ kind: readOptionalWord('Dependencies.Type', one.Type, ['Normal', 'CrossCycleDependsOnSelf', 'CrossCycleDependsOnChildren', 'CrossCycleDependsOnOtherNode']) ?? 'Normal', output: one.UpstreamOutput ?? null, nodeId: one.UpstreamTaskId ?? null }),
        );
        if (request.Tasks !== undefined && request.Tasks.length > 0) throw invalid('Tasks', 'nodes of a workflow in service are changed one by one with UpdateTask, or together by a deployment');
        await call.change(async (open) => {
          await patchWorkflow(open, workflow.workflow_id, workflow.environment, patch, open.actor.userId, open.now);
          if (dependencies !== undefined || request.Outputs?.TaskOutputs !== undefined) {
            await tasks.reconnect(open, { taskId: workflow.workflow_id, workspaceId: workflow.workspace_id, environment: workflow.environment }, { dependencies, outputs: request.Outputs?.TaskOutputs?.flatMap(({ Output }) => Output ?? []) });
          }
          await log(open, workflow, 'Update');
        });
        return { Success: true };
      },
    },
    DeleteWorkflow: {
      access: change,
      async handle(call, request) {
        const workflow = await workflowIn(call, request.Id, place(request));
        await call.change(async (open) => {
          const inner = await tasksOfWorkflow(open, workflow.workflow_id, workflow.environment);
          const own = new Set([workflow.workflow_id, ...inner.map((task) => task.task_id)]);
          const outside = (await downstreamTasks(open, workflow.tenant_id, [...own], workflow.environment, 1)).filter(({ task_id }) => !own.has(task_id));
          if (outside[0] !== undefined) throw new ApiError('WrongState', { kind: 'Workflow', label: 'workflow', id: workflow.workflow_id, reason: `the node ${outside[0].task_id} waits for it; undeploy that first` });
          // From the ends to the beginnings, since a node is not undeployed while another waits for it.
          const left = new Map(inner.map((task) => [task.task_id, task]));
          while (left.size > 0) {
            const waited = new Set<number>();
            for (const id of left.keys()) for (const { task_id } of await downstreamTasks(open, workflow.tenant_id, [id], workflow.environment, 1)) if (left.has(task_id)) waited.add(id);
            const free = [...left.values()].filter((task) => !waited.has(task.task_id));
            if (free.length === 0) throw new ApiError('WrongState', { kind: 'Workflow', label: 'workflow', id: workflow.workflow_id, reason: 'its nodes wait for each other' });
            for (const task of free) {
              await gates.onNode(open, 'undeploy', task);
              left.delete(task.task_id);
            }
          }
          await deleteWorkflow(open, workflow.workflow_id, workflow.workspace_id, workflow.environment);
          await deleteConnections(open, workflow.workflow_id, workflow.environment);
          await log(open, workflow, 'Delete');
        });
        return { Success: true };
      },
    },
  };
}
