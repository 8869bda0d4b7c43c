import type { Clock } from '../../kernel/clock.ts';
import { limits } from '../../kernel/limits.ts';
import { OutboundError, type Outbound } from '../../kernel/outbound.ts';
import { CONTENT_TYPE, type WrapEvent } from '../envelope.ts';
import type { LogEvent } from '../log.ts';
import { readRetryAfter } from './retries.ts';
import { signatureHeaders } from './signature.ts';

/** What came of one try. */
export interface Outcome {
  readonly delivered: boolean;
  /** The try was called off from here; it does not count. */
  readonly cancelled: boolean;
  readonly httpStatus: number | undefined;
  /** How far a failed try came: a stage of the outbound client, `status` for an answer outside 2xx, `prepare` when no request could be made. */
  readonly stage: string | undefined;
  readonly message: string | undefined;
  /** The beginning of the answer's body. */
  readonly excerpt: string | undefined;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly retryAfterMs: number | undefined;
}

/** Where an event goes. */
export interface Destination {
  readonly url: string;
  readonly secret: string;
}

/** Sends one event once. Never rejects: whatever happens is an outcome. Deliveries and tests of a subscription both go through here. */
export type SendEvent = (destination: Destination, event: LogEvent, signal?: AbortSignal) => Promise<Outcome>;

export function createSender(options: { readonly clock: Clock; readonly transport: Pick<Outbound, 'request'>; readonly wrap: WrapEvent }): SendEvent {
  const { clock, transport, wrap } = options;
  return async (destination, event, signal) => {
    const startedAt = clock.now();
    const nothing = { cancelled: false, httpStatus: undefined, stage: undefined, message: undefined, excerpt: undefined, startedAt, durationMs: 0, retryAfterMs: undefined };
    try {
      const body = JSON.stringify(await wrap(event, startedAt));
      const answer = await transport.request({
        method: 'POST',
        url: destination.url,
        headers: { 'content-type': CONTENT_TYPE, ...signatureHeaders(destination.secret, event.eventId, startedAt, body) },
        body,
        timeoutMs: limits.deliveryTimeoutMs.value,
        signal,
      });
      const delivered = answer.status >= 200 && answer.status < 300;
      return {
        ...nothing,
        delivered,
        httpStatus: answer.status,
        stage: delivered ? undefined : 'status',
        message: delivered ? undefined : `the receiver answered with status ${answer.status}`,
        excerpt: excerptOf(answer.text),
        durationMs: answer.durationMs,
        retryAfterMs: delivered ? undefined : readRetryAfter(answer.headers['retry-after'], clock.now()),
      };
    } catch (error) {
      if (error instanceof OutboundError) {
        return { ...nothing, delivered: false, cancelled: error.stage === 'cancelled', stage: error.stage, message: storable(error.message), durationMs: error.durationMs };
      }
      return { ...nothing, delivered: false, stage: 'prepare', message: storable(error instanceof Error ? error.message : String(error)) };
    }
  };
}

/** Text that can be stored and shown: bounded, no NUL, which PostgreSQL refuses, and no half of a surrogate pair. */
function storable(text: string): string {
  return text.slice(0, limits.deliveryExcerptCharacters.value).replaceAll('\u0000', '\uFFFD').toWellFormed();
}

function excerptOf(text: string): string | undefined {
  return text === '' ? undefined : storable(text);
}
