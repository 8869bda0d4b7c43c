import type { Change } from '../../kernel/change.ts';
import { limits } from '../../kernel/limits.ts';
import { runnerOf } from '../execution/index.ts';
import type { Controllers, Decision } from './controllers.ts';
import { dagsAfter, lockDags, releaseDags, setDagStatus, tallyDags, type DagTally } from './dag-store.ts';
import { checkFreeInstances, checkInstances, downstreamsOf, statesOf, takeChecks, whatStandsBefore } from './edge-store.ts';
import { dagStatusChange } from './events.ts';
import { lockDue, lockInstance, lockWaiting, waitingAmong, type InstanceRow } from './instance-store.ts';
import { hasEnded, type DagState, type DagType, type TaskType } from './states.ts';
import type { Submissions } from './submissions.ts';
import { travel } from './transition.ts';
import { TRIGGERED } from './triggers.ts';

/**
 * How instances come to run: what has ended lets its downstreams go, what nothing stands before waits for its time, what is due is handed over.
 *
 * All of it happens in one change for many instances at once. A reason to look (an end, a rerun, a new instance) is a row of the same change that gives
 * the reason. An instance is locked before what stands before it is read, so of two upstreams that end at the same moment the later one sees both.
 * Locks that somebody else holds are left out and looked at again, so the scheduler waits for nobody.
 */
export interface Advance {
  /** Looks at instances of a tenant that have a reason. Returns how many were handled; 0 when there was none to take, or all were locked by somebody else. */
  step(change: Change): Promise<number>;
  /** Starts instances of a tenant whose time has come. */
  due(change: Change): Promise<number>;
  /** Starts instances now, whatever stands before them. They are locked, and all in one state. */
  begin(change: Change, instances: readonly InstanceRow[]): Promise<void>;
}

/** They end well without being run. */
const DRY: ReadonlySet<TaskType> = new Set<TaskType>(['SKIP', 'SKIP_UNCHOOSE', 'SKIP_CYCLE', 'CONDITION_UNCHOOSE', 'REALTIME_DEPRECATED']);
/** Their changes of state are events. */
const TOLD: ReadonlySet<DagType> = new Set<DagType>(['SupplementData', 'ManualWorkflow', 'TriggerWorkflow']);

