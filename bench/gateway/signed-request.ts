import { createHmac, hash } from 'node:crypto';
import { percentEncode } from '../../server/openapi/signature/encode.ts';

export interface Key {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

const EMPTY_BODY = hash('sha256', '', 'hex');

/** A GET, of 2024-05-18 unless another version is given, with its parameters in the query, signed with ACS3-HMAC-SHA256 as the official clients do. */
export function signedRequest(request: { url: string; key: Key; action: string; query: Readonly<Record<string, string>>; nonce: string; version?: string }): {
  target: string;
  headers: Record<string, string>;
} {
  const { key } = request;
  const headers: Record<string, string> = {
    accept: 'application/json',
    host: new URL(request.url).host,
    'user-agent': 'millrace-bench',
    'x-acs-action': request.action,
    'x-acs-content-sha256': EMPTY_BODY,
    'x-acs-date': `${new Date().toISOString().slice(0, 19)}Z`,
    'x-acs-signature-nonce': request.nonce,
    'x-acs-version': request.version ?? '2024-05-18',
  };
  const query = Object.entries(request.query)
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .toSorted()
    .join('&');
  const names = Object.keys(headers).filter((name) => name === 'host' || name.startsWith('x-acs-')).toSorted();
  const canonical = `GET\n/\n${query}\n${names.map((name) => `${name}:${headers[name]}\n`).join('')}\n${names.join(';')}\n${EMPTY_BODY}`;
  const signature = createHmac('sha256', key.accessKeySecret).update(`ACS3-HMAC-SHA256\n${hash('sha256', canonical, 'hex')}`).digest('hex');
  headers['authorization'] = `ACS3-HMAC-SHA256 Credential=${key.accessKeyId},SignedHeaders=${names.join(';')},Signature=${signature}`;
  return { target: `/?${query}`, headers };
}
