import type { Change } from '../../kernel/change.ts';
import { ApiError, invalid } from '../../kernel/errors.ts';
import type { Execution } from '../execution/index.ts';
import { runAdHoc, type AdHocTask } from './ad-hoc.ts';
import type { WallTime } from './calendar.ts';
import { CronFault } from './cron.ts';
import type { Dags } from './dags.ts';
import { nodeChange } from './events.ts';
import type { Generation } from './generation.ts';
import type { PublishedTask, Scheduling } from './interface.ts';
import type { Parameter } from './parameters.ts';
import { readDependencies, readOutputs, readParameters, readSchedule, readSettings, type ContextInput, type Dependency, type ScheduleSettings, type TaskSettings } from './settings.ts';
import {
  circleThrough,
  deleteConnections,
  deleteTask,
  deleteWorkflow,
  deleteWorkspaceTasks,
  downstreamTasks,
  findTask,
  insertVersion,
  isSameVersion,
  lockTaskId,
  nextTaskId,
  outputsOf,
  putConnections,
  putTask,
  putWorkflow,
  rawDependencies,
  tasksOfWorkflow,
  type TaskRow,
} from './store.ts';
import { scheduleCron } from './task-cycles.ts';

export interface SmokeTest {
  readonly task: TaskRow;
  readonly name: string;
  /** The business date, as a wall clock reading. */
  readonly bizdate: WallTime;
  readonly given: readonly Parameter[];
}

/** Tasks in service, and the instances that people make of them. */
export interface Tasks extends Scheduling {
  /** Runs a task once for a business date. Returns the id of the workflow instance. */
  smokeTest(change: Change, test: SmokeTest): Promise<number>;
  /** Runs code that is not deployed, tasks that wait for each other by their outputs. Returns the id of the workflow instance. */
  runAdHocWorkflow(
    change: Change,
    run: {
      readonly workspaceId: number;
      readonly name: string;
      readonly environment: 'DEV' | 'PROD' | undefined;
      readonly bizdate: WallTime | undefined;
      readonly tasks: readonly (Omit<AdHocTask, 'contextInputs' | 'resourceGroup'> & { readonly resourceGroup?: string | undefined; readonly contextInputs: readonly { readonly name: string; readonly value: string }[] })[];
    },
  ): Promise<number>;
  /** Changes what a task or workflow in service waits for or gives; what is absent stays. Throws WrongState with the circle when it would wait for itself. */
  reconnect(change: Change, place: { readonly taskId: number; readonly workspaceId: number; readonly environment: 'DEV' | 'PROD' }, connections: { readonly dependencies?: readonly Dependency[] | undefined; readonly outputs?: readonly string[] | undefined }): Promise<void>;
}

export interface TasksOptions {
  readonly dags: Dags;
  readonly generation: Generation;
  readonly execution: Execution;
  readonly timeZone: string;
  /** Whether a workspace has a development environment of its own. */
  hasDevelopment(workspaceId: number): Promise<boolean>;
  /** The id of a resource group that the workspace may use, or undefined. */
  resourceGroup(change: Change, workspaceId: number, idOrName: string): Promise<string | undefined>;
}

/** Refuses a cron that cannot be. Throws InvalidParameter. */
export function checkCron(settings: Pick<ScheduleSettings, 'cron'>, parameter = 'CronExpress'): void {
  if (settings.cron === null) return;
  try {
    scheduleCron(settings.cron);
  } catch (error) {
    if (error instanceof CronFault) throw invalid(parameter, error.message);
    throw error;
  }
}

