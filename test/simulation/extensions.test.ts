import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './extensions.ts';

/** More with `MILLRACE_SIMULATIONS=200 node --test test/simulation/extensions.test.ts`; a single one again with MILLRACE_SEED. */
const count = Number(process.env['MILLRACE_SIMULATIONS'] ?? 4);
const first = Number(process.env['MILLRACE_SEED'] ?? 1);

test('no history of answers, deadlines, people and kills loses a hold, carries one out twice, or lets it outlive its deadline', async () => {
  const ways = new Map<string, number>();
  let kills = 0;
  let holds = 0;
  for (let seed = first; seed < first + count; seed += 1) {
    const report = await simulate(seed, 160);
    assert.deepEqual(report.faults, []);
    kills += report.kills;
    holds += report.holds;
    for (const [way, times] of Object.entries(report.ways)) ways.set(way, (ways.get(way) ?? 0) + times);
  }
  // A simulation in which nothing happens proves nothing.
  assert.ok(holds > 20 * count, `${holds} holds`);
  assert.ok(kills > count, `${kills} kills`);
  if (count >= 4) for (const state of ['ANSWERED', 'EXPIRED', 'FAILED', 'OVERRIDDEN', 'RELEASED']) assert.ok([...ways.keys()].some((way) => way.startsWith(state)), `no check was ${state}`);
  if (count > 4) console.log(`${count} histories: ${holds} holds, ${kills} kills`, Object.fromEntries(ways));
});

test('the simulation sees a server that forgets its deadlines', async () => {
  const { faults } = await simulate(first, 80, { withoutDeadlines: true });
  assert.ok(faults.some((fault) => /is still|that still waits/.test(fault)), faults.join('\n'));
});
