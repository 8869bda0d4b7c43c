import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../kernel/errors.ts';
import { plans } from './plans.ts';
import { createThrottle } from './throttle.ts';

/** Takes until one is refused; the number taken and the wait that was named. */
function drain(take: () => void): { taken: number; waitMs: number | undefined } {
  for (let taken = 0; taken < 1_000; taken += 1) {
    try {
      take();
    } catch (error) {
      assert.ok(error instanceof ApiError && error.entry === 'Throttling.User');
      return { taken, waitMs: error.retryAfterMs };
    }
  }
  throw new Error('nothing was refused');
}

test('reads and writes of a plan have buckets of their own, each of one second', () => {
  const throttle = createThrottle();
  assert.equal(drain(() => throttle.take(1, 'r', 'read', plans.Enterprise, 0)).taken, 50);
  assert.deepEqual(drain(() => throttle.take(1, 'r', 'write', plans.Enterprise, 0)), { taken: 20, waitMs: 50 });
});

test('in plans with one rate reads and writes draw on the same bucket', () => {
  const throttle = createThrottle();
  for (const access of ['read', 'write', 'read', 'write', 'read'] as const) throttle.take(1, 'r', access, plans.Standard, 0);
  assert.equal(drain(() => throttle.take(1, 'r', 'write', plans.Standard, 0)).taken, 0);
});

test('the wait that is told is long enough, and one millisecond less is not', () => {
  const throttle = createThrottle();
  const { waitMs = 0 } = drain(() => throttle.take(1, 'r', 'read', plans.Basic, 0));
  assert.equal(waitMs, 200);
  assert.throws(() => throttle.take(1, 'r', 'read', plans.Basic, waitMs - 1));
  throttle.take(1, 'r', 'read', plans.Basic, waitMs);
});

test('tenants and regions do not take from each other, and an unlimited plan takes from nobody', () => {
  const throttle = createThrottle();
  drain(() => throttle.take(1, 'r', 'read', plans.Basic, 0));
  throttle.take(2, 'r', 'read', plans.Basic, 0);
  throttle.take(1, 's', 'read', plans.Basic, 0);
  for (let at = 0; at < 1_000; at += 1) throttle.take(1, 'r', 'read', plans.Unlimited, 0);
});

test('a clock that steps back gives no tokens and takes none', () => {
  const throttle = createThrottle();
  drain(() => throttle.take(1, 'r', 'read', plans.Basic, 10_000));
  assert.throws(() => throttle.take(1, 'r', 'read', plans.Basic, 5_000));
  throttle.take(1, 'r', 'read', plans.Basic, 5_200);
});
