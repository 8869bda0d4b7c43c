import type { Executor } from '../kernel/database.ts';

/**
 * Makes positions go on above all that the database knows, and above `atLeast`: positions are made of transaction ids, and in another PostgreSQL than the
 * one the rows come from those begin anew. Without this, restored events would not be seen, and new ones would stand behind every reader.
 * Does nothing where positions are in order, which they are unless the rows were copied here. Must run before anybody writes events. Returns the shift.
 */
export async function continuePositions(tx: Executor, atLeast = 0): Promise<number> {
  await tx.run(
    `update event_epoch set shift = known.next - pg_snapshot_xmin(s)::text::bigint
     from pg_current_snapshot() as s,
          (select greatest($1::bigint, (select max(position) + 1 from event), (select max(position) from delivery_cursor), (select max(since_position) from event_deadline),
                           (select max(position) from event_deadline_reader), (select max(greatest(position, end_position)) from event_replay), (select max(position) from kafka_index), (select max(position) from kafka_relay)) as next) as known
     where known.next > pg_snapshot_xmax(s)::text::bigint + shift`,
    [atLeast],
  );
  const row = await tx.row<{ shift: number }>('select shift from event_epoch');
  if (row === undefined) throw new Error('the log has no epoch');
  return row.shift;
}

/** The position below which every event that will ever be there is there already. */
export async function positionFloor(tx: Executor): Promise<number> {
  const row = await tx.row<{ floor: number }>('select pg_snapshot_xmin(pg_current_snapshot())::text::bigint + shift as floor from event_epoch');
  if (row === undefined) throw new Error('the log has no epoch');
  return row.floor;
}
