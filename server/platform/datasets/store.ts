import type { Executor } from '../../kernel/database.ts';
import type { Page, SortOrder } from '../dialect.ts';

/** All SQL of datasets and their versions. */

export interface DatasetRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly name: string;
  readonly data_type: string;
  readonly storage_type: string;
  readonly origin: string;
  readonly comment: string;
  readonly readme: string;
  readonly created_by: number;
  readonly created_at: Date;
  readonly modified_at: Date;
}

/** A version without its content. */
export interface VersionRow {
  readonly id: number;
  readonly dataset_id: number;
  readonly workspace_id: number;
  readonly storage_type: string;
  readonly number: number;
  readonly comment: string;
  readonly url: string;
  readonly mount_path: string;
  readonly import_info: Readonly<Record<string, string>>;
  readonly file_name: string;
  readonly created_by: number;
  readonly created_at: Date;
  readonly modified_at: Date;
}

const DATASET = 'd.id, d.tenant_id, d.workspace_id, d.name, d.data_type, d.storage_type, d.origin, d.comment, d.readme, d.created_by, d.created_at, d.modified_at';
const VERSION = 'v.id, v.dataset_id, d.workspace_id, d.storage_type, v.number, v.comment, v.url, v.mount_path, v.import_info, v.file_name, v.created_by, v.created_at, v.modified_at';
const FROM_VERSION = 'from dataset_version v join dataset d on d.id = v.dataset_id';

export async function insertDataset(tx: Executor, dataset: Omit<DatasetRow, 'id' | 'created_by' | 'created_at' | 'modified_at' | 'readme'>, userId: number, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `insert into dataset (tenant_id, workspace_id, name, data_type, storage_type, origin, comment, readme, last_version, created_by, created_at, modified_at)
     values ($1, $2, $3, $4, $5, $6, $7, '', 0, $8, $9, $9) returning id`,
    [dataset.tenant_id, dataset.workspace_id, dataset.name, dataset.data_type, dataset.storage_type, dataset.origin, dataset.comment, userId, now],
  );
  if (row === undefined) throw new Error('the insert of a dataset returned no row');
  return row.id;
}

export type NewVersion = Pick<VersionRow, 'comment' | 'url' | 'mount_path' | 'import_info' | 'file_name'> & { readonly content: Buffer | null };

/** Adds the next version of a dataset that is locked or new. Returns its id. */
export async function insertVersion(tx: Executor, datasetId: number, version: NewVersion, userId: number, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `with next as (update dataset set last_version = last_version + 1, modified_at = $8 where id = $1 returning last_version)
     insert into dataset_version (dataset_id, number, comment, url, mount_path, import_info, file_name, content, created_by, created_at, modified_at)
     select $1, last_version, $2, $3, $4, $5, $6, $7, $9, $8, $8 from next returning id`,
    [datasetId, version.comment, version.url, version.mount_path, JSON.stringify(version.import_info), version.file_name, version.content, now, userId],
  );
  if (row === undefined) throw new Error('the dataset of a new version is not there');
  return row.id;
}

/** Keeps two creations in one workspace one after the other, so that the limit holds. Answers how many datasets there are. */
export async function lockDatasets(tx: Executor, workspaceId: number): Promise<number> {
  await tx.run(`select pg_advisory_xact_lock(hashtext('dataset'), $1::int)`, [workspaceId]);
  return (await tx.row<{ count: number }>('select count(*) as count from dataset where workspace_id = $1', [workspaceId]))?.count ?? 0;
}

export function datasetById(db: Executor, tenantId: number, id: number): Promise<DatasetRow | undefined> {
  return db.row<DatasetRow>(`select ${DATASET} from dataset d where d.tenant_id = $1 and d.id = $2`, [tenantId, id]);
}

/** Locks the dataset and counts its versions. */
export async function lockDataset(tx: Executor, tenantId: number, id: number): Promise<{ row: DatasetRow; versions: number } | undefined> {
  const row = await tx.row<DatasetRow>(`select ${DATASET} from dataset d where d.tenant_id = $1 and d.id = $2 for update`, [tenantId, id]);
  if (row === undefined) return undefined;
  return { row, versions: (await tx.row<{ count: number }>('select count(*) as count from dataset_version where dataset_id = $1', [id]))?.count ?? 0 };
}

export async function updateDataset(tx: Executor, id: number, change: Pick<DatasetRow, 'name' | 'comment' | 'readme'>, now: Date): Promise<void> {
  await tx.run('update dataset set name = $2, comment = $3, readme = $4, modified_at = $5 where id = $1', [id, change.name, change.comment, change.readme, now]);
}

