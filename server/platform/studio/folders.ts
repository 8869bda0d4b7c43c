import type { Change } from '../../kernel/change.ts';
import { isUniqueViolation } from '../../kernel/database.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import {
  businessByName,
  countBusinesses,
  businessInUse,
  countFolders,
  deleteBusiness,
  deleteFolder,
  ensureFolder,
  folderByPath,
  folderInUse,
  insertBusiness,
  lockBusiness,
  lockFolder,
  lockTree,
  movePath,
  updateBusiness,
  type BusinessRow,
  type FolderRow,
} from './folder-store.ts';
import type { UseType } from './model.ts';
import { ADHOC_ROOT, BUSINESS_FOLDERS, BUSINESS_ROOTS, checkName, readPath } from './names.ts';

/** The rules of businesses and folders. */

/** Where a file lies. */
export interface Place {
  readonly folderId: number | null;
  readonly businessId: number | null;
  /** What files are for in this place. */
  readonly useType: UseType;
}

export const TOP: Place = { folderId: null, businessId: null, useType: 'NORMAL' };

function exists(kind: 'Business' | 'Folder', id: string): ApiError {
  return new ApiError('AlreadyExists', { kind, label: kind.toLowerCase(), id });
}

function inUse(kind: 'Business' | 'Folder', id: number, reason: string): ApiError {
  return new ApiError('WrongState', { kind, label: kind.toLowerCase(), id, reason });
}

/** The business that a path leads into, when it begins with a root of businesses. */
async function businessOf(change: Change, workspaceId: number, parameter: string, parts: readonly string[]): Promise<BusinessRow | undefined> {
  const useType = parts[0] === BUSINESS_ROOTS.NORMAL ? 'NORMAL' : parts[0] === BUSINESS_ROOTS.MANUAL_BIZ ? 'MANUAL_BIZ' : undefined;
  if (useType === undefined) return undefined;
  const name = parts[1];
  if (name === undefined) throw invalid(parameter, `the path must name a business below ${parts[0]}`);
  const business = await businessByName(change, workspaceId, useType, name);
  if (business === undefined) throw notFound('Business', name);
  return business;
}

/** Folders that are there without being created: the one of a business, those directly below it, and the root of queries. */
function isManaged(business: BusinessRow | undefined, parts: readonly string[], depth: number): boolean {
  return business === undefined ? depth === 1 && parts[0] === ADHOC_ROOT : depth <= 3;
}

async function addFolder(change: Change, workspaceId: number, parts: readonly string[], depth: number, business: BusinessRow | undefined): Promise<FolderRow> {
  if ((await countFolders(change, workspaceId)) >= limits.foldersPerWorkspace.value) {
    throw new ApiError('TooMany', { kind: 'Folder', limit: limits.foldersPerWorkspace.value, label: 'folders' });
  }
  return ensureFolder(change, change.actor.tenantId, workspaceId, change.now, {
    path: parts.slice(0, depth).join('/'),
    parentPath: parts.slice(0, depth - 1).join('/'),
    businessId: business?.id ?? null,
    managed: isManaged(business, parts, depth),
  });
}

/**
 * The place that `path` names. Folders that exist by themselves are made on the way; others only when `create` is set.
 * Throws NotFound for a business or folder that is not there.
 */
export async function findPlace(change: Change, workspaceId: number, path: string, create: boolean): Promise<Place> {
  const parts = readPath('FileFolderPath', path);
  if (parts.length === 0) return TOP;
  const business = await businessOf(change, workspaceId, 'FileFolderPath', parts);
  const useType = business?.use_type ?? (parts[0] === ADHOC_ROOT ? 'ADHOCQUERY' : 'NORMAL');
  let folder = await folderByPath(change, workspaceId, parts.join('/'));
  if (folder === undefined) {
    await lockTree(change, workspaceId);
    // The root of the businesses itself is no folder.
    for (let depth = business === undefined ? 1 : 2; depth <= parts.length; depth += 1) {
      folder = await folderByPath(change, workspaceId, parts.slice(0, depth).join('/'));
      if (folder !== undefined) continue;
      if (!create && !isManaged(business, parts, depth)) throw notFound('Folder', parts.slice(0, depth).join('/'));
      folder = await addFolder(change, workspaceId, parts, depth, business);
    }
  }
  return { folderId: folder?.id ?? null, businessId: business?.id ?? null, useType };
}

