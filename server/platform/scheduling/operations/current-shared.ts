import { ApiError, invalid, notFound } from '../../../kernel/errors.ts';
import type { Access, Found } from '../../../kernel/operation.ts';
import type { Database } from '../../../kernel/database.ts';
import { limits } from '../../../kernel/limits.ts';
import { momentText } from '../../dialect.ts';
import { instantOf, readWallTime, wallTimeOf } from '../calendar.ts';
import type { Results } from '../gates.ts';
import { findInstances, type InstanceRow } from '../instance-store.ts';
import { findTask, findTasks, findWorkflow, type TaskRow, type WorkflowRow } from '../store.ts';
import type { Environment } from './shared.ts';

/** What the operations of API 2024-05-18 share: words, rows as they are shown, and batches with an answer for each element. */

export const rerunModes = { Allowed: 'AllAllowed', Denied: 'AllDenied', FailureAllowed: 'FailureAllowed' } as const;

/** Reads a rerun mode, which this dialect calls by other names. */
export function readRerunMode(name: string, text: string | undefined): 'Allowed' | 'Denied' | 'FailureAllowed' | undefined {
  if (text === undefined || text === '') return undefined;
  const found = Object.entries(rerunModes).find(([, shown]) => shown === text)?.[0];
  if (found === undefined) throw invalid(name, `it must be one of ${Object.values(rerunModes).join(', ')}`);
  return found as keyof typeof rerunModes;
}

/** What lists of tasks and workflows are sorted by. */
export const listOrders = { Id: 'id', CreateTime: 'created', ModifyTime: 'modified' } as const;

/** `Prod` or `Dev`, in any case; production when absent. */
export function environmentOf(text: string | undefined, name = 'ProjectEnv'): Environment {
  const environment = text === undefined || text === '' ? 'PROD' : text.toUpperCase();
  if (environment !== 'PROD' && environment !== 'DEV') throw invalid(name, 'it must be Prod or Dev');
  return environment;
}

export function shownEnvironment(environment: Environment): 'Prod' | 'Dev' {
  return environment === 'PROD' ? 'Prod' : 'Dev';
}

/** Running and changing: developers do it in development, operators in production. */
export function rightIn(environment: Environment): 'develop' | 'operate' {
  return environment === 'DEV' ? 'develop' : 'operate';
}

interface Looking {
  readonly db: Database;
  readonly tenantId: number;
}

export async function taskIn(call: Looking, id: number, environment: Environment): Promise<TaskRow> {
  const task = await findTask(call.db, call.tenantId, id, environment);
  if (task === undefined) throw notFound('Task', id, 'task');
  return task;
}

export async function workflowIn(call: Looking, id: number, environment: Environment): Promise<WorkflowRow> {
  const workflow = await findWorkflow(call.db, call.tenantId, id, environment);
  if (workflow === undefined) throw notFound('Workflow', id, 'workflow');
  return workflow;
}

/** Access to a task named by `Id`, in the environment named. */
export const readTask: Access<{ Id: number; ProjectEnv?: string | undefined }> = {
  level: 'workspace',
  right: 'read',
  find: async (request, call) => (await taskIn(call, request.Id, environmentOf(request.ProjectEnv))).workspace_id,
};

/** Where instances named by ids are; the first that is there counts, others of other workspaces are refused one by one. */
export async function whereInstances(call: Looking, ids: readonly number[]): Promise<Found> {
  if (ids.length === 0) throw invalid('Ids', 'it names no instance');
  if (ids.length > limits.batchIds.value) throw invalid('Ids', `it may name at most ${limits.batchIds.value} instances`);
  const [first] = await findInstances(call.db, call.tenantId, ids);
  if (first === undefined) throw notFound('Instance', ids[0] ?? 0, 'instance');
  return { workspace: first.workspace_id, right: rightIn(first.environment) };
}

