import type { Client } from 'pg';
import type { Executor } from './kernel/database.ts';
import { MIGRATION_LOCK } from './kernel/migrations.ts';
import { PARTITION_LOCK } from './kernel/partitions.ts';

/** A table whose rows are in a backup; the rows of partitions count with their parent. */
export interface BackedTable {
  readonly name: string;
  /** Columns that hold data of their own: those that PostgreSQL computes are left out. */
  readonly columns: readonly string[];
}

export interface Partition {
  readonly name: string;
  readonly parent: string;
  /** As PostgreSQL writes it: `FOR VALUES FROM (…) TO (…)`, or `DEFAULT`. */
  readonly bound: string;
}

export interface SequenceState {
  readonly name: string;
  readonly value: string;
  readonly called: boolean;
}

/** Keeps migrations and the making and dropping of partitions waiting on their own locks, before they lock a table: writers go on during a backup. */
export async function holdSchemaStill(db: Executor): Promise<void> {
  await db.run('select pg_advisory_lock_shared($1), pg_advisory_lock_shared($2)', [MIGRATION_LOCK, PARTITION_LOCK]);
}

/** Begins a read-only transaction with one snapshot. It takes no transaction id, so delivery does not wait for it. */
export async function beginSnapshot(client: Client): Promise<void> {
  await client.query('set idle_in_transaction_session_timeout = 0');
  await client.query('set statement_timeout = 0');
  // Texts are written the same way whatever the session or the server is set to.
  await client.query(`set datestyle = 'ISO, YMD'; set intervalstyle = 'iso_8601'; set timezone = 'UTC'; set extra_float_digits = 3; set client_encoding = 'UTF8'`);
  await client.query('begin isolation level repeatable read, read only');
}

/** All tables but that of the migrations, by name. */
export function listTables(db: Executor): Promise<BackedTable[]> {
  return db.rows<BackedTable>(
    `select quote_ident(c.relname) as name,
       coalesce((select json_agg(quote_ident(a.attname) order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''), '[]') as columns
     from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'migration' order by 1`,
  );
}

export function listPartitions(db: Executor): Promise<Partition[]> {
  return db.rows<Partition>(
    `select quote_ident(c.relname) as name, i.inhparent::regclass::text as parent, pg_get_expr(c.relpartbound, c.oid) as bound
     from pg_class c join pg_inherits i on i.inhrelid = c.oid where c.relnamespace = current_schema()::regnamespace and c.relispartition and c.relkind = 'r' order by 1`,
  );
}

/** Where the sequences stand, read after the rows' snapshot was taken: never before the highest number of a row. */
export async function readSequences(db: Executor): Promise<SequenceState[]> {
  const names = await db.rows<{ name: string }>(`select quote_ident(relname) as name from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'S' order by 1`);
  const states: SequenceState[] = [];
  for (const { name } of names) {
    const row = await db.row<{ value: string; called: boolean }>(`select last_value::text as value, is_called as called from ${name}`);
    if (row !== undefined) states.push({ name, ...row });
  }
  return states;
}

export async function storedMigrations(db: Executor): Promise<string[]> {
  const there = await db.row<{ there: boolean }>(`select to_regclass('migration') is not null as there`);
  if (there?.there !== true) return [];
  return (await db.rows<{ line: string }>(`select module || '/' || name || ' ' || hash as line from migration order by ran_at, module, name`)).map((row) => row.line);
}

/** The first of the tables that has rows of somebody: a restore never mixes with what is there. */
export async function isInUse(db: Executor): Promise<boolean> {
  const tables = await db.row<{ others: number; ours: boolean }>(
    `select count(*) filter (where relname <> 'migration') as others, to_regclass('migration') is not null and to_regclass('tenant') is not null as ours
     from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and not relispartition`,
  );
  if (tables === undefined || tables.others === 0) return false;
  if (!tables.ours) return true;
  return (await db.row<{ used: boolean }>('select exists (select from tenant) or exists (select from event) as used'))?.used !== false;
}

/** Makes the partitions of the backup that are not there, and empties all tables: migrations may have put first rows into some. */
export async function emptyTables(tx: Executor, tables: readonly BackedTable[], partitions: readonly Partition[]): Promise<void> {
  const present = new Set((await listPartitions(tx)).map((partition) => partition.name));
  for (const { name, parent, bound } of partitions) if (!present.has(name)) await tx.run(`create table ${name} partition of ${parent} ${bound}`);
  if (tables.length > 0) await tx.run(`truncate ${tables.map((table) => table.name).join(', ')}`);
}

/** Takes the foreign keys off, since some tables point at each other; `give` puts them back, which holds all rows against them. */
export async function withoutForeignKeys(tx: Executor): Promise<{ give(): Promise<void> }> {
  const keys = await tx.rows<{ table: string; name: string; definition: string }>(
    `select conrelid::regclass::text as "table", quote_ident(conname) as name, pg_get_constraintdef(oid) as definition
     from pg_constraint where contype = 'f' and connamespace = current_schema()::regnamespace and conparentid = 0 order by 1, 2`,
  );
  for (const { table, name } of keys) await tx.run(`alter table ${table} drop constraint ${name}`);
  return {
    async give() {
      for (const { table, name, definition } of keys) await tx.run(`alter table ${table} add constraint ${name} ${definition}`);
    },
  };
}

export async function setSequence(tx: Executor, { name, value, called }: SequenceState): Promise<void> {
  await tx.run('select setval($1::regclass, $2::bigint, $3)', [name, value, called]);
}
