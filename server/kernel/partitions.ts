import type { Database } from './database.ts';

/** A table partitioned by a time column, one partition a day or a month. Old rows leave by dropping a partition, never by delete. */
export interface PartitionedTable {
  readonly table: string;
  readonly every: 'day' | 'month';
  /** Partitions kept before the present one; undefined keeps all. */
  readonly keep: number | undefined;
}

/** Partitions made ahead of the present one, so that a database that was unreachable for a while has where to write. */
const AHEAD = { day: 3, month: 2 } as const;

function startOf(every: 'day' | 'month', moment: Date, shift: number): Date {
  return every === 'day'
    ? new Date(Date.UTC(moment.getUTCFullYear(), moment.getUTCMonth(), moment.getUTCDate() + shift))
    : new Date(Date.UTC(moment.getUTCFullYear(), moment.getUTCMonth() + shift, 1));
}

function partitionName(table: string, every: 'day' | 'month', start: Date): string {
  const text = start.toISOString().replaceAll('-', '');
  return `${table}_${every === 'day' ? text.slice(0, 8) : text.slice(0, 6)}`;
}

/** Held while partitions are made or dropped, so that processes do not do it at the same time; a backup shares it, so that nobody waits for its end with a table locked. */
export const PARTITION_LOCK = 7_261_940_118;

/** Makes the partitions of the present and near future and drops those beyond `keep`. Returns the names of the dropped ones. Safe to call at any time. */
export async function maintainPartitions(database: Database, definition: PartitionedTable, now: Date): Promise<string[]> {
  const { table, every, keep } = definition;
  return database.transaction(async (tx) => {
    await tx.run('select pg_advisory_xact_lock($1)', [PARTITION_LOCK]);
    const present = new Set((await tx.rows<{ name: string }>('select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass', [table])).map((row) => row.name));
    for (let shift = -1; shift <= AHEAD[every]; shift += 1) {
      const start = startOf(every, now, shift);
      const name = partitionName(table, every, start);
      if (!present.has(name)) {
        const end = startOf(every, now, shift + 1);
        await tx.run(`create table if not exists ${name} partition of ${table} for values from ('${start.toISOString()}') to ('${end.toISOString()}')`);
      }
    }
    if (keep === undefined) return [];
    const oldest = partitionName(table, every, startOf(every, now, -keep));
    const dropped = [...present].filter((name) => name.length === oldest.length && name < oldest);
    for (const name of dropped) await tx.run(`drop table ${name}`);
    return dropped;
  });
}

/** Drops these partitions of a table, those of them that are there. Returns their names. */
export async function dropPartitions(database: Database, table: string, names: readonly string[]): Promise<string[]> {
  return database.transaction(async (tx) => {
    await tx.run('select pg_advisory_xact_lock($1)', [PARTITION_LOCK]);
    const present = await tx.rows<{ name: string }>('select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass and inhrelid::regclass::text = any($2)', [table, names]);
    for (const { name } of present) await tx.run(`drop table ${name}`);
    return present.map(({ name }) => name);
  });
}
