import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { openDatabase, type Database } from '../../server/kernel/database.ts';
import { migrate, type MigrationSource } from '../../server/kernel/migrations.ts';
import { maintainPartitions } from '../../server/kernel/partitions.ts';
import { prepareDatabase, schemaFaults, schemas } from '../../server/modules.ts';
import { testDatabase } from '../support/database.ts';

/** Rows of each table before the upgrade. */
const ROWS = 20;

let folder: string;
let place: Awaited<ReturnType<typeof testDatabase>>;
let database: Database;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-upgrade-'));
  place = await testDatabase();
  database = openDatabase({ connection: place.url, connections: 8 });
});
after(async () => {
  await database.close();
  await place.drop();
  await rm(folder, { recursive: true, force: true });
});

/** The first migration of each module alone: the schema of the first release. */
async function firstRelease(): Promise<MigrationSource[]> {
  return Promise.all(
    schemas.map(async ({ migrations: { module, folder: from } }) => {
      const own = join(folder, module.replaceAll('/', '-'));
      await mkdir(own, { recursive: true });
      const source = fileURLToPath(from);
      const [first] = (await readdir(source)).filter((name) => name.endsWith('.sql')).toSorted();
      if (first !== undefined) await copyFile(join(source, first), join(own, first));
      return { module, folder: pathToFileURL(own) };
    }),
  );
}

interface Column {
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly needed: boolean;
  readonly generated: boolean;
  /** Values that a check allows; null where any text does. */
  readonly allowed: string | null;
  /** `table(column)` it points at. */
  readonly target: string | null;
}

function readColumns(): Promise<Column[]> {
  return database.rows<Column>(
    `select c.relname as "table", quote_ident(a.attname) as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull and d.oid is null and a.attidentity = '' as needed, a.attgenerated <> '' or a.attidentity <> '' as generated,
       (select string_agg(pg_get_constraintdef(k.oid), ' ') from pg_constraint k where k.conrelid = c.oid and k.contype = 'c' and a.attnum = any(k.conkey)) as allowed,
       (select k.confrelid::regclass::text || '(' || (select quote_ident(f.attname) from pg_attribute f where f.attrelid = k.confrelid and f.attnum = k.confkey[array_position(k.conkey, a.attnum)]) || ')'
          from pg_constraint k where k.conrelid = c.oid and k.contype = 'f' and a.attnum = any(k.conkey) limit 1) as target
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
     where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'migration' order by c.relname, a.attnum`,
  );
}

/** A value of the type for the row of this number, as SQL. */
function valueOf({ type, allowed, target }: Column, row: number): string {
  if (target !== null) {
    const [, table = '', column = ''] = /^(.*)\((.*)\)$/.exec(target) ?? [];
    return `(select ${column} from ${table} order by 1 offset ${row} limit 1)`;
  }
  const choices = allowed === null ? [] : [...allowed.matchAll(/'([^']+)'::text/g)].map((match) => match[1] ?? '');
  if (type.endsWith('[]')) return `'{}'::${type}`;
  if (choices.length > 0) return `'${choices[row % choices.length]}'`;
  if (/^(?:bigint|integer|smallint|numeric|double)/.test(type)) return String(row + 1);
  if (/^(?:text|character)/.test(type)) return `'text ${row}'`;
  if (type.startsWith('timestamp')) return 'now()';
  if (type === 'date') return `date '2026-01-01' + ${row}`;
  if (type.startsWith('json')) return `'{"row": ${row}}'`;
  if (type === 'boolean') return row % 2 === 0 ? 'true' : 'false';
  if (type === 'uuid') return 'gen_random_uuid()';
  if (type === 'bytea') return `'\\x0${row % 10}'`;
  return 'null';
}

/** Fills every table with rows that its constraints take. Returns the tables that stayed empty. */
async function fill(columns: readonly Column[]): Promise<string[]> {
  const tables = new Map<string, Column[]>();
  for (const column of columns) tables.set(column.table, [...(tables.get(column.table) ?? []), column]);
  let left = [...tables.keys()];
  for (let progress = true; progress; ) {
    progress = false;
    for (const table of left) {
      // Columns that need nothing are filled too where any value does, so that an upgrade that loses them is seen.
      const own = (tables.get(table) ?? []).filter((column) => !column.generated && (column.needed || (column.allowed === null && column.target === null)));
      const needed = own.filter((column) => column.needed);
      for (const some of [own, needed]) {
        let done = 0;
        for (let row = 0; row < ROWS; row += 1) {
          const statement = some.length === 0 ? `insert into ${table} default values` : `insert into ${table} (${some.map((column) => column.name).join(', ')}) values (${some.map((column) => valueOf(column, row)).join(', ')})`;
          done += await database.run(statement).catch(() => 0);
        }
        if (done > 0) {
          progress = true;
          break;
        }
      }
    }
    const counted = await Promise.all(left.map(async (table) => ((await database.row<{ count: number }>(`select count(*) as count from ${table}`))?.count === 0 ? table : undefined)));
    left = counted.filter((table) => table !== undefined);
  }
  return left;
}

