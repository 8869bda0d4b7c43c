import type { WorkspaceDirectory } from '../../identity/directory.ts';
import type { Executor } from '../../kernel/database.ts';
import type { IdSource } from '../../kernel/ids.ts';
import type { Module } from '../../kernel/module.ts';
import { declareOperations } from '../../kernel/operation.ts';
import { createGroups } from './groups.ts';
import type { GroupUsage, ResourceGroups } from './interface.ts';
import { groupOperations } from './operations/groups.ts';
import { legacyOperations } from './operations/legacy.ts';
import { networkOperations } from './operations/networks.ts';

export type { GroupUsage, ResourceGroup, ResourceGroups } from './interface.ts';
export { resourcesSchema } from './schema.ts';

/** Resource groups: how many tasks of which workspaces run at once; and records of the networks beside them. */
export function createResources(options: {
  ids: IdSource;
  directory: Pick<WorkspaceDirectory, 'find'>;
  /** Ids of the tenant's living workspaces. */
  workspaceIds: (db: Executor, tenantId: number) => Promise<readonly number[]>;
  /** What runs and waits in the groups; absent where nothing runs. */
  usage?: GroupUsage;
}): { readonly module: Module; readonly resources: ResourceGroups } {
  const { ids, directory, workspaceIds, usage } = options;
  return {
    module: {
      name: 'resources',
      operations: [
        ...declareOperations('dataworks-public', '2020-05-18', legacyOperations()),
        ...declareOperations('dataworks-public', '2024-05-18', groupOperations({ ids, directory, workspaceIds, usage })),
        ...declareOperations('dataworks-public', '2024-05-18', networkOperations()),
      ],
    },
    resources: createGroups(),
  };
}
