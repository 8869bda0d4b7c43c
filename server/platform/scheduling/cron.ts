import { startOfDay, type WallTime } from './calendar.ts';

/**
 * Cron as the vendor writes it, in Quartz's form: second minute hour day-of-month month day-of-week, and a year if there are seven fields.
 *
 *   *  ?        every value; `?` in the day fields says that the other one decides
 *   a-b a,b     a range, which may go over the end (FRI-MON), and a list
 *   x/n         every n-th from x (`*`: from the first) to the end of the range or field
 *   L L-n       the last day of the month, n days before it; in day-of-week: Sunday
 *   LW nW       the last working day; the working day nearest to the n-th, within the month
 *   nL n#k      the last, the k-th such day of the week in the month
 *
 * Days of the week are 1 (Monday) to 7 (Sunday) or MON to SUN, months 1 to 12 or JAN to DEC. The numbers are the vendor's and not Quartz's: its
 * migration tool turns a Quartz 1 (Sunday) into 7 and a 2 into 1. Of day-of-month and day-of-week only one may restrict the days, as Quartz demands
 * it: what both together should mean has no common answer.
 */
export interface Cron {
  readonly text: string;
  /** Milliseconds from midnight, ascending. */
  readonly timesOfDay: readonly number[];
  readonly hours: number;
  readonly months: ReadonlySet<number>;
  readonly years: ReadonlySet<number> | undefined;
  readonly days: DaysOfMonth | undefined;
  readonly weekdays: DaysOfWeek | undefined;
}

interface DaysOfMonth {
  readonly plain: ReadonlySet<number>;
  /** Days before the last one: `L` is 0. */
  readonly beforeLast: readonly number[];
  readonly lastWorking: boolean;
  readonly nearest: readonly number[];
}

interface DaysOfWeek {
  /** 0 is Sunday. */
  readonly plain: ReadonlySet<number>;
  readonly last: readonly number[];
  readonly nth: readonly (readonly [day: number, which: number])[];
}

/** What is wrong with a cron: which field, and why. */
export class CronFault extends Error {
  readonly field: string;

  constructor(field: string, text: string, reason: string) {
    super(`its ${field} ${JSON.stringify(text.slice(0, 60))} ${reason}`);
    this.field = field;
  }
}

/** Longest cron, in characters. */
const LONGEST = 256;
const DAY_MS = 86_400_000;
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'];

interface Field {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly words?: readonly string[];
}

const FIELDS = {
  second: { name: 'second', from: 0, to: 59 },
  minute: { name: 'minute', from: 0, to: 59 },
  hour: { name: 'hour', from: 0, to: 23 },
  day: { name: 'day of the month', from: 1, to: 31 },
  month: { name: 'month', from: 1, to: 12, words: MONTHS },
  weekday: { name: 'day of the week', from: 1, to: 7, words: WEEKDAYS },
  year: { name: 'year', from: 1970, to: 2099 },
} as const satisfies Record<string, Field>;

function numberIn(field: Field, text: string): number {
  const word = field.words?.indexOf(text.toUpperCase()) ?? -1;
  const value = word >= 0 ? word + field.from : /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) throw new CronFault(field.name, text, 'cannot be read');
  if (value < field.from || value > field.to) throw new CronFault(field.name, text, `is not between ${field.from} and ${field.to}`);
  return value;
}

/** One element of a list: a value, a range, a step. */
function readElement(field: Field, text: string): number[] {
  const match = /^([^/-]+)(?:-([^/-]+))?(?:\/(\d{1,4}))?$/.exec(text);
  if (match === null) throw new CronFault(field.name, text, 'cannot be read');
  const [, first = '', second, stepText] = match;
  const step = stepText === undefined ? 1 : Number(stepText);
  if (step === 0) throw new CronFault(field.name, text, 'has a step of 0');
  const all = first === '*' || first === '?';
  if (all && second !== undefined) throw new CronFault(field.name, text, 'cannot be read');
  const from = all ? field.from : numberIn(field, first);
  const to = second !== undefined ? numberIn(field, second) : all || stepText !== undefined ? field.to : from;
  const width = field.to - field.from + 1;
  const length = to >= from ? to - from : to + width - from;
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, place) => ((from - field.from + place * step) % width) + field.from);
}

