import { createHash, createHmac, randomUUID } from 'node:crypto';
import { percentEncode } from '../../server/openapi/signature/encode.ts';

export interface Key {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** Everything of a request before it becomes bytes. Header values may be damaged afterwards. */
export interface Draft {
  method: string;
  /** Path with query. */
  target: string;
  headers: Record<string, string>;
  body: Buffer;
}

export type Pairs = readonly (readonly [string, string])[];

export function encodePairs(pairs: Pairs): string {
  return pairs.map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`).join('&');
}

const time = () => `${new Date().toISOString().slice(0, 19)}Z`;
const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');

/** Signs with ACS3-HMAC-SHA256. `query` must be encoded as the signature encodes. */
export function signV3(key: Key, call: { version: string; action: string; host: string; query: Pairs; contentType?: string; body?: Buffer; path?: string }): Draft {
  const body = call.body ?? Buffer.alloc(0);
  const query = encodePairs(call.query.toSorted(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)));
  const headers: Record<string, string> = {
    host: call.host,
    'x-acs-action': call.action,
    'x-acs-content-sha256': sha256(body),
    'x-acs-date': time(),
    'x-acs-signature-nonce': randomUUID(),
    'x-acs-version': call.version,
  };
  if (call.contentType !== undefined) headers['content-type'] = call.contentType;
  const names = Object.keys(headers).toSorted();
  const canonical = ['POST', call.path ?? '/', query, ...names.map((name) => `${name}:${headers[name]}`), '', names.join(';'), headers['x-acs-content-sha256']].join('\n');
  const signature = createHmac('sha256', key.accessKeySecret).update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`).digest('hex');
  headers['authorization'] = `ACS3-HMAC-SHA256 Credential=${key.accessKeyId},SignedHeaders=${names.join(';')},Signature=${signature}`;
  return { method: 'POST', target: query === '' ? (call.path ?? '/') : `${call.path ?? '/'}?${query}`, headers, body };
}

/** Signs with HMAC-SHA1, all parameters in the form body or all in the query. */
export function signV1(key: Key, call: { version: string; action: string; host: string; pairs: Pairs; place: 'query' | 'form' }): Draft {
  const common: Pairs = [
    ['AccessKeyId', key.accessKeyId],
    ['Action', call.action],
    ['Format', 'JSON'],
    ['SignatureMethod', 'HMAC-SHA1'],
    ['SignatureNonce', randomUUID()],
    ['SignatureVersion', '1.0'],
    ['Timestamp', time()],
    ['Version', call.version],
  ];
  const all = [...common, ...call.pairs].toSorted(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
  const method = call.place === 'form' ? 'POST' : 'GET';
  const toSign = `${method}&%2F&${percentEncode(encodePairs(all))}`;
  const signature = createHmac('sha1', `${key.accessKeySecret}&`).update(toSign).digest('base64');
  const text = encodePairs([...all, ['Signature', signature]]);
  const headers: Record<string, string> = { host: call.host };
  if (call.place === 'query') return { method, target: `/?${text}`, headers, body: Buffer.alloc(0) };
  return { method, target: '/', headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' }, body: Buffer.from(text) };
}
