import type { Holds, PointDeclaration } from '../../extensions/declare.ts';
import type { Change } from '../../kernel/change.ts';
import { ApiError, invalid } from '../../kernel/errors.ts';
import type { JobDeclaration } from '../../kernel/jobs.ts';
import { limits } from '../../kernel/limits.ts';
import { platformActor } from '../../kernel/change.ts';
import { addDays, readWallTime, startOfDay, type WallTime } from './calendar.ts';
import type { DagOrder, Dags } from './dags.ts';
import { dagStatusChange } from './events.ts';
import { setDagStatus } from './dag-store.ts';
import { dagsOfOrder, findOrder, insertOrder, setOrder } from './operation-store.ts';
import type { Parameter } from './parameters.ts';
import { downstreamTasks, findTasks, upstreamTasks, type TaskRow } from './store.ts';

/**
 * Orders: workflow instances that people ask for, for one business date or many. A backfill is held at its extension point. Small orders are filled in
 * the change that asks for them, large ones workflow instance by workflow instance by jobs.
 */
export interface Order {
  readonly name: string;
  readonly type: DagOrder['type'];
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  readonly taskIds: readonly number[];
  /** Of these the instances succeed without being run. */
  readonly dryTaskIds: readonly number[];
  readonly rootTaskId?: number | undefined;
  readonly flowId?: number | undefined;
  /** Business dates in the order in which they run, `yyyy-MM-dd`. */
  readonly dates: readonly string[];
  /** How many dates may run side by side; 0 for all. */
  readonly chains: number;
  readonly startFutureNow: boolean;
  /** One cycle, due now, whatever the schedule says. */
  readonly now?: boolean;
  /** Only the first cycle of each task. */
  readonly single?: boolean;
  readonly between?: { readonly from: number; readonly to: number } | undefined;
  readonly priority?: number | undefined;
  readonly resourceGroup?: string | undefined;
  /** Parameters in place of a task's own, by task id; those under 0 are for all. */
  readonly given: Readonly<Record<string, readonly Parameter[]>>;
  readonly waitForStart?: boolean;
}

export interface Ordered {
  readonly operationId: number;
  readonly dagIds: readonly number[];
  /** True when extensions have to answer first. */
  readonly held: boolean;
}

export interface Orders {
  /** Throws InvalidParameter when it asks for nothing, for what is not there, or for more than the limits allow; then nothing is done. */
  submit(change: Change, order: Order): Promise<Ordered>;
  readonly point: PointDeclaration;
  readonly jobs: readonly JobDeclaration[];
}

/** Business dates of some periods (both ends inclusive), each once, in the order asked for. Throws InvalidParameter. */
export function datesOf(periods: readonly { readonly from: string; readonly to: string }[], order: 'Asc' | 'Desc', parameter: string): string[] {
  const dates = new Set<string>();
  for (const { from, to } of periods) {
    const first = readWallTime(from);
    const last = readWallTime(to);
    if (first === undefined || last === undefined) throw invalid(parameter, `${first === undefined ? from : to} is no day of the form yyyy-MM-dd`);
    if (last < first) throw invalid(parameter, `the period ends on ${to}, before it begins on ${from}`);
    for (let day = startOfDay(first); day <= last; day = addDays(day, 1)) {
      dates.add(textOf(day));
      if (dates.size > limits.backfillDates.value) throw invalid(parameter, `there may be at most ${limits.backfillDates.value} business dates`);
    }
  }
  const sorted = [...dates].toSorted();
  return order === 'Desc' ? sorted.toReversed() : sorted;
}

function textOf(day: WallTime): string {
  return day.toISOString().slice(0, 10);
}

/**
 * Which tasks a backfill runs: those named; with `Chain` those on the ways from the roots to the named ones; with `AllDownstream` all behind the roots. All
 * within one workspace.
 */
export async function chooseTasks(
  change: Change,
  wanted: { readonly mode: 'General' | 'ManualSelection' | 'Chain' | 'AllDownstream'; readonly workspaceId: number; readonly environment: 'DEV' | 'PROD'; readonly roots: readonly number[]; readonly include: readonly number[] },
): Promise<number[]> {
  const { mode, environment, roots, include } = wanted;
  const { tenantId } = change.actor;
  if (mode === 'General' || mode === 'ManualSelection') return [...new Set([...(mode === 'General' ? roots : []), ...include])];
  const down = (await downstreamTasks(change, tenantId, roots, environment, limits.dependencyDepth.value)).map((row) => row.task_id);
  if (mode === 'AllDownstream') {
    const found = await findTasks(change, tenantId, down, environment);
    return [...new Set([...roots, ...found.filter((task) => task.workspace_id === wanted.workspaceId).map((task) => task.task_id)])];
  }
  const up = new Set([...include, ...(await upstreamTasks(change, tenantId, include, environment, limits.dependencyDepth.value)).map((row) => row.task_id)]);
  return [...new Set([...roots, ...down.filter((id) => up.has(id))])];
}

