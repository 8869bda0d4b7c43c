import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { addDays, addMonths, instantOf, instantsOf, readWallTime, wallTimeOf } from './calendar.ts';

function wall(text: string): Date {
  const read = readWallTime(text);
  assert.ok(read !== undefined, text);
  return read;
}

/** The wall clock as another form of Intl prints it. */
function printed(instant: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' }).format(instant);
}

const zones = ['UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Shanghai', 'Asia/Kathmandu', 'Pacific/Apia', 'Africa/Casablanca', 'Africa/Cairo', 'America/St_Johns', 'America/Nuuk', 'Pacific/Kiritimati', 'Europe/Dublin', '+08:00'];

test('The wall clock is that of Intl, at any instant of any zone', () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), fc.date({ min: new Date('1930-01-01T00:00:00Z'), max: new Date('2120-01-01T00:00:00Z'), noInvalidDate: true }), (timeZone, instant) => {
      const shown = wallTimeOf(instant, timeZone);
      assert.equal(shown.toISOString().slice(0, 19).replace('T', ' '), printed(instant, timeZone));
    }),
    { numRuns: 300 },
  );
});

test('An instant comes back from its wall clock, and a moved one shows the moved time', () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), fc.integer({ min: Date.UTC(2005, 0) / 1_000, max: Date.UTC(2030, 0) / 1_000 }), (timeZone, second) => {
      const instant = second * 1_000;
      const { instants } = instantsOf(wallTimeOf(new Date(instant), timeZone), timeZone);
      assert.ok(instants.some((one) => one.getTime() === instant));
      assert.deepEqual(instantOf(wallTimeOf(new Date(instant), timeZone), timeZone), instants[0]);
    }),
    { numRuns: 1_000 },
  );
});

test('A skipped time is moved on by the gap, and of two the first counts', () => {
  const cases = [
    ['America/New_York', '2026-03-08 02:30:00', '2026-03-08T07:30:00.000Z', 0],
    ['America/New_York', '2026-11-01 01:30:00', '2026-11-01T05:30:00.000Z', 2],
    ['Europe/Berlin', '2026-03-29 02:00:00', '2026-03-29T01:00:00.000Z', 0],
    ['Europe/Berlin', '2026-03-29 03:00:00', '2026-03-29T01:00:00.000Z', 1],
    ['Europe/Berlin', '2026-10-25 02:00:00', '2026-10-25T00:00:00.000Z', 2],
    ['Europe/Berlin', '2026-10-25 03:00:00', '2026-10-25T02:00:00.000Z', 1],
    ['Australia/Lord_Howe', '2026-10-04 02:10:00', '2026-10-03T15:40:00.000Z', 0],
    ['Australia/Lord_Howe', '2026-04-05 01:45:00', '2026-04-04T14:45:00.000Z', 2],
    ['Pacific/Apia', '2011-12-30 12:00:00', '2011-12-30T22:00:00.000Z', 0],
    ['Pacific/Apia', '2011-12-31 12:00:00', '2011-12-30T22:00:00.000Z', 1],
    ['America/St_Johns', '2010-11-06 23:30:00', '2010-11-07T02:00:00.000Z', 2],
  ] as const;
  for (const [timeZone, text, instant, count] of cases) {
    assert.equal(instantOf(wall(text), timeZone).toISOString(), instant, `${timeZone} ${text}`);
    const { instants, skipped } = instantsOf(wall(text), timeZone);
    assert.equal(skipped ? 0 : instants.length, count, `${timeZone} ${text}`);
  }
});

test('What is no date and no zone is a RangeError', () => {
  assert.throws(() => wallTimeOf(new Date(Number.NaN), 'UTC'), RangeError);
  assert.throws(() => wallTimeOf(new Date(), 'Nowhere/Land'), RangeError);
});

test('Months keep the day where they have it', () => {
  assert.deepEqual(addMonths(wall('2026-03-31 14:30:00'), -1), wall('2026-02-28 14:30:00'));
  assert.deepEqual(addMonths(wall('2024-01-31'), 1), wall('2024-02-29'));
  assert.deepEqual(addDays(wall('2026-12-31'), 1), wall('2027-01-01'));
  for (const text of ['2026-02-30', '2026-1-01', 'today', '2026-01-01 24:00:00']) assert.equal(readWallTime(text), undefined, text);
});
