import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { extensionsWorld } from './extensions.ts';
import { repeats, runSeeds } from './seeds.ts';

const world = await extensionsWorld();
const forgetful = await extensionsWorld({ withoutDeadlines: true });
after(() => Promise.all([world.close(), forgetful.close()]));

test('no history of answers, deadlines, people and kills loses a hold, carries one out twice, or lets it outlive its deadline', async () => {
  await runSeeds('extensions', world, 200, {});
});

test('a seed repeats the choices', () => repeats(world, 7));

test('the simulation sees a server that forgets its deadlines', async () => {
  const faults: string[] = [];
  for (let seed = 1; faults.length === 0 && seed <= 5; seed += 1) faults.push(...(await forgetful.simulate(seed)).faults);
  assert.ok(faults.some((fault) => /is still|that still waits/.test(fault)), faults.join('\n'));
});
