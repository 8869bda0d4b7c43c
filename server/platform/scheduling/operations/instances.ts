import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import { invalid } from '../../../kernel/errors.ts';
import { inProject, type Handlers } from '../../../kernel/operation.ts';
import { pageCounters, readId, readPage, success } from '../../dialect.ts';
import { instantOf, readWallTime, startOfDay } from '../calendar.ts';
import { listInstances, type InstanceOrder, type InstanceRow } from '../instance-store.ts';
import { parameterText } from '../parameters.ts';
import { dagTypes, instanceStates, statesOfLegacy } from '../states.ts';
import { instanceOf, logOf, readEnvironment, readInstance, runInstance, type Services } from './shared.ts';

function legacyInstance(instance: InstanceRow) {
  const moment = <Name extends string>(name: Name, value: Date | null) => (value === null ? {} : ({ [name]: value.getTime() } as Record<Name, number>));
  return {
    InstanceId: instance.id,
    ...(instance.task_id === null ? {} : { NodeId: instance.task_id }),
    NodeName: instance.name,
    DagId: instance.dag_id,
    DagType: dagTypes[instance.dag_type].legacy,
    RelatedFlowId: instance.flow_id,
    Status: instanceStates[instance.status].legacy,
    TaskType: instance.frozen ? 'PAUSE' : instance.task_type,
    Bizdate: instance.bizdate.getTime(),
    CycTime: instance.trigger_time.getTime(),
    PeriodNumber: instance.period_number,
    ParamValues: parameterText(instance.parameters),
    Owner: String(instance.owner_id),
    CreateUser: String(instance.created_by),
    Priority: instance.priority,
    Repeatability: instance.rerun_mode !== 'Denied',
    RepeatInterval: instance.rerun_interval_ms,
    TaskRerunTime: Math.max(0, instance.attempts - 1),
    CreateTime: instance.created_at.getTime(),
    ModifyTime: instance.modified_at.getTime(),
    ...moment('BeginWaitTimeTime', instance.begin_wait_time_at),
    ...moment('BeginWaitResTime', instance.begin_wait_resource_at),
    ...moment('BeginRunningTime', instance.begin_running_at),
    ...moment('FinishTime', instance.finished_at),
  };
}

function readOrder(text: string | undefined): InstanceOrder {
  if (text === undefined || text === 'INSTANCE_ID_DESC') return { by: 'id', descending: true };
  if (text === 'CREATE_TIME_DESC') return { by: 'created', descending: true };
  throw invalid('OrderBy', 'it must be CREATE_TIME_DESC or INSTANCE_ID_DESC');
}

function readStates(name: string | undefined) {
  if (name === undefined || name === '') return undefined;
  const states = statesOfLegacy(name);
  if (states.length === 0) throw invalid('Status', `there is no status ${name}`);
  return states;
}

