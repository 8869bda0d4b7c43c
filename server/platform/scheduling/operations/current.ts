import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { invalid } from '../../../kernel/errors.ts';
import { inProject, type Access, type Handlers } from '../../../kernel/operation.ts';
import { pageCounters, readId, readMoment, readPage } from '../../dialect.ts';
import { instanceContent, listInstances, type InstanceOrder, type InstanceRow } from '../instance-store.ts';
import { parameterText } from '../parameters.ts';
import { dagTypes, instanceStates, type DagType, type InstanceState, type TaskType } from '../states.ts';
import { instanceOf, logOf, readEnvironment, type Services } from './shared.ts';

const rerunModes = { Allowed: 'AllAllowed', Denied: 'AllDenied', FailureAllowed: 'FailureAllowed' } as const;
const recurrences: Readonly<Partial<Record<TaskType, string>>> = { PAUSE: 'Pause', SKIP: 'Skip' };

function currentInstance(instance: InstanceRow) {
  const moment = <Name extends string>(name: Name, value: Date | null) => (value === null ? {} : ({ [name]: value.getTime() } as Record<Name, number>));
  return {
    Id: instance.id,
    ...(instance.task_id === null ? {} : { TaskId: instance.task_id }),
    TaskName: instance.name,
    TaskType: instance.command,
    Status: instance.status,
    ProjectId: instance.workspace_id,
    ProjectEnv: instance.environment === 'PROD' ? 'Prod' : 'Dev',
    Owner: String(instance.owner_id),
    CreateUser: String(instance.created_by),
    ModifyUser: String(instance.modified_by),
    Bizdate: instance.bizdate.getTime(),
    TriggerTime: instance.trigger_time.getTime(),
    TriggerType: instance.task_type === 'MANUAL' ? 'Manual' : 'Scheduler',
    TriggerRecurrence: recurrences[instance.task_type] ?? 'Normal',
    PeriodNumber: 1,
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

function readOrder(text: string | undefined): InstanceOrder {
  const [field = '', direction = 'Asc', more] = (text ?? 'Id Desc').trim().split(/\s+/);
  const by = orders[field];
  if (by === undefined || more !== undefined || !/^(asc|desc)$/i.test(direction)) throw invalid('SortBy', `it must be one of ${Object.keys(orders).join(', ')}, followed by Asc or Desc`);
  return { by, descending: /^desc$/i.test(direction) };
}

function oneOf<Name extends string>(name: string, text: string | undefined, known: Readonly<Record<Name, unknown>>): [Name] | undefined {
  if (text === undefined || text === '') return undefined;
  if (!Object.hasOwn(known, text)) throw invalid(name, `it must be one of ${Object.keys(known).join(', ')}`);
  return [text as Name];
}

const typesOfTrigger: Readonly<Record<string, readonly TaskType[]>> = { Manual: ['MANUAL'], Scheduler: ['NORMAL', 'PAUSE', 'SKIP', 'SKIP_UNCHOOSE', 'SKIP_CYCLE', 'CONDITION_UNCHOOSE', 'REALTIME_DEPRECATED'] };
const typesOfRecurrence: Readonly<Record<string, readonly TaskType[]>> = { Pause: ['PAUSE'], Skip: ['SKIP'], Normal: ['NORMAL', 'MANUAL', 'SKIP_UNCHOOSE', 'SKIP_CYCLE', 'CONDITION_UNCHOOSE', 'REALTIME_DEPRECATED'] };

function readTaskTypes(request: { TriggerType?: string | undefined; TriggerRecurrence?: string | undefined }): readonly TaskType[] | undefined {
  const byTrigger = oneOf('TriggerType', request.TriggerType, typesOfTrigger);
  const byRecurrence = oneOf('TriggerRecurrence', request.TriggerRecurrence, typesOfRecurrence);
  const first = byTrigger === undefined ? undefined : typesOfTrigger[byTrigger[0]];
  const second = byRecurrence === undefined ? undefined : typesOfRecurrence[byRecurrence[0]];
  return first === undefined || second === undefined ? (first ?? second) : first.filter((type) => second.includes(type));
}

const readById: Access<{ Id: number }> = { level: 'workspace', right: 'read', find: async (request, call) => (await instanceOf(call, request.Id)).workspace_id };

/** Task instances in API 2024-05-18. */
export function currentOperations(services: Services): Handlers<Operations> {
  return {
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
        const page = readPage(request);
        const bizdate = readMoment('Bizdate', request.Bizdate);
        const ids = request.Id === undefined ? request.Ids : [request.Id];
        const taskIds = request.TaskId === undefined ? request.TaskIds : [request.TaskId];
        const filter = {
          workspaceId: call.workspace.id,
          environment: request.ProjectEnv === undefined ? undefined : readEnvironment(request.ProjectEnv),
          ids: ids?.length === 0 ? undefined : ids,
          taskIds: taskIds?.length === 0 ? undefined : taskIds,
          dagId: request.WorkflowInstanceId ?? request.UnifiedWorkflowInstanceId,
          dagTypes: oneOf<DagType>('WorkflowInstanceType', request.WorkflowInstanceType, dagTypes),
          name: request.TaskName,
          ownerId: request.Owner === undefined ? undefined : readId('Owner', request.Owner),
          command: request.TaskType,
          states: oneOf<InstanceState>('Status', request.Status, instanceStates),
          bizdateFrom: bizdate,
          bizdateTo: bizdate,
          taskTypes: readTaskTypes(request),
        };
        const { total, rows } = await listInstances(call.db, filter, readOrder(request.SortBy), page.offset, page.size);
        return { PagingInfo: { ...pageCounters(page, total), TaskInstances: rows.map((row) => ({ ...currentInstance(row), ScriptParameters: parameterText(row.parameters) })) } };
      },
    },
  };
}
