import type { Change } from '../../kernel/change.ts';
import { ApiError } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { runnerOf, type Execution, type Run, type RunFollower, type RunOutcome } from '../execution/index.ts';
import { instanceOperation, instanceStatusChange } from './events.ts';
import { instanceContent, lockInstance, moveInstance, settleDag, type InstancePatch, type InstanceRow } from './instance-store.ts';
import { hasEnded, mayBecome, type InstanceState } from './states.ts';

/** The life of an instance: how it starts, what becomes of it when its run ends, and what people may do to it. */
export interface Instances extends RunFollower {
  /** Sets an instance that has not run going. Returns it as it is then. */
  start(change: Change, instance: InstanceRow): Promise<InstanceRow>;
  /** Stops it. Throws WrongState when nothing of it runs or waits. */
  stop(change: Change, instanceId: number): Promise<void>;
  /** Runs it again. Throws WrongState when it has not ended or its rerun mode does not allow it. */
  rerun(change: Change, instanceId: number): Promise<void>;
  /** Declares a failed instance successful. Throws WrongState when it has not failed. */
  setSuccess(change: Change, instanceId: number): Promise<void>;
}

export function wrongState(instance: InstanceRow, reason: string): ApiError {
  return new ApiError('WrongState', { kind: 'Instance', label: 'The instance', id: instance.id, reason });
}

/**
 * The only way by which an instance changes its state: along an edge of the table, guarded by the state it was read in, with its event in the
 * same change. Throws WrongState when it has moved meanwhile; an edge that is not in the table is a fault of ours.
 */
export async function transition(change: Change, instance: InstanceRow, to: InstanceState, patch: InstancePatch = {}): Promise<InstanceRow> {
  if (!mayBecome(instance.status, to)) throw new Error(`an instance cannot go from ${instance.status} to ${to}`);
  const moved = await moveInstance(change, instance.id, instance.status, to, patch, change.actor.userId, change.now);
  if (moved === undefined) throw wrongState(instance, 'its status has just changed.');
  change.raise(instanceStatusChange(moved));
  await settleDag(change, moved.dag_id, change.now);
  return moved;
}

