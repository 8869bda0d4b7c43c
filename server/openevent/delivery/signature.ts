import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** Secrets and signatures by the Standard Webhooks scheme: `whsec_` and 24 to 64 bytes in base64. */
const PREFIX = 'whsec_';

/** The key in a secret, or undefined when it has not that form. */
export function secretKey(secret: string): Buffer | undefined {
  if (!secret.startsWith(PREFIX)) return undefined;
  const text = secret.slice(PREFIX.length);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const key = Buffer.from(text, 'base64');
  return key.length >= 24 && key.length <= 64 ? key : undefined;
}

/** Makes a secret of 32 random bytes. */
export function secretFrom(bytes: Buffer): string {
  return `${PREFIX}${bytes.toString('base64')}`;
}

/** The keys of secrets, read once for all messages of a destination. Throws when one has not the form. */
export function signingKeys(secrets: readonly string[]): KeyObject[] {
  return secrets.map((secret) => {
    const key = secretKey(secret);
    if (key === undefined) throw new Error('the secret of the subscription has not the form whsec_<base64>');
    return createSecretKey(key);
  });
}

/** The headers that prove where a message comes from, with one signature a key, so that a receiver may know either secret. `at` is cut to seconds. */
export function signatureHeaders(keys: readonly KeyObject[], id: string, at: Date, body: string): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1_000));
  const signed = `${id}.${timestamp}.${body}`;
  const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
