import type { Executor } from '../../kernel/database.ts';
import type { Cursor } from '../log.ts';

/** The relay as its new owner finds it. */
export interface RelayState {
  readonly epoch: number;
  readonly cursor: Cursor;
  readonly partitions: number;
  readonly plainTenant: number | undefined;
}

/** Who holds the lease, other than `owner`. */
export async function readOwner(db: Executor, owner: string): Promise<string | undefined> {
  return (await db.row<{ owner: string | null }>('select owner from kafka_relay where owner <> $1', [owner]))?.owner ?? undefined;
}

/** Takes the lease if nobody holds it, it has run out, or it is held in the name of `dead`, whose process has ended. */
export async function claimRelay(db: Executor, owner: string, dead: string | undefined, now: Date, leaseUntil: Date): Promise<RelayState | undefined> {
  const row = await db.row<{ epoch: number; position: number; row_id: number; tenant_id: number | null; partitions: number }>(
    `update kafka_relay set owner = $1, lease_until = $4, epoch = kafka_relay.epoch + 1, connected = false from kafka_index as i
     where kafka_relay.owner is null or kafka_relay.lease_until < $3 or kafka_relay.owner = $2
     returning kafka_relay.epoch, kafka_relay.position, kafka_relay.row_id, kafka_relay.tenant_id, i.partitions`,
    [owner, dead ?? null, now, leaseUntil],
  );
  return row === undefined ? undefined : { epoch: row.epoch, cursor: { position: row.position, id: row.row_id }, partitions: row.partitions, plainTenant: row.tenant_id ?? undefined };
}

export async function renewRelay(db: Executor, owner: string, epoch: number, leaseUntil: Date): Promise<boolean> {
  return (await db.run('update kafka_relay set lease_until = $3 where owner = $1 and epoch = $2', [owner, epoch, leaseUntil])) === 1;
}

export async function releaseRelay(db: Executor, owner: string, epoch: number): Promise<void> {
  await db.run('update kafka_relay set owner = null, lease_until = null, connected = false where owner = $1 and epoch = $2', [owner, epoch]);
}

/** Moves the place past what the cluster has acknowledged. False when the lease is lost. */
export async function moveRelay(db: Executor, owner: string, epoch: number, cursor: Cursor, relayedAt: Date | undefined): Promise<boolean> {
  return (
    (await db.run('update kafka_relay set position = $3, row_id = $4, relayed_at = coalesce($5, relayed_at), connected = true where owner = $1 and epoch = $2', [
      owner,
      epoch,
      cursor.position,
      cursor.id,
      relayedAt ?? null,
    ])) === 1
  );
}

/** Settles whose topics have the plain names, before the first is made. */
export async function settlePlainTenant(db: Executor, owner: string, epoch: number, tenantId: number): Promise<void> {
  await db.run('update kafka_relay set tenant_id = coalesce(tenant_id, $3) where owner = $1 and epoch = $2', [owner, epoch, tenantId]);
}

/** Says how it goes. `failure` is what went wrong, or undefined when the cluster has answered. */
export async function noteHealth(db: Executor, owner: string, epoch: number, failure: string | undefined, now: Date): Promise<void> {
  await db.run(
    'update kafka_relay set connected = $3::text is null, last_error = coalesce($3, last_error), last_error_at = case when $3::text is null then last_error_at else $4 end where owner = $1 and epoch = $2',
    [owner, epoch, failure ?? null, now],
  );
}

export interface RelayStatus {
  readonly running: boolean;
  readonly connected: boolean;
  readonly position: number;
  readonly row_id: number;
  readonly last_error: string | null;
  readonly last_error_at: Date | null;
  readonly relayed_at: Date | null;
  readonly plain_tenant: number | null;
  /** Events that are not in the cluster yet, counted up to `mostLag`. */
  readonly lag: number;
  /** When the oldest of them happened. */
  readonly oldest: Date | null;
}

export async function readRelay(db: Executor, now: Date, mostLag: number): Promise<RelayStatus> {
  const row = await db.row<RelayStatus>(
    `select coalesce(r.lease_until > $1, false) as running, r.connected and coalesce(r.lease_until > $1, false) as connected, r.position, r.row_id, r.last_error, r.last_error_at, r.relayed_at,
       r.tenant_id as plain_tenant, lag.count as lag, lag.oldest
     from kafka_relay as r, lateral (
       select count(*) as count, min(occurred_at) as oldest from (
         select occurred_at from event where (position, id) > (r.position, r.row_id) order by position, id limit $2) as waiting) as lag`,
    [now, mostLag],
  );
  if (row === undefined) throw new Error('there is no Kafka relay');
  return row;
}

/** Those of the places at which the log has the event of this id. */
export async function findPlaces(db: Executor, places: readonly (Cursor & { readonly eventId: string })[]): Promise<Cursor[]> {
  return db.rows<Cursor>(
    `select e.position, e.id from unnest($1::bigint[], $2::bigint[], $3::text[]) as p (position, id, event_id)
     join event as e on e.position = p.position and e.id = p.id and e.event_id::text = p.event_id`,
    [places.map((one) => one.position), places.map((one) => one.id), places.map((one) => one.eventId)],
  );
}

/** The users as they were brought to the cluster last. */
export async function listRelayedUsers(db: Executor): Promise<{ login: string; state: string }[]> {
  return db.rows('select login, state from kafka_relay_user');
}

export async function saveRelayedUser(db: Executor, login: string, state: string): Promise<void> {
  await db.run('insert into kafka_relay_user (login, state) values ($1, $2) on conflict (login) do update set state = excluded.state', [login, state]);
}

export async function removeRelayedUser(db: Executor, login: string): Promise<void> {
  await db.run('delete from kafka_relay_user where login = $1', [login]);
}