export function createTasks(options: TasksOptions): Tasks {
  const { dags, generation, execution, timeZone, hasDevelopment } = options;

  /** Settings with what they name looked up. */
  async function checked(change: Change, task: PublishedTask): Promise<TaskSettings> {
    const settings = readSettings(task.spec);
    if (settings.triggerType === 'Scheduler' && task.workflowId === undefined) checkCron(settings);
    return { ...settings, resourceGroup: await groupOf(change, task.workspaceId, settings.resourceGroup) };
  }

  /** The id of the group that a spec, or `parameter` of the request, names. Throws InvalidParameter when the workspace has none of the name. */
  async function groupOf(change: Change, workspaceId: number, named: string | null, parameter = 'ResourceGroupIdentifier'): Promise<string | null> {
    if (named === null || named === '') return null;
    const id = await options.resourceGroup(change, workspaceId, named);
    if (id === undefined) throw invalid(parameter, `the workspace has no resource group ${named}`);
    return id;
  }

  async function publish(change: Change, task: PublishedTask): Promise<void> {
    const { tenantId, userId } = change.actor;
    await lockTaskId(change, task.taskId);
    const present = await findTask(change, tenantId, task.taskId, task.environment);
    if (present !== undefined && (await isSameVersion(change, present, task))) return;
    const settings = await checked(change, task);
    const version = await insertVersion(change, task, userId, change.now);
    const row = await putTask(change, tenantId, task, settings, version, userId, change.now);
    await connect(change, task, settings);
    // A node comes into being when it reaches production; before that it has only been edited, and its first publication is no change yet.
    if (present !== undefined) change.raise(nodeChange('node-change-updated', row, change.actor));
    else if (task.environment === 'PROD') change.raise(nodeChange('node-change-created', row, change.actor));
    if (task.environment === 'PROD' && row.instance_mode === 'Immediately' && row.trigger_type === 'Scheduler' && row.workflow_id === null) await generation.makeRestOfToday(change, [row]);
    change.touch(`node:${task.taskId}`);
  }

  async function connect(change: Change, place: { taskId: number; workspaceId: number; environment: 'DEV' | 'PROD' }, connections: { dependencies: readonly Dependency[]; outputs: readonly string[] }): Promise<void> {
    const { tenantId } = change.actor;
    await putConnections(change, { ...place, tenantId }, connections);
    // A circle can only close through a task that others wait for.
    if (connections.dependencies.length === 0 || (await downstreamTasks(change, tenantId, [place.taskId], place.environment, 1)).length === 0) return;
    const circle = await circleThrough(change, tenantId, place.taskId, place.environment);
    if (circle !== undefined) throw new ApiError('WrongState', { kind: 'Node', label: 'node', id: place.taskId, reason: `over its dependencies it would wait for itself: ${circle.join(' → ')}` });
  }

  return {
    reserveTaskId: nextTaskId,
    publish,
    async reconnect(change, place, connections) {
      await connect(change, place, {
        dependencies: connections.dependencies ?? (await rawDependencies(change, place.taskId, place.environment)),
        outputs: connections.outputs ?? (await outputsOf(change, place.taskId, place.environment)),
      });
    },
    async publishWorkflow(change, workflow) {
      const { tenantId, userId } = change.actor;
      await lockTaskId(change, workflow.workflowId);
      const schedule = readSchedule(workflow.spec);
      if (workflow.kind === 'CycleWorkflow') checkCron(schedule, 'Spec');
      const { priority, description, parameters: own } = readSettings(workflow.spec);
      const variables = workflow.spec['variables'];
      const parameters = own.length > 0 ? own : readParameters(variables);
      const row = await putWorkflow(change, tenantId, workflow, { ...schedule, priority, description, parameters }, userId, change.now);
      await connect(change, { ...workflow, taskId: workflow.workflowId }, { dependencies: readDependencies(workflow.spec), outputs: readOutputs(workflow.spec) });
      if (workflow.environment === 'PROD' && row.kind === 'CycleWorkflow' && row.instance_mode === 'Immediately') {
        await generation.makeRestOfToday(change, await tasksOfWorkflow(change, workflow.workflowId, 'PROD'));
      }
      change.touch(`workflow:${workflow.workflowId}`);
    },
    async withdrawWorkflow(change, { workflowId, workspaceId, environment }) {
      await lockTaskId(change, workflowId);
      if ((await deleteWorkflow(change, workflowId, workspaceId, environment)) === undefined) return;
      await deleteConnections(change, workflowId, environment);
      change.touch(`workflow:${workflowId}`);
    },
    async withdraw(change, { taskId, workspaceId, environment }) {
      await lockTaskId(change, taskId);
      const row = await deleteTask(change, taskId, workspaceId, environment);
      if (row === undefined) return;
      await deleteConnections(change, taskId, environment);
      if (environment === 'PROD') change.raise(nodeChange('node-change-deleted', row, change.actor));
      change.touch(`node:${taskId}`);
    },
    async smokeTest(change, { task, name, bizdate, given }) {
      const made = await dags.make(change, {
        name,
        type: 'SmokeTest',
        workspaceId: task.workspace_id,
        environment: task.environment,
        bizdate,
        // One run at its first time of day, whatever its schedule and its state.
        tasks: [task],
        rootTaskId: task.task_id,
        given: new Map([[task.task_id, given]]),
        startFutureNow: true,
        single: true,
      });
      return made.dagId;
    },
    async runAdHoc(change, run) {
      const settings = readSettings(run.spec);
      const { instanceIds } = await runAdHoc(
        change,
        {
          workspaceId: run.workspaceId,
          name: run.name,
          environment: (await hasDevelopment(run.workspaceId)) ? 'DEV' : 'PROD',
          tasks: [{ ...run, parameters: settings.parameters, datasource: settings.datasource, resourceGroup: await groupOf(change, run.workspaceId, settings.resourceGroup), timeoutSeconds: settings.timeoutSeconds, priority: settings.priority, ignoreBranchSkip: settings.ignoreBranchSkip }],
        },
        timeZone,
      );
      return instanceIds[0] ?? 0;
    },
    async runAdHocWorkflow(change, run) {
      const environment = run.environment ?? ((await hasDevelopment(run.workspaceId)) ? 'DEV' : 'PROD');
      const wanted: AdHocTask[] = [];
      for (const [place, task] of run.tasks.entries()) {
        const contextInputs = task.contextInputs.map(({ name, value }): ContextInput => {
          const match = /^(.+):([^:]+)$/.exec(value);
          return { name, output: match?.[1] ?? value, nodeId: null, variable: match?.[2] ?? 'outputs' };
        });
        wanted.push({ ...task, resourceGroup: await groupOf(change, run.workspaceId, task.resourceGroup ?? null, `Tasks.${place + 1}.RuntimeResource.ResourceGroupId`), contextInputs });
      }
      return (await runAdHoc(change, { workspaceId: run.workspaceId, name: run.name, environment, bizdate: run.bizdate, tasks: wanted }, timeZone)).dagId;
    },
    async removeWorkspace(change, workspaceId) {
      await execution.removeWorkspace(change, workspaceId);
      await deleteWorkspaceTasks(change, workspaceId);
    },
  };
}
