import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killRounds } from './kill.ts';

test('killed three times under load, the server loses nothing it acknowledged', async () => {
  const result = await killRounds(3, () => {});
  assert.deepEqual(result.findings, []);
  assert.ok(result.acknowledged > 50, `only ${result.acknowledged} writes were acknowledged, which shows nothing`);
});
