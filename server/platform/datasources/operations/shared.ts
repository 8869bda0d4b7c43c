import type { Executor } from '../../../kernel/database.ts';
import { ApiError, invalid } from '../../../kernel/errors.ts';
import type { ResourceGroups } from '../../resources/interface.ts';
import type { Connectivity } from '../connectivity.ts';
import { sourceNotFound, type Sources } from '../sources.ts';
import { isSharedWith, sourceById, sourceByName, type Environment, type SourceRow } from '../store.ts';

/** What the operations of both dialects stand on. */
export interface DataSourceOperations {
  readonly sources: Sources;
  readonly connectivity: Connectivity;
  readonly groups: ResourceGroups;
}

/** The resource group that a test names must be one that the workspace may use. Connections are made by the process that is asked. */
export async function checkGroup(db: Executor, groups: ResourceGroups, tenantId: number, workspaceId: number, id: string): Promise<void> {
  if ((await groups.resolve(db, tenantId, workspaceId, id)) === undefined) throw new ApiError('ResourceGroupNotFound', { id: id.slice(0, 128), label: 'resource group of the workspace' });
}

/** The data source when it is the workspace's own or shared with it. Throws DataSourceNotFound. */
export async function sourceFor(db: Executor, tenantId: number, workspaceId: number, id: number): Promise<SourceRow> {
  const source = await sourceById(db, tenantId, id);
  if (source === undefined || (source.workspace_id !== workspaceId && !(await isSharedWith(db, id, workspaceId)))) throw sourceNotFound(id);
  return source;
}

/** The workspace's data source of the name. Throws DataSourceNotFound. */
export async function sourceNamed(db: Executor, workspaceId: number, environment: Environment, name: string): Promise<SourceRow> {
  const source = name.includes('\u0000') ? undefined : await sourceByName(db, workspaceId, environment, name);
  if (source === undefined) throw sourceNotFound(name.replaceAll('\u0000', ''));
  return source;
}

/** Reads `Dev`/`Prod` of the newer dialect and 0/1 of the older one. */
export function readEnvironment(value: string | number): Environment {
  const text = String(value).toUpperCase();
  if (text === 'DEV' || text === '0') return 'DEV';
  if (text === 'PROD' || text === '1') return 'PROD';
  throw invalid('EnvType', 'there is no such environment');
}
