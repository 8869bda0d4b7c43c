const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** How a failed delivery is tried again. `backoff` and `decay` are the vendor's BACKOFF_RETRY and EXPONENTIAL_DECAY_RETRY, with its numbers. */
export type RetryStrategy = 'standard' | 'backoff' | 'decay';

/** Pauses after the first, second, ... failed try, as Standard Webhooks proposes. */
const STANDARD = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR] as const;

/** Share of a standard pause that chance may add, so that what failed together does not come back together. */
const JITTER = 0.1;

const BACKOFF_RETRIES = 3;
const DECAY_RETRIES = 176;
const DECAY_LONGEST = 512 * SECOND;

/** A receiver may ask for a longer pause, but not for ever. */
const LONGEST_PAUSE = 24 * HOUR;

/** The pause after `attempts` failed tries in ms, or undefined when the strategy has no further try. `chance` is in [0, 1). */
function pauseAfter(strategy: RetryStrategy, attempts: number, chance: number): number | undefined {
  if (strategy === 'backoff') return attempts <= BACKOFF_RETRIES ? 10 * SECOND + chance * 10 * SECOND : undefined;
  if (strategy === 'decay') return attempts <= DECAY_RETRIES ? Math.min(2 ** (attempts - 1) * SECOND, DECAY_LONGEST) : undefined;
  const pause = STANDARD[attempts - 1];
  return pause === undefined ? undefined : pause * (1 + JITTER * chance);
}

/**
 * When to try again after `attempts` failed tries, or undefined when there is no further try. `retryAfterMs` is what the receiver asked for: it
 * can stretch the pause, up to a day, and never shortens it. `random` answers a number in [0, 1).
 */
export function nextTry(strategy: RetryStrategy, attempts: number, now: Date, retryAfterMs: number | undefined, random: () => number): Date | undefined {
  const pause = pauseAfter(strategy, attempts, random());
  if (pause === undefined) return undefined;
  return new Date(now.getTime() + Math.round(Math.max(pause, Math.min(retryAfterMs ?? 0, LONGEST_PAUSE))));
}

/** The pause that a strategy ends with, for an event that is held although its tries are used up. */
export function lastPause(strategy: RetryStrategy): number {
  return strategy === 'backoff' ? 20 * SECOND : strategy === 'decay' ? DECAY_LONGEST : (STANDARD.at(-1) ?? HOUR);
}

/** Reads a `Retry-After` header: seconds or an HTTP date. Undefined when there is none that can be read. */
export function readRetryAfter(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * SECOND;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now.getTime());
}
