import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from './clock.ts';
import { silentLog } from './log.ts';
import { periodic } from './periodic.ts';

/** Lets what hangs on settled promises go on. */
const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));

test('rounds follow each other, a failed one too, and none follows a stop', async () => {
  const clock = manualClock(new Date(0));
  let rounds = 0;
  const service = periodic({
    name: 'counting',
    everyMs: 100,
    clock,
    log: silentLog,
    async round() {
      rounds += 1;
      if (rounds === 1) throw new Error('once');
    },
  });
  await service.start();
  for (let step = 0; step < 3; step += 1) {
    clock.advance(100);
    await settled();
  }
  assert.equal(rounds, 3);
  await service.stop();
  clock.advance(1_000);
  assert.equal(rounds, 3);
});

test('a stop waits for the round under way, which plans no other', async () => {
  const clock = manualClock(new Date(0));
  const { promise, resolve } = Promise.withResolvers<void>();
  let rounds = 0;
  const service = periodic({ name: 'waiting', everyMs: 100, clock, log: silentLog, round: () => ((rounds += 1), promise) });
  await service.start();
  clock.advance(100);
  let ended = false;
  const stopping = service.stop().then(() => (ended = true));
  await settled();
  assert.equal(ended, false);
  resolve();
  await stopping;
  clock.advance(1_000);
  assert.equal(rounds, 1);
});
