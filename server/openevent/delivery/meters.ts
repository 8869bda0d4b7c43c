import type { Metrics } from '../../kernel/metrics.ts';
import type { LogEvent } from '../log.ts';
import type { Outcome } from './send.ts';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30] as const;
const DELAYS = [0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3_600, 86_400] as const;

/** What is counted of deliveries in this process. */
export interface DeliveryMeters {
  attempt(subscriptionId: number, outcome: Outcome): void;
  delivered(subscriptionId: number, event: Pick<LogEvent, 'occurredAt'>, now: Date): void;
}

/** For a process that nobody asks. */
export const noMeters: DeliveryMeters = { attempt() {}, delivered() {} };

export function createMeters(metrics: Metrics): DeliveryMeters {
  const attempts = metrics.counter('millrace_delivery_attempts_total', 'Finished tries to deliver, by subscription and outcome; the outcome of a failed one is the stage it came to.');
  const deliveries = metrics.counter('millrace_deliveries_total', 'Events delivered, by subscription.');
  const duration = metrics.histogram('millrace_delivery_attempt_seconds', 'Time from the start of a try to the end of the answer.', SECONDS);
  const delay = metrics.histogram('millrace_delivery_delay_seconds', 'Time from an event to its delivery, retries included.', DELAYS);
  return {
    attempt(subscription, outcome) {
      attempts.add({ subscription, outcome: outcome.delivered ? 'delivered' : (outcome.stage ?? 'unknown') });
      duration.observe(outcome.durationMs / 1_000);
    },
    delivered(subscription, event, now) {
      deliveries.add({ subscription });
      delay.observe(Math.max(0, now.getTime() - event.occurredAt.getTime()) / 1_000);
    },
  };
}
