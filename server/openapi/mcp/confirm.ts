import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { KeyRecord } from '../../identity/keys.ts';
import { limits } from '../../kernel/limits.ts';

/**
 * A confirmation proves that the same key has seen the dry run of the same tool with the same arguments a short while ago. It is signed with the key's secret,
 * so that any process can check it and nothing is stored. It is also the ClientToken of the write, which therefore happens once however often it is confirmed.
 */
function signatureOf(key: KeyRecord, tool: string, given: Readonly<Record<string, unknown>>, expiry: number): Buffer {
  const digest = createHash('sha256').update(canonical(given)).digest('hex');
  return createHmac('sha256', key.secret).update(`millrace-mcp-confirm\n${key.accessKeyId}\n${tool}\n${digest}\n${expiry}`).digest();
}

/** JSON with sorted keys: models repeat arguments in another order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

export function makeConfirmation(key: KeyRecord, tool: string, given: Readonly<Record<string, unknown>>, now: Date): string {
  const expiry = Math.floor(now.getTime() / 1_000) + limits.mcpConfirmSeconds.value;
  return `${expiry}.${signatureOf(key, tool, given, expiry).toString('base64url')}`;
}

export function isConfirmed(confirmation: string, key: KeyRecord, tool: string, given: Readonly<Record<string, unknown>>, now: Date): boolean {
  const [, expiry, signature] = /^(\d{1,12})\.([\w-]{43})$/.exec(confirmation) ?? [];
  if (expiry === undefined || signature === undefined || Number(expiry) * 1_000 < now.getTime()) return false;
  return timingSafeEqual(Buffer.from(signature, 'base64url'), signatureOf(key, tool, given, Number(expiry)));
}
