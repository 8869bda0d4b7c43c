import type { Executor } from '../../kernel/database.ts';
import { ApiError, invalid, missing, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import type { History, TaskScope } from '../scheduling/index.ts';
import { baselinesById } from './baseline-store.ts';
import type { RuleDraft } from './model.ts';
import type { RuleRow } from './rule-store.ts';

/** What rules watch: where it is, and which tasks it stands for. */
export interface Scopes {
  /** The one workspace of all targets. Throws NotFound for a target that is not there, InvalidParameter when they are in several workspaces. */
  workspaceOf(db: Executor, tenantId: number, target: Pick<RuleDraft, 'targetType' | 'targetIds'>): Promise<number>;
  /** The tasks that a rule stands for at this moment. */
  scopeOf(db: Executor, rule: RuleRow): Promise<TaskScope>;
  /** Name of a workflow or business flow. */
  processName(db: Executor, tenantId: number, workspaceId: number, id: number): Promise<string>;
}

/** A business flow of a workspace, or undefined. */
export type FindBusiness = (db: Executor, workspaceId: number, id: number) => Promise<{ readonly name: string } | undefined>;

export function createScopes(options: { history: History; workspaceIds: (db: Executor, tenantId: number) => Promise<readonly number[]>; business: FindBusiness }): Scopes {
  const { history, workspaceIds, business } = options;

  /** The workspaces of the targets, in their order; undefined for what is not there. */
  async function places(db: Executor, tenantId: number, type: RuleDraft['targetType'], ids: readonly number[]): Promise<(number | undefined)[]> {
    if (type === 'Project') {
      const living = new Set(await workspaceIds(db, tenantId));
      return ids.map((id) => (living.has(id) ? id : undefined));
    }
    if (type === 'Task') {
      const found = new Map((await history.tasks(db, tenantId, ids)).map((task) => [task.task_id, task.workspace_id]));
      return ids.map((id) => found.get(id));
    }
    if (type === 'Baseline') {
      const found = new Map((await baselinesById(db, tenantId, ids)).map((baseline) => [baseline.id, baseline.workspace_id]));
      return ids.map((id) => found.get(id));
    }
    const workflows = new Map((await history.workflows(db, tenantId, ids)).map((workflow) => [workflow.id, workflow.workspace_id]));
    const living = ids.every((id) => workflows.has(id)) ? [] : await workspaceIds(db, tenantId);
    const placeOf = async (id: number) => {
      if (workflows.has(id)) return workflows.get(id);
      // The number of a business flow does not tell its workspace.
      for (const workspace of living) if ((await business(db, workspace, id)) !== undefined) return workspace;
      return undefined;
    };
    const found: (number | undefined)[] = [];
    for (const id of ids) found.push(await placeOf(id));
    return found;
  }

  const labels = { Task: 'Node', Project: 'Workspace', Baseline: 'Baseline', BizProcess: 'BizProcess' } as const;

  return {
    async workspaceOf(db, tenantId, { targetType, targetIds }) {
      if (targetIds.length === 0) throw missing('Target.Ids');
      if (targetIds.length > limits.alertTargets.value) throw new ApiError('TooMany', { kind: 'AlertTarget', label: 'targets of one rule', limit: limits.alertTargets.value });
      const found = await places(db, tenantId, targetType, targetIds);
      const lost = found.indexOf(undefined);
      if (lost >= 0) {
        const id = targetIds[lost] ?? 0;
        throw targetType === 'Project' ? new ApiError('WorkspaceNotFound', { id }) : notFound(labels[targetType], id);
      }
      const [first] = found;
      if (first === undefined || found.some((place) => place !== first)) throw invalid('Target', 'all that a rule watches must be in one workspace');
      return first;
    },
    async scopeOf(db, rule) {
      const scope = { workspaceId: rule.workspace_id, except: rule.allow_tasks };
      if (rule.target_type === 'Project') return { ...scope, taskIds: undefined };
      if (rule.target_type === 'Task') return { ...scope, taskIds: rule.target_ids };
      if (rule.target_type === 'Baseline') return { ...scope, taskIds: (await baselinesById(db, rule.tenant_id, rule.target_ids)).flatMap((baseline) => baseline.node_ids) };
      const taskIds = await history.tasksOfWorkflows(db, rule.tenant_id, rule.target_ids);
      for (const id of rule.target_ids) {
        const found = await business(db, rule.workspace_id, id);
        if (found !== undefined) taskIds.push(...(await history.tasksOfBusiness(db, rule.workspace_id, found.name)));
      }
      return { ...scope, taskIds };
    },
    async processName(db, tenantId, workspaceId, id) {
      const [workflow] = await history.workflows(db, tenantId, [id]);
      return workflow?.name ?? (await business(db, workspaceId, id))?.name ?? '';
    },
  };
}

/** Whether a task is one of a scope. */
export function isInScope(scope: TaskScope, workspaceId: number, taskId: number): boolean {
  return scope.workspaceId === workspaceId && !scope.except.includes(taskId) && (scope.taskIds === undefined || scope.taskIds.includes(taskId));
}