/** Instances of a batch that are in the caller's workspace and environment, and why the others are not dealt with. */
export async function instancesOfBatch(call: Looking & { readonly workspace: { readonly id: number } }, ids: readonly number[]): Promise<{ rows: InstanceRow[]; refused: Map<number, string> }> {
  const found = new Map((await findInstances(call.db, call.tenantId, ids)).map((row) => [row.id, row]));
  const first = [...found.values()][0];
  const refused = new Map<number, string>();
  const rows = [...new Set(ids)].flatMap((id): InstanceRow[] => {
    const row = found.get(id);
    if (row === undefined) refused.set(id, `There is no instance ${id}.`);
    else if (row.workspace_id !== call.workspace.id || row.environment !== first?.environment) refused.set(id, 'It is in another workspace or environment; send it in a call of its own.');
    else return [row];
    return [];
  });
  return { rows, refused };
}

/** `SuccessInfo`: what became of each element. */
export function successInfo(results: Results, refused: ReadonlyMap<number, string>): { SuccessInfo: Record<string, { Success: boolean; Message: string }> } {
  const told = [...results].map(([id, fault]): [string, { Success: boolean; Message: string }] => [String(id), { Success: fault === undefined, Message: fault?.message ?? '' }]);
  const others = [...refused].map(([id, message]): [string, { Success: boolean; Message: string }] => [String(id), { Success: false, Message: message }]);
  return { SuccessInfo: Object.fromEntries([...told, ...others]) };
}

/** Runs something for one element of a batch, so that its fault is told and not thrown. */
export async function each(results: Map<number, ApiError | undefined>, id: number, work: () => Promise<void>): Promise<void> {
  try {
    await work();
    results.set(id, undefined);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    results.set(id, error);
  }
}

type Triggered = Pick<TaskRow, 'cron' | 'recurrence' | 'effective_from' | 'effective_to' | 'time_zone'>;

/** The trigger as it is shown; times on the wall of its own zone. */
export function triggerOf(row: Triggered, type: 'Scheduler' | 'Manual', timeZone: string) {
  const moment = (value: Date | null, otherwise: string) => (value === null ? otherwise : momentText(wallTimeOf(value, row.time_zone ?? timeZone)));
  return {
    Type: type,
    Recurrence: row.recurrence,
    ...(row.cron === null ? {} : { Cron: row.cron }),
    StartTime: moment(row.effective_from, '1970-01-01 00:00:00'),
    EndTime: moment(row.effective_to, '9999-01-01 00:00:00'),
  };
}

/** A moment of a trigger; null for always or for ever. */
export function readTriggerMoment(name: string, text: string | undefined, timeZone: string): Date | null | undefined {
  if (text === undefined || text === '') return undefined;
  const wall = readWallTime(text);
  if (wall === undefined) throw invalid(name, 'it must have the form yyyy-MM-dd HH:mm:ss');
  const year = wall.getUTCFullYear();
  return year <= 1970 || year >= 9999 ? null : instantOf(wall, timeZone);
}

/** A task as lists and details show it. */
export function currentTask(task: TaskRow, timeZone: string) {
  return {
    Id: task.task_id,
    Name: task.name,
    Type: task.command,
    Description: task.description,
    ProjectId: task.workspace_id,
    ProjectEnv: shownEnvironment(task.environment),
    Owner: String(task.owner_id),
    Priority: task.priority,
    RerunMode: rerunModes[task.rerun_mode],
    RerunTimes: task.rerun_times,
    RerunInterval: Math.floor(task.rerun_interval_ms / 1_000),
    Timeout: task.timeout_seconds,
    InstanceMode: task.instance_mode,
    WorkflowId: task.workflow_id ?? 1,
    Trigger: triggerOf(task, task.trigger_type, timeZone),
    ...(task.resource_group === null ? {} : { RuntimeResource: { ResourceGroupId: task.resource_group } }),
    ...(task.datasource === null ? {} : { DataSource: { Name: task.datasource } }),
    CreateTime: task.created_at.getTime(),
    CreateUser: String(task.created_by),
    ModifyTime: task.modified_at.getTime(),
    ModifyUser: String(task.modified_by),
  };
}

/** Tasks of a batch with their environment; each may name its own. */
export async function tasksById(call: Looking, ids: readonly number[], environment: Environment): Promise<Map<number, TaskRow>> {
  return new Map((await findTasks(call.db, call.tenantId, ids, environment)).map((task) => [task.task_id, task]));
}
