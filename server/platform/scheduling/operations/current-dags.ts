import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { ApiError, invalid, notFound } from '../../../kernel/errors.ts';
import { inProject, type Access, type Call, type Found, type Handlers } from '../../../kernel/operation.ts';
import type { Database } from '../../../kernel/database.ts';
import { limits } from '../../../kernel/limits.ts';
import { checkText, pageCounters, readId, readMoment, readOptionalWord, readPage, readSortBy } from '../../dialect.ts';
import { addDays, readWallTime, startOfDay, wallTimeOf } from '../calendar.ts';
import { findDag, listDags, type DagListOrder, type DagRow } from '../dag-store.ts';
import { openInstancesOfDag } from '../instance-store.ts';
import { dagsOfOrder, findOrder, logOperations } from '../operation-store.ts';
import { chooseTasks, datesOf, type Order } from '../orders.ts';
import { readParameterText, withGiven, type Parameter } from '../parameters.ts';
import { dagTypes, hasEnded } from '../states.ts';
import { findWorkflow, tasksOfWorkflow } from '../store.ts';
import { each, environmentOf, rightIn, shownEnvironment, successInfo } from './current-shared.ts';
import type { Services } from './shared.ts';

const orders: Readonly<Record<string, DagListOrder['by']>> = { TriggerTime: 'due', StartedTime: 'started', FinishedTime: 'finished', CreateTime: 'created', Id: 'id' };

/** Longest time limit of a task: seven days. */
const LONGEST_SECONDS = 7 * 86_400;

