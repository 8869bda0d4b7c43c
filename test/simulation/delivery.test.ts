import { after, test } from 'node:test';
import { deliveryWorld } from './delivery.ts';
import { repeats, runSeeds } from './seeds.ts';

const world = await deliveryWorld();
after(world.close);

test('whatever targets and engines do: every event arrives at every target, in the order of its object, under one id, and a healthy target waits for nobody', async () => {
  await runSeeds('delivery', world, 350, {
    deaths: 100,
    'deaths before a request': 10,
    'deaths before the answer': 20,
    'slow commits': 100,
    'reordered commits': 40,
    'slow records': 30,
    'unheard records': 40,
    'lost answers': 50,
    'doubled requests': 100,
    refusals: 40,
    'refused connections': 50,
    'clogged requests': 70,
    'unclogged requests': 70,
    'late answers': 40,
    'jumps forwards': 20,
    'jumps backwards': 20,
    'engines that stood still': 40,
    'engines at the same subscriptions': 40,
  });
});

test('a seed repeats the choices', () => repeats(world, 7));
