import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import { invalid, missing, notFound } from '../../../kernel/errors.ts';
import { limits } from '../../../kernel/limits.ts';
import type { Access, Call, Handlers } from '../../../kernel/operation.ts';
import type { Database } from '../../../kernel/database.ts';
import { checkText, readId, readIdList, success } from '../../dialect.ts';
import { readWallTime } from '../calendar.ts';
import { findDag, type DagRow } from '../dag-store.ts';
import { instancesIn } from '../instance-store.ts';
import { findOrder, dagsOfOrder } from '../operation-store.ts';
import { datesOf, type Order } from '../orders.ts';
import { parameterText, readParameterText, withGiven, type Parameter } from '../parameters.ts';
import { dagStates, instanceStates, type DagType } from '../states.ts';
import { tasksOfWorkflow, manualTasksOfBusiness, workflowByName } from '../store.ts';
import { readEnvironment, readNodeParameters, rightToRun, runNode, taskOf, type Environment, type Services } from './shared.ts';

const dagTypeNames: Readonly<Record<DagType, string>> = {
  Normal: 'BUSINESS_PROCESS_DAG',
  Manual: 'MANUAL',
  SmokeTest: 'SMOKE_TEST',
  SupplementData: 'SUPPLY_DATA',
  ManualWorkflow: 'BUSINESS_PROCESS_DAG',
  TriggerWorkflow: 'BUSINESS_PROCESS_DAG',
};

type Looking = { readonly db: Database; readonly tenantId: number };

async function dagOf(call: Looking, id: number, environment: string): Promise<DagRow> {
  const dag = await findDag(call.db, call.tenantId, id);
  if (dag === undefined || dag.environment !== readEnvironment(environment)) throw notFound('Dag', id, 'DAG');
  return dag;
}

function legacyDag(dag: DagRow) {
  return {
    DagId: dag.id,
    Name: dag.name,
    Type: dagTypeNames[dag.type],
    Status: dagStates[dag.status].legacy,
    ProjectId: dag.workspace_id,
    Bizdate: dag.bizdate.getTime(),
    Gmtdate: (dag.trigger_time ?? dag.created_at).getTime(),
    CreateTime: dag.created_at.getTime(),
    CreateUser: String(dag.created_by),
    ModifyTime: dag.modified_at.getTime(),
    OpSeq: dag.operation_id ?? dag.id,
    ...(dag.started_at === null ? {} : { StartTime: dag.started_at.getTime() }),
    ...(dag.finished_at === null ? {} : { FinishTime: dag.finished_at.getTime() }),
  };
}

/** `HH:mm:ss` as milliseconds from midnight. */
function timeOfDay(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const match = /^(\d{2}):(\d{2}):(\d{2})$/.exec(text);
  const [hour = 24, minute = 60, second = 60] = match === null ? [] : match.slice(1).map(Number);
  if (hour > 23 || minute > 59 || second > 59) throw invalid(name, 'it must have the form HH:mm:ss');
  return (hour * 3_600 + minute * 60 + second) * 1_000;
}

/** `NodeParams`, read for each node of an order. */
function givenTo(text: string | undefined, nodeIds: readonly number[]): Record<string, readonly Parameter[]> {
  return Object.fromEntries(nodeIds.map((id) => [String(id), readNodeParameters(text, id)]));
}

