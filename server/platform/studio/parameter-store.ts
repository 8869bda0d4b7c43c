import type { Executor } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Page } from '../dialect.ts';

/** SQL of the parameters of workspaces and their versions. */

export type ParameterType = 'PlainConstant' | 'SecretConstant' | 'Variable';

/** A parameter as one of its versions has it. */
export interface ParameterRow {
  readonly id: number;
  readonly workspace_id: number;
  readonly name: string;
  readonly type: ParameterType;
  readonly current_version: number;
  readonly created_at: Date;
  readonly created_by: number;
  readonly version: number;
  readonly description: string;
  readonly owner_id: number;
  readonly properties: readonly { readonly EnvType: string; readonly Value?: string }[];
  readonly sealed: string | null;
  readonly version_at: Date;
  readonly version_by: number;
}

export type NewVersion = Pick<ParameterRow, 'description' | 'owner_id' | 'properties' | 'sealed'>;

const PARAMETER = `p.id, p.workspace_id, p.name, p.type, p.current_version, p.created_at, p.created_by, v.version, v.description, v.owner_id, v.properties, v.sealed, v.created_at as version_at,
  v.created_by as version_by`;

export async function insertParameter(tx: Executor, parameter: { readonly tenantId: number; readonly workspaceId: number; readonly name: string; readonly type: ParameterType; readonly userId: number }, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>('insert into parameter (tenant_id, workspace_id, name, type, current_version, created_at, created_by) values ($1, $2, $3, $4, 0, $5, $6) returning id', [
    parameter.tenantId,
    parameter.workspaceId,
    parameter.name,
    parameter.type,
    now,
    parameter.userId,
  ]);
  if (row === undefined) throw new Error('the parameter was not written');
  return row.id;
}

/** Adds the next version, which becomes the present one, and drops the oldest beyond the limit. Returns its number. */
export async function insertParameterVersion(tx: Executor, id: number, version: NewVersion, userId: number, now: Date): Promise<number> {
  const row = await tx.row<{ version: number }>(
    `with next as (update parameter set current_version = current_version + 1 where id = $1 returning current_version),
     dropped as (delete from parameter_version where parameter_id = $1 and version <= (select current_version from next) - $8::bigint)
     insert into parameter_version (parameter_id, version, description, owner_id, properties, sealed, created_at, created_by)
     select $1, current_version, $2, $3, $4, $5, $6, $7 from next returning version`,
    [id, version.description, version.owner_id, JSON.stringify(version.properties), version.sealed, now, userId, limits.parameterVersions.value],
  );
  if (row === undefined) throw new Error('the parameter of a new version is not there');
  return row.version;
}

export async function workspaceOfParameter(db: Executor, tenantId: number, id: number): Promise<number | undefined> {
  return (await db.row<{ workspace_id: number }>('select workspace_id from parameter where tenant_id = $1 and id = $2', [tenantId, id]))?.workspace_id;
}

export function lockParameter(tx: Executor, workspaceId: number, id: number): Promise<object | undefined> {
  return tx.row('select id from parameter where workspace_id = $1 and id = $2 for update', [workspaceId, id]);
}

/** The present version of a parameter, or the one that is named. */
export function parameterById(db: Executor, workspaceId: number, id: number, version?: number): Promise<ParameterRow | undefined> {
  return db.row(`select ${PARAMETER} from parameter p join parameter_version v on v.parameter_id = p.id and v.version = coalesce($3, p.current_version) where p.workspace_id = $1 and p.id = $2`, [
    workspaceId,
    id,
    version ?? null,
  ]);
}

/** The present versions of the parameters of these names. */
export function parametersByName(db: Executor, workspaceId: number, names: readonly string[]): Promise<ParameterRow[]> {
  return db.rows(`select ${PARAMETER} from parameter p join parameter_version v on v.parameter_id = p.id and v.version = p.current_version where p.workspace_id = $1 and p.name = any($2)`, [workspaceId, names]);
}

export async function countParameters(db: Executor, workspaceId: number): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) as count from parameter where workspace_id = $1', [workspaceId]))?.count ?? 0;
}

export async function deleteParameter(tx: Executor, id: number): Promise<void> {
  await tx.run('delete from parameter where id = $1', [id]);
}

/** Deletes the parameters of a workspace, with the secrets among them. */
export async function deleteParametersOf(tx: Executor, workspaceId: number): Promise<void> {
  await tx.run('delete from parameter where workspace_id = $1', [workspaceId]);
}

export interface ParameterFilter {
  readonly workspaceId: number;
  readonly ids?: readonly number[] | undefined;
  readonly names?: readonly string[] | undefined;
  readonly owner?: number | undefined;
  readonly type?: string | undefined;
}

/** Orders by which a list may be asked. */
export const parameterOrders = { Id: 'p.id', Name: 'p.name', CreateTime: 'p.created_at', ModifyTime: 'v.created_at', Version: 'v.version' } as const;

export async function listParameters(db: Executor, filter: ParameterFilter, order: { readonly by: string; readonly descending: boolean }, page: Page): Promise<{ rows: ParameterRow[]; total: number }> {
  const from = `from parameter p join parameter_version v on v.parameter_id = p.id and v.version = p.current_version
    where p.workspace_id = $1 and ($2::bigint[] is null or p.id = any($2)) and ($3::text[] is null or p.name = any($3)) and ($4::bigint is null or v.owner_id = $4) and ($5::text is null or p.type = $5)`;
  const values = [filter.workspaceId, filter.ids ?? null, filter.names ?? null, filter.owner ?? null, filter.type ?? null];
  const [rows, count] = await Promise.all([
    db.rows<ParameterRow>(`select ${PARAMETER} ${from} order by ${order.by} ${order.descending ? 'desc' : 'asc'}, p.id limit $6 offset $7`, [...values, page.size, page.offset]),
    db.row<{ count: number }>(`select count(*) as count ${from}`, values),
  ]);
  return { rows, total: count?.count ?? 0 };
}

export async function listParameterVersions(db: Executor, id: number, descending: boolean, page: Page): Promise<{ rows: ParameterRow[]; total: number }> {
  const from = 'from parameter p join parameter_version v on v.parameter_id = p.id where p.id = $1';
  const [rows, count] = await Promise.all([
    db.rows<ParameterRow>(`select ${PARAMETER} ${from} order by v.version ${descending ? 'desc' : 'asc'} limit $2 offset $3`, [id, page.size, page.offset]),
    db.row<{ count: number }>(`select count(*) as count ${from}`, [id]),
  ]);
  return { rows, total: count?.count ?? 0 };
}
