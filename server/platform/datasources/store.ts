import type { Executor } from '../../kernel/database.ts';
import type { Page } from '../dialect.ts';
import type { Properties } from './properties.ts';

/** All SQL of data sources and their shared rules. */

export type Environment = 'DEV' | 'PROD';

export interface SourceRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly environment: Environment;
  readonly name: string;
  readonly type: string;
  readonly sub_type: string;
  readonly mode: string;
  /** With secrets masked. */
  readonly properties: Properties;
  readonly sealed: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly created_by: number;
  readonly modified_by: number;
  readonly created_at: Date;
  readonly modified_at: Date;
}

export type NewSource = Omit<SourceRow, 'id' | 'created_by' | 'modified_by' | 'created_at' | 'modified_at'>;

const SOURCE = 'd.id, d.tenant_id, d.workspace_id, d.environment, d.name, d.type, d.sub_type, d.mode, d.properties, d.sealed, d.description, d.enabled, d.created_by, d.modified_by, d.created_at, d.modified_at';

export async function insertSource(tx: Executor, source: NewSource, userId: number, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `insert into data_source (tenant_id, workspace_id, environment, name, type, sub_type, mode, properties, sealed, description, enabled, created_by, modified_by, created_at, modified_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $13) returning id`,
    [source.tenant_id, source.workspace_id, source.environment, source.name, source.type, source.sub_type, source.mode, JSON.stringify(source.properties), source.sealed, source.description, source.enabled, userId, now],
  );
  if (row === undefined) throw new Error('the insert of a data source returned no row');
  return row.id;
}

export async function countSources(db: Executor, workspaceId: number): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) as count from data_source where workspace_id = $1', [workspaceId]))?.count ?? 0;
}

/** Keeps two creations in one workspace one after the other, so that the limit holds. */
export async function lockSources(tx: Executor, workspaceId: number): Promise<void> {
  await tx.run(`select pg_advisory_xact_lock(hashtext('data_source'), $1::int)`, [workspaceId]);
}

export function sourceById(db: Executor, tenantId: number, id: number): Promise<SourceRow | undefined> {
  return db.row<SourceRow>(`select ${SOURCE} from data_source d where d.tenant_id = $1 and d.id = $2`, [tenantId, id]);
}

export function lockSource(tx: Executor, tenantId: number, id: number): Promise<SourceRow | undefined> {
  return tx.row<SourceRow>(`select ${SOURCE} from data_source d where d.tenant_id = $1 and d.id = $2 for update`, [tenantId, id]);
}

export function sourceByName(db: Executor, workspaceId: number, environment: Environment, name: string): Promise<SourceRow | undefined> {
  return db.row<SourceRow>(`select ${SOURCE} from data_source d where d.workspace_id = $1 and d.environment = $2 and d.name = $3`, [workspaceId, environment, name]);
}

/** The data source that is called so by a rule that shares it with the workspace, with everybody or with the user. */
export function sharedSource(db: Executor, workspaceId: number, environment: Environment, name: string, user: string | undefined): Promise<SourceRow | undefined> {
  return db.row<SourceRow>(
    `select ${SOURCE} from data_source_rule r join data_source d on d.id = r.data_source_id
     where r.target_workspace_id = $1 and r.environment = $2 and r.shared_name = $3 and (r.shared_user = '' or r.shared_user = $4) order by r.id limit 1`,
    [workspaceId, environment, name, user ?? ''],
  );
}

/** Whether a rule shares the data source with the workspace. */
export async function isSharedWith(db: Executor, sourceId: number, workspaceId: number): Promise<boolean> {
  return (await db.row('select 1 as one from data_source_rule where data_source_id = $1 and target_workspace_id = $2 limit 1', [sourceId, workspaceId])) !== undefined;
}

export async function updateSource(tx: Executor, id: number, change: Pick<SourceRow, 'mode' | 'properties' | 'sealed' | 'description' | 'enabled'>, userId: number, now: Date): Promise<void> {
  await tx.run('update data_source set mode = $2, properties = $3, sealed = $4, description = $5, enabled = $6, modified_by = $7, modified_at = $8 where id = $1', [
    id,
    change.mode,
    JSON.stringify(change.properties),
    change.sealed,
    change.description,
    change.enabled,
    userId,
    now,
  ]);
}

/** Deletes a data source with its rules. */
export async function deleteSource(tx: Executor, id: number): Promise<void> {
  await tx.run('delete from data_source where id = $1', [id]);
}

export interface SourceFilter {
  readonly workspaceId: number;
  readonly environment?: Environment | undefined;
  readonly name?: string | undefined;
  /** In lower case. */
  readonly types?: readonly string[] | undefined;
  readonly subType?: string | undefined;
  readonly enabled?: boolean | undefined;
}

const WHERE = `d.workspace_id = $1 and ($2::text is null or d.environment = $2) and ($3::text is null or position(lower($3) in lower(d.name)) > 0)
  and ($4::text[] is null or lower(d.type) = any($4)) and ($5::text is null or d.sub_type = $5) and ($6::boolean is null or d.enabled = $6)`;

