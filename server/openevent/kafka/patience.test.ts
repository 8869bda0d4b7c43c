import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../kernel/clock.ts';
import { patiently } from './patience.ts';

/** A clock on which waiting takes no time. */
function quickClock(): Clock {
  let now = 0;
  return {
    now: () => new Date(now),
    after(ms, action) {
      now += ms;
      queueMicrotask(action);
      return () => {};
    },
  };
}

test('what fails for a moment is tried again, and what fails for long is told', async () => {
  let tries = 0;
  const third = async () => {
    tries += 1;
    if (tries < 3) throw new Error(`away ${tries}`);
    return 'there';
  };
  assert.equal(await patiently(quickClock(), 8_000, third), 'there');
  tries = -100;
  await assert.rejects(patiently(quickClock(), 1_000, third), /away -9\d/);
});
