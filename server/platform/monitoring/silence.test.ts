import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHistory } from '../scheduling/history.ts';
import { silenceEnd } from './silence.ts';

const shanghai = createHistory({ timeZone: 'Asia/Shanghai' });

const end = (now: string, start: string | null, stop: string | null, history = shanghai) => silenceEnd(history, new Date(now), start, stop)?.toISOString();

test('a silence within a day', () => {
  assert.equal(end('2026-03-20T03:59:59Z', '12:00', '13:30'), undefined);
  assert.equal(end('2026-03-20T04:00:00Z', '12:00', '13:30'), '2026-03-20T05:30:00.000Z');
  assert.equal(end('2026-03-20T05:30:00Z', '12:00', '13:30'), undefined);
});

test('a silence over midnight ends on the next day', () => {
  assert.equal(end('2026-03-20T13:59:00Z', '22:00', '06:00'), undefined);
  assert.equal(end('2026-03-20T14:00:00Z', '22:00', '06:00'), '2026-03-20T22:00:00.000Z');
  assert.equal(end('2026-03-20T16:00:00Z', '22:00', '06:00'), '2026-03-20T22:00:00.000Z');
  assert.equal(end('2026-03-20T22:00:00Z', '22:00', '06:00'), undefined);
});

test('no silence, or one without length, keeps nothing back', () => {
  assert.equal(end('2026-03-20T14:00:00Z', null, null), undefined);
  assert.equal(end('2026-03-20T14:00:00Z', '22:00', '22:00'), undefined);
});

test('where the clock is changed in the silence, it ends when the wall says so', () => {
  const berlin = createHistory({ timeZone: 'Europe/Berlin' });
  assert.equal(end('2026-03-28T23:30:00Z', '22:00', '06:00', berlin), '2026-03-29T04:00:00.000Z');
});
