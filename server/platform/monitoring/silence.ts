import type { History } from '../scheduling/index.ts';

/** When the silence in which a moment lies ends; undefined outside of it. From `start` (included) to `end` on the wall clock, over midnight when it ends before it starts. */
export function silenceEnd(history: Pick<History, 'momentOf' | 'bizdateOf'>, now: Date, start: string | null, end: string | null): Date | undefined {
  if (start === null || end === null || start === end) return undefined;
  const today = history.bizdateOf(now);
  const yesterday = history.bizdateOf(new Date(today.getTime() - 1));
  const begins = history.momentOf(yesterday, start);
  const ends = history.momentOf(yesterday, end);
  if (start < end) return now >= begins && now < ends ? ends : undefined;
  if (now < ends) return ends;
  return now >= begins ? history.momentOf(today, end) : undefined;
}
