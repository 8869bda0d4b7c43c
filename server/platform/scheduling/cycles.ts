import { addDays, instantsOf, startOfDay, wallTimeOf, type WallTime } from './calendar.ts';
import { isDueOn, timesOn, type Cron } from './cron.ts';

/**
 * The cycles of a schedule on a day of its own wall clock.
 *
 * Where the clock is changed:
 *   - a time that is skipped is moved on by the width of the gap, over midnight too, and left out where a cycle stands at that moment already;
 *   - a time that comes twice counts once, at its first coming, unless the schedule runs in every hour of the day: then every real hour counts, as
 *     people expect of "hourly";
 *   - a day that a zone leaves out altogether has no cycles; what was due on it is due on the day after it.
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

const DAY_MS = 86_400_000;

/** The cycles that a day has of its own, and the moments of its skipped times at which the day after has a cycle already. */
function reckon({ cron, timeZone }: Trigger, day: WallTime): { readonly own: ReadonlyMap<number, WallTime>; readonly left: ReadonlySet<number> } {
  const everyHour = cron.hours === 24;
  const end = startOfDay(day).getTime() + DAY_MS;
  const own = new Map<number, WallTime>();
  const left = new Set<number>();
  const moved = new Set<number>();
  for (const wall of timesOn(cron, day)) {
    const { instants, skipped } = instantsOf(wall, timeZone);
    for (const instant of everyHour ? instants : instants.slice(0, 1)) {
      if (skipped) moved.add(instant.getTime());
      else own.set(instant.getTime(), wall);
    }
  }
  for (const instant of moved) {
    const shown = wallTimeOf(new Date(instant), timeZone);
    if (shown.getTime() >= end && cron.timesOfDay.includes(shown.getTime() % DAY_MS)) left.add(instant);
    else if (!own.has(instant)) own.set(instant, shown);
  }
  return { own, left };
}

/**
 * The cycles of a day, strictly ascending. A schedule has cycles on every day; those of days on which it is not due are dry. The last ones of a
 * day may be shown by the wall clock as of the next day, where a change of the clock skips midnight.
 */
export function cyclesOn(trigger: Trigger, day: WallTime): Cycle[] {
  const { cron, startTime, endTime } = trigger;
  const due = isDueOn(cron, day);
  const before = addDays(day, -1);
  const inherited = !due && isDueOn(cron, before) ? reckon(trigger, before).left : undefined;
  return [...reckon(trigger, day).own]
    .toSorted(([a], [b]) => a - b)
    .map(([instant, wall], place): Cycle => ({ number: place + 1, wall, instant: new Date(instant), due: due || inherited?.has(instant) === true }))
    .filter(({ instant }) => (startTime === undefined || instant >= startTime) && (endTime === undefined || instant <= endTime));
}

/** How far ahead the next cycle is looked for: a leap day may be eight years away. */
const YEARS_AHEAD = 9;

/** The next moment at which a schedule is due, or undefined when there is none in sight. */
export function nextDue(trigger: Trigger, after: Date): Date | undefined {
  const { cron, timeZone, startTime, endTime } = trigger;
  const begin = startOfDay(wallTimeOf(startTime === undefined || startTime <= after ? after : startTime, timeZone));
  let found: Date | undefined;
  // The day before may end after midnight. The day after one that has it is looked at too: with a clock put back over midnight, their cycles mix.
  for (let ahead = -2, last = false; ahead <= YEARS_AHEAD * 366 && !last; ahead += 1) {
    const day = addDays(begin, ahead);
    if (endTime !== undefined && day.getTime() > endTime.getTime() + 2 * DAY_MS) break;
    last = found !== undefined;
    if (!isDueOn(cron, day) && !isDueOn(cron, addDays(day, -1))) continue;
    for (const cycle of cyclesOn(trigger, day)) if (cycle.due && cycle.instant > after && (found === undefined || cycle.instant < found)) found = cycle.instant;
  }
  return found;
}

/** The last cycle before a moment, due or dry; undefined when the range of the schedule has none. */
export function previousCycle(trigger: Trigger, before: Date): Cycle | undefined {
  const { timeZone, endTime } = trigger;
  const today = startOfDay(wallTimeOf(endTime === undefined || endTime >= before ? before : endTime, timeZone));
  let found: Cycle | undefined;
  // Every day has cycles but one that a zone leaves out.
  for (let ahead = 1; ahead >= -3; ahead -= 1) {
    for (const cycle of cyclesOn(trigger, addDays(today, ahead))) if (cycle.instant < before && (found === undefined || cycle.instant > found.instant)) found = cycle;
  }
  return found;
}
