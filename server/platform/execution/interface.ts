import type { Change } from '../../kernel/change.ts';
import type { Executor } from '../../kernel/database.ts';

/** A parameter of a run, evaluated. A nameless one is given by position only. */
export interface RunParameter {
  readonly name: string | null;
  readonly value: string;
}

/** A file that stands in the run's folder beside its code: a resource, in the version that it had when the run was handed over. */
export interface RunFile {
  /** The name under which the code reads it. */
  readonly name: string;
  /** Null when there is no such resource; the run is then refused. */
  readonly fileId: number | null;
  /** 0 for the draft, as it is when the run begins. */
  readonly version: number;
}

/** What the code names as `${workspace.<name>}`: a value, or a secret that is read only when the run begins. */
export type RunVariable = { readonly name: string; readonly value: string } | { readonly name: string; readonly parameterId: number; readonly version: number };

/** What is around the code of a run, without the contents: these are read by the worker. */
export interface RunSurroundings {
  readonly files: readonly RunFile[];
  readonly variables: readonly RunVariable[];
}

/** The same with the contents, as a worker gets it. Never logged, never stored. */
export interface Supplies {
  readonly files: readonly { readonly name: string; readonly content: Buffer }[];
  readonly values: readonly { readonly name: string; readonly value: string; readonly secret: boolean }[];
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
  /** Id of the resource group whose slots it takes; null or absent for the default one. */
  readonly resourceGroup?: string | null;
  /** Whether what the code puts out last is handed on: the last line of a script, the rows of the last query. */
  readonly capture?: boolean;
  /** Name of the data source on which its SQL runs, where the type needs one. */
  readonly datasource?: string | null;
  /** Files that stand in the run's folder. */
  readonly files?: readonly RunFile[];
  /** Parameters of the workspace that the code names. */
  readonly variables?: readonly RunVariable[];
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
  /** What the code put out for others to read, for types that do. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** A run that has ended. */
export interface EndedRun {
  readonly run: Run;
  readonly outcome: RunOutcome;
}

/** Told inside the change that records the facts, so that neither stands without the other. The rows of the runs are locked, the change is of their tenant. */
export interface RunFollower {
  onStarted(change: Change, runs: readonly Run[]): Promise<void>;
  /** May submit next attempts. */
  onFinished(change: Change, ends: readonly EndedRun[]): Promise<void>;
}

/** An attempt of an instance, for its history. */
export interface Attempt {
  readonly attempt: number;
  readonly state: 'Queued' | 'Running' | 'Finished';
  readonly succeeded: boolean;
  readonly queuedAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

/** Really running code: a queue of runs and workers that take from it. */
export interface Execution {
  /** Names who is told of runs. Called once, while the server is put together. */
  follow(follower: RunFollower): void;
  /** Puts runs into the queue. Rejects when another run of one of the instances is queued or running. */
  submit(change: Change, runs: readonly NewRun[]): Promise<void>;
  /** Takes the instance's run out of the queue without telling anybody. False when none is queued: it runs, or there is none. */
  withdraw(change: Change, instanceId: number): Promise<boolean>;
  /**
   * Stops the instance's run: a queued one ends here and now (its follower is told in this change), a running one as soon as its worker has
   * ended its processes. Answers whether there was one.
   */
  stop(change: Change, instanceId: number): Promise<'none' | 'ended' | 'ending'>;
  /** The log of an attempt, of the latest when none is given; undefined when there is no such attempt. */
  readLog(db: Executor, instanceId: number, attempt?: number): Promise<string | undefined>;
  /** The attempts of an instance, the first one first. */
  attempts(db: Executor, instanceId: number): Promise<readonly Attempt[]>;
  /** Adds a line to the end of the log of a run. */
  note(change: Change, runId: number, line: string): Promise<void>;
  /** How many runs the resource groups have running and waiting. */
  usage(db: Executor, groups: readonly string[]): Promise<{ group: string; running: number; waiting: number }[]>;
  /** Forgets the runs and logs of instances that are gone. */
  forget(change: Change, instanceIds: readonly number[]): Promise<void>;
  /** Ends all runs of a workspace without telling anybody, forgets them, and has the workspace's files removed. */
  removeWorkspace(change: Change, workspaceId: number): Promise<void>;
}
