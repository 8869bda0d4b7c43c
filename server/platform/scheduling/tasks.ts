import type { Change } from '../../kernel/change.ts';
import type { Execution } from '../execution/index.ts';
import { addDays, instantOf, startOfDay, wallTimeOf, type WallTime } from './calendar.ts';
import { nodeChange } from './events.ts';
import { insertAdHocCode, insertDag, insertInstance, lockInstance, type InstanceRow, type NewInstance } from './instance-store.ts';
import type { Instances } from './instances.ts';
import type { PublishedTask, Scheduling } from './interface.ts';
import { evaluateAll, type Parameter } from './parameters.ts';
import { readSettings, timeOfDay } from './settings.ts';
import { deleteTask, deleteWorkspaceTasks, findTask, insertVersion, isSameVersion, lockTaskId, nextTaskId, putTask, type TaskRow } from './store.ts';

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

export function createTasks(options: {
  instances: Instances;
  execution: Execution;
  timeZone: string;
  /** Whether a workspace has a development environment of its own. */
  hasDevelopment(workspaceId: number): Promise<boolean>;
}): Tasks {
  const { instances, execution, timeZone, hasDevelopment } = options;

  async function publish(change: Change, task: PublishedTask): Promise<void> {
    const { tenantId, userId } = change.actor;
    await lockTaskId(change, task.taskId);
    const present = await findTask(change, tenantId, task.taskId, task.environment);
    if (present !== undefined && (await isSameVersion(change, present, task))) return;
    const version = await insertVersion(change, task, userId, change.now);
    const row = await putTask(change, tenantId, task, readSettings(task.spec), version, userId, change.now);
    // A node comes into being when it reaches production; before that it has only been edited, and its first publication is no change yet.
    if (present !== undefined) change.raise(nodeChange('node-change-updated', row, change.actor));
    else if (task.environment === 'PROD') change.raise(nodeChange('node-change-created', row, change.actor));
    change.touch(`node:${task.taskId}`);
  }

  /** Times of a run for a business date: it is due on the day after. */
  function timesOf(change: Change, bizdate: WallTime, cron: string | null) {
    const cyctime = new Date(addDays(startOfDay(bizdate), 1).getTime() + timeOfDay(cron));
    return { bizdate: startOfDay(bizdate), cyctime, now: wallTimeOf(change.now, timeZone) };
  }

  async function makeInstance(change: Change, instance: NewInstance): Promise<InstanceRow> {
    const row = await lockInstance(change, await insertInstance(change, instance, change.now));
    if (row === undefined) throw new Error('the instance was not written');
    change.touch(`instance:${row.id}`);
    return row;
  }

  return {
    reserveTaskId: nextTaskId,
    publish,
    async withdraw(change, { taskId, workspaceId, environment }) {
      await lockTaskId(change, taskId);
      const row = await deleteTask(change, taskId, workspaceId, environment);
      if (row === undefined) return;
      if (environment === 'PROD') change.raise(nodeChange('node-change-deleted', row, change.actor));
      change.touch(`node:${taskId}`);
    },
    async smokeTest(change, { task, name, bizdate, given }) {
      const times = timesOf(change, bizdate, task.cron);
      const common = { tenantId: task.tenant_id, workspaceId: task.workspace_id, environment: task.environment };
      const bizdateInstant = instantOf(times.bizdate, timeZone);
      const dagId = await insertDag(change, { ...common, name, type: 'SmokeTest', bizdate: bizdateInstant, createdBy: change.actor.userId }, change.now);
      const instance = await makeInstance(change, {
        tenant_id: task.tenant_id,
        workspace_id: task.workspace_id,
        environment: task.environment,
        dag_id: dagId,
        task_id: task.task_id,
        task_version: task.version,
        file_id: task.file_id,
        name: task.name,
        file_type: task.file_type,
        command: task.command,
        owner_id: task.owner_id,
        task_type: 'NORMAL',
        bizdate: bizdateInstant,
        trigger_time: instantOf(times.cyctime, timeZone),
        parameters: evaluateAll(task.parameters, given, times),
        priority: task.priority,
        rerun_mode: task.rerun_mode,
        rerun_times: task.rerun_times,
        rerun_interval_ms: task.rerun_interval_ms,
        timeout_seconds: task.timeout_seconds,
        created_by: change.actor.userId,
      });
      await instances.start(change, instance);
      return dagId;
    },
    async runAdHoc(change, run) {
      const settings = readSettings(run.spec);
      // What is run by hand is due now.
      const now = wallTimeOf(change.now, timeZone);
      const times = { bizdate: addDays(startOfDay(now), -1), cyctime: now, now };
      const { tenantId, userId } = change.actor;
      const bizdate = instantOf(times.bizdate, timeZone);
      const environment = (await hasDevelopment(run.workspaceId)) ? 'DEV' : 'PROD';
      const dagId = await insertDag(change, { tenantId, workspaceId: run.workspaceId, environment, name: run.name, type: 'Manual', bizdate, createdBy: userId }, change.now);
      const instance = await makeInstance(change, {
        tenant_id: tenantId,
        workspace_id: run.workspaceId,
        environment,
        dag_id: dagId,
        task_id: run.taskId ?? null,
        task_version: null,
        file_id: run.fileId,
        name: run.name,
        file_type: run.fileType,
        command: run.command,
        owner_id: run.ownerId,
        task_type: 'MANUAL',
        bizdate,
        trigger_time: change.now,
        parameters: evaluateAll(settings.parameters, [], times),
        priority: settings.priority,
        rerun_mode: settings.rerunMode,
        // Whoever runs by hand sees the failure and decides.
        rerun_times: 0,
        rerun_interval_ms: settings.rerunIntervalMs,
        timeout_seconds: settings.timeoutSeconds,
        created_by: userId,
      });
      await insertAdHocCode(change, instance.id, run.content);
      await instances.start(change, instance);
      return instance.id;
    },
    async removeWorkspace(change, workspaceId) {
      await execution.removeWorkspace(change, workspaceId);
      await deleteWorkspaceTasks(change, workspaceId);
    },
  };
}
