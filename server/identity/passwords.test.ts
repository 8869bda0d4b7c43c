import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashPassword, passwordFault, verifyPassword } from './passwords.ts';

test('a hash carries its parameters and knows only its password', async () => {
  const hash = await hashPassword('correct horse');
  assert.match(hash, /^scrypt\$15\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
  assert.notEqual(await hashPassword('correct horse'), hash);
  assert.equal(await verifyPassword('correct horse', hash), true);
  assert.equal(await verifyPassword('correct horsf', hash), false);
  assert.equal(await verifyPassword('correct horse', undefined), false);
});

test('a hash of other parameters still verifies', async () => {
  const { scryptSync } = await import('node:crypto');
  const key = scryptSync('an old password', 'salt', 32, { N: 1024, r: 8, p: 1 });
  assert.equal(await verifyPassword('an old password', ['scrypt', 10, 8, 1, Buffer.from('salt').toString('base64url'), key.toString('base64url')].join('$')), true);
});

test('too many passwords at once are refused, the others verified', async () => {
  const key = Buffer.alloc(32).toString('base64url');
  const cheap = `scrypt$4$8$1$${key}$${key}`;
  const results = await Promise.allSettled(Array.from({ length: 80 }, () => verifyPassword('any', cheap)));
  assert.equal(results.filter((result) => result.status === 'fulfilled').length, 66);
  assert.equal(await verifyPassword('any', cheap), false);
});

test('the password policy', () => {
  assert.match(passwordFault('short', 'user') ?? '', /at least 8/);
  assert.match(passwordFault('x'.repeat(129), 'user') ?? '', /at most 128/);
  assert.match(passwordFault('USERNAME1', 'username1') ?? '', /differ/);
  assert.equal(passwordFault('long enough', 'user'), undefined);
});
