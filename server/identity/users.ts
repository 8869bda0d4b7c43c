import type { Executor } from '../kernel/database.ts';
import * as store from './store.ts';

/** A living user, as other modules see one. */
export interface User {
  readonly userId: number;
  readonly userName: string;
  readonly displayName: string;
  readonly tenantId: number;
  readonly tenantRoles: readonly string[];
  readonly disabled: boolean;
}

/** Users for the modules above. Pass a change as `db` to read inside it. */
export interface Users {
  /** The living user with this id, of the tenant when one is given; undefined for another tenant's user. */
  find(userId: number, tenantId?: number, db?: Executor): Promise<User | undefined>;
  /** Display names by user id. Deleted users keep theirs; unknown ids are absent. */
  displayNames(userIds: Iterable<number>, db?: Executor): Promise<ReadonlyMap<number, string>>;
}

export function createUsers(database: Executor): Users {
  return {
    async find(userId, tenantId, db = database) {
      const row = tenantId === undefined ? await store.findUserAnywhere(db, userId) : await store.findUser(db, tenantId, userId);
      if (row === undefined) return undefined;
      return { userId: row.id, userName: row.name, displayName: row.display_name, tenantId: row.tenant_id, tenantRoles: row.tenant_roles, disabled: row.disabled };
    },
    async displayNames(userIds, db = database) {
      const distinct = [...new Set(userIds)];
      if (distinct.length === 0) return new Map();
      return new Map((await store.findDisplayNames(db, distinct)).map((row) => [row.id, row.display_name]));
    },
  };
}