export async function deleteDataset(tx: Executor, id: number): Promise<void> {
  await tx.run('delete from dataset where id = $1', [id]);
}

export interface DatasetFilter {
  readonly workspaceIds: readonly number[];
  readonly name?: string | undefined;
  readonly createdBy?: number | undefined;
  readonly origin?: string | undefined;
  readonly dataTypes?: readonly string[] | undefined;
  readonly storageTypes?: readonly string[] | undefined;
}

/** Columns by the name in `SortBy`. */
export const datasetOrders: Readonly<Record<string, string>> = { CreateTime: 'd.created_at', ModifyTime: 'd.modified_at', Name: 'd.name' };
export const versionOrders: Readonly<Record<string, string>> = { CreateTime: 'v.created_at', ModifyTime: 'v.modified_at', VersionNumber: 'v.number' };

export async function listDatasets(db: Executor, filter: DatasetFilter, order: SortOrder, page: Page): Promise<{ rows: DatasetRow[]; total: number }> {
  const where = `d.workspace_id = any($1) and ($2::text is null or position(lower($2) in lower(d.name)) > 0) and ($3::bigint is null or d.created_by = $3) and ($4::text is null or d.origin = $4)
    and ($5::text[] is null or d.data_type = any($5)) and ($6::text[] is null or d.storage_type = any($6))`;
  const values = [filter.workspaceIds, filter.name ?? null, filter.createdBy ?? null, filter.origin ?? null, filter.dataTypes ?? null, filter.storageTypes ?? null];
  const [rows, count] = await Promise.all([
    db.rows<DatasetRow>(`select ${DATASET} from dataset d where ${where} order by ${order.by} ${order.direction}, d.id ${order.direction} limit $7 offset $8`, [...values, page.size, page.offset]),
    db.row<{ count: number }>(`select count(*) as count from dataset d where ${where}`, values),
  ]);
  return { rows, total: count?.count ?? 0 };
}

export function versionById(db: Executor, tenantId: number, id: number): Promise<VersionRow | undefined> {
  return db.row<VersionRow>(`select ${VERSION} ${FROM_VERSION} where d.tenant_id = $1 and v.id = $2`, [tenantId, id]);
}

/** The latest version of each dataset. */
export function latestVersions(db: Executor, datasetIds: readonly number[]): Promise<VersionRow[]> {
  return db.rows<VersionRow>(`select distinct on (v.dataset_id) ${VERSION} ${FROM_VERSION} where v.dataset_id = any($1) order by v.dataset_id, v.number desc`, [datasetIds]);
}

export async function listVersions(db: Executor, filter: { readonly datasetId: number; readonly createdBy?: number | undefined }, order: SortOrder, page: Page): Promise<{ rows: VersionRow[]; total: number }> {
  const where = 'v.dataset_id = $1 and ($2::bigint is null or v.created_by = $2)';
  const values = [filter.datasetId, filter.createdBy ?? null];
  const [rows, count] = await Promise.all([
    db.rows<VersionRow>(`select ${VERSION} ${FROM_VERSION} where ${where} order by ${order.by} ${order.direction}, v.id ${order.direction} limit $3 offset $4`, [...values, page.size, page.offset]),
    db.row<{ count: number }>(`select count(*) as count from dataset_version v where ${where}`, values),
  ]);
  return { rows, total: count?.count ?? 0 };
}

/** The beginning of the copied content and its whole size; undefined where nothing was copied. `most` undefined is all of it. */
export async function contentOf(db: Executor, versionId: number, most?: number): Promise<{ content: Buffer; bytes: number } | undefined> {
  return db.row('select substring(content from 1 for coalesce($2::int, 2147483647)) as content, length(content) as bytes from dataset_version where id = $1 and content is not null', [versionId, most ?? null]);
}

export async function updateVersion(tx: Executor, id: number, comment: string, now: Date): Promise<void> {
  await tx.run('update dataset_version set comment = $2, modified_at = $3 where id = $1', [id, comment, now]);
}

export async function deleteVersion(tx: Executor, id: number): Promise<void> {
  await tx.run('delete from dataset_version where id = $1', [id]);
}

export async function deleteDatasetsOf(tx: Executor, workspaceId: number): Promise<void> {
  await tx.run('delete from dataset where workspace_id = $1', [workspaceId]);
}
