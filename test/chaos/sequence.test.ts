import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditSequence } from './sequence.ts';

const log = ['a1', 'b1', 'a2', 'b2', 'a3'].map((id) => ({ id, key: id.slice(0, 1) }));

test('objects may overtake each other, and what comes again is counted', () => {
  const found = auditSequence(log, ['b1', 'b2', 'a1', 'a2', 'a1', 'a2', 'a3']);
  assert.deepEqual({ ...found }, { expected: 5, arrived: 7, missing: [], unknown: [], duplicates: 2, disorder: [] });
});

test('a gap, an event of nowhere, and one before an earlier one of its object are found', () => {
  assert.deepEqual(auditSequence(log, ['a1', 'b1', 'b2', 'a2']).missing, ['a3']);
  assert.deepEqual(auditSequence(log, ['a1', 'b1', 'x9', 'a2', 'b2', 'a3']).unknown, ['x9']);
  assert.deepEqual(auditSequence(log, ['a2', 'a1', 'b1', 'b2', 'a3']).disorder, ['a1']);
});
