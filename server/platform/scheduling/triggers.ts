import type { Change } from '../../kernel/change.ts';
import { ApiError, notFound } from '../../kernel/errors.ts';
import { lockTriggered, setResult } from './instance-store.ts';
import { logOperations } from './operation-store.ts';
import { transition } from './transition.ts';

/** The name under which a call that came too early is kept with its instance. */
export const TRIGGERED = 'triggered';

/** Calls from outside for which trigger nodes wait. */
export interface Triggers {
  /**
   * Lets the instance of a trigger node go that is due at `moment`. A call that comes before its upstreams have succeeded is kept with it. Throws NotFound
   * when the node has no open instance for that moment, WrongState when the node is none that waits for a call.
   */
  fire(change: Change, taskId: number, environment: 'DEV' | 'PROD', moment: Date): Promise<void>;
}

export const triggers: Triggers = {
  async fire(change, taskId, environment, moment) {
    const instance = await lockTriggered(change, taskId, environment, moment);
    if (instance === undefined) throw notFound('Instance', moment.toISOString(), 'open instance for the moment');
    if (instance.command !== 'SCHEDULER_TRIGGER') throw new ApiError('WrongState', { kind: 'Node', label: 'node', id: taskId, reason: 'it does not wait for a call from outside' });
    if (instance.status === 'WaitTrigger') await transition(change, instance, 'Success', { result: { variables: { [TRIGGERED]: 'true' } } });
    else await setResult(change, instance.id, { variables: { [TRIGGERED]: 'true' } });
    await logOperations(change, [{ tenantId: instance.tenant_id, workspaceId: instance.workspace_id, kind: 'Instance', id: instance.id, environment, name: 'Trigger', content: '' }], change.actor.userId, change.now);
    change.touch(`instance:${instance.id}`);
  },
};
