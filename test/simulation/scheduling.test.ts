import { after, test } from 'node:test';
import { schedulingWorld } from './scheduling.ts';
import { repeats, runSeeds } from './seeds.ts';

const world = await schedulingWorld();
after(world.close);

test('whatever workers and schedulers die, sleep and come back: every instance runs after what it waits for, each run ends once, and a lost lease ends nothing', async () => {
  await runSeeds('scheduling', world, 400, {
    'deaths of schedulers': 60,
    'deaths of workers': 30,
    'deaths of takers': 5,
    'lost answers of schedulers': 10,
    'lost answers of workers': 10,
    'ends told twice': 20,
    'slow commits': 20,
    'reordered commits': 4,
    'clogged workers': 30,
    'lost runs': 50,
    'fenced ends': 4,
    'jumps forwards': 20,
    'jumps backwards': 20,
    'wrong clocks': 20,
    'schedulers at the same work': 100,
    'workers at the same queue': 8,
    'takers at the same runs': 10,
  });
});

test('a seed repeats the choices', () => repeats(world, 7));
