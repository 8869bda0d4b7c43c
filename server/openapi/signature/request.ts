import { timingSafeEqual } from 'node:crypto';
import { limits } from '../../kernel/limits.ts';
import type { Pair } from '../decode/pairs.ts';

/** A request as both schemes see it: the raw parts of the wire, and the parameters decoded once by the gateway. */
export interface SignedRequest {
  readonly method: string;
  /** The raw target path without query, `/` at least. */
  readonly path: string;
  /** The raw query without `?`. */
  readonly rawQuery: string;
  /** Lower-case names, as node gives them. An array holds the values of a repeated header, unjoined. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
  readonly queryPairs: readonly Pair[];
  /** Empty unless the body is a form. */
  readonly formPairs: readonly Pair[];
}

/** What a request says about its own signature, read before the secret is looked up. */
export interface Credential {
  readonly scheme: 'v1' | 'v3';
  readonly accessKeyId: string;
  readonly securityToken?: string;
  readonly nonce: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly signature: string;
  /** V3 only: the signed header names as sent. */
  readonly signedHeaders?: readonly string[];
}

export type SignatureProblemCode =
  | 'MissingParameter'
  | 'UnsupportedSignature'
  | 'IncompleteSignature'
  | 'SignatureDoesNotMatch'
  | 'InvalidTimeStamp.Format'
  | 'InvalidTimeStamp.Expired';

export interface SignatureProblem {
  /** The entry of the error catalogue. */
  readonly code: SignatureProblemCode;
  /** One sentence for the caller; never holds a secret or a signature. */
  readonly detail: string;
  /** The header or parameter at fault, when it is one. */
  readonly parameter?: string;
  /** The time as sent, for the time problems. */
  readonly given?: string;
}

export type Verification =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly problem: SignatureProblem;
      readonly stringToSign: string;
      readonly canonicalRequest?: string;
    };

/** Returns a problem when the request's time is further from the server's than the clock window, in either direction. */
export function checkTimestamp(timestampMs: number, nowMs: number): SignatureProblem | undefined {
  const window = limits.clockWindowMs.value;
  if (Math.abs(nowMs - timestampMs) <= window) return undefined;
  const side = timestampMs < nowMs ? 'past' : 'future';
  return {
    code: 'InvalidTimeStamp.Expired',
    detail: `The request's time lies more than ${window / 60_000} minutes in the ${side}; the server's time is ${wireTime(nowMs)}.`,
    given: wireTime(timestampMs),
  };
}

function wireTime(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

/** Reads `yyyy-MM-ddTHH:mm:ssZ` into milliseconds; undefined for any other form and for dates that do not exist. */
export function parseTimestamp(text: string): number | undefined {
  if (text.length !== 20) return undefined;
  for (let at = 0; at < 20; at++) {
    const code = text.charCodeAt(at);
    const separator = TIMESTAMP_FORM.charCodeAt(at);
    if (separator === DIGIT_PLACE ? code < 48 || code > 57 : code !== separator) return undefined;
  }
  const time = Date.parse(text);
  // Date.parse lets some days that do not exist roll over (30 February), so the day must come back as it went in.
  if (Number.isNaN(time) || new Date(time).getUTCDate() !== Number(text.slice(8, 10))) return undefined;
  return time;
}

const TIMESTAMP_FORM = '0000-00-00T00:00:00Z';
const DIGIT_PLACE = 48;

/** Compares two texts without telling by the time taken where they differ. Their lengths are no secret. */
export function sameText(left: string, right: string): boolean {
  const leftBytes = Buffer.from(left, 'utf8');
  const rightBytes = Buffer.from(right, 'utf8');
  return leftBytes.length === rightBytes.length && timingSafeEqual(leftBytes, rightBytes);
}

/** Returns the pairs sorted by name in code units, pairs of one name in the order given. */
export function sortedByName(pairs: readonly Pair[]): readonly Pair[] {
  for (let at = 1; at < pairs.length; at++) {
    if ((pairs[at - 1] as Pair)[0] > (pairs[at] as Pair)[0]) return pairs.toSorted(byName);
  }
  return pairs;
}

function byName(left: Pair, right: Pair): number {
  return left[0] < right[0] ? -1 : left[0] > right[0] ? 1 : 0;
}

/** The one value of a header: undefined when absent, null when the header was sent several times. */
export function singleHeader(request: SignedRequest, name: string): string | undefined | null {
  const value = request.headers[name];
  if (value === undefined || typeof value === 'string') return value;
  return value.length > 1 ? null : value[0];
}

/** A caller's text as far as an error message may repeat it. */
export function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
