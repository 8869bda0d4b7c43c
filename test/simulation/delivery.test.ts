import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { deliveryWorld } from './delivery.ts';

/** More by hand: `npm run simulate -- --seed 1 --minutes 10 --only delivery`. */
const count = Number(process.env['MILLRACE_SIMULATIONS'] ?? 10);
const first = Number(process.env['MILLRACE_SEED'] ?? 1);

const world = await deliveryWorld();
after(world.close);

test('whatever targets and engines do: every event arrives at every target, in the order of its object, under one id, and a healthy target waits for nobody', async () => {
  const sums = { events: 0, again: 0, kills: 0 };
  for (let seed = first; seed < first + count; seed += 1) {
    const report = await world.simulate(seed);
    assert.deepEqual(report.faults, []);
    for (const name of ['events', 'again', 'kills'] as const) sums[name] += report[name];
  }
  if (count >= 10) for (const [name, sum] of Object.entries(sums)) assert.ok(sum > count / 2, `${sum} ${name} in ${count} histories`);
});
