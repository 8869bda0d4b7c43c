import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { invalid, notFound, type ApiError } from '../../../kernel/errors.ts';
import { limits } from '../../../kernel/limits.ts';
import { inProject, type Access, type Call, type Handlers } from '../../../kernel/operation.ts';
import { checkText, pageCounters, readId, readMoment, readPage, readSortBy } from '../../dialect.ts';
import { nearInstances, removeEdges } from '../edge-store.ts';
import { dependenciesRemoved } from '../events.ts';
import type { InstanceAction, Results } from '../gates.ts';
import { findInstances, instanceContent, listInstances, lockInstance, lockInstances, patchInstance, useLatestVersion, type InstanceOrder, type InstanceRow } from '../instance-store.ts';
import { listOperations, logOperations } from '../operation-store.ts';
import { parameterText } from '../parameters.ts';
import { dagTypes, instanceStates, type DagType, type InstanceState, type TaskType } from '../states.ts';
import { lookAt, wrongState } from '../transition.ts';
import { each, environmentOf, instancesOfBatch, rerunModes, rightIn, shownEnvironment, successInfo, taskIn, whereInstances } from './current-shared.ts';
import { instanceOf, logOf, readEnvironment, type Services } from './shared.ts';

const recurrences: Readonly<Partial<Record<TaskType, string>>> = { PAUSE: 'Pause', SKIP: 'Skip' };

export function currentInstance(instance: InstanceRow) {
  const moment = <Name extends string>(name: Name, value: Date | null) => (value === null ? {} : ({ [name]: value.getTime() } as Record<Name, number>));
  return {
    Id: instance.id,
    ...(instance.task_id === null ? {} : { TaskId: instance.task_id }),
    TaskName: instance.name,
    TaskType: instance.command,
    Status: instance.status,
    ProjectId: instance.workspace_id,
    ProjectEnv: shownEnvironment(instance.environment),
    EnvType: shownEnvironment(instance.environment),
    Owner: String(instance.owner_id),
    CreateUser: String(instance.created_by),
    ModifyUser: String(instance.modified_by),
    Bizdate: instance.bizdate.getTime(),
    TriggerTime: instance.trigger_time.getTime(),
    TriggerType: instance.task_type === 'MANUAL' ? 'Manual' : 'Scheduler',
    TriggerRecurrence: instance.frozen ? 'Pause' : (recurrences[instance.task_type] ?? 'Normal'),
    PeriodNumber: instance.period_number,
    ...(instance.resource_group === null ? {} : { RuntimeResource: { ResourceGroupId: instance.resource_group } }),
    ...(instance.datasource === null ? {} : { DataSource: { Name: instance.datasource } }),
    Priority: instance.priority,
    RerunMode: rerunModes[instance.rerun_mode],
    RunNumber: instance.attempts,
    Timeout: instance.timeout_seconds,
    WorkflowId: instance.flow_id,
    WorkflowInstanceId: instance.dag_id,
    UnifiedWorkflowInstanceId: instance.dag_id,
    WorkflowInstanceType: instance.dag_type,
    WorkflowName: instance.dag_name,
    CreateTime: instance.created_at.getTime(),
    ModifyTime: instance.modified_at.getTime(),
    ...moment('WaitingTriggerTime', instance.begin_wait_time_at),
    ...moment('WaitingResourceTime', instance.begin_wait_resource_at),
    ...moment('StartedTime', instance.begin_running_at),
    ...moment('FinishedTime', instance.finished_at),
  };
}

const orders: Readonly<Record<string, InstanceOrder['by']>> = { TriggerTime: 'due', StartedTime: 'started', FinishedTime: 'finished', CreateTime: 'created', Id: 'id' };

function oneKey<Name extends string>(name: string, text: string | undefined, known: Readonly<Record<Name, unknown>>): [Name] | undefined {
  if (text === undefined || text === '') return undefined;
  if (!Object.hasOwn(known, text)) throw invalid(name, `it must be one of ${Object.keys(known).join(', ')}`);
  return [text as Name];
}

