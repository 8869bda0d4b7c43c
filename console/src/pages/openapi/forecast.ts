export const dayMs = 86_400_000;

/**
 * The moment at which the rest of a quota is used up at a pace of calls a day; undefined when it lasts to the end of the period, or when there
 * is no limit or no call.
 */
export function forecast({ remaining, perDay, now, periodEnd }: { remaining: number | undefined; perDay: number; now: number; periodEnd: number }): number | undefined {
  if (remaining === undefined || perDay <= 0) return undefined;
  const end = now + (remaining / perDay) * dayMs;
  return end < periodEnd ? end : undefined;
}
