import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseCron } from './cron.ts';
import { cyclesOn, nextDue, previousCycle, type Cycle } from './cycles.ts';

/**
 * The reckoning that the scheduler is held against knows no offsets: it walks every real minute of a year and a week around it, by what Intl
 * prints, and asks which minutes show a wall clock time.
 */

const MINUTE = 60_000;
const HOUR = 60;
const DAY = 1_440;

interface Walk {
  /** Real minutes since 1970, from the first walked one on. */
  readonly from: number;
  /** What the wall clock showed at each of them, in minutes since 1970. */
  readonly shown: readonly number[];
  /** The real minutes that showed a wall clock minute. */
  readonly showing: ReadonlyMap<number, readonly number[]>;
}

function walk(timeZone: string, year: number): Walk {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  const print = (minute: number) => Date.parse(`${format.format(minute * MINUTE).replace(' ', 'T')}Z`) / MINUTE;
  const from = Date.UTC(year, 0, 1) / MINUTE - 7 * DAY;
  const to = Date.UTC(year + 1, 0, 1) / MINUTE + 7 * DAY;
  const shown: number[] = [];
  const showing = new Map<number, number[]>();
  for (let hour = from, start = print(from); hour < to; hour += HOUR) {
    const next = print(hour + HOUR);
    // An hour that took the wall clock an hour had no change in it; of any other each minute is asked for.
    for (let minute = 0; minute < HOUR; minute += 1) {
      const wall = next - start === HOUR ? start + minute : print(hour + minute);
      shown.push(wall);
      const minutes = showing.get(wall);
      if (minutes === undefined) showing.set(wall, [hour + minute]);
      else minutes.push(hour + minute);
    }
    start = next;
  }
  return { from, shown, showing };
}

const places = [['America/New_York', 2024], ['Europe/Berlin', 2026], ['Australia/Lord_Howe', 2026], ['Asia/Shanghai', 2026], ['Pacific/Apia', 2011], ['America/Nuuk', 2024], ['America/St_Johns', 2010], ['America/Havana', 2024]] as const;
const walks = new Map(places.map(([timeZone, year]) => [timeZone as string, walk(timeZone, year)]));

interface Schedule {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: string;
  readonly isDay: (date: Date) => boolean;
}

/** Which real minutes of a year should have a cycle, and whether it is due. */
function expected({ minutes, hours, isDay }: Schedule, { from, shown, showing }: Walk, year: number): Map<number, boolean> {
  const cycles = new Map<number, boolean>();
  const add = (minute: number, due: boolean) => cycles.set(minute, due || cycles.get(minute) === true);
  for (let date = Date.UTC(year, 0, 1) / MINUTE - DAY; date < Date.UTC(year + 1, 0, 1) / MINUTE; date += DAY) {
    const due = isDay(new Date(date * MINUTE));
    for (const hour of hours) {
      for (const minute of minutes) {
        const wall = date + hour * HOUR + minute;
        const real = showing.get(wall);
        if (real === undefined) {
          // The last minute that showed an earlier time came just before the gap; from there as many real minutes on.
          const last = shown.findLastIndex((time) => time < wall);
          add(from + last + (wall - (shown[last] ?? 0)), due);
        } else for (const one of hours.length === 24 ? real : real.slice(0, 1)) add(one, due);
      }
    }
  }
  return cycles;
}

const numbers = (most: number, longest: number) => fc.uniqueArray(fc.nat(most), { minLength: 1, maxLength: longest });
const everyHour = Array.from({ length: 24 }, (_, hour) => hour);
const clock = fc.oneof(
  { weight: 5, arbitrary: fc.record({ minutes: numbers(59, 1), hours: numbers(23, 1) }) },
  { weight: 3, arbitrary: fc.record({ minutes: numbers(59, 1), hours: fc.constantFrom([0], [1], [2], [23], [0, 23], [1, 2]) }) },
  { weight: 3, arbitrary: fc.record({ minutes: numbers(59, 2), hours: fc.oneof(numbers(23, 5), fc.constant(everyHour)) }) },
  { weight: 1, arbitrary: fc.record({ minutes: fc.constantFrom([0, 10, 20, 30, 40, 50], [0, 20, 40]), hours: fc.constant(everyHour) }) },
);
const NAMES = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const dates = fc.oneof(
  fc.constant({ days: '* * ?', isDay: () => true }),
  fc.uniqueArray(fc.nat(6), { minLength: 1, maxLength: 3 }).map((days) => ({ days: `? * ${days.map((day) => NAMES[day]).join(',')}`, isDay: (date: Date) => days.includes(date.getUTCDay()) })),
  numbers(30, 3).map((days) => ({ days: `${days.map((day) => day + 1).join(',')} * ?`, isDay: (date: Date) => days.includes(date.getUTCDate() - 1) })),
  fc.constant({ days: 'L * ?', isDay: (date: Date) => new Date(date.getTime() + DAY * MINUTE).getUTCDate() === 1 }),
);

