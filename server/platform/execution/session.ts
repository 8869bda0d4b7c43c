import { spawn, type ChildProcess } from 'node:child_process';
import { chownSync, mkdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import { storable } from '../../kernel/text.ts';
import type { TaskAccount } from './account.ts';
import type { RunOutcome } from './interface.ts';
import { createLogBuffer } from './log.ts';
import { createMask, maskText, type Mask } from './mask.ts';
import { writeLog, type LogWrite } from './log-store.ts';
import { isTreeAlive, processStart, signalTree, type ProcessTree } from './process-tree.ts';
import { launchOf, runnerOf, type Launch, type RunnerSettings } from './runners.ts';
import { recordProcess, type ClaimedRow, type Lease } from './store.ts';
import { layOut, unfilled, withValues } from './surroundings.ts';

/** Why a session is ended from outside: at its time limit, by request, because the server ends, or because the lease is gone. */
export type EndReason = 'TimedOut' | 'Stopped' | 'PutBack' | 'Fenced';

/** One run in the hands of this worker. */
export interface Session {
  readonly lease: Lease;
  /** Resolves when none of its processes runs any more. */
  readonly done: Promise<RunOutcome>;
  end(reason: EndReason): void;
  /** The part of the log that is not stored yet. */
  rest(): LogWrite[];
}

export interface SessionSettings extends RunnerSettings {
  readonly logBytes: number;
  readonly logFlushMs: number;
  readonly killMs: number;
  readonly account: TaskAccount | undefined;
}

/** How long the pipes of a task may stay open after all its processes ended, held by one that left the tree. */
const PIPE_WAIT_MS = 2_000;
const TREE_POLL_MS = 50;

export function runFolder(dataFolder: string, runId: number): string {
  return join(dataFolder, 'runs', String(runId));
}

/** Starts a claimed run. */
export function startSession(run: ClaimedRow, options: { database: Database; clock: Clock; log: Log; settings: SessionSettings }): Session {
  const { database, clock, log, settings } = options;
  const lease: Lease = { id: run.id, token: run.lease_token };
  const folder = runFolder(settings.dataFolder, run.id);
  const output = createLogBuffer(settings.logBytes);
  let unwritten: LogWrite[] = [];
  let tree: ProcessTree | undefined;
  let ended: EndReason | undefined;
  let finished = false;
  let flushing = Promise.resolve();
  /** The end of the standard output, of a run whose last output others read. */
  let captured: Buffer = Buffer.alloc(0);
  /** Keeps secrets of the workspace out of the log; one for each stream, since a secret may come in two parts. */
  let masks: readonly Mask[] = [];
  let secrets: readonly string[] = [];
  let script: string | undefined;

  const pause = (milliseconds: number) => new Promise<void>((resolve) => void clock.after(milliseconds, resolve));

  function collect(): void {
    const write = output.take();
    if (write !== undefined) unwritten.push(write);
  }

  /** Stores what has come in. After a failure it waits for the next time; a lost lease ends the run. */
  async function flush(): Promise<void> {
    // While a write waits for the database nothing more is collected, so that what comes in stays bounded by the buffer.
    if (unwritten.length === 0) collect();
    try {
      for (let next = unwritten[0]; next !== undefined; next = unwritten[0]) {
        if (!(await writeLog(database, lease, next))) return end('Fenced');
        unwritten.shift();
      }
    } catch (error) {
      log.warn({ err: error, run: run.id }, 'the log of a run could not be stored and waits');
    }
  }

  async function keepFlushing(): Promise<void> {
    for (;;) {
      await pause(settings.logFlushMs);
      if (finished) return;
      flushing = flush();
      await flushing;
    }
  }

  function end(reason: EndReason): void {
    if (finished || ended === 'Fenced' || (ended !== undefined && reason !== 'Fenced')) return;
    ended = reason;
    if (reason === 'TimedOut') output.line(`--- the task has reached its time limit of ${run.timeout_seconds} seconds and is ended ---`);
    if (reason === 'Stopped') output.line('--- the task was stopped ---');
    if (tree !== undefined) void killTree(tree, reason);
  }

  /** Another worker may begin the run as soon as the lease is gone, so then nothing is granted. */
  async function killTree(target: ProcessTree, reason: EndReason): Promise<void> {
    if (reason !== 'Fenced') {
      signalTree(target, 'SIGTERM');
      await pause(settings.killMs);
      if (finished) return;
    }
    signalTree(target, 'SIGKILL');
  }

  async function prepareFolder(): Promise<void> {
    // Made in place, which takes less than the wait for a thread; only what an earlier try has left behind may take long.
    try {
      mkdirSync(folder, { mode: 0o700 });
    } catch {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
    }
    // What runs under the server's own account gets a folder that the other code of tasks cannot lay anything into.
    if (['shell', 'python'].includes(runnerOf(run.command) ?? '') && settings.account !== undefined) chownSync(folder, settings.account.uid, settings.account.gid);
  }

  /** Most runs leave nothing behind but their code. */
  async function removeFolder(): Promise<void> {
    try {
      if (script !== undefined) unlinkSync(script);
      rmdirSync(folder);
    } catch {
      await rm(folder, { recursive: true, force: true }).catch((error: unknown) => log.warn({ err: error, run: run.id }, 'the folder of a run could not be removed'));
    }
  }

  async function play(): Promise<RunOutcome> {
    await prepareFolder();
    const around = await layOut(run, folder, settings);
    if ('refusal' in around) {
      output.line(around.refusal);
      return { kind: 'Failure', reason: around.refusal, exitCode: undefined };
    }
    secrets = around.values.flatMap(({ secret, value }) => (secret ? [value] : []));
    const fill = (text: string) => withValues(text, around.values);
    const content = fill(run.content);
    const without = unfilled(content);
    if (without.length > 0) output.line(`--- The workspace has no parameter ${without.slice(0, 10).join(', ')} in ${run.environment === 'PROD' ? 'production' : 'development'}; the code keeps the name. ---`);
    const launch = await launchOf({ workspaceId: run.workspace_id, environment: run.environment, command: run.command, content, parameters: run.parameters.map(({ name, value }) => ({ name, value: fill(value) })), fileNames: around.files, capture: run.capture, datasource: run.datasource, timeoutSeconds: run.timeout_seconds, folder, account: settings.account }, settings);
    if ('refusal' in launch) {
      output.line(launch.refusal);
      return { kind: 'Failure', reason: launch.refusal, exitCode: undefined };
    }
    ({ script } = launch);
    if (ended !== undefined) return outcomeOf(null, null);
    const child = spawnChild(launch, folder);
    const exit = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const standard = createMask(secrets, (data) => {
      output.push(data);
      if (run.capture) captured = Buffer.concat([captured, data]).subarray(-limits.taskOutputBytes.value);
    });
    const faults = createMask(secrets, (data) => output.push(data));
    masks = [standard, faults];
    child.stdout?.on('data', standard.push);
    child.stderr?.on('data', faults.push);
    const failure = await new Promise<Error | undefined>((resolve) => {
      child.once('spawn', () => resolve(undefined));
      child.once('error', resolve);
    });
    if (failure !== undefined || child.pid === undefined) {
      output.line(`The task could not be started: ${failure?.message ?? 'no process'}`);
      return { kind: 'Failure', reason: 'The task could not be started.', exitCode: undefined };
    }
    tree = { leader: child.pid, folder };
    child.on('error', () => {});
    child.stdin?.on('error', () => {});
    child.stdin?.end(launch.input);
    // A request to end that came while the process was being made.
    const already = ended as EndReason | undefined;
    if (already !== undefined) void killTree(tree, already);
    const cancelTimeout = clock.after(run.timeout_seconds * 1_000, () => end('TimedOut'));
    const held = recordProcess(database, lease, child.pid, processStart(child.pid) ?? '').catch((error: unknown) => {
      log.warn({ err: error, run: run.id }, 'the process of a run could not be written down');
      return true;
    });
    void held.then((stillHeld) => stillHeld || end('Fenced'));
    const { code, signal } = await exit;
    cancelTimeout();
    await held;
    await clearTree(tree, child, closed);
    for (const mask of masks) mask.end();
    const outcome = outcomeOf(code, signal);
    return run.capture && outcome.kind === 'Success' ? { ...outcome, variables: { outputs: storable(await lastOutput(launch.capturedFile)) } } : outcome;
  }

  /** The rows of the last query, or the last line that says something. */
  async function lastOutput(capturedFile: string | undefined): Promise<string> {
    const rows = capturedFile === undefined ? undefined : await readFile(capturedFile, 'utf8').catch(() => undefined);
    if (rows !== undefined) return maskText(rows, secrets);
    return captured.toString('utf8').split('\n').map((line) => line.trimEnd()).findLast((line) => line !== '') ?? '';
  }

  /** Sees to it that nothing of the tree goes on after its leader has ended: asked ones get their time, left-over ones do not. */
  async function clearTree(target: ProcessTree, child: ChildProcess, closed: Promise<void>): Promise<void> {
    if (ended !== undefined && ended !== 'Fenced') {
      for (let waited = 0; waited < settings.killMs && isTreeAlive(target); waited += TREE_POLL_MS) await pause(TREE_POLL_MS);
    }
    signalTree(target, 'SIGKILL');
    let cancel = () => {};
    const late = new Promise<void>((resolve) => {
      cancel = clock.after(PIPE_WAIT_MS, resolve);
    });
    await Promise.race([closed, late]);
    cancel();
    child.stdout?.destroy();
    child.stderr?.destroy();
  }

  function outcomeOf(code: number | null, signal: NodeJS.Signals | null): RunOutcome {
    const exitCode = code ?? undefined;
    if (ended === 'TimedOut') return { kind: 'TimedOut', reason: `The task has reached its time limit of ${run.timeout_seconds} seconds.`, exitCode };
    if (ended === 'Stopped') return { kind: 'Stopped', reason: 'The task was stopped.', exitCode };
    if (ended === 'PutBack' || ended === 'Fenced') return { kind: 'PutBack', reason: 'The server that ran the task was told to end.', exitCode };
    if (code === 0) return { kind: 'Success', reason: 'The task has succeeded.', exitCode };
    const reason = code === null ? `The task was ended by the signal ${signal ?? 'unknown'}.` : `The task has failed with the exit code ${code}.`;
    output.line(`--- ${reason} ---`);
    return { kind: 'Failure', reason, exitCode };
  }

  async function runToEnd(): Promise<RunOutcome> {
    void keepFlushing();
    try {
      return await play();
    } catch (error) {
      log.error({ err: error, run: run.id }, 'a run could not be carried out');
      output.line('The server could not carry out the task; its own log tells why.');
      return { kind: 'Failure', reason: 'The server could not carry out the task.', exitCode: undefined };
    } finally {
      finished = true;
      await flushing;
      await removeFolder();
    }
  }

  return {
    lease,
    done: runToEnd(),
    end,
    rest() {
      collect();
      return unwritten;
    },
  };
}

function spawnChild(launch: Launch, folder: string): ChildProcess {
  return spawn(launch.program, launch.args, {
    cwd: folder,
    env: { ...launch.environment },
    // A session and group of its own, so that the whole tree can be signalled.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(launch.account === undefined ? {} : { uid: launch.account.uid, gid: launch.account.gid }),
  });
}
