import type { Change } from '../../kernel/change.ts';
import { ApiError } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import type { Attempt, EndedRun, Execution, Run, RunFollower, RunOutcome } from '../execution/index.ts';
import { roundsOf } from './dag-store.ts';
import { statesOf } from './edge-store.ts';
import { instanceOperation } from './events.ts';
import { lockInstance, lockInstances, openInstancesOfDag, setFrozen, type InstancePatch, type InstanceRow } from './instance-store.ts';
import { hasEnded } from './states.ts';
import type { Submissions } from './submissions.ts';
import { lookAt, transition, travel, wrongState } from './transition.ts';

/** The life of an instance: what becomes of it when its run ends, and what people may do to it. */
export interface Instances extends RunFollower {
  /** Stops it. Throws WrongState when nothing of it runs or waits. */
  stop(change: Change, instanceId: number): Promise<void>;
  /** Runs it again. Throws WrongState when it has not ended or its rerun mode does not allow it. */
  rerun(change: Change, instanceId: number): Promise<void>;
  /** Declares a failed instance successful. Throws WrongState when it has not failed. */
  setSuccess(change: Change, instanceId: number): Promise<void>;
  /** Keeps it from starting until it is resumed. Throws WrongState when it runs, has ended or is suspended already. */
  suspend(change: Change, instanceId: number): Promise<void>;
  /** Lets it go on; one that failed because its node was frozen begins anew. Throws WrongState when it is not suspended. */
  resume(change: Change, instanceId: number): Promise<void>;
  /** Throws WrongState unless a rerun would be allowed. */
  checkRerun(instance: InstanceRow): void;
}

/** How often a run and its instance are taken before the caller is told that the status moves too fast. */
const TAKING_TRIES = 5;

