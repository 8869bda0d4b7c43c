/** When instances are expected to end, from what they wait for and how long they usually run. Pure: moments are epoch milliseconds. */

export interface ForecastInstance {
  readonly id: number;
  /** It does not begin before. */
  readonly triggerTime: number;
  readonly usualMs: number;
  /** `ended` has succeeded, `running` has begun, `waiting` has yet to begin (again). */
  readonly state: 'ended' | 'running' | 'waiting';
  /** When it began; of one that has ended without running, such as a zero load, when it ended. */
  readonly begunAt?: number | undefined;
  readonly endedAt?: number | undefined;
}

export interface ForecastEdge {
  readonly downstream: number;
  readonly upstream: number;
}

export interface Expected {
  readonly begin: number;
  readonly end: number;
  /** The upstream that ends last, which it waits for; undefined for one without upstreams. */
  readonly critical: number | undefined;
}

/**
 * The expected begin and end of each instance: it begins at the latest of now, its trigger time and the ends of its upstreams, and takes its usual
 * time; one that runs ends when its usual time is over, at once if it should have ended already. Instances in a circle, and those behind it, are
 * absent. Edges to instances that are not given do not count.
 */
export function forecast(instances: readonly ForecastInstance[], edges: readonly ForecastEdge[], now: number): Map<number, Expected> {
  const byId = new Map(instances.map((instance) => [instance.id, instance]));
  const known = edges.filter(({ downstream, upstream }) => byId.has(downstream) && byId.has(upstream));
  const downstreams = Map.groupBy(known, (edge) => edge.upstream);
  const waitsFor = new Map<number, number>();
  for (const { downstream } of known) waitsFor.set(downstream, (waitsFor.get(downstream) ?? 0) + 1);
  const expected = new Map<number, Expected>();
  const last = new Map<number, { id: number; end: number }>();
  const ready = instances.filter(({ id }) => !waitsFor.has(id));
  for (let instance = ready.pop(); instance !== undefined; instance = ready.pop()) {
    const own = expectedOf(instance, last.get(instance.id), now);
    expected.set(instance.id, own);
    for (const { downstream } of downstreams.get(instance.id) ?? []) {
      const before = last.get(downstream);
      // Of several that end at once the one with the least id, so that the path is always the same.
      if (before === undefined || own.end > before.end || (own.end === before.end && instance.id < before.id)) last.set(downstream, { id: instance.id, end: own.end });
      const left = (waitsFor.get(downstream) ?? 0) - 1;
      waitsFor.set(downstream, left);
      const next = byId.get(downstream);
      if (left === 0 && next !== undefined) ready.push(next);
    }
  }
  return expected;
}

function expectedOf(instance: ForecastInstance, before: { id: number; end: number } | undefined, now: number): Expected {
  const critical = before?.id;
  if (instance.state === 'ended') {
    const end = instance.endedAt ?? now;
    return { begin: instance.begunAt ?? end, end, critical };
  }
  if (instance.state === 'running') {
    const begin = instance.begunAt ?? now;
    return { begin, end: Math.max(now, begin + instance.usualMs), critical };
  }
  const begin = Math.max(now, instance.triggerTime, before?.end ?? 0);
  return { begin, end: begin + instance.usualMs, critical };
}

/** The critical path that ends in an instance, this one first. */
export function criticalPath(expected: ReadonlyMap<number, Expected>, last: number): { id: number; begin: number; end: number }[] {
  const path: { id: number; begin: number; end: number }[] = [];
  for (let id: number | undefined = last; id !== undefined; ) {
    const own: Expected | undefined = expected.get(id);
    if (own === undefined) break;
    path.push({ id, begin: own.begin, end: own.end });
    id = own.critical;
  }
  return path;
}
