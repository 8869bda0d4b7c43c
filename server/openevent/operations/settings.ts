import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { invalid } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import type { StoredHeader } from '../delivery/destination.ts';
import type { Format } from '../delivery/format.ts';
import type { RetryStrategy } from '../delivery/retries.ts';
import { headerPurpose, type DeliverySettings, type SubscriptionRow } from '../store.ts';

/** The parameters of CreateSubscription and UpdateSubscription that say how to deliver. */
type Request = Pick<Operations['UpdateSubscription']['request'], 'EventFormat' | 'TimeoutMillis' | 'Concurrency' | 'RatePerSecond' | 'RetryStrategy' | 'Headers' | 'PauseAfterSeconds'>;

const formats = { DataWorks: 'dataworks', Structured: 'structured', Binary: 'binary', Batch: 'batch' } as const satisfies Record<string, Format>;
const strategies = { STANDARD: 'standard', BACKOFF_RETRY: 'backoff', EXPONENTIAL_DECAY_RETRY: 'decay' } as const satisfies Record<string, RetryStrategy>;

function wordOf<Word extends string>(words: Readonly<Record<Word, string>>, value: string): Word {
  const found = (Object.keys(words) as Word[]).find((word) => words[word] === value);
  if (found === undefined) throw new Error(`there is no word for ${value}`);
  return found;
}

/** Names that the message, the connection or the trace speak with. */
const RESERVED = /^(host|connection|keep-alive|transfer-encoding|content-length|content-type|te|trailer|upgrade|expect|proxy-.*|webhook-.*|ce-.*|traceparent|tracestate|millrace-.*)$/;

/** What a request says of delivery, checked; absent where it says nothing. Secret header values are sealed for the subscription. */
export function readSettings(request: Request, id: number, before: readonly StoredHeader[], secrets: SecretBox): Partial<DeliverySettings> {
  return {
    ...(request.EventFormat === undefined ? {} : { format: formats[request.EventFormat] }),
    ...(request.TimeoutMillis === undefined ? {} : { timeout_ms: request.TimeoutMillis }),
    ...(request.Concurrency === undefined ? {} : { concurrency: request.Concurrency }),
    ...(request.RatePerSecond === undefined ? {} : { rate: readRate(request.RatePerSecond) }),
    ...(request.RetryStrategy === undefined ? {} : { retry: strategies[request.RetryStrategy] }),
    ...(request.Headers === undefined ? {} : { headers: readHeaders(request.Headers, id, before, secrets) }),
    ...(request.PauseAfterSeconds === undefined ? {} : { pause_after_ms: request.PauseAfterSeconds * 1_000 }),
  };
}

function readRate(rate: number): number | null {
  if (rate === 0) return null;
  if (rate < 0.001) throw invalid('RatePerSecond', 'it must be 0, for no limit, or at least 0.001');
  return rate;
}

function readHeaders(headers: NonNullable<Request['Headers']>, id: number, before: readonly StoredHeader[], secrets: SecretBox): StoredHeader[] {
  if (headers.length > limits.deliveryHeaders.value) throw invalid('Headers', `there may be at most ${limits.deliveryHeaders.value} of them`);
  const seen = new Set<string>();
  return headers.map(({ Name, Value, SecretValue }) => {
    const name = Name?.toLowerCase() ?? '';
    if (!/^[!#$%&'*+.^_`|~a-z0-9-]+$/.test(name)) throw invalid('Headers', `${name.slice(0, 60)} cannot be the name of a header`);
    if (RESERVED.test(name)) throw invalid('Headers', `${name} is set by the delivery itself`);
    if (seen.has(name)) throw invalid('Headers', `${name} is there twice`);
    seen.add(name);
    const text = SecretValue ?? Value;
    if (text !== undefined && (text.length > limits.deliveryHeaderCharacters.value || !/^[\t\u0020-\u007e]*$/.test(text))) {
      throw invalid('Headers', `the value of ${name} must be printable ASCII of at most ${limits.deliveryHeaderCharacters.value} characters`);
    }
    if (SecretValue !== undefined) return { name, sealed: secrets.seal(SecretValue, headerPurpose(id)) };
    if (Value !== undefined) return { name, value: Value };
    const kept = before.find((header) => header.name === name && header.sealed !== undefined);
    if (kept === undefined) throw invalid('Headers', `${name} needs a Value or a SecretValue`);
    return kept;
  });
}

/** How a subscription is delivered, without what is secret. */
export function showSettings(row: SubscriptionRow, now: Date) {
  const failing = row.pause_reason === 'failing';
  return {
    EventFormat: wordOf(formats, row.format),
    TimeoutMillis: row.timeout_ms,
    Concurrency: row.concurrency,
    RatePerSecond: row.rate ?? undefined,
    RetryStrategy: wordOf(strategies, row.retry),
    Headers: row.headers.map((header) => ({ Name: header.name, Value: header.value, Secret: header.sealed !== undefined })),
    PauseAfterSeconds: Math.round(row.pause_after_ms / 1_000),
    PreviousSecretEndTime: row.previous_until !== null && row.previous_until > now ? row.previous_until.getTime() : undefined,
    Paused: row.paused_at !== null,
    PauseReason: row.pause_reason === null ? undefined : failing ? ('Failing' as const) : ('Manual' as const),
    PauseTime: row.paused_at?.getTime(),
    Warning: warningOf(row),
    WarnTime: row.warned_at?.getTime(),
  };
}

function warningOf(row: SubscriptionRow): string | undefined {
  if (row.pause_reason === 'failing') return 'The target kept failing and is paused. It is tried again and again, and deliveries go on when it accepts an event. Nothing of its queue is lost.';
  if (row.warned_share === null) return undefined;
  return `The target has been failing for ${row.warned_share} % of the time after which it is paused (${Math.round(row.pause_after_ms / 1_000)} s). Its queue will be kept.`;
}