export function createAdvance(options: { controllers: Controllers; submissions: Submissions }): Advance {
  const { controllers, submissions } = options;

  /** Starts instances of one state and answers the ids of those that ended at once. */
  async function start(change: Change, instances: readonly InstanceRow[]): Promise<number[]> {
    const kinds = Map.groupBy(instances, kindOf);
    const ended: number[] = [];
    const end = (rows: readonly InstanceRow[]) => ended.push(...rows.map((one) => one.id));
    end(await travel(change, kinds.get('paused') ?? [], ['Failure'], { errorText: 'The node is frozen, so its instances fail when they are due. Unfreeze the node and rerun the instance.' }, 'known'));
    end(await travel(change, kinds.get('dry') ?? [], ['Success'], {}, 'known'));
    end(await travel(change, kinds.get('none') ?? [], ['WaitResource', 'Running', 'Success'], { attemptsMore: 1 }, 'known'));
    const [early, waiting] = [(one: InstanceRow) => one.result?.variables?.[TRIGGERED] === 'true', kinds.get('triggers') ?? []];
    end(await travel(change, waiting.filter(early), ['WaitTrigger', 'Success'], {}, 'known'));
    await travel(change, waiting.filter((one) => !early(one)), ['WaitTrigger'], {}, 'known');
    await submissions.submit(change, await travel(change, kinds.get('worker') ?? [], ['WaitResource'], { attemptsMore: 1 }, 'known'));
    for (const one of kinds.get('decides') ?? []) {
      const [running] = await travel(change, [one], ['WaitResource', 'Running'], { attemptsMore: 1 }, 'known');
      if (running !== undefined) end(await conclude(change, running, await controllers.decide(change, running)));
    }
    for (const one of kinds.get('loops') ?? []) {
      const [running] = await travel(change, [one], ['WaitResource', 'Running'], { attemptsMore: 1 }, 'known');
      const decision = running === undefined ? undefined : await controllers.beginLoop(change, running);
      if (running !== undefined && decision !== undefined) end(await conclude(change, running, decision));
    }
    return ended;
  }

  function kindOf(instance: InstanceRow): 'paused' | 'dry' | 'none' | 'decides' | 'loops' | 'triggers' | 'worker' {
    if (instance.task_type === 'PAUSE') return 'paused';
    if (DRY.has(instance.task_type)) return 'dry';
    if (runnerOf(instance.command) === 'none') return 'none';
    if (instance.command === 'SCHEDULER_TRIGGER') return 'triggers';
    return controllers.controlOf(instance.command) ?? 'worker';
  }

  async function conclude(change: Change, instance: InstanceRow, decision: Decision): Promise<InstanceRow[]> {
    const patch = { ...(decision.succeeded ? {} : { errorText: decision.reason }), ...(decision.result === undefined ? {} : { result: decision.result }) };
    return travel(change, [instance], [decision.succeeded ? 'Success' : 'Failure'], patch, 'known');
  }

  /** Moves on what can move among the candidates. Answers those that ended at once, and those somebody else has locked. */
  async function release(change: Change, ids: readonly number[]): Promise<{ ended: number[]; later: number[]; dags: number[] }> {
    const waiting = await lockWaiting(change, ids);
    const locked = new Set(waiting.map((one) => one.id));
    const missing = ids.filter((id) => !locked.has(id));
    const later = missing.length === 0 ? [] : await waitingAmong(change, missing);
    if (waiting.length === 0) return { ended: [], later, dags: [] };
    const before = new Map((await whatStandsBefore(change, [...locked])).map((row) => [row.id, row]));
    const free = waiting.filter((one) => {
      const what = before.get(one.id);
      return what === undefined || !(one.command === 'CONTROLLER_JOIN' ? what.unended : what.waits);
    });
    const unchosen = free.filter((one) => before.get(one.id)?.unchosen === true && one.command !== 'CONTROLLER_JOIN' && !one.ignore_branch_skip);
    const chosen = free.filter((one) => !unchosen.includes(one));
    const due = chosen.filter((one) => one.trigger_time <= change.now);
    const skipped = await travel(change, unchosen, ['CheckingCondition', 'Success'], { taskType: 'CONDITION_UNCHOOSE' }, 'known');
    await travel(change, chosen.filter((one) => one.trigger_time > change.now), ['WaitTime'], {}, 'known');
    return { ended: [...skipped.map((one) => one.id), ...(await start(change, due))], later, dags: free.map((one) => one.dag_id) };
  }

  /**
   * Goes on from instances that have ended and candidates until nothing moves any more, or the change is large enough.
   * False when all it met was locked by somebody else: then it is no use to look again at once.
   */
  async function goOn(change: Change, first: { ended: readonly number[]; candidates: readonly number[]; dags: readonly number[] }): Promise<boolean> {
    const dags = new Set(first.dags);
    let candidates = [...new Set([...first.candidates, ...(first.ended.length === 0 ? [] : await downstreamsOf(change, first.ended))])];
    let handled = 0;
    let locked = 0;
    const later: number[] = [];
    while (candidates.length > 0 && handled < limits.scheduleBatch.value) {
      const now = candidates.slice(0, limits.scheduleBatch.value);
      later.push(...candidates.slice(now.length));
      const released = await release(change, now);
      handled += now.length;
      later.push(...released.later);
      locked += released.later.length;
      for (const dag of released.dags) dags.add(dag);
      candidates = released.ended.length === 0 ? [] : await downstreamsOf(change, released.ended);
    }
    later.push(...candidates);
    const moved = first.ended.length > 0 || handled > locked || locked === 0;
    if (later.length > 0) {
      await checkInstances(change, change.actor.tenantId, [...new Set(later)]);
      if (moved) change.notify('millrace_schedule');
    }
    await settle(change, [...dags]);
    return moved;
  }

  function stateOf(tally: DagTally, present: DagState): DagState {
    if (tally.active) return 'Running';
    if (tally.failed) return 'Failure';
    if (tally.waiting) return tally.succeeded || present !== 'NotRun' ? 'Running' : 'NotRun';
    return tally.succeeded ? 'Success' : present;
  }

  /** Brings workflow instances in line with their task instances, and lets those go that wait for them. */
  async function settle(change: Change, ids: readonly number[]): Promise<void> {
    if (ids.length === 0) return;
    const dags = await lockDags(change, ids);
    const tallies = new Map((await tallyDags(change, ids)).map((tally) => [tally.dag_id, tally]));
    const succeeded: number[] = [];
    for (const dag of dags) {
      const tally = tallies.get(dag.id);
      const next = tally === undefined ? dag.status : stateOf(tally, dag.status);
      if (next === dag.status) continue;
      const moved = await setDagStatus(change, dag.id, next, change.now);
      if (moved === undefined) continue;
      if (TOLD.has(dag.type) && dag.parent_instance_id === null) change.raise(dagStatusChange(moved));
      if (next === 'Success') succeeded.push(dag.id);
      if (moved.parent_instance_id !== null && (next === 'Success' || next === 'Failure')) {
        const loop = await lockInstance(change, moved.parent_instance_id);
        const decision = loop?.status === 'Running' ? await controllers.roundEnded(change, loop, moved) : undefined;
        if (loop !== undefined && decision !== undefined) {
          await checkInstances(change, change.actor.tenantId, (await conclude(change, loop, decision)).map((one) => one.id));
          change.notify('millrace_schedule');
        }
      }
    }
    if (succeeded.length === 0) return;
    const next = await releaseDags(change, await dagsAfter(change, succeeded));
    if (next.length === 0) return;
    await checkFreeInstances(change, change.actor.tenantId, next);
    change.notify('millrace_schedule');
  }

  return {
    async step(change) {
      const ids = await takeChecks(change, change.actor.tenantId, limits.scheduleBatch.value);
      if (ids.length === 0) return 0;
      const found = await statesOf(change, ids);
      const ended = found.filter((one) => hasEnded(one.status));
      const waiting = found.filter((one) => one.status === 'NotRun');
      const moved = await goOn(change, { ended: ended.map((one) => one.id), candidates: waiting.map((one) => one.id), dags: found.map((one) => one.dag_id) });
      return moved ? ids.length : 0;
    },
    async due(change) {
      const due = await lockDue(change, change.actor.tenantId, change.now, limits.scheduleBatch.value);
      await goOn(change, { ended: await start(change, due), candidates: [], dags: due.map((one) => one.dag_id) });
      return due.length;
    },
    async begin(change, instances) {
      await goOn(change, { ended: await start(change, instances), candidates: [], dags: instances.map((one) => one.dag_id) });
    },
  };
}
