import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Change } from '../kernel/change.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Executor } from '../kernel/database.ts';
import type { IdSource } from '../kernel/ids.ts';
import { limits } from '../kernel/limits.ts';
import type { Caller } from '../kernel/operation.ts';
import * as store from './store-credentials.ts';

/** A session that a cookie proves. */
export interface AuthenticatedSession {
  readonly caller: Caller;
  readonly expires: Date;
  readonly csrfToken: string;
  /** True when `value` is the session's CSRF token; takes the same time whatever is wrong. */
  csrfMatches(value: string | undefined): boolean;
}

export interface OpenedSession {
  /** For the cookie. Stored nowhere. */
  readonly token: string;
  readonly csrfToken: string;
  readonly expires: Date;
}

export interface Sessions {
  /** The living session of an enabled user that the cookie's token proves, or undefined. */
  authenticate(token: string): Promise<AuthenticatedSession | undefined>;
  /** Opens a session in the change; beyond `limits.sessionsPerUser` the user's oldest one ends. */
  open(change: Change, userId: number): Promise<OpenedSession>;
  /** The CSRF token of a caller's session, or undefined when it has ended. */
  csrfToken(db: Executor, sessionId: number, userId: number): Promise<string | undefined>;
}

/** SHA-256 of a token: what is stored in its place. Tokens are long and random, so that no slow hash is needed. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/**
 * The CSRF token follows from the hash of the session token: nothing more is stored, it is told to the session's own pages only, and
 * neither token can be had from the other.
 */
function csrfTokenOf(tokenHash: Buffer): string {
  return createHmac('sha256', tokenHash).update('millrace csrf').digest('base64url');
}

function sameText(expected: string, value: string): boolean {
  return timingSafeEqual(hashToken(expected), hashToken(value));
}

export function createSessions(options: { database: Executor; clock: Clock; ids: IdSource }): Sessions {
  const { database, clock, ids } = options;
  return {
    async authenticate(token) {
      const row = await store.findSession(database, hashToken(token), clock.now());
      if (row === undefined) return undefined;
      const csrfToken = csrfTokenOf(row.token_hash);
      return {
        caller: {
          userId: row.user_id,
          userName: row.name,
          displayName: row.display_name,
          tenantId: row.tenant_id,
          tenantRoles: row.tenant_roles,
          accessKeyId: undefined,
          sessionId: row.id,
        },
        expires: row.expires_at,
        csrfToken,
        csrfMatches: (value) => sameText(csrfToken, value ?? ''),
      };
    },
    async open(change, userId) {
      const token = ids.token(32);
      const tokenHash = hashToken(token);
      const expires = new Date(change.now.getTime() + limits.sessionSeconds.value * 1_000);
      await store.insertSession(change, { tokenHash, userId, expiresAt: expires }, change.now);
      await store.trimSessions(change, userId, limits.sessionsPerUser.value);
      return { token, csrfToken: csrfTokenOf(tokenHash), expires };
    },
    async csrfToken(db, sessionId, userId) {
      const row = await store.findSessionHash(db, sessionId, userId);
      return row === undefined ? undefined : csrfTokenOf(row.token_hash);
    },
  };
}
