import type { Change } from '../../kernel/change.ts';
import { addDays, instantOf, startOfDay, wallTimeOf, type WallTime } from './calendar.ts';
import type { LoopContext } from './loop.ts';
import { insertDag, releaseDags } from './dag-store.ts';
import { checkFreeInstances, insertEdges, type Edge } from './edge-store.ts';
import { insertInstances } from './instance-store.ts';
import { instanceOfTask } from './new-instance.ts';
import { evaluateAll, type Parameter } from './parameters.ts';
import { planEdges, type PlannedDependency } from './plan.ts';
import type { DagType, TaskType } from './states.ts';
import { dependenciesOf, type TaskRow } from './store.ts';
import { cyclesByHand, type DayCycles } from './task-cycles.ts';

/** A workflow instance that somebody asks for: some tasks, for one business date. */
export interface DagOrder {
  readonly name: string;
  readonly type: Exclude<DagType, 'Normal'>;
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  /** The business date, as a wall clock reading: the day before the day whose cycles are run. */
  readonly bizdate: WallTime;
  readonly tasks: readonly TaskRow[];
  /** Of these the instances succeed without being run. */
  readonly dryTaskIds?: ReadonlySet<number>;
  /** Parameters in place of a task's own, by task id; those under 0 are for all. */
  readonly given?: ReadonlyMap<number, readonly Parameter[]>;
  readonly flowId?: number;
  readonly rootTaskId?: number;
  readonly operationId?: number;
  /** It waits until this workflow instance has succeeded. */
  readonly afterDagId?: number | undefined;
  /** Cycles whose time is still to come run at once. */
  readonly startFutureNow?: boolean;
  /** Only one cycle, due now, whatever the schedule says: a workflow or task started by hand. */
  readonly now?: boolean;
  /** Only the first cycle of each task. */
  readonly single?: boolean;
  /** Not to be started before somebody does (StartWorkflowInstances). */
  readonly waitForStart?: boolean;
  readonly priority?: number | undefined;
  readonly resourceGroup?: string | undefined;
  readonly parentInstanceId?: number;
  readonly round?: number;
  readonly loop?: LoopContext;
  /** Only one cycle, of this moment: a round of a loop has the time of its loop. */
  readonly cycle?: Date;
  /** Only these cycles of the day: times of day on the wall clock, in milliseconds, from and to (both inclusive). */
  readonly between?: { readonly from: number; readonly to: number } | undefined;
}

export interface MadeDag {
  readonly dagId: number;
  /** Ids of instances by task, in the order of their cycles. */
  readonly instances: ReadonlyMap<number, readonly number[]>;
}

/** Making workflow instances by hand: smoke tests, backfills, manual workflows, the rounds of loops. */
export interface Dags {
  /** Opens and fills it. */
  make(change: Change, order: DagOrder): Promise<MadeDag>;
  /** Writes a workflow instance without instances, none of which may start before `letGo`. */
  open(change: Change, order: DagOrder): Promise<number>;
  /** Writes the instances and edges of one that is open. */
  fill(change: Change, order: DagOrder, dagId: number): Promise<MadeDag>;
  /** How many instances it has. */
  size(now: Date, order: DagOrder): number;
  /** Lets the instances of workflow instances start, if they were not let go already. */
  letGo(change: Change, dagIds: readonly number[]): Promise<void>;
}

