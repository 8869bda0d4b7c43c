import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import type { Change } from '../../../kernel/change.ts';
import { invalid, notFound, type ApiError } from '../../../kernel/errors.ts';
import { inProject, type Access, type Call, type Handlers } from '../../../kernel/operation.ts';
import { limits } from '../../../kernel/limits.ts';
import { checkText, pageCounters, readId, readMoment, readOptionalWord, readPage, readSortBy } from '../../dialect.ts';
import { nodeChange } from '../events.ts';
import { listOperations, logOperations } from '../operation-store.ts';
import { parameterText, readParameterText } from '../parameters.ts';
import { dependenciesOf, listTasks, outputsOf, patchTask, relatedTasks, tasksOfWorkflow, versionContent, type TaskPatch, type TaskRow } from '../store.ts';
import type { Dependency } from '../settings.ts';
import { checkCron } from '../tasks.ts';
import { currentTask, each, environmentOf, listOrders, readRerunMode, readTask, readTriggerMoment, rightIn, successInfo, taskIn, tasksById } from './current-shared.ts';
import type { Services } from './shared.ts';

/** What UpdateTask and each element of BatchUpdateTasks may name. */
interface TaskUpdate {
  readonly Name?: string | undefined;
  readonly Description?: string | undefined;
  readonly Owner?: string | undefined;
  readonly RerunMode?: string | undefined;
  readonly RerunTimes?: number | undefined;
  readonly RerunInterval?: number | undefined;
  readonly Timeout?: number | undefined;
  readonly InstanceMode?: string | undefined;
  readonly DataSource?: { readonly Name?: string | undefined } | undefined;
  readonly RuntimeResource?: { readonly ResourceGroupId?: string | undefined } | undefined;
  readonly Script?: { readonly Parameters?: string | undefined } | undefined;
  readonly Trigger?: { readonly Type?: string | undefined; readonly Cron?: string | undefined; readonly Recurrence?: string | undefined; readonly StartTime?: string | undefined; readonly EndTime?: string | undefined } | undefined;
}

const LONGEST_SECONDS = 7 * 86_400;

function within(name: string, value: number | undefined, most: number): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isSafeInteger(value) || value < 0 || value > most) throw invalid(name, `it must be between 0 and ${most}`);
  return value;
}

