import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forEachTenant } from './tenants.ts';

test('a round that fails for one tenant goes on with the others, and is told as failed', async () => {
  const done: number[] = [];
  const round = forEachTenant([1, 2, 3], async (tenantId) => {
    if (tenantId === 2) throw new Error('stumbled');
    done.push(tenantId);
  });
  await assert.rejects(round, (error) => error instanceof AggregateError && /tenants 2 of 3/.test(error.message) && error.errors.length === 1);
  assert.deepEqual(done, [1, 3]);
  await forEachTenant([4], async (tenantId) => done.push(tenantId));
  assert.deepEqual(done, [1, 3, 4]);
});
