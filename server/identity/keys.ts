import { timingSafeEqual } from 'node:crypto';
import type { Change } from '../kernel/change.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database.ts';
import { ApiError } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import type { SecretBox } from '../kernel/secrets.ts';
import { hashToken } from './sessions.ts';
import * as store from './store-credentials.ts';

/** An AccessKey with its user, as the gateway needs it to check a signature. Never to be logged: it holds the secret. */
export interface KeyRecord {
  readonly accessKeyId: string;
  readonly secret: string;
  readonly userId: number;
  readonly userName: string;
  readonly displayName: string;
  readonly tenantId: number;
  readonly tenantRoles: readonly string[];
  readonly status: 'Active' | 'Inactive';
  /** What the key may do through MCP. */
  readonly mcpAccess: 'Off' | 'Read' | 'Write';
  readonly userDisabled: boolean;
  /** For a temporary credential: what its security token must hash to (SHA-256), and its end. */
  readonly temporary?: { readonly tokenHash: Buffer; readonly expiresAt: Date };
}

/** AccessKeys from memory, at most `limits.accessKeyCacheMs` old and dropped at once when they change. */
export interface KeyDirectory {
  /** The key if memory has it; for the hot path. Undefined says nothing: ask `find`. */
  peek(accessKeyId: string): KeyRecord | undefined;
  /** The key with this id, or undefined when there is none. Rejects only when the database does. */
  find(accessKeyId: string): Promise<KeyRecord | undefined>;
  /** Remembers that the key was used just now; written to the database some time later. */
  used(accessKeyId: string): void;
}

/** The directory with what the module itself does to it. */
export interface KeyCache extends KeyDirectory {
  /** Drops what a message on `millrace_cache` names, `key:<id>` or `user:<id>`; everything for an empty one. Others are not for here. */
  invalidate(message: string): void;
  /** Writes what `used` has gathered. */
  writeLastUse(): Promise<void>;
  /** Entries held: known keys, ids known not to exist, uses to be written. */
  size(): { known: number; unknown: number; used: number };
}

/** Drops a key, or all keys of a user, from the memory of every process once the change has committed. */
export function invalidateKeys(change: Change, cache: Pick<KeyCache, 'invalidate'>, message: `key:${string}` | `user:${number}`): void {
  change.notify('millrace_cache', message);
  change.afterCommit(() => cache.invalidate(message));
}

export function secretPurpose(accessKeyId: string): string {
  return `access-key:${accessKeyId}`;
}

/** What an id can look like. Anything else is unknown without asking the database. */
const ID_FORM = /^[\w.-]{1,128}$/;

export function createKeyCache(options: { database: Database; clock: Clock; secrets: SecretBox }): KeyCache {
  const { database, clock, secrets } = options;
  const known = new Map<string, { readonly record: KeyRecord; readonly until: number }>();
  const unknown = new Map<string, number>();
  const loading = new Map<string, Promise<KeyRecord | undefined>>();
  let used = new Map<string, Date>();
  /** Moves with every invalidation: what was read before one may be old and is not remembered. */
  let generation = 0;

  async function load(id: string): Promise<KeyRecord | undefined> {
    const began = generation;
    const row = await store.findKey(database, id);
    const record = row === undefined ? undefined : toRecord(row, secrets);
    if (began !== generation) return record;
    const now = clock.now().getTime();
    if (record === undefined) {
      remember(unknown, id, now + limits.unknownAccessKeyCacheMs.value);
    } else {
      remember(known, id, { record, until: now + limits.accessKeyCacheMs.value });
    }
    return record;
  }

  function peek(id: string): KeyRecord | undefined {
    const entry = known.get(id);
    return entry !== undefined && clock.now().getTime() < entry.until ? entry.record : undefined;
  }

  return {
    peek,
    async find(id) {
      const record = peek(id);
      if (record !== undefined) return record;
      if (!ID_FORM.test(id) || clock.now().getTime() < (unknown.get(id) ?? 0)) return undefined;
      let pending = loading.get(id);
      if (pending === undefined) {
        pending = load(id).finally(() => {
          if (loading.get(id) === pending) loading.delete(id);
        });
        loading.set(id, pending);
      }
      return pending;
    },
    used(id) {
      if (used.has(id) || used.size < limits.accessKeyCache.value) used.set(id, clock.now());
    },
    invalidate(message) {
      const [kind, id] = message.split(':', 2);
      if (message === '') {
        known.clear();
        unknown.clear();
      } else if (kind === 'key' && id !== undefined) {
        known.delete(id);
        unknown.delete(id);
      } else if (kind === 'user') {
        for (const [key, { record }] of known) if (record.userId === Number(id)) known.delete(key);
      } else {
        return;
      }
      generation += 1;
      // Who asks from now on must not be answered by a query that began before.
      loading.clear();
    },
    async writeLastUse() {
      if (used.size === 0) return;
      const batch = [...used].toSorted(([a], [b]) => (a < b ? -1 : 1));
      used = new Map();
      await store.writeLastUse(
        database,
        batch.map(([id]) => id),
        batch.map(([, moment]) => moment),
      );
    },
    size: () => ({ known: known.size, unknown: unknown.size, used: used.size }),
  };
}

/** Adds an entry as the newest; beyond the limit the oldest leaves. A key in use is read anew every few seconds, so that age is as good as use. */
function remember<Value>(entries: Map<string, Value>, id: string, value: Value): void {
  entries.delete(id);
  entries.set(id, value);
  if (entries.size <= limits.accessKeyCache.value) return;
  const oldest = entries.keys().next();
  if (oldest.done !== true) entries.delete(oldest.value);
}

function toRecord(row: store.KeyRow, secrets: SecretBox): KeyRecord {
  return {
    accessKeyId: row.id,
    secret: secrets.open(row.secret, secretPurpose(row.id)),
    userId: row.user_id,
    userName: row.name,
    displayName: row.display_name,
    tenantId: row.tenant_id,
    tenantRoles: row.tenant_roles,
    status: row.status === 'Active' ? 'Active' : 'Inactive',
    mcpAccess: row.mcp_access === 'Write' || row.mcp_access === 'Read' ? row.mcp_access : 'Off',
    userDisabled: row.disabled,
    ...(row.token_hash === null || row.expires_at === null ? {} : { temporary: { tokenHash: row.token_hash, expiresAt: row.expires_at } }),
  };
}

/**
 * Checks that a key may be used now, with the security token of the request. To be called once the signature is verified, so that only
 * who has the secret learns the state of the key. Throws the ApiError for the caller.
 */
export function requireUsableKey(record: KeyRecord, securityToken: string | undefined, now: Date): void {
  if (record.temporary === undefined) {
    if (securityToken !== undefined && securityToken !== '') throw new ApiError('InvalidSecurityToken.Malformed');
  } else {
    if (securityToken === undefined || securityToken === '') throw new ApiError('MissingSecurityToken');
    if (!timingSafeEqual(hashToken(securityToken), record.temporary.tokenHash)) throw new ApiError('InvalidSecurityToken.Malformed');
    if (record.temporary.expiresAt <= now) throw new ApiError('InvalidSecurityToken.Expired');
  }
  if (record.status !== 'Active' || record.userDisabled) throw new ApiError('InvalidAccessKeyId.Inactive');
}
