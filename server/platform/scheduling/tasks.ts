import type { Change } from '../../kernel/change.ts';
import { invalid } from '../../kernel/errors.ts';
import type { Execution } from '../execution/index.ts';
import { addDays, instantOf, startOfDay, wallTimeOf, type WallTime } from './calendar.ts';
import { CronFault } from './cron.ts';
import type { Dags } from './dags.ts';
import { insertDag } from './dag-store.ts';
import { nodeChange } from './events.ts';
import type { Generation } from './generation.ts';
import { insertAdHocCode, insertInstances } from './instance-store.ts';
import type { PublishedTask, Scheduling } from './interface.ts';
import { evaluateAll, type Parameter } from './parameters.ts';
import { readDependencies, readOutputs, readParameters, readSchedule, readSettings, type ScheduleSettings, type TaskSettings } from './settings.ts';
import {
  deleteConnections,
  deleteTask,
  deleteWorkflow,
  deleteWorkspaceTasks,
  findTask,
  insertVersion,
  isSameVersion,
  lockTaskId,
  nextTaskId,
  putConnections,
  putTask,
  putWorkflow,
  tasksOfWorkflow,
  type TaskRow,
} from './store.ts';
import { scheduleCron } from './task-cycles.ts';
import { lookAt } from './transition.ts';

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
    if (settings.resourceGroup === null) return settings;
    const resourceGroup = await options.resourceGroup(change, task.workspaceId, settings.resourceGroup);
    if (resourceGroup === undefined) throw invalid('ResourceGroupIdentifier', `the workspace has no resource group ${settings.resourceGroup}`);
    return { ...settings, resourceGroup };
  }

  async function publish(change: Change, task: PublishedTask): Promise<void> {
    const { tenantId, userId } = change.actor;
    await lockTaskId(change, task.taskId);
    const present = await findTask(change, tenantId, task.taskId, task.environment);
    if (present !== undefined && (await isSameVersion(change, present, task))) return;
    const settings = await checked(change, task);
    const version = await insertVersion(change, task, userId, change.now);
    const row = await putTask(change, tenantId, task, settings, version, userId, change.now);
    await putConnections(change, { tenantId, workspaceId: task.workspaceId, taskId: task.taskId, environment: task.environment }, settings);
    // A node comes into being when it reaches production; before that it has only been edited, and its first publication is no change yet.
    if (present !== undefined) change.raise(nodeChange('node-change-updated', row, change.actor));
    else if (task.environment === 'PROD') change.raise(nodeChange('node-change-created', row, change.actor));
    if (task.environment === 'PROD' && row.instance_mode === 'Immediately' && row.trigger_type === 'Scheduler' && row.workflow_id === null) await generation.makeRestOfToday(change, [row]);
    change.touch(`node:${task.taskId}`);
  }

  return {
    reserveTaskId: nextTaskId,
    publish,
    async publishWorkflow(change, workflow) {
      const { tenantId, userId } = change.actor;
      await lockTaskId(change, workflow.workflowId);
      const schedule = readSchedule(workflow.spec);
      if (workflow.kind === 'CycleWorkflow') checkCron(schedule, 'Spec');
      const { priority, description, parameters: own } = readSettings(workflow.spec);
      const variables = workflow.spec['variables'];
      const parameters = own.length > 0 ? own : readParameters(variables);
      const row = await putWorkflow(change, tenantId, workflow, { ...schedule, priority, description, parameters }, userId, change.now);
      await putConnections(
        change,
        { tenantId, workspaceId: workflow.workspaceId, taskId: workflow.workflowId, environment: workflow.environment },
        { dependencies: readDependencies(workflow.spec), outputs: readOutputs(workflow.spec) },
      );
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
      // What is run by hand is due now.
      const now = wallTimeOf(change.now, timeZone);
      const times = { bizdate: addDays(startOfDay(now), -1), cyctime: now, now };
      const { tenantId, userId } = change.actor;
      const bizdate = instantOf(times.bizdate, timeZone);
      const environment = (await hasDevelopment(run.workspaceId)) ? 'DEV' : 'PROD';
      const dagId = await insertDag(change, { tenantId, workspaceId: run.workspaceId, environment, name: run.name, type: 'Manual', bizdate, createdBy: userId, triggerTime: change.now }, change.now);
      const resourceGroup = settings.resourceGroup === null ? null : ((await options.resourceGroup(change, run.workspaceId, settings.resourceGroup)) ?? null);
      const [id] = await insertInstances(
        change,
        [
          {
            tenant_id: tenantId,
            workspace_id: run.workspaceId,
            environment,
            dag_id: dagId,
            dag_type: 'Manual',
            flow_id: 1,
            task_id: run.taskId ?? null,
            task_version: null,
            file_id: run.fileId,
            name: run.name,
            file_type: run.fileType,
            command: run.command,
            owner_id: run.ownerId,
            task_type: 'MANUAL',
            blocked_by: '',
            bizdate,
            trigger_time: change.now,
            period_number: 1,
            parameters: evaluateAll(settings.parameters, [], times),
            context_inputs: [],
            priority: settings.priority,
            resource_group: resourceGroup,
            datasource: settings.datasource,
            ignore_branch_skip: settings.ignoreBranchSkip,
            rerun_mode: settings.rerunMode,
            // Whoever runs by hand sees the failure and decides.
            rerun_times: 0,
            rerun_interval_ms: settings.rerunIntervalMs,
            timeout_seconds: settings.timeoutSeconds,
            created_by: userId,
          },
        ],
        change.now,
      );
      if (id === undefined) throw new Error('the instance was not written');
      await insertAdHocCode(change, id, run.content);
      change.touch(`instance:${id}`);
      await lookAt(change, [id]);
      return id;
    },
    async removeWorkspace(change, workspaceId) {
      await execution.removeWorkspace(change, workspaceId);
      await deleteWorkspaceTasks(change, workspaceId);
    },
  };
}
