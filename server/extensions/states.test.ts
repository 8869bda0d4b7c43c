import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attachmentStates,
  breakerStates,
  checkStates,
  extensionState,
  extensionStates,
  extensionStatus,
  holdStates,
  next,
  processStatus,
  stepRights,
  weigh,
  worst,
  type HoldState,
  type Transitions,
} from './states.ts';

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
  walk(extensionStates, ['edit', 'submit', 'withdraw', 'approve', 'reject', 'publish', 'disable', 'delete'], [
    'Testing edit Testing',
    'Testing submit Processing',
    'Testing publish Published',
    'Testing disable Disabled',
    'Testing delete Deleted',
    'Processing approve Approved',
    'Processing reject ApproveFailed',
    'Processing withdraw Testing',
    'Approved edit Testing',
    'Approved publish Published',
    'Approved disable Disabled',
    'ApproveFailed edit Testing',
    'ApproveFailed disable Disabled',
    'ApproveFailed delete Deleted',
    'Published edit Published',
    'Published disable Disabled',
    'Disabled edit Testing',
    'Disabled publish Published',
    'Disabled delete Deleted',
  ]);
});

test('only a review needs somebody else than who submitted', () => {
  assert.deepEqual(Object.entries(stepRights).flatMap(([step, who]) => (who === 'other-writer' ? [step] : [])), ['approve', 'reject']);
});

test('the life of a hold has these edges and no others', () => {
  walk(holdStates, ['pass', 'block', 'ask', 'cancel', 'refuse'], [
    'CHECKING pass PASSED',
    'CHECKING block BLOCKED',
    'CHECKING ask APPROVING',
    'CHECKING cancel CANCELED',
    'APPROVING pass PASSED',
    'APPROVING block BLOCKED',
    'APPROVING cancel CANCELED',
    'PASSED refuse BLOCKED',
  ]);
  assert.deepEqual(['CHECKING', 'APPROVING', 'PASSED', 'BLOCKED', 'CANCELED'].map((state) => processStatus(state as HoldState)), ['CHECKING', 'CHECKING', 'PASSED', 'BLOCKED', 'BLOCKED']);
});

test('only a waiting check moves', () => {
  walk(checkStates, ['answer', 'expire', 'fail', 'skip', 'override', 'release'], [
    'WAITING answer ANSWERED',
    'WAITING expire EXPIRED',
    'WAITING fail FAILED',
    'WAITING skip SKIPPED',
    'WAITING override OVERRIDDEN',
    'WAITING release RELEASED',
  ]);
});

test('the life of an attachment has these edges and no others: shadow reaches enforcing over warning only', () => {
  walk(attachmentStates, ['shadow', 'warn', 'enforce', 'disable'], [
    'Off shadow Shadow',
    'Off warn Warn',
    'Off enforce Enforce',
    'Shadow warn Warn',
    'Shadow disable Off',
    'Warn shadow Shadow',
    'Warn enforce Enforce',
    'Warn disable Off',
    'Enforce shadow Shadow',
    'Enforce warn Warn',
    'Enforce disable Off',
  ]);
});

test('a breaker has these edges and no others', () => {
  walk(breakerStates, ['trip', 'probe', 'recover'], ['CLOSED trip OPEN', 'OPEN probe HALF_OPEN', 'OPEN recover CLOSED', 'HALF_OPEN probe HALF_OPEN', 'HALF_OPEN recover CLOSED', 'HALF_OPEN trip OPEN']);
});

test('an outcome weighs what the mode lets it weigh', () => {
  assert.deepEqual((['OK', 'WARN', 'ASK', 'FAIL'] as const).map((outcome) => [weigh('SHADOW', outcome), weigh('WARN', outcome), weigh('ENFORCE', outcome)]), [
    ['OK', 'OK', 'OK'],
    ['OK', 'WARN', 'WARN'],
    ['OK', 'WARN', 'ASK'],
    ['OK', 'WARN', 'FAIL'],
  ]);
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
