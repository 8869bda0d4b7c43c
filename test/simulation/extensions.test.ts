import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { extensionsWorld } from './extensions.ts';
import { repeats, runSeeds } from './seeds.ts';

const world = await extensionsWorld();
const forgetful = await extensionsWorld({ withoutDeadlines: true });
after(() => Promise.all([world.close(), forgetful.close()]));

test('no history of answers, deadlines, people and kills loses a hold, carries one out twice, or lets it outlive its deadline', async () => {
  await runSeeds('extensions', world, 300, {
    holds: 400,
    deaths: 150,
    'slow commits': 60,
    'reordered commits': 50,
    'lost answers': 60,
    'lost answers of checkers': 20,
    'answers told again': 10,
    'doubled answers': 10,
    'clogged checkers': 80,
    'unclogged checkers': 10,
    'jumps forwards': 30,
    'jumps backwards': 30,
    'processes at the same work': 60,
    'checks ANSWERED': 100,
    'checks EXPIRED': 200,
    'checks FAILED': 50,
    'checks OVERRIDDEN': 4,
    'checks RELEASED': 40,
    'checks SKIPPED': 30,
  });
});

test('a seed repeats the choices', () => repeats(world, 7));

test('the simulation sees a server that forgets its deadlines', async () => {
  const faults: string[] = [];
  for (let seed = 1; faults.length === 0 && seed <= 5; seed += 1) faults.push(...(await forgetful.simulate(seed)).faults);
  assert.ok(faults.some((fault) => /is still|that still waits/.test(fault)), faults.join('\n'));
});
