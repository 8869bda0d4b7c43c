import type { Change } from '../../kernel/change.ts';
import { limits } from '../../kernel/limits.ts';
import { wallTimeOf } from './calendar.ts';
import type { DagRow } from './dag-store.ts';
import type { Dags } from './dags.ts';
import { roundsOf } from './dag-store.ts';
import { resultsBefore, upstreamsOf } from './edge-store.ts';
import { evaluateCondition, ExpressionFault } from './expression.ts';
import { contentsOf, instancesIn, type InstanceResult, type InstanceRow } from './instance-store.ts';
import { loopRows, type LoopContext } from './loop.ts';
import { evaluate } from './parameters.ts';
import { tasksOfWorkflow, versionSpec } from './store.ts';
import { contextParameters } from './submissions.ts';

/**
 * Control nodes: those that the scheduler itself carries out, without a worker (flowspec section 7).
 *
 *   decides   a decision from what is known when it starts: a branch, a join, a parameter hub
 *   loops     a body that is run round after round: do-while, for-each
 */
export type Control = 'decides' | 'loops';

export interface Decision {
  readonly succeeded: boolean;
  /** What happened, for its error text. */
  readonly reason: string;
  readonly result?: InstanceResult;
}

export interface Controllers {
  /** How a command is carried out here, or undefined when it needs a worker. */
  controlOf(command: string): Control | undefined;
  /** Decides an instance whose control is `decides`. What is wrong with its code is a decision too, not an error. */
  decide(change: Change, instance: InstanceRow): Promise<Decision>;
  /** Begins the first rounds of a loop. Answers a decision when there is no round to run. */
  beginLoop(change: Change, instance: InstanceRow): Promise<Decision | undefined>;
  /** A round has ended: begins the next one, or answers how the loop ends. */
  roundEnded(change: Change, instance: InstanceRow, round: DagRow): Promise<Decision | undefined>;
}

const controls: Readonly<Record<string, Control>> = { CONTROLLER_BRANCH: 'decides', CONTROLLER_JOIN: 'decides', PARAM_HUB: 'decides', CONTROLLER_CYCLE: 'loops', CONTROLLER_TRAVERSE: 'loops' };

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {});
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '');

