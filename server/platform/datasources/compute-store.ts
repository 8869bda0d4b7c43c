import type { Executor } from '../../kernel/database.ts';
import type { Page, SortOrder } from '../dialect.ts';
import type { Properties } from './properties.ts';
import type { Environment } from './store.ts';

/** All SQL of compute resources. */

export interface ComputeRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly environment: Environment;
  readonly name: string;
  readonly type: string;
  readonly mode: string;
  /** With secrets masked. */
  readonly properties: Properties;
  readonly sealed: string;
  readonly description: string;
  /** The oldest of its type in the workspace and environment. */
  readonly is_default: boolean;
  readonly created_by: number;
  readonly modified_by: number;
  readonly created_at: Date;
  readonly modified_at: Date;
}

const COMPUTE = `c.id, c.tenant_id, c.workspace_id, c.environment, c.name, c.type, c.mode, c.properties, c.sealed, c.description, c.created_by, c.modified_by, c.created_at, c.modified_at,
  not exists (select 1 from compute_resource o where o.workspace_id = c.workspace_id and o.environment = c.environment and lower(o.type) = lower(c.type) and o.id < c.id) as is_default`;

export type NewCompute = Omit<ComputeRow, 'id' | 'is_default' | 'created_by' | 'modified_by' | 'created_at' | 'modified_at'>;

export async function insertCompute(tx: Executor, compute: NewCompute, userId: number, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `insert into compute_resource (tenant_id, workspace_id, environment, name, type, mode, properties, sealed, description, created_by, modified_by, created_at, modified_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $11) returning id`,
    [compute.tenant_id, compute.workspace_id, compute.environment, compute.name, compute.type, compute.mode, JSON.stringify(compute.properties), compute.sealed, compute.description, userId, now],
  );
  if (row === undefined) throw new Error('the insert of a compute resource returned no row');
  return row.id;
}

export async function countComputes(db: Executor, workspaceId: number): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) as count from compute_resource where workspace_id = $1', [workspaceId]))?.count ?? 0;
}

export function computeById(db: Executor, workspaceId: number, id: number): Promise<ComputeRow | undefined> {
  return db.row<ComputeRow>(`select ${COMPUTE} from compute_resource c where c.workspace_id = $1 and c.id = $2`, [workspaceId, id]);
}

export function lockCompute(tx: Executor, workspaceId: number, id: number): Promise<ComputeRow | undefined> {
  return tx.row<ComputeRow>(`select ${COMPUTE} from compute_resource c where c.workspace_id = $1 and c.id = $2 for update of c`, [workspaceId, id]);
}

export function computeByName(db: Executor, workspaceId: number, environment: Environment, name: string): Promise<ComputeRow | undefined> {
  return db.row<ComputeRow>(`select ${COMPUTE} from compute_resource c where c.workspace_id = $1 and c.environment = $2 and c.name = $3`, [workspaceId, environment, name]);
}

export async function updateCompute(tx: Executor, id: number, change: Pick<ComputeRow, 'mode' | 'properties' | 'sealed' | 'description'>, userId: number, now: Date): Promise<void> {
  await tx.run('update compute_resource set mode = $2, properties = $3, sealed = $4, description = $5, modified_by = $6, modified_at = $7 where id = $1', [
    id,
    change.mode,
    JSON.stringify(change.properties),
    change.sealed,
    change.description,
    userId,
    now,
  ]);
}

export async function deleteCompute(tx: Executor, workspaceId: number, id: number): Promise<boolean> {
  return (await tx.run('delete from compute_resource where workspace_id = $1 and id = $2', [workspaceId, id])) === 1;
}

export interface ComputeFilter {
  readonly workspaceId: number;
  readonly environment?: Environment | undefined;
  readonly name?: string | undefined;
  /** In lower case. */
  readonly types?: readonly string[] | undefined;
}

/** SQL by the name in `SortBy`, over the compute resources of one name and type. */
export const computeOrders: Readonly<Record<string, string>> = {
  CreateTime: 'min(c.created_at)',
  Id: 'min(c.id)',
  Name: 'c.name',
  CreateTimeWithDefaultFirst: 'min(c.created_at)',
};

/** One page of the names and types; both environments of one name belong together. */
export async function listComputes(
  db: Executor,
  filter: ComputeFilter,
  order: SortOrder & { readonly defaultFirst: boolean },
  page: Page,
): Promise<{ groups: { name: string; type: string; rows: ComputeRow[] }[]; total: number }> {
  const where = 'c.workspace_id = $1 and ($2::text is null or c.environment = $2) and ($3::text is null or position(lower($3) in lower(c.name)) > 0) and ($4::text[] is null or lower(c.type) = any($4))';
  const values = [filter.workspaceId, filter.environment ?? null, filter.name ?? null, filter.types ?? null];
  const from = `from (select ${COMPUTE} from compute_resource c) c where ${where}`;
  const total = (await db.row<{ count: number }>(`select count(*) as count from (select 1 ${from} group by c.name, c.type) g`, values))?.count ?? 0;
  const names = await db.rows<{ name: string; type: string }>(
    `select c.name, c.type ${from} group by c.name, c.type order by ${order.defaultFirst ? 'bool_or(c.is_default) desc, ' : ''}${order.by} ${order.direction}, c.name, c.type limit $5 offset $6`,
    [...values, page.size, page.offset],
  );
  const rows = await db.rows<ComputeRow>(`select c.* ${from} and c.name = any($5) order by c.environment, c.id`, [...values, names.map((one) => one.name)]);
  return { groups: names.map(({ name, type }) => ({ name, type, rows: rows.filter((row) => row.name === name && row.type === type) })), total };
}
