import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { platformActor, type Change, type Changes } from '../../kernel/change.ts';
import type { Clock } from '../../kernel/clock.ts';
import { isUniqueViolation, type Database } from '../../kernel/database.ts';
import type { IdSource } from '../../kernel/ids.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { Service } from '../../kernel/module.ts';
import { taskAccount } from './account.ts';
import type { EndedRun, RunFollower, RunOutcome } from './interface.ts';
import { appendLine, writeLog } from './log-store.ts';
import { isWorkerDead, machineName, workerName } from './machine.ts';
import { killAbandonedTree } from './process-tree.ts';
import { workspaceFolder, type RunnerSettings } from './runners.ts';
import { runFolder, startSession, type Session, type SessionSettings } from './session.ts';
import { claimRuns, finishRuns, lockGroup, nextQueue, renewLeases, runningAmong, runOf, takeLostRuns, workersOf, workspaceRemoved, workspacesToRemove, type ClaimedRow, type Lease, type LostRow } from './store.ts';

/** What a worker may be told to do otherwise than `limits` say. */
export interface WorkerSettings extends RunnerSettings {
  readonly slots: number;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly shutdownMs: number;
  readonly killMs: number;
  readonly logBytes: number;
  readonly logFlushMs: number;
}

export interface WorkerOptions {
  readonly database: Database;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  readonly settings: WorkerSettings;
  follower(): RunFollower;
  /** How many tasks run at once in a resource group; undefined for a group that is gone, whose tasks then wait. */
  slotsOf(group: string): Promise<number | undefined>;
}

