import type { Database } from '../kernel/database.ts';
import { ApiError } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';

/**
 * Each nonce once. For reads memory decides, in this process; for writes the database does, over all processes and restarts.
 * A nonce is remembered until its request would be refused for its age anyway.
 */
export interface Nonces {
  /** Accepts a nonce or throws `SignatureNonceUsed`. Resolves at once for a read. */
  accept(accessKeyId: string, nonce: string, timestampMs: number, access: 'read' | 'write', nowMs: number): Promise<void> | undefined;
  /** Deletes stored nonces that no request can use any more. */
  prune(now: Date): Promise<number>;
}

const LONGEST_NONCE = 256;

/** `relaxed` writes without waiting for the disk: see the note in the migration. */
export function createNonces(relaxed: Database): Nonces {
  // Two generations: the older one is dropped when the younger is full or has outlived the window.
  let young = new Set<string>();
  let old = new Set<string>();
  let turned = 0;

  const turn = (nowMs: number) => {
    old = young;
    young = new Set();
    turned = nowMs;
  };

  return {
    accept(accessKeyId, nonce, timestampMs, access, nowMs) {
      if (nonce.length > LONGEST_NONCE) throw new ApiError('InvalidParameter', { name: 'SignatureNonce', reason: `it is longer than ${LONGEST_NONCE} characters.` });
      if (nonce.includes('\u0000')) throw new ApiError('InvalidParameter', { name: 'SignatureNonce', reason: 'it has a NUL character.' });
      const key = `${accessKeyId} ${nonce}`;
      if (young.has(key) || old.has(key)) throw new ApiError('SignatureNonceUsed', { nonce });
      // A request may be dated up to one window ahead, so a nonce can matter for two windows.
      if (young.size >= limits.noncesInMemory.value / 2 || nowMs - turned > 2 * limits.clockWindowMs.value) turn(nowMs);
      young.add(key);
      return access === 'write' ? store(relaxed, accessKeyId, nonce, new Date(timestampMs + limits.clockWindowMs.value)) : undefined;
    },
    prune: (now) => relaxed.run('delete from nonce where expires_at < $1', [now]),
  };
}

async function store(relaxed: Database, accessKeyId: string, nonce: string, expiresAt: Date): Promise<void> {
  const count = await relaxed.run('insert into nonce (access_key_id, nonce, expires_at) values ($1, $2, $3) on conflict do nothing', [accessKeyId, nonce, expiresAt]);
  if (count === 0) throw new ApiError('SignatureNonceUsed', { nonce });
}
