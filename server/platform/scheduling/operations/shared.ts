import type { Change } from '../../../kernel/change.ts';
import type { Database } from '../../../kernel/database.ts';
import { invalid, notFound } from '../../../kernel/errors.ts';
import { limits } from '../../../kernel/limits.ts';
import type { Access } from '../../../kernel/operation.ts';
import type { WorkspaceRight } from '../../../kernel/rights.ts';
import type { Execution } from '../../execution/index.ts';
import type { Dags } from '../dags.ts';
import type { Gates } from '../gates.ts';
import type { Instances } from '../instances.ts';
import { findInstance, type InstanceRow } from '../instance-store.ts';
import type { Orders } from '../orders.ts';
import { readParameterText, type Parameter } from '../parameters.ts';
import type { Reruns } from '../reruns.ts';
import { findTask, type TaskRow } from '../store.ts';
import type { Tasks } from '../tasks.ts';
import type { Triggers } from '../triggers.ts';

/** What the operations of scheduling stand on. */
export interface Services {
  readonly tasks: Tasks;
  readonly instances: Instances;
  readonly dags: Dags;
  readonly orders: Orders;
  readonly gates: Gates;
  readonly triggers: Triggers;
  readonly reruns: Reruns;
  readonly execution: Execution;
  readonly timeZone: string;
  /** Whether a user is a member of a workspace. */
  isMember(workspaceId: number, userId: number): Promise<boolean>;
  /** The id of a resource group that a workspace may use, or undefined. */
  resourceGroup(change: Change, workspaceId: number, idOrName: string): Promise<string | undefined>;
}

export type Environment = 'DEV' | 'PROD';

/** Reads `ProjectEnv`, which both dialects spell in their own case. */
export function readEnvironment(text: string): Environment {
  const environment = text.toUpperCase();
  if (environment !== 'DEV' && environment !== 'PROD') throw invalid('ProjectEnv', 'it must be DEV or PROD');
  return environment;
}

/** Running and stopping: developers do it in development, operators in production. */
export function rightToRun(request: { ProjectEnv: string }): WorkspaceRight {
  return request.ProjectEnv.toUpperCase() === 'DEV' ? 'develop' : 'operate';
}

interface Looking {
  readonly db: Database;
  readonly tenantId: number;
}

/** The task of the caller's tenant; throws NotFound for any other. */
export async function taskOf(call: Looking, request: { NodeId: number; ProjectEnv: string }): Promise<TaskRow> {
  const task = await findTask(call.db, call.tenantId, request.NodeId, readEnvironment(request.ProjectEnv));
  if (task === undefined) throw notFound('Node', request.NodeId);
  return task;
}

/** The instance of the caller's tenant, in the environment when one is named; throws NotFound for any other. */
export async function instanceOf(call: Looking, id: number, environment?: string): Promise<InstanceRow> {
  const instance = await findInstance(call.db, call.tenantId, id);
  if (instance === undefined || (environment !== undefined && instance.environment !== readEnvironment(environment))) throw notFound('Instance', id);
  return instance;
}

type NodeRequest = { NodeId: number; ProjectEnv: string };
type InstanceRequest = { InstanceId: number; ProjectEnv: string };

export const readNode: Access<NodeRequest> = { level: 'workspace', right: 'read', find: async (request, call) => (await taskOf(call, request)).workspace_id };
export const runNode: Access<NodeRequest> = { level: 'workspace', right: rightToRun, find: async (request, call) => (await taskOf(call, request)).workspace_id };
export const readInstance: Access<InstanceRequest> = { level: 'workspace', right: 'read', find: async (request, call) => (await instanceOf(call, request.InstanceId, request.ProjectEnv)).workspace_id };
export const runInstance: Access<InstanceRequest> = { ...readInstance, right: rightToRun };

/**
 * Reads `NodeParams`, JSON text: an object of parameters, or of node ids to parameters, each an object again or a text such as `a=1 b=2`.
 * Parameters that are named for another node are left out.
 */
export function readNodeParameters(text: string | undefined, nodeId: number): Parameter[] {
  if (text === undefined || text.trim() === '') return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('NodeParams', 'it must be JSON, such as {"bizdate": "20260321"}');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('NodeParams', 'it must be a JSON object');
  const parameters = Object.entries(value).flatMap(([key, inner]): Parameter[] => {
    if (!/^\d+$/.test(key)) return [given(key, inner)];
    if (key !== String(nodeId)) return [];
    if (typeof inner === 'string') return readParameterText(inner);
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) throw invalid('NodeParams', `the parameters of the node ${key} must be an object or a text`);
    return Object.entries(inner).map(([name, innermost]) => given(name, innermost));
  });
  if (parameters.length > limits.taskParameters.value) throw invalid('NodeParams', `there may be at most ${limits.taskParameters.value} parameters`);
  return parameters;
}

function given(name: string, value: unknown): Parameter {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') throw invalid('NodeParams', `the value of ${name} must be a text or a number`);
  const text = String(value);
  if (text.includes('\u0000') || name.includes('\u0000')) throw invalid('NodeParams', 'it contains a character that is not allowed');
  return { name, type: 'System', value: text };
}

/** The log of an attempt, or what there is to say when nothing was written. */
export async function logOf(services: Services, db: Database, instance: InstanceRow, attempt: number | undefined): Promise<string> {
  const log = await services.execution.readLog(db, instance.id, attempt);
  if (log !== undefined) return log;
  if (attempt !== undefined && (attempt < 1 || attempt > instance.attempts)) throw notFound('InstanceHistory', attempt, 'run number');
  return instance.attempts === 0 ? '' : 'A zero load: there was nothing to run.\n';
}