/** A run that has ended and waits to be written down. */
interface Unrecorded {
  readonly run: ClaimedRow;
  readonly of: Session;
  readonly outcome: RunOutcome;
  /** When it first could not be written. */
  failingSince: Date | undefined;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * The worker of a process: takes due runs while it has free slots, renews their leases, ends those that are to be stopped, and takes over
 * the runs of workers that are gone.
 */
export function createWorker(options: WorkerOptions): Service {
  const { database, changes, clock, log, settings, follower, slotsOf } = options;
  const sessions = new Map<number, Session>();
  const ending = new Set<Promise<void>>();
  let name = '';
  let machine = '';
  let session: SessionSettings | undefined;
  let stopping = false;
  let stopped = true;
  let renewedAt = new Date(0);
  let cancels: (() => void)[] = [];
  let unlisten: (() => Promise<void>)[] = [];

  const pause = (milliseconds: number) => new Promise<void>((resolve) => void clock.after(milliseconds, resolve));
  const leaseEnd = () => new Date(clock.now().getTime() + settings.leaseMs);
  const looking = serial(look, (error) => log.error({ err: error }, 'the worker could not look for runs'));
  const clearing = serial(clearUp, (error) => log.error({ err: error }, 'the worker could not clear up after what is gone'));
  const unrecorded: Unrecorded[] = [];
  const recording = serial(recordAll, (error) => log.error({ err: error }, 'the worker could not record the end of runs'));
  const renewing = serial(renew, (error) => log.warn({ err: error }, 'the worker could not renew its leases'));

  function hasRoom(): boolean {
    return !stopping && sessions.size < settings.slots;
  }

  /** Takes over from workers that are gone, and removes what deleted workspaces have left. Nobody tells when there is some, so a run that is due does not wait for it. */
  async function clearUp(): Promise<void> {
    if (stopping) return;
    await takeOver();
    await removeWorkspaces();
  }

  /** Fills the free slots. */
  async function look(): Promise<void> {
    if (stopping) return;
    const full: string[] = [];
    while (hasRoom()) {
      const queue = await nextQueue(database, clock.now(), full);
      if (queue === undefined) return;
      const slots = queue.resource_group === null ? undefined : ((await slotsOf(queue.resource_group)) ?? 0);
      const claimed = await claim(queue, slots);
      if (claimed === 'none') return;
      if (claimed === 'full' && queue.resource_group !== null) full.push(queue.resource_group);
    }
  }

  async function claim(queue: { tenant_id: number; resource_group: string | null }, slots: number | undefined): Promise<'some' | 'none' | 'full'> {
    const most = Math.min(settings.slots - sessions.size, limits.taskClaimBatch.value);
    try {
      const claimed = await changes.change(platformActor('task:start', queue.tenant_id), async (change) => {
        const room = slots === undefined || queue.resource_group === null ? most : Math.min(most, slots - (await lockGroup(change, queue.resource_group)));
        if (room <= 0) return 'full' as const;
        const rows = await claimRuns(change, queue, clock.now(), leaseEnd(), name, machine, room);
        if (rows.length > 0) await follower().onStarted(change, rows.map(runOf));
        return rows;
      });
      if (claimed === 'full') return 'full';
      for (const row of claimed) begin(row);
      return claimed.length > 0 ? 'some' : 'none';
    } catch (error) {
      // Another worker began a run on the same resource at the same moment.
      if (isUniqueViolation(error, 'task_run_resource')) return 'some';
      throw error;
    }
  }

  function begin(run: ClaimedRow): void {
    if (session === undefined) throw new Error('the worker was not started');
    const begun = startSession(run, { database, clock, log, settings: session });
    sessions.set(run.id, begun);
    const end = begun.done
      .then((outcome) => record(run, begun, outcome))
      .catch((error: unknown) => log.error({ err: error, run: run.id }, 'the end of a run could not be recorded; it counts as lost when its lease ends'))
      .finally(() => {
        sessions.delete(run.id);
        ending.delete(end);
        looking.now();
      });
    ending.add(end);
  }

  /**
   * Writes down how a run ended, together with all others that ended while the last ones were being written: under load one change records many.
   * It tries again for as long as the lease may be its own while the database is away, and for as long as a lease when the database is there: what cannot be
   * written then must not keep its slot, or the server from ending.
   */
  function record(run: ClaimedRow, of: Session, outcome: RunOutcome): Promise<void> {
    return new Promise((resolve, reject) => {
      unrecorded.push({ run, of, outcome, failingSince: undefined, resolve, reject });
      recording.now();
    });
  }

  async function recordAll(): Promise<void> {
    for (const [tenantId, ends] of Map.groupBy(unrecorded.splice(0), ({ run }) => run.tenant_id)) await recordTogether(tenantId, ends);
  }

  async function recordTogether(tenantId: number, ends: readonly Unrecorded[]): Promise<void> {
    try {
      const kept = await changes.change(platformActor('task:finish', tenantId), (change) => recordIn(change, ends));
      for (const end of ends) {
        if (!kept.has(end.run.id)) log.warn({ run: end.run.id, instance: end.run.instance_id }, 'the lease of a run was lost; its result is not recorded');
        end.resolve();
      }
    } catch (error) {
      if (ends.length > 1) {
        // One that cannot be recorded must not keep the others back.
        for (const end of ends) await recordTogether(tenantId, [end]);
      } else if (clock.now().getTime() > renewedAt.getTime() + settings.leaseMs || ends.some(({ failingSince }) => clock.now().getTime() > (failingSince ?? clock.now()).getTime() + settings.leaseMs)) {
        for (const end of ends) end.reject(error);
      } else {
        for (const end of ends) end.failingSince ??= clock.now();
        log.warn({ err: error, runs: ends.map(({ run }) => run.id) }, 'the end of a run could not be recorded yet');
        await pause(settings.pollMs);
        unrecorded.push(...ends);
        recording.now();
      }
    }
  }

  /** Rows in the order of their ids, and what is left of the logs, so that whoever reads the end finds the log whole. */
  async function recordIn(change: Change, ends: readonly Unrecorded[]): Promise<Set<number>> {
    const sorted = ends.toSorted((a, b) => a.run.id - b.run.id);
    const held = new Set<number>();
    for (const { run, of } of sorted) {
      let whole = true;
      for (const write of of.rest()) whole = whole && (await writeLog(change, of.lease, write));
      if (whole) held.add(run.id);
    }
    const finished = await finishRuns(change, sorted.filter(({ run }) => held.has(run.id)).map(({ of, outcome }) => ({ lease: of.lease, outcome })), clock.now());
    const told = sorted.filter(({ run }) => finished.has(run.id)).map(({ run, outcome }): EndedRun => ({ run: runOf(run), outcome }));
    if (told.length > 0) await follower().onFinished(change, told);
    return finished;
  }

  /** Renews all leases and hears which runs are to be stopped. A run whose lease may have ended is ended here: another worker may have begun it. */
  async function renew(): Promise<void> {
    const asked = [...sessions.values()];
    const now = clock.now();
    if (asked.length === 0) {
      renewedAt = now;
      return;
    }
    try {
      const held = new Map((await renewLeases(database, asked.map((one) => one.lease), leaseEnd())).map((row) => [row.id, row]));
      renewedAt = now;
      for (const one of asked) {
        const row = held.get(one.lease.id);
        if (row === undefined) one.end('Fenced');
        else if (row.stop) one.end('Stopped');
      }
    } catch (error) {
      if (clock.now().getTime() > renewedAt.getTime() + settings.leaseMs) for (const one of asked) one.end('Fenced');
      throw error;
    }
  }

  async function takeOver(): Promise<void> {
    const dead = (await workersOf(database, machine)).filter((worker) => worker !== name && isWorkerDead(worker));
    for (const row of await takeLostRuns(database, clock.now(), leaseEnd(), name, dead, limits.taskClaimBatch.value)) {
      if (row.machine === machine) {
        const folder = runFolder(settings.dataFolder, row.id);
        killAbandonedTree({ leader: row.process_id ?? undefined, folder }, row.process_started ?? undefined);
        await rm(folder, { recursive: true, force: true });
      }
      await recordLost(row);
    }
  }

  async function recordLost(row: LostRow): Promise<void> {
    const lease: Lease = { id: row.id, token: row.lease_token };
    const outcome: RunOutcome =
      row.stop_requested_at === null
        ? { kind: 'Lost', reason: 'The worker that ran the task is gone.', exitCode: undefined }
        : { kind: 'Stopped', reason: 'The task was stopped; the worker that ran it is gone.', exitCode: undefined };
    await changes.change(platformActor('task:lost', row.tenant_id), async (change) => {
      if ((await finishRuns(change, [{ lease, outcome }], clock.now())).size === 0) return;
      await appendLine(change, row.id, `--- ${outcome.reason} ---`);
      await follower().onFinished(change, [{ run: runOf(row), outcome }]);
    });
    log.warn({ run: row.id, instance: row.instance_id, attempt: row.attempt }, 'a run was taken over from a worker that is gone');
  }

  async function removeWorkspaces(): Promise<void> {
    for (const workspaceId of await workspacesToRemove(database)) {
      await rm(workspaceFolder(settings.dataFolder, workspaceId), { recursive: true, force: true });
      await workspaceRemoved(database, workspaceId);
    }
  }

  /** Folders of runs that nobody runs any more, left by a process that was killed; what still runs in them is killed too. */
  async function clearFolders(): Promise<void> {
    const ids = (await readdir(join(settings.dataFolder, 'runs'))).map(Number).filter(Number.isSafeInteger);
    const running = await runningAmong(database, ids);
    for (const id of ids.filter((candidate) => !running.has(candidate))) {
      const folder = runFolder(settings.dataFolder, id);
      killAbandonedTree({ leader: undefined, folder }, undefined);
      await rm(folder, { recursive: true, force: true });
    }
  }

  function every(milliseconds: number, action: () => void): void {
    let cancel = () => {};
    const again = () => {
      cancel = clock.after(milliseconds, () => {
        action();
        again();
      });
    };
    again();
    cancels.push(() => cancel());
  }

  async function prepare(): Promise<void> {
    const runs = join(settings.dataFolder, 'runs');
    await mkdir(runs, { recursive: true });
    // Passable, not readable: the account of tasks goes through it to its own folder.
    await chmod(runs, 0o711);
    const account = taskAccount(runs);
    if (account === undefined && process.getuid?.() === 0) log.warn({ folder: runs }, 'tasks run as root: the account nobody cannot get to the data folder');
    session = { ...settings, account };
    machine = await machineName(settings.dataFolder);
    name = workerName(options.ids.token(6));
    await clearFolders();
  }

  return {
    name: 'task worker',
    role: 'work',
    async start() {
      await prepare();
      stopping = false;
      stopped = false;
      renewedAt = clock.now();
      unlisten = [await database.listen('millrace_task', looking.now), await database.listen('millrace_stop', renewing.now)];
      every(settings.pollMs, looking.now);
      every(settings.pollMs, clearing.now);
      every(Math.floor(settings.leaseMs / 3), renewing.now);
      clearing.now();
      looking.now();
    },
    async stop() {
      if (stopped) return;
      stopping = true;
      await Promise.all([looking.idle(), clearing.idle()]);
      if (ending.size > 0) {
        let cancel = () => {};
        const late = new Promise<void>((resolve) => {
          cancel = clock.after(settings.shutdownMs, resolve);
        });
        await Promise.race([Promise.all(ending), late]);
        cancel();
        for (const one of sessions.values()) one.end('PutBack');
        await Promise.all(ending);
      }
      for (const cancel of cancels) cancel();
      cancels = [];
      for (const close of unlisten) await close();
      unlisten = [];
      await renewing.idle();
      stopped = true;
    },
  };

  /** Runs an action one at a time; a wish that comes meanwhile is granted once more after it. */
  function serial(action: () => Promise<void>, report: (error: unknown) => void): { now(): void; idle(): Promise<void> } {
    let current: Promise<void> | undefined;
    let again = false;
    const now = () => {
      if (stopped) return;
      if (current !== undefined) {
        again = true;
        return;
      }
      current = action()
        .catch(report)
        .finally(() => {
          current = undefined;
          if (again) {
            again = false;
            now();
          }
        });
    };
    const idle = async (): Promise<void> => {
      if (current === undefined) return;
      await current;
      await idle();
    };
    return { now, idle };
  }
}
