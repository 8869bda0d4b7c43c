import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkStates, extensionState, extensionStates, extensionStatus, holdStates, next, worst, type Transitions } from './states.ts';

/** Every pair of state and step has either the target that stands here, or none. */
function walk<State extends string, Step extends string>(table: Transitions<State, Step>, steps: readonly Step[], edges: readonly string[]): void {
  const found: string[] = [];
  for (const state of Object.keys(table) as State[]) {
    for (const step of steps) {
      const target = next(table, state, step);
      if (target !== undefined) found.push(`${state} ${step} ${target}`);
    }
  }
  assert.deepEqual(found.toSorted(), edges.toSorted());
}

test('the life of an extension has these edges and no others', () => {
  walk(extensionStates, ['publish', 'disable', 'delete'], [
    'Testing publish Published',
    'Testing disable Disabled',
    'Testing delete Deleted',
    'Published disable Disabled',
    'Disabled publish Published',
    'Disabled delete Deleted',
    'Approved publish Published',
    'Approved disable Disabled',
    'ApproveFailed disable Disabled',
    'ApproveFailed delete Deleted',
  ]);
});

test('the life of a hold has these edges and no others', () => {
  walk(holdStates, ['pass', 'block', 'cancel', 'refuse'], ['CHECKING pass PASSED', 'CHECKING block BLOCKED', 'CHECKING cancel CANCELED', 'PASSED refuse BLOCKED']);
});

test('only a waiting check moves', () => {
  walk(checkStates, ['answer', 'expire', 'override', 'release'], ['WAITING answer ANSWERED', 'WAITING expire EXPIRED', 'WAITING override OVERRIDDEN', 'WAITING release RELEASED']);
});

test('the wire numbers are those of the contract, and 2 is none', () => {
  assert.deepEqual(extensionStatus, { Testing: 0, Published: 1, Disabled: 3, Processing: 4, Approved: 5, ApproveFailed: 6 });
  assert.equal(extensionState(4), 'Processing');
  assert.throws(() => extensionState(2), RangeError);
});

test('the worst verdict counts', () => {
  assert.equal(worst([]), 'OK');
  assert.equal(worst(['OK', 'WARN', 'OK']), 'WARN');
  assert.equal(worst(['WARN', 'FAIL', 'OK']), 'FAIL');
});
