import { limits } from '../../kernel/limits.ts';
import { instantOf, readWallTime } from './calendar.ts';
import { readParameterText, type Parameter } from './parameters.ts';

/** What a task waits for: an output by its name, or a node by its number. */
export interface Dependency {
  readonly kind: 'Normal' | 'CrossCycleDependsOnSelf' | 'CrossCycleDependsOnChildren' | 'CrossCycleDependsOnOtherNode';
  readonly output: string | null;
  /** Of a task, a workflow, or a node of the studio. */
  readonly nodeId: number | null;
}

/** A name under which code reads what an upstream put out. */
export interface ContextInput {
  readonly name: string;
  /** Output by which the upstream is known; null when it is named by its number. */
  readonly output: string | null;
  readonly nodeId: number | null;
  readonly variable: string;
}

/** When instances come into being. */
export interface ScheduleSettings {
  readonly recurrence: 'Normal' | 'Pause' | 'Skip';
  readonly triggerType: 'Scheduler' | 'Manual';
  readonly instanceMode: 'T+1' | 'Immediately';
  readonly cron: string | null;
  /** IANA name; null means the server's. */
  readonly timeZone: string | null;
  /** Null for always and for ever. */
  readonly effectiveFrom: Date | null;
  readonly effectiveTo: Date | null;
}

/** What the scheduler takes from a FlowSpec node. What is absent, or not as it should be, gets the value that a service fills in. */
export interface TaskSettings extends ScheduleSettings {
  readonly description: string;
  /** 1, 3, 5, 7 or 8. */
  readonly priority: number;
  readonly rerunMode: 'Allowed' | 'Denied' | 'FailureAllowed';
  readonly rerunTimes: number;
  readonly rerunIntervalMs: number;
  readonly timeoutSeconds: number;
  readonly parameters: readonly Parameter[];
  /** Id or name, as the spec gives it; null means the default. */
  readonly resourceGroup: string | null;
  readonly datasource: string | null;
  readonly ignoreBranchSkip: boolean;
  readonly contextInputs: readonly ContextInput[];
  readonly dependencies: readonly Dependency[];
  readonly outputs: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Longest pause before an automatic rerun, and longest time limit. */
const LONGEST_MS = 7 * 86_400_000;
const PRIORITIES = [1, 3, 5, 7, 8];
const UNIT_SECONDS: ReadonlyMap<string, number> = new Map([['SECONDS', 1], ['MINUTES', 60], ['HOURS', 3_600]]);
/** What the vendor's specs write for "always" and "for ever". */
const ALWAYS_BEFORE = '1970-01-01 00:00:00';
const FOR_EVER_YEAR = 9_999;

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : null;
}

function oneOf<Value extends string>(value: unknown, values: readonly Value[], otherwise: Value): Value {
  return values.find((candidate) => candidate === value) ?? otherwise;
}

function count(value: unknown, otherwise: number, most: number): number {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? Math.min(Math.floor(number), most) : otherwise;
}

function numberOf(value: unknown): number | null {
  const text = textOf(value);
  return text !== null && /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : null;
}

/** Parameters of a FlowSpec script, or of a workflow. */
export function readParameters(value: unknown): Parameter[] {
  return listOf(value).slice(0, limits.taskParameters.value).flatMap((entry) => {
    const { name, type, value: text } = fieldsOf(entry);
    if (typeof text !== 'string' && typeof text !== 'number') return [];
    if (type === 'NoKvVariableExpression') return readParameterText(String(text));
    return [{ name: typeof name === 'string' && name !== '' ? name : null, type: typeof type === 'string' ? type : 'System', value: String(text) }];
  });
}

/** The trigger and what else decides when instances are made, from a node or a workflow. */
export function readSchedule(spec: Fields): ScheduleSettings {
  const node = { ...fieldsOf(spec['strategy']), ...spec };
  const trigger = fieldsOf(spec['trigger']);
  const timeZone = zoneOf(trigger['timezone']);
  const moment = (value: unknown): Date | null => {
    const text = textOf(value);
    const wall = text === null || text.startsWith(ALWAYS_BEFORE.slice(0, 4)) ? undefined : readWallTime(text);
    return wall === undefined || wall.getUTCFullYear() >= FOR_EVER_YEAR ? null : instantOf(wall, timeZone ?? 'UTC');
  };
  return {
    recurrence: oneOf(node['recurrence'] ?? trigger['recurrence'], ['Normal', 'Pause', 'Skip'], 'Normal'),
    triggerType: oneOf(trigger['type'], ['Scheduler', 'Manual'], 'Scheduler'),
    instanceMode: oneOf(node['instanceMode'], ['T+1', 'Immediately'], 'T+1'),
    cron: textOf(trigger['cron']),
    timeZone,
    effectiveFrom: moment(trigger['startTime']),
    effectiveTo: moment(trigger['endTime']),
  };
}

