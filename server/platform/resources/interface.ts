import type { Change } from '../../kernel/change.ts';
import type { Executor } from '../../kernel/database.ts';

/** A resource group: how many tasks of its workspaces run at once, and where. */
export interface ResourceGroup {
  /** Text id, unique over all tenants. It is also what the older dialect calls the identifier. */
  readonly id: string;
  readonly identifier: string;
  /** Unique in the tenant. */
  readonly name: string;
  /** Tasks that run at once in the group, in all processes together. */
  readonly slots: number;
  /** `Normal` where the group takes tasks. */
  readonly status: string;
  /** Tags that a worker must have to run tasks of the group; none means every worker. */
  readonly tags: readonly string[];
}

/** What other domains ask of resource groups. */
export interface ResourceGroups {
  /** The group a task of the workspace may use, by id, by name or by the number that the older dialect has as id; undefined when unknown, not associated, or another tenant's. */
  resolve(db: Executor, tenantId: number, workspaceId: number, idOrIdentifier: string): Promise<ResourceGroup | undefined>;
  /** The group of tasks that name none. It always exists and belongs to every workspace of the tenant. */
  defaultOf(db: Executor, tenantId: number): Promise<ResourceGroup>;
  /** The group whether associated or not; undefined when unknown or another tenant's. */
  byId(db: Executor, tenantId: number, id: string): Promise<ResourceGroup | undefined>;
  /** The slots of a group of any tenant, for the queue of runs; undefined when the group is gone. */
  slotsOf(db: Executor, id: string): Promise<number | undefined>;
  /** Takes a workspace that is being deleted out of all groups. */
  removeWorkspace(change: Change, workspaceId: number): Promise<void>;
}

/** How many runs the queue has running and waiting in the groups; groups with none may be missing. */
export type GroupUsage = (db: Executor, groupIds: readonly string[]) => Promise<readonly { readonly group: string; readonly running: number; readonly waiting: number }[]>;
