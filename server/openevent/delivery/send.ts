import type { Clock } from '../../kernel/clock.ts';
import { limits } from '../../kernel/limits.ts';
import { OutboundError, type Outbound } from '../../kernel/outbound.ts';
import { storable } from '../../kernel/text.ts';
import type { LogEvent } from '../log.ts';
import type { Destination } from './destination.ts';
import type { FormatMessage } from './format.ts';
import { readRetryAfter } from './retries.ts';
import { signatureHeaders } from './signature.ts';
import { deliveryTraceparent } from './trace.ts';

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

/**
 * Sends events once, in one request: several only where the format is `batch`. `attempt` counts from 1. Never rejects: whatever happens is an
 * outcome. Deliveries and tests of a subscription both go through here.
 */
export type SendEvents = (destination: Destination, events: readonly LogEvent[], attempt: number, signal?: AbortSignal) => Promise<Outcome>;

export function createSender(options: { readonly clock: Clock; readonly transport: Pick<Outbound, 'request'>; readonly format: FormatMessage }): SendEvents {
  const { clock, transport, format } = options;
  return async (destination, events, attempt, signal) => {
    const startedAt = clock.now();
    const most = limits.deliveryExcerptCharacters.value;
    const nothing = { cancelled: false, httpStatus: undefined, stage: undefined, message: undefined, excerpt: undefined, startedAt, durationMs: 0, retryAfterMs: undefined };
    try {
      const [first] = events;
      if (first === undefined) throw new Error('there is nothing to send');
      const { id, headers, body } = await format(destination.format, events, startedAt, attempt, destination);
      const answer = await transport.request({
        method: 'POST',
        url: destination.url,
        // The subscription's own headers come first, so that they cannot stand for what the message says of itself.
        headers: { ...destination.headers, ...headers, traceparent: deliveryTraceparent(first), 'millrace-attempt': String(attempt), ...(destination.replayId === undefined ? {} : { 'millrace-replay': String(destination.replayId) }), ...signatureHeaders(destination.keys(startedAt), id, startedAt, body) },
        body,
        timeoutMs: destination.timeoutMs,
        signal,
      });
      const delivered = answer.status >= 200 && answer.status < 300;
      return {
        ...nothing,
        delivered,
        httpStatus: answer.status,
        stage: delivered ? undefined : 'status',
        message: delivered ? undefined : `the receiver answered with status ${answer.status}`,
        excerpt: answer.text === '' ? undefined : storable(answer.text, most),
        durationMs: answer.durationMs,
        retryAfterMs: delivered ? undefined : readRetryAfter(answer.headers['retry-after'], clock.now()),
      };
    } catch (error) {
      if (error instanceof OutboundError) {
        return { ...nothing, delivered: false, cancelled: error.stage === 'cancelled', stage: error.stage, message: storable(error.message, most), durationMs: error.durationMs };
      }
      return { ...nothing, delivered: false, stage: 'prepare', message: storable(error instanceof Error ? error.message : String(error), most) };
    }
  };
}
