import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { schedulingWorld } from './scheduling.ts';

/** More by hand: `npm run simulate -- --seed 1 --minutes 10 --only scheduling`. */
const count = Number(process.env['MILLRACE_SIMULATIONS'] ?? 25);
const first = Number(process.env['MILLRACE_SEED'] ?? 1);

const world = await schedulingWorld();
after(world.close);

test('whatever workers die, sleep and come back: every instance runs after what it waits for, each run ends once, and a lost lease ends nothing', async () => {
  const sums = { runs: 0, deaths: 0, lost: 0, fenced: 0 };
  for (let seed = first; seed < first + count; seed += 1) {
    const report = await world.simulate(seed);
    assert.deepEqual(report.faults, []);
    for (const name of ['runs', 'deaths', 'lost', 'fenced'] as const) sums[name] += report[name];
  }
  // A simulation in which nothing happens proves nothing.
  if (count >= 25) for (const [name, sum] of Object.entries(sums)) assert.ok(sum > count / 4, `${sum} ${name} in ${count} histories`);
});
