import type { Client } from 'pg';
import { knock, type PostgresConnection } from './connection.ts';

/** The advisory lock that the one Millrace server of an embedded PostgreSQL holds; the number only has to be ours. */
const ownershipLock = 7_145_501_226;

/** How long a new server waits for the session of one that was killed a moment ago. */
const patienceMs = 3000;

const namePrefix = 'millrace owner ';

/** Ownership of an embedded PostgreSQL, held by a session of its own for as long as that session lives. */
export interface Ownership {
  release(): Promise<void>;
}

export type Claim = { kind: 'owned'; ownership: Ownership } | { kind: 'taken'; holder: string } | { kind: 'disconnected' };

/**
 * Claims the cluster for this process, trying for three seconds. When the session breaks although nobody released it
 * (PostgreSQL ends all sessions after the crash of one), the claim is made anew; `onLost` is called with the holder if another
 * server was faster.
 */
export async function claim(connection: PostgresConnection, now: () => number, onLost: (holder: string) => void): Promise<Claim> {
  const first = await claimOnce(connection, now);
  if (first.kind !== 'owned') return first;
  let client: Client | null = first.client;
  let released = false;

  const watch = (watched: Client): void => {
    watched.once('end', () => {
      client = null;
      if (!released) void reclaim();
    });
  };
  const reclaim = async (): Promise<void> => {
    for (;;) {
      const again = await claimOnce(connection, now);
      if (released) {
        if (again.kind === 'owned') await again.client.end();
        return;
      }
      if (again.kind === 'taken') return onLost(again.holder);
      if (again.kind === 'owned') {
        client = again.client;
        return watch(again.client);
      }
      await pause(200);
    }
  };
  watch(first.client);
  return {
    kind: 'owned',
    ownership: {
      async release() {
        released = true;
        await client?.end().catch(() => {});
      },
    },
  };
}

type Attempt = { kind: 'owned'; client: Client } | { kind: 'taken'; holder: string } | { kind: 'disconnected' };

async function claimOnce(connection: PostgresConnection, now: () => number): Promise<Attempt> {
  const answer = await knock(connection, `${namePrefix}${process.pid}`);
  if (answer.kind !== 'ready') return { kind: 'disconnected' };
  const { client } = answer;
  const deadline = now() + patienceMs;
  try {
    while (!(await tryLock(client))) {
      if (now() < deadline) {
        await pause(50);
        continue;
      }
      const holder = await findHolder(client);
      await client.end();
      return { kind: 'taken', holder };
    }
    // The socket alone must not keep a process running.
    (client as unknown as { unref(): void }).unref();
    return { kind: 'owned', client };
  } catch {
    await client.end().catch(() => {});
    return { kind: 'disconnected' };
  }
}

async function tryLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [ownershipLock]);
  return rows[0]?.locked === true;
}

/** The process id of the owning server, from its session's name; empty when it has gone meanwhile. */
async function findHolder(client: Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `select a.application_name as name from pg_locks l join pg_stat_activity a using (pid)
     where l.locktype = 'advisory' and l.granted and l.objsubid = 1
       and (l.classid::bigint << 32 | l.objid::bigint) = $1
       and l.database = (select oid from pg_database where datname = current_database())`,
    [ownershipLock],
  );
  return rows[0]?.name.replace(namePrefix, '') ?? '';
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