export function createDags(options: { readonly timeZone: string }): Dags {
  const { timeZone } = options;

  function cyclesOf(now: Date, order: DagOrder, task: TaskRow): DayCycles {
    const zone = task.time_zone ?? timeZone;
    const day = addDays(startOfDay(order.bizdate), 1);
    if (order.now === true) return { cycles: [{ number: 1, wall: wallTimeOf(now, zone), instant: now, due: true }], intraday: false };
    if (order.cycle !== undefined) return { cycles: [{ number: 1, wall: wallTimeOf(order.cycle, zone), instant: order.cycle, due: true }], intraday: false };
    const found = cyclesByHand(task, day, timeZone);
    if (order.single === true) return { ...found, cycles: found.cycles.slice(0, 1).map((cycle) => ({ ...cycle, due: true })) };
    const { between } = order;
    if (between === undefined || !found.intraday) return found;
    const inside = (wall: WallTime) => wall.getTime() - startOfDay(wall).getTime() >= between.from && wall.getTime() - startOfDay(wall).getTime() <= between.to;
    return { ...found, cycles: found.cycles.filter((cycle) => inside(cycle.wall)) };
  }

  function open(change: Change, order: DagOrder): Promise<number> {
    return insertDag(
      change,
      {
        tenantId: change.actor.tenantId,
        workspaceId: order.workspaceId,
        environment: order.environment,
        name: order.name,
        type: order.type,
        bizdate: instantOf(startOfDay(order.bizdate), timeZone),
        createdBy: change.actor.userId,
        released: false,
        afterDagId: order.afterDagId,
        triggerTime: change.now,
        ...(order.flowId === undefined ? {} : { flowId: order.flowId }),
        ...(order.rootTaskId === undefined ? {} : { taskId: order.rootTaskId }),
        ...(order.operationId === undefined ? {} : { operationId: order.operationId }),
        ...(order.parentInstanceId === undefined ? {} : { parentInstanceId: order.parentInstanceId }),
        ...(order.round === undefined ? {} : { round: order.round }),
        ...(order.loop === undefined ? {} : { loop: order.loop }),
      },
      change.now,
    );
  }

  function taskTypeOf(order: DagOrder, task: TaskRow, due: boolean): TaskType {
    if (order.dryTaskIds?.has(task.task_id) === true) return 'SKIP_UNCHOOSE';
    if (!due) return 'SKIP_CYCLE';
    return order.now === true || order.type === 'Manual' ? 'MANUAL' : 'NORMAL';
  }

  async function fill(change: Change, order: DagOrder, dagId: number): Promise<MadeDag> {
    const bizdate = startOfDay(order.bizdate);
    const planned = new Map(order.tasks.map((task) => [task.task_id, { task, ...cyclesOf(change.now, order, task) }]));
    const rows = [...planned.values()].flatMap(({ task, cycles }) =>
      cycles.map((cycle) => {
        const given = [...(order.given?.get(0) ?? []), ...(order.given?.get(task.task_id) ?? [])];
        const times = { bizdate, cyctime: cycle.wall, now: wallTimeOf(change.now, task.time_zone ?? timeZone) };
        return instanceOfTask(task, {
          dagId,
          dagType: order.type,
          flowId: order.flowId ?? 1,
          taskType: taskTypeOf(order, task, cycle.due),
          bizdate: instantOf(bizdate, timeZone),
          triggerTime: order.startFutureNow === true && cycle.instant > change.now ? change.now : cycle.instant,
          periodNumber: cycle.number,
          parameters: evaluateAll(task.parameters, given, times),
          createdBy: change.actor.userId,
          priority: order.priority,
          resourceGroup: order.resourceGroup,
        });
      }),
    );
    const ids = await insertInstances(change, rows, change.now);
    const instances = new Map<number, number[]>();
    for (const [place, row] of rows.entries()) {
      const id = ids[place];
      if (id === undefined || row.task_id === null) continue;
      const present = instances.get(row.task_id);
      if (present === undefined) instances.set(row.task_id, [id]);
      else present.push(id);
    }
    const within = (await dependenciesOf(change, [...planned.keys()], order.environment)).flatMap((dependency): PlannedDependency[] => {
      const upstream = dependency.kind === 'CrossCycleDependsOnSelf' ? dependency.task_id : dependency.upstream_id;
      return upstream === null || !planned.has(upstream) || dependency.kind === 'CrossCycleDependsOnChildren' ? [] : [{ downstream: dependency.task_id, upstream, kind: dependency.kind, output: dependency.output }];
    });
    const edges = planEdges(planned, within).within.flatMap(({ dependency, down, up }): Edge[] => {
      const downstream = instances.get(dependency.downstream)?.[down];
      const upstream = instances.get(dependency.upstream)?.[up];
      return downstream === undefined || upstream === undefined ? [] : [{ downstream, upstream, kind: dependency.kind, output: dependency.output }];
    });
    await insertEdges(change, edges);
    change.touch(`dag:${dagId}`);
    return { dagId, instances };
  }

  async function letGo(change: Change, dagIds: readonly number[]): Promise<void> {
    const released = await releaseDags(change, dagIds);
    if (released.length === 0) return;
    await checkFreeInstances(change, change.actor.tenantId, released);
    change.notify('millrace_schedule');
  }

  return {
    open,
    fill,
    letGo,
    size: (now, order) => order.tasks.reduce((sum, task) => sum + cyclesOf(now, order, task).cycles.length, 0),
    async make(change, order) {
      const made = await fill(change, order, await open(change, order));
      if (order.waitForStart !== true && order.afterDagId === undefined) await letGo(change, [made.dagId]);
      return made;
    },
  };
}
