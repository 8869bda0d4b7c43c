import assert from 'node:assert/strict';
import { test } from 'node:test';
import { criticalPath, forecast, type ForecastInstance } from './forecast.ts';

const waiting = (id: number, usualMs: number, triggerTime = 0): ForecastInstance => ({ id, usualMs, triggerTime, state: 'waiting' });

test('an instance begins at the latest of now, its time and the ends of its upstreams, and takes its usual time', () => {
  const expected = forecast([waiting(1, 10), waiting(2, 50, 120), waiting(3, 5)], [{ downstream: 3, upstream: 1 }, { downstream: 3, upstream: 2 }], 100);
  assert.deepEqual(expected.get(1), { begin: 100, end: 110, critical: undefined });
  assert.deepEqual(expected.get(2), { begin: 120, end: 170, critical: undefined });
  assert.deepEqual(expected.get(3), { begin: 170, end: 175, critical: 2 });
  assert.deepEqual(criticalPath(expected, 3), [{ id: 3, begin: 170, end: 175 }, { id: 2, begin: 120, end: 170 }]);
});

test('what has ended keeps its end, what runs ends when its usual time is over, or now when it should have ended', () => {
  const expected = forecast(
    [
      { id: 1, usualMs: 10, triggerTime: 0, state: 'ended', begunAt: 20, endedAt: 60 },
      { id: 2, usualMs: 50, triggerTime: 0, state: 'running', begunAt: 80 },
      { id: 3, usualMs: 10, triggerTime: 0, state: 'running', begunAt: 80 },
      { id: 4, usualMs: 10, triggerTime: 0, state: 'ended', endedAt: 70 },
    ],
    [{ downstream: 2, upstream: 1 }],
    100,
  );
  assert.deepEqual([1, 2, 3, 4].map((id) => expected.get(id)), [
    { begin: 20, end: 60, critical: undefined },
    { begin: 80, end: 130, critical: 1 },
    { begin: 80, end: 100, critical: undefined },
    { begin: 70, end: 70, critical: undefined },
  ]);
});

test('instances in a circle, and behind one, have no forecast; edges to others do not count', () => {
  const expected = forecast([waiting(1, 1), waiting(2, 1), waiting(3, 1), waiting(4, 1)], [{ downstream: 1, upstream: 2 }, { downstream: 2, upstream: 1 }, { downstream: 3, upstream: 2 }, { downstream: 4, upstream: 99 }], 0);
  assert.deepEqual([...expected.keys()], [4]);
  assert.deepEqual(criticalPath(expected, 1), []);
});
