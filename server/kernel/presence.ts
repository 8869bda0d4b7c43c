import type { Database } from './database.ts';

/** The first key of the advisory locks that show presence. */
const SPACE = 7_253;

const present = `select objid::bigint as key from pg_locks
  where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database()) and classid = ${SPACE} and objsubid = 2 and granted`;

/**
 * Who of the processes on one database lives. Each holds a lock of its session under its name; when it ends, even by kill -9 or with its machine's
 * network, PostgreSQL drops the session and the lock with it. A process that lives but has just lost its connection looks dead for a moment, so
 * whoever acts on it must fence the other off, and should look twice.
 */
export interface Presence {
  /** Those of the names under which no process lives. */
  dead(names: readonly string[]): Promise<string[]>;
  /** How many processes live, this one included. */
  count(): Promise<number>;
  end(): Promise<void>;
}

/** Shows that this process lives, under a name that no other ever had. */
export async function createPresence(database: Database, name: string): Promise<Presence> {
  const end = await database.hold(SPACE, name);
  return {
    async dead(names) {
      if (names.length === 0) return [];
      const rows = await database.rows<{ name: string }>(`select name from unnest($1::text[]) as name where hashtext(name)::bigint & 4294967295 not in (${present})`, [names]);
      return rows.map((row) => row.name);
    },
    async count() {
      return Math.max(1, (await database.row<{ count: number }>(`select count(*) from (${present}) as living`))?.count ?? 1);
    },
    end,
  };
}
