import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runChaos } from './chaos.ts';

// Kafka's own broker takes long to start, and a storm of connections to calm down: both are left to the run by hand.
test('servers, PostgreSQL, a consumer and a receiver are killed under load, the disk becomes full, and every promise is kept', { timeout: 240_000 }, async (context) => {
  const only = ['server', 'worker', 'postgres', 'consumer', 'receiver', 'disk'] as const;
  const began = performance.now();
  const { rounds, kept, faults } = await runChaos({ rounds: only.length, seed: 7, only, writers: 2, loadMs: 500, say: (line) => context.diagnostic(`${((performance.now() - began) / 1_000).toFixed(1)} s: ${line}`) });
  for (const { promise, count } of kept) context.diagnostic(`${promise}: ${count}`);
  assert.deepEqual(faults, []);
  assert.deepEqual(Object.keys(rounds).toSorted(), [...only].toSorted());
});
