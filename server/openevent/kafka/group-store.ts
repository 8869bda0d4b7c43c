import type { Executor } from '../../kernel/database.ts';

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable';

/** Who coordinates: writes of an owner whose epoch is over change nothing. */
export interface Fence {
  readonly owner: string;
  readonly epoch: number;
}

export type GroupWrite = 'written' | 'fenced' | 'full';

/** Writes the state of a group down, and makes the group if the tenant has room for one more. */
export async function writeGroup(
  db: Executor,
  fence: Fence,
  group: { readonly tenantId: number; readonly userId: number; readonly groupId: string; readonly protocolType: string; readonly state: GroupState; readonly members: number },
  most: number,
  now: Date,
): Promise<GroupWrite> {
  const row = await db.row<{ held: number; written: number }>(
    `with fence as (select 1 from kafka_index where owner = $1 and epoch = $2), present as (
       select 1 from kafka_group where user_id = $4 and group_id = $5
     ), written as (
       insert into kafka_group (user_id, group_id, protocol_type, state, members, epoch, created_at, modified_at)
       select $4::bigint, $5::text, $6::text, $7::text, $8::integer, $2::bigint, $9::timestamptz, $9::timestamptz from fence
       where exists (select from present) or (select count(*) from kafka_group g join kafka_user u on u.id = g.user_id where u.tenant_id = $3) < $10
       on conflict (user_id, group_id) do update
         set protocol_type = excluded.protocol_type, state = excluded.state, members = excluded.members, epoch = excluded.epoch, modified_at = excluded.modified_at
       returning 1)
     select (select count(*) from fence) as held, (select count(*) from written) as written`,
    [fence.owner, fence.epoch, group.tenantId, group.userId, group.groupId, group.protocolType, group.state, group.members, now, most],
  );
  if (row?.held !== 1) return 'fenced';
  return row.written === 1 ? 'written' : 'full';
}

export interface CommittedOffset {
  readonly workspaceId: number;
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string;
}

/** Writes offsets of a group that is there. False when the coordinator is another by now. */
export async function commitOffsets(db: Executor, fence: Fence, userId: number, groupId: string, offsets: readonly CommittedOffset[], now: Date): Promise<boolean> {
  const row = await db.row<{ held: number }>(
    `with fence as (select 1 from kafka_index where owner = $1 and epoch = $2), written as (
       insert into kafka_group_offset (user_id, group_id, workspace_id, partition, committed_offset, metadata, committed_at)
       select $3::bigint, $4::text, o.workspace_id, o.partition, o.committed_offset, o.metadata, $9::timestamptz
       from unnest($5::bigint[], $6::integer[], $7::bigint[], $8::text[]) as o(workspace_id, partition, committed_offset, metadata), fence
       on conflict (user_id, group_id, workspace_id, partition) do update
         set committed_offset = excluded.committed_offset, metadata = excluded.metadata, committed_at = excluded.committed_at)
     select count(*) as held from fence`,
    [
      fence.owner,
      fence.epoch,
      userId,
      groupId,
      offsets.map((one) => one.workspaceId),
      offsets.map((one) => one.partition),
      offsets.map((one) => one.offset),
      offsets.map((one) => one.metadata),
      now,
    ],
  );
  return row?.held === 1;
}

export async function readOffsets(db: Executor, userId: number, groupId: string): Promise<CommittedOffset[]> {
  const rows = await db.rows<{ workspace_id: number; partition: number; committed_offset: number; metadata: string }>(
    'select workspace_id, partition, committed_offset, metadata from kafka_group_offset where user_id = $1 and group_id = $2 order by workspace_id, partition',
    [userId, groupId],
  );
  return rows.map((row) => ({ workspaceId: row.workspace_id, partition: row.partition, offset: row.committed_offset, metadata: row.metadata }));
}

export async function deleteOffsets(db: Executor, userId: number, groupId: string, places: readonly { workspaceId: number; partition: number }[]): Promise<void> {
  await db.run(
    `delete from kafka_group_offset as o using unnest($3::bigint[], $4::integer[]) as p(workspace_id, partition)
     where o.user_id = $1 and o.group_id = $2 and o.workspace_id = p.workspace_id and o.partition = p.partition`,
    [userId, groupId, places.map((one) => one.workspaceId), places.map((one) => one.partition)],
  );
}

