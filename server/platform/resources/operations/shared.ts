import type { WorkspaceDirectory } from '../../../identity/directory.ts';
import type { Executor } from '../../../kernel/database.ts';
import { readSortBy } from '../../dialect.ts';
import type { GroupUsage } from '../interface.ts';

/** What the operations of resource groups stand on. */
export interface ResourceOperations {
  readonly directory: Pick<WorkspaceDirectory, 'find'>;
  /** Ids of the tenant's living workspaces. */
  workspaceIds(db: Executor, tenantId: number): Promise<readonly number[]>;
  /** Absent where nothing runs. */
  readonly usage: GroupUsage | undefined;
}

/** Reads `CreateTime Desc` into SQL for one of the columns. `Asc` when no direction is named. */
export function readSort(text: string | undefined, columns: Readonly<Record<string, string>>, otherwise: string): string {
  const { by, descending } = readSortBy(text, columns, otherwise);
  return `${by} ${descending ? 'desc' : 'asc'}`;
}
