import type { Database } from './database.ts';

/** What processes do beside each other. Who is counted or missed in one of it has nothing to do with who does the other. */
export type Part = 'delivery' | 'relay';

/** The first key of the advisory locks that show presence. */
const spaces: Readonly<Record<Part, number>> = { delivery: 7_253, relay: 7_254 };

const presentIn = (space: number) => `select distinct objid::bigint as key from pg_locks
  where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database()) and classid = ${space} and objsubid = 2 and granted`;

/**
 * Who of the processes on one database lives. Each holds a lock of its session under its name; when it ends, even by kill -9 or with its machine's
 * network, PostgreSQL drops the session and the lock with it. A process that lives but has just lost its connection looks dead for a moment, so
 * whoever acts on it must fence the other off, and should look twice.
 */
export interface Presence {
  /** Those of the names under which no process lives. */
  dead(names: readonly string[]): Promise<string[]>;
  /** How many processes live and do this part, this one included. */
  count(): Promise<number>;
  end(): Promise<void>;
}

/** Shows that this process lives and does a part, under a name that no other ever had. */
export async function createPresence(database: Database, part: Part, name: string): Promise<Presence> {
  const space = spaces[part];
  const present = presentIn(space);
  const end = await database.hold(space, name);
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
