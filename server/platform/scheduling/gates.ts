import type { Holds, PointDeclaration } from '../../extensions/declare.ts';
import type { Change } from '../../kernel/change.ts';
import { ApiError } from '../../kernel/errors.ts';
import { nodeChange } from './events.ts';
import { findInstances, type InstanceRow } from './instance-store.ts';
import type { Instances } from './instances.ts';
import { logOperations, type NewOperation } from './operation-store.ts';
import { deleteConnections, deleteTask, downstreamTasks, findTask, findTasks, patchTask, type TaskRow } from './store.ts';

/** What people do in the Operation Center, each held at its extension point when an extension wants to be asked. */

export const instanceActions = {
  rerun: { point: 'pre-rerun-instance', name: 'Rerun' },
  stop: { point: 'pre-kill-instance', name: 'Stop' },
  setSuccess: { point: 'pre-set-instance-success', name: 'SetSuccess' },
  suspend: { point: 'pre-freeze-instance', name: 'Suspend' },
  resume: { point: 'pre-unfreeze-instance', name: 'Resume' },
} as const;

export type InstanceAction = keyof typeof instanceActions;

export const nodeActions = {
  freeze: { point: 'freeze-node', name: 'Freeze' },
  unfreeze: { point: 'unfreeze-node', name: 'Unfreeze' },
  undeploy: { point: 'undeploy-node', name: 'Undeploy' },
} as const;

export type NodeAction = keyof typeof nodeActions;

/** What became of each object: undefined when it was done or is being held, else why not. */
export type Results = ReadonlyMap<number, ApiError | undefined>;

export interface Gates {
  /**
   * Does something to instances of one workspace. With one instance its fault is thrown; with several those that cannot be are told and the others go
   * on. `comment` stands in the operation log.
   */
  onInstances(change: Change, action: InstanceAction, instances: readonly InstanceRow[], comment?: string): Promise<Results>;
  /** Does something to a node in service. Throws WrongState, such as for a node that others wait for. */
  onNode(change: Change, action: NodeAction, task: TaskRow): Promise<{ readonly held: boolean }>;
  readonly points: readonly PointDeclaration[];
}

export interface GatesOptions {
  readonly holds: Holds;
  readonly instances: Instances;
  /** Told when a node was taken out of production, so that the studio puts its file aside. */
  undeployed(change: Change, task: TaskRow): Promise<void>;
}

