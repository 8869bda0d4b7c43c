import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from './clock.ts';
import { createLoop } from './loop.ts';

/** Lets what hangs on settled promises go on. */
const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));

test('a round follows after the pause that the last one named, or when the loop is woken', async () => {
  const clock = manualClock(new Date(0));
  let rounds = 0;
  const loop = createLoop(clock, async () => ((rounds += 1) < 3 ? 100 : undefined));
  loop.wake();
  await settled();
  assert.equal(rounds, 0, 'not before it is started');
  loop.start();
  await settled();
  assert.equal(rounds, 1);
  clock.advance(99);
  await settled();
  assert.equal(rounds, 1);
  loop.wake();
  await settled();
  assert.equal(rounds, 2);
  clock.advance(99);
  await settled();
  assert.equal(rounds, 2, 'the pause begins anew with each round');
  clock.advance(1);
  await settled();
  assert.equal(rounds, 3);
  clock.advance(1_000_000);
  await settled();
  assert.equal(rounds, 3, 'without a pause it waits to be woken');
  loop.wake();
  await settled();
  assert.equal(rounds, 4);
});

test('rounds come one at a time: however often it is woken meanwhile, one follows', async () => {
  const clock = manualClock(new Date(0));
  const ends: (() => void)[] = [];
  const loop = createLoop(clock, () => new Promise((resolve) => void ends.push(() => resolve(undefined))));
  loop.start();
  for (let times = 0; times < 3; times += 1) loop.wake();
  assert.equal(ends.length, 1);
  ends[0]?.();
  await settled();
  assert.equal(ends.length, 2);
  ends[1]?.();
  await settled();
  assert.equal(ends.length, 2);
});

test('a stop waits for the round under way and none follows it, until it is started again', async () => {
  const clock = manualClock(new Date(0));
  const ends: (() => void)[] = [];
  const loop = createLoop(clock, () => new Promise((resolve) => void ends.push(() => resolve(100))));
  loop.start();
  loop.wake();
  let ended = false;
  const stopping = loop.stop().then(() => (ended = true));
  assert.equal(loop.stopped(), true);
  await settled();
  assert.equal(ended, false);
  ends[0]?.();
  await stopping;
  clock.advance(1_000);
  loop.wake();
  await settled();
  assert.equal(ends.length, 1);
  loop.start();
  assert.equal(ends.length, 2);
});