const typesOfTrigger: Readonly<Record<string, readonly TaskType[]>> = { Manual: ['MANUAL'], Scheduler: ['NORMAL', 'PAUSE', 'SKIP', 'SKIP_UNCHOOSE', 'SKIP_CYCLE', 'CONDITION_UNCHOOSE', 'REALTIME_DEPRECATED'] };
const typesOfRecurrence: Readonly<Record<string, readonly TaskType[]>> = { Pause: ['PAUSE'], Skip: ['SKIP'], Normal: ['NORMAL', 'MANUAL', 'SKIP_UNCHOOSE', 'SKIP_CYCLE', 'CONDITION_UNCHOOSE', 'REALTIME_DEPRECATED'] };

function readTaskTypes(request: { TriggerType?: string | undefined; TriggerRecurrence?: string | undefined }): readonly TaskType[] | undefined {
  const byTrigger = oneKey('TriggerType', request.TriggerType, typesOfTrigger);
  const byRecurrence = oneKey('TriggerRecurrence', request.TriggerRecurrence, typesOfRecurrence);
  const first = byTrigger === undefined ? undefined : typesOfTrigger[byTrigger[0]];
  const second = byRecurrence === undefined ? undefined : typesOfRecurrence[byRecurrence[0]];
  return first === undefined || second === undefined ? (first ?? second) : first.filter((type) => second.includes(type));
}

const readById: Access<{ Id: number }> = { level: 'workspace', right: 'read', find: async (request, call) => (await instanceOf(call, request.Id)).workspace_id };