export function createOrders(options: { holds: Holds; dags: Dags }): Orders {
  const { holds, dags } = options;

  async function tasksOf(change: Change, order: Order): Promise<TaskRow[]> {
    const wanted = [...new Set([...order.taskIds, ...order.dryTaskIds])];
    if (wanted.length === 0) throw invalid('IncludeNodeIds', 'it names no node');
    const tasks = await findTasks(change, change.actor.tenantId, wanted, order.environment);
    const there = new Set(tasks.filter((task) => task.workspace_id === order.workspaceId).map((task) => task.task_id));
    const absent = wanted.filter((id) => !there.has(id));
    if (absent.length > 0) throw invalid('IncludeNodeIds', `the workspace has no node ${absent.slice(0, 5).join(', ')} in ${order.environment}`);
    return tasks;
  }

  function dagOrders(order: Order, tasks: readonly TaskRow[], operationId: number): DagOrder[] {
    return order.dates.map((date) => ({
      name: order.name,
      type: order.type,
      workspaceId: order.workspaceId,
      environment: order.environment,
      bizdate: readWallTime(date) ?? new Date(0),
      tasks,
      dryTaskIds: new Set(order.dryTaskIds),
      given: new Map(Object.entries(order.given).map(([id, parameters]) => [Number(id), parameters])),
      flowId: order.flowId ?? 1,
      operationId,
      startFutureNow: order.startFutureNow,
      ...(order.rootTaskId === undefined ? {} : { rootTaskId: order.rootTaskId }),
      ...(order.now === undefined ? {} : { now: order.now }),
      ...(order.single === undefined ? {} : { single: order.single }),
      ...(order.between === undefined ? {} : { between: order.between }),
      ...(order.priority === undefined ? {} : { priority: order.priority }),
      ...(order.resourceGroup === undefined ? {} : { resourceGroup: order.resourceGroup }),
    }));
  }

  /** The workflow instances that wait for no other of the order. */
  function heads(order: Order, dagIds: readonly number[]): readonly number[] {
    if (order.waitForStart === true) return [];
    return order.chains === 0 ? dagIds : dagIds.slice(0, order.chains);
  }

  async function carryOut(change: Change, order: Order, operationId: number, dagIds: readonly number[]): Promise<void> {
    const tasks = await tasksOf(change, order);
    const wanted = dagOrders(order, tasks, operationId);
    const size = wanted.reduce((sum, one) => sum + dags.size(change.now, one), 0);
    if (size > limits.orderInstancesAtOnce.value) {
      for (const place of dagIds.keys()) change.enqueue({ kind: 'schedule:fill', payload: { operationId, place, tenantId: change.actor.tenantId, userId: change.actor.userId } });
      await setOrder(change, operationId, 'Making', '', change.now);
      return;
    }
    for (const [place, dagId] of dagIds.entries()) {
      const one = wanted[place];
      if (one !== undefined) await dags.fill(change, one, dagId);
    }
    await dags.letGo(change, heads(order, dagIds));
    await setOrder(change, operationId, 'Made', '', change.now);
  }

  /** One workflow instance of a large order. The last one to be filled lets all of them go. */
  async function fillOne(change: Change, operationId: number, place: number): Promise<void> {
    const row = await findOrder(change, change.actor.tenantId, operationId);
    if (row === undefined || row.state !== 'Making') return;
    const order = row.request as unknown as Order;
    const dagIds = await dagsOfOrder(change, operationId);
    const dagId = dagIds[place];
    const one = dagOrders(order, await tasksOf(change, order), operationId)[place];
    if (dagId === undefined || one === undefined) return;
    await change.run('select from dag_operation where id = $1 for update', [operationId]);
    await dags.fill(change, one, dagId);
    const left = await change.row<{ left: number }>('select count(*) as left from dag_run d where operation_id = $1 and not exists (select from task_instance i where i.dag_id = d.id)', [operationId]);
    if ((left?.left ?? 0) > 0) return;
    await dags.letGo(change, heads(order, dagIds));
    await setOrder(change, operationId, 'Made', '', change.now);
  }

  async function giveUp(change: Change, operationId: number, reason: string): Promise<void> {
    await setOrder(change, operationId, 'Failed', reason, change.now);
    for (const dagId of await dagsOfOrder(change, operationId)) {
      const failed = await setDagStatus(change, dagId, 'Failure', change.now);
      if (failed !== undefined && failed.type === 'SupplementData') change.raise(dagStatusChange(failed));
    }
  }

  const stored = async (change: Change, args: Readonly<Record<string, unknown>>) => {
    const operationId = Number(args['operationId']);
    const row = await findOrder(change, change.actor.tenantId, operationId);
    if (row === undefined) throw new ApiError('NotFound', { kind: 'Operation', label: 'operation', id: operationId });
    return { operationId, order: row.request as unknown as Order };
  };

  return {
    async submit(change, order) {
      const tasks = await tasksOf(change, order);
      if (order.dates.length === 0) throw invalid('StartBizDate', 'it names no business date');
      const size = dagOrders(order, tasks, 0).reduce((sum, one) => sum + dags.size(change.now, one), 0);
      if (size > limits.orderInstances.value) throw invalid('IncludeNodeIds', `the order would make ${size} instances; at most ${limits.orderInstances.value} are allowed. Ask for fewer nodes or dates`);
      if (size === 0) throw invalid('IncludeNodeIds', 'none of the nodes has a cycle in the time asked for');
      const { tenantId, userId } = change.actor;
      const operationId = await insertOrder(change, { tenantId, workspaceId: order.workspaceId, kind: 'Create', request: order, by: userId }, change.now);
      const dagIds: number[] = [];
      for (const [place, one] of dagOrders(order, tasks, operationId).entries()) {
        const after = order.chains === 0 || order.waitForStart === true ? undefined : dagIds[place - order.chains];
        dagIds.push(await dags.open(change, { ...one, afterDagId: after }));
      }
      if (order.type !== 'SupplementData') {
        await carryOut(change, order, operationId, dagIds);
        return { operationId, dagIds, held: false };
      }
      const dates = order.dates.toSorted();
      const proposed = await holds.propose(change, {
        point: 'backfill-data',
        workspaceId: order.workspaceId,
        objectKey: `backfill:${operationId}`,
        data: {
          name: order.name,
          ...(order.rootTaskId === undefined ? {} : { rootNodeId: order.rootTaskId, rootNodeProjectId: order.workspaceId }),
          includeNodeIds: [...order.taskIds],
          excludeNodeIds: [...order.dryTaskIds],
          useMultipleTimePeriods: false,
          multipleTimePeriods: JSON.stringify([{ bizBeginTime: dates[0], bizEndTime: dates.at(-1) }]),
          isParallel: order.chains !== 1,
          parallelGroup: Math.max(1, order.chains),
          startFutureInstanceImmediately: order.startFutureNow,
          order: order.dates[0] === dates[0] ? 'asc' : 'desc',
          projectId: order.workspaceId,
          operator: String(userId),
        },
        title: order.name,
        snapshot: { Backfill: { Name: order.name, NodeIds: [...order.taskIds], DryRunNodeIds: [...order.dryTaskIds], BizDates: [...order.dates] } },
        args: { operationId },
      });
      if (proposed.held) await setOrder(change, operationId, 'Held', '', change.now);
      else await carryOut(change, order, operationId, dagIds);
      return { operationId, dagIds, held: proposed.held };
    },
    point: {
      code: 'backfill-data',
      async proceed(change, args) {
        const { operationId, order } = await stored(change, args);
        await carryOut(change, order, operationId, await dagsOfOrder(change, operationId));
      },
      async reject(change, args, outcome) {
        await giveUp(change, Number(args['operationId']), outcome.tip === '' ? 'An extension has refused the backfill.' : outcome.tip);
      },
    },
    jobs: [
      {
        kind: 'schedule:fill',
        actor: (payload) => ({ ...platformActor('schedule:fill', Number(payload['tenantId'])), userId: Number(payload['userId']) }),
        handle: (change, payload) => fillOne(change, Number(payload['operationId']), Number(payload['place'])),
        giveUp: (change, payload, error) => giveUp(change, Number(payload['operationId']), error instanceof ApiError ? error.message : 'The instances could not be written.'),
      },
    ],
  };
}
