/* oxlint-disable unicorn/require-post-message-target-origin -- a message to a thread, which has no origin */
import { parentPort } from 'node:worker_threads';
import { Environment } from '@marcbachmann/cel-js';
import { ruleLimits } from './rule-limits.ts';

/** Evaluates rules apart from the server: what a rule does to its thread it does to nobody else. The other side ends the thread when it takes too long. */

const environment = new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false, enableOptionalTypes: true, limits: ruleLimits });

/** Whole numbers become integers of CEL, as a rule's writer expects of `fileType == 10`. */
function toCel(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, toCel(inner)]));
  return value;
}

function fromCel(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(fromCel);
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, inner]) => [String(name), fromCel(inner)]));
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, fromCel(inner)]));
  return value;
}

parentPort?.on('message', (task: { id: number; expression: string; variables: Record<string, unknown> }) => {
  try {
    const value = fromCel(environment.evaluate(task.expression, toCel(task.variables) as Record<string, unknown>));
    parentPort?.postMessage({ id: task.id, value });
  } catch (error) {
    parentPort?.postMessage({ id: task.id, error: error instanceof Error ? error.message.split('\n')[0] : String(error) });
  }
});