/** A text that may be JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const failed = (reason: string): Decision => ({ succeeded: false, reason });

export function createControllers(options: { readonly dags: Dags; readonly timeZone: string }): Controllers {
  const { dags, timeZone } = options;

  async function specOf(change: Change, instance: InstanceRow): Promise<Fields> {
    return instance.task_id === null || instance.task_version === null ? {} : versionSpec(change, instance.task_id, instance.environment, instance.task_version);
  }

  async function valuesOf(change: Change, instance: InstanceRow): Promise<Map<string, string>> {
    const upstreams = instance.context_inputs.length === 0 ? [] : await resultsBefore(change, [instance.id]);
    return new Map([...instance.parameters, ...contextParameters(instance.context_inputs, upstreams)].flatMap(({ name, value }) => (name === null ? [] : [[name, value] as const])));
  }

  /** The first branch whose condition is true is chosen. */
  async function branch(change: Change, instance: InstanceRow): Promise<Decision> {
    const listed = listOf(jsonOf((await contentsOf(change, [instance])).get(instance.id) ?? ''));
    const entries = listed.length > 0 ? listed : listOf(fieldsOf((await specOf(change, instance))['branch'])['branches']);
    if (entries.length === 0) return failed('The branch node has no branches.');
    const values = await valuesOf(change, instance);
    for (const [place, entry] of entries.entries()) {
      const { condition, when, nodeoutput, output } = fieldsOf(entry);
      const written = textOf(condition ?? when);
      const text = written.replaceAll(/\$\{([^{}]+)\}/g, (whole, name: string) => values.get(name.trim()) ?? whole);
      try {
        if (!evaluateCondition(text)) continue;
      } catch (error) {
        if (!(error instanceof ExpressionFault)) throw error;
        return failed(`The condition of branch ${place + 1}, ${text}, cannot be decided: ${error.message}.`);
      }
      const chosen = textOf(nodeoutput ?? (typeof output === 'object' ? fieldsOf(output)['data'] : output));
      return { succeeded: true, reason: `Branch ${place + 1} was chosen: ${text}.`, result: { chosen: [chosen], variables: {} } };
    }
    return { succeeded: true, reason: 'No condition was true, so no branch was chosen.', result: { chosen: [], variables: {} } };
  }

  /** Succeeded 1, not run 2, failed 3. */
  async function join(change: Change, instance: InstanceRow): Promise<Decision> {
    const upstreams = await upstreamsOf(change, instance.id);
    const codeOf = (named: string): number | undefined => {
      const found = upstreams.find((one) => one.output === named || String(one.task_id) === named || String(one.file_id) === named || one.name === named);
      return found === undefined ? undefined : found.status === 'Failure' ? 3 : found.unchosen ? 2 : 1;
    };
    const words: Readonly<Record<string, number>> = { success: 1, succeed: 1, not_run: 2, notrun: 2, skip: 2, failure: 3, fail: 3, failed: 3 };
    const codes = (list: unknown) => listOf(list).map((one) => words[textOf(one).toLowerCase()] ?? Number(one));
    const content = fieldsOf(jsonOf((await contentsOf(change, [instance])).get(instance.id) ?? ''));
    const spec = fieldsOf((await specOf(change, instance))['join']);
    const branches = listOf(content['branchList']);
    let holds: boolean;
    let resultStatus = content['resultStatus'];
    if (branches.length > 0) {
      let result: boolean | undefined;
      for (const entry of branches) {
        const { node, runStatus, logic } = fieldsOf(entry);
        const code = codeOf(textOf(node));
        if (code === undefined) return failed(`The join names ${textOf(node)}, which is none of its upstreams.`);
        const fits = codes(runStatus).includes(code);
        result = result === undefined ? fits : Number(logic) === 2 ? result || fits : result && fits;
      }
      holds = result ?? false;
    } else {
      resultStatus = spec['resultStatus'];
      const names = new Map<string, boolean>();
      for (const entry of listOf(spec['branches'])) {
        const { name, nodeId, output, assertion } = fieldsOf(entry);
        const code = codeOf(textOf(typeof output === 'object' ? fieldsOf(output)['data'] : (output ?? nodeId)));
        if (code === undefined) return failed(`The branch ${textOf(name)} of the join names none of its upstreams.`);
        names.set(textOf(name), codes(fieldsOf(assertion)['in']).includes(code));
      }
      if (names.size === 0) return failed('The join node has no branches.');
      const expression = textOf(fieldsOf(spec['logic'])['expression']) || [...names.keys()].join(' and ');
      try {
        holds = evaluateCondition(expression, names);
      } catch (error) {
        if (!(error instanceof ExpressionFault)) throw error;
        return failed(`The expression of the join, ${expression}, cannot be decided: ${error.message}.`);
      }
    }
    if (!holds) return failed('The states of its upstreams do not fulfil the condition of the join.');
    return codes([resultStatus ?? '1'])[0] === 3 ? failed('The join was fulfilled, and its result is set to failed.') : { succeeded: true, reason: 'The join was fulfilled.' };
  }

  async function parameterHub(change: Change, instance: InstanceRow): Promise<Decision> {
    const upstreams = await resultsBefore(change, [instance.id]);
    const zone = timeZone;
    const times = { bizdate: wallTimeOf(instance.bizdate, zone), cyctime: wallTimeOf(instance.trigger_time, zone), now: wallTimeOf(change.now, zone) };
    const variables: Record<string, string> = {};
    for (const entry of listOf(fieldsOf((await specOf(change, instance))['param-hub'])['variables'])) {
      const { name, type, value, referenceVariable, node } = fieldsOf(entry);
      const named = textOf(name);
      if (type === 'Constant') variables[named] = textOf(value);
      else if (type === 'System') variables[named] = evaluate(textOf(value), times);
      else {
        const reference = fieldsOf(referenceVariable);
        const source = textOf(fieldsOf(reference['node'] ?? node)['output']);
        const found = (upstreams.find((one) => one.output === source) ?? (source === '' ? upstreams[0] : undefined))?.variables[textOf(reference['name']) || 'outputs'];
        if (found === undefined) return failed(`The parameter ${named} has no value: ${source === '' ? 'no upstream' : source} puts out none.`);
        variables[named] = found;
      }
    }
    return { succeeded: true, reason: 'The parameters are passed on.', result: { variables } };
  }

  interface Loop {
    readonly rows: readonly (readonly string[])[] | undefined;
    readonly input: string;
    readonly most: number;
    readonly parallel: number;
  }

  async function loopOf(change: Change, instance: InstanceRow): Promise<Loop> {
    const spec = await specOf(change, instance);
    const forEach = instance.command === 'CONTROLLER_TRAVERSE';
    const settings = fieldsOf(spec[forEach ? 'for-each' : 'do-while']);
    const most = Number(settings['maxIterations'] ?? 128);
    const values = await valuesOf(change, instance);
    const input = values.get('loopDataArray') ?? values.get('input') ?? [...values.values()][0] ?? '';
    return {
      rows: forEach ? loopRows(values.get('loopDataArray') ?? input) : undefined,
      input,
      most: Math.min(Number.isSafeInteger(most) && most > 0 ? most : 128, limits.loopRounds.value),
      parallel: Math.min(Math.max(1, Number(settings['parallelism'] ?? 1) || 1), limits.loopParallel.value),
    };
  }

  async function beginRound(change: Change, instance: InstanceRow, loop: Loop, round: number): Promise<void> {
    const tasks = instance.task_id === null ? [] : await tasksOfWorkflow(change, instance.task_id, instance.environment);
    const current = loop.rows?.[round];
    const context: LoopContext = { offset: round, loopTimes: round + 1, ...(loop.rows === undefined ? { input: loop.input } : { array: loop.rows }), ...(current === undefined ? {} : { current }) };
    await dags.make(change, {
      name: `${instance.name} ${round + 1}`,
      type: 'Manual',
      workspaceId: instance.workspace_id,
      environment: instance.environment,
      bizdate: wallTimeOf(instance.bizdate, timeZone),
      tasks,
      flowId: instance.task_id ?? 1,
      cycle: instance.trigger_time,
      parentInstanceId: instance.id,
      round,
      loop: context,
      priority: instance.priority,
    });
  }

  const last = (loop: Loop) => (loop.rows === undefined ? loop.most : Math.min(loop.rows.length, loop.most));

  return {
    controlOf: (command) => controls[command],
    async decide(change, instance) {
      if (instance.command === 'CONTROLLER_BRANCH') return branch(change, instance);
      return instance.command === 'CONTROLLER_JOIN' ? join(change, instance) : parameterHub(change, instance);
    },
    async beginLoop(change, instance) {
      if (instance.task_id === null || (await tasksOfWorkflow(change, instance.task_id, instance.environment)).length === 0) return failed('The loop has no nodes in service.');
      const loop = await loopOf(change, instance);
      const rounds = Math.min(last(loop), loop.rows === undefined ? 1 : loop.parallel);
      if (rounds === 0) return { succeeded: true, reason: 'There was nothing to go through.' };
      for (let round = 0; round < rounds; round += 1) await beginRound(change, instance, loop, round);
      return undefined;
    },
    async roundEnded(change, instance, round) {
      const rounds = (await roundsOf(change, instance.id)).filter((one) => one.created_at >= (instance.begin_running_at ?? one.created_at));
      if (round.status === 'Failure') return failed(`Round ${(round.round ?? 0) + 1} of the loop has failed.`);
      const loop = await loopOf(change, instance);
      const next = rounds.length;
      const running = rounds.some((one) => one.id !== round.id && one.status !== 'Success' && one.status !== 'Failure');
      if (loop.rows === undefined && (await endsHere(change, round))) return { succeeded: true, reason: `The loop has ended after ${next} rounds.` };
      if (next < last(loop)) {
        await beginRound(change, instance, loop, next);
        return undefined;
      }
      return running ? undefined : { succeeded: true, reason: `The loop has ended after ${next} rounds.` };
    },
  };

  /** Whether the end node of a do-while has put out a false value last. */
  async function endsHere(change: Change, round: DagRow): Promise<boolean> {
    const end = (await instancesIn(change, [round.id])).find((one) => one.command === 'CONTROLLER_CYCLE_END');
    const said = end?.result?.variables?.['outputs']?.trim().toLowerCase();
    return said === 'false' || said === '0';
  }
}
