import type { RunShell } from './shell.ts';

/** What of DBOS is used here; the package is not installed with the project's. */
export interface DbosPackage {
  readonly DBOS: {
    setConfig(config: object): void;
    launch(): Promise<void>;
    shutdown(): Promise<void>;
    registerQueue(name: string, options: { workerConcurrency?: number; minPollingIntervalMs: number; onConflict: 'always_update' }): Promise<unknown>;
    registerWorkflow<Arguments extends unknown[], Result>(work: (...args: Arguments) => Promise<Result>, config: { name: string }): (...args: Arguments) => Promise<Result>;
    startWorkflow<Arguments extends unknown[], Result>(workflow: (...args: Arguments) => Promise<Result>, options?: { queueName?: string }): (...args: Arguments) => Promise<Handle<Result>>;
    waitAll(handles: readonly Handle<unknown>[], options: { pollingIntervalMs: number }): Promise<unknown>;
    runStep<Result>(work: () => Promise<Result>, config: { name: string }): Promise<Result>;
  };
}
interface Handle<Result> {
  getResult(options?: { pollingIntervalMs?: number }): Promise<Result>;
}

/** DBOS looks at a queue each second by itself, which would be all that is measured. */
const POLL_MS = 10;
const QUEUE = 'bench';
const WORKED = 'bench_worked';

/** Each starts a workflow and answers the milliseconds until its result is there. */
export interface Dbos {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Steps of one workflow, one after the other. */
  chainOfSteps(count: number): Promise<number>;
  /** Workflows, each awaited by the one parent before it starts the next, in one process. */
  chainOfWorkflows(count: number): Promise<number>;
  /** Steps of one workflow, side by side. */
  wideOfSteps(count: number): Promise<number>;
  /** Workflows on a queue, from which any process may take them, begun and awaited by the one parent as its documentation has it, one by one. */
  wideOnQueue(count: number): Promise<number>;
  /** The same without a parent, begun all at once: faster, and half of them are there when the process dies meanwhile. */
  wideWithoutParent(count: number): Promise<number>;
  /** Steps of one workflow, each of which runs a shell. */
  chainOfShells(count: number): Promise<number>;
  /** Workflows on a queue of so many at once, each with one step that runs a shell. */
  wideOfShells(count: number): Promise<number>;
}

/** DBOS on the same database, in its own schema, with as many connections as Millrace has. */
export function createDbos({ DBOS }: DbosPackage, options: { connection: string; connections: number; slots: number; shell: RunShell }): Dbos {
  const { connection, connections, slots, shell } = options;
  const quiet = { info() {}, debug() {}, warn: (entry: unknown) => console.error('DBOS', entry), error: (entry: unknown) => console.error('DBOS', entry) };
  DBOS.setConfig({ name: 'millrace-bench', applicationVersion: '1', systemDatabaseUrl: connection, systemDatabasePoolSize: connections, logger: quiet });

  const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);
  const nothing = async () => {};
  const zero = DBOS.registerWorkflow(async () => {}, { name: 'zero' });
  const worked = DBOS.registerWorkflow(async () => DBOS.runStep(shell, { name: 'shell' }), { name: 'worked' });
  const chainOfSteps = DBOS.registerWorkflow(async (count: number) => {
    for (const _ of numbers(count)) await DBOS.runStep(nothing, { name: 'step' });
  }, { name: 'chainOfSteps' });
  const chainOfWorkflows = DBOS.registerWorkflow(async (count: number) => {
    for (const _ of numbers(count)) await (await DBOS.startWorkflow(zero)()).getResult();
  }, { name: 'chainOfWorkflows' });
  const wideOfSteps = DBOS.registerWorkflow(async (count: number) => {
    await Promise.all(numbers(count).map(() => DBOS.runStep(nothing, { name: 'step' })));
  }, { name: 'wideOfSteps' });
  const onQueue = (queueName: string, work: () => Promise<void>) => async (count: number) => {
    const handles: Handle<void>[] = [];
    // Begun at once they wait in line for the parent's row with all connections, and the last of them may never get one.
    for (const _ of numbers(count)) handles.push(await DBOS.startWorkflow(work, { queueName })());
    for (const handle of handles) await handle.getResult({ pollingIntervalMs: POLL_MS });
  };
  const wideOnQueue = DBOS.registerWorkflow(onQueue(QUEUE, zero), { name: 'wideOnQueue' });
  const wideOfShells = DBOS.registerWorkflow(onQueue(WORKED, worked), { name: 'wideOfShells' });
  const chainOfShells = DBOS.registerWorkflow(async (count: number) => {
    for (const _ of numbers(count)) await DBOS.runStep(shell, { name: 'shell' });
  }, { name: 'chainOfShells' });

  const timed = (workflow: (count: number) => Promise<void>) => async (count: number) => {
    const began = performance.now();
    await (await DBOS.startWorkflow(workflow)(count)).getResult();
    return performance.now() - began;
  };
  return {
    async start() {
      await DBOS.launch();
      await DBOS.registerQueue(QUEUE, { minPollingIntervalMs: POLL_MS, onConflict: 'always_update' });
      await DBOS.registerQueue(WORKED, { workerConcurrency: slots, minPollingIntervalMs: POLL_MS, onConflict: 'always_update' });
    },
    stop: () => DBOS.shutdown(),
    chainOfSteps: timed(chainOfSteps),
    chainOfWorkflows: timed(chainOfWorkflows),
    wideOfSteps: timed(wideOfSteps),
    wideOnQueue: timed(wideOnQueue),
    async wideWithoutParent(count) {
      const began = performance.now();
      const handles = await Promise.all(numbers(count).map(() => DBOS.startWorkflow(zero, { queueName: QUEUE })()));
      await DBOS.waitAll(handles, { pollingIntervalMs: POLL_MS });
      return performance.now() - began;
    },
    chainOfShells: timed(chainOfShells),
    wideOfShells: timed(wideOfShells),
  };
}
