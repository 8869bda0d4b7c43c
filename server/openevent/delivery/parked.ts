import type { LogEvent } from '../log.ts';
import type { Outcome } from './send.ts';
import { lastPause, nextTry, type RetryStrategy } from './retries.ts';
import type { ParkedRow } from './store.ts';

/** The row of an event that is parked now, behind another one or before its first failure is noted. */
export function toParked(event: LogEvent, now: Date, attempts = 0): ParkedRow {
  return {
    eventId: event.eventId,
    place: { position: event.position, id: event.id },
    objectKey: event.objectKey,
    type: event.type,
    occurredAt: event.occurredAt,
    state: 'behind',
    attempts,
    nextAt: undefined,
    parkedAt: now,
    lastError: undefined,
  };
}

/** The outcome for a parked event whose body is no longer in the log. */
export function lostBody(now: Date): Outcome {
  return { delivered: false, cancelled: false, httpStatus: undefined, stage: 'log', message: 'the event has left the log', excerpt: undefined, startedAt: now, durationMs: 0, retryAfterMs: undefined };
}

/**
 * The row after one more failed try: blocked until its next one, or a dead letter that keeps its event. While the target is `paused` nothing is
 * given up, since the fault is then not the event's.
 */
export function afterFailure(row: ParkedRow, outcome: Outcome, rules: { readonly retry: RetryStrategy; readonly now: Date; readonly random: () => number; readonly paused: boolean; readonly event: LogEvent | undefined }): ParkedRow {
  const { retry, now, random, paused, event } = rules;
  const attempts = row.attempts + 1;
  const lastError = outcome.message;
  // A body that has left the log will not come back, and a replay was asked for once.
  const final = row.state === 'replay' || outcome.stage === 'log';
  const next = final ? undefined : (nextTry(retry, attempts, now, outcome.retryAfterMs, random) ?? (paused ? new Date(now.getTime() + lastPause(retry)) : undefined));
  if (next !== undefined) return { ...row, state: 'blocked', attempts, nextAt: next, lastError };
  return { ...row, state: 'exhausted', attempts, nextAt: undefined, lastError, exhaustedAt: now, body: event ?? row.body };
}
