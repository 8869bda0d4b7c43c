import { setTimeout as pause } from 'node:timers/promises';
import type { Arrivals } from './arrivals.ts';
import type { Engine } from './engine.ts';

const PRODUCERS = 16;
/** Events under way beyond which producers wait, so that no engine drowns in its own backlog. */
const MOST_UNDER_WAY = 1_000;

/** Deliveries a second: producers write as fast as they can for a time, and the clock stops when all has arrived. Every one must have its row in the end. */
export async function throughput(engine: Engine, arrivals: Arrivals, subscriptions: number, seconds: number): Promise<number> {
  await engine.start(subscriptions);
  try {
    const before = await engine.recorded();
    arrivals.clear();
    await run(0.5);
    arrivals.clear();
    const began = performance.now();
    const raised = await run(seconds);
    const rate = (raised * subscriptions * 1_000) / (performance.now() - began);
    const deadline = Date.now() + 30_000;
    const all = total * subscriptions;
    while ((await engine.recorded()) - before < all) {
      if (Date.now() > deadline) throw new Error(`${engine.name}: ${all - (await engine.recorded()) + before} deliveries have no row`);
      await pause(20);
    }
    return rate;
  } finally {
    total = 0;
    await engine.stop();
  }

  async function run(forSeconds: number): Promise<number> {
    const end = performance.now() + forSeconds * 1_000;
    let raised = 0;
    const producer = async () => {
      while (performance.now() < end) {
        if (raised - arrivals.count() / subscriptions > MOST_UNDER_WAY) {
          await pause(1);
          continue;
        }
        raised += 1;
        await engine.raise(raised);
      }
    };
    await Promise.all(Array.from({ length: PRODUCERS }, producer));
    await arrivals.reach(raised * subscriptions, 60_000);
    total += raised;
    return raised;
  }
}
let total = 0;

/** Milliseconds from the acknowledged commit to each arrival at paths under `path`, at a paced rate. `targets` is how many accept each event. */
export async function latency(engine: Pick<Engine, 'raise'>, arrivals: Arrivals, options: { rate: number; seconds: number; targets: number; path: string }): Promise<number[]> {
  const { rate, seconds, targets, path } = options;
  arrivals.clear();
  const committed = new Map<string, bigint>();
  const running: Promise<void>[] = [];
  const raise = async (number: number) => {
    const { id, committedAt } = await engine.raise(number);
    committed.set(id, committedAt);
  };
  const began = performance.now();
  for (let number = 0; number < rate * seconds; number += 1) {
    const wait = began + (number * 1_000) / rate - performance.now();
    if (wait > 1) await pause(wait);
    running.push(raise(number));
  }
  await Promise.all(running);
  await arrivals.reach(rate * seconds * targets, 30_000);
  const moments = arrivals.moments(path);
  // An event can be at the receiver before this process has read its own acknowledgement.
  return [...committed].flatMap(([id, at]) => (moments.get(id) ?? []).map((arrival) => Math.max(0, Number(arrival - at) / 1e6)));
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
