/**
 * Random histories under an injected clock and network, on a real database, for as long as one likes.
 *
 *     npm run simulate -- --seed 1                 this seed, once in each world
 *     npm run simulate -- --seed 1 --minutes 10    this one and those after it
 *     npm run simulate -- --seed 7 --only scheduling
 *
 * Worlds: scheduling (workflows and their workers), delivery (push), extensions (held operations). A seed that fails is printed, and repeats with --seed.
 */
import { parseArgs } from 'node:util';
import { deliveryWorld } from './delivery.ts';
import { simulate as simulateExtensions } from './extensions.ts';
import { schedulingWorld } from './scheduling.ts';

const { values } = parseArgs({ options: { seed: { type: 'string' }, minutes: { type: 'string' }, only: { type: 'string' } } });
const first = Number(values.seed ?? 1);
const minutes = Number(values.minutes ?? 0);
if (!Number.isSafeInteger(first) || first < 0 || !(minutes >= 0)) {
  process.stderr.write('usage: npm run simulate -- --seed <whole number> [--minutes <number>] [--only scheduling|delivery|extensions]\n');
  process.exit(2);
}

interface World {
  simulate(seed: number): Promise<{ readonly faults: readonly string[] }>;
  close(): Promise<void>;
}
const makers: Readonly<Record<string, () => Promise<World>>> = {
  scheduling: schedulingWorld,
  delivery: deliveryWorld,
  extensions: async () => ({ simulate: (seed) => simulateExtensions(seed, 160), close: async () => {} }),
};
const chosen = Object.keys(makers).filter((name) => values.only === undefined || name === values.only);
if (chosen.length === 0) {
  process.stderr.write(`there is no world ${values.only}; there are ${Object.keys(makers).join(', ')}\n`);
  process.exit(2);
}

const worlds = new Map<string, World>();
for (const name of chosen) {
  const make = makers[name];
  if (make !== undefined) worlds.set(name, await make());
}
const sums = new Map<string, Map<string, number>>();
const began = performance.now();
let seed = first;
let failed = false;
do {
  for (const [name, world] of worlds) {
    const report = await world.simulate(seed);
    const sum = sums.get(name) ?? new Map<string, number>();
    sums.set(name, sum);
    for (const [what, value] of Object.entries({ ...report, ...('counts' in report ? (report.counts as Record<string, number>) : {}) })) if (typeof value === 'number' && what !== 'seed') sum.set(what, (sum.get(what) ?? 0) + value);
    for (const fault of report.faults) process.stderr.write(`${name}: ${fault}\n`);
    if (report.faults.length > 0) {
      failed = true;
      process.stderr.write(`again: npm run simulate -- --seed ${seed} --only ${name}\n`);
    }
  }
  seed += 1;
} while (!failed && performance.now() - began < minutes * 60_000);
for (const world of worlds.values()) await world.close();
process.stdout.write(`${seed - first} seeds (${first} to ${seed - 1}) in ${((performance.now() - began) / 1_000).toFixed(0)} s: ${failed ? 'FAILED' : 'every promise kept'}\n`);
for (const [name, sum] of sums) process.stdout.write(`  ${name}: ${[...sum].map(([what, value]) => `${value} ${what}`).join(', ')}\n`);
if (failed) process.exitCode = 1;
