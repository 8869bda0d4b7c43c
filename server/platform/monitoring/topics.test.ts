import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextStatus } from './topics.ts';

test('where a topic goes', () => {
  const at = new Date('2026-03-20T17:00:00Z');
  const later = new Date('2026-03-20T18:00:00Z');
  const error = { type: 'ERROR' as const, status: 'NEW' as const, happened_at: at };
  assert.equal(nextStatus(error, { status: 'Failure', finished_at: at }), undefined);
  assert.equal(nextStatus(error, { status: 'Running', finished_at: null }), 'FIXING');
  assert.equal(nextStatus({ ...error, status: 'FIXING' }, { status: 'Running', finished_at: null }), undefined);
  assert.equal(nextStatus(error, { status: 'Success', finished_at: later }), 'RECOVER');
  assert.equal(nextStatus(error, { status: 'Failure', finished_at: later }), 'RECOVER');
  assert.equal(nextStatus(error, undefined), 'RECOVER');
  const slow = { type: 'SLOW' as const, status: 'NEW' as const, happened_at: at };
  assert.equal(nextStatus(slow, { status: 'Running', finished_at: null }), undefined);
  assert.equal(nextStatus(slow, { status: 'Failure', finished_at: later }), 'RECOVER');
});
