import type { Executor } from '../../kernel/database.ts';
import { ApiError } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import type { ResourceGroup, ResourceGroups } from './interface.ts';
import { defaultGroup, dissociateAll, groupById, insertGroup, slotsOfGroup, usableGroup, type GroupRow } from './store.ts';

/** The rules of resource groups: which one a task may use, and how many tasks run in it. */

/** Key of the tags whose values name the workers of a group. */
export const WORKER_TAG = 'worker';

/** One slot for each unit (CU) of the specification. */
export function slotsOf(spec: number | null): number {
  return spec ?? limits.taskSlots.value;
}

function toGroup(row: GroupRow): ResourceGroup {
  return {
    id: row.id,
    identifier: row.id,
    name: row.name,
    slots: slotsOf(row.spec),
    status: row.status,
    tags: row.tags.filter((tag) => tag.Key === WORKER_TAG).map((tag) => tag.Value),
  };
}

export function groupNotFound(id: string | number, label = 'resource group'): ApiError {
  return new ApiError('ResourceGroupNotFound', { id: typeof id === 'string' ? id.slice(0, 128) : id, label });
}

/** The tenant's default group, made when it is not there yet. It is written with the time of the database's clock, since readers have no change. */
export async function defaultGroupOf(db: Executor, tenantId: number): Promise<GroupRow> {
  const there = await defaultGroup(db, tenantId);
  if (there !== undefined) return there;
  await insertGroup(db, {
    id: `group_default_${tenantId}`,
    tenant_id: tenantId,
    is_default: true,
    name: 'Default',
    remark: '',
    payment_type: 'PostPaid',
    spec: null,
    vpc_id: '',
    vswitch_id: '',
    resource_manager_group_id: '',
    tags: [],
    created_by: 0,
    // Older than every other group of the tenant, which keeps it first in lists whenever it was made.
    created_at: new Date(0),
  });
  const made = await defaultGroup(db, tenantId);
  if (made === undefined) throw new Error('the default resource group was not made');
  return made;
}

/** The group of the tenant. Throws ResourceGroupNotFound. */
export async function groupOrThrow(db: Executor, tenantId: number, id: string): Promise<GroupRow> {
  if (id.includes('\u0000')) throw groupNotFound('');
  await defaultGroupOf(db, tenantId);
  const group = await groupById(db, tenantId, id);
  if (group === undefined) throw groupNotFound(id);
  return group;
}

export function createGroups(): ResourceGroups {
  return {
    async resolve(db, tenantId, workspaceId, idOrIdentifier) {
      if (idOrIdentifier.includes('\u0000')) return undefined;
      await defaultGroupOf(db, tenantId);
      const row = await usableGroup(db, tenantId, workspaceId, idOrIdentifier);
      return row === undefined ? undefined : toGroup(row);
    },
    async defaultOf(db, tenantId) {
      return toGroup(await defaultGroupOf(db, tenantId));
    },
    async byId(db, tenantId, id) {
      const row = id.includes('\u0000') ? undefined : await groupById(db, tenantId, id);
      return row === undefined ? undefined : toGroup(row);
    },
    async slotsOf(db, id) {
      const row = await slotsOfGroup(db, id);
      return row === undefined ? undefined : slotsOf(row.spec);
    },
    removeWorkspace: dissociateAll,
  };
}
