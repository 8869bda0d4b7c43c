import { createHash, randomUUID } from 'node:crypto';
import { childTraceparent } from '../../kernel/trace.ts';
import type { LogEvent } from '../log.ts';

/**
 * The `traceparent` of one try to deliver the event: the trace of the call that made it, with a span of its own. Without one from the caller the
 * trace is named by the request, so that all deliveries of one call belong together and are found by its RequestId.
 */
export function deliveryTraceparent(event: Pick<LogEvent, 'traceparent' | 'requestId' | 'eventId'>, span: string = newSpan()): string {
  const carried = event.traceparent === undefined ? undefined : childTraceparent(event.traceparent, span);
  return carried ?? `00-${traceOf(event.requestId ?? event.eventId)}-${span}-01`;
}

function traceOf(id: string): string {
  const plain = id.replaceAll('-', '').toLowerCase();
  return /^[0-9a-f]{32}$/.test(plain) ? plain : createHash('sha256').update(id).digest('hex').slice(0, 32);
}

/** 16 hexadecimal digits. Of a random UUID, since Node draws those in stock and single bytes one by one. The fixed digit of the version is left out. */
function newSpan(): string {
  const text = randomUUID();
  return `${text.slice(0, 8)}${text.slice(9, 13)}${text.slice(32)}`;
}
