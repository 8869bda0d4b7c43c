import { createHash } from 'node:crypto';
import { CONTENT_TYPE, type Envelope, type EnvelopeMarks, type WrapEvent } from '../envelope.ts';
import type { LogEvent } from '../log.ts';

/**
 * The forms in which events go out: `dataworks` is the vendor's envelope as plain JSON; the others are CloudEvents 1.0 over HTTP in the structured,
 * binary and batched mode. Only `batch` puts several events into one request.
 */
export type Format = 'dataworks' | 'structured' | 'binary' | 'batch';

export interface Message {
  /** Names the message, for `webhook-id`: the event's id, or a digest of all ids when there are several. */
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Forms one message of the events. `attempt` counts the tries of the first of them from 1. */
export type FormatMessage = (format: Format, events: readonly LogEvent[], at: Date, attempt: number, marks?: EnvelopeMarks) => Promise<Message>;

/** The attributes of an event by the CloudEvents rules: no empty ones, and what the vendor's envelope has no place for as extensions. */
function cloudEvent(envelope: Envelope, event: LogEvent, attempt: number): Record<string, unknown> {
  return {
    ...envelope,
    subject: event.objectKey,
    datacontenttype: 'application/json',
    // The extensions `partitioning` and `sequence`: order holds within a partition key, and the sequence grows in it.
    partitionkey: event.objectKey,
    sequence: `${String(event.position).padStart(16, '0')}-${String(event.id).padStart(16, '0')}`,
    attempt,
  };
}

/** Percent-encodes what the HTTP binding of CloudEvents does not take as it is: controls, blanks, quotes, percent signs and everything beyond ASCII. */
function headerText(value: unknown): string {
  return String(value).toWellFormed().replaceAll(/[^\u0021\u0023-\u0024\u0026-\u007e]/gu, (character) => encodeURIComponent(character));
}

function messageId(events: readonly LogEvent[]): string {
  const [first] = events;
  if (events.length === 1 && first !== undefined) return first.eventId;
  // Not the id of any of them: a receiver that has seen one alone must not take it for the whole batch.
  return `batch_${createHash('sha256').update(events.map((event) => event.eventId).join(' ')).digest('base64url')}`;
}

export function createFormats(wrap: WrapEvent): FormatMessage {
  /** Subscriptions that are up to date get the same event objects in the same moment, and so mostly the same messages. */
  const latest = new WeakMap<LogEvent, { readonly key: string; readonly message: Promise<Message> }>();

  return (format, events, at, attempt, marks) => {
    const [event] = events;
    if (event === undefined || events.length > 1 || marks !== undefined) return form(format, events, at, attempt, marks);
    const key = `${format} ${at.getTime()} ${attempt}`;
    const known = latest.get(event);
    if (known?.key === key) return known.message;
    const message = form(format, events, at, attempt, marks);
    latest.set(event, { key, message });
    return message;
  };

  async function form(...[format, events, at, attempt, marks]: Parameters<FormatMessage>): Promise<Message> {
    const id = messageId(events);
    const wrapped = await Promise.all(events.map((event) => wrap(event, at, marks)));
    const [event] = events;
    const [envelope] = wrapped;
    if (event === undefined || envelope === undefined) throw new Error('a message needs an event');
    if (format === 'dataworks') return { id, headers: { 'content-type': CONTENT_TYPE }, body: JSON.stringify(envelope) };
    if (format === 'structured') return { id, headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' }, body: JSON.stringify(cloudEvent(envelope, event, attempt)) };
    if (format === 'batch') {
      const body = JSON.stringify(events.map((one, index) => cloudEvent(wrapped[index] ?? envelope, one, attempt)));
      return { id, headers: { 'content-type': 'application/cloudevents-batch+json; charset=utf-8' }, body };
    }
    const { data, datacontenttype, ...attributes } = cloudEvent(envelope, event, attempt);
    const headers = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, headerText(value)]));
    return { id, headers: { ...headers, 'content-type': String(datacontenttype) }, body: JSON.stringify(data) };
  }
}