function readList(field: Field, text: string): number[] {
  return [...new Set(text.split(',').flatMap((element) => readElement(field, element)))].toSorted((a, b) => a - b);
}

const everything = (text: string) => text === '*' || text === '?';

function readDays(text: string): DaysOfMonth | undefined {
  if (everything(text)) return undefined;
  const plain = new Set<number>();
  const beforeLast: number[] = [];
  const nearest: number[] = [];
  let lastWorking = false;
  for (const element of text.toUpperCase().split(',')) {
    const last = /^L(?:-(\d{1,2}))?$/.exec(element);
    const near = /^(\d{1,2})W$/.exec(element);
    if (element === 'LW') lastWorking = true;
    else if (last !== null) {
      const before = Number(last[1] ?? 0);
      if (before > 30) throw new CronFault('day of the month', element, 'goes back further than a month');
      beforeLast.push(before);
    } else if (near !== null) nearest.push(numberIn(FIELDS.day, near[1] ?? ''));
    else for (const day of readElement(FIELDS.day, element)) plain.add(day);
  }
  return { plain, beforeLast, lastWorking, nearest };
}

function readWeekdays(text: string): DaysOfWeek | undefined {
  if (everything(text)) return undefined;
  const plain = new Set<number>();
  const last: number[] = [];
  const nth: [number, number][] = [];
  for (const element of text.toUpperCase().split(',')) {
    const ends = /^(\d|[A-Z]{3})L$/.exec(element);
    const which = /^(\d|[A-Z]{3})#(\d)$/.exec(element);
    if (element === 'L') plain.add(0);
    else if (ends !== null) last.push(numberIn(FIELDS.weekday, ends[1] ?? '') % 7);
    else if (which !== null) {
      const place = Number(which[2]);
      if (place < 1 || place > 5) throw new CronFault('day of the week', element, 'names a week that no month has');
      nth.push([numberIn(FIELDS.weekday, which[1] ?? '') % 7, place]);
    } else for (const day of readElement(FIELDS.weekday, element)) plain.add(day % 7);
  }
  return { plain, last, nth };
}

const known = new Map<string, Cron>();
/** Crons kept parsed, and their times of day in all; there are rarely more different ones. */
const MOST_KNOWN = 20_000;
const MOST_TIMES = 2_000_000;
let knownTimes = 0;

/**
 * Reads a cron. Throws CronFault for what is none, for one that is never due, and for one that is due more often than every `minimumMinutes`.
 */
export function parseCron(text: string, options: { readonly minimumMinutes?: number } = {}): Cron {
  const cron = known.get(text) ?? read(text);
  const least = (options.minimumMinutes ?? 0) * 60_000;
  const { timesOfDay } = cron;
  for (const [place, time] of timesOfDay.entries()) {
    const next = timesOfDay[place + 1] ?? (timesOfDay[0] ?? 0) + DAY_MS;
    if (next - time < least) throw new CronFault('time', text, `is due more often than every ${options.minimumMinutes} minutes`);
  }
  // Only what is accepted is kept: a cron of every second has 86,400 times.
  if (!known.has(text)) {
    if (known.size >= MOST_KNOWN || knownTimes + timesOfDay.length > MOST_TIMES) {
      known.clear();
      knownTimes = 0;
    }
    known.set(text, cron);
    knownTimes += timesOfDay.length;
  }
  return cron;
}

