/**
 * Query strings and form bodies as a list of names and values. They are decoded once per request: the signature and the
 * parameter decoder both read this list.
 */

/** One decoded parameter, in the order of the wire. */
export type Pair = readonly [name: string, value: string];

export type PairPlace = 'query' | 'form';

export interface PairLimits {
  /** Parameters in one query string or form body. */
  readonly maxParameters: number;
  /** Length of one name, in characters as sent (percent sequences count three). */
  readonly maxNameLength: number;
  /** Length of one value, in characters as sent. */
  readonly maxValueLength: number;
}

export interface PairProblem {
  readonly code: 'InvalidParameter';
  /** The parameter's name when it could be read, else the place. */
  readonly name: string;
  readonly place: PairPlace;
  /** 1-based position among the parameters of the place. */
  readonly position: number;
  readonly expected: string;
  readonly got: string;
}

export type PairsResult =
  | { readonly ok: true; readonly pairs: Pair[] }
  | { readonly ok: false; readonly problem: PairProblem };

const AMPERSAND = 0x26;
const EQUALS = 0x3d;
const PERCENT = 0x25;
const PLUS = 0x2b;

/**
 * Splits and decodes `name=value&…`; `+` is a space, a name without `=` has the empty value, empty segments are skipped.
 * Never throws: a bad percent sequence, bytes that are not UTF-8 or an exceeded limit come back as a problem.
 */
export function decodePairs(text: string, place: PairPlace, limits: PairLimits): PairsResult {
  const pairs: Pair[] = [];
  const end = text.length;
  let start = 0;
  while (start < end) {
    let equals = -1;
    let nameEncoded = false;
    let valueEncoded = false;
    let at = start;
    for (; at < end; at++) {
      const code = text.charCodeAt(at);
      if (code === AMPERSAND) break;
      if (code === EQUALS) {
        if (equals === -1) equals = at;
      } else if (code === PERCENT || code === PLUS) {
        if (equals === -1) nameEncoded = true;
        else valueEncoded = true;
      }
    }
    if (at > start) {
      const position = pairs.length + 1;
      if (position > limits.maxParameters) {
        return problem(place, place, position, `at most ${limits.maxParameters} parameters in the ${place}`, 'more');
      }
      const nameEnd = equals === -1 ? at : equals;
      const valueStart = equals === -1 ? at : equals + 1;
      if (nameEnd - start > limits.maxNameLength) {
        const expected = `a parameter name of at most ${limits.maxNameLength} characters`;
        return problem(place, place, position, expected, `${nameEnd - start} characters`);
      }
      const name = nameEncoded ? decodeText(text.slice(start, nameEnd)) : text.slice(start, nameEnd);
      if (name === undefined) {
        const expected = 'a parameter name in UTF-8 with valid percent encoding';
        return problem(place, place, position, expected, 'an invalid percent sequence');
      }
      if (at - valueStart > limits.maxValueLength) {
        const expected = `a value of at most ${limits.maxValueLength} characters`;
        return problem(name, place, position, expected, `${at - valueStart} characters`);
      }
      const value = valueEncoded ? decodeText(text.slice(valueStart, at)) : text.slice(valueStart, at);
      if (value === undefined) {
        const expected = 'a value in UTF-8 with valid percent encoding';
        return problem(name, place, position, expected, 'an invalid percent sequence');
      }
      pairs.push([name, value]);
    }
    start = at + 1;
  }
  return { ok: true, pairs };
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Decodes the bytes of a form body. The body must be UTF-8 also where it is not percent-encoded, since a replacement
 * character would let two different bodies share one V1 signature.
 */
export function decodeFormBody(body: Buffer, limits: PairLimits): PairsResult {
  if (body.length === 0) return { ok: true, pairs: [] };
  let text: string;
  try {
    text = strictUtf8.decode(body);
  } catch {
    return problem('form', 'form', 1, 'a form body in UTF-8', 'bytes that are not UTF-8');
  }
  return decodePairs(text, 'form', limits);
}

/** Whether a content type names a form body; its parameters (charset) are ignored. */
export function isFormContentType(contentType: string | undefined): boolean {
  return mediaType(contentType) === 'application/x-www-form-urlencoded';
}

/** Whether a content type names a JSON body (`application/json` or any `+json`); its parameters are ignored. */
export function isJsonContentType(contentType: string | undefined): boolean {
  const type = mediaType(contentType);
  return type === 'application/json' || type.endsWith('+json');
}

function mediaType(contentType: string | undefined): string {
  if (contentType === undefined) return '';
  const semicolon = contentType.indexOf(';');
  return (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}

function decodeText(encoded: string): string | undefined {
  const text = encoded.includes('+') ? encoded.replaceAll('+', ' ') : encoded;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function problem(name: string, place: PairPlace, position: number, expected: string, got: string): PairsResult {
  return { ok: false, problem: { code: 'InvalidParameter', name, place, position, expected, got } };
}
