import type { Change } from '../../kernel/change.ts';
import type { Execution, NewRun, RunParameter, RunVariable } from '../execution/index.ts';
import { resultsBefore } from './edge-store.ts';
import { contentsOf, languagesOf, type InstanceRow } from './instance-store.ts';
import type { CodeSurroundings } from './interface.ts';
import { substituteLoop } from './loop.ts';
import { evaluate } from './parameters.ts';
import { wallTimeOf } from './calendar.ts';
import type { ContextInput } from './settings.ts';

/** Nodes whose code stands in a language of its own, and whose last output others read. */
const CAPTURING: ReadonlySet<string> = new Set(['CONTROLLER_ASSIGNMENT', 'CONTROLLER_CYCLE_END']);

function runnerCommand(language: string): string {
  if (/py/i.test(language)) return 'PYODPS3';
  return /sql|odps/i.test(language) ? 'ODPS_SQL' : 'DIDE_SHELL';
}

/** What is really run: an assignment's code may stand bare, or as JSON beside its language. */
function codeOf(instance: InstanceRow, stored: string, language: string): Pick<NewRun, 'command' | 'content' | 'capture'> {
  const inLoop = (text: string) => (instance.loop === null ? text : substituteLoop(text, instance.loop));
  if (!CAPTURING.has(instance.command)) return { command: instance.command, content: inLoop(stored) };
  let code = { language, content: stored };
  if (stored.trimStart().startsWith('{')) {
    try {
      const { language: named, content } = JSON.parse(stored) as { language?: unknown; content?: unknown };
      if (typeof content === 'string') code = { language: typeof named === 'string' ? named : language, content };
    } catch {
      // Code that only looks like JSON.
    }
  }
  return { command: runnerCommand(code.language), content: inLoop(code.content), capture: true };
}

/** Handing instances over to the workers. */
export interface Submissions {
  /** Submits the present attempt of instances that wait for resources already. */
  submit(change: Change, instances: readonly InstanceRow[], more?: { readonly notBefore?: Date; readonly note?: string }): Promise<void>;
}

/** What upstreams put out, as parameters under the names by which the code reads them. An input that nobody filled is left out. */
export function contextParameters(inputs: readonly ContextInput[], upstreams: readonly { readonly task_id: number | null; readonly file_id: number; readonly output: string | null; readonly variables: Readonly<Record<string, string>> }[]): RunParameter[] {
  return inputs.flatMap((input): RunParameter[] => {
    const upstream = upstreams.find((one) => (input.output === null ? one.task_id === input.nodeId || one.file_id === input.nodeId : one.output === input.output)) ?? (upstreams.length === 1 ? upstreams[0] : undefined);
    const value = upstream?.variables[input.variable];
    return value === undefined ? [] : [{ name: input.name, value }];
  });
}

/** What a code refers to; undefined when it refers to nothing. */
export type LookAround = (change: Change, workspaceId: number, environment: 'DEV' | 'PROD', content: string) => Promise<CodeSurroundings | undefined>;

export function createSubmissions(options: { readonly execution: Execution; readonly timeZone: string; readonly surroundings?: LookAround | undefined }): Submissions {
  const { execution, timeZone, surroundings } = options;

  /** Files and variables of a run; the values of variables that are expressions are those of the instance. */
  async function around(lookAround: LookAround, change: Change, instance: InstanceRow, run: Pick<NewRun, 'content' | 'parameters'>): Promise<Pick<NewRun, 'files' | 'variables'>> {
    const found = await lookAround(change, instance.workspace_id, instance.environment, [run.content, ...run.parameters.map(({ value }) => value)].join('\n'));
    if (found === undefined) return {};
    const times = { bizdate: wallTimeOf(instance.bizdate, timeZone), cyctime: wallTimeOf(instance.trigger_time, timeZone), now: wallTimeOf(change.now, timeZone) };
    const variables = found.variables.map(({ expression, ...variable }): RunVariable => (expression === true && 'value' in variable ? { ...variable, value: evaluate(variable.value, times) } : variable));
    return { files: found.files, variables };
  }

  return {
    async submit(change, instances, more = {}) {
      if (instances.length === 0) return;
      const contents = await contentsOf(change, instances);
      const speaking = instances.filter((one) => CAPTURING.has(one.command));
      const languages = speaking.length === 0 ? new Map<number, string>() : await languagesOf(change, speaking);
      const reading = instances.filter((one) => one.context_inputs.length > 0);
      const upstreams = Map.groupBy(reading.length === 0 ? [] : await resultsBefore(change, reading.map((one) => one.id)), (row) => row.downstream_id);
      const runs: NewRun[] = [];
      for (const one of instances) {
        const run: NewRun = {
          ...codeOf(one, contents.get(one.id) ?? '', languages.get(one.id) ?? ''),
          tenantId: one.tenant_id,
          workspaceId: one.workspace_id,
          environment: one.environment,
          instanceId: one.id,
          attempt: one.attempts,
          parameters: [...one.parameters, ...contextParameters(one.context_inputs, upstreams.get(one.id) ?? [])],
          timeoutSeconds: one.timeout_seconds,
          priority: one.priority,
          resourceGroup: one.resource_group,
          datasource: one.datasource,
          ...more,
        };
        runs.push(surroundings === undefined ? run : { ...run, ...(await around(surroundings, change, one, run)) });
      }
      await execution.submit(change, runs);
    },
  };
}