export function createInstances(options: { execution: Execution; submissions: Submissions }): Instances {
  const { execution, submissions } = options;

  async function locked(change: Change, id: number): Promise<InstanceRow> {
    const instance = await lockInstance(change, id);
    if (instance === undefined) throw new Error(`there is no instance ${id}`);
    return instance;
  }

  /**
   * Takes the run of an instance and then the instance, in the order in which a worker locks them, so that the two never wait for each other. A run that
   * was handed over between the two was missed: then both are let go and taken anew.
   */
  async function lockedWithRun<Taken>(change: Change, id: number, take: () => Promise<Taken>, none: Taken, missable: readonly Attempt['state'][]): Promise<{ taken: Taken; instance: InstanceRow }> {
    for (let tries = 1; ; tries += 1) {
      await change.run('savepoint taken');
      const taken = await take();
      const instance = await locked(change, id);
      const missed = taken === none && !hasEnded(instance.status) && (await execution.attempts(change, id)).some(({ state }) => missable.includes(state));
      if (!missed) {
        await change.run('release savepoint taken');
        return { taken, instance };
      }
      await change.run('rollback to savepoint taken');
      if (tries === TAKING_TRIES) throw wrongState(instance, 'its status has just changed.');
    }
  }

  /** Automatic reruns after failures since a person last started it. Attempts that ended with their worker do not count. */
  function rerunsUsed(instance: InstanceRow): number {
    return instance.attempts - instance.attempts_before - 1 - instance.interruptions;
  }

  async function again(change: Change, instance: InstanceRow, patch: InstancePatch, more: { notBefore?: Date; note: string }): Promise<void> {
    const waiting = await transition(change, instance, 'WaitResource', { ...patch, attemptsMore: 1 });
    await submissions.submit(change, [waiting], more);
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
    const patch = outcome.kind === 'Lost' ? { interruptionsMore: 1 } : { attemptsBeforeMore: 1 };
    await again(change, instance, patch, { note: `--- attempt ${instance.attempts + 1}: ${outcome.reason} ---` });
  }

  async function finish(change: Change, instance: InstanceRow, { run, outcome }: EndedRun): Promise<void> {
    if (outcome.kind === 'Success') await transition(change, instance, 'Success', outcome.variables === undefined ? {} : { result: { variables: outcome.variables } });
    else if (outcome.kind === 'Failure') await afterFailure(change, instance, outcome);
    else if (outcome.kind === 'Lost' || outcome.kind === 'PutBack') await afterInterruption(change, instance, run, outcome);
    else await transition(change, instance, 'Failure', { errorText: outcome.reason });
  }

  function checkRerun(instance: InstanceRow): void {
    if (!hasEnded(instance.status)) throw wrongState(instance, 'it has not ended yet.');
    if (instance.rerun_mode === 'Denied') throw wrongState(instance, 'its rerun mode denies reruns.');
    if (instance.rerun_mode === 'FailureAllowed' && instance.status === 'Success') throw wrongState(instance, 'its rerun mode allows reruns after a failure only.');
  }

  /** Stops what is open in the rounds of a loop. They come before it: whoever ends a round locks its instances first and the loop then. */
  async function stopRounds(change: Change, loopId: number): Promise<void> {
    const [loop] = await statesOf(change, [loopId]);
    // What has ended is refused, and nothing of it is stopped.
    if (loop === undefined || hasEnded(loop.status)) return;
    for (const round of await roundsOf(change, loopId)) {
      for (const { id } of await openInstancesOfDag(change, round.id)) {
        await stop(change, id).catch((error: unknown) => {
          // It has ended meanwhile.
          if (!(error instanceof ApiError)) throw error;
        });
      }
    }
  }

  async function stop(change: Change, instanceId: number): Promise<void> {
    await stopRounds(change, instanceId);
    const { taken: stopped, instance } = await lockedWithRun(change, instanceId, () => execution.stop(change, instanceId), 'none', ['Queued', 'Running']);
    if (stopped === 'none') {
      if (hasEnded(instance.status)) throw wrongState(instance, 'it has ended.');
      await transition(change, instance, 'Failure', { errorText: 'The task was stopped before it ran.' });
    }
    change.raise(instanceOperation('kill-instance', instance, change.actor));
    change.touch(`instance:${instanceId}`);
  }

  return {
    async onStarted(change, runs) {
      await travel(change, await lockInstances(change, runs.map((run) => run.instanceId)), ['Running']);
    },
    async onFinished(change, ends) {
      const instances = new Map((await lockInstances(change, ends.map(({ run }) => run.instanceId))).map((instance) => [instance.id, instance]));
      const plain: InstanceRow[] = [];
      const others: { instance: InstanceRow; end: EndedRun }[] = [];
      for (const end of ends) {
        const instance = instances.get(end.run.instanceId);
        // It went with its workspace. The run ends all the same: a worker that could never write that down would keep its place for ever.
        if (instance === undefined) continue;
        if (end.outcome.kind === 'Success' && end.outcome.variables === undefined) plain.push(instance);
        else others.push({ instance, end });
      }
      await travel(change, plain, ['Success']);
      for (const { instance, end } of others) await finish(change, instance, end);
    },
    checkRerun,
    stop,
    async rerun(change, instanceId) {
      const instance = await locked(change, instanceId);
      checkRerun(instance);
      change.raise(instanceOperation('rerun-instance', instance, change.actor));
      await transition(change, instance, 'NotRun', { forgetAttempts: true, result: null });
      change.touch(`instance:${instanceId}`);
    },
    async setSuccess(change, instanceId) {
      const instance = await locked(change, instanceId);
      if (instance.status !== 'Failure') throw wrongState(instance, 'only a failed instance can be set to succeeded.');
      await transition(change, instance, 'Success');
      change.raise(instanceOperation('set-instance-success', instance, change.actor));
      change.touch(`instance:${instanceId}`);
    },
    async suspend(change, instanceId) {
      const { taken: withdrawn, instance: found } = await lockedWithRun(change, instanceId, () => execution.withdraw(change, instanceId), false, ['Queued']);
      let instance = found;
      if (instance.frozen) throw wrongState(instance, 'it is suspended already.');
      if (hasEnded(instance.status)) throw wrongState(instance, 'it has ended.');
      if (instance.status === 'Running' || instance.status === 'Checking') throw wrongState(instance, 'it runs already; stop it instead.');
      // What waited for a worker begins anew when it is resumed; the attempt that was withdrawn does not count.
      if (withdrawn) instance = await transition(change, instance, 'NotRun', { attemptsBeforeMore: 1 });
      await setFrozen(change, [instanceId], true, change.actor.userId, change.now);
      change.raise(instanceOperation('freeze-instance', instance, change.actor));
      change.touch(`instance:${instanceId}`);
    },
    async resume(change, instanceId) {
      const instance = await locked(change, instanceId);
      const failedFrozen = instance.task_type === 'PAUSE' && instance.status === 'Failure';
      if (!instance.frozen && !failedFrozen) throw wrongState(instance, 'it is not suspended.');
      if (instance.frozen) await setFrozen(change, [instanceId], false, change.actor.userId, change.now);
      if (failedFrozen) await transition(change, instance, 'NotRun', { forgetAttempts: true, taskType: 'NORMAL' });
      change.raise(instanceOperation('unfreeze-instance', instance, change.actor));
      change.touch(`instance:${instanceId}`);
      await lookAt(change, [instanceId]);
    },
  };
}
