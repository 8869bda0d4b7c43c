import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aclsOf, scramCredentials, stateOf } from './access.ts';
import { deriveVerifiers } from '../kafka/sasl.ts';
import { createHash, createHmac } from 'node:crypto';
import { describeFailure, hasCode } from './failure.ts';

const user = { tenant_id: 1, login: 'reader@1', workspaces: null, tenant_events: true, types: [] };
const topics = (one: Parameters<typeof aclsOf>[0], plain = 1) => aclsOf(one, plain).filter((acl) => acl.resourceType === 2 && acl.operation === 3).map((acl) => [acl.resourcePatternType, acl.resourceName]);

test('a user reads the topics that it reads at the listener, as far as a cluster can divide them', () => {
  assert.deepEqual(topics(user), [[4, 'dataworks.']]);
  assert.deepEqual(topics({ ...user, tenant_events: false }), [[4, 'dataworks.workspace.']]);
  assert.deepEqual(topics({ ...user, workspaces: [11, 12] }), [[3, 'dataworks.workspace.11'], [3, 'dataworks.workspace.12'], [3, 'dataworks.tenant']]);
  assert.deepEqual(topics({ ...user, types: ['a'] }), []);
  assert.deepEqual(topics({ ...user, tenant_id: 2 }), [[4, 'tenant-2.dataworks.']]);
});

test('its groups begin with its own name', () => {
  assert.deepEqual(aclsOf(user, 1).filter((acl) => acl.resourceType === 3).map((acl) => [acl.resourcePatternType, acl.resourceName, acl.principal]), [[4, 'reader@1', 'User:reader@1']]);
});

test('a new password is another state', () => {
  const at = (text: string) => stateOf({ ...user, modified_at: new Date(text) }, 1);
  assert.notEqual(at('2026-01-01'), at('2026-01-02'));
  assert.equal(at('2026-01-01'), at('2026-01-01'));
});

test('the salted password leads to the verifier that the listener has', () => {
  for (const { mechanism, salt, saltedPassword } of scramCredentials('reader@1', 'secret')) {
    const hash = mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512';
    const verifier = deriveVerifiers('secret', () => salt)[mechanism];
    const storedKey = createHash(hash).update(createHmac(hash, saltedPassword).update('Client Key').digest()).digest('base64');
    assert.equal(storedKey, verifier.storedKey);
  }
});

test('a failure is told by what happened, not by what is wrapped around it', () => {
  const inner = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
  const wrapped = new AggregateError([Object.assign(new Error('Connection failed.', { cause: inner }), { code: 'PLT_KFK_NETWORK' })], 'metadata failed 1 times.');
  assert.match(describeFailure(wrapped), /^connect ECONNREFUSED 127\.0\.0\.1:1/);
  assert.equal(hasCode(new AggregateError([Object.assign(new Error('x'), { apiId: 'UNKNOWN_PRODUCER_ID' })], 'y'), ['UNKNOWN_PRODUCER_ID']), true);
  assert.equal(hasCode(inner, ['UNKNOWN_PRODUCER_ID']), false);
});