/** Creates the folder, and what is missing above it. Returns its id. */
export async function createFolder(change: Change, workspaceId: number, path: string): Promise<number> {
  const parts = readPath('FolderPath', path);
  if (parts.length === 0) throw invalid('FolderPath', 'it names no folder');
  const business = await businessOf(change, workspaceId, 'FolderPath', parts);
  await lockTree(change, workspaceId);
  if ((await folderByPath(change, workspaceId, parts.join('/'))) !== undefined) throw exists('Folder', parts.join('/'));
  let folder: FolderRow | undefined;
  for (let depth = business === undefined ? 1 : 2; depth <= parts.length; depth += 1) {
    folder = (await folderByPath(change, workspaceId, parts.slice(0, depth).join('/'))) ?? (await addFolder(change, workspaceId, parts, depth, business));
  }
  if (folder === undefined) throw invalid('FolderPath', 'it names no folder');
  change.touch(`folder:${folder.id}`);
  return folder.id;
}

async function folderByHand(change: Change, workspaceId: number, folderId: number): Promise<FolderRow> {
  await lockTree(change, workspaceId);
  const folder = await lockFolder(change, workspaceId, folderId);
  if (folder === undefined) throw notFound('Folder', folderId);
  if (folder.managed) throw inUse('Folder', folderId, 'it belongs to the studio and cannot be renamed or deleted');
  change.touch(`folder:${folderId}`);
  return folder;
}

/** Renames a folder. What lies in it stays in it. */
export async function renameFolder(change: Change, workspaceId: number, folderId: number, name: string): Promise<void> {
  checkName('FolderName', name);
  const folder = await folderByHand(change, workspaceId, folderId);
  const path = folder.parent_path === '' ? name : `${folder.parent_path}/${name}`;
  if (path === folder.path) return;
  if ((await folderByPath(change, workspaceId, path)) !== undefined) throw exists('Folder', path);
  await movePath(change, workspaceId, folder.path, path);
}

/** Deletes an empty folder. Throws WrongState when something is in it. */
export async function removeFolder(change: Change, workspaceId: number, folderId: number): Promise<void> {
  const folder = await folderByHand(change, workspaceId, folderId);
  if (await folderInUse(change, workspaceId, folder)) throw inUse('Folder', folderId, 'it is not empty');
  await deleteFolder(change, folderId);
}

/** Creates a business with its folders. Returns its id. */
export async function createBusiness(change: Change, business: Omit<BusinessRow, 'id'>): Promise<number> {
  checkName('BusinessName', business.name);
  await lockTree(change, business.workspace_id);
  if ((await countBusinesses(change, business.workspace_id)) >= limits.businessesPerWorkspace.value) {
    throw new ApiError('TooMany', { kind: 'Business', limit: limits.businessesPerWorkspace.value, label: 'business flows' });
  }
  let id: number;
  try {
    id = await insertBusiness(change, change.actor.tenantId, change.now, business);
  } catch (error) {
    if (isUniqueViolation(error, 'business_name')) throw exists('Business', business.name);
    throw error;
  }
  const row = { ...business, id };
  const root = [BUSINESS_ROOTS[business.use_type], business.name];
  await addFolder(change, business.workspace_id, root, 2, row);
  for (const name of BUSINESS_FOLDERS) await addFolder(change, business.workspace_id, [...root, name], 3, row);
  change.touch(`business:${id}`);
  return id;
}

export async function changeBusiness(change: Change, workspaceId: number, id: number, wanted: Partial<Pick<BusinessRow, 'name' | 'description' | 'owner_id'>>): Promise<void> {
  await lockTree(change, workspaceId);
  const business = await lockBusiness(change, workspaceId, id);
  if (business === undefined) throw notFound('Business', id);
  const name = checkName('BusinessName', wanted.name ?? business.name);
  if (name !== business.name && (await businessByName(change, workspaceId, business.use_type, name)) !== undefined) throw exists('Business', name);
  await updateBusiness(change, id, change.now, { name, description: wanted.description ?? business.description, owner_id: wanted.owner_id ?? business.owner_id });
  const root = BUSINESS_ROOTS[business.use_type];
  if (name !== business.name) await movePath(change, workspaceId, `${root}/${business.name}`, `${root}/${name}`);
  change.touch(`business:${id}`);
}

/** Deletes a business without files, and its folders. Throws WrongState when files are in it. */
export async function removeBusiness(change: Change, workspaceId: number, id: number): Promise<void> {
  await lockTree(change, workspaceId);
  if ((await lockBusiness(change, workspaceId, id)) === undefined) throw notFound('Business', id);
  if (await businessInUse(change, id)) throw inUse('Business', id, 'it still has files');
  await deleteBusiness(change, id);
  change.touch(`business:${id}`);
}
