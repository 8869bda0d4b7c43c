import type { Change } from '../../kernel/change.ts';
import { ApiError } from '../../kernel/errors.ts';
import { checkInstances } from './edge-store.ts';
import { instanceStatusChange } from './events.ts';
import { moveInstances, type InstancePatch, type InstanceRow } from './instance-store.ts';
import { hasEnded, mayBecome, type InstanceState } from './states.ts';

export function wrongState(instance: InstanceRow, reason: string): ApiError {
  return new ApiError('WrongState', { kind: 'Instance', label: 'The instance', id: instance.id, reason });
}

/** An instance as it was when it came into a state that it has left in the same change. */
function inPassing(instance: InstanceRow, state: InstanceState): InstanceRow {
  return {
    ...instance,
    status: state,
    begin_wait_resource_at: state === 'WaitTime' ? null : instance.begin_wait_resource_at,
    begin_running_at: state === 'WaitTime' || state === 'WaitResource' ? null : instance.begin_running_at,
    finished_at: null,
  };
}

/**
 * The only way by which instances change their state: along edges of the table, guarded by the state they were read in, each state with its event in
 * the same change. All are in one state and go along `path` together. Throws WrongState when one has moved meanwhile; an edge that is not in the
 * table is a fault of ours. The scheduler is told of those that have ended, unless the caller is the scheduler and goes on itself.
 */
export async function travel(change: Change, instances: readonly InstanceRow[], path: readonly InstanceState[], patch: InstancePatch = {}, told: 'tell' | 'known' = 'tell'): Promise<InstanceRow[]> {
  const [first] = instances;
  const last = path.at(-1);
  if (first === undefined || last === undefined) return [];
  let state = first.status;
  for (const next of path) {
    if (!mayBecome(state, next)) throw new Error(`an instance cannot go from ${state} to ${next}`);
    state = next;
  }
  if (instances.some((one) => one.status !== first.status)) throw new Error('instances of different states cannot go one way');
  const moved = await moveInstances(change, instances.map((one) => one.id), first.status, path, patch, change.actor.userId, change.now);
  if (moved.length < instances.length) {
    const there = new Set(moved.map((one) => one.id));
    throw wrongState(instances.find((one) => !there.has(one.id)) ?? first, 'its status has just changed.');
  }
  for (const one of moved) {
    for (const passed of path.slice(0, -1)) change.raise(instanceStatusChange(inPassing(one, passed)));
    change.raise(instanceStatusChange(one));
  }
  if (told === 'tell' && (hasEnded(last) || last === 'NotRun')) await lookAt(change, moved.map((one) => one.id));
  return moved;
}

/** Has the scheduler look at instances once the change is committed. */
export async function lookAt(change: Change, ids: readonly number[]): Promise<void> {
  await checkInstances(change, change.actor.tenantId, ids);
  change.notify('millrace_schedule');
}

/** One instance along one edge or more. */
export async function transition(change: Change, instance: InstanceRow, path: InstanceState | readonly InstanceState[], patch: InstancePatch = {}): Promise<InstanceRow> {
  const [moved] = await travel(change, [instance], typeof path === 'string' ? [path] : path, patch);
  if (moved === undefined) throw wrongState(instance, 'its status has just changed.');
  return moved;
}
