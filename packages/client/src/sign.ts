import { createHash, createHmac } from 'node:crypto';

export interface Credential {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** Of a temporary credential. */
  readonly securityToken?: string | undefined;
}

export type Pairs = readonly (readonly [string, string])[];

/** Percent-encodes as the signature wants it (RFC 3986): only letters, digits and `-_.~` stay. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

export function encodePairs(pairs: Pairs): string {
  return pairs.map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`).join('&');
}

const sha256 = (data: string) => createHash('sha256').update(data).digest('hex');

/** Signs a request to `/` with ACS3-HMAC-SHA256. Answers its headers and its encoded query. */
export function sign(
  credential: Credential,
  request: { readonly verb: string; readonly host: string; readonly version: string; readonly action: string; readonly query: Pairs; readonly body: string; readonly nonce: string; readonly at: Date; readonly extra?: Readonly<Record<string, string>> },
): { headers: Record<string, string>; query: string } {
  const query = encodePairs(request.query.toSorted(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)));
  const headers: Record<string, string> = {
    host: request.host,
    'x-acs-action': request.action,
    'x-acs-content-sha256': sha256(request.body),
    'x-acs-date': `${request.at.toISOString().slice(0, 19)}Z`,
    'x-acs-signature-nonce': request.nonce,
    'x-acs-version': request.version,
    ...request.extra,
  };
  if (request.body !== '') headers['content-type'] = 'application/x-www-form-urlencoded';
  if (credential.securityToken !== undefined) {
    headers['x-acs-accesskey-id'] = credential.accessKeyId;
    headers['x-acs-security-token'] = credential.securityToken;
  }
  const names = Object.keys(headers).toSorted();
  const canonical = [request.verb, '/', query, ...names.map((name) => `${name}:${headers[name]?.trim()}`), '', names.join(';'), headers['x-acs-content-sha256']].join('\n');
  const signature = createHmac('sha256', credential.accessKeySecret).update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`).digest('hex');
  return { query, headers: { ...headers, authorization: `ACS3-HMAC-SHA256 Credential=${credential.accessKeyId},SignedHeaders=${names.join(';')},Signature=${signature}` } };
}