function valuesOf(filter: SourceFilter): unknown[] {
  return [filter.workspaceId, filter.environment ?? null, filter.name ?? null, filter.types ?? null, filter.subType ?? null, filter.enabled ?? null];
}

/** One page, newest first, with whether a rule shares each. */
export async function listSources(db: Executor, filter: SourceFilter, page: Page): Promise<{ rows: (SourceRow & { shared: boolean })[]; total: number }> {
  const values = valuesOf(filter);
  const total = (await db.row<{ count: number }>(`select count(*) as count from data_source d where ${WHERE}`, values))?.count ?? 0;
  const rows = await db.rows<SourceRow & { shared: boolean }>(
    `select ${SOURCE}, exists (select 1 from data_source_rule r where r.data_source_id = d.id) as shared from data_source d where ${WHERE} order by d.id desc limit $7 offset $8`,
    [...values, page.size, page.offset],
  );
  return { rows, total };
}

/** SQL by the name in `SortBy`, over the data sources of one name and type. */
export const groupOrders: Readonly<Record<string, string>> = { CreateTime: 'min(d.created_at)', Id: 'min(d.id)', Name: 'd.name' };

/** One page of the names and types; both environments of one name belong together. */
export async function listGroups(db: Executor, filter: SourceFilter, order: string, page: Page): Promise<{ groups: { name: string; type: string; rows: SourceRow[] }[]; total: number }> {
  const values = valuesOf(filter);
  const total = (await db.row<{ count: number }>(`select count(*) as count from (select 1 from data_source d where ${WHERE} group by d.name, d.type) as g`, values))?.count ?? 0;
  const names = await db.rows<{ name: string; type: string }>(`select d.name, d.type from data_source d where ${WHERE} group by d.name, d.type order by ${order}, d.name, d.type limit $7 offset $8`, [
    ...values,
    page.size,
    page.offset,
  ]);
  const rows = await db.rows<SourceRow>(`select ${SOURCE} from data_source d where ${WHERE} and d.name = any($7) order by d.environment, d.id`, [...values, names.map((one) => one.name)]);
  return { groups: names.map(({ name, type }) => ({ name, type, rows: rows.filter((row) => row.name === name && row.type === type) })), total };
}

export interface RuleRow {
  readonly id: number;
  readonly data_source_id: number;
  readonly source_workspace_id: number;
  readonly target_workspace_id: number;
  readonly environment: Environment;
  readonly shared_user: string;
  readonly permission: 'READ' | 'WRITE';
  readonly shared_name: string;
  readonly created_by: number;
  readonly created_at: Date;
}

export type NewRule = Omit<RuleRow, 'id' | 'source_workspace_id'>;

const RULE = 'r.id, r.data_source_id, d.workspace_id as source_workspace_id, r.target_workspace_id, r.environment, r.shared_user, r.permission, r.shared_name, r.created_by, r.created_at';

export async function insertRule(tx: Executor, rule: NewRule): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `insert into data_source_rule (data_source_id, target_workspace_id, environment, shared_user, permission, shared_name, created_by, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) returning id`,
    [rule.data_source_id, rule.target_workspace_id, rule.environment, rule.shared_user, rule.permission, rule.shared_name, rule.created_by, rule.created_at],
  );
  if (row === undefined) throw new Error('the insert of a shared rule returned no row');
  return row.id;
}

export function ruleById(db: Executor, tenantId: number, id: number): Promise<RuleRow | undefined> {
  return db.row<RuleRow>(`select ${RULE} from data_source_rule r join data_source d on d.id = r.data_source_id where d.tenant_id = $1 and r.id = $2`, [tenantId, id]);
}

/** All rules of a data source; there are few. */
export function rulesOf(db: Executor, sourceId: number, targetWorkspaceId?: number): Promise<RuleRow[]> {
  return db.rows<RuleRow>(
    `select ${RULE} from data_source_rule r join data_source d on d.id = r.data_source_id where r.data_source_id = $1 and ($2::bigint is null or r.target_workspace_id = $2) order by r.id`,
    [sourceId, targetWorkspaceId ?? null],
  );
}

export async function deleteRule(tx: Executor, id: number): Promise<void> {
  await tx.run('delete from data_source_rule where id = $1', [id]);
}

export async function deleteRules(tx: Executor, sourceId: number): Promise<void> {
  await tx.run('delete from data_source_rule where data_source_id = $1', [sourceId]);
}

/** Deletes what belongs to a workspace, also the rules that share data sources of others with it. */
export async function deleteSourcesOf(tx: Executor, workspaceId: number): Promise<void> {
  await tx.run('delete from data_source_rule where target_workspace_id = $1', [workspaceId]);
  await tx.run('delete from data_source where workspace_id = $1', [workspaceId]);
  await tx.run('delete from compute_resource where workspace_id = $1', [workspaceId]);
}
