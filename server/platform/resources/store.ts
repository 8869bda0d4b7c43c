import type { Executor } from '../../kernel/database.ts';
import type { Page } from '../dialect.ts';

/** All SQL of resource groups, networks and routes. */

export interface GroupTag {
  readonly Key: string;
  readonly Value: string;
}

export interface GroupRow {
  readonly id: string;
  readonly number: number;
  readonly tenant_id: number;
  readonly is_default: boolean;
  readonly name: string;
  readonly remark: string;
  readonly payment_type: string;
  /** Slots; null means as many as a process has. */
  readonly spec: number | null;
  readonly vpc_id: string;
  readonly vswitch_id: string;
  readonly resource_manager_group_id: string;
  readonly tags: readonly GroupTag[];
  readonly status: string;
  readonly created_by: number;
  readonly created_at: Date;
  readonly modified_at: Date;
}

export type NewGroup = Omit<GroupRow, 'number' | 'status' | 'modified_at'>;

const GROUP = 'id, number, tenant_id, is_default, name, remark, payment_type, spec, vpc_id, vswitch_id, resource_manager_group_id, tags, status, created_by, created_at, modified_at';

/** Inserts a group. A default group that is there already is left as it is. */
export async function insertGroup(tx: Executor, group: NewGroup): Promise<void> {
  await tx.run(
    `insert into resource_group (id, tenant_id, is_default, name, remark, payment_type, spec, vpc_id, vswitch_id, resource_manager_group_id, tags, created_by, created_at, modified_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) on conflict (id) do nothing`,
    [
      group.id,
      group.tenant_id,
      group.is_default,
      group.name,
      group.remark,
      group.payment_type,
      group.spec,
      group.vpc_id,
      group.vswitch_id,
      group.resource_manager_group_id,
      JSON.stringify(group.tags),
      group.created_by,
      group.created_at,
    ],
  );
}

export async function countGroups(db: Executor, tenantId: number): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) as count from resource_group where tenant_id = $1', [tenantId]))?.count ?? 0;
}

export function groupById(db: Executor, tenantId: number, id: string): Promise<GroupRow | undefined> {
  return db.row<GroupRow>(`select ${GROUP} from resource_group where tenant_id = $1 and id = $2`, [tenantId, id]);
}

/** The group, locked against other changes. */
export function lockGroup(tx: Executor, tenantId: number, id: string): Promise<GroupRow | undefined> {
  return tx.row<GroupRow>(`select ${GROUP} from resource_group where tenant_id = $1 and id = $2 for update`, [tenantId, id]);
}

export function defaultGroup(db: Executor, tenantId: number): Promise<GroupRow | undefined> {
  return db.row<GroupRow>(`select ${GROUP} from resource_group where tenant_id = $1 and is_default`, [tenantId]);
}

/** The group with the id, or else the name, or else the number of the older dialect, that the workspace may use. */
export function usableGroup(db: Executor, tenantId: number, workspaceId: number, idOrName: string): Promise<GroupRow | undefined> {
  return db.row<GroupRow>(
    `select ${GROUP} from resource_group g where tenant_id = $1 and (id = $3 or name = $3 or number::text = $3)
       and (is_default or exists (select 1 from resource_group_workspace w where w.group_id = g.id and w.workspace_id = $2))
     order by (id = $3) desc, (name = $3) desc limit 1`,
    [tenantId, workspaceId, idOrName],
  );
}

/** Whether a group of any tenant is there, and its slots (null: as many as a process has). */
export function slotsOfGroup(db: Executor, id: string): Promise<{ spec: number | null } | undefined> {
  return db.row('select spec from resource_group where id = $1', [id]);
}

export async function updateGroup(tx: Executor, id: string, now: Date, group: Pick<GroupRow, 'name' | 'remark' | 'resource_manager_group_id'>): Promise<void> {
  await tx.run('update resource_group set name = $2, remark = $3, resource_manager_group_id = $4, modified_at = $5 where id = $1', [id, group.name, group.remark, group.resource_manager_group_id, now]);
}

/** Deletes a group with its associations, networks and routes. */
export async function deleteGroup(tx: Executor, id: string): Promise<void> {
  await tx.run('delete from resource_group where id = $1', [id]);
}

