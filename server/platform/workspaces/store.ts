import type { ModulePermission } from '../../identity/roles.ts';
import type { Executor } from '../../kernel/database.ts';
import type { Page } from '../dialect.ts';
import type { WorkspaceStatus } from './status.ts';

/** All SQL of the workspaces. */

export interface CustomRoleRow {
  readonly id: number;
  readonly code: string;
  readonly name: string;
  readonly permissions: readonly ModulePermission[];
}

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

export interface WorkspaceRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly region: string;
  readonly name: string;
  readonly display_name: string;
  readonly description: string;
  readonly standard_mode: boolean;
  readonly dev_role_disabled: boolean;
  readonly pai_task_enabled: boolean;
  readonly download_allowed: boolean;
  readonly resource_group_id: string;
  readonly tags: readonly Tag[];
  readonly status: WorkspaceStatus;
  readonly status_before: WorkspaceStatus | null;
  readonly hold_id: number | null;
  readonly owner_id: number;
  readonly created_at: Date;
  readonly modified_at: Date;
}

export interface MemberRow {
  readonly workspace_id: number;
  readonly user_id: number;
  readonly roles: readonly string[];
}

export type NewWorkspace = Pick<
  WorkspaceRow,
  'region' | 'name' | 'display_name' | 'description' | 'standard_mode' | 'dev_role_disabled' | 'pai_task_enabled' | 'download_allowed' | 'resource_group_id' | 'tags'
>;

const COLUMNS =
  'id, tenant_id, region, name, display_name, description, standard_mode, dev_role_disabled, pai_task_enabled, download_allowed, resource_group_id, tags, status, status_before, hold_id, owner_id, created_at, modified_at';

export async function insertWorkspace(tx: Executor, tenantId: number, ownerId: number, now: Date, workspace: NewWorkspace): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `insert into workspace (tenant_id, owner_id, created_at, modified_at, status, region, name, display_name, description, standard_mode, dev_role_disabled,
       pai_task_enabled, download_allowed, resource_group_id, tags)
     values ($1, $2, $3, $3, 'Available', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) returning id`,
    [
      tenantId,
      ownerId,
      now,
      workspace.region,
      workspace.name,
      workspace.display_name,
      workspace.description,
      workspace.standard_mode,
      workspace.dev_role_disabled,
      workspace.pai_task_enabled,
      workspace.download_allowed,
      workspace.resource_group_id,
      JSON.stringify(workspace.tags),
    ],
  );
  if (row === undefined) throw new Error('the insert of a workspace returned no row');
  return row.id;
}

export async function countWorkspaces(tx: Executor, tenantId: number): Promise<number> {
  const row = await tx.row<{ count: number }>(`select count(*) as count from workspace where tenant_id = $1 and status <> 'Deleted'`, [tenantId]);
  return row?.count ?? 0;
}

export function workspaceById(db: Executor, id: number): Promise<WorkspaceRow | undefined> {
  return db.row<WorkspaceRow>(`select ${COLUMNS} from workspace where id = $1`, [id]);
}

/** Ids of the living workspaces of a tenant. */
export async function livingWorkspaceIds(db: Executor, tenantId: number): Promise<number[]> {
  return (await db.rows<{ id: number }>(`select id from workspace where tenant_id = $1 and status <> 'Deleted' order by id`, [tenantId])).map((row) => row.id);
}

/** The living workspace with the name; of several in different regions the oldest. */
export function livingWorkspaceByName(db: Executor, tenantId: number, name: string): Promise<WorkspaceRow | undefined> {
  return db.row<WorkspaceRow>(`select ${COLUMNS} from workspace where tenant_id = $1 and lower(name) = lower($2) and status <> 'Deleted' order by id limit 1`, [tenantId, name]);
}

/** The living workspace, locked against other changes. */
export function lockWorkspace(tx: Executor, tenantId: number, id: number): Promise<WorkspaceRow | undefined> {
  return tx.row<WorkspaceRow>(`select ${COLUMNS} from workspace where tenant_id = $1 and id = $2 and status <> 'Deleted' for update`, [tenantId, id]);
}

