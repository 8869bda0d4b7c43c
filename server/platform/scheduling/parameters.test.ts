import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addDays, instantOf, readWallTime, wallTimeOf } from './calendar.ts';
import { evaluate, evaluateAll, readParameterText } from './parameters.ts';
import { readSettings, timeOfDay } from './settings.ts';

const wall = (text: string) => readWallTime(text) ?? assert.fail(text);
const times = { bizdate: wall('2026-03-21'), cyctime: wall('2026-03-22 14:30:00'), now: wall('2026-03-22 14:31:07') };

test('expressions have the values of the vendor for a run at 2026-03-22 14:30:00', () => {
  const expected: Readonly<Record<string, string>> = {
    $bizdate: '20260321',
    $yyyymmdd: '20260321',
    '$yyyy/$mm/$dd': '2026/03/21',
    $cyctime: '20260322143000',
    $gmtdate: '20260322',
    '$[yyyymmdd]': '20260322',
    '$[yyyy-mm-dd]': '2026-03-22',
    '$[yyyy-mm-dd-1]': '2026-03-21',
    '$[yyyymmdd-1]': '20260321',
    '$[yyyymmdd+7]': '20260329',
    '$[yyyymmdd+7*2]': '20260405',
    '$[yyyymm-1]': '202602',
    '$[yyyy-1]': '2025',
    '$[hh24]': '14',
    '$[hh24miss]': '143000',
    '$[hh24:mi:ss]': '14:30:00',
    '$[hh24-1]': '13',
    '$[hh24miss-1/24]': '133000',
    '$[hh24miss-15/24/60]': '141500',
    '$[add_months(yyyymmdd,-1)]': '20260222',
    '${yyyymmdd}': '20260321',
    '${yyyymmdd-1}': '20260320',
    '${yyyymm-3}': '202512',
    'part_$[yyyymmdd-1]_${yyyy}': 'part_20260321_2026',
    // No expressions: they stay.
    '${name}': '${name}',
    '$[]': '$[]',
    '$other $1': '$other $1',
    '$[yyyy+99999]': '$[yyyy+99999]',
  };
  for (const [text, value] of Object.entries(expected)) assert.equal(evaluate(text, times), value, text);
});

test('a month that is shorter ends on its last day', () => {
  assert.equal(evaluate('$[add_months(yyyymmdd,-1)]', { ...times, cyctime: wall('2026-03-31') }), '20260228');
});

test('a parameter text becomes parameters; what is given replaces and joins them', () => {
  const own = readParameterText(`day=$[yyyymmdd-1] city="two words" plain $[yyyy-mm-dd hh24:mi:ss]`);
  assert.deepEqual(own.map(({ name, value }) => [name, value]), [['day', '$[yyyymmdd-1]'], ['city', 'two words'], [null, 'plain'], [null, '$[yyyy-mm-dd hh24:mi:ss]']]);
  const given = [{ name: 'day', type: 'System', value: '20200101' }, { name: 'more', type: 'System', value: '$bizdate' }];
  assert.deepEqual(evaluateAll(own, given, times).map(({ value }) => value), ['20200101', 'two words', 'plain', '2026-03-22 14:30:00', '20260321']);
  assert.deepEqual(evaluateAll([{ name: 'a', type: 'Constant', value: '$bizdate' }], [], times), [{ name: 'a', value: '$bizdate' }]);
});

test('the wall clock and the instant belong together in every zone, over changes of the clock', () => {
  const at = (text: string, zone: string) => instantOf(wall(text), zone).toISOString();
  assert.equal(at('2026-03-21', 'Asia/Shanghai'), '2026-03-20T16:00:00.000Z');
  // Berlin skips 02:00-03:00 on 29 March and has 02:00-03:00 twice on 25 October 2026.
  assert.equal(at('2026-03-29 01:59:59', 'Europe/Berlin'), '2026-03-29T00:59:59.000Z');
  assert.equal(at('2026-03-29 02:30:00', 'Europe/Berlin'), '2026-03-29T01:30:00.000Z');
  assert.equal(at('2026-10-25 02:30:00', 'Europe/Berlin'), '2026-10-25T00:30:00.000Z');
  for (const zone of ['Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu']) {
    for (let day = wall('2026-01-01 12:00:00'), count = 0; count < 365; day = addDays(day, 1), count += 1) assert.equal(wallTimeOf(instantOf(day, zone), zone).getTime(), day.getTime());
  }
  for (const text of ['2026-02-30', '2026-13-01', '2026-1-1', 'today', '', '2026-01-01 24:00:00']) assert.equal(readWallTime(text), undefined, text);
});

test('settings come from a FlowSpec node; what is wrong or absent gets the default', () => {
  const full = readSettings({
    priority: 8,
    rerunMode: 'FailureAllowed',
    rerunTimes: 3,
    rerunInterval: 1000,
    timeout: 2,
    timeoutUnit: 'HOURS',
    recurrence: 'Skip',
    trigger: { type: 'Scheduler', cron: '00 30 05 * * ?' },
    script: { parameters: [{ name: 'a', type: 'System', value: '$bizdate' }, { type: 'NoKvVariableExpression', value: '1 x=2' }, { bad: true }] },
  });
  assert.deepEqual([full.priority, full.rerunMode, full.rerunTimes, full.rerunIntervalMs, full.timeoutSeconds, full.recurrence, full.cron], [8, 'FailureAllowed', 3, 1000, 7200, 'Skip', '00 30 05 * * ?']);
  assert.deepEqual(full.parameters.map(({ name, value }) => [name, value]), [['a', '$bizdate'], [null, '1'], ['x', '2']]);
  const none = readSettings({ priority: 'high', rerunMode: 3, timeout: -1, trigger: 'daily', script: [] });
  assert.deepEqual([none.priority, none.rerunMode, none.rerunTimes, none.timeoutSeconds, none.recurrence, none.cron], [1, 'Allowed', 0, 4 * 3600, 'Normal', null]);
  assert.equal(readSettings({ strategy: { priority: 5 } }).priority, 5);
  assert.deepEqual(['00 30 05 * * ?', '0 */5 * * * ?', null, '0 0 25 * * ?'].map(timeOfDay), [19_800_000, 0, 0, 0]);
});