export interface GroupFilter {
  readonly tenantId: number;
  readonly name?: string | undefined;
  /** Part of a name or an id, as the older dialect searches. */
  readonly keyword?: string | undefined;
  readonly paymentType?: string | undefined;
  readonly statuses?: readonly string[] | undefined;
  readonly resourceManagerGroupId?: string | undefined;
  readonly tags?: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined;
  /** Only groups that this workspace may use. */
  readonly workspaceId?: number | undefined;
}

/** Columns by the name in `SortBy`. */
export const groupOrders: Readonly<Record<string, string>> = {
  CreateTime: 'created_at',
  Id: 'id',
  Name: 'name',
  Remark: 'remark',
  Type: 'is_default',
  Status: 'status',
  Spec: 'spec',
  CreateUser: 'created_by',
};

/** `order` is one of `groupOrders` with its direction. */
export async function listGroups(db: Executor, filter: GroupFilter, order: string, page: Pick<Page, 'size' | 'offset'>): Promise<{ rows: GroupRow[]; total: number }> {
  const where = `tenant_id = $1 and ($2::text is null or position(lower($2) in lower(name)) > 0) and ($3::text is null or payment_type = $3) and ($4::text[] is null or status = any($4))
    and ($5::text is null or resource_manager_group_id = $5) and ($6::jsonb is null or tags @> $6)
    and ($7::bigint is null or is_default or exists (select 1 from resource_group_workspace w where w.group_id = resource_group.id and w.workspace_id = $7))
    and ($8::text is null or position(lower($8) in lower(name)) > 0 or position(lower($8) in lower(id)) > 0)`;
  const values = [
    filter.tenantId,
    filter.name ?? null,
    filter.paymentType ?? null,
    filter.statuses ?? null,
    filter.resourceManagerGroupId ?? null,
    filter.tags === undefined ? null : JSON.stringify(filter.tags),
    filter.workspaceId ?? null,
    filter.keyword ?? null,
  ];
  const total = (await db.row<{ count: number }>(`select count(*) as count from resource_group where ${where}`, values))?.count ?? 0;
  const rows = await db.rows<GroupRow>(`select ${GROUP} from resource_group where ${where} order by ${order}, number limit $9 offset $10`, [...values, page.size, page.offset]);
  return { rows, total };
}

/** Returns false when the workspace was associated already. */
export async function associate(tx: Executor, groupId: string, workspaceId: number, now: Date): Promise<boolean> {
  return (await tx.run('insert into resource_group_workspace (group_id, workspace_id, created_at) values ($1, $2, $3) on conflict do nothing', [groupId, workspaceId, now])) > 0;
}

/** Returns false when it was not associated. */
export async function dissociate(tx: Executor, groupId: string, workspaceId: number): Promise<boolean> {
  return (await tx.run('delete from resource_group_workspace where group_id = $1 and workspace_id = $2', [groupId, workspaceId])) > 0;
}

export async function associatedWorkspaces(db: Executor, groupId: string): Promise<number[]> {
  return (await db.rows<{ workspace_id: number }>('select workspace_id from resource_group_workspace where group_id = $1 order by workspace_id', [groupId])).map((row) => row.workspace_id);
}

export interface NetworkRow {
  readonly id: number;
  readonly group_id: string;
  readonly vpc_id: string;
  readonly vswitch_id: string;
  readonly created_by: number;
  readonly created_at: Date;
}

const NETWORK = 'n.id, n.group_id, n.vpc_id, n.vswitch_id, n.created_by, n.created_at';

export async function insertNetwork(tx: Executor, network: Omit<NetworkRow, 'id'>): Promise<number> {
  const row = await tx.row<{ id: number }>('insert into resource_network (group_id, vpc_id, vswitch_id, created_by, created_at) values ($1, $2, $3, $4, $5) returning id', [
    network.group_id,
    network.vpc_id,
    network.vswitch_id,
    network.created_by,
    network.created_at,
  ]);
  if (row === undefined) throw new Error('the insert of a network returned no row');
  return row.id;
}