/** Workflow instances in API 2024-05-18: what runs together. */
export function currentDagOperations(services: Services): Handlers<Operations> {
  const { tasks, gates, timeZone } = services;

  async function dagIn(call: { readonly db: Database; readonly tenantId: number }, id: number): Promise<DagRow> {
    const dag = await findDag(call.db, call.tenantId, id);
    if (dag === undefined) throw notFound('WorkflowInstance', id, 'workflow instance');
    return dag;
  }

  async function orderIn(call: { readonly db: Database; readonly tenantId: number }, text: string) {
    const order = await findOrder(call.db, call.tenantId, readId('OperationId', text));
    if (order === undefined) throw notFound('Operation', text, 'operation');
    return order;
  }

  const readOrder: Access<{ OperationId: string }> = { level: 'workspace', right: 'read', find: async (request, call) => (await orderIn(call, request.OperationId)).workspace_id };

  async function whereDags(call: { readonly db: Database; readonly tenantId: number }, ids: readonly number[]): Promise<Found> {
    if (ids.length === 0) throw invalid('Ids', 'it names no workflow instance');
    if (ids.length > limits.batchIds.value) throw invalid('Ids', `it may name at most ${limits.batchIds.value} workflow instances`);
    const dag = await dagIn(call, ids[0] ?? 0);
    return { workspace: dag.workspace_id, right: rightIn(dag.environment) };
  }

  function currentDag(dag: DagRow) {
    return {
      Id: dag.id,
      Name: dag.name,
      Type: dag.type,
      Status: dag.status,
      ProjectId: dag.workspace_id,
      EnvType: shownEnvironment(dag.environment),
      WorkflowId: dag.flow_id,
      UnifiedWorkflowInstanceId: dag.id,
      Owner: String(dag.created_by),
      BizDate: dag.bizdate.getTime(),
      CreateTime: dag.created_at.getTime(),
      CreateUser: String(dag.created_by),
      ModifyTime: dag.modified_at.getTime(),
      ModifyUser: String(dag.modified_by),
      ...(dag.started_at === null ? {} : { StartedTime: dag.started_at.getTime() }),
      ...(dag.finished_at === null ? {} : { FinishedTime: dag.finished_at.getTime() }),
    };
  }

  /** `TaskParameters`: JSON of task ids to parameter texts; `WorkflowParameters`: a parameter text for all. */
  function readGiven(request: { TaskParameters?: string | undefined; WorkflowParameters?: string | undefined }): Record<string, readonly Parameter[]> {
    const given: Record<string, readonly Parameter[]> = {};
    if (request.WorkflowParameters !== undefined && request.WorkflowParameters !== '') {
      const text = checkText('WorkflowParameters', request.WorkflowParameters, 100_000).trim();
      given['0'] = text.startsWith('{') ? Object.entries(readObject('WorkflowParameters', text)).map(([name, value]) => ({ name, type: 'System', value: String(value) })) : readParameterText(text);
    }
    if (request.TaskParameters === undefined || request.TaskParameters === '') return given;
    for (const [id, value] of Object.entries(readObject('TaskParameters', checkText('TaskParameters', request.TaskParameters, 100_000)))) {
      if (!/^\d+$/.test(id) || typeof value !== 'string') throw invalid('TaskParameters', 'it must be a JSON object of task ids to parameter texts, such as {"700000001": "day=20260321"}');
      given[id] = readParameterText(value);
    }
    return given;
  }

  function readObject(name: string, text: string): Record<string, unknown> {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    } catch {
      // Told below.
    }
    throw invalid(name, 'it must be a JSON object');
  }

  function timeOfDay(name: string, text: string | undefined): number | undefined {
    if (text === undefined || text === '') return undefined;
    const match = /^(\d{2}):(\d{2}):(\d{2})$/.exec(text);
    const [hour = 24, minute = 60, second = 60] = match === null ? [] : match.slice(1).map(Number);
    if (hour > 23 || minute > 59 || second > 59) throw invalid(name, 'it must have the form HH:mm:ss');
    return (hour * 3_600 + minute * 60 + second) * 1_000;
  }

  type CreateRequest = Operations['CreateWorkflowInstances']['request'];

  async function readNewOrder(call: Call, request: CreateRequest): Promise<(change: Parameters<Parameters<Call['change']>[0]>[0]) => Promise<Order>> {
    const environment = environmentOf(request.EnvType, 'EnvType');
    const type = readOptionalWord('Type', request.Type, ['SupplementData', 'ManualWorkflow', 'Manual', 'SmokeTest', 'TriggerWorkflow'] as const) ?? 'SupplementData';
    const run = request.DefaultRunProperties ?? {};
    const mode = readOptionalWord('DefaultRunProperties.Mode', run.Mode, ['General', 'ManualSelection', 'Chain', 'AllDownstream'] as const) ?? 'ManualSelection';
    const sort = readOptionalWord('DefaultRunProperties.Order', run.Order, ['Asc', 'Desc'] as const) ?? 'Asc';
    if (run.Priority !== undefined && ![1, 3, 5, 7, 8].includes(run.Priority)) throw invalid('DefaultRunProperties.Priority', 'it must be 1, 3, 5, 7 or 8');
    if (run.Parallelism !== undefined && (run.Parallelism < 0 || run.Parallelism > 10)) throw invalid('DefaultRunProperties.Parallelism', 'it must be between 1 and 10');
    const yesterday = addDays(startOfDay(wallTimeOf(call.clock.now(), timeZone)), -1).toISOString().slice(0, 10);
    const periods = (request.Periods?.BizDates ?? []).map(({ StartBizDate, EndBizDate }) => ({ from: StartBizDate ?? EndBizDate ?? '', to: EndBizDate ?? StartBizDate ?? '' }));
    const dates = datesOf(periods.length === 0 ? [{ from: yesterday, to: yesterday }] : periods, sort, 'Periods.BizDates');
    const [from, to] = [timeOfDay('Periods.StartTime', request.Periods?.StartTime), timeOfDay('Periods.EndTime', request.Periods?.EndTime)];
    const roots = run.RootTaskIds ?? [];
    const include = run.IncludeTaskIds ?? [];
    const common = {
      name: checkText('Name', request.Name, 256),
      type,
      workspaceId: call.workspace.id,
      environment,
      dates,
      chains: Math.max(1, run.Parallelism ?? 1),
      startFutureNow: run.RunPolicy?.Immediately ?? false,
      given: readGiven(request),
      waitForStart: request.AutoStartEnabled === false,
      ...(run.Priority === undefined ? {} : { priority: run.Priority }),
      ...(from === undefined && to === undefined ? {} : { between: { from: from ?? 0, to: to ?? 86_399_999 } }),
    };
    return async (change) => {
      const group = run.RuntimeResource;
      const resourceGroup = group === undefined || group === '' ? undefined : await services.resourceGroup(change, call.workspace.id, group);
      if (group !== undefined && group !== '' && resourceGroup === undefined) throw invalid('DefaultRunProperties.RuntimeResource', `the workspace has no resource group ${group}`);
      const place = { ...common, ...(resourceGroup === undefined ? {} : { resourceGroup }) };
      if (type === 'SupplementData' || type === 'SmokeTest' || type === 'Manual') {
        const chosen = await chooseTasks(change, { mode: type === 'SupplementData' ? mode : 'General', workspaceId: call.workspace.id, environment, roots, include });
        const dry = run.ExcludeTaskIds ?? [];
        return { ...place, taskIds: chosen.filter((id) => !dry.includes(id)), dryTaskIds: dry, ...(roots[0] === undefined ? {} : { rootTaskId: roots[0] }), ...(type === 'SupplementData' ? {} : { single: type === 'SmokeTest', now: type === 'Manual', startFutureNow: true, chains: 0 }) };
      }
      const workflow = await findWorkflow(change, call.tenantId, request.WorkflowId, environment);
      if (workflow === undefined || workflow.workspace_id !== call.workspace.id || workflow.kind !== type) throw notFound('Workflow', request.WorkflowId, 'workflow of the type');
      const inner = (await tasksOfWorkflow(change, workflow.workflow_id, environment)).map((task) => task.task_id);
      const wanted = include.length === 0 ? inner : inner.filter((id) => include.includes(id));
      return { ...place, given: { ...place.given, '0': withGiven(workflow.parameters, place.given['0'] ?? []) }, taskIds: wanted, dryTaskIds: run.ExcludeTaskIds ?? [], flowId: workflow.workflow_id, now: true, startFutureNow: true, chains: 0 };
    };
  }

  /** Something done to the instances of each of some workflow instances. */
  async function onDags(call: Call, ids: readonly number[], work: (change: Parameters<Parameters<Call['change']>[0]>[0], dag: DagRow) => Promise<void>) {
    const first = await dagIn(call, ids[0] ?? 0);
    return call.change(async (change) => {
      const results = new Map<number, ApiError | undefined>();
      const refused = new Map<number, string>();
      for (const id of new Set(ids)) {
        const dag = await findDag(change, call.tenantId, id);
        if (dag === undefined) refused.set(id, notFound('WorkflowInstance', id, 'workflow instance').message);
        else if (dag.workspace_id !== call.workspace.id || dag.environment !== first.environment) refused.set(id, 'It is in another workspace or environment; send it in a call of its own.');
        else await each(results, id, () => work(change, dag));
      }
      return successInfo(results, refused);
    });
  }

  return {
    CreateWorkflowInstances: {
      access: {
        level: 'workspace',
        right: (request: CreateRequest) => rightIn(environmentOf(request.EnvType, 'EnvType')),
        find: (request) => request.ProjectId,
      },
      async handle(call, request) {
        const read = await readNewOrder(call, request);
        const { operationId } = await call.change(async (change) => services.orders.submit(change, await read(change)));
        return { OperationId: String(operationId) };
      },
    },
    GetCreateWorkflowInstancesResult: {
      access: readOrder,
      async handle(call, request) {
        const order = await orderIn(call, request.OperationId);
        if (order.kind !== 'Create') throw notFound('Operation', request.OperationId, 'operation');
        const Status = ({ Held: 'Creating', Making: 'Creating', Made: 'Created', Failed: 'CreateFailure' } as const)[order.state];
        const ids = order.state === 'Made' ? await dagsOfOrder(call.db, order.id) : [];
        return { Result: { Status, FailureMessage: order.error_text, WorkflowInstanceIds: ids, UnifiedWorkflowInstanceIds: ids } };
      },
    },
    ExecuteAdhocWorkflowInstance: {
      access: {
        level: 'workspace',
        // Left open, it is development where a workspace has one.
        right: (request: Operations['ExecuteAdhocWorkflowInstance']['request']) => (request.EnvType === undefined ? 'develop' : rightIn(environmentOf(request.EnvType, 'EnvType'))),
        find: (request) => request.ProjectId,
      },
      async handle(call, request) {
        const environment = request.EnvType === undefined ? undefined : environmentOf(request.EnvType, 'EnvType');
        const bizdate = request.BizDate === undefined ? undefined : readBizDate(request.BizDate);
        const owner = readId('Owner', request.Owner);
        const wanted = request.Tasks.map((task, place) => ({
          name: checkText(`Tasks.${place + 1}.Name`, task.Name ?? `task_${place + 1}`, 256),
          command: checkText(`Tasks.${place + 1}.Type`, task.Type ?? '', 64),
          content: checkText(`Tasks.${place + 1}.Script.Content`, task.Script?.Content ?? '', limits.fileContentBytes.value),
          parameters: readParameterText(checkText(`Tasks.${place + 1}.Script.Parameters`, task.Script?.Parameters ?? '', 100_000)),
          ownerId: task.Owner === undefined || task.Owner === '' ? owner : readId(`Tasks.${place + 1}.Owner`, task.Owner),
          datasource: task.DataSource?.Name,
          resourceGroup: task.RuntimeResource?.ResourceGroupId,
          timeoutSeconds: readTimeout(`Tasks.${place + 1}.Timeout`, task.Timeout),
          inputs: (task.Dependencies ?? []).flatMap(({ UpstreamOutput }) => UpstreamOutput ?? []),
          outputs: (task.Outputs?.TaskOutputs ?? []).flatMap(({ Output }) => Output ?? []),
          contextInputs: (task.Inputs?.Variables ?? []).flatMap(({ Name, Value }) => (Name === undefined || Value === undefined ? [] : [{ name: Name, value: Value }])),
        }));
        if (wanted.length === 0) throw invalid('Tasks', 'it names no task');
        if (wanted.length > limits.batchIds.value) throw invalid('Tasks', `it may name at most ${limits.batchIds.value} tasks`);
        const name = checkText('Name', request.Name, 256);
        return { WorkflowInstanceId: await call.change((change) => tasks.runAdHocWorkflow(change, { workspaceId: call.workspace.id, name, environment, bizdate, tasks: wanted })) };
      },
    },
    GetWorkflowInstance: {
      access: { level: 'workspace', right: 'read', find: async (request, call) => (await dagIn(call, request.Id)).workspace_id },
      async handle(call, request) {
        return { WorkflowInstance: currentDag(await dagIn(call, request.Id)) };
      },
    },
    ListWorkflowInstances: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request, limits.instancePageSize.value);
        const order = readSortBy(request.SortBy, orders, 'Id Desc');
        const type = readOptionalWord('Type', request.Type, Object.keys(dagTypes) as (keyof typeof dagTypes)[]);
        const bizdate = readMoment('BizDate', request.BizDate);
        const { total, rows } = await listDags(
          call.db,
          {
            workspaceId: call.workspace.id,
            environment: request.EnvType === undefined ? undefined : environmentOf(request.EnvType, 'EnvType'),
            ids: request.Ids !== undefined && request.Ids.length > 0 ? request.Ids : request.UnifiedWorkflowInstanceId === undefined ? undefined : [request.UnifiedWorkflowInstanceId],
            types: type === undefined ? undefined : [type],
            flowId: request.WorkflowId,
            name: request.Name,
            createdBy: request.Owner === undefined || request.Owner === '' ? undefined : readId('Owner', request.Owner),
            bizdateFrom: bizdate,
            bizdateTo: bizdate,
          },
          order,
          page.offset,
          page.size,
        );
        return { PagingInfo: { ...pageCounters(page, total), WorkflowInstances: rows.map(currentDag) } };
      },
    },
    RerunWorkflowInstances: {
      access: {
        level: 'workspace',
        right: (request: Operations['RerunWorkflowInstances']['request']) => rightIn(environmentOf(request.EnvType, 'EnvType')),
        find: (request) => request.ProjectId,
      },
      async handle(call, request) {
        const status = readOptionalWord('Status', request.Status, ['Success', 'Failure'] as const);
        const bizdate = request.Bizdate === undefined ? undefined : readMoment('Bizdate', request.Bizdate);
        const type = readOptionalWord('Type', request.Type, Object.keys(dagTypes) as (keyof typeof dagTypes)[]);
        const { rows } = await listDags(
          call.db,
          {
            workspaceId: call.workspace.id,
            environment: environmentOf(request.EnvType, 'EnvType'),
            ids: request.Ids === undefined || request.Ids.length === 0 ? undefined : request.Ids,
            types: type === undefined ? undefined : [type],
            flowId: request.WorkflowId,
            name: request.Name,
            states: status === undefined ? ['Success', 'Failure'] : [status],
            bizdateFrom: bizdate,
            bizdateTo: bizdate,
          },
          { by: 'id', descending: true },
          0,
          limits.batchIds.value + 1,
        );
        if (rows.length === 0) throw invalid('Ids', 'no workflow instance that has ended fits');
        if (rows.length > limits.batchIds.value) throw invalid('Ids', `more than ${limits.batchIds.value} workflow instances fit; ask for fewer`);
        const filter = request.Filter ?? {};
        return call.change(async (change) => {
          const operationId = await services.reruns.start(change, {
            workspaceId: call.workspace.id,
            dagIds: rows.filter((dag) => (request.StartTriggerTime === undefined || (dag.trigger_time?.getTime() ?? 0) >= request.StartTriggerTime) && (request.EndTriggerTime === undefined || (dag.trigger_time?.getTime() ?? 0) <= request.EndTriggerTime)).map((dag) => dag.id),
            taskIds: filter.TaskIds,
            taskName: filter.TaskName,
            commands: filter.TaskTypes,
            statuses: filter.TaskInstanceStatuses,
            downstream: filter.RerunDownstreamEnabled ?? false,
          });
          return { OperationId: String(operationId) };
        });
      },
    },
    GetRerunWorkflowInstancesResult: {
      access: readOrder,
      async handle(call, request) {
        const order = await orderIn(call, request.OperationId);
        if (order.kind !== 'Rerun') throw notFound('Operation', request.OperationId, 'operation');
        return { Result: { Status: ({ Held: 'Running', Making: 'Running', Made: 'Success', Failed: 'Failure' } as const)[order.state], FailureMessage: order.error_text } };
      },
    },
    StartWorkflowInstances: {
      access: { level: 'workspace', right: 'operate', find: (request, call) => whereDags(call, request.Ids) },
      async handle(call, request) {
        const comment = checkText('Comment', request.Comment ?? '', 2_000);
        return onDags(call, request.Ids, async (change, dag) => {
          if (dag.released || dag.after_dag_id !== null) throw new ApiError('WrongState', { kind: 'WorkflowInstance', label: 'workflow instance', id: dag.id, reason: dag.released ? 'it is started already' : 'it waits for another one to succeed' });
          await services.dags.letGo(change, [dag.id]);
          await logOperations(change, [{ tenantId: dag.tenant_id, workspaceId: dag.workspace_id, kind: 'WorkflowInstance', id: dag.id, environment: dag.environment, name: 'Start', content: comment }], change.actor.userId, change.now);
        });
      },
    },
    StopWorkflowInstances: {
      access: { level: 'workspace', right: 'operate', find: (request, call) => whereDags(call, request.Ids) },
      async handle(call, request) {
        const comment = checkText('Comment', request.Comment ?? '', 2_000);
        return onDags(call, request.Ids, async (change, dag) => {
          const open = (await openInstancesOfDag(change, dag.id)).filter((row) => !hasEnded(row.status));
          if (open.length === 0) throw new ApiError('WrongState', { kind: 'WorkflowInstance', label: 'workflow instance', id: dag.id, reason: 'nothing of it runs or waits' });
          await gates.onInstances(change, 'stop', open, comment);
          await logOperations(change, [{ tenantId: dag.tenant_id, workspaceId: dag.workspace_id, kind: 'WorkflowInstance', id: dag.id, environment: dag.environment, name: 'Stop', content: comment }], change.actor.userId, change.now);
        });
      },
    },
  };

  /** As for nodes that are published; what is longer has no timer. */
  function readTimeout(name: string, seconds: number | undefined): number | undefined {
    if (seconds !== undefined && (seconds < 0 || seconds > LONGEST_SECONDS)) throw invalid(name, `it must be between 0 and ${LONGEST_SECONDS} seconds`);
    return seconds;
  }

  /** Epoch milliseconds, or eight digits `yyyyMMdd`, which a public cookbook sends. */
  function readBizDate(value: number): Date {
    const text = String(value);
    if (!/^\d{8}$/.test(text)) return startOfDay(wallTimeOf(readMoment('BizDate', value), timeZone));
    const wall = readWallTime(`${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`);
    if (wall === undefined) throw invalid('BizDate', 'it must be epoch milliseconds or yyyyMMdd');
    return wall;
  }
}
