import { spawn } from 'node:child_process';
import { closeSync, copyFileSync, openSync, readSync, renameSync, statSync, truncateSync } from 'node:fs';
import { spawnAs } from './account.ts';
import { postgresEnvironment, socketPort, type Cluster } from './cluster.ts';
import { isAlive } from './process.ts';

/** Settings of postgresql.conf by name. */
export type PostgresSettings = Readonly<Record<string, string>>;

/** Size in bytes at which the log is put aside as `postgres.log.1`. */
const largestLog = 10 * 1024 * 1024;
const logCheckMs = 60_000;

/** How long a fast shutdown may take, and after that an immediate one, which the next start recovers from. */
const fastShutdownMs = 10_000;
const immediateShutdownMs = 10_000;

const defaults: PostgresSettings = {
  max_connections: '100',
  shared_buffers: '128MB',
  fsync: 'on',
  synchronous_commit: 'on',
  // Delivery reads only below the oldest running transaction: a forgotten one must not hold it back for long.
  idle_in_transaction_session_timeout: '60s',
  max_wal_size: '2GB',
  min_wal_size: '128MB',
  // Compiling short statements costs more than it saves.
  jit: 'off',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] ',
  log_timezone: 'UTC',
  timezone: 'UTC',
};

/** A postmaster, whether a child of this process or an orphan of a killed one. */
export interface Postmaster {
  pid: number;
  isAlive(): boolean;
  /** Resolves with a description when the process has ended. */
  ended: Promise<string>;
}

/** Starts postgres on the cluster, in a session of its own: Ctrl-C in a terminal is for Millrace, which then stops it in order. */
export function spawnPostmaster(cluster: Cluster, settings: PostgresSettings): Postmaster {
  const all: PostgresSettings = {
    ...defaults,
    ...settings,
    listen_addresses: '',
    port: String(socketPort),
    unix_socket_directories: cluster.socketFolder,
    unix_socket_permissions: '0700',
    logging_collector: 'off',
    log_destination: 'stderr',
  };
  const args = ['-D', cluster.pgdata, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const logDescriptor = openSync(cluster.logFile, 'a', 0o600);
  const child = spawn(cluster.binaries.postgres, args, {
    cwd: cluster.pgdata,
    env: postgresEnvironment(),
    stdio: ['ignore', logDescriptor, logDescriptor],
    detached: true,
    ...spawnAs(cluster.account),
  });
  closeSync(logDescriptor);
  child.unref();
  let running = child.pid !== undefined;
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      running = false;
      resolve(error.message);
    });
    child.once('exit', (code, signal) => {
      running = false;
      resolve(signal === null ? `exit code ${code}` : `signal ${signal}`);
    });
  });
  return { pid: child.pid ?? 0, isAlive: () => running, ended };
}

/** Takes charge of a postmaster that this process did not start; its end is found by looking every half second. */
export function adoptPostmaster(pid: number): Postmaster {
  const ended = new Promise<string>((resolve) => {
    const timer = setInterval(() => {
      if (isAlive(pid)) return;
      clearInterval(timer);
      resolve('the process has gone');
    }, 500).unref();
  });
  return { pid, isAlive: () => isAlive(pid), ended };
}

/** Stops a postmaster: sessions are ended and data is written; after ten seconds it is told to stop at once. */
export async function stopPostmaster(postmaster: Postmaster, now: () => number): Promise<void> {
  for (const [signal, patience] of [['SIGINT', fastShutdownMs], ['SIGQUIT', immediateShutdownMs]] as const) {
    if (!postmaster.isAlive()) return;
    try {
      process.kill(postmaster.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
      throw error;
    }
    const deadline = now() + patience;
    while (postmaster.isAlive() && now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  if (postmaster.isAlive()) throw new Error(`PostgreSQL (process ${postmaster.pid}) does not stop.`);
}

/** The size of the log now, so that `readLogSince` can show what was written later. */
export function logSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last lines of the log that were written after it had `offset` bytes. */
export function readLogSince(file: string, offset: number): string {
  const size = logSize(file);
  const length = Math.min(Math.max(size - offset, 0), 4000);
  if (length === 0) return '';
  const buffer = Buffer.alloc(length);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, buffer, 0, length, size - length);
  closeSync(descriptor);
  return buffer.toString('utf8').trim().split('\n').slice(-15).join('\n');
}

/** Puts a log that has grown too large aside before a postmaster starts. */
export function putLogAside(file: string): void {
  if (logSize(file) > largestLog) renameSync(file, `${file}.1`);
}

/** Looks every minute whether the log of a running postmaster has grown too large. Returns how to end this. */
export function limitLog(file: string): () => void {
  const timer = setInterval(() => {
    if (logSize(file) <= largestLog) return;
    // postgres keeps the file open for appending, so it is emptied in place.
    copyFileSync(file, `${file}.1`);
    truncateSync(file, 0);
  }, logCheckMs).unref();
  return () => clearInterval(timer);
}
