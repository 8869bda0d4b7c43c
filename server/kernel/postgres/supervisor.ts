import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterName, openCluster, removeCluster, socketPort, type Cluster } from './cluster.ts';
import { knock, type Answer, type PostgresConnection } from './connection.ts';
import { claim, type Ownership } from './ownership.ts';
import { adoptPostmaster, limitLog, logSize, putLogAside, readLogSince, spawnPostmaster, stopPostmaster, type Postmaster, type PostgresSettings } from './postmaster.ts';
import { isPostmasterOf, readPostmasterFile } from './process.ts';

/** How long a start may take. Recovery after a crash replays at most `max_wal_size` of log. */
const startMs = 60_000;
/** How long a living postmaster may go without its socket before it is stopped and replaced. */
const silenceMs = 5000;
const pollMs = 20;

export interface EmbeddedPostgresOptions {
  /** Millrace's data folder; the cluster is in its `postgres`, the log in its `postgres.log`. Created if missing. */
  dataDir: string;
  /** Receives lines for the operator. */
  log: (message: string) => void;
  /** The clock in milliseconds, for time limits. */
  now?: () => number;
  /** Settings of postgresql.conf over the defaults, for example `{ fsync: 'off' }`. They hold from the next real start. */
  settings?: PostgresSettings;
  /** More arguments for initdb, for example `--no-sync`. */
  initdbOptions?: readonly string[];
  /**
   * "exclusive" (the default): one process owns the cluster, a second one is refused. "shared": anybody with access to
   * the folder may use it at the same time, as test files do.
   */
  use?: 'exclusive' | 'shared';
  /** Called once if PostgreSQL ends, or the ownership is lost, without `stop()`. */
  onExit?: (reason: string) => void;
}

export interface EmbeddedPostgres {
  connection: PostgresConnection;
  /** Whether a postmaster that was already running is used. */
  adopted: boolean;
  /** The postmaster's process id. */
  pid: number;
  /** Stops PostgreSQL in order: fast shutdown, an immediate one after ten seconds. Later calls wait for the same end. */
  stop(): Promise<void>;
  /** Gives up the ownership and lets PostgreSQL run on. */
  leave(): Promise<void>;
}

/**
 * Starts the embedded PostgreSQL of a data folder, or adopts the one that a killed server left running there; returns when
 * it answers. Throws an Error with a message for the operator: cluster of another version or user, a second server, no
 * answer in 60 seconds (with the end of PostgreSQL's log).
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir, log, now = Date.now, settings = {}, initdbOptions = [], use = 'exclusive' } = options;
  const cluster = await openCluster(dataDir, log, initdbOptions);
  const deadline = now() + startMs;
  let stopping: Promise<void> | null = null;
  let reported = false;
  const report = (reason: string): void => {
    if (stopping !== null || reported) return;
    reported = true;
    options.onExit?.(reason);
  };

  for (;;) {
    const { postmaster, connection, adopted } = await settle(cluster, settings, log, now, deadline);
    let ownership: Ownership | null = null;
    if (use === 'exclusive') {
      const claimed = await claim(connection, now, (holder) => report(`another Millrace server (process ${holder}) took over ${dataDir}`));
      if (claimed.kind === 'taken') {
        throw new Error(`Another Millrace server (process ${claimed.holder || 'unknown'}) is running on the data folder ${dataDir}. Stop it, or give this one another MILLRACE_DATA.`);
      }
      // The former owner was just stopping PostgreSQL: look again.
      if (claimed.kind === 'disconnected') continue;
      ownership = claimed.ownership;
    }
    const endLogLimit = limitLog(cluster.logFile);
    const watchEnd = async (): Promise<void> => {
      const reason = await postmaster.ended;
      endLogLimit();
      await ownership?.release();
      report(`PostgreSQL has ended unexpectedly (${reason}):\n${readLogSince(cluster.logFile, 0)}`);
    };
    void watchEnd();
    return {
      connection,
      adopted,
      pid: postmaster.pid,
      async stop() {
        stopping ??= (async () => {
          endLogLimit();
          await stopPostmaster(postmaster, now);
          await ownership?.release();
        })();
        await stopping;
      },
      async leave() {
        stopping ??= (async () => {
          endLogLimit();
          await ownership?.release();
        })();
        await stopping;
      },
    };
  }
}

/** Stops whatever still runs on a data folder and removes its cluster. For folders of tests. */
export async function removeEmbeddedPostgres(dataDir: string): Promise<void> {
  await removeCluster(dataDir, async (pgdata) => {
    const file = await readPostmasterFile(pgdata);
    if (file !== null && isPostmasterOf(file.pid, pgdata)) await stopPostmaster(adoptPostmaster(file.pid), Date.now);
  });
}

interface Settled {
  postmaster: Postmaster;
  connection: PostgresConnection;
  adopted: boolean;
}

/**
 * Looks at the folder and acts, until one postmaster answers: none there - spawn; a stale pid file - remove it; one that
 * starts or stops - wait; one that lost its socket - stop it. Two processes may do this at once: PostgreSQL lets only
 * one postmaster live, and the other process then finds and adopts it.
 */
