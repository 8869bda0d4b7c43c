import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../kernel/limits.ts';
import { maskedParameters } from './mask.ts';

test('secrets are masked at every depth, and tokens that are no secrets stay', () => {
  const masked = maskedParameters({
    Password: 'p',
    AccessKeySecret: 's',
    ConnectionProperties: '{"password":"x"}',
    ClientToken: 'retry-1',
    NextToken: 'page-2',
    List: [{ signatureKey: 'k', Name: 'n' }],
  });
  assert.deepEqual(JSON.parse(masked), {
    Password: '******',
    AccessKeySecret: '******',
    ConnectionProperties: '******',
    ClientToken: 'retry-1',
    NextToken: 'page-2',
    List: [{ signatureKey: '******', Name: 'n' }],
  });
});

test('a secret that is a whole object leaves nothing of itself', () => {
  assert.equal(maskedParameters({ Secret: { inner: 'hidden' } }).includes('hidden'), false);
});

test('long values and long requests are cut, and the result stays JSON', () => {
  const one = JSON.parse(maskedParameters({ Content: 'x'.repeat(1_000) })) as { Content: string };
  assert.equal(one.Content, `${'x'.repeat(200)}… (1000 characters)`);
  const many = maskedParameters(Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`Name${at}`, 'v'.repeat(100)])));
  const cut = (JSON.parse(many) as { cut: string }).cut;
  assert.equal(cut.length, limits.callLogParameterCharacters.value);
  assert.equal(maskedParameters({}), '{}');
});
