/** An event as the log has it, for comparison with what has come out of it. */
export interface Logged {
  readonly id: string;
  readonly key: string;
}

export interface SequenceAudit {
  readonly expected: number;
  /** How many came, those that came again included. */
  readonly arrived: number;
  readonly missing: readonly string[];
  /** Those of no event. */
  readonly unknown: readonly string[];
  readonly duplicates: number;
  /** Events that came before an earlier one of their object. */
  readonly disorder: readonly string[];
}

/**
 * Holds what came against the log. `events` are in the order of the log, `arrivals` ids in the order they came. That one comes again is counted; what
 * counts for the order of an object is when each came first.
 */
export function auditSequence(events: readonly Logged[], arrivals: readonly string[]): SequenceAudit {
  const places = new Map(events.map(({ id, key }, place) => [id, { key, place }]));
  const seen = new Set<string>();
  const highest = new Map<string, number>();
  const unknown: string[] = [];
  const disorder: string[] = [];
  let duplicates = 0;
  for (const id of arrivals) {
    const event = places.get(id);
    if (event === undefined) unknown.push(id);
    else if (seen.has(id)) duplicates += 1;
    else {
      seen.add(id);
      if (event.place < (highest.get(event.key) ?? -1)) disorder.push(id);
      highest.set(event.key, Math.max(event.place, highest.get(event.key) ?? -1));
    }
  }
  return { expected: events.length, arrived: arrivals.length, missing: events.filter(({ id }) => !seen.has(id)).map(({ id }) => id), unknown, duplicates, disorder };
}
