import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCron } from './cron.ts';
import { cyclesOn, nextDue, previousCycle } from './cycles.ts';

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
