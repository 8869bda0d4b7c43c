import { createHmac, timingSafeEqual } from 'node:crypto';
import type { EventCode, EventPayloads } from './generated/events.ts';

/** An event as it is delivered: CloudEvents 1.0 with the attributes of DataWorks. */
export interface Envelope<Data> {
  readonly id: string;
  readonly source: string;
  readonly specversion: '1.0';
  readonly type: string;
  readonly time: string;
  readonly subject?: string;
  readonly datacontenttype?: string;
  readonly aliyunaccountid?: string;
  readonly aliyunpublishtime?: string;
  readonly aliyuneventbusname?: string;
  readonly aliyunregionid?: string;
  readonly aliyunpublishaddr?: string;
  /** Events with the same key come in order. */
  readonly partitionkey?: string;
  readonly sequence?: string;
  /** The replay that sends it once more. */
  readonly millracereplay?: string;
  readonly data: Data;
}

export type EventOf<Code extends EventCode> = Envelope<EventPayloads[Code] & { readonly eventCode: Code }>;

/** Any event of the catalogue. */
export type PlatformEvent = { [Code in EventCode]: EventOf<Code> }[EventCode];

/** Narrows an event to its code: `if (isEvent(event, 'commit-file')) event.data.fileName`. */
export function isEvent<Code extends EventCode>(event: Envelope<{ readonly eventCode: string }>, code: Code): event is EventOf<Code> {
  return event.data.eventCode === code;
}

/** A delivery that is not from the platform, or not from now. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError';
}

type HeaderSource = Pick<Headers, 'get'> | Readonly<Record<string, string | readonly string[] | undefined>>;

function headerOf(headers: HeaderSource, name: string): string {
  const value = typeof headers.get === 'function' ? headers.get(name) : (headers as Readonly<Record<string, string | readonly string[] | undefined>>)[name];
  if (typeof value !== 'string' || value === '') throw new WebhookError(`the header ${name} is missing`);
  return value;
}

/**
 * Checks the signature of a delivery by Standard Webhooks and answers the message's id. `body` is the text exactly as it was received; `secrets` the
 * subscription's, of which several may hold while they are rotated. Throws `WebhookError`.
 */
export function verifyWebhook(secrets: string | readonly string[], headers: HeaderSource, body: string, options: { readonly toleranceMs?: number; readonly now?: Date } = {}): string {
  const id = headerOf(headers, 'webhook-id');
  const timestamp = headerOf(headers, 'webhook-timestamp');
  const given = headerOf(headers, 'webhook-signature').split(' ').flatMap((part) => (part.startsWith('v1,') ? [Buffer.from(part.slice(3), 'base64')] : []));
  const age = Math.abs((options.now ?? new Date()).getTime() - Number(timestamp) * 1_000);
  if (!/^\d{1,12}$/.test(timestamp) || age > (options.toleranceMs ?? 300_000)) throw new WebhookError('the delivery is not from now');
  for (const secret of typeof secrets === 'string' ? [secrets] : secrets) {
    if (!secret.startsWith('whsec_')) throw new WebhookError('a secret has the form whsec_<base64>');
    const expected = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64')).update(`${id}.${timestamp}.${body}`).digest();
    if (given.some((signature) => signature.length === expected.length && timingSafeEqual(signature, expected))) return id;
  }
  throw new WebhookError('no signature fits');
}

/** Checks a delivery and reads its events: one, or the list of a batch. Events in binary mode have their attributes in headers and are not for here. */
export function readWebhook(secrets: string | readonly string[], headers: HeaderSource, body: string, options?: { readonly toleranceMs?: number; readonly now?: Date }): PlatformEvent[] {
  verifyWebhook(secrets, headers, body, options);
  const parsed: unknown = JSON.parse(body);
  // The server has made it after the catalogue.
  return (Array.isArray(parsed) ? parsed : [parsed]) as PlatformEvent[];
}
