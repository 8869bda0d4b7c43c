import { limits } from '../../kernel/limits.ts';
import { readParameterText, type Parameter } from './parameters.ts';

/** What the scheduler takes from a FlowSpec node. What is absent, or not as it should be, gets the value that a service fills in. */
export interface TaskSettings {
  readonly description: string;
  readonly recurrence: 'Normal' | 'Pause' | 'Skip';
  readonly triggerType: 'Scheduler' | 'Manual';
  readonly cron: string | null;
  /** 1, 3, 5, 7 or 8. */
  readonly priority: number;
  readonly rerunMode: 'Allowed' | 'Denied' | 'FailureAllowed';
  readonly rerunTimes: number;
  readonly rerunIntervalMs: number;
  readonly timeoutSeconds: number;
  readonly parameters: readonly Parameter[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Longest pause before an automatic rerun, and longest time limit. */
const LONGEST_MS = 7 * 86_400_000;
const PRIORITIES = [1, 3, 5, 7, 8];
const UNIT_SECONDS: ReadonlyMap<string, number> = new Map([['SECONDS', 1], ['MINUTES', 60], ['HOURS', 3_600]]);

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function oneOf<Value extends string>(value: unknown, values: readonly Value[], otherwise: Value): Value {
  return values.find((candidate) => candidate === value) ?? otherwise;
}

function count(value: unknown, otherwise: number, most: number): number {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? Math.min(Math.floor(number), most) : otherwise;
}

function readParameters(value: unknown): Parameter[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, limits.taskParameters.value).flatMap((entry) => {
    const { name, type, value: text } = fieldsOf(entry);
    if (typeof text !== 'string' && typeof text !== 'number') return [];
    if (type === 'NoKvVariableExpression') return readParameterText(String(text));
    return [{ name: typeof name === 'string' && name !== '' ? name : null, type: typeof type === 'string' ? type : 'System', value: String(text) }];
  });
}

/** Reads the node object of a FlowSpec; the settings may stand in `strategy` too. */
export function readSettings(spec: Fields): TaskSettings {
  const node = { ...fieldsOf(spec['strategy']), ...spec };
  const trigger = fieldsOf(spec['trigger']);
  const seconds = count(node['timeout'], 0, LONGEST_MS / 1_000) * (UNIT_SECONDS.get(String(node['timeoutUnit'] ?? 'SECONDS')) ?? 1);
  const priority = count(node['priority'], 1, 8);
  const cron = trigger['cron'];
  return {
    description: typeof spec['description'] === 'string' ? spec['description'] : '',
    recurrence: oneOf(node['recurrence'] ?? trigger['recurrence'], ['Normal', 'Pause', 'Skip'], 'Normal'),
    triggerType: oneOf(trigger['type'], ['Scheduler', 'Manual'], 'Scheduler'),
    cron: typeof cron === 'string' && cron !== '' ? cron : null,
    priority: PRIORITIES.includes(priority) ? priority : 1,
    rerunMode: oneOf(node['rerunMode'], ['Allowed', 'Denied', 'FailureAllowed'], 'Allowed'),
    rerunTimes: count(node['rerunTimes'], 0, limits.taskReruns.value),
    rerunIntervalMs: count(node['rerunInterval'], 180_000, LONGEST_MS),
    timeoutSeconds: seconds === 0 ? limits.taskTimeoutSeconds.value : Math.min(seconds, LONGEST_MS / 1_000),
    parameters: readParameters(fieldsOf(spec['script'])['parameters']),
  };
}

/** The time of day at which a cron of plain numbers is due, in milliseconds from midnight; midnight for any other. */
export function timeOfDay(cron: string | null): number {
  const [second = '', minute = '', hour = ''] = (cron ?? '').trim().split(/\s+/);
  if (![second, minute, hour].every((field) => /^\d{1,2}$/.test(field))) return 0;
  const milliseconds = (Number(hour) * 3_600 + Number(minute) * 60 + Number(second)) * 1_000;
  return milliseconds < 86_400_000 ? milliseconds : 0;
}