/** DAG runs in API 2020-05-18: backfills, smoke tests and manual workflows. */
export function dagOperations(services: Services): Handlers<Operations> {
  const { orders, tasks } = services;

  interface BackfillRequest {
    readonly Name: string;
    readonly ProjectEnv: string;
    readonly RootNodeId: number;
    readonly IncludeNodeIds: string;
    readonly ExcludeNodeIds?: string | undefined;
    readonly StartBizDate: string;
    readonly EndBizDate: string;
    readonly BizBeginTime?: string | undefined;
    readonly BizEndTime?: string | undefined;
    readonly Parallelism: boolean;
    readonly ConcurrentRuns?: number | undefined;
    readonly NodeParams?: string | undefined;
    readonly StartFutureInstanceImmediately?: boolean | undefined;
  }

  const onRoot: Access<BackfillRequest> = {
    level: 'workspace',
    right: rightToRun,
    find: async (request, call) => (await taskOf(call, { NodeId: request.RootNodeId, ProjectEnv: request.ProjectEnv })).workspace_id,
  };

  async function backfill(call: Call, request: BackfillRequest) {
    const environment = readEnvironment(request.ProjectEnv);
    const include = readIdList('IncludeNodeIds', request.IncludeNodeIds);
    const exclude = readIdList('ExcludeNodeIds', request.ExcludeNodeIds ?? '');
    const runs = request.ConcurrentRuns;
    if (runs !== undefined && (runs < 1 || runs > 10)) throw invalid('ConcurrentRuns', 'it must be between 1 and 10');
    const [from, to] = [timeOfDay('BizBeginTime', request.BizBeginTime), timeOfDay('BizEndTime', request.BizEndTime)];
    const run = [...new Set([request.RootNodeId, ...include])].filter((id) => !exclude.includes(id));
    const order: Order = {
      name: checkText('Name', request.Name, 256),
      type: 'SupplementData',
      workspaceId: call.workspace.id,
      environment,
      taskIds: run,
      dryTaskIds: exclude,
      rootTaskId: request.RootNodeId,
      dates: datesOf([{ from: request.StartBizDate, to: request.EndBizDate }], 'Asc', 'StartBizDate'),
      chains: request.Parallelism ? (runs ?? 0) : 1,
      startFutureNow: request.StartFutureInstanceImmediately ?? false,
      given: givenTo(request.NodeParams, run),
      ...(from === undefined && to === undefined ? {} : { between: { from: from ?? 0, to: to ?? 86_399_999 } }),
    };
    const { dagIds } = await call.change((change) => orders.submit(change, order));
    return { ...success, Data: [...dagIds] };
  }

  interface ManualRequest {
    readonly FlowName: string;
    readonly ProjectEnv: string;
    readonly BizDate?: string | undefined;
    readonly StartBizDate?: string | undefined;
    readonly EndBizDate?: string | undefined;
    readonly DagParameters?: string | undefined;
    readonly NodeParameters?: string | undefined;
    readonly IncludeNodeIds?: string | undefined;
    readonly ExcludeNodeIds?: string | undefined;
  }

  /** Runs a manual workflow: one that was published as such, or the manual nodes of the business flow of that name. */
  async function runManual(call: Call, request: ManualRequest): Promise<number> {
    const environment = readEnvironment(request.ProjectEnv);
    const flow = checkText('FlowName', request.FlowName, 256);
    const dates = request.StartBizDate !== undefined && request.StartBizDate !== '' ? { from: request.StartBizDate, to: request.EndBizDate ?? request.StartBizDate } : undefined;
    if (dates === undefined && (request.BizDate === undefined || request.BizDate === '')) throw missing('BizDate');
    const workflow = await workflowByName(call.db, call.workspace.id, environment, flow);
    const inner = workflow === undefined ? await manualTasksOfBusiness(call.db, call.workspace.id, environment, flow) : await tasksOfWorkflow(call.db, workflow.workflow_id, environment);
    if (inner.length === 0) throw notFound('Flow', flow, 'manual workflow');
    const include = readIdList('IncludeNodeIds', request.IncludeNodeIds ?? '');
    const exclude = readIdList('ExcludeNodeIds', request.ExcludeNodeIds ?? '');
    const ids = inner.map((task) => task.task_id).filter((id) => (include.length === 0 || include.includes(id)) && !exclude.includes(id));
    const shared = withGiven(workflow?.parameters ?? [], readFlowParameters(request.DagParameters));
    const order: Order = {
      name: flow,
      type: 'ManualWorkflow',
      workspaceId: call.workspace.id,
      environment,
      taskIds: ids,
      dryTaskIds: exclude,
      dates: datesOf([dates ?? { from: request.BizDate ?? '', to: request.BizDate ?? '' }], 'Asc', 'BizDate'),
      chains: 0,
      startFutureNow: true,
      now: true,
      given: { ...givenTo(request.NodeParameters, ids), ...(shared.length === 0 ? {} : { '0': shared }) },
      ...(workflow === undefined ? {} : { flowId: workflow.workflow_id }),
    };
    const { dagIds } = await call.change((change) => orders.submit(change, order));
    return dagIds[0] ?? 0;
  }

  /** `DagParameters`: JSON of names to values, or a text such as `a=1 b=2`. */
  function readFlowParameters(text: string | undefined): readonly Parameter[] {
    const given = checkText('DagParameters', text ?? '', 100_000).trim();
    if (given === '') return [];
    return given.startsWith('{') ? readNodeParameters(given, 0) : readParameterText(given);
  }

  const inNamedProject: Access<{ ProjectName: string; ProjectEnv: string }> = { level: 'workspace', right: rightToRun, find: (request) => request.ProjectName };
  const readNamedProject: Access<{ ProjectName: string; ProjectEnv: string }> = { ...inNamedProject, right: 'read' };

  async function instancesOf(call: Call, request: { DagId: string; ProjectEnv: string }) {
    const dag = await dagOf(call, readId('DagId', request.DagId), request.ProjectEnv);
    if (dag.workspace_id !== call.workspace.id) throw notFound('Dag', request.DagId, 'DAG');
    const moment = <Name extends string>(name: Name, value: Date | null) => (value === null ? {} : ({ [name]: value.getTime() } as Record<Name, number>));
    return {
      Instances: (await instancesIn(call.db, [dag.id])).slice(0, limits.orderInstancesAtOnce.value).map((instance) => ({
        InstanceId: instance.id,
        ...(instance.task_id === null ? {} : { NodeId: instance.task_id }),
        NodeName: instance.name,
        DagId: dag.id,
        DagType: dagTypeNames[dag.type],
        Status: instanceStates[instance.status].legacy,
        TaskType: instance.task_type,
        BizDate: instance.bizdate.getTime(),
        CycTime: instance.trigger_time.getTime(),
        CreateTime: instance.created_at.getTime(),
        CreateUser: String(instance.created_by),
        ModifyTime: instance.modified_at.getTime(),
        ParamValues: parameterText(instance.parameters),
        ...moment('BeginWaitTimeTime', instance.begin_wait_time_at),
        ...moment('BeginWaitResTime', instance.begin_wait_resource_at),
        ...moment('BeginRunningTime', instance.begin_running_at),
        ...moment('FinishTime', instance.finished_at),
      })),
    };
  }

  async function smokeTest(call: Call, request: { NodeId: number; ProjectEnv: string; Bizdate: string; Name: string; NodeParams?: string | undefined }) {
    const task = await taskOf(call, request);
    const bizdate = readWallTime(request.Bizdate);
    if (bizdate === undefined) throw invalid('Bizdate', 'it must be a day in the form yyyy-MM-dd HH:mm:ss');
    const name = checkText('Name', request.Name, 256);
    const given = readNodeParameters(request.NodeParams, task.task_id);
    return { ...success, Data: await call.change((change) => tasks.smokeTest(change, { task, name, bizdate, given })) };
  }

  async function dagsOfSequence(call: Looking, sequence: number, environment: Environment): Promise<DagRow[]> {
    const order = await findOrder(call.db, call.tenantId, sequence);
    const ids = order === undefined ? [sequence] : await dagsOfOrder(call.db, order.id);
    const rows: DagRow[] = [];
    for (const id of ids) {
      const dag = await findDag(call.db, call.tenantId, id);
      if (dag !== undefined && dag.environment === environment) rows.push(dag);
    }
    if (rows.length === 0) throw notFound('OpSeq', sequence, 'operation');
    return rows;
  }

  return {
    RunSmokeTest: { access: runNode, handle: smokeTest },
    CreateDagTest: { access: runNode, handle: smokeTest },
    RunCycleDagNodes: { access: onRoot, handle: backfill },
    CreateDagComplement: { access: onRoot, handle: backfill },
    RunManualDagNodes: {
      access: inNamedProject,
      async handle(call, request) {
        return { DagId: await runManual(call, request) };
      },
    },
    CreateManualDag: {
      access: inNamedProject,
      async handle(call, request) {
        return { DagId: await runManual(call, request) };
      },
    },
    GetDag: {
      access: { level: 'workspace', right: 'read', find: async (request, call) => (await dagOf(call, request.DagId, request.ProjectEnv)).workspace_id },
      async handle(call, request) {
        return { ...success, Data: legacyDag(await dagOf(call, request.DagId, request.ProjectEnv)) };
      },
    },
    ListDags: {
      access: { level: 'workspace', right: 'read', find: async (request, call) => (await dagsOfSequence(call, request.OpSeq, readEnvironment(request.ProjectEnv)))[0]?.workspace_id },
      async handle(call, request) {
        return { ...success, Data: { Dags: (await dagsOfSequence(call, request.OpSeq, readEnvironment(request.ProjectEnv))).map(legacyDag) } };
      },
    },
    ListManualDagInstances: { access: readNamedProject, handle: instancesOf },
    GetManualDagInstances: { access: readNamedProject, handle: instancesOf },
  };
}
