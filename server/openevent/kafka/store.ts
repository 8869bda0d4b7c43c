import type { Executor } from '../../kernel/database.ts';
import { eventColumns, type EventRow } from '../log-store.ts';
import type { Cursor } from '../log.ts';
import { ALL, type Stream } from './topics.ts';

/** A process that listens. */
export interface Broker {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

/** Says that this process listens at the address, and answers its number, which the address keeps. */
export async function announceBroker(db: Executor, host: string, port: number, owner: string, leaseUntil: Date): Promise<number> {
  const row = await db.row<{ node_id: number }>(
    `insert into kafka_broker (host, port, owner, lease_until) values ($1, $2, $3, $4)
     on conflict (host, port) do update set owner = excluded.owner, lease_until = excluded.lease_until returning node_id`,
    [host, port, owner, leaseUntil],
  );
  if (row === undefined) throw new Error('the broker got no number');
  return row.node_id;
}

export async function listBrokers(db: Executor, now: Date): Promise<Broker[]> {
  return (await db.rows<{ node_id: number; host: string; port: number }>('select node_id, host, port from kafka_broker where lease_until > $1 order by node_id', [now])).map((row) => ({
    nodeId: row.node_id,
    host: row.host,
    port: row.port,
  }));
}

export async function withdrawBroker(db: Executor, nodeId: number, owner: string, now: Date): Promise<void> {
  await db.run('update kafka_broker set lease_until = $3 where node_id = $1 and owner = $2', [nodeId, owner, now]);
}

export interface IndexState {
  readonly epoch: number;
  readonly cursor: Cursor;
  readonly partitions: number;
}

/**
 * Takes the lease of the index, if it is free. One that is held in the name of this very address is free too: its holder cannot be
 * listening any more, since this process does.
 */
export async function claimIndex(db: Executor, owner: string, nodeId: number, now: Date, leaseUntil: Date): Promise<IndexState | undefined> {
  const row = await db.row<{ epoch: number; position: number; row_id: number; partitions: number }>(
    `update kafka_index set owner = $1, node_id = $2, lease_until = $4, epoch = epoch + 1
     where owner is null or lease_until < $3 or (node_id = $2 and owner <> $1) returning epoch, position, row_id, partitions`,
    [owner, nodeId, now, leaseUntil],
  );
  return row === undefined ? undefined : { epoch: row.epoch, cursor: { position: row.position, id: row.row_id }, partitions: row.partitions };
}

export async function renewIndex(db: Executor, owner: string, epoch: number, leaseUntil: Date): Promise<boolean> {
  return (await db.run('update kafka_index set lease_until = $3 where owner = $1 and epoch = $2', [owner, epoch, leaseUntil])) === 1;
}

export async function releaseIndex(db: Executor, owner: string, epoch: number): Promise<void> {
  await db.run('update kafka_index set owner = null, node_id = null, lease_until = null where owner = $1 and epoch = $2', [owner, epoch]);
}

export async function readCoordinator(db: Executor, now: Date): Promise<{ partitions: number; nodeId: number | undefined; epoch: number }> {
  const row = await db.row<{ partitions: number; node_id: number | null; epoch: number }>(
    'select partitions, case when lease_until > $1 then node_id end as node_id, epoch from kafka_index',
    [now],
  );
  if (row === undefined) throw new Error('there is no Kafka index');
  return { partitions: row.partitions, nodeId: row.node_id ?? undefined, epoch: row.epoch };
}

/** The offsets of an event. */
export interface IndexedRow {
  readonly tenantId: number;
  readonly workspaceId: number;
  readonly partition: number;
  readonly allOffset: number;
  readonly workspaceOffset: number;
  readonly place: Cursor;
  readonly occurredAt: Date;
}

export interface CounterRow extends Stream {
  readonly partition: number;
  readonly next: number;
}

/** Channel on which processes tell each other of new offsets. */
export const RECORD_CHANNEL = 'millrace_kafka';

/** Writes offsets in one step with the cursor and the counters, and tells the other processes. False when the lease is lost: then nothing was written. */
export async function writeIndex(db: Executor, owner: string, epoch: number, cursor: Cursor, rows: readonly IndexedRow[], counters: readonly CounterRow[], message: string): Promise<boolean> {
  const row = await db.row<{ held: number }>(
    `with fence as (
       update kafka_index set position = $3, row_id = $4 where owner = $1 and epoch = $2 returning 1
     ), written as (
       insert into kafka_record (tenant_id, workspace_id, partition, all_offset, workspace_offset, position, id, occurred_at)
       select r.* from unnest($5::bigint[], $6::bigint[], $7::integer[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::timestamptz[]) as r, fence
     ), counted as (
       insert into kafka_counter (tenant_id, workspace_id, partition, next_offset)
       select c.* from unnest($13::bigint[], $14::bigint[], $15::integer[], $16::bigint[]) as c, fence
       on conflict (tenant_id, workspace_id, partition) do update set next_offset = excluded.next_offset
     ), told as (
       select pg_notify('${RECORD_CHANNEL}', $17) from fence where $17 <> '-'
     )
     select (select count(*) from fence) as held, (select count(*) from told) as told`,
    [
      owner,
      epoch,
      cursor.position,
      cursor.id,
      rows.map((one) => one.tenantId),
      rows.map((one) => one.workspaceId),
      rows.map((one) => one.partition),
      rows.map((one) => one.allOffset),
      rows.map((one) => one.workspaceOffset),
      rows.map((one) => one.place.position),
      rows.map((one) => one.place.id),
      rows.map((one) => one.occurredAt),
      counters.map((one) => one.tenantId),
      counters.map((one) => one.workspaceId),
      counters.map((one) => one.partition),
      counters.map((one) => one.next),
      message,
    ],
  );
  return row?.held === 1;
}

/** The next offsets of a topic, by partition; what is missing is 0. */
export function readCounters(db: Executor, { tenantId, workspaceId }: Stream): Promise<{ partition: number; next_offset: number }[]> {
  return db.rows('select partition, next_offset from kafka_counter where tenant_id = $1 and workspace_id = $2', [tenantId, workspaceId]);
}

/** Workspaces of the tenant (and `ALL`, `TENANT`) that have had an event. */
export async function listStreams(db: Executor, tenantId: number): Promise<number[]> {
  return (await db.rows<{ workspace_id: number }>('select distinct workspace_id from kafka_counter where tenant_id = $1 order by workspace_id', [tenantId])).map((row) => row.workspace_id);
}

/** The workspace's column and its condition; the two kinds of topics have their offsets in different columns, each with an index of its own. */
function columnOf(workspaceId: number): { column: string; condition: string } {
  return workspaceId === ALL ? { column: 'all_offset', condition: '$2::bigint is not null' } : { column: 'workspace_offset', condition: 'workspace_id = $2' };
}

/** The first offset that is still in the log, or undefined when none is. */
export async function firstOffset(db: Executor, stream: Stream, partition: number): Promise<number | undefined> {
  const { column, condition } = columnOf(stream.workspaceId);
  const row = await db.row<{ at: number }>(`select ${column} as at from kafka_record where tenant_id = $1 and ${condition} and partition = $3 order by ${column} limit 1`, [
    stream.tenantId,
    stream.workspaceId,
    partition,
  ]);
  return row?.at;
}

/** The first offset whose event happened at `from` or later. */
export async function offsetAtTime(db: Executor, stream: Stream, partition: number, from: Date): Promise<{ offset: number; time: Date } | undefined> {
  const { column, condition } = columnOf(stream.workspaceId);
  const row = await db.row<{ at: number; occurred_at: Date }>(
    `select ${column} as at, occurred_at from kafka_record where tenant_id = $1 and ${condition} and partition = $3 and occurred_at >= $4 order by ${column} limit 1`,
    [stream.tenantId, stream.workspaceId, partition, from],
  );
  return row === undefined ? undefined : { offset: row.at, time: row.occurred_at };
}

/** The youngest event of a partition and its offset. */
export async function latestTime(db: Executor, stream: Stream, partition: number): Promise<{ offset: number; time: Date } | undefined> {
  const { column, condition } = columnOf(stream.workspaceId);
  const row = await db.row<{ at: number; occurred_at: Date }>(
    `select ${column} as at, occurred_at from kafka_record where tenant_id = $1 and ${condition} and partition = $3 order by occurred_at desc, ${column} desc limit 1`,
    [stream.tenantId, stream.workspaceId, partition],
  );
  return row === undefined ? undefined : { offset: row.at, time: row.occurred_at };
}

/** The first offset of each partition whose event stands after `cursor` in the log. */
export async function offsetAtCursor(db: Executor, stream: Stream, partition: number, cursor: Cursor): Promise<number | undefined> {
  const { column, condition } = columnOf(stream.workspaceId);
  const row = await db.row<{ at: number }>(
    `select ${column} as at from kafka_record where tenant_id = $1 and ${condition} and partition = $3 and (position, id) > ($4, $5) order by ${column} limit 1`,
    [stream.tenantId, stream.workspaceId, partition, cursor.position, cursor.id],
  );
  return row?.at;
}

export interface LoadedRow extends EventRow {
  readonly at: number;
}

/**
 * Events of a partition with offsets from `from` up to before `to`, in order, and no more than `bytes` of payload, but at least one if there is any.
 * `occurred_at` stands in the join so that only the day's partition of the log is looked into; it was read as whole milliseconds. The limit keeps the planner from reading all
 * partitions for a hash join, which it took for cheaper at a hundred thousand events and which was ten times dearer.
 */
export function loadRecords(db: Executor, stream: Stream, partition: number, from: number, to: number, bytes: number): Promise<LoadedRow[]> {
  const { column, condition } = columnOf(stream.workspaceId);
  return db.rows(
    `select at, ${eventColumns}
     from (
       select k.at, e.*, sum(pg_column_size(e.data)) over (order by k.at) - pg_column_size(e.data) as before
       from (select ${column} as at, position, id, occurred_at from kafka_record
             where tenant_id = $1 and ${condition} and partition = $3 and ${column} >= $4 and ${column} < $5 order by ${column}) as k
       join lateral (select ${eventColumns} from event
             where occurred_at >= k.occurred_at and occurred_at < k.occurred_at + interval '1 millisecond' and position = k.position and id = k.id limit 1) as e on true) as r
     where before < $6 order by at`,
    [stream.tenantId, stream.workspaceId, partition, from, to, bytes],
  );
}

/** Ends and beginnings of the partitions of topics, for people. */
export function listTopicOffsets(db: Executor, tenantId: number, workspaceIds: readonly number[]): Promise<{ workspace_id: number; partition: number; earliest: number; latest: number }[]> {
  return db.rows(
    `select c.workspace_id, c.partition, c.next_offset as latest,
       coalesce(case when c.workspace_id = ${ALL}
         then (select k.all_offset from kafka_record k where k.tenant_id = $1 and k.partition = c.partition order by k.all_offset limit 1)
         else (select k.workspace_offset from kafka_record k where k.tenant_id = $1 and k.workspace_id = c.workspace_id and k.partition = c.partition order by k.workspace_offset limit 1)
       end, c.next_offset) as earliest
     from kafka_counter c where c.tenant_id = $1 and c.workspace_id = any($2::bigint[]) order by c.workspace_id, c.partition`,
    [tenantId, workspaceIds],
  );
}