export function createGates(options: GatesOptions): Gates {
  const { holds, instances } = options;

  async function carryOut(change: Change, action: InstanceAction, rows: readonly InstanceRow[], comment: string): Promise<Results> {
    const results = new Map<number, ApiError | undefined>();
    const done: NewOperation[] = [];
    // In the order of ids, as all who lock several do.
    for (const row of rows.toSorted((a, b) => a.id - b.id)) {
      try {
        await instances[action](change, row.id);
        results.set(row.id, undefined);
        done.push({ tenantId: row.tenant_id, workspaceId: row.workspace_id, kind: 'Instance', id: row.id, environment: row.environment, name: instanceActions[action].name, content: comment });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        results.set(row.id, error);
      }
    }
    await logOperations(change, done, change.actor.userId, change.now);
    return results;
  }

  async function carryOutOnNode(change: Change, action: NodeAction, task: TaskRow): Promise<void> {
    const { userId } = change.actor;
    if (action === 'undeploy') {
      await refuseWhenWaitedFor(change, task);
      const gone = await deleteTask(change, task.task_id, task.workspace_id, task.environment);
      if (gone === undefined) throw new ApiError('NotFound', { kind: 'Node', label: 'node', id: task.task_id });
      await deleteConnections(change, task.task_id, task.environment);
      if (task.environment === 'PROD') change.raise(nodeChange('node-change-deleted', gone, change.actor));
      await options.undeployed(change, gone);
    } else {
      const row = await patchTask(change, task.task_id, task.environment, { recurrence: action === 'freeze' ? 'Pause' : 'Normal' }, userId, change.now);
      if (row === undefined) throw new ApiError('NotFound', { kind: 'Node', label: 'node', id: task.task_id });
      change.raise(nodeChange('node-change-updated', row, change.actor));
    }
    change.touch(`node:${task.task_id}`);
    await logOperations(change, [{ tenantId: task.tenant_id, workspaceId: task.workspace_id, kind: 'Task', id: task.task_id, environment: task.environment, name: nodeActions[action].name, content: '' }], userId, change.now);
  }

  async function refuseWhenWaitedFor(change: Change, task: TaskRow): Promise<void> {
    const [child] = await downstreamTasks(change, task.tenant_id, [task.task_id], task.environment, 1);
    const [named] = child === undefined ? [] : await findTasks(change, task.tenant_id, [child.task_id], task.environment);
    if (child !== undefined) throw new ApiError('WrongState', { kind: 'Node', label: 'node', id: task.task_id, reason: `the node ${named?.name ?? ''} (${child.task_id}) waits for it; undeploy that first` });
  }

  /** What would be refused anyway is refused before anybody is asked. */
  async function checkNode(change: Change, action: NodeAction, task: TaskRow): Promise<void> {
    const wrong = (reason: string) => new ApiError('WrongState', { kind: 'Node', label: 'node', id: task.task_id, reason });
    if (action === 'undeploy') await refuseWhenWaitedFor(change, task);
    else if (action === 'freeze' && task.recurrence === 'Pause') throw wrong('it is frozen already');
    else if (action === 'unfreeze' && task.recurrence !== 'Pause') throw wrong('it is not frozen');
  }

  return {
    async onInstances(change, action, rows, comment = '') {
      const [first] = rows;
      if (first === undefined) return new Map();
      const { point, name } = instanceActions[action];
      const ids = rows.map((row) => row.id);
      const proposed = await holds.propose(change, {
        point,
        workspaceId: first.workspace_id,
        objectKey: `instance:${first.id}`,
        data: { extensionBizName: rows.map((row) => row.name).join(', ').slice(0, 200), projectId: first.workspace_id, taskIds: ids, operator: String(change.actor.userId) },
        title: `${name} ${first.name}${rows.length > 1 ? ` and ${rows.length - 1} more` : ''}`,
        ...(rows.length === 1 ? { fileType: first.file_type } : {}),
        snapshot: { InstanceOperation: { Operation: name, Instances: rows.map((row) => ({ InstanceId: row.id, NodeId: row.task_id, NodeName: row.name, Status: row.status, BizDate: row.bizdate.getTime() })) } },
        args: { ids, comment },
      });
      if (proposed.held) return new Map(ids.map((id) => [id, undefined]));
      const results = await carryOut(change, action, rows, comment);
      const only = rows.length === 1 ? results.get(first.id) : undefined;
      if (only !== undefined) throw only;
      return results;
    },
    async onNode(change, action, task) {
      await checkNode(change, action, task);
      const { point, name } = nodeActions[action];
      const proposed = await holds.propose(change, {
        point,
        workspaceId: task.workspace_id,
        objectKey: `node:${task.task_id}`,
        data: { operator: String(change.actor.userId), projectId: task.workspace_id, nodeIds: [task.task_id] },
        title: `${name} ${task.name}`,
        fileType: task.file_type,
        snapshot: { NodeOperation: { Operation: name, Nodes: [{ NodeId: task.task_id, NodeName: task.name, FileId: task.file_id, ProgramType: task.command }] } },
        args: { taskId: task.task_id, environment: task.environment },
      });
      if (!proposed.held) await carryOutOnNode(change, action, task);
      return { held: proposed.held };
    },
    points: [
      ...Object.entries(instanceActions).map(([action, { point }]): PointDeclaration => ({
        code: point,
        async proceed(change, args) {
          const ids = Array.isArray(args['ids']) ? args['ids'].map(Number) : [];
          const results = await carryOut(change, action as InstanceAction, await findInstances(change, change.actor.tenantId, ids), String(args['comment'] ?? ''));
          const faults = [...results.values()].filter((fault) => fault !== undefined);
          // With none left to be done the operation has failed, and its hold says why.
          if (faults[0] !== undefined && faults.length === results.size) throw faults[0];
        },
        // Nothing was done, so nothing is to be undone.
        async reject() {},
      })),
      ...Object.entries(nodeActions).map(([action, { point }]): PointDeclaration => ({
        code: point,
        async proceed(change, args) {
          const environment = args['environment'] === 'DEV' ? 'DEV' : 'PROD';
          const task = await findTask(change, change.actor.tenantId, Number(args['taskId']), environment);
          if (task === undefined) throw new ApiError('NotFound', { kind: 'Node', label: 'node', id: Number(args['taskId']) });
          await carryOutOnNode(change, action as NodeAction, task);
        },
        async reject() {},
      })),
    ],
  };
}