/** Task instances in API 2024-05-18. */
export function currentInstanceOperations(services: Services): Handlers<Operations> {
  const { gates } = services;

  /** Something done to each of some instances, with what became of each. */
  function batch(action: InstanceAction) {
    const access: Access<{ Ids?: readonly number[] | undefined; Comment?: string | undefined }> = { level: 'workspace', right: 'operate', find: (request, call) => whereInstances(call, request.Ids ?? []) };
    return {
      access,
      async handle(call: Call, request: { Ids?: readonly number[] | undefined; Comment?: string | undefined }) {
        const { rows, refused } = await instancesOfBatch(call, request.Ids ?? []);
        const comment = checkText('Comment', request.Comment ?? '', 2_000);
        return call.change(async (change) => successInfo(await told(rows, () => gates.onInstances(change, action, rows, comment)), refused));
      },
    };
  }

  /** A batch of one tells its fault like any other. */
  async function told(rows: readonly InstanceRow[], work: () => Promise<Results>): Promise<Results> {
    const results = new Map<number, ApiError | undefined>();
    if (rows.length !== 1) return work();
    await each(results, rows[0]?.id ?? 0, async () => void (await work()));
    return results;
  }

  async function related(call: Call, request: { Id: number; PageNumber?: number | undefined; PageSize?: number | undefined }, direction: 'up' | 'down') {
    const page = readPage(request);
    const { total, ids } = await nearInstances(call.db, request.Id, direction, page.offset, page.size);
    const rows = new Map((await findInstances(call.db, call.tenantId, ids.map(({ id }) => id))).map((row) => [row.id, row]));
    const shown = ids.flatMap(({ id, kind }) => {
      const row = rows.get(id);
      return row === undefined ? [] : [{ row: currentInstance(row), kind: kind === 'Normal' ? 'Normal' : 'CrossCycle' }];
    });
    return { counters: pageCounters(page, total), wrapped: shown.map(({ row, kind }) => ({ DependencyType: kind, TaskInstance: row })), plain: shown.map(({ row, kind }) => ({ ...row, StepType: kind })) };
  }

  const operateById: Access<{ Id: number }> = { level: 'workspace', right: 'operate', find: (request, call) => whereInstances(call, [request.Id]) };

  return {
    RerunTaskInstances: {
      access: batch('rerun').access,
      async handle(call, request) {
        const { rows, refused } = await instancesOfBatch(call, request.Ids ?? []);
        const comment = checkText('Comment', request.Comment ?? '', 2_000);
        return call.change(async (change) => {
          if (request.UseLatestConfig === true) await useLatestVersion(change, rows.map((row) => row.id));
          return successInfo(await told(rows, () => gates.onInstances(change, 'rerun', rows, comment)), refused);
        });
      },
    },
    StopTaskInstances: batch('stop'),
    SuspendTaskInstances: batch('suspend'),
    ResumeTaskInstances: batch('resume'),
    SetSuccessTaskInstances: batch('setSuccess'),
    UpdateTaskInstances: {
      access: { level: 'workspace', right: 'operate', find: (request, call) => whereInstances(call, (request.TaskInstances ?? []).flatMap(({ Id }) => Id ?? [])) },
      async handle(call, request) {
        const wanted = new Map((request.TaskInstances ?? []).flatMap((one) => (one.Id === undefined ? [] : [[one.Id, one] as const])));
        const { rows, refused } = await instancesOfBatch(call, [...wanted.keys()]);
        const comment = checkText('Comment', request.Comment ?? '', 2_000);
        return call.change(async (change) => {
          const results = new Map<number, ApiError | undefined>();
          for (const row of await lockInstances(change, rows.map(({ id }) => id))) {
            await each(results, row.id, async () => {
              const one = wanted.get(row.id);
              if (row.status === 'Running' || row.status === 'WaitResource') throw wrongState(row, 'it is with the workers already; what changes now would come too late.');
              const priority = one?.Priority;
              if (priority !== undefined && ![1, 3, 5, 7, 8].includes(priority)) throw invalid('Priority', 'it must be 1, 3, 5, 7 or 8');
              const group = one?.RuntimeResource;
              const resourceGroup = group === undefined || group === '' ? undefined : await services.resourceGroup(change, row.workspace_id, group);
              if (group !== undefined && group !== '' && resourceGroup === undefined) throw invalid('RuntimeResource', `the workspace has no resource group ${group}`);
              await patchInstance(change, row.id, { priority, resourceGroup, datasource: one?.DataSource?.Name }, change.actor.userId, change.now);
              await logOperations(change, [{ tenantId: row.tenant_id, workspaceId: row.workspace_id, kind: 'Instance', id: row.id, environment: row.environment, name: 'Update', content: comment }], change.actor.userId, change.now);
              change.touch(`instance:${row.id}`);
            });
          }
          return successInfo(results, refused);
        });
      },
    },
    RemoveTaskInstanceDependencies: {
      access: operateById,
      async handle(call, request) {
        const wanted = request.UpstreamTaskInstanceIds ?? [];
        if (wanted.length === 0) throw invalid('UpstreamTaskInstanceIds', 'it names no instance');
        await call.change(async (change) => {
          const instance = await lockInstance(change, request.Id);
          if (instance === undefined) throw notFound('Instance', request.Id, 'instance');
          const removed = await removeEdges(change, request.Id, wanted);
          const absent = wanted.filter((id) => !removed.includes(id));
          if (absent.length > 0) throw invalid('UpstreamTaskInstanceIds', `the instance does not wait for ${absent.slice(0, 5).join(', ')}`);
          change.raise(dependenciesRemoved(instance, removed, change.actor, change.now));
          await logOperations(change, [{ tenantId: instance.tenant_id, workspaceId: instance.workspace_id, kind: 'Instance', id: instance.id, environment: instance.environment, name: 'RemoveDependencies', content: removed.join(', ') }], change.actor.userId, change.now);
          change.touch(`instance:${request.Id}`);
          await lookAt(change, [request.Id]);
        });
        return { Success: true };
      },
    },
    TriggerSchedulerTaskInstance: {
      access: {
        level: 'workspace',
        right: 'operate',
        async find(request, call) {
          const environment = environmentOf(request.EnvType, 'EnvType');
          return { workspace: (await taskIn(call, request.TaskId, environment)).workspace_id, right: rightIn(environment) };
        },
      },
      async handle(call, request) {
        const moment = readMoment('TriggerTime', request.TriggerTime);
        await call.change((change) => services.triggers.fire(change, request.TaskId, environmentOf(request.EnvType, 'EnvType'), moment));
        return { Success: true };
      },
    },
    ListUpstreamTaskInstances: {
      access: readById,
      async handle(call, request) {
        const { counters, wrapped, plain } = await related(call, request, 'up');
        return { PagingInfo: { ...counters, UpstreamTaskInstances: wrapped, TaskInstances: plain } };
      },
    },
    ListDownstreamTaskInstances: {
      access: readById,
      async handle(call, request) {
        const { counters, wrapped, plain } = await related(call, request, 'down');
        return { PagingInfo: { ...counters, DownstreamTaskInstances: wrapped, TaskInstances: plain } };
      },
    },
    ListTaskInstanceOperationLogs: {
      access: readById,
      async handle(call, request) {
        const page = readPage(request);
        const from = request.Date === undefined ? undefined : readMoment('Date', request.Date);
        const { total, rows } = await listOperations(call.db, { kind: 'Instance', id: request.Id, from, to: from === undefined ? undefined : new Date(from.getTime() + 86_400_000) }, page.offset, page.size);
        return {
          PagingInfo: {
            ...pageCounters(page, total),
            OperationLogs: rows.map((row) => ({ TaskInstanceId: row.target_id, OperationSeq: row.id, OperationContent: row.content === '' ? row.name : `${row.name}: ${row.content}`, User: String(row.user_id), CreateTime: row.at.getTime() })),
          },
        };
      },
    },
    GetTaskInstance: {
      access: readById,
      async handle(call, request) {
        const instance = await instanceOf(call, request.Id);
        const Script = { Content: await instanceContent(call.db, instance), Parameters: parameterText(instance.parameters) };
        return { TaskInstance: { ...currentInstance(instance), Script } };
      },
    },
    GetTaskInstanceLog: {
      access: readById,
      async handle(call, request) {
        return { TaskInstanceLog: await logOf(services, call.db, await instanceOf(call, request.Id), request.RunNumber) };
      },
    },
    ListTaskInstances: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request, limits.instancePageSize.value);
        const bizdate = readMoment('Bizdate', request.Bizdate);
        const ids = request.Id === undefined ? request.Ids : [request.Id];
        const taskIds = request.TaskId === undefined ? request.TaskIds : [request.TaskId];
        const filter = {
          workspaceId: call.workspace.id,
          environment: request.ProjectEnv === undefined ? undefined : readEnvironment(request.ProjectEnv),
          ids: ids?.length === 0 ? undefined : ids,
          taskIds: taskIds?.length === 0 ? undefined : taskIds,
          dagId: request.WorkflowInstanceId ?? request.UnifiedWorkflowInstanceId,
          flowId: request.WorkflowId,
          resourceGroup: request.RuntimeResource === '' ? undefined : request.RuntimeResource,
          dagTypes: oneKey<DagType>('WorkflowInstanceType', request.WorkflowInstanceType, dagTypes),
          name: request.TaskName,
          ownerId: request.Owner === undefined ? undefined : readId('Owner', request.Owner),
          command: request.TaskType,
          states: oneKey<InstanceState>('Status', request.Status, instanceStates),
          bizdateFrom: bizdate,
          bizdateTo: bizdate,
          taskTypes: readTaskTypes(request),
        };
        const { total, rows } = await listInstances(call.db, filter, readSortBy(request.SortBy, orders, 'Id Desc'), page.offset, page.size);
        return { PagingInfo: { ...pageCounters(page, total), TaskInstances: rows.map((row) => ({ ...currentInstance(row), ScriptParameters: parameterText(row.parameters) })) } };
      },
    },
  };
}