export async function deleteGroup(db: Executor, userId: number, groupId: string): Promise<boolean> {
  return (await db.run('delete from kafka_group where user_id = $1 and group_id = $2', [userId, groupId])) === 1;
}

export interface GroupRow {
  readonly user_id: number;
  readonly login: string;
  readonly group_id: string;
  readonly protocol_type: string;
  readonly state: GroupState;
  readonly members: number;
  readonly modified_at: Date;
}

/** A state that was written by a coordinator of an earlier epoch has ended with it. */
const groupColumns = `g.user_id, u.login, g.group_id, g.protocol_type, g.modified_at,
  case when g.epoch = i.epoch and i.lease_until > $2 then g.state else 'Empty' end as state,
  case when g.epoch = i.epoch and i.lease_until > $2 then g.members else 0 end as members`;
const groupSource = 'kafka_group g join kafka_user u on u.id = g.user_id cross join kafka_index i';

export function listGroupsOfUser(db: Executor, userId: number, now: Date): Promise<GroupRow[]> {
  return db.rows(`select ${groupColumns} from ${groupSource} where g.user_id = $1 order by g.group_id`, [userId, now]);
}

export function listGroups(db: Executor, tenantId: number, now: Date, userId: number | undefined, offset: number, count: number): Promise<GroupRow[]> {
  return db.rows(`select ${groupColumns} from ${groupSource} where u.tenant_id = $1 and ($3::bigint is null or u.id = $3) order by g.user_id, g.group_id offset $4 limit $5`, [
    tenantId,
    now,
    userId ?? null,
    offset,
    count,
  ]);
}

export async function countGroups(db: Executor, tenantId: number, userId: number | undefined): Promise<number> {
  const row = await db.row<{ count: number }>('select count(*) from kafka_group g join kafka_user u on u.id = g.user_id where u.tenant_id = $1 and ($2::bigint is null or u.id = $2)', [
    tenantId,
    userId ?? null,
  ]);
  return row?.count ?? 0;
}

/** The group, locked: the coordinator cannot let a first member in until the transaction ends. */
export async function lockGroup(tx: Executor, userId: number, groupId: string, now: Date): Promise<{ members: number } | undefined> {
  await tx.run('select 1 from kafka_group where user_id = $1 and group_id = $2 for update', [userId, groupId]);
  return tx.row(
    `select case when g.epoch = i.epoch and i.lease_until > $3 then g.members else 0 end as members
     from kafka_group g cross join kafka_index i where g.user_id = $1 and g.group_id = $2`,
    [userId, groupId, now],
  );
}

/** Sets offsets without a coordinator, for a group without members. */
export async function setOffsets(tx: Executor, userId: number, groupId: string, offsets: readonly CommittedOffset[], now: Date): Promise<void> {
  await tx.run(
    `insert into kafka_group_offset (user_id, group_id, workspace_id, partition, committed_offset, metadata, committed_at)
     select $1::bigint, $2::text, o.*, $7::timestamptz from unnest($3::bigint[], $4::integer[], $5::bigint[], $6::text[]) as o
     on conflict (user_id, group_id, workspace_id, partition) do update
       set committed_offset = excluded.committed_offset, metadata = excluded.metadata, committed_at = excluded.committed_at`,
    [userId, groupId, offsets.map((one) => one.workspaceId), offsets.map((one) => one.partition), offsets.map((one) => one.offset), offsets.map((one) => one.metadata), now],
  );
}

export interface LagRow {
  readonly user_id: number;
  readonly group_id: string;
  readonly workspace_id: number;
  readonly partition: number;
  readonly committed_offset: number;
  readonly next_offset: number;
  readonly committed_at: Date;
}

/** Where the groups stand, beside the ends of the partitions. */
export function readLag(db: Executor, groups: readonly { user_id: number; group_id: string }[]): Promise<LagRow[]> {
  return db.rows(
    `select o.user_id, o.group_id, o.workspace_id, o.partition, o.committed_offset, coalesce(c.next_offset, 0) as next_offset, o.committed_at
     from unnest($1::bigint[], $2::text[]) as w(user_id, group_id)
     join kafka_group_offset o using (user_id, group_id) join kafka_user u on u.id = o.user_id
     left join kafka_counter c on c.tenant_id = u.tenant_id and c.workspace_id = o.workspace_id and c.partition = o.partition
     order by o.user_id, o.group_id, o.workspace_id, o.partition`,
    [groups.map((one) => one.user_id), groups.map((one) => one.group_id)],
  );
}