function zoneOf(value: unknown): string | null {
  const name = textOf(value);
  if (name === null) return null;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return null;
  }
}

const KINDS = ['Normal', 'CrossCycleDependsOnSelf', 'CrossCycleDependsOnChildren', 'CrossCycleDependsOnOtherNode'] as const;

/** What a node or workflow waits for: its inputs by output name, and its dependencies; each once. */
export function readDependencies(spec: Fields): Dependency[] {
  const inputs = listOf(fieldsOf(spec['inputs'])['nodeOutputs']).map((entry): Dependency => ({ kind: 'Normal', output: textOf(typeof entry === 'string' ? entry : fieldsOf(entry)['data']), nodeId: null }));
  const named = listOf(spec['dependencies']).map((entry): Dependency => {
    const { type, output, nodeId } = fieldsOf(entry);
    return { kind: oneOf(type, KINDS, 'Normal'), output: textOf(typeof output === 'object' ? fieldsOf(output)['data'] : output), nodeId: numberOf(nodeId) };
  });
  const known = new Map<string, Dependency>();
  for (const dependency of [...inputs, ...named]) {
    const onItself = dependency.kind === 'CrossCycleDependsOnSelf' || dependency.kind === 'CrossCycleDependsOnChildren';
    if (!onItself && dependency.output === null && dependency.nodeId === null) continue;
    const kept = onItself ? { ...dependency, output: null, nodeId: null } : dependency;
    known.set(`${kept.kind} ${kept.output ?? ''} ${kept.nodeId ?? ''}`, kept);
  }
  return [...known.values()];
}

/** The names of outputs. */
export function readOutputs(spec: Fields): string[] {
  return [...new Set(listOf(fieldsOf(spec['outputs'])['nodeOutputs']).flatMap((entry) => textOf(typeof entry === 'string' ? entry : fieldsOf(entry)['data']) ?? []))];
}

function readContextInputs(spec: Fields): ContextInput[] {
  return listOf(fieldsOf(spec['inputs'])['variables']).slice(0, limits.taskParameters.value).flatMap((entry): ContextInput[] => {
    const { name, inputName, value, node } = fieldsOf(entry);
    const read = textOf(inputName) ?? textOf(name);
    if (read === null) return [];
    const source = fieldsOf(node);
    // The legacy form stands in the value: <output>:<variable>.
    const match = /^(.+):([^:]+)$/.exec(typeof value === 'string' ? value : '');
    const output = textOf(source['output']) ?? match?.[1] ?? null;
    const nodeId = numberOf(source['nodeId']);
    if (output === null && nodeId === null) return [];
    return [{ name: read, output, nodeId, variable: match?.[2] ?? textOf(name) ?? 'outputs' }];
  });
}

/** Reads the node object of a FlowSpec; the settings may stand in `strategy` too. */
export function readSettings(spec: Fields): TaskSettings {
  const node = { ...fieldsOf(spec['strategy']), ...spec };
  const resource = fieldsOf(spec['runtimeResource']);
  const seconds = count(node['timeout'], 0, LONGEST_MS / 1_000) * (UNIT_SECONDS.get(String(node['timeoutUnit'] ?? 'SECONDS')) ?? 1);
  const priority = count(node['priority'], 1, 8);
  return {
    ...readSchedule(spec),
    description: typeof spec['description'] === 'string' ? spec['description'] : '',
    priority: PRIORITIES.includes(priority) ? priority : 1,
    rerunMode: oneOf(node['rerunMode'], ['Allowed', 'Denied', 'FailureAllowed'], 'Allowed'),
    rerunTimes: count(node['rerunTimes'], 0, limits.taskReruns.value),
    rerunIntervalMs: count(node['rerunInterval'], 180_000, LONGEST_MS),
    timeoutSeconds: seconds === 0 ? limits.taskTimeoutSeconds.value : Math.min(seconds, LONGEST_MS / 1_000),
    parameters: readParameters(fieldsOf(spec['script'])['parameters']),
    resourceGroup: textOf(resource['resourceGroupId']) ?? textOf(resource['resourceGroup']),
    datasource: textOf(fieldsOf(spec['datasource'])['name']),
    ignoreBranchSkip: node['ignoreBranchConditionSkip'] === true,
    contextInputs: readContextInputs(spec),
    dependencies: readDependencies(spec),
    outputs: readOutputs(spec),
  };
}

/** The time of day at which a cron of plain numbers is due, in milliseconds from midnight; midnight for any other. */
export function timeOfDay(cron: string | null): number {
  const [second = '', minute = '', hour = ''] = (cron ?? '').trim().split(/\s+/);
  if (![second, minute, hour].every((field) => /^\d{1,2}$/.test(field))) return 0;
  const milliseconds = (Number(hour) * 3_600 + Number(minute) * 60 + Number(second)) * 1_000;
  return milliseconds < 86_400_000 ? milliseconds : 0;
}