/** Instances in API 2020-05-18. */
export function instanceOperations(services: Services): Handlers<Operations> {
  const { gates, timeZone } = services;

  /** The instant of 00:00 of a business date. */
  function readBizdate(name: string, text: string | undefined): Date | undefined {
    if (text === undefined || text === '') return undefined;
    const wall = readWallTime(text);
    if (wall === undefined) throw invalid(name, 'it must be a day in the form yyyy-MM-dd HH:mm:ss');
    return instantOf(startOfDay(wall), timeZone);
  }

  return {
    GetInstance: {
      access: readInstance,
      async handle(call, request) {
        return { ...success, Data: { ...legacyInstance(await instanceOf(call, request.InstanceId, request.ProjectEnv)) } };
      },
    },
    ListInstances: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const bizdate = readBizdate('Bizdate', request.Bizdate);
        const filter = {
          workspaceId: call.workspace.id,
          environment: readEnvironment(request.ProjectEnv),
          dagId: request.DagId,
          taskIds: request.NodeId === undefined ? undefined : [request.NodeId],
          name: request.NodeName,
          ownerId: request.Owner === undefined ? undefined : readId('Owner', request.Owner),
          command: request.ProgramType,
          states: readStates(request.Status),
          bizdateFrom: bizdate ?? readBizdate('BeginBizdate', request.BeginBizdate),
          bizdateTo: bizdate ?? readBizdate('EndBizdate', request.EndBizdate),
          business: request.BizName,
        };
        const { total, rows } = await listInstances(call.db, filter, readOrder(request.OrderBy), page.offset, page.size);
        return {
          ...success,
          Data: { ...pageCounters(page, total), Instances: rows.map((row) => ({ ...legacyInstance(row), ...(row.error_text === '' ? {} : { ErrorMessage: row.error_text }) })) },
        };
      },
    },
    ListInstanceHistory: {
      access: {
        level: 'workspace',
        right: 'read',
        find: async (request, call) => (await instanceOf(call, request.InstanceId, request.ProjectEnv)).workspace_id,
      },
      async handle(call, request) {
        const instance = await instanceOf(call, request.InstanceId, request.ProjectEnv);
        const attempts = await services.execution.attempts(call.db, instance.id);
        const moment = <Name extends string>(name: Name, value: Date | null) => (value === null ? {} : ({ [name]: value.getTime() } as Record<Name, number>));
        return {
          Success: true,
          Instances: attempts.map((one) => ({
            InstanceHistoryId: one.attempt,
            InstanceId: instance.id,
            ...(instance.task_id === null ? {} : { NodeId: instance.task_id }),
            NodeName: instance.name,
            DagId: instance.dag_id,
            DagType: String(dagTypes[instance.dag_type].code),
            TaskType: instance.task_type,
            Status: one.state === 'Queued' ? 'WAIT_RESOURCE' : one.state === 'Running' ? 'RUNNING' : one.succeeded ? 'SUCCESS' : 'FAILURE',
            Bizdate: instance.bizdate.getTime(),
            CycTime: instance.trigger_time.getTime(),
            CreateTime: instance.created_at.getTime(),
            ModifyTime: (one.finishedAt ?? one.startedAt ?? one.queuedAt).getTime(),
            BeginWaitResTime: one.queuedAt.getTime(),
            ...moment('BeginRunningTime', one.startedAt),
            ...moment('FinishTime', one.finishedAt),
            ...(one.attempt === instance.attempts && instance.error_text !== '' ? { ErrorMessage: instance.error_text } : {}),
          })),
        };
      },
    },
    GetInstanceLog: {
      access: readInstance,
      async handle(call, request) {
        const instance = await instanceOf(call, request.InstanceId, request.ProjectEnv);
        return { ...success, Data: await logOf(services, call.db, instance, request.InstanceHistoryId) };
      },
    },
    StopInstance: {
      access: runInstance,
      async handle(call, request) {
        const instance = await instanceOf(call, request.InstanceId, request.ProjectEnv);
        await call.change((change) => gates.onInstances(change, 'stop', [instance]));
        return { ...success, Data: true };
      },
    },
    RestartInstance: {
      access: runInstance,
      async handle(call, request) {
        const instance = await instanceOf(call, request.InstanceId, request.ProjectEnv);
        await call.change((change) => gates.onInstances(change, 'rerun', [instance]));
        return { ...success, Data: true };
      },
    },
    SuspendInstance: {
      access: runInstance,
      async handle(call, request) {
        const instance = await instanceOf(call, request.InstanceId, request.ProjectEnv);
        await call.change((change) => gates.onInstances(change, 'suspend', [instance]));
        return { ...success, Data: true };
      },
    },
    ResumeInstance: {
      access: runInstance,
      async handle(call, request) {
        const instance = await instanceOf(call, request.InstanceId, request.ProjectEnv);
        await call.change((change) => gates.onInstances(change, 'resume', [instance]));
        return { ...success, Data: true };
      },
    },
    SetSuccessInstance: {
      access: runInstance,
      async handle(call, request) {
        const instance = await instanceOf(call, request.InstanceId, request.ProjectEnv);
        await call.change((change) => gates.onInstances(change, 'setSuccess', [instance]));
        return { ...success, Data: true };
      },
    },
  };
}
