import { addDays, instantsOf, startOfDay, wallTimeOf, type WallTime } from './calendar.ts';
import { isDueOn, kindOf, timesOn, type Cron } from './cron.ts';

/**
 * The cycles of a schedule on a day of its own wall clock.
 *
 * Where the clock is changed:
 *   - a time that is skipped is moved on by the width of the gap, and left out where a cycle stands at that moment already;
 *   - a time that comes twice counts once, at its first coming, unless the schedule runs in every hour of the day: then every real hour counts, as
 *     people expect of "hourly";
 *   - a day that a zone leaves out altogether has no cycles.
 * So no cycle is lost and none comes twice, and a daily run stays daily.
 */
export interface Cycle {
  /** From 1 within its day. */
  readonly number: number;
  readonly wall: WallTime;
  readonly instant: Date;
  /** False on a day that is not due: the instance succeeds without being run. */
  readonly due: boolean;
}

export interface Trigger {
  readonly cron: Cron;
  /** Cycles lie between these two, both inclusive. */
  readonly startTime?: Date | undefined;
  readonly endTime?: Date | undefined;
  /** IANA name. */
  readonly timeZone: string;
}

/** The cycles of a day, strictly ascending. A schedule has cycles on every day; those of days on which it is not due are dry. */
export function cyclesOn(trigger: Trigger, day: WallTime): Cycle[] {
  const { cron, timeZone, startTime, endTime } = trigger;
  const due = isDueOn(cron, day);
  const everyHour = cron.hours === 24;
  const midnight = startOfDay(day).getTime();
  const found = new Map<number, WallTime>();
  const moved = new Map<number, WallTime>();
  for (const wall of timesOn(cron, day)) {
    const { instants, skipped } = instantsOf(wall, timeZone);
    for (const instant of everyHour ? instants : instants.slice(0, 1)) (skipped ? moved : found).set(instant.getTime(), wall);
  }
  for (const instant of moved.keys()) {
    const shown = wallTimeOf(new Date(instant), timeZone);
    if (!found.has(instant) && startOfDay(shown).getTime() === midnight) found.set(instant, shown);
  }
  return [...found]
    .toSorted(([a], [b]) => a - b)
    .map(([instant, wall], place): Cycle => ({ number: place + 1, wall, instant: new Date(instant), due }))
    .filter(({ instant }) => (startTime === undefined || instant >= startTime) && (endTime === undefined || instant <= endTime));
}

/** How far ahead the next cycle is looked for: a leap day may be eight years away. */
const YEARS_AHEAD = 9;

/** The next moment at which a schedule is due, or undefined when there is none in sight. */
export function nextDue(trigger: Trigger, after: Date): Date | undefined {
  const first = startOfDay(wallTimeOf(after, trigger.timeZone));
  const days = kindOf(trigger.cron) === 'day' ? 3 : YEARS_AHEAD * 366;
  const begin = trigger.startTime === undefined || trigger.startTime <= after ? first : startOfDay(wallTimeOf(trigger.startTime, trigger.timeZone));
  for (let ahead = 0; ahead <= days; ahead += 1) {
    const day = addDays(begin, ahead);
    if (trigger.endTime !== undefined && day.getTime() > trigger.endTime.getTime() + 2 * 86_400_000) return undefined;
    if (!isDueOn(trigger.cron, day)) continue;
    const next = cyclesOn(trigger, day).find(({ instant }) => instant > after);
    if (next !== undefined) return next.instant;
  }
  return undefined;
}
