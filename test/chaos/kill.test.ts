import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killRounds } from './rounds.ts';

test('three rounds of kill -9 under write load lose nothing', { timeout: 240_000 }, async (context) => {
  const summary = await killRounds(3, { seed: 7, say: (line) => context.diagnostic(line) });
  assert.deepEqual(summary.faults, []);
  assert.equal(summary.rounds, 3);
  assert.ok(summary.acknowledged > 20);
  assert.ok((summary.restarts.at(-1) ?? Infinity) < 5_000, `the slowest restart took ${summary.restarts.at(-1)} ms`);
});
