import assert from 'node:assert/strict';

/** What one history came to. */
export interface Report {
  readonly seed: number;
  /** The actions in their order. */
  readonly script: readonly string[];
  /** How often each fault and each way happened. */
  readonly counts: Readonly<Record<string, number>>;
  /** Promises that were broken. */
  readonly faults: readonly string[];
}

export interface SimulatedWorld {
  simulate(seed: number): Promise<Report>;
  /** Statements that were met often, and those of them at which no process has died yet. */
  crashPoints(): { readonly met: number; readonly spared: readonly string[] };
  close(): Promise<void>;
}

/** One history; an error of its own names the seed too. */
export async function history(name: string, world: SimulatedWorld, seed: number): Promise<Report> {
  return world.simulate(seed).catch((error: unknown) => {
    throw new Error(`${name}: seed ${seed} ended with an error; again: npm run simulate -- --seed ${seed} --only ${name}`, { cause: error });
  });
}

const given = Number(process.env['MILLRACE_SIMULATIONS'] ?? 0);
const first = Number(process.env['MILLRACE_SEED'] ?? 1);

/**
 * Runs the seeds of a world in a test: `count` of them, or as many as MILLRACE_SIMULATIONS says, from MILLRACE_SEED on. The first broken promise fails it, with the
 * command that repeats it. `least` says how often each fault has to happen, in 100 seeds: a simulation in which nothing happens proves nothing.
 */
export async function runSeeds(name: string, world: SimulatedWorld, count: number, least: Readonly<Record<string, number>>): Promise<void> {
  const seeds = given > 0 ? given : count;
  const sums = new Map<string, number>();
  for (let seed = first; seed < first + seeds; seed += 1) {
    const { faults, counts } = await history(name, world, seed);
    assert.deepEqual(faults, [], `again: npm run simulate -- --seed ${seed} --only ${name}`);
    for (const [what, times] of Object.entries(counts)) sums.set(what, (sums.get(what) ?? 0) + times);
  }
  const points = world.crashPoints();
  process.stdout.write(`${name}: ${seeds} seeds; ${[...sums].map(([what, times]) => `${times} ${what}`).join(', ')}; died at ${points.met - points.spared.length} of ${points.met} statements\n`);
  if (seeds < 100) return;
  for (const [what, times] of Object.entries(least)) assert.ok((sums.get(what) ?? 0) >= (times * seeds) / 100, `${what}: ${sums.get(what) ?? 0} in ${seeds} seeds`);
  // Which statements come within reach depends a little on how the work interleaves, so a few may be spared; all of them are only after many more seeds.
  if (seeds >= count) assert.ok(points.spared.length * 10 <= points.met, `no process has died at these statements: ${points.spared.join('; ')}`);
}

/** The same seed makes the same choices, whatever else happens. */
export async function repeats(world: SimulatedWorld, seed: number): Promise<void> {
  const [one, two] = [await world.simulate(seed), await world.simulate(seed)];
  assert.deepEqual(two.script, one.script);
  assert.ok(one.script.length > 10);
}
