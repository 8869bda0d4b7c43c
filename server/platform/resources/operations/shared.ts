import type { WorkspaceDirectory } from '../../../identity/directory.ts';
import type { Executor } from '../../../kernel/database.ts';
import { invalid } from '../../../kernel/errors.ts';
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
  const [field = '', direction = 'Asc', more] = (text ?? otherwise).trim().split(/\s+/);
  const column = Object.hasOwn(columns, field) ? columns[field] : undefined;
  if (column === undefined || more !== undefined || !/^(asc|desc)$/i.test(direction)) throw invalid('SortBy', `it must be one of ${Object.keys(columns).join(', ')}, followed by Asc or Desc`);
  return `${column} ${direction.toLowerCase()}`;
}
