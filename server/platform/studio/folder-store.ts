import type { Executor } from '../../kernel/database.ts';
import type { Page } from '../dialect.ts';

/** SQL of businesses and folders. */

export interface BusinessRow {
  readonly id: number;
  readonly workspace_id: number;
  readonly name: string;
  readonly description: string;
  readonly owner_id: number;
  readonly use_type: 'NORMAL' | 'MANUAL_BIZ';
}

export interface FolderRow {
  readonly id: number;
  readonly path: string;
  readonly parent_path: string;
  readonly business_id: number | null;
  readonly managed: boolean;
}

/** First key of the advisory lock under which the folder tree of a workspace is changed; the second is the workspace. */
const TREE_LOCK = 726_101;

/** Makes changes of the folder tree of a workspace follow each other. */
export async function lockTree(tx: Executor, workspaceId: number): Promise<void> {
  await tx.run('select pg_advisory_xact_lock($1::int, $2::int)', [TREE_LOCK, workspaceId]);
}

const BUSINESS = 'id, workspace_id, name, description, owner_id, use_type';

export async function insertBusiness(tx: Executor, tenantId: number, now: Date, business: Omit<BusinessRow, 'id'>): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `insert into business (tenant_id, workspace_id, name, description, owner_id, use_type, created_at, modified_at) values ($1, $2, $3, $4, $5, $6, $7, $7) returning id`,
    [tenantId, business.workspace_id, business.name, business.description, business.owner_id, business.use_type, now],
  );
  if (row === undefined) throw new Error('the insert of a business returned no row');
  return row.id;
}

export function businessById(db: Executor, workspaceId: number, id: number): Promise<BusinessRow | undefined> {
  return db.row<BusinessRow>(`select ${BUSINESS} from business where workspace_id = $1 and id = $2`, [workspaceId, id]);
}

export function lockBusiness(tx: Executor, workspaceId: number, id: number): Promise<BusinessRow | undefined> {
  return tx.row<BusinessRow>(`select ${BUSINESS} from business where workspace_id = $1 and id = $2 for update`, [workspaceId, id]);
}

export function businessByName(db: Executor, workspaceId: number, useType: string, name: string): Promise<BusinessRow | undefined> {
  return db.row<BusinessRow>(`select ${BUSINESS} from business where workspace_id = $1 and use_type = $2 and name = $3`, [workspaceId, useType, name]);
}

export async function countBusinesses(db: Executor, workspaceId: number): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) as count from business where workspace_id = $1', [workspaceId]))?.count ?? 0;
}

export async function listBusinesses(db: Executor, workspaceId: number, keyword: string | undefined, page: Page): Promise<{ rows: BusinessRow[]; total: number }> {
  const where = 'workspace_id = $1 and ($2::text is null or position(lower($2) in lower(name)) > 0)';
  const values = [workspaceId, keyword ?? null];
  const [rows, count] = await Promise.all([
    db.rows<BusinessRow>(`select ${BUSINESS} from business where ${where} order by id desc limit $3 offset $4`, [...values, page.size, page.offset]),
    db.row<{ count: number }>(`select count(*) as count from business where ${where}`, values),
  ]);
  return { rows, total: count?.count ?? 0 };
}

export async function updateBusiness(tx: Executor, id: number, now: Date, business: Pick<BusinessRow, 'name' | 'description' | 'owner_id'>): Promise<void> {
  await tx.run('update business set name = $2, description = $3, owner_id = $4, modified_at = $5 where id = $1', [id, business.name, business.description, business.owner_id, now]);
}

/** Deletes the business with its folders. */
export async function deleteBusiness(tx: Executor, id: number): Promise<void> {
  await tx.run('delete from business where id = $1', [id]);
}

/** Whether a file that is not deleted belongs to the business. */
export async function businessInUse(tx: Executor, id: number): Promise<boolean> {
  return (await tx.row(`select 1 as used from node where business_id = $1 and state = 'NORMAL' limit 1`, [id])) !== undefined;
}

const FOLDER = 'id, path, parent_path, business_id, managed';

/** Adds a folder, or answers the one that has the path. */
export async function ensureFolder(
  tx: Executor,
  tenantId: number,
  workspaceId: number,
  now: Date,
  folder: { readonly path: string; readonly parentPath: string; readonly businessId: number | null; readonly managed: boolean },
): Promise<FolderRow> {
  await tx.run(
    `insert into folder (tenant_id, workspace_id, path, parent_path, business_id, managed, created_at) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (workspace_id, path) do nothing`,
    [tenantId, workspaceId, folder.path, folder.parentPath, folder.businessId, folder.managed, now],
  );
  const row = await folderByPath(tx, workspaceId, folder.path);
  if (row === undefined) throw new Error('a folder that was just made is not there');
  return row;
}

export function folderByPath(db: Executor, workspaceId: number, path: string): Promise<FolderRow | undefined> {
  return db.row<FolderRow>(`select ${FOLDER} from folder where workspace_id = $1 and path = $2`, [workspaceId, path]);
}

export function folderById(db: Executor, workspaceId: number, id: number): Promise<FolderRow | undefined> {
  return db.row<FolderRow>(`select ${FOLDER} from folder where workspace_id = $1 and id = $2`, [workspaceId, id]);
}

/** Locks the folder, so that no file can be put into it until the change ends. */
export function lockFolder(tx: Executor, workspaceId: number, id: number): Promise<FolderRow | undefined> {
  return tx.row<FolderRow>(`select ${FOLDER} from folder where workspace_id = $1 and id = $2 for update`, [workspaceId, id]);
}

export async function listFolders(db: Executor, workspaceId: number, parentPath: string, page: Page): Promise<{ rows: FolderRow[]; total: number }> {
  const where = 'workspace_id = $1 and parent_path = $2';
  const [rows, count] = await Promise.all([
    db.rows<FolderRow>(`select ${FOLDER} from folder where ${where} order by path limit $3 offset $4`, [workspaceId, parentPath, page.size, page.offset]),
    db.row<{ count: number }>(`select count(*) as count from folder where ${where}`, [workspaceId, parentPath]),
  ]);
  return { rows, total: count?.count ?? 0 };
}

export async function countFolders(db: Executor, workspaceId: number): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) as count from folder where workspace_id = $1', [workspaceId]))?.count ?? 0;
}

/** Gives a folder a new path, and with it everything below. Files refer to their folder by id and need no change. */
export async function movePath(tx: Executor, workspaceId: number, from: string, to: string): Promise<void> {
  await tx.run(
    `update folder set path = $3::text || substr(path, length($2::text) + 1),
       parent_path = case when path = $2 then parent_path else $3::text || substr(parent_path, length($2::text) + 1) end
     where workspace_id = $1 and (path = $2 or starts_with(path, $2::text || '/'))`,
    [workspaceId, from, to],
  );
}

/** Whether a folder lies in this one, or a file that is not deleted. */
export async function folderInUse(tx: Executor, workspaceId: number, folder: FolderRow): Promise<boolean> {
  const row = await tx.row<{ used: boolean }>(
    `select exists (select 1 from folder where workspace_id = $1 and parent_path = $2) or exists (select 1 from node where folder_id = $3 and state = 'NORMAL') as used`,
    [workspaceId, folder.path, folder.id],
  );
  return row?.used ?? false;
}

export async function deleteFolder(tx: Executor, id: number): Promise<void> {
  await tx.run('delete from folder where id = $1', [id]);
}
