import { createHmac, timingSafeEqual } from 'node:crypto';
import { requireUsableKey, type KeyDirectory, type KeyRecord } from '../../identity/keys.ts';
import { ApiError } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';

/**
 * The bearer of MCP. Its clients send fixed headers and cannot sign each request, so their user signs once: the bearer names the key and a day of expiry
 * and is signed with the key's secret. The secret itself never travels and cannot be got from the bearer; the bearer is good for nothing but MCP, ends by
 * itself, and dies at once with its key. Nothing of it is stored.
 *
 *     mcp1.<AccessKeyId>.<expiry, Unix seconds>.<base64url of HMAC-SHA256(secret, "millrace-mcp\n<AccessKeyId>\n<expiry>")>
 */
const FORM = /^mcp1\.([\w.-]{1,128})\.(\d{1,12})\.([\w-]{43})$/;

function signatureOf(accessKeyId: string, expiry: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(`millrace-mcp\n${accessKeyId}\n${expiry}`).digest();
}

/** Makes a bearer for a lasting AccessKey. */
export function makeBearer(key: { readonly accessKeyId: string; readonly accessKeySecret: string }, expiresAt: Date): string {
  const expiry = String(Math.floor(expiresAt.getTime() / 1_000));
  return `mcp1.${key.accessKeyId}.${expiry}.${signatureOf(key.accessKeyId, expiry, key.accessKeySecret).toString('base64url')}`;
}

/** The key of a bearer. Throws the ApiError for the caller. */
export async function keyOfBearer(bearer: string, services: { readonly keys: KeyDirectory; readonly now: Date }, claim: { accessKeyId: string }): Promise<KeyRecord> {
  const { keys, now } = services;
  const [, accessKeyId, expiry, signature] = FORM.exec(bearer) ?? [];
  if (accessKeyId === undefined || expiry === undefined || signature === undefined) throw new ApiError('IncompleteSignature', { reason: 'the bearer has not the form mcp1.<AccessKeyId>.<expiry>.<signature>.' });
  claim.accessKeyId = accessKeyId;
  const key = keys.peek(accessKeyId) ?? (await keys.find(accessKeyId));
  // An unknown key and a wrong signature look alike to who has no secret.
  if (key === undefined || !timingSafeEqual(signatureOf(accessKeyId, expiry, key.secret), Buffer.from(signature, 'base64url'))) {
    throw new ApiError('UnsupportedSignature', { reason: 'the bearer is not signed by a known AccessKey.' });
  }
  const end = Number(expiry) * 1_000;
  if (end <= now.getTime()) throw new ApiError('InvalidSecurityToken.Expired');
  if (end > now.getTime() + limits.mcpBearerDays.value * 86_400_000) throw new ApiError('UnsupportedSignature', { reason: `a bearer may last at most ${limits.mcpBearerDays.value} days.` });
  requireUsableKey(key, undefined, now);
  keys.used(key.accessKeyId);
  return key;
}
