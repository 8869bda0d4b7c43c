import type { Executor } from '../../kernel/database.ts';

/** A partition of the log: one day in UTC. */
export interface LogPartition {
  readonly name: string;
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
}

/** The partitions of the log, oldest first. */
export async function listPartitions(db: Executor): Promise<LogPartition[]> {
  const rows = await db.rows<{ name: string }>(`select inhrelid::regclass::text as name from pg_inherits where inhparent = 'event'::regclass order by name`);
  return rows.flatMap(({ name }) => {
    const [, year, month, day] = /^event_(\d{4})(\d{2})(\d{2})$/.exec(name) ?? [];
    if (year === undefined || month === undefined || day === undefined) return [];
    const from = Date.UTC(Number(year), Number(month) - 1, Number(day));
    return [{ name, from: new Date(from), to: new Date(from + 86_400_000) }];
  });
}

export interface BusRetention {
  readonly id: number;
  readonly tenant_id: number;
  readonly name: string;
  readonly retention_days: number | null;
  readonly retention_bytes: number | null;
  readonly size_horizon: Date | null;
}

export function listRetentions(db: Executor): Promise<BusRetention[]> {
  return db.rows('select id, tenant_id, name, retention_days, retention_bytes, size_horizon from event_bus order by id');
}

/** Bytes of the events of a day that the bus is given by its channels, enabled or not. */
export async function bytesOfBus(db: Executor, bus: BusRetention, partition: LogPartition): Promise<number> {
  const row = await db.row<{ bytes: number }>(
    `select coalesce(sum(pg_column_size(e.data) + 200), 0)::bigint as bytes from event as e
     where e.occurred_at >= $1 and e.occurred_at < $2 and e.tenant_id = $3
       and case when e.workspace_id is null then $4 = 'default' else e.workspace_id in (select workspace_id from event_channel where bus_id = $5) end`,
    [partition.from, partition.to, bus.tenant_id, bus.name, bus.id],
  );
  return row?.bytes ?? 0;
}

export async function setSizeHorizon(db: Executor, busId: number, horizon: Date | null): Promise<void> {
  await db.run('update event_bus set size_horizon = $2 where id = $1 and size_horizon is distinct from $2', [busId, horizon]);
}

/** Tenants that have events of the day. */
export async function tenantsIn(db: Executor, partition: LogPartition): Promise<number[]> {
  return (await db.rows<{ tenant_id: number }>('select distinct tenant_id from event where occurred_at >= $1 and occurred_at < $2', [partition.from, partition.to])).map((row) => row.tenant_id);
}

/** True while somebody has yet to come to an event of the day: a subscription (also a disabled one), a replay, a deadline, the Kafka listener, or the relay to a Kafka cluster. */
export async function isAwaited(db: Executor, partition: LogPartition, now: Date): Promise<boolean> {
  const row = await db.row<{ awaited: boolean }>(
    `with last as (select position, id from event where occurred_at >= $1 and occurred_at < $2 order by position desc, id desc limit 1),
       tenants as (select distinct tenant_id from event where occurred_at >= $1 and occurred_at < $2)
     select exists (select from delivery_cursor as c join subscription as s on s.id = c.subscription_id join tenants using (tenant_id), last where (c.position, c.row_id) < (last.position, last.id))
         or exists (select from delivery_parked where occurred_at >= $1 and occurred_at < $2 and state in ('blocked', 'behind', 'replay'))
         or exists (select from event_replay as r, last where r.state = 'running' and r.starts_at < $2 and (r.position, r.row_id) < (last.position, last.id))
         or exists (select from event_deadline_reader as r join tenants using (tenant_id), last where (r.position, r.row_id) < (last.position, last.id)
              and exists (select from event_deadline as d where d.tenant_id = r.tenant_id and d.enabled))
         or exists (select from kafka_index as k, last where k.lease_until > $3 and (k.position, k.row_id) < (last.position, last.id))
         or exists (select from kafka_relay as k, last where k.lease_until > $3 and (k.position, k.row_id) < (last.position, last.id)) as awaited`,
    [partition.from, partition.to, now],
  );
  return row?.awaited ?? true;
}
