/* oxlint-disable unicorn/require-post-message-target-origin -- a message to a thread, which has no origin */
import { Worker } from 'node:worker_threads';
import { Environment } from '@marcbachmann/cel-js';
import { invalid } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import { ruleLimits } from './rule-limits.ts';

/**
 * Rules in CEL, the Common Expression Language. A rule sees `data` (the event's payload), `snapshot`, `options`, `point`, `title`, `operator` and
 * `projectId`, and comes to true (OK), false (FAIL), a verdict as text, or a map with `result`, `message` and `findings`.
 */
export interface Rules {
  /** The value of the expression, or the reason why there is none. Never rejects. */
  evaluate(expression: string, variables: Readonly<Record<string, unknown>>): Promise<{ readonly value: unknown } | { readonly reason: string }>;
  stop(): Promise<void>;
}

/** Refuses an expression that cannot be read. Nothing is evaluated. */
export function checkRule(expression: string): void {
  try {
    new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false, enableOptionalTypes: true, limits: ruleLimits }).parse(expression);
  } catch (error) {
    throw invalid('Target', `the rule cannot be read: ${(error as Error).message.split('\n')[0]}`);
  }
}

interface Task {
  readonly id: number;
  readonly expression: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly end: (outcome: { value: unknown } | { reason: string }) => void;
}

/**
 * Runs rules in one thread, one after the other, so that the time limit is each rule's own. The thread's memory is bounded by V8; a rule that takes too
 * long ends with its thread, and the next one gets a new thread.
 */
export function createRules(): Rules {
  let worker: Worker | undefined;
  const waiting: Task[] = [];
  let present: Task | undefined;
  let timer: NodeJS.Timeout | undefined;
  let count = 0;

  function start(): Worker {
    const fresh = new Worker(new URL('rule-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: limits.ruleMemoryMegabytes.value, maxYoungGenerationSizeMb: 8, stackSizeMb: 2 },
      env: {},
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdin: false,
    });
    fresh.unref();
    fresh.on('message', (message: { id: number; value?: unknown; error?: string }) => {
      if (message.id !== present?.id) return;
      settle(message.error === undefined ? { value: message.value } : { reason: `the rule failed: ${message.error}` });
    });
    fresh.on('error', (error: NodeJS.ErrnoException) => {
      if (worker === fresh) worker = undefined;
      settle({ reason: error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? `the rule used more than ${limits.ruleMemoryMegabytes.value} MB of memory.` : `the rule's thread ended: ${error.message}` });
    });
    fresh.on('exit', () => {
      if (worker !== fresh) return;
      worker = undefined;
      settle({ reason: "the rule's thread ended." });
    });
    return fresh;
  }

  function settle(outcome: { value: unknown } | { reason: string }): void {
    clearTimeout(timer);
    const done = present;
    present = undefined;
    done?.end(outcome);
    next();
  }

  function next(): void {
    if (present !== undefined) return;
    present = waiting.shift();
    if (present === undefined) return;
    const { id, expression, variables } = present;
    const cold = worker === undefined;
    worker ??= start();
    worker.postMessage({ id, expression, variables });
    // A new thread needs a moment of its own before it begins.
    timer = setTimeout(
      () => {
        const slow = worker;
        worker = undefined;
        void slow?.terminate();
        settle({ reason: `the rule took longer than ${limits.ruleMs.value} ms.` });
      },
      limits.ruleMs.value + (cold ? limits.ruleStartMs.value : 0),
    );
  }

  return {
    evaluate(expression, variables) {
      if (waiting.length >= limits.rulesWaiting.value) return Promise.resolve({ reason: `more than ${limits.rulesWaiting.value} rules are waiting.` });
      return new Promise((end) => {
        count += 1;
        waiting.push({ id: count, expression, variables, end });
        next();
      });
    },
    async stop() {
      clearTimeout(timer);
      const last = worker;
      worker = undefined;
      for (const task of [present, ...waiting.splice(0)]) task?.end({ reason: 'the server is stopping.' });
      present = undefined;
      await last?.terminate();
    },
  };
}