function read(text: string): Cron {
  if (text.length > LONGEST) throw new CronFault('text', text, `is longer than ${LONGEST} characters`);
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 6 && fields.length !== 7) throw new CronFault('text', text, `has ${text.trim() === '' ? 0 : fields.length} fields; it takes six (second minute hour day month weekday), or seven with a year`);
  const [second = '', minute = '', hour = '', day = '', month = '', weekday = '', year = '*'] = fields;
  for (const [name, field] of [['second', second], ['minute', minute], ['hour', hour], ['month', month], ['year', year]] as const) if (field.includes('?')) throw new CronFault(name, field, 'may not be ?, which is for the two day fields');
  const days = readDays(day);
  const weekdays = readWeekdays(weekday);
  if (days !== undefined && weekdays !== undefined) throw new CronFault('day of the week', weekday, 'and its day of the month both restrict the days; give ? in one of them');
  const hours = readList(FIELDS.hour, hour);
  const minutes = readList(FIELDS.minute, minute);
  const seconds = readList(FIELDS.second, second);
  const cron: Cron = {
    text,
    timesOfDay: hours.flatMap((h) => minutes.flatMap((m) => seconds.map((s) => ((h * 60 + m) * 60 + s) * 1_000))),
    hours: hours.length,
    months: new Set(readList(FIELDS.month, month)),
    years: year === '*' ? undefined : new Set(readList(FIELDS.year, year)),
    days,
    weekdays,
  };
  if (!canBeDue(cron)) throw new CronFault('day of the month', day, 'comes in none of its months, so it would never be due');
  return cron;
}

const lengthOf = (year: number, month: number) => new Date(Date.UTC(year, month, 0)).getUTCDate();

/** Whether any day ever fits: plain days must be in a month, the 29th of February needs a leap year. Other forms come in every month. */
function canBeDue({ days, months, years }: Cron): boolean {
  if (days === undefined || days.lastWorking) return true;
  const sample = years === undefined ? [2024] : [...years];
  return sample.some((year) =>
    [...months].some((month) => {
      const length = lengthOf(year, month);
      return [...days.plain, ...days.nearest].some((day) => day <= length) || days.beforeLast.some((before) => before < length);
    }),
  );
}

/** Day of the month of the working day (Monday to Friday) nearest to a day, within the month. */
function nearestWorking(year: number, month: number, day: number): number {
  const length = lengthOf(year, month);
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
  if (weekday === 6) return day > 1 ? day - 1 : day + 2;
  if (weekday === 0) return day < length ? day + 1 : day - 2;
  return day;
}

/** Whether a day, read on the wall, is due. */
export function isDueOn(cron: Cron, day: WallTime): boolean {
  const [year, month, date, weekday] = [day.getUTCFullYear(), day.getUTCMonth() + 1, day.getUTCDate(), day.getUTCDay()];
  if (!cron.months.has(month) || cron.years?.has(year) === false) return false;
  const { days, weekdays } = cron;
  if (days !== undefined) {
    const length = lengthOf(year, month);
    return (
      days.plain.has(date) ||
      days.beforeLast.some((before) => date === length - before) ||
      (days.lastWorking && date === nearestWorking(year, month, length)) ||
      days.nearest.some((wanted) => wanted <= length && date === nearestWorking(year, month, wanted))
    );
  }
  if (weekdays !== undefined) {
    return (
      weekdays.plain.has(weekday) ||
      (weekdays.last.includes(weekday) && date + 7 > lengthOf(year, month)) ||
      weekdays.nth.some(([wanted, which]) => wanted === weekday && Math.ceil(date / 7) === which)
    );
  }
  return true;
}

/** The wall clock times of a day on which the cron is due, ascending; none on another day. */
export function occurrencesOn(cron: Cron, day: WallTime): WallTime[] {
  return isDueOn(cron, day) ? timesOn(cron, day) : [];
}

/** The cron's times on a day, whether it is due then or not. */
export function timesOn(cron: Cron, day: WallTime): WallTime[] {
  const midnight = startOfDay(day).getTime();
  return cron.timesOfDay.map((time) => new Date(midnight + time));
}

export type CronKind = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year';

/** What the cycle of a cron is. Minutes and hours have several cycles a day. */
export function kindOf(cron: Cron): CronKind {
  if (cron.timesOfDay.length > cron.hours) return 'minute';
  if (cron.hours > 1) return 'hour';
  const restricted = cron.days !== undefined || cron.weekdays !== undefined;
  if (cron.months.size < 12 && restricted) return 'year';
  if (cron.weekdays !== undefined) return 'week';
  return cron.days !== undefined ? 'month' : 'day';
}