/** A checksum of the given columns of a table, of its rows up to `highest` number in the order of its age. */
async function checksum(table: string, columns: readonly string[], where: string): Promise<string> {
  const row = await database.row<{ sum: string }>(`select count(*) || ' ' || coalesce(md5(string_agg(line, '' order by line)), '') as sum from (select md5(row(${columns.join(', ')})::text) as line from ${table} where ${where}) lines`);
  return row?.sum ?? '';
}

/** Columns whose values a migration changes on purpose: `table.column`, with the reason. None so far. */
const REWRITTEN: Readonly<Record<string, string>> = {};

/** Tables whose rows a migration throws away on purpose, with the reason. */
const EMPTIED: Readonly<Record<string, string>> = { idempotency: 'answers are kept for a day, and their form was one that nobody should be able to read' };

test('the first release with rows in every table becomes the present one under a reader and a writer, and nothing is lost', async () => {
  await database.run('drop schema public cascade');
  await database.run('create schema public');
  await migrate(database, await firstRelease());
  const now = new Date();
  const there = new Set((await readColumns()).map((column) => column.table));
  for (const partition of schemas.flatMap((schema) => schema.partitions ?? [])) if (there.has(partition.table)) await maintainPartitions(database, partition, now);
  const old = await readColumns();
  const empty = await fill(old);
  assert.ok(empty.length <= there.size / 10, `too many tables stayed empty to prove anything: ${empty.join(', ')}`);

  // The writer's rows are told by their mark, everything else by a checksum.
  const MARK = 'written during the upgrade';
  const marked: Readonly<Record<string, string>> = { audit: `action <> '${MARK}'`, job: `kind <> '${MARK}'`, event: `object_key <> '${MARK}'` };
  const columnsOf = (table: string, among: readonly Column[]) => among.filter((column) => column.table === table && !Object.hasOwn(REWRITTEN, `${table}.${column.name}`)).map((column) => column.name);
  const sums = new Map<string, string>();
  for (const table of there) sums.set(table, await checksum(table, columnsOf(table, old), marked[table] ?? 'true'));

  const state = { over: false, written: 0, read: 0 };
  const failures: string[] = [];
  const writer = (async () => {
    while (!state.over) {
      try {
        await database.transaction(async (tx) => {
          await tx.run(`insert into audit (tenant_id, user_id, action, targets, at) values (1, 1, $1, '{}', now())`, [MARK]);
          await tx.run(`insert into job (kind, payload, run_at, created_at) values ($1, '{}', now() + interval '1 day', now())`, [MARK]);
          await tx.run(
            `insert into event (position, event_id, tenant_id, workspace_id, code, type, object_key, data, occurred_at, actor_id) values (pg_current_xact_id()::text::bigint, gen_random_uuid(), 1, 1, 'commit-file', 'x', $1, '{}', now(), 1)`,
            [MARK],
          );
        });
        state.written += 1;
      } catch (error) {
        failures.push(`write: ${(error as Error).message}`);
      }
    }
  })();
  const reader = (async () => {
    while (!state.over) {
      for (const table of ['event', 'tenant', 'account', 'workspace', 'task']) {
        if (!there.has(table)) continue;
        await database.row(`select ${columnsOf(table, old).join(', ')} from ${table} limit 5`).catch((error: unknown) => void failures.push(`read ${table}: ${(error as Error).message}`));
        state.read += 1;
      }
    }
  })();
  while (state.written < 20) await pause(2);
  const before = state.written;
  const ran = await prepareDatabase(database, now);
  const during = state.written - before;
  while (state.written < before + during + 5) await pause(2);
  state.over = true;
  await Promise.all([writer, reader]);

  assert.ok(ran > 5, `${ran} migrations ran`);
  assert.deepEqual(failures, []);
  assert.ok(during > 0, 'the writer went on meanwhile');
  assert.deepEqual(await schemaFaults(database), []);
  const present = await readColumns();
  for (const table of there) {
    if (Object.hasOwn(EMPTIED, table)) continue;
    const kept = new Set(columnsOf(table, present));
    const gone = columnsOf(table, old).filter((name) => !kept.has(name));
    assert.deepEqual(gone, [], `columns of ${table} that are gone`);
    assert.equal(await checksum(table, columnsOf(table, old), marked[table] ?? 'true'), sums.get(table), `rows of ${table}`);
  }
  for (const [table, column] of [['audit', 'action'], ['job', 'kind'], ['event', 'object_key']] as const) {
    const row = await database.row<{ count: number }>(`select count(*) as count from ${table} where ${column} = $1`, [MARK]);
    assert.equal(row?.count, state.written, table);
  }
  assert.equal(await prepareDatabase(database, now), 0, 'a second start changes nothing');
});

test('a database of a newer release is refused, and left as it is', async () => {
  await database.run(`insert into migration (module, name, hash) values ('kernel', '999-of-the-future.sql', 'x')`);
  await assert.rejects(prepareDatabase(database, new Date()), /newer release/);
  await database.run(`delete from migration where name = '999-of-the-future.sql'`);
});
