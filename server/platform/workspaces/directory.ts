import type { WorkspaceDirectory } from '../../identity/directory.ts';
import { codesOfCustomRole } from '../../identity/roles.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { Service } from '../../kernel/module.ts';
import type { WorkspaceReference } from '../../kernel/operation.ts';
import { allMembers, allRoles, livingWorkspaceByName, workspaceById, type WorkspaceRow } from './store.ts';

/** The directory, kept in memory. A change of a workspace or of its members is announced on `millrace_cache` as `workspace:<id>`. */
export interface CachedDirectory extends WorkspaceDirectory {
  /** Forgets what is known of a workspace. */
  forget(workspaceId: number): void;
  /** Listens to the announcements of other processes. */
  readonly service: Service;
}

interface Entry<Value> {
  readonly value: Value;
  readonly until: number;
}

function toReference(row: WorkspaceRow): WorkspaceReference {
  return { id: row.id, tenantId: row.tenant_id, name: row.name, region: row.region, standardMode: row.standard_mode, status: row.status };
}

/** Text of an announcement on `millrace_cache`. */
export function cacheMessage(workspaceId: number): string {
  return `workspace:${workspaceId}`;
}

export function createDirectory(options: { database: Database; clock: Clock; log: Log }): CachedDirectory {
  const { database, clock, log } = options;
  const references = new Map<number, Entry<WorkspaceReference>>();
  const names = new Map<string, Entry<WorkspaceReference>>();
  const members = new Map<number, Entry<ReadonlyMap<number, readonly string[]>>>();
  // What was read before an announcement may be out of date by the time it would be stored.
  let generation = 0;

  function read<Key, Value>(cache: Map<Key, Entry<Value>>, key: Key): Value | undefined {
    const entry = cache.get(key);
    return entry !== undefined && entry.until > clock.now().getTime() ? entry.value : undefined;
  }

  function store<Key, Value>(cache: Map<Key, Entry<Value>>, key: Key, value: Value, readAt: number): void {
    if (readAt !== generation) return;
    cache.delete(key);
    cache.set(key, { value, until: clock.now().getTime() + limits.workspaceCacheMs.value });
    if (cache.size > limits.workspaceCacheEntries.value) {
      const oldest = cache.keys().next();
      if (oldest.done !== true) cache.delete(oldest.value);
    }
  }

  async function byId(workspaceId: number): Promise<WorkspaceReference | undefined> {
    const known = read(references, workspaceId);
    if (known !== undefined) return known;
    const readAt = generation;
    const row = await workspaceById(database, workspaceId);
    if (row === undefined) return undefined;
    const reference = toReference(row);
    store(references, workspaceId, reference, readAt);
    return reference;
  }

  async function byName(tenantId: number, name: string): Promise<WorkspaceReference | undefined> {
    const key = `${tenantId} ${name.toLowerCase()}`;
    const known = read(names, key);
    if (known !== undefined) return known;
    const readAt = generation;
    const row = await livingWorkspaceByName(database, tenantId, name);
    if (row === undefined) return undefined;
    const reference = toReference(row);
    store(names, key, reference, readAt);
    return reference;
  }

  function forget(workspaceId: number): void {
    generation += 1;
    references.delete(workspaceId);
    members.delete(workspaceId);
    for (const [key, entry] of names) if (entry.value.id === workspaceId) names.delete(key);
  }

  function forgetAll(): void {
    generation += 1;
    references.clear();
    members.clear();
    names.clear();
  }

  let stopListening: (() => Promise<void>) | undefined;

  return {
    forget,
    byId,
    async find(tenantId, idOrName) {
      if (typeof idOrName === 'string' && (idOrName.includes('\u0000') || idOrName.length > 128)) return undefined;
      const reference = typeof idOrName === 'number' ? await byId(idOrName) : await byName(tenantId, idOrName);
      return reference !== undefined && reference.tenantId === tenantId && reference.status !== 'Deleted' ? reference : undefined;
    },
    async rolesOf(workspaceId, userId) {
      const known = read(members, workspaceId);
      if (known !== undefined) return known.get(userId) ?? [];
      const readAt = generation;
      const [rows, own] = await Promise.all([allMembers(database, workspaceId), allRoles(database, workspaceId)]);
      const custom = new Map(own.map((role) => [role.code, [role.code, ...codesOfCustomRole(role.permissions)]]));
      const roles = new Map(rows.map((row) => [row.user_id, row.roles.flatMap((code) => custom.get(code) ?? [code])]));
      store(members, workspaceId, roles, readAt);
      return roles.get(userId) ?? [];
    },
    service: {
      name: 'workspace directory',
      async start() {
        stopListening = await database.listen('millrace_cache', (payload) => {
          if (payload === '') return forgetAll();
          const id = /^workspace:(\d+)$/.exec(payload)?.[1];
          if (id !== undefined) forget(Number(id));
        });
        log.debug({}, 'the workspace directory listens');
      },
      async stop() {
        await stopListening?.();
      },
    },
  };
}
