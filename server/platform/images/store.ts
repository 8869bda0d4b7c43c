import type { Executor } from '../../kernel/database.ts';

/** All SQL of images. */

/** An image in one of its versions. */
export interface ImageRow {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly uri: string;
  readonly description: string;
  readonly task_types: readonly string[];
  readonly created_by: number;
  readonly created_at: Date;
  readonly version_by: number;
  readonly version_at: Date;
}

const IMAGE = 'i.id, i.name, v.version, v.uri, v.description, v.task_types, i.created_by, i.created_at, v.created_by as version_by, v.created_at as version_at';

/** The image of the name, which is made when there is none. Locked, so that its versions are added one after the other. */
export async function imageNamed(tx: Executor, tenantId: number, name: string, userId: number, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>(
    'insert into image (tenant_id, name, created_by, created_at) values ($1, $2, $3, $4) on conflict (tenant_id, name) do update set name = excluded.name returning id',
    [tenantId, name, userId, now],
  );
  if (row === undefined) throw new Error('the image was not written');
  return row.id;
}

export async function insertVersion(tx: Executor, imageId: number, version: Pick<ImageRow, 'version' | 'uri' | 'description' | 'task_types'>, userId: number, now: Date): Promise<void> {
  await tx.run('insert into image_version (image_id, version, uri, description, task_types, created_by, created_at) values ($1, $2, $3, $4, $5, $6, $7)', [
    imageId,
    version.version,
    version.uri,
    version.description,
    version.task_types,
    userId,
    now,
  ]);
}

/** All images of a tenant, each in its latest version; their number is limited. */
export function allImages(db: Executor, tenantId: number): Promise<ImageRow[]> {
  return db.rows<ImageRow>(`select distinct on (i.id) ${IMAGE} from image i join image_version v on v.image_id = i.id where i.tenant_id = $1 order by i.id, v.position desc`, [tenantId]);
}

/** All versions of an image, the latest first; their number is limited. */
export function versionsOf(db: Executor, tenantId: number, id: number): Promise<ImageRow[]> {
  return db.rows<ImageRow>(`select ${IMAGE} from image i join image_version v on v.image_id = i.id where i.tenant_id = $1 and i.id = $2 order by v.position desc`, [tenantId, id]);
}

export async function countImages(tx: Executor, tenantId: number): Promise<number> {
  return (await tx.row<{ count: number }>('select count(*) as count from image where tenant_id = $1', [tenantId]))?.count ?? 0;
}

/** Deletes an image with its versions, and from the workspaces that use it. False when there is none. */
export async function deleteImage(tx: Executor, tenantId: number, id: number): Promise<boolean> {
  if ((await tx.run('delete from image where tenant_id = $1 and id = $2', [tenantId, id])) === 0) return false;
  await tx.run('delete from image_workspace where tenant_id = $1 and image_id = $2', [tenantId, String(id)]);
  return true;
}

/** False when the workspace uses it already. */
export async function associate(tx: Executor, tenantId: number, imageId: string, workspaceId: number, now: Date): Promise<boolean> {
  return (await tx.run('insert into image_workspace (image_id, tenant_id, workspace_id, created_at) values ($1, $2, $3, $4) on conflict do nothing', [imageId, tenantId, workspaceId, now])) === 1;
}

/** False when the workspace does not use it. */
export async function dissociate(tx: Executor, imageId: string, workspaceId: number): Promise<boolean> {
  return (await tx.run('delete from image_workspace where image_id = $1 and workspace_id = $2', [imageId, workspaceId])) === 1;
}

export async function dissociateAll(tx: Executor, workspaceId: number): Promise<void> {
  await tx.run('delete from image_workspace where workspace_id = $1', [workspaceId]);
}

export async function workspacesOf(db: Executor, tenantId: number, imageId: string): Promise<number[]> {
  return (await db.rows<{ workspace_id: number }>('select workspace_id from image_workspace where tenant_id = $1 and image_id = $2 order by workspace_id', [tenantId, imageId])).map((row) => row.workspace_id);
}

/** Ids of the images that any of the workspaces uses. */
export async function imagesUsedIn(db: Executor, tenantId: number, workspaceIds: readonly number[]): Promise<Set<string>> {
  return new Set((await db.rows<{ image_id: string }>('select distinct image_id from image_workspace where tenant_id = $1 and workspace_id = any($2)', [tenantId, workspaceIds])).map((row) => row.image_id));
}