export interface WorkspaceFilter {
  readonly tenantId: number;
  readonly region: string;
  /** Only the workspaces of this member; all when undefined. */
  readonly memberId?: number | undefined;
  readonly ids?: readonly number[] | undefined;
  readonly names?: readonly string[] | undefined;
  readonly tags?: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined;
  readonly resourceGroupId?: string | undefined;
  readonly standardMode?: boolean | undefined;
  readonly devRoleDisabled?: boolean | undefined;
  readonly paiTaskEnabled?: boolean | undefined;
  readonly status?: string | undefined;
}

/** One page of living workspaces, newest first, and how many there are in all. */
export async function listWorkspaces(db: Executor, filter: WorkspaceFilter, page: Page): Promise<{ rows: WorkspaceRow[]; total: number }> {
  const where = `tenant_id = $1 and region = $2 and status <> 'Deleted'
    and ($3::bigint is null or exists (select 1 from workspace_member m where m.workspace_id = workspace.id and m.user_id = $3))
    and ($4::bigint[] is null or id = any($4)) and ($5::text[] is null or name = any($5)) and ($6::jsonb is null or tags @> $6)
    and ($7::text is null or resource_group_id = $7) and ($8::boolean is null or standard_mode = $8) and ($9::boolean is null or dev_role_disabled = $9)
    and ($10::boolean is null or pai_task_enabled = $10) and ($11::text is null or status = $11)`;
  const values = [
    filter.tenantId,
    filter.region,
    filter.memberId ?? null,
    filter.ids ?? null,
    filter.names ?? null,
    filter.tags === undefined ? null : JSON.stringify(filter.tags),
    filter.resourceGroupId ?? null,
    filter.standardMode ?? null,
    filter.devRoleDisabled ?? null,
    filter.paiTaskEnabled ?? null,
    filter.status ?? null,
  ];
  const [rows, count] = await Promise.all([
    db.rows<WorkspaceRow>(`select ${COLUMNS} from workspace where ${where} order by id desc limit $12 offset $13`, [...values, page.size, page.offset]),
    db.row<{ count: number }>(`select count(*) as count from workspace where ${where}`, values),
  ]);
  return { rows, total: count?.count ?? 0 };
}

/** Ids of the living workspaces of `userId`, limited to those that `seenBy` belongs to as well when it is given. */
export async function workspaceIdsOf(db: Executor, tenantId: number, userId: number, seenBy: number | undefined): Promise<number[]> {
  const rows = await db.rows<{ id: number }>(
    `select w.id from workspace w join workspace_member m on m.workspace_id = w.id and m.user_id = $2
     where w.tenant_id = $1 and w.status <> 'Deleted'
       and ($3::bigint is null or exists (select 1 from workspace_member s where s.workspace_id = w.id and s.user_id = $3))
     order by w.id`,
    [tenantId, userId, seenBy ?? null],
  );
  return rows.map((row) => row.id);
}

export interface WorkspaceSettings {
  readonly display_name: string;
  readonly description: string;
  readonly standard_mode: boolean;
  readonly dev_role_disabled: boolean;
  readonly pai_task_enabled: boolean;
  readonly status: WorkspaceStatus;
}

export async function updateSettings(tx: Executor, id: number, now: Date, settings: WorkspaceSettings): Promise<void> {
  await tx.run(
    'update workspace set display_name = $2, description = $3, standard_mode = $4, dev_role_disabled = $5, pai_task_enabled = $6, status = $7, modified_at = $8 where id = $1',
    [id, settings.display_name, settings.description, settings.standard_mode, settings.dev_role_disabled, settings.pai_task_enabled, settings.status, now],
  );
}

export async function markDeleting(tx: Executor, id: number, now: Date, holdId: number): Promise<void> {
  await tx.run(`update workspace set status_before = status, status = 'Deleting', hold_id = $2, modified_at = $3 where id = $1`, [id, holdId, now]);
}

export async function returnFromDeleting(tx: Executor, id: number, now: Date): Promise<void> {
  await tx.run(`update workspace set status = coalesce(status_before, 'Available'), status_before = null, hold_id = null, modified_at = $2 where id = $1`, [id, now]);
}

export async function markDeleted(tx: Executor, id: number, now: Date): Promise<void> {
  await tx.run(`update workspace set status = 'Deleted', status_before = null, hold_id = null, modified_at = $2, deleted_at = $2 where id = $1`, [id, now]);
}

