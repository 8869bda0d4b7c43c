import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { addDays, startOfDay } from './calendar.ts';
import { parseCron } from './cron.ts';
import { cyclesOn, nextDue, previousCycle, type Cycle } from './cycles.ts';

const MINUTE = 60_000;

interface Shown {
  readonly instant: number;
  /** Year, month, day, hour, minute and weekday as the platform's own calendar tells them. */
  readonly date: string;
  readonly hour: number;
  readonly minute: number;
  readonly weekday: string;
}

const years = new Map<string, Shown[]>();

/** Every real quarter of an hour of a year (and a day around it) as the platform shows it: the reckoning that the schedule is held against. */
function yearOf(timeZone: string, year: number): Shown[] {
  const key = `${timeZone} ${year}`;
  let found = years.get(key);
  if (found === undefined) {
    const format = new Intl.DateTimeFormat('en-GB', { timeZone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', weekday: 'short' });
    found = [];
    for (let instant = Date.UTC(year, 0, 1) - 24 * 60 * MINUTE; instant < Date.UTC(year + 1, 0, 2); instant += 15 * MINUTE) {
      const parts = new Map(format.formatToParts(instant).map((part) => [part.type, part.value]));
      found.push({ instant, date: `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`, hour: Number(parts.get('hour')), minute: Number(parts.get('minute')), weekday: (parts.get('weekday') ?? '').toUpperCase() });
    }
    years.set(key, found);
  }
  return found;
}

/** All cycles of a year by the scheduler's reckoning, day by day. */
function cyclesOfYear(cron: string, timeZone: string, year: number): Cycle[] {
  const parsed = parseCron(cron);
  return Array.from({ length: 366 }, (_, place) => addDays(new Date(Date.UTC(year, 0, 1)), place))
    .filter((day) => day.getUTCFullYear() === year)
    .flatMap((day) => cyclesOn({ cron: parsed, timeZone }, day));
}

/** The same year by walking every quarter of an hour that there really was. */
function walked(timeZone: string, year: number, hours: readonly number[], minute: number, weekdays: readonly string[] | undefined): number[] {
  const shown = yearOf(timeZone, year).filter(({ date }) => date.startsWith(String(year)));
  const due = (one: Shown) => weekdays === undefined || weekdays.includes(one.weekday);
  const everyHour = hours.length === 24;
  const expected = new Set<number>();
  for (const [date, day] of Map.groupBy(shown, (one) => one.date)) {
    const first = day[0];
    if (first === undefined || !due(first)) continue;
    for (const hour of hours) {
      const hits = day.filter((one) => one.hour === hour && one.minute === minute);
      if (hits.length > 0) for (const hit of everyHour ? hits : hits.slice(0, 1)) expected.add(hit.instant);
      else {
        // Skipped: so much later as the clock jumped, if that is still the same day.
        const later = day.find((one) => one.hour * 60 + one.minute > hour * 60 + minute);
        const before = day.findLast((one) => one.hour * 60 + one.minute < hour * 60 + minute && (later === undefined || one.instant < later.instant));
        const gap = later === undefined ? undefined : later.hour * 60 + later.minute - (before === undefined ? 0 : before.hour * 60 + before.minute + 15);
        const moved = later === undefined || gap === undefined ? undefined : day.find((one) => one.hour * 60 + one.minute === hour * 60 + minute + gap && one.instant >= later.instant);
        if (moved !== undefined) expected.add(moved.instant);
      }
    }
    assert.ok(date.length === 10);
  }
  return [...expected].toSorted((a, b) => a - b);
}

const ZONES: readonly (readonly [string, number])[] = [['America/New_York', 2026], ['Europe/Berlin', 2026], ['Australia/Lord_Howe', 2026], ['Asia/Shanghai', 2026], ['Pacific/Apia', 2011], ['America/Sao_Paulo', 2017], ['Africa/Casablanca', 2026]];

test('a year in zones whose clocks are changed: every cycle at the right instant, none missing, none twice', () => {
  const weekdays = fc.option(fc.uniqueArray(fc.constantFrom('MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'), { minLength: 1 }), { nil: undefined });
  const hours = fc.oneof(fc.constant(Array.from({ length: 24 }, (_, hour) => hour)), fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { minLength: 1, maxLength: 6 }), fc.constantFrom([0], [1], [2], [3], [1, 2, 3]));
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), hours, fc.constantFrom(0, 15, 30, 45), weekdays, ([timeZone, year], chosen, minute, days) => {
      const sorted = chosen.toSorted((a, b) => a - b);
      const cron = `0 ${minute} ${sorted.join(',')} ${days === undefined ? '* * ?' : `? * ${days.join(',')}`}`;
      const cycles = cyclesOfYear(cron, timeZone, year);
      assert.deepEqual(cycles.filter(({ due }) => due).map(({ instant }) => instant.getTime()), walked(timeZone, year, sorted, minute, days), `${cron} ${timeZone}`);
      for (const [place, cycle] of cycles.entries()) assert.ok(place === 0 || cycle.instant.getTime() > (cycles[place - 1]?.instant.getTime() ?? 0), `${cron} ${timeZone} goes back`);
      for (const [, day] of Map.groupBy(cycles, (cycle) => startOfDay(cycle.wall).getTime())) assert.deepEqual(day.map(({ number }) => number), day.map((_, place) => place + 1));
    }),
    { numRuns: 150 },
  );
});

