import type { Holds, PointDeclaration } from '../../extensions/declare.ts';
import type { Change, Changes } from '../../kernel/change.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import type { Log } from '../../kernel/log.ts';
import type { Module } from '../../kernel/module.ts';
import { declareOperations } from '../../kernel/operation.ts';
import type { Execution } from '../execution/index.ts';
import { createAdvance } from './advance.ts';
import { createControllers } from './controllers.ts';
import { createDags, type Dags } from './dags.ts';
import { createGates } from './gates.ts';
import { createGeneration, type Generation } from './generation.ts';
import { createInstances } from './instances.ts';
import { createHistory, type History } from './history.ts';
import type { Scheduling } from './interface.ts';
import { currentDagOperations } from './operations/current-dags.ts';
import { currentInstanceOperations } from './operations/current-instances.ts';
import { currentTaskOperations } from './operations/current-tasks.ts';
import { currentWorkflowOperations } from './operations/current-workflows.ts';
import { dagOperations } from './operations/dags.ts';
import { instanceOperations } from './operations/instances.ts';
import { nodeOperations } from './operations/nodes.ts';
import type { Services } from './operations/shared.ts';
import { statisticOperations } from './operations/statistics.ts';
import { createOrders } from './orders.ts';
import { createReruns } from './reruns.ts';
import { createRetention, type Retention } from './retention.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';
import { createSubmissions, type LookAround } from './submissions.ts';
import { findTasks, type TaskRow } from './store.ts';
import { createTasks } from './tasks.ts';
import { triggers } from './triggers.ts';

export type { CodeSurroundings, PublishedTask, PublishedWorkflow, Scheduling } from './interface.ts';
export type { History, MadeDay, TaskScope, WatchedInstance, WatchedTask } from './history.ts';
export type { Scheduler } from './scheduler.ts';
export { schedulingSchema } from './schema.ts';
export { instanceStates, type InstanceState } from './states.ts';

export interface SchedulingOptions {
  readonly database: Database;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly log: Log;
  /** This process's only one; scheduling follows its runs. */
  readonly execution: Execution;
  /** IANA name; the zone in which business dates are days. */
  readonly timeZone: string;
  /** Whether a workspace has a development environment of its own. Absent: every one has. */
  readonly hasDevelopment?: (workspaceId: number) => Promise<boolean>;
  /** Whether a user is a member of a workspace. Absent: everybody is. */
  readonly isMember?: (workspaceId: number, userId: number) => Promise<boolean>;
  /** The id of a resource group that a workspace may use. Absent: any name is taken as it is. */
  readonly resourceGroup?: (change: Change, workspaceId: number, idOrName: string) => Promise<string | undefined>;
  readonly holds: Holds;
  /** Told when a node was taken out of production by the Operation Center, so that the studio puts its file aside. */
  readonly undeployed?: (change: Change, task: { readonly taskId: number; readonly fileId: number; readonly workspaceId: number }) => Promise<void>;
  /** What of the studio a code refers to: resources, and parameters of the workspace. Absent: nothing. */
  readonly surroundings?: LookAround;
  /** False in a process that leaves scheduling to others. */
  readonly schedule?: boolean;
}

export interface SchedulingParts {
  readonly module: Module;
  readonly scheduling: Scheduling;
  /** What others may know of tasks and instances. */
  readonly history: History;
  readonly points: readonly PointDeclaration[];
  /** The scheduler of this process; also the module's service. */
  readonly scheduler: Scheduler;
  /** For benches and simulations: what the scheduler and the operations are made of. */
  readonly generation: Generation;
  readonly dags: Dags;
  readonly retention: Retention;
  tasksOf(tenantId: number, ids: readonly number[]): Promise<TaskRow[]>;
}

/** Tasks in service, their instances, and the scheduler that lets them run. */
export function createScheduling(options: SchedulingOptions): SchedulingParts {
  const { database, changes, clock, log, execution, timeZone } = options;
  const submissions = createSubmissions({ execution, timeZone, surroundings: options.surroundings });
  const instances = createInstances({ execution, submissions });
  const dags = createDags({ timeZone });
  const advance = createAdvance({ controllers: createControllers({ dags, timeZone }), submissions });
  const generation = createGeneration({ database, changes, clock, log, timeZone });
  const scheduler = createScheduler({ database, changes, clock, log, advance, generation });
  const resourceGroup = options.resourceGroup ?? (async (_change: Change, _workspaceId: number, idOrName: string) => idOrName);
  const tasks = createTasks({
    dags,
    generation,
    execution,
    timeZone,
    hasDevelopment: options.hasDevelopment ?? (async () => true),
    resourceGroup,
  });
  execution.follow(instances);
  const orders = createOrders({ holds: options.holds, dags });
  const gates = createGates({
    holds: options.holds,
    instances,
    undeployed: async (change, task) => options.undeployed?.(change, { taskId: task.task_id, fileId: task.file_id, workspaceId: task.workspace_id }),
  });
  const retention = createRetention({ database, changes, clock, log, execution });
  const reruns = createReruns({ gates });
  const services: Services = { tasks, instances, dags, orders, gates, triggers, reruns, execution, timeZone, resourceGroup, isMember: options.isMember ?? (async () => true) };
  return {
    module: {
      name: 'scheduling',
      operations: [
        ...declareOperations('dataworks-public', '2020-05-18', nodeOperations(services)),
        ...declareOperations('dataworks-public', '2020-05-18', instanceOperations(services)),
        ...declareOperations('dataworks-public', '2020-05-18', dagOperations(services)),
        ...declareOperations('dataworks-public', '2020-05-18', statisticOperations(services)),
        ...declareOperations('dataworks-public', '2024-05-18', currentInstanceOperations(services)),
        ...declareOperations('dataworks-public', '2024-05-18', currentTaskOperations(services)),
        ...declareOperations('dataworks-public', '2024-05-18', currentWorkflowOperations(services)),
        ...declareOperations('dataworks-public', '2024-05-18', currentDagOperations(services)),
      ],
      jobs: [...orders.jobs, ...reruns.jobs],
      services: options.schedule === false ? [] : [scheduler, retention],
    },
    points: [orders.point, ...gates.points],
    scheduling: tasks,
    history: createHistory({ timeZone }),
    scheduler,
    generation,
    dags,
    retention,
    tasksOf: (tenantId, ids) => findTasks(database, tenantId, ids, 'PROD'),
  };
}
