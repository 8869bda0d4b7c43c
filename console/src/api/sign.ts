/** Signs calls in the browser with ACS3-HMAC-SHA256, by Web Crypto. */

export interface SignedRequest {
  readonly method: 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface SigningKey {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

const encoder = new TextEncoder();

/** Web Crypto exists on HTTPS and localhost only. */
export function canSign(): boolean {
  return globalThis.crypto?.subtle !== undefined;
}

function hex(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function sha256(text: string): Promise<string> {
  return hex(await crypto.subtle.digest('SHA-256', encoder.encode(text)));
}

async function hmac(secret: string, text: string): Promise<string> {
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return hex(await crypto.subtle.sign('HMAC', key, encoder.encode(text)));
}

/** A form body, with every reserved character encoded. */
export function formBody(parameters: Readonly<Record<string, string>>): string {
  return new URLSearchParams(Object.entries(parameters)).toString();
}

/** Signs one call. `origin` is the server's, such as `https://millrace.example:8080`; all parameters go into the form body. */
export async function signCall(
  origin: string,
  key: SigningKey,
  call: { readonly version: string; readonly action: string; readonly parameters: Readonly<Record<string, string>> },
  circumstances: { readonly now: Date; readonly nonce: string },
): Promise<SignedRequest> {
  const body = formBody(call.parameters);
  const bodyHash = await sha256(body);
  const signed: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded',
    host: new URL(origin).host,
    'x-acs-action': call.action,
    'x-acs-content-sha256': bodyHash,
    'x-acs-date': `${circumstances.now.toISOString().slice(0, 19)}Z`,
    'x-acs-signature-nonce': circumstances.nonce,
    'x-acs-version': call.version,
  };
  const names = Object.keys(signed).toSorted();
  const canonical = ['POST', '/', '', ...names.map((name) => `${name}:${signed[name]}`), '', names.join(';'), bodyHash].join('\n');
  const signature = await hmac(key.accessKeySecret, `ACS3-HMAC-SHA256\n${await sha256(canonical)}`);
  // The browser sets Host itself, to the same value.
  const { host: _host, ...headers } = signed;
  return { method: 'POST', url: `${origin}/`, headers: { ...headers, authorization: `ACS3-HMAC-SHA256 Credential=${key.accessKeyId},SignedHeaders=${names.join(';')},Signature=${signature}` }, body };
}

/** A signed call as a command for a POSIX shell. */
export function curlOf(request: SignedRequest): string {
  const quote = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;
  const lines = [`curl -X POST ${quote(request.url)}`, ...Object.entries(request.headers).map(([name, value]) => `  -H ${quote(`${name}: ${value}`)}`), `  --data-raw ${quote(request.body)}`];
  return lines.join(' \\\n');
}
