import type { Change } from '../../kernel/change.ts';
import type { Executor } from '../../kernel/database.ts';

/** A parameter of a run, evaluated. A nameless one is given by position only. */
export interface RunParameter {
  readonly name: string | null;
  readonly value: string;
}

/** One attempt of an instance to run its code, as it is handed over. */
export interface NewRun {
  readonly tenantId: number;
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  readonly instanceId: number;
  /** From 1; one more for every attempt of the instance. */
  readonly attempt: number;
  /** FlowSpec runtime command; decides the runner. */
  readonly command: string;
  readonly content: string;
  readonly parameters: readonly RunParameter[];
  readonly timeoutSeconds: number;
  /** 1 to 8; higher goes first. */
  readonly priority: number;
  /** Earliest moment; now when absent. */
  readonly notBefore?: Date;
  /** First line of its log. */
  readonly note?: string;
}

/** A run as its callbacks see it. */
export interface Run {
  readonly id: number;
  readonly tenantId: number;
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  readonly instanceId: number;
  readonly attempt: number;
}

/**
 * How a run ended: by itself (`Success`, `Failure`), at its time limit (`TimedOut`), by request (`Stopped`), with its worker (`Lost`), or
 * because its worker was told to end (`PutBack`).
 */
export interface RunOutcome {
  readonly kind: 'Success' | 'Failure' | 'TimedOut' | 'Stopped' | 'Lost' | 'PutBack';
  /** What happened, for people; a sentence. */
  readonly reason: string;
  readonly exitCode: number | undefined;
}

/** Told inside the change that records the fact, so that neither stands without the other. The run's row is locked, the change is of its tenant. */
export interface RunFollower {
  onStarted(change: Change, run: Run): Promise<void>;
  /** May submit the next attempt. */
  onFinished(change: Change, run: Run, outcome: RunOutcome): Promise<void>;
}

/** Really running code: a queue of runs and workers that take from it. */
export interface Execution {
  /** Names who is told of runs. Called once, while the server is put together. */
  follow(follower: RunFollower): void;
  /** Puts a run into the queue. Rejects when another run of the instance is queued or running. */
  submit(change: Change, run: NewRun): Promise<void>;
  /**
   * Stops the instance's run: a queued one ends here and now (its follower is told in this change), a running one as soon as its worker has
   * ended its processes. Answers whether there was one.
   */
  stop(change: Change, instanceId: number): Promise<'none' | 'ended' | 'ending'>;
  /** The log of an attempt, of the latest when none is given; undefined when there is no such attempt. */
  readLog(db: Executor, instanceId: number, attempt?: number): Promise<string | undefined>;
  /** Adds a line to the end of the log of a run. */
  note(change: Change, runId: number, line: string): Promise<void>;
  /** Ends all runs of a workspace without telling anybody, forgets them, and has the workspace's files removed. */
  removeWorkspace(change: Change, workspaceId: number): Promise<void>;
}
