/**
 * Random histories under an injected clock and network, on a real database, as many as one likes.
 *
 *     npm run simulate                               1,000 seeds in each world
 *     npm run simulate -- --seed 1                   this seed, once in each world
 *     npm run simulate -- --seed 1 --seeds 50        this one and those after it, 50 in all
 *     npm run simulate -- --seed 1 --minutes 10      this one and those after it, for so long
 *     npm run simulate -- --seed 7 --only scheduling
 *
 * Worlds: scheduling (workflows and their workers), delivery (push), extensions (held operations). A seed that fails is printed, and repeats with --seed.
 * `npm test` runs some hundreds of seeds of each world.
 */
import { parseArgs } from 'node:util';
import { deliveryWorld } from './delivery.ts';
import { extensionsWorld } from './extensions.ts';
import { schedulingWorld } from './scheduling.ts';
import { history, type SimulatedWorld } from './seeds.ts';

const { values } = parseArgs({ options: { seed: { type: 'string' }, seeds: { type: 'string' }, minutes: { type: 'string' }, only: { type: 'string' } } });
const first = Number(values.seed ?? 1);
const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
const seeds = Number(values.seeds ?? (values.seed === undefined ? 1_000 : 1));
if (!Number.isSafeInteger(first) || first < 0 || !Number.isSafeInteger(seeds) || seeds < 1 || (minutes !== undefined && !(minutes >= 0))) {
  process.stderr.write('usage: npm run simulate -- [--seed <whole number>] [--seeds <number> | --minutes <number>] [--only scheduling|delivery|extensions]\n');
  process.exit(2);
}

const makers: Readonly<Record<string, () => Promise<SimulatedWorld>>> = { scheduling: schedulingWorld, delivery: deliveryWorld, extensions: extensionsWorld };
const chosen = Object.entries(makers).filter(([name]) => values.only === undefined || name === values.only);
if (chosen.length === 0) {
  process.stderr.write(`there is no world ${values.only}; there are ${Object.keys(makers).join(', ')}\n`);
  process.exit(2);
}

const worlds = new Map<string, SimulatedWorld>();
for (const [name, make] of chosen) worlds.set(name, await make());
const sums = new Map<string, Map<string, number>>();
const began = performance.now();
let seed = first;
let failed = false;
const goesOn = () => !failed && (minutes === undefined ? seed < first + seeds : performance.now() - began < minutes * 60_000);
do {
  for (const [name, world] of worlds) {
    const { counts, faults } = await history(name, world, seed);
    const sum = sums.get(name) ?? new Map<string, number>();
    sums.set(name, sum);
    for (const [what, times] of Object.entries(counts)) sum.set(what, (sum.get(what) ?? 0) + times);
    for (const fault of faults) process.stderr.write(`${name}: ${fault}\n`);
    if (faults.length > 0) {
      failed = true;
      process.stderr.write(`again: npm run simulate -- --seed ${seed} --only ${name}\n`);
    }
  }
  seed += 1;
} while (goesOn());
for (const world of worlds.values()) await world.close();
process.stdout.write(`${seed - first} seeds (${first} to ${seed - 1}) in ${((performance.now() - began) / 1_000).toFixed(0)} s: ${failed ? 'FAILED' : 'every promise kept'}\n`);
for (const [name, sum] of sums) {
  const { met, spared } = worlds.get(name)?.crashPoints() ?? { met: 0, spared: [] };
  process.stdout.write(`  ${name}: ${[...sum].map(([what, times]) => `${times} ${what}`).join(', ')}; died at ${met - spared.length} of ${met} statements\n`);
}
if (failed) process.exitCode = 1;
