import { after, test } from 'node:test';
import { deliveryWorld } from './delivery.ts';
import { repeats, runSeeds } from './seeds.ts';

const world = await deliveryWorld();
after(world.close);

test('whatever targets and engines do: every event arrives at every target, in the order of its object, under one id, and a healthy target waits for nobody', async () => {
  await runSeeds('delivery', world, 400, {});
});

test('a seed repeats the choices', () => repeats(world, 7));