async function settle(cluster: Cluster, settings: PostgresSettings, log: (message: string) => void, now: () => number, deadline: number): Promise<Settled> {
  const logStart = logSize(cluster.logFile);
  let silentSince: number | null = null;
  while (now() < deadline) {
    const file = await readPostmasterFile(cluster.pgdata);
    if (file === null || !isPostmasterOf(file.pid, cluster.pgdata)) {
      if (file !== null) await removeStaleFile(cluster, file.pid);
      const spawned = await spawnAndWait(cluster, settings, now, deadline);
      if (spawned !== null) return spawned;
      await pause();
      continue;
    }
    const connection = connectionTo(cluster, file.socketFolder ?? cluster.socketFolder);
    const answer = await knockDatabase(connection);
    if (answer === 'ready') {
      log(`Continuing with the PostgreSQL that is already running (process ${file.pid}).`);
      return { postmaster: adoptPostmaster(file.pid), connection, adopted: true };
    }
    silentSince = answer === 'silent' ? (silentSince ?? now()) : null;
    if (silentSince !== null && now() - silentSince > silenceMs && file.status === 'ready') {
      log(`PostgreSQL (process ${file.pid}) does not answer and is stopped.`);
      await stopPostmaster(adoptPostmaster(file.pid), now);
      silentSince = null;
    }
    await pause();
  }
  throw new Error(`PostgreSQL did not answer within ${startMs / 1000} seconds. The end of ${cluster.logFile}:\n${readLogSince(cluster.logFile, logStart)}`);
}

/** Removes the pid file of a dead postmaster, unless one answers all the same: it then runs where its process cannot be seen. */
async function removeStaleFile(cluster: Cluster, pid: number): Promise<void> {
  const answer = await knock(connectionTo(cluster, cluster.socketFolder), clusterName);
  if (answer.kind === 'ready') {
    await answer.client.end();
    const current = await readPostmasterFile(cluster.pgdata);
    // A postmaster that another process started a moment ago is no riddle.
    if (current !== null && current.pid !== pid) return;
    throw new Error(`A PostgreSQL of another machine or container (its process ${pid}) is running on ${cluster.pgdata}. Stop it first.`);
  }
  const current = await readPostmasterFile(cluster.pgdata);
  if (current?.pid === pid) await unlink(join(cluster.pgdata, 'postmaster.pid')).catch(() => {});
}

/** Null when the postmaster ended because another one has, or still had, the folder. */
async function spawnAndWait(cluster: Cluster, settings: PostgresSettings, now: () => number, deadline: number): Promise<Settled | null> {
  putLogAside(cluster.logFile);
  const logStart = logSize(cluster.logFile);
  const postmaster = spawnPostmaster(cluster, settings);
  const connection = connectionTo(cluster, cluster.socketFolder);
  while (now() < deadline) {
    if (!postmaster.isAlive()) {
      const tail = readLogSince(cluster.logFile, logStart);
      // The last is said while the processes of a killed postmaster have not all ended.
      if (/lock file ".*" already exists|pre-existing shared memory block/.test(tail)) return null;
      throw new Error(`PostgreSQL does not start (${await postmaster.ended}). The end of ${cluster.logFile}:\n${tail}`);
    }
    if ((await knockDatabase(connection)) === 'ready') {
      const file = await readPostmasterFile(cluster.pgdata);
      if (file?.pid === postmaster.pid) return { postmaster, connection, adopted: false };
    }
    await pause();
  }
  await stopPostmaster(postmaster, now);
  return null;
}

/** Knocks at our database, creating it in a new cluster. Throws when the server refuses us for good. */
async function knockDatabase(connection: PostgresConnection): Promise<'ready' | 'silent' | 'busy'> {
  const answer = await knock(connection, clusterName);
  if (answer.kind === 'no database') return await createDatabase(connection);
  return await settleAnswer(answer);
}

async function createDatabase(connection: PostgresConnection): Promise<'ready' | 'silent' | 'busy'> {
  const answer = await knock({ ...connection, database: 'postgres' }, clusterName);
  if (answer.kind !== 'ready') return await settleAnswer(answer);
  try {
    await answer.client.query(`create database ${clusterName}`);
    return 'ready';
  } catch {
    // Another process creates it at this moment.
    return 'busy';
  } finally {
    await answer.client.end().catch(() => {});
  }
}

async function settleAnswer(answer: Answer): Promise<'ready' | 'silent' | 'busy'> {
  if (answer.kind === 'ready') {
    await answer.client.end().catch(() => {});
    return 'ready';
  }
  if (answer.kind === 'refused') throw new Error(`The embedded PostgreSQL refuses the connection: ${answer.error.message}`, { cause: answer.error });
  return answer.kind === 'silent' ? 'silent' : 'busy';
}

function connectionTo(cluster: Cluster, socketFolder: string): PostgresConnection {
  return { host: socketFolder, port: socketPort, user: clusterName, password: cluster.password, database: clusterName };
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, pollMs));
}
