import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testDatabase } from '../../test/support/database.ts';
import { openDatabase, type Database } from '../kernel/database.ts';
import { ApiError } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import { createNonces } from './nonces.ts';

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

const NOW = Date.parse('2026-12-01T08:00:00Z');
const used = (error: unknown) => error instanceof ApiError && error.entry === 'SignatureNonceUsed';

test('a nonce of a read is accepted once, without the database', () => {
  const nonces = createNonces(database);
  assert.equal(nonces.accept('key', 'n1', NOW, 'read', NOW), undefined);
  assert.throws(() => nonces.accept('key', 'n1', NOW, 'read', NOW), used);
  assert.equal(nonces.accept('other', 'n1', NOW, 'read', NOW), undefined);
});

test('a nonce of a write is accepted once over all processes and restarts', async () => {
  await createNonces(database).accept('key', 'w1', NOW, 'write', NOW);
  await assert.rejects(async () => createNonces(database).accept('key', 'w1', NOW, 'write', NOW), used);
  await createNonces(database).accept('other', 'w1', NOW, 'write', NOW);
});

test('of processes that get the same write at once, one runs it', async () => {
  const results = await Promise.allSettled(Array.from({ length: 8 }, async () => createNonces(database).accept('key', 'race', NOW, 'write', NOW)));
  assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
});

test('memory forgets a nonce only when no request can use it any more', () => {
  const nonces = createNonces(database);
  const window = limits.clockWindowMs.value;
  // Dated a whole window ahead, it stays valid for two.
  nonces.accept('key', 'ahead', NOW + window, 'read', NOW);
  nonces.accept('key', 'later', NOW + 2 * window, 'read', NOW + 2 * window);
  assert.throws(() => nonces.accept('key', 'ahead', NOW + window, 'read', NOW + 2 * window), used);
  nonces.accept('key', 'turn-1', NOW, 'read', NOW + 5 * window);
  nonces.accept('key', 'turn-2', NOW, 'read', NOW + 8 * window);
  assert.equal(nonces.accept('key', 'ahead', NOW + 8 * window, 'read', NOW + 8 * window), undefined);
});

test('stored nonces leave when their request would be too old', async () => {
  const nonces = createNonces(database);
  await nonces.accept('prune', 'p1', NOW, 'write', NOW);
  const count = async () => (await database.row<{ count: number }>(`select count(*) as count from nonce where access_key_id = 'prune'`))?.count;
  await nonces.prune(new Date(NOW + limits.clockWindowMs.value));
  assert.equal(await count(), 1);
  await nonces.prune(new Date(NOW + limits.clockWindowMs.value + 1));
  assert.equal(await count(), 0);
});

test('a nonce that cannot be stored is refused by name', () => {
  const nonces = createNonces(database);
  for (const nonce of ['n'.repeat(300), 'a\u0000b']) {
    assert.throws(
      () => nonces.accept('key', nonce, NOW, 'write', NOW),
      (error) => error instanceof ApiError && error.entry === 'InvalidParameter' && error.message.includes('SignatureNonce'),
    );
  }
});
