import { limits } from '../../kernel/limits.ts';
import type { Health } from './store.ts';

/** Shares of the time to the pause, in percent, at which somebody is warned. */
const WARNINGS = [90, 70, 50] as const;

/** What follows from the state of a target; each is told once. */
export type HealthStep =
  /** It has been failing for so many percent of the time to its pause. */
  | { readonly kind: 'warn'; readonly share: number }
  | { readonly kind: 'pause' }
  /** A paused one has accepted an event. */
  | { readonly kind: 'resume' }
  /** One that was warned of has accepted an event. */
  | { readonly kind: 'recover' };

/** Follows how the target of a subscription is doing, by finished tries only: what is under way or waits says nothing of it. */
export interface HealthWatch {
  now(): Health;
  /** Takes the outcome of a try for an object. Answers what follows from it, or undefined. */
  record(delivered: boolean, objectKey: string, at: Date, message: string | undefined): HealthStep | undefined;
  readonly paused: () => boolean;
  /** True when so many tries in a row failed that it is asked with one request at a time only. */
  readonly narrow: () => boolean;
}

export function createHealthWatch(start: { readonly failingSince: Date | undefined; readonly failures: number; readonly warnedShare: number; readonly paused: boolean; readonly pauseAfterMs: number }): HealthWatch {
  let { failingSince, failures, warnedShare, paused } = start;
  let lastError: string | undefined;
  /** One object that keeps failing says something of its event, two say something of the target. */
  let failedKey: string | undefined;
  let severalKeys = false;

  return {
    now: () => ({ failingSince, failures, lastError }),
    record(delivered, objectKey, at, message) {
      if (delivered) {
        const step: HealthStep | undefined = paused ? { kind: 'resume' } : warnedShare > 0 ? { kind: 'recover' } : undefined;
        failingSince = undefined;
        failures = 0;
        warnedShare = 0;
        paused = false;
        failedKey = undefined;
        severalKeys = false;
        return step;
      }
      failingSince ??= at;
      failures += 1;
      lastError = message;
      failedKey ??= objectKey;
      severalKeys ||= failedKey !== objectKey;
      if (paused || !severalKeys || failures < limits.deliveryPauseFailures.value) return undefined;
      const share = ((at.getTime() - failingSince.getTime()) / start.pauseAfterMs) * 100;
      if (share >= 100) {
        paused = true;
        return { kind: 'pause' };
      }
      const reached = WARNINGS.find((warning) => share >= warning) ?? 0;
      if (reached <= warnedShare) return undefined;
      warnedShare = reached;
      return { kind: 'warn', share: reached };
    },
    paused: () => paused,
    narrow: () => failures >= limits.deliveryNarrowFailures.value,
  };
}
