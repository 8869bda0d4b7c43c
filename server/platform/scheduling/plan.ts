import type { Cycle } from './cycles.ts';
import type { Dependency } from './settings.ts';

/**
 * Which instances wait for which, from the cycles that tasks have on one day. Pure.
 *
 * In the same cycle:
 *   - an upstream that runs once a day is waited for by every cycle of that day;
 *   - one that runs several times a day is waited for in all its cycles by what runs once a day;
 *   - of two that both run several times a day and as often, the cycles of one number belong together;
 *   - else a cycle waits for the upstream's cycles since its own one before, and where there is none, for the last one before that.
 */

/** A task with its cycles of a day, in the order of time. */
export interface PlannedTask<Id> {
  readonly cycles: readonly Cycle[];
  /** Whether it runs by the hour or the minute. */
  readonly intraday: boolean;
  readonly ids: readonly Id[];
}

/** Pairs (place of the downstream's cycle, place of the upstream's cycle). */
export function sameCycle(upstream: Pick<PlannedTask<unknown>, 'cycles' | 'intraday'>, downstream: Pick<PlannedTask<unknown>, 'cycles' | 'intraday'>): [number, number][] {
  const ups = upstream.cycles;
  const downs = downstream.cycles;
  if (ups.length === 0) return [];
  if (!upstream.intraday || !downstream.intraday) return downs.flatMap((_, down) => ups.map((_cycle, up): [number, number] => [down, up]));
  if (ups.length === downs.length) return downs.map((_, place): [number, number] => [place, place]);
  const pairs: [number, number][] = [];
  let next = 0;
  for (const [down, cycle] of downs.entries()) {
    const from = next;
    while (next < ups.length && (ups[next]?.instant.getTime() ?? 0) <= cycle.instant.getTime()) next += 1;
    if (next > from) for (let up = from; up < next; up += 1) pairs.push([down, up]);
    else if (next > 0) pairs.push([down, next - 1]);
  }
  return pairs;
}

/** The cycle before each one, on the same day where there is one; `undefined` stands for the last one of the days before. */
export function cycleBefore(upstream: Pick<PlannedTask<unknown>, 'cycles'>, downstream: Pick<PlannedTask<unknown>, 'cycles'>): [number, number | undefined][] {
  let next = 0;
  return downstream.cycles.map((cycle, down): [number, number | undefined] => {
    while (next < upstream.cycles.length && (upstream.cycles[next]?.instant.getTime() ?? 0) < cycle.instant.getTime()) next += 1;
    return [down, next === 0 ? undefined : next - 1];
  });
}

/** A dependency between two tasks that have cycles. */
export interface PlannedDependency {
  readonly downstream: number;
  readonly upstream: number;
  readonly kind: Dependency['kind'];
  readonly output: string | null;
}

/** How a cycle waits for what ran on the days before. */
export interface EarlierNeed {
  /** Id of the instance that waits. */
  readonly downstreamPlace: number;
  readonly downstream: number;
  readonly upstream: number;
  /** The last cycle before the day, or all cycles of the day before. */
  readonly which: 'last' | 'day';
  readonly kind: Dependency['kind'];
}

/**
 * All edges of a day: those within it as places of cycles, and what has to be looked up among earlier days. `tasks` is by task id.
 */
export function planEdges(
  tasks: ReadonlyMap<number, Pick<PlannedTask<unknown>, 'cycles' | 'intraday'>>,
  dependencies: readonly PlannedDependency[],
): { within: { dependency: PlannedDependency; down: number; up: number }[]; earlier: EarlierNeed[] } {
  const within: { dependency: PlannedDependency; down: number; up: number }[] = [];
  const earlier: EarlierNeed[] = [];
  for (const dependency of dependencies) {
    const downstream = tasks.get(dependency.downstream);
    const upstream = tasks.get(dependency.upstream);
    if (downstream === undefined) continue;
    if (dependency.kind === 'Normal') {
      if (upstream !== undefined) for (const [down, up] of sameCycle(upstream, downstream)) within.push({ dependency, down, up });
      continue;
    }
    const need = (place: number, which: 'last' | 'day') => earlier.push({ downstreamPlace: place, downstream: dependency.downstream, upstream: dependency.upstream, which, kind: dependency.kind });
    const onItself = dependency.kind === 'CrossCycleDependsOnSelf';
    if (onItself || (upstream !== undefined && upstream.intraday && downstream.intraday)) {
      for (const [down, up] of cycleBefore(upstream ?? { cycles: [] }, downstream)) {
        if (up === undefined) need(down, 'last');
        else within.push({ dependency, down, up });
      }
    } else {
      for (const place of downstream.cycles.keys()) need(place, 'day');
    }
  }
  return { within, earlier };
}
