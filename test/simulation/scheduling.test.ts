import { after, test } from 'node:test';
import { schedulingWorld } from './scheduling.ts';
import { repeats, runSeeds } from './seeds.ts';

const world = await schedulingWorld();
after(world.close);

test('whatever workers and schedulers die, sleep and come back: every instance runs after what it waits for, each run ends once, and a lost lease ends nothing', async () => {
  await runSeeds('scheduling', world, 400, {});
});

test('a seed repeats the choices', () => repeats(world, 7));