/** Tasks in service in API 2024-05-18. */
export function currentTaskOperations(services: Services): Handlers<Operations> {
  const { tasks, gates, timeZone } = services;

  /** The right to change a task follows from the environment it is in. */
  const changeTask: Access<{ Id: number; ProjectEnv?: string | undefined; EnvType?: string | undefined }> = {
    level: 'workspace',
    right: 'operate',
    async find(request, call) {
      const environment = environmentOf(request.ProjectEnv ?? request.EnvType);
      return { workspace: (await taskIn(call, request.Id, environment)).workspace_id, right: rightIn(environment) };
    },
  };

  async function readPatch(change: Change, task: TaskRow, request: TaskUpdate): Promise<TaskPatch> {
    const trigger = request.Trigger ?? {};
    const zone = task.time_zone ?? timeZone;
    if (trigger.Cron !== undefined) checkCron({ cron: trigger.Cron }, 'Trigger.Cron');
    const group = request.RuntimeResource?.ResourceGroupId;
    const resource_group = group === undefined || group === '' ? undefined : await services.resourceGroup(change, task.workspace_id, group);
    if (group !== undefined && group !== '' && resource_group === undefined) throw invalid('RuntimeResource.ResourceGroupId', `the workspace has no resource group ${group}`);
    const interval = within('RerunInterval', request.RerunInterval, LONGEST_SECONDS);
    const timeout = within('Timeout', request.Timeout, LONGEST_SECONDS);
    const owner = request.Owner === undefined || request.Owner === '' ? undefined : readId('Owner', request.Owner);
    return {
      name: request.Name === undefined ? undefined : checkText('Name', request.Name, 256),
      description: request.Description === undefined ? undefined : checkText('Description', request.Description, 2_000),
      owner_id: owner,
      rerun_mode: readRerunMode('RerunMode', request.RerunMode),
      rerun_times: within('RerunTimes', request.RerunTimes, limits.taskReruns.value),
      rerun_interval_ms: interval === undefined ? undefined : interval * 1_000,
      timeout_seconds: timeout === 0 ? limits.taskTimeoutSeconds.value : timeout,
      instance_mode: readOptionalWord('InstanceMode', request.InstanceMode, ['T+1', 'Immediately']),
      datasource: request.DataSource?.Name === undefined ? undefined : checkText('DataSource.Name', request.DataSource.Name, 256),
      resource_group,
      parameters: request.Script?.Parameters === undefined ? undefined : readParameterText(checkText('Script.Parameters', request.Script.Parameters, 100_000)),
      trigger_type: readOptionalWord('Trigger.Type', trigger.Type, ['Scheduler', 'Manual']),
      cron: trigger.Cron,
      effective_from: readTriggerMoment('Trigger.StartTime', trigger.StartTime, zone),
      effective_to: readTriggerMoment('Trigger.EndTime', trigger.EndTime, zone),
    };
  }

  /** Changes a task; freezing and unfreezing go through their extension points. */
  async function update(change: Change, task: TaskRow, request: TaskUpdate, comment: string): Promise<TaskRow> {
    const recurrence = readOptionalWord('Trigger.Recurrence', request.Trigger?.Recurrence, ['Pause', 'Skip', 'Normal']);
    const patch = await readPatch(change, task, request);
    const named = Object.entries(patch).filter(([, value]) => value !== undefined).map(([name]) => name);
    let row = task;
    const frozen = task.recurrence === 'Pause';
    const plain = recurrence === undefined || recurrence === task.recurrence || (recurrence !== 'Pause' && !frozen) ? recurrence : undefined;
    if (named.length > 0 || plain !== undefined) {
      row = (await patchTask(change, task.task_id, task.environment, { ...patch, recurrence: plain }, change.actor.userId, change.now)) ?? task;
      change.raise(nodeChange('node-change-updated', row, change.actor));
      change.touch(`node:${task.task_id}`);
      await logOperations(
        change,
        [{ tenantId: task.tenant_id, workspaceId: task.workspace_id, kind: 'Task', id: task.task_id, environment: task.environment, name: 'Update', content: comment === '' ? named.join(', ') : comment }],
        change.actor.userId,
        change.now,
      );
    }
    if (recurrence === 'Pause' && !frozen) await gates.onNode(change, 'freeze', row);
    if (recurrence !== undefined && recurrence !== 'Pause' && frozen) await gates.onNode(change, 'unfreeze', row);
    return row;
  }

  async function related(call: Call, request: { Id: number; ProjectEnv?: string | undefined; PageNumber?: number | undefined; PageSize?: number | undefined }, direction: 'up' | 'down') {
    const page = readPage(request);
    const { total, rows } = await relatedTasks(call.db, call.tenantId, request.Id, environmentOf(request.ProjectEnv), direction, page.offset, page.size);
    const kind = (crossCycle: boolean): 'CrossCycle' | 'Normal' => (crossCycle ? 'CrossCycle' : 'Normal');
    return {
      counters: pageCounters(page, total),
      wrapped: rows.map(({ cross_cycle, ...task }) => ({ DependencyType: kind(cross_cycle), Task: currentTask(task, timeZone) })),
      plain: rows.map(({ cross_cycle, ...task }) => ({ ...currentTask(task, timeZone), StepType: kind(cross_cycle) })),
    };
  }

  return {
    GetTask: {
      access: readTask,
      async handle(call, request) {
        const task = await taskIn(call, request.Id, environmentOf(request.ProjectEnv));
        const [dependencies, outputs, content, inner] = [
          await dependenciesOf(call.db, [task.task_id], task.environment),
          await outputsOf(call.db, task.task_id, task.environment),
          await versionContent(call.db, task.task_id, task.environment, task.version),
          await tasksOfWorkflow(call.db, task.task_id, task.environment),
        ];
        return {
          Task: {
            ...currentTask(task, timeZone),
            EnvType: environmentOf(request.ProjectEnv) === 'PROD' ? 'Prod' : 'Dev',
            Script: { Content: content ?? '', Parameters: parameterText(task.parameters) },
            Dependencies: dependencies.map((one) => ({ Type: one.kind, ...(one.output === null ? {} : { UpstreamOutput: one.output }), ...(one.upstream_id === null ? {} : { UpstreamTaskId: String(one.upstream_id) }) })),
            Inputs: { Variables: task.context_inputs.map((input) => ({ Name: input.name, Type: 'NodeOutput', Value: input.output === null ? `${input.nodeId}:${input.variable}` : `${input.output}:${input.variable}` })) },
            Outputs: { TaskOutputs: outputs.map((Output) => ({ Output })), Variables: [] },
            ...(inner.length === 0 ? {} : { SubTasks: { Type: task.command === 'CONTROLLER_TRAVERSE' ? 'ForEach' : task.command === 'CONTROLLER_CYCLE' ? 'DoWhile' : 'Combined', SubTasks: inner.map((one) => currentTask(one, timeZone)) } }),
          },
        };
      },
    },
    ListTasks: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const recurrence = readOptionalWord('TriggerRecurrence', request.TriggerRecurrence, ['Pause', 'Skip', 'Normal']);
        const { total, rows } = await listTasks(
          call.db,
          {
            workspaceId: call.workspace.id,
            environment: environmentOf(request.ProjectEnv),
            ids: request.Ids === undefined || request.Ids.length === 0 ? undefined : request.Ids,
            name: request.Name,
            ownerId: request.Owner === undefined || request.Owner === '' ? undefined : readId('Owner', request.Owner),
            command: request.TaskType === '' ? undefined : request.TaskType,
            recurrence,
            triggerType: readOptionalWord('TriggerType', request.TriggerType, ['Scheduler', 'Manual']),
            resourceGroup: request.RuntimeResource === '' ? undefined : request.RuntimeResource,
            workflowId: request.WorkflowId,
            order: readSortBy(request.SortBy, listOrders, 'Id Desc', 'Desc'),
          },
          page.offset,
          page.size,
        );
        return { PagingInfo: { ...pageCounters(page, total), Tasks: rows.map((task) => ({ ...currentTask(task, timeZone), ScriptParameters: parameterText(task.parameters) })) } };
      },
    },
    UpdateTask: {
      access: changeTask,
      async handle(call, request) {
        const environment = environmentOf(request.EnvType, 'EnvType');
        const task = await taskIn(call, request.Id, environment);
        const dependencies = request.Dependencies?.map(
          (one): Dependency => ({ kind: readOptionalWord('Dependencies.Type', one.Type, ['Normal', 'CrossCycleDependsOnSelf', 'CrossCycleDependsOnChildren', 'CrossCycleDependsOnOtherNode']) ?? 'Normal', output: one.UpstreamOutput ?? null, nodeId: one.UpstreamTaskId ?? null }),
        );
        await call.change(async (change) => {
          await update(change, task, request, '');
          if (dependencies === undefined && request.Outputs?.TaskOutputs === undefined) return;
          await tasks.reconnect(change, { taskId: task.task_id, workspaceId: task.workspace_id, environment }, { dependencies, outputs: request.Outputs?.TaskOutputs?.flatMap(({ Output }) => Output ?? []) });
        });
        return { Success: true };
      },
    },
    BatchUpdateTasks: {
      access: {
        level: 'workspace',
        right: 'operate',
        async find(request, call) {
          const [first] = request.Tasks ?? [];
          if (first?.Id === undefined) throw invalid('Tasks', 'it names no task');
          if ((request.Tasks ?? []).length > limits.batchIds.value) throw invalid('Tasks', `it may name at most ${limits.batchIds.value} tasks`);
          const environment = environmentOf(first.EnvType, 'EnvType');
          return { workspace: (await taskIn(call, first.Id, environment)).workspace_id, right: rightIn(environment) };
        },
      },
      async handle(call, request) {
        const wanted = request.Tasks ?? [];
        const environment = environmentOf(wanted[0]?.EnvType, 'EnvType');
        const comment = checkText('Comment', request.Comment ?? '', 2_000);
        const found = await tasksById(call, wanted.flatMap(({ Id }) => Id ?? []), environment);
        return call.change(async (change) => {
          const results = new Map<number, ApiError | undefined>();
          const refused = new Map<number, string>();
          for (const one of wanted) {
            const id = one.Id ?? 0;
            const task = found.get(id);
            if (task === undefined) refused.set(id, notFound('Task', id, 'task').message);
            else if (task.workspace_id !== call.workspace.id || environmentOf(one.EnvType, 'EnvType') !== environment) refused.set(id, 'It is in another workspace or environment; send it in a call of its own.');
            else await each(results, id, async () => void (await update(change, task, one, comment)));
          }
          return successInfo(results, refused);
        });
      },
    },
    DeleteTask: {
      access: changeTask,
      async handle(call, request) {
        const task = await taskIn(call, request.Id, environmentOf(request.ProjectEnv));
        await call.change((change) => gates.onNode(change, 'undeploy', task));
        return { Success: true };
      },
    },
    ListUpstreamTasks: {
      access: readTask,
      async handle(call, request) {
        const { counters, wrapped, plain } = await related(call, request, 'up');
        return { PagingInfo: { ...counters, UpstreamTasks: wrapped, Tasks: plain } };
      },
    },
    ListDownstreamTasks: {
      access: readTask,
      async handle(call, request) {
        const { counters, wrapped, plain } = await related(call, request, 'down');
        return { PagingInfo: { ...counters, DownstreamTasks: wrapped, Tasks: plain } };
      },
    },
    ListTaskOperationLogs: {
      access: readTask,
      async handle(call, request) {
        const page = readPage(request);
        const from = request.Date === undefined ? undefined : readMoment('Date', request.Date);
        const { total, rows } = await listOperations(
          call.db,
          { kind: 'Task', id: request.Id, environment: environmentOf(request.ProjectEnv), from, to: from === undefined ? undefined : new Date(from.getTime() + 86_400_000) },
          page.offset,
          page.size,
        );
        return {
          PagingInfo: {
            ...pageCounters(page, total),
            OperationLogs: rows.map((row) => ({ TaskId: row.target_id, OperationSeq: row.id, OperationContent: row.content === '' ? row.name : `${row.name}: ${row.content}`, User: String(row.user_id), CreateTime: row.at.getTime() })),
          },
        };
      },
    },
  };
}