test('hours are real hours: 23 and 25 of them where the clock is changed, and a daily run stays daily', () => {
  const hourly = parseCron('0 0 * * * ?');
  const daily = parseCron('0 30 2 * * ?');
  const on = (cron: typeof hourly, day: string) => cyclesOn({ cron, timeZone: 'America/New_York' }, new Date(`${day}T00:00:00Z`)).map(({ instant }) => instant.toISOString());
  assert.equal(on(hourly, '2026-03-08').length, 23);
  assert.equal(on(hourly, '2026-11-01').length, 25);
  assert.deepEqual(on(daily, '2026-03-08'), ['2026-03-08T07:30:00.000Z']);
  assert.deepEqual(on(parseCron('0 30 1 * * ?'), '2026-11-01'), ['2026-11-01T05:30:00.000Z']);
  assert.deepEqual(cyclesOn({ cron: daily, timeZone: 'Pacific/Apia' }, new Date('2011-12-30T00:00:00Z')), []);
});

test('cycles keep to the range of the schedule, and the next one is found', () => {
  const trigger = { cron: parseCron('0 0 12 * * ?'), timeZone: 'UTC', startTime: new Date('2026-01-02T12:00:00Z'), endTime: new Date('2026-01-03T12:00:00Z') };
  const count = (day: string) => cyclesOn(trigger, new Date(`${day}T00:00:00Z`)).length;
  assert.deepEqual(['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04'].map(count), [0, 1, 1, 0]);
  assert.equal(nextDue(trigger, new Date('2025-06-01T00:00:00Z'))?.toISOString(), '2026-01-02T12:00:00.000Z');
  assert.equal(nextDue(trigger, new Date('2026-01-03T12:00:00Z')), undefined);
  assert.equal(nextDue({ cron: parseCron('0 0 0 29 2 ?'), timeZone: 'Europe/Berlin' }, new Date('2026-01-01T00:00:00Z'))?.toISOString(), '2028-02-28T23:00:00.000Z');
});

test('a change of the clock over midnight loses nothing: a moved time stays a cycle of its day, and what was due on a day left out is due on the next', () => {
  const on = (cron: string, timeZone: string, day: string) => cyclesOn({ cron: parseCron(cron), timeZone }, new Date(`${day}T00:00:00Z`)).map(({ instant, due, number }) => [number, instant.toISOString().slice(0, 16), due]);
  // In Nuuk 23:00 of the 30th is followed by 00:00 of the 31st; in Apia the 30th, a Friday, was left out.
  assert.deepEqual(on('0 30 23 * * ?', 'America/Nuuk', '2024-03-30'), [[1, '2024-03-31T01:30', true]]);
  assert.deepEqual(on('0 0 23 ? * SAT', 'America/Nuuk', '2024-03-30'), [[1, '2024-03-31T01:00', true]]);
  assert.deepEqual(on('0 0 0,23 ? * SAT', 'America/Nuuk', '2024-03-30'), [[1, '2024-03-30T02:00', true]]);
  assert.deepEqual(on('0 0 0,23 ? * SAT', 'America/Nuuk', '2024-03-31'), [[1, '2024-03-31T01:00', true], [2, '2024-04-01T00:00', false]]);
  assert.deepEqual(on('0 0 12 ? * FRI', 'Pacific/Apia', '2011-12-30'), []);
  assert.deepEqual(on('0 0 12 ? * FRI', 'Pacific/Apia', '2011-12-31'), [[1, '2011-12-30T22:00', true]]);
  assert.equal(nextDue({ cron: parseCron('0 0 12 ? * FRI'), timeZone: 'Pacific/Apia' }, new Date('2011-12-24T00:00:00Z'))?.toISOString(), '2011-12-30T22:00:00.000Z');
});

test('the next run of a daily schedule that is not for every month or year', () => {
  const next = (cron: string) => nextDue({ cron: parseCron(cron), timeZone: 'UTC' }, new Date('2026-03-01T00:00:00Z'))?.toISOString().slice(0, 10);
  assert.equal(next('0 0 0 * 1 ?'), '2027-01-01');
  assert.equal(next('0 0 0 * * ? 2030'), '2030-01-01');
  assert.equal(next('0 0 0 * * ? 2025'), undefined);
  assert.equal(next('0 0 0 29 2 ?'), '2028-02-29');
});

test('the cycle before a moment, within the range of the schedule', () => {
  const trigger = { cron: parseCron('0 0 6,18 ? * MON'), timeZone: 'Europe/Berlin', startTime: new Date('2026-03-28T00:00:00Z'), endTime: new Date('2026-04-01T00:00:00Z') };
  const before = (moment: string) => {
    const cycle = previousCycle(trigger, new Date(moment));
    return cycle === undefined ? undefined : `${cycle.instant.toISOString().slice(0, 16)} ${cycle.number} ${cycle.due}`;
  };
  assert.equal(before('2026-03-29T04:00:00Z'), '2026-03-28T17:00 2 false');
  assert.equal(before('2026-03-30T04:00:01Z'), '2026-03-30T04:00 1 true');
  assert.equal(before('2026-03-28T05:00:00Z'), undefined);
  assert.equal(before('2030-01-01T00:00:00Z'), '2026-03-31T16:00 2 false');
});
