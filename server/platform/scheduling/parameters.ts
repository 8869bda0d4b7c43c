import type { RunParameter } from '../execution/interface.ts';
import { addDays, addMonths, startOfDay, type WallTime } from './calendar.ts';

/**
 * Scheduling parameters: `$bizdate`, `$cyctime`, `$gmtdate`, `$[pattern±n]` on the time of the run and `${pattern±n}` on the business date
 * (flowspec section 9.1).
 */

/** A parameter as a task has it. A null name is a text without a key, given by position. */
export interface Parameter {
  readonly name: string | null;
  readonly type: string;
  readonly value: string;
}

/** The moments that expressions stand on, as wall clock readings of the task's time zone. */
export interface ParameterTimes {
  /** The day before the day of the run. */
  readonly bizdate: WallTime;
  /** When the run is due. */
  readonly cyctime: WallTime;
  readonly now: WallTime;
}

const pad = (value: number, length = 2) => String(value).padStart(length, '0');

const fields: Readonly<Record<string, (wall: WallTime) => string>> = {
  yyyy: (wall) => pad(wall.getUTCFullYear(), 4),
  yy: (wall) => pad(wall.getUTCFullYear() % 100),
  mm: (wall) => pad(wall.getUTCMonth() + 1),
  dd: (wall) => pad(wall.getUTCDate()),
  hh24: (wall) => pad(wall.getUTCHours()),
  hh: (wall) => pad(((wall.getUTCHours() + 11) % 12) + 1),
  mi: (wall) => pad(wall.getUTCMinutes()),
  ss: (wall) => pad(wall.getUTCSeconds()),
};

const FIELD = /yyyy|yy|mm|dd|hh24|hh|mi|ss/g;
const PATTERN = String.raw`(?:yyyy|yy|mm|dd|hh24|hh|mi|ss|[-:/._ ])+?`;
const SHIFTED = new RegExp(String.raw`^(${PATTERN})\s*(?:([+-])\s*(\d{1,5})(?:\*(\d{1,5}))?(?:\/(\d{1,5}))?(?:\/(\d{1,5}))?)?$`);
const BY_MONTHS = new RegExp(String.raw`^add_months\(\s*(${PATTERN})\s*,\s*([+-]?)\s*(\d{1,5})(?:\*(\d{1,5}))?\s*\)$`);

function format(pattern: string, wall: WallTime): string {
  return pattern.replaceAll(FIELD, (field) => fields[field]?.(wall) ?? field);
}

/** The offset counts in the smallest unit of the date in the pattern, or in hours where it has only a time of day; `/24` and `/24/60` are parts of a day. */
function shift(wall: WallTime, pattern: string, amount: number, parts: number): WallTime {
  if (parts !== 1) return new Date(wall.getTime() + Math.round((amount * 86_400_000) / parts));
  if (pattern.includes('dd')) return addDays(wall, amount);
  if (pattern.includes('mm')) return addMonths(wall, amount);
  if (pattern.includes('yy')) return addMonths(wall, amount * 12);
  return new Date(wall.getTime() + amount * 3_600_000);
}

/** The value of what stands inside the brackets, or undefined when it is no pattern. */
function evaluatePattern(text: string, wall: WallTime): string | undefined {
  const plain = SHIFTED.exec(text);
  if (plain !== null) {
    const [, pattern = '', sign, amount = '0', factor = '1', first = '1', second = '1'] = plain;
    if (pattern.match(FIELD) === null) return undefined;
    const parts = Number(first) * Number(second);
    if (parts === 0) return undefined;
    return inRange(pattern, shift(wall, pattern, (sign === '-' ? -1 : 1) * Number(amount) * Number(factor), parts));
  }
  const byMonths = BY_MONTHS.exec(text);
  if (byMonths === null) return undefined;
  const [, pattern = '', sign, amount = '0', factor = '1'] = byMonths;
  return inRange(pattern, addMonths(wall, (sign === '-' ? -1 : 1) * Number(amount) * Number(factor)));
}

function inRange(pattern: string, wall: WallTime): string | undefined {
  const year = wall.getUTCFullYear();
  return year >= 0 && year <= 9_999 ? format(pattern, wall) : undefined;
}

/** Puts the values of all expressions in their place. What is no expression stays as it is. */
export function evaluate(text: string, times: ParameterTimes): string {
  // The older form keeps the time of day of the run, on the business date.
  const onBizdate = new Date(startOfDay(times.bizdate).getTime() + (times.cyctime.getTime() - startOfDay(times.cyctime).getTime()));
  const words: Readonly<Record<string, () => string>> = {
    bizdate: () => format('yyyymmdd', times.bizdate),
    yyyymmdd: () => format('yyyymmdd', times.bizdate),
    yyyy: () => format('yyyy', times.bizdate),
    mm: () => format('mm', times.bizdate),
    dd: () => format('dd', times.bizdate),
    cyctime: () => format('yyyymmddhh24miss', times.cyctime),
    gmtdate: () => format('yyyymmdd', times.now),
  };
  return text.replaceAll(/\$\[([^[\]]*)\]|\$\{([^{}]*)\}|\$([a-z]+)\b/g, (whole, onRun: string | undefined, older: string | undefined, word: string | undefined) => {
    if (onRun !== undefined) return evaluatePattern(onRun.trim(), times.cyctime) ?? whole;
    if (older !== undefined) return evaluatePattern(older.trim(), onBizdate) ?? whole;
    return words[word ?? '']?.() ?? whole;
  });
}

/** The parameters of a workflow with those that are given for one run of it, which come in their place. */
export function withGiven(own: readonly Parameter[], given: readonly Parameter[]): Parameter[] {
  return [...own.filter((parameter) => !given.some(({ name }) => name === parameter.name)), ...given];
}

/** Evaluates the parameters of a task; those in `given` replace or join them as they are. */
export function evaluateAll(parameters: readonly Parameter[], given: readonly Parameter[], times: ParameterTimes): RunParameter[] {
  const chosen = new Map(given.filter((parameter) => parameter.name !== null).map((parameter) => [parameter.name, parameter]));
  const own = parameters.map((parameter) => chosen.get(parameter.name) ?? parameter);
  const present = new Set(own);
  return [...own, ...given.filter((parameter) => !present.has(parameter))].map(({ name, type, value }) => ({ name, value: type === 'Constant' ? value : evaluate(value, times) }));
}

/**
 * Reads a parameter text such as `day=$[yyyymmdd-1] city=Hangzhou`. Blanks inside brackets and quotes do not part it; what has no key is
 * given by position.
 */
export function readParameterText(text: string): Parameter[] {
  const tokens = text.match(/(?:\$\[[^\]]*\]|\$\{[^}]*\}|"[^"]*"|'[^']*'|[^\s])+/g) ?? [];
  return tokens.map((token) => {
    const match = /^([A-Za-z_][\w.]*)=(.*)$/s.exec(token);
    const value = (match?.[2] ?? token).replace(/^(["'])(.*)\1$/s, '$2');
    return { name: match?.[1] ?? null, type: match === null ? 'NoKvVariableExpression' : 'System', value };
  });
}

/** The text of evaluated parameters, as instances show it. */
export function parameterText(parameters: readonly { readonly name: string | null; readonly value: string }[]): string {
  return parameters.map(({ name, value }) => (name === null ? value : `${name}=${value}`)).join(' ');
}
