import { createHmac } from 'node:crypto';
import type { Credential } from './sign.ts';

/**
 * The bearer with which a client of the Model Context Protocol speaks to `/mcp`, to be set as its header `Authorization: Bearer …`. It is signed with the key's
 * secret, which cannot be got from it, ends at `expiresAt` (at most 90 days from now) and dies with its key.
 */
export function mcpBearer(key: Pick<Credential, 'accessKeyId' | 'accessKeySecret'>, expiresAt: Date): string {
  const expiry = String(Math.floor(expiresAt.getTime() / 1_000));
  const signature = createHmac('sha256', key.accessKeySecret).update(`millrace-mcp\n${key.accessKeyId}\n${expiry}`).digest('base64url');
  return `mcp1.${key.accessKeyId}.${expiry}.${signature}`;
}
