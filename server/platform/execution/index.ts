import type { Changes } from '../../kernel/change.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import type { IdSource } from '../../kernel/ids.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { Module } from '../../kernel/module.ts';
import { runGauges } from './gauges.ts';
import type { DataSourceConnection } from '../datasources/interface.ts';
import type { Execution, RunFollower, RunSurroundings, Supplies } from './interface.ts';
import { composeLog } from './log.ts';
import { appendLine, readLogPieces } from './log-store.ts';
import { resourceKey } from './runners.ts';
import { attemptsOf, deleteRunsOf, deleteWorkspaceRuns, finishQueuedRun, groupUsage, insertRuns, lockActiveRun, requestStop, runOf, withdrawQueuedRun } from './store.ts';
import { createWorker, type WorkerSettings } from './worker.ts';

export type { Attempt, EndedRun, Execution, NewRun, Run, RunFile, RunFollower, RunOutcome, RunParameter, RunSurroundings, RunVariable, Supplies } from './interface.ts';
export { executionSchema } from './schema.ts';
export { runnerOf } from './runners.ts';
export type { WorkerSettings } from './worker.ts';

export interface ExecutionOptions {
  readonly database: Database;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  /** Folder of this machine: `runs/` while tasks run, `workspaces/` for the DuckDB files. */
  readonly dataFolder: string;
  /** IANA name; TZ of tasks. */
  readonly timeZone: string;
  /** PATH of tasks. */
  readonly searchPath: string;
  /** Whether SQL tasks may read and write files and attach other databases. Off unless the operator allows it. */
  readonly externalAccess?: boolean;
  /** Where tasks may call to; nowhere near unless it is said. */
  readonly guard?: { readonly allowLoopback: boolean; readonly allowed: readonly string[] };
  /** The data source that a task of a workspace names; absent where there are none. */
  readonly datasource?: (workspaceId: number, environment: 'DEV' | 'PROD', name: string) => Promise<DataSourceConnection | undefined>;
  /** What is around a run, with the contents of its files and the values of secrets; absent where runs have nothing around them. */
  readonly supplies?: (workspaceId: number, environment: 'DEV' | 'PROD', surroundings: RunSurroundings) => Promise<Supplies>;
  /** How many tasks run at once in a resource group, in all processes together; undefined for a group that is gone. */
  readonly slotsOf?: (group: string) => Promise<number | undefined>;
  /** False in a process that only submits runs and leaves them to others. */
  readonly work?: boolean;
  /** Other values than `limits` has, for tests. */
  readonly settings?: Partial<Omit<WorkerSettings, 'dataFolder' | 'timeZone' | 'searchPath' | 'externalAccess' | 'guard' | 'datasource' | 'supplies'>>;
}

/** Puts the queue of runs and this process's worker together. The module's service is the worker. */
export function createExecution(options: ExecutionOptions): { module: Module; execution: Execution } {
  let follower: RunFollower | undefined;
  const followed = (): RunFollower => {
    if (follower === undefined) throw new Error('nobody follows the runs');
    return follower;
  };

  const execution: Execution = {
    follow(given) {
      follower = given;
    },
    async submit(change, runs) {
      const ids = await insertRuns(change, runs.map((run) => ({ ...run, resourceKey: resourceKey(run.command, run.workspaceId, run.environment) })), change.now);
      for (const [place, run] of runs.entries()) if (run.note !== undefined) await appendLine(change, ids[place] ?? 0, run.note);
      change.notify('millrace_task');
    },
    withdraw: withdrawQueuedRun,
    async usage(db, groups) {
      return (await groupUsage(db, groups)).map((row) => ({ group: row.resource_group, running: row.running, waiting: row.waiting }));
    },
    async stop(change, instanceId) {
      const active = await lockActiveRun(change, instanceId);
      if (active === undefined) return 'none';
      if (active.state === 'Running') {
        await requestStop(change, active.id, change.now);
        change.notify('millrace_stop');
        return 'ending';
      }
      await finishQueuedRun(change, active.id, change.now);
      await appendLine(change, active.id, '--- The task was stopped before it ran. ---');
      await followed().onFinished(change, [{ run: runOf(active), outcome: { kind: 'Stopped', reason: 'The task was stopped before it ran.', exitCode: undefined } }]);
      return 'ended';
    },
    async readLog(db, instanceId, attempt) {
      const stored = await readLogPieces(db, instanceId, attempt);
      return stored === undefined ? undefined : composeLog(stored.omittedBytes, stored.pieces);
    },
    async attempts(db, instanceId) {
      return (await attemptsOf(db, instanceId)).map((row) => ({ attempt: row.attempt, state: row.state, succeeded: row.outcome === 'Success', queuedAt: row.queued_at, startedAt: row.started_at, finishedAt: row.finished_at }));
    },
    forget: deleteRunsOf,
    note: appendLine,
    async removeWorkspace(change, workspaceId) {
      await deleteWorkspaceRuns(change, workspaceId, change.now);
      change.notify('millrace_stop');
      change.notify('millrace_task');
    },
  };

  const worker = createWorker({
    database: options.database,
    changes: options.changes,
    clock: options.clock,
    ids: options.ids,
    log: options.log,
    follower: followed,
    slotsOf: options.slotsOf ?? (async () => undefined),
    settings: {
      dataFolder: options.dataFolder,
      timeZone: options.timeZone,
      searchPath: options.searchPath,
      externalAccess: options.externalAccess ?? false,
      guard: options.guard ?? { allowLoopback: false, allowed: [] },
      datasource: options.datasource ?? (async () => undefined),
      supplies: options.supplies ?? (async () => ({ files: [], values: [] })),
      slots: limits.taskSlots.value,
      leaseMs: limits.taskLeaseMs.value,
      pollMs: limits.taskPollMs.value,
      shutdownMs: limits.taskShutdownMs.value,
      killMs: limits.taskKillMs.value,
      logBytes: limits.taskLogBytes.value,
      logFlushMs: limits.taskLogFlushMs.value,
      ...options.settings,
    },
  });
  return { module: { name: 'execution', gauges: runGauges, services: options.work === false ? [] : [worker] }, execution };
}
