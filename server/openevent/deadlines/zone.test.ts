import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTimeZone, nextWindow, readTime } from './zone.ts';

const window = (after: string, due: string, start: string, zone: string) => {
  const { from, due: end, businessDate } = nextWindow(new Date(after), due, start, zone);
  return [from.toISOString(), end.toISOString(), businessDate];
};

test('the next window of a time of day, in its zone', () => {
  assert.deepEqual(window('2026-12-01T00:00:00Z', '06:00', '00:00', 'UTC'), ['2026-12-01T00:00:00.000Z', '2026-12-01T06:00:00.000Z', '2026-11-30']);
  assert.deepEqual(window('2026-12-01T06:00:00Z', '06:00', '00:00', 'UTC'), ['2026-12-02T00:00:00.000Z', '2026-12-02T06:00:00.000Z', '2026-12-01']);
  assert.deepEqual(window('2026-12-01T00:00:00Z', '06:30', '01:15', 'Asia/Shanghai'), ['2026-12-01T17:15:00.000Z', '2026-12-01T22:30:00.000Z', '2026-12-01']);
  assert.deepEqual(window('2026-12-31T23:59:00Z', '23:58', '00:00', 'America/New_York'), ['2026-12-31T05:00:00.000Z', '2027-01-01T04:58:00.000Z', '2026-12-30']);
});

test('days on which the clocks change', () => {
  // Berlin, 29 March 2026: 02:00 becomes 03:00; 25 October 2026: 03:00 becomes 02:00.
  assert.deepEqual(window('2026-03-28T23:30:00Z', '06:00', '00:00', 'Europe/Berlin'), ['2026-03-28T23:00:00.000Z', '2026-03-29T04:00:00.000Z', '2026-03-28']);
  assert.deepEqual(window('2026-03-28T23:30:00Z', '02:30', '00:00', 'Europe/Berlin')[1], '2026-03-29T01:30:00.000Z');
  assert.deepEqual(window('2026-10-24T22:30:00Z', '02:30', '00:00', 'Europe/Berlin')[1], '2026-10-25T00:30:00.000Z');
  assert.deepEqual(window('2026-10-25T00:30:00Z', '02:30', '00:00', 'Europe/Berlin')[1], '2026-10-26T01:30:00.000Z');
});

test('what is a time of day and what a time zone', () => {
  assert.deepEqual(['06:00', '23:59', '24:00', '6:00', '06:60', ''].map(readTime), [360, 1439, undefined, undefined, undefined, undefined]);
  assert.deepEqual(['UTC', 'Asia/Shanghai', 'Mars/Olympus', ''].map(isTimeZone), [true, true, false, false]);
});
