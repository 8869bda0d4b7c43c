import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testDatabase } from '../../test/support/database.ts';
import { openDatabase, type Database } from '../kernel/database.ts';
import { ApiError } from '../kernel/errors.ts';
import { counts, plans } from './plans.ts';
import { createQuotas, startOfDay, startOfMonth } from './quota.ts';

let database: Database;
let drop: () => Promise<void>;
before(async () => {
  const made = await testDatabase();
  ({ drop } = made);
  database = openDatabase({ connection: made.url, connections: 4 });
});
after(async () => {
  await database.close();
  await drop();
});

const now = new Date('2026-12-15T10:00:00Z');
const noPending = { pending: () => 0 };

async function count(tenantId: number, day: string, counted: number): Promise<void> {
  await database.run('insert into call_count (tenant_id, region, day, calls, counted) values ($1, $2, $3::date, $4, $4)', [tenantId, 'r', day, counted]);
}

function exhausted(waitMs: number): (error: unknown) => boolean {
  return (error) => error instanceof ApiError && error.entry === 'Throttling.Api' && error.retryAfterMs === waitMs;
}

test('months and days are those of UTC', async () => {
  await count(1, '2026-11-30', 1_000);
  await count(1, '2026-12-01', 5);
  await count(1, '2026-12-15', 7);
  assert.deepEqual(await createQuotas({ database, callLog: noPending }).usage(1, 'r', now), { month: 12, day: 7 });
  assert.equal(startOfDay(now, 1).toISOString(), '2026-12-16T00:00:00.000Z');
  assert.equal(startOfMonth(now, 1).toISOString(), '2027-01-01T00:00:00.000Z');
});

test('the last call of a day passes, the next is refused until midnight', async () => {
  await count(2, '2026-12-15', 99);
  const quotas = createQuotas({ database, callLog: noPending });
  const admission = await quotas.admit(2, 'r', plans.Basic, now);
  assert.equal(admission.remaining, 3_100 - 99 - 1);
  await assert.rejects(quotas.admit(2, 'r', plans.Basic, now), exhausted(14 * 3_600_000));
  // The call did not count after all: there is room again.
  admission.done();
  admission.done();
  await quotas.admit(2, 'r', plans.Basic, now);
});

test('calls that come together do not pass the limit together', async () => {
  await count(3, '2026-12-15', 95);
  const quotas = createQuotas({ database, callLog: noPending });
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => quotas.admit(3, 'r', plans.Basic, now)));
  assert.ok(results.filter((result) => result.status === 'fulfilled').length <= 5);
});

test('rows that are not written yet count', async () => {
  await count(4, '2026-12-15', 90);
  const quotas = createQuotas({ database, callLog: { pending: () => 10 } });
  await assert.rejects(quotas.admit(4, 'r', plans.Basic, now), exhausted(14 * 3_600_000));
});

test('a full month is refused until the next', async () => {
  await count(5, '2026-12-01', 100_000);
  await assert.rejects(createQuotas({ database, callLog: noPending }).admit(5, 'r', plans.Standard, now), exhausted(Date.parse('2027-01-01T00:00:00Z') - now.getTime()));
});

test('without a limit nothing is asked or told', async () => {
  assert.equal((await createQuotas({ database, callLog: noPending }).admit(5, 'r', plans.Unlimited, now)).remaining, undefined);
});

test('throttled calls never count, failed ones by the plan', () => {
  assert.equal(counts(plans.Basic, 429), false);
  assert.equal(counts(plans.Basic, 404), true);
  assert.equal(counts(plans.Standard, 404), false);
  assert.equal(counts(plans.Standard, 200), true);
});