export function networkById(db: Executor, tenantId: number, id: number): Promise<NetworkRow | undefined> {
  return db.row<NetworkRow>(`select ${NETWORK} from resource_network n join resource_group g on g.id = n.group_id where g.tenant_id = $1 and n.id = $2`, [tenantId, id]);
}

/** The network, locked so that it keeps its routes. */
export function lockNetwork(tx: Executor, tenantId: number, id: number): Promise<NetworkRow | undefined> {
  return tx.row<NetworkRow>(`select ${NETWORK} from resource_network n join resource_group g on g.id = n.group_id where g.tenant_id = $1 and n.id = $2 for update of n`, [tenantId, id]);
}

/** Columns by the name in `SortBy`. */
export const networkOrders: Readonly<Record<string, string>> = { CreateTime: 'created_at', Id: 'id', Status: 'id', CreateUser: 'created_by' };

export async function listNetworks(db: Executor, groupId: string, order: string, page: Pick<Page, 'size' | 'offset'>): Promise<{ rows: NetworkRow[]; total: number }> {
  const total = (await db.row<{ count: number }>('select count(*) as count from resource_network where group_id = $1', [groupId]))?.count ?? 0;
  const rows = await db.rows<NetworkRow>(`select ${NETWORK} from resource_network n where n.group_id = $1 order by n.${order}, n.id limit $2 offset $3`, [groupId, page.size, page.offset]);
  return { rows, total };
}

/** Deletes a network with its routes. */
export async function deleteNetwork(tx: Executor, id: number): Promise<void> {
  await tx.run('delete from resource_network where id = $1', [id]);
}

export interface RouteRow {
  readonly id: number;
  readonly network_id: number;
  readonly group_id: string;
  readonly destination_cidr: string;
  readonly created_at: Date;
}

const ROUTE = 'r.id, r.network_id, n.group_id, r.destination_cidr, r.created_at';
const ROUTE_FROM = 'resource_route r join resource_network n on n.id = r.network_id join resource_group g on g.id = n.group_id';

export async function insertRoute(tx: Executor, networkId: number, destination: string, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>('insert into resource_route (network_id, destination_cidr, created_at) values ($1, $2, $3) returning id', [networkId, destination, now]);
  if (row === undefined) throw new Error('the insert of a route returned no row');
  return row.id;
}

export function routeById(db: Executor, tenantId: number, id: number): Promise<RouteRow | undefined> {
  return db.row<RouteRow>(`select ${ROUTE} from ${ROUTE_FROM} where g.tenant_id = $1 and r.id = $2`, [tenantId, id]);
}

export async function countRoutes(db: Executor, networkId: number): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) as count from resource_route where network_id = $1', [networkId]))?.count ?? 0;
}

/** Columns by the name in `SortBy`. */
export const routeOrders: Readonly<Record<string, string>> = { CreateTime: 'created_at', Id: 'id', DestinationCidr: 'destination_cidr' };

export async function listRoutes(db: Executor, groupId: string, networkId: number | undefined, order: string, page: Pick<Page, 'size' | 'offset'>): Promise<{ rows: RouteRow[]; total: number }> {
  const where = 'n.group_id = $1 and ($2::bigint is null or r.network_id = $2)';
  const total = (await db.row<{ count: number }>(`select count(*) as count from ${ROUTE_FROM} where ${where}`, [groupId, networkId ?? null]))?.count ?? 0;
  const rows = await db.rows<RouteRow>(`select ${ROUTE} from ${ROUTE_FROM} where ${where} order by r.${order}, r.id limit $3 offset $4`, [groupId, networkId ?? null, page.size, page.offset]);
  return { rows, total };
}

export async function updateRoute(tx: Executor, id: number, destination: string): Promise<void> {
  await tx.run('update resource_route set destination_cidr = $2 where id = $1', [id, destination]);
}

export async function deleteRoute(tx: Executor, id: number): Promise<void> {
  await tx.run('delete from resource_route where id = $1', [id]);
}

/** Takes a workspace out of all groups. */
export async function dissociateAll(tx: Executor, workspaceId: number): Promise<void> {
  await tx.run('delete from resource_group_workspace where workspace_id = $1', [workspaceId]);
}
