import type { Executor } from './database.ts';

/** The shape of a database, one line a thing, sorted: tables with columns, indexes, constraints. Partitions count with their parent. */
export type SchemaLines = readonly string[];

/** Reads the live schema. The wording is the same on PostgreSQL 15 to 18. */
export async function readSchema(db: Executor): Promise<SchemaLines> {
  const rows = await db.rows<{ line: string }>(`
    with tables as (
      select c.oid, c.relname as name, c.relkind from pg_class c
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition)
    select line from (
    select 'table ' || name || case relkind when 'p' then ' partitioned by ' || pg_get_partkeydef(oid) else '' end as line from tables
    union all
    select 'column ' || t.name || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end
      || case a.attidentity when '' then '' else ' identity' end || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
    from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
    union all
    select 'index ' || t.name || ' ' || regexp_replace(pg_get_indexdef(i.indexrelid), ' ON (ONLY )?[^ ]+ ', ' on ') from tables t join pg_index i on i.indrelid = t.oid
    union all
    -- PostgreSQL 18 lists "not null" among the constraints; the columns say it already.
    select 'constraint ' || t.name || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid) from tables t join pg_constraint k on k.conrelid = t.oid where k.contype <> 'n'
    union all
    select 'sequence ' || sequencename || ' from ' || start_value from pg_sequences where schemaname = current_schema()
    ) lines order by line collate "C"`);
  return rows.map((row) => row.line);
}

/** How the live schema differs from the expected one; empty when it does not. */
export function compareSchemas(expected: SchemaLines, live: SchemaLines): string[] {
  const wanted = new Set(expected);
  const present = new Set(live);
  return [...expected.filter((line) => !present.has(line)).map((line) => `missing: ${line}`), ...live.filter((line) => !wanted.has(line)).map((line) => `unexpected: ${line}`)];
}
