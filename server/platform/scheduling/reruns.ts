import { platformActor, type Change } from '../../kernel/change.ts';
import { ApiError } from '../../kernel/errors.ts';
import type { JobDeclaration } from '../../kernel/jobs.ts';
import { limits } from '../../kernel/limits.ts';
import { relatives } from './edge-store.ts';
import type { Gates } from './gates.ts';
import { instancesIn, findInstances } from './instance-store.ts';
import { findOrder, insertOrder, setOrder } from './operation-store.ts';
import { hasEnded } from './states.ts';

/** Which instances of which workflow instances are run again. */
export interface RerunOrder {
  readonly workspaceId: number;
  readonly dagIds: readonly number[];
  readonly taskIds?: readonly number[] | undefined;
  /** Part of the name. */
  readonly taskName?: string | undefined;
  readonly commands?: readonly string[] | undefined;
  readonly statuses?: readonly string[] | undefined;
  /** Also what hangs on them, as far as it has ended. */
  readonly downstream: boolean;
}

/** Running instances of workflow instances again, asynchronously. */
export interface Reruns {
  /** Writes the order down. Returns its id. */
  start(change: Change, order: RerunOrder): Promise<number>;
  readonly jobs: readonly JobDeclaration[];
}

export function createReruns(options: { gates: Gates }): Reruns {
  async function carryOut(change: Change, operationId: number): Promise<void> {
    const row = await findOrder(change, change.actor.tenantId, operationId);
    if (row === undefined || row.state !== 'Making') return;
    const order = row.request as unknown as RerunOrder;
    const chosen = (await instancesIn(change, order.dagIds)).filter(
      (one) =>
        hasEnded(one.status) &&
        (order.taskIds === undefined || order.taskIds.length === 0 || (one.task_id !== null && order.taskIds.includes(one.task_id))) &&
        (order.taskName === undefined || order.taskName === '' || one.name.includes(order.taskName)) &&
        (order.commands === undefined || order.commands.length === 0 || order.commands.includes(one.command)) &&
        (order.statuses === undefined || order.statuses.length === 0 || order.statuses.includes(one.status)),
    );
    const behind = order.downstream ? await relatives(change, chosen.map((one) => one.id), 'down', limits.dependencyDepth.value) : [];
    const known = new Set(chosen.map((one) => one.id));
    const others = (await findInstances(change, change.actor.tenantId, behind.map(({ id }) => id).filter((id) => !known.has(id)))).filter((one) => hasEnded(one.status) && one.workspace_id === order.workspaceId);
    const all = [...chosen, ...others];
    if (all.length === 0) return setOrder(change, operationId, 'Failed', 'No instance that has ended fits.', change.now);
    const results = await options.gates.onInstances(change, 'rerun', all);
    const faults = [...results.values()].flatMap((fault) => (fault === undefined ? [] : [fault.message]));
    await setOrder(change, operationId, faults.length === results.size ? 'Failed' : 'Made', faults.slice(0, 5).join(' '), change.now);
  }

  return {
    async start(change, order) {
      const { tenantId, userId } = change.actor;
      const operationId = await insertOrder(change, { tenantId, workspaceId: order.workspaceId, kind: 'Rerun', request: order, by: userId }, change.now);
      change.enqueue({ kind: 'schedule:rerun', payload: { operationId, tenantId, userId } });
      return operationId;
    },
    jobs: [
      {
        kind: 'schedule:rerun',
        actor: (payload) => ({ ...platformActor('schedule:rerun', Number(payload['tenantId'])), userId: Number(payload['userId']) }),
        handle: (change, payload) => carryOut(change, Number(payload['operationId'])),
        giveUp: (change, payload, error) => setOrder(change, Number(payload['operationId']), 'Failed', error instanceof ApiError ? error.message : 'The instances could not be run again.', change.now),
      },
    ],
  };
}