export async function insertMember(tx: Executor, workspaceId: number, userId: number, roles: readonly string[], now: Date): Promise<boolean> {
  return (
    (await tx.run('insert into workspace_member (workspace_id, user_id, roles, created_at) values ($1, $2, $3, $4) on conflict (workspace_id, user_id) do nothing', [
      workspaceId,
      userId,
      roles,
      now,
    ])) === 1
  );
}

export function memberOf(db: Executor, workspaceId: number, userId: number): Promise<MemberRow | undefined> {
  return db.row<MemberRow>('select workspace_id, user_id, roles from workspace_member where workspace_id = $1 and user_id = $2', [workspaceId, userId]);
}

export function lockMember(tx: Executor, workspaceId: number, userId: number): Promise<MemberRow | undefined> {
  return tx.row<MemberRow>('select workspace_id, user_id, roles from workspace_member where workspace_id = $1 and user_id = $2 for update', [workspaceId, userId]);
}

export function allMembers(db: Executor, workspaceId: number): Promise<MemberRow[]> {
  return db.rows<MemberRow>('select workspace_id, user_id, roles from workspace_member where workspace_id = $1', [workspaceId]);
}

export async function setMemberRoles(tx: Executor, workspaceId: number, userId: number, roles: readonly string[]): Promise<void> {
  await tx.run('update workspace_member set roles = $3 where workspace_id = $1 and user_id = $2', [workspaceId, userId, roles]);
}

export async function deleteMember(tx: Executor, workspaceId: number, userId: number): Promise<void> {
  await tx.run('delete from workspace_member where workspace_id = $1 and user_id = $2', [workspaceId, userId]);
}

export async function listMembers(
  db: Executor,
  filter: { readonly workspaceId: number; readonly roles?: readonly string[] | undefined; readonly userIds?: readonly number[] | undefined },
  page: Page,
): Promise<{ rows: MemberRow[]; total: number }> {
  const where = 'workspace_id = $1 and ($2::text[] is null or roles && $2) and ($3::bigint[] is null or user_id = any($3))';
  const values = [filter.workspaceId, filter.roles ?? null, filter.userIds ?? null];
  const [rows, count] = await Promise.all([
    db.rows<MemberRow>(`select workspace_id, user_id, roles from workspace_member where ${where} order by user_id limit $4 offset $5`, [...values, page.size, page.offset]),
    db.row<{ count: number }>(`select count(*) as count from workspace_member where ${where}`, values),
  ]);
  return { rows, total: count?.count ?? 0 };
}

const ROLE = 'id, code, name, permissions';

/** The roles that a workspace has beside the built-in ones, oldest first; there are few. */
export function allRoles(db: Executor, workspaceId: number): Promise<CustomRoleRow[]> {
  return db.rows<CustomRoleRow>(`select ${ROLE} from workspace_role where workspace_id = $1 order by id`, [workspaceId]);
}

export async function insertRole(tx: Executor, workspaceId: number, role: Pick<CustomRoleRow, 'name' | 'permissions'>, now: Date): Promise<CustomRoleRow> {
  const row = await tx.row<CustomRoleRow>(`insert into workspace_role (workspace_id, name, permissions, created_at, modified_at) values ($1, $2, $3, $4, $4) returning ${ROLE}`, [
    workspaceId,
    role.name,
    JSON.stringify(role.permissions),
    now,
  ]);
  if (row === undefined) throw new Error('the insert of a role returned no row');
  return row;
}

/** False when there is no such role. */
export async function setRolePermissions(tx: Executor, workspaceId: number, code: string, permissions: readonly ModulePermission[], now: Date): Promise<boolean> {
  return (await tx.run('update workspace_role set permissions = $3, modified_at = $4 where workspace_id = $1 and code = $2', [workspaceId, code, JSON.stringify(permissions), now])) === 1;
}

/** The roles go with the workspace; its row stays, for what tells of the past. */
export async function deleteRolesOf(tx: Executor, workspaceId: number): Promise<void> {
  await tx.run('delete from workspace_role where workspace_id = $1', [workspaceId]);
}

/** False when there is no such role. */
export async function deleteRole(tx: Executor, workspaceId: number, code: string): Promise<boolean> {
  return (await tx.run('delete from workspace_role where workspace_id = $1 and code = $2', [workspaceId, code])) === 1;
}