export function createInstances(execution: Execution): Instances {
  async function locked(change: Change, id: number): Promise<InstanceRow> {
    const instance = await lockInstance(change, id);
    if (instance === undefined) throw new Error(`there is no instance ${id}`);
    return instance;
  }

  /** Hands the next attempt to the workers. The instance waits for resources already. */
  async function submit(change: Change, instance: InstanceRow, more: { notBefore?: Date; note?: string } = {}): Promise<void> {
    await execution.submit(change, {
      tenantId: instance.tenant_id,
      workspaceId: instance.workspace_id,
      environment: instance.environment,
      instanceId: instance.id,
      attempt: instance.attempts,
      command: instance.command,
      content: await instanceContent(change, instance),
      parameters: instance.parameters,
      timeoutSeconds: instance.timeout_seconds,
      priority: instance.priority,
      ...more,
    });
  }

  async function start(change: Change, instance: InstanceRow): Promise<InstanceRow> {
    const waiting = await transition(change, instance, 'WaitResource', { attempts: instance.attempts + 1 });
    if (runnerOf(instance.command) === 'none') {
      // A zero load has nothing to run, so it needs no worker.
      return transition(change, await transition(change, waiting, 'Running'), 'Success');
    }
    await submit(change, waiting);
    return waiting;
  }

  /** Automatic reruns after failures since a person last started it. Attempts that ended with their worker do not count. */
  function rerunsUsed(instance: InstanceRow): number {
    return instance.attempts - instance.attempts_before - 1 - instance.interruptions;
  }

  async function again(change: Change, instance: InstanceRow, patch: InstancePatch, more: { notBefore?: Date; note: string }): Promise<void> {
    await submit(change, await transition(change, instance, 'WaitResource', { ...patch, attempts: instance.attempts + 1 }), more);
  }

  async function afterFailure(change: Change, instance: InstanceRow, outcome: RunOutcome): Promise<void> {
    if (instance.rerun_mode === 'Denied' || rerunsUsed(instance) >= instance.rerun_times) {
      await transition(change, instance, 'Failure', { errorText: outcome.reason });
      return;
    }
    const note = `--- rerun ${rerunsUsed(instance) + 1} of ${instance.rerun_times} after: ${outcome.reason} ---`;
    await again(change, instance, {}, { notBefore: new Date(change.now.getTime() + instance.rerun_interval_ms), note });
  }

  /** A run that ended with its worker is run again where the rerun mode allows it: nobody knows how far it had come. */
  async function afterInterruption(change: Change, instance: InstanceRow, run: Run, outcome: RunOutcome): Promise<void> {
    const fail = async (why: string) => {
      await execution.note(change, run.id, `--- not run again: ${why} ---`);
      await transition(change, instance, 'Failure', { errorText: `${outcome.reason} It was not run again: ${why}.` });
    };
    if (instance.rerun_mode === 'Denied') return fail('its rerun mode denies it');
    if (outcome.kind === 'Lost' && instance.interruptions >= limits.taskInterruptions.value) return fail(`its worker was lost ${instance.interruptions + 1} times`);
    // A worker that was told to end is nobody's fault; such an attempt does not count at all.
    const patch = outcome.kind === 'Lost' ? { interruptions: instance.interruptions + 1 } : { attemptsBefore: instance.attempts_before + 1 };
    await again(change, instance, patch, { note: `--- attempt ${instance.attempts + 1}: ${outcome.reason} ---` });
  }

  return {
    start,
    async onStarted(change, run) {
      await transition(change, await locked(change, run.instanceId), 'Running');
    },
    async onFinished(change, run, outcome) {
      const instance = await locked(change, run.instanceId);
      if (outcome.kind === 'Success') await transition(change, instance, 'Success');
      else if (outcome.kind === 'Failure') await afterFailure(change, instance, outcome);
      else if (outcome.kind === 'Lost' || outcome.kind === 'PutBack') await afterInterruption(change, instance, run, outcome);
      else await transition(change, instance, 'Failure', { errorText: outcome.reason });
    },
    async stop(change, instanceId) {
      // The run is locked before the instance, as a worker does it, so that the two never wait for each other.
      const stopped = await execution.stop(change, instanceId);
      const instance = await locked(change, instanceId);
      if (stopped === 'none') {
        if (hasEnded(instance.status)) throw wrongState(instance, 'it has ended.');
        await transition(change, instance, 'Failure', { errorText: 'The task was stopped before it ran.' });
      }
      change.raise(instanceOperation('kill-instance', instance, change.actor));
      change.touch(`instance:${instanceId}`);
    },
    async rerun(change, instanceId) {
      const instance = await locked(change, instanceId);
      if (!hasEnded(instance.status)) throw wrongState(instance, 'it has not ended yet.');
      if (instance.rerun_mode === 'Denied') throw wrongState(instance, 'its rerun mode denies reruns.');
      if (instance.rerun_mode === 'FailureAllowed' && instance.status === 'Success') throw wrongState(instance, 'its rerun mode allows reruns after a failure only.');
      change.raise(instanceOperation('rerun-instance', instance, change.actor));
      await start(change, await transition(change, instance, 'NotRun', { attemptsBefore: instance.attempts, interruptions: 0 }));
      change.touch(`instance:${instanceId}`);
    },
    async setSuccess(change, instanceId) {
      const instance = await locked(change, instanceId);
      if (instance.status !== 'Failure') throw wrongState(instance, 'only a failed instance can be set to succeeded.');
      await transition(change, instance, 'Success');
      change.raise(instanceOperation('set-instance-success', instance, change.actor));
      change.touch(`instance:${instanceId}`);
    },
  };
}