test('a year by real minutes: every cycle at its instant and due as it should be, none missing, none twice', () => {
  fc.assert(
    fc.property(fc.constantFrom(...places), clock, dates, ([timeZone, year], { minutes, hours }, { days, isDay }) => {
      const text = `0 ${minutes.join(',')} ${hours.join(',')} ${days}`;
      const found = walks.get(timeZone);
      assert.ok(found !== undefined);
      const wanted = expected({ minutes, hours, days, isDay }, found, year);
      const cron = parseCron(text);
      const cycles: Cycle[] = [];
      for (let date = Date.UTC(year, 0, 1) / MINUTE - DAY; date < Date.UTC(year + 1, 0, 1) / MINUTE; date += DAY) {
        const those = cyclesOn({ cron, timeZone }, new Date(date * MINUTE));
        for (const [place, cycle] of those.entries()) {
          assert.equal(cycle.number, place + 1);
          assert.ok(place === 0 || cycle.instant.getTime() > (those[place - 1]?.instant.getTime() ?? 0), `${text} ${timeZone} goes back`);
        }
        cycles.push(...those);
      }
      // The first day of the walk may take over from one before it, and the last may leave to one after it.
      const inYear = (minute: number) => minute >= Date.UTC(year, 0, 2) / MINUTE && minute < Date.UTC(year, 11, 31) / MINUTE;
      const got = cycles.map(({ instant, due }) => [instant.getTime() / MINUTE, due] as const).filter(([minute]) => inYear(minute));
      const should = [...wanted].filter(([minute]) => inYear(minute));
      const order = (left: readonly [number, boolean], right: readonly [number, boolean]) => left[0] - right[0];
      assert.deepEqual(got.toSorted(order), should.toSorted(order), `${text} ${timeZone}`);
      for (const { wall, instant } of cycles) if (inYear(instant.getTime() / MINUTE)) assert.equal(found.shown[instant.getTime() / MINUTE - found.from], wall.getTime() / MINUTE);
    }),
    { numRuns: 70 },
  );
});

test('the next run and the cycle before, of any moment of the year', () => {
  fc.assert(
    fc.property(fc.constantFrom(...places), clock, dates, fc.array(fc.integer({ min: 10 * DAY, max: 330 * DAY }), { minLength: 1, maxLength: 3 }), ([timeZone, year], { minutes, hours }, { days, isDay }, moments) => {
      const found = walks.get(timeZone);
      assert.ok(found !== undefined);
      const wanted = expected({ minutes, hours, days, isDay }, found, year);
      const trigger = { cron: parseCron(`0 ${minutes.join(',')} ${hours.join(',')} ${days}`), timeZone };
      for (const moment of moments) {
        const at = Date.UTC(year, 0, 1) / MINUTE + moment;
        let [next, previous] = [Infinity, -Infinity];
        for (const [minute, due] of wanted) {
          if (due && minute > at && minute < next) next = minute;
          if (minute < at && minute > previous) previous = minute;
        }
        // A 31st may be in the year after.
        if (next < Infinity) assert.equal((nextDue(trigger, new Date(at * MINUTE))?.getTime() ?? 0) / MINUTE, next);
        assert.equal((previousCycle(trigger, new Date(at * MINUTE))?.instant.getTime() ?? 0) / MINUTE, previous);
      }
    }),
    { numRuns: 40 },
  );
});
