const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Pauses after the first, second, ... failed try of an event, as Standard Webhooks proposes. After the last, the event is exhausted. */
const PAUSES = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR] as const;

/** A receiver may ask for a longer pause, but not for ever. */
const LONGEST_PAUSE = 24 * HOUR;

/** When to try again after `attempts` failed tries, or undefined when there is no further try. `retryAfterMs` is what the receiver asked for. */
export function nextTry(attempts: number, now: Date, retryAfterMs: number | undefined): Date | undefined {
  const pause = PAUSES[attempts - 1];
  if (pause === undefined) return undefined;
  return new Date(now.getTime() + Math.max(pause, Math.min(retryAfterMs ?? 0, LONGEST_PAUSE)));
}

/** Reads a `Retry-After` header: seconds or an HTTP date. Undefined when there is none that can be read. */
export function readRetryAfter(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * SECOND;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now.getTime());
}
