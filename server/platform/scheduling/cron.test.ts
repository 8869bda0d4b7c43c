import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { addDays } from './calendar.ts';
import { CronFault, isDueOn, kindOf, occurrencesOn, parseCron } from './cron.ts';

/** The days of 2026 on which a cron is due, as MM-DD. */
function dueDays(text: string, year = 2026): string[] {
  const cron = parseCron(text);
  return Array.from({ length: 366 }, (_, place) => addDays(new Date(Date.UTC(year, 0, 1)), place))
    .filter((day) => day.getUTCFullYear() === year && isDueOn(cron, day))
    .map((day) => day.toISOString().slice(5, 10));
}

const times = (text: string) => occurrencesOn(parseCron(text), new Date('2026-03-21T00:00:00Z')).map((wall) => wall.toISOString().slice(11, 19));

test('times of a day: values, lists, ranges, steps', () => {
  assert.deepEqual(times('00 30 05 * * ?'), ['05:30:00']);
  assert.deepEqual(times('0 0 */6 * * ?'), ['00:00:00', '06:00:00', '12:00:00', '18:00:00']);
  assert.deepEqual(times('0 5/20 22-1 * * ?'), ['00:05:00', '00:25:00', '00:45:00', '01:05:00', '01:25:00', '01:45:00', '22:05:00', '22:25:00', '22:45:00', '23:05:00', '23:25:00', '23:45:00']);
  assert.deepEqual(times('0 10,20 8-10/2 * * ?'), ['08:10:00', '08:20:00', '10:10:00', '10:20:00']);
  assert.equal(times('0 * * * * ?').length, 1_440);
});

test('days: months, weeks, the last, the nearest, the n-th', () => {
  assert.deepEqual(dueDays('0 0 0 31 * ?'), ['01-31', '03-31', '05-31', '07-31', '08-31', '10-31', '12-31']);
  assert.deepEqual(dueDays('0 0 0 L JAN-MAR ?'), ['01-31', '02-28', '03-31']);
  assert.deepEqual(dueDays('0 0 0 L-2 2 ?'), ['02-26']);
  assert.deepEqual(dueDays('0 0 0 LW 1,5 ?'), ['01-30', '05-29']);
  // The 1st of February and of March 2026 are Sundays, the 1st of August is a Saturday.
  assert.deepEqual(dueDays('0 0 0 1W 2,3,8 ?'), ['02-02', '03-02', '08-03']);
  assert.deepEqual(dueDays('0 0 0 15W 3,8 ?'), ['03-16', '08-14']);
  assert.deepEqual(dueDays('0 0 0 ? 3 1'), ['03-02', '03-09', '03-16', '03-23', '03-30']);
  assert.deepEqual(dueDays('0 0 0 ? 3 FRI-MON').slice(0, 5), ['03-01', '03-02', '03-06', '03-07', '03-08']);
  assert.deepEqual(dueDays('0 0 0 ? 3 5L'), ['03-27']);
  assert.deepEqual(dueDays('0 0 0 ? 3 5#3'), ['03-20']);
  assert.deepEqual(dueDays('0 0 0 ? 3 MON#5,L'), ['03-01', '03-08', '03-15', '03-22', '03-29', '03-30']);
  assert.deepEqual(dueDays('0 0 0 29 2 ?', 2028), ['02-29']);
  assert.deepEqual(dueDays('0 0 0 1 1 ? 2027'), []);
  assert.deepEqual(dueDays('0 0 0 1 1 ? 2025-2027'), ['01-01']);
});

test('the kind of a schedule follows from its fields', () => {
  const kinds: Record<string, string> = { '0 */5 * * * ?': 'minute', '0 0 * * * ?': 'hour', '0 0 1,13 * * ?': 'hour', '0 5 1 * * ?': 'day', '0 5 1 ? * 2': 'week', '0 5 1 1,L * ?': 'month', '0 5 1 1 1 ?': 'year', '0 5 1 * 1 ?': 'day' };
  for (const [text, kind] of Object.entries(kinds)) assert.equal(kindOf(parseCron(text)), kind, text);
});

test('what is no schedule is refused with the field and the reason', () => {
  const faults: [string, RegExp][] = [
    ['', /has 0 fields/],
    ['every day', /has 2 fields/],
    ['0 0 0 31 2 ?', /never be due/],
    ['0 0 0 29 2 ? 2027', /never be due/],
    ['0 0 0 30 2 ?', /never be due/],
    ['60 0 0 * * ?', /second "60" is not between 0 and 59/],
    ['0 0 24 * * ?', /hour "24"/],
    ['0 0 0 0 * ?', /day of the month "0"/],
    ['0 0 0 * 13 ?', /month "13"/],
    ['0 0 0 ? * 8', /day of the week "8"/],
    ['0 0 0 ? * MON#6', /no month has/],
    ['0 0 0 1 * 2', /both restrict/],
    ['? 0 0 * * ?', /may not be \?/],
    ['0 */0 0 * * ?', /step of 0/],
    ['0 a-b 0 * * ?', /cannot be read/],
    ['0 0 0 1--3 * ?', /cannot be read/],
    ['x'.repeat(300), /longer than/],
  ];
  for (const [text, message] of faults) assert.throws(() => parseCron(text), (error: unknown) => error instanceof CronFault && message.test(error.message), text);
  assert.throws(() => parseCron('0/30 * * * * ?', { minimumMinutes: 1 }), /more often than every 1 minutes/);
  assert.throws(() => parseCron('0 59,0 23,0 * * ?', { minimumMinutes: 5 }), /more often/);
  assert.doesNotThrow(() => parseCron('0 */5 * * * ?', { minimumMinutes: 5 }));
});

test('any text is a schedule or a fault that is told', () => {
  const part = fc.array(fc.constantFrom('*', '?', '0', '5', '31', '99', '-', ',', '/', 'L', 'W', '#', 'MON', 'FEB', '2099'), { maxLength: 5 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.string({ maxLength: 300 }), fc.array(part, { minLength: 5, maxLength: 8 }).map((parts) => parts.join(' '))), (text) => {
      try {
        occurrencesOn(parseCron(text), new Date('2026-03-21T00:00:00Z'));
      } catch (error) {
        assert.ok(error instanceof CronFault);
      }
    }),
    { numRuns: 3_000 },
  );
});
