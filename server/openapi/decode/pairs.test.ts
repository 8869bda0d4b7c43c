import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { encodePairs } from './encode.fixture.ts';
import { decodeFormBody, decodePairs, isFormContentType, isJsonContentType } from './pairs.ts';

const limits = { maxParameters: 10, maxNameLength: 20, maxValueLength: 40 };

test('pairs are split and decoded, + and %20 are spaces', () => {
  assert.deepEqual(decodePairs('a=1&b=x+y%20z&c=&d&%E8%8A%82=%2B&e=f=g&&a=2&=z', 'query', limits), {
    ok: true,
    pairs: [['a', '1'], ['b', 'x y z'], ['c', ''], ['d', ''], ['节', '+'], ['e', 'f=g'], ['a', '2'], ['', 'z']],
  });
  assert.deepEqual(decodePairs('', 'query', limits), { ok: true, pairs: [] });
});

test('a bad percent sequence names its place', () => {
  for (const bad of ['%', '%4', '%zz', '%ff', '%C3', '%C3%28', '%ED%A0%80', '%c0%af', 'x%']) {
    const value = decodePairs(`a=1&Name=${bad}`, 'form', limits);
    assert.ok(!value.ok, bad);
    assert.equal(value.problem.name, 'Name');
    assert.equal(value.problem.place, 'form');
    assert.equal(value.problem.position, 2);
    const name = decodePairs(`${bad}=1`, 'query', limits);
    assert.ok(!name.ok, bad);
    assert.equal(name.problem.name, 'query');
  }
});

test('limits are kept exactly', () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => `p${index}=1`).join('&');
  assert.ok(decodePairs(many(10), 'query', limits).ok);
  assert.ok(!decodePairs(many(11), 'query', limits).ok);
  assert.ok(decodePairs(`${'n'.repeat(20)}=${'v'.repeat(40)}`, 'query', limits).ok);
  assert.ok(!decodePairs(`${'n'.repeat(21)}=v`, 'query', limits).ok);
  assert.ok(!decodePairs(`n=${'v'.repeat(41)}`, 'query', limits).ok);
});

test('a form body must be UTF-8', () => {
  assert.deepEqual(decodeFormBody(Buffer.from('a=节'), limits), { ok: true, pairs: [['a', '节']] });
  assert.ok(!decodeFormBody(Buffer.from([0x61, 0x3d, 0xff]), limits).ok);
});

test('content types are recognised with parameters and in any case', () => {
  assert.ok(isFormContentType('application/X-WWW-form-urlencoded; charset=UTF-8'));
  assert.ok(!isFormContentType('multipart/form-data'));
  assert.ok(isJsonContentType('application/json;charset=utf-8'));
  assert.ok(isJsonContentType('application/cloudevents+json'));
  assert.ok(!isJsonContentType(undefined));
});

test('encoding then decoding is the identity', () => {
  const wide = { maxParameters: 1000, maxNameLength: 1000, maxValueLength: 10_000 };
  const text = fc.string({ unit: 'binary' });
  const pair = fc.tuple(text, text).filter(([name, value]) => (name + value).isWellFormed());
  fc.assert(
    fc.property(fc.array(pair), (pairs) => {
      assert.deepEqual(decodePairs(encodePairs(pairs), 'query', wide), { ok: true, pairs });
    }),
  );
});

test('no text makes the decoder throw', () => {
  const piece = fc.oneof(fc.constantFrom('%', '&', '=', '+', '%2', '%F0%9F', '%E8%8A%82', '.', '\u0000'), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(fc.array(piece).map((pieces) => pieces.join('')), (text) => {
      decodePairs(text, 'query', limits);
      decodeFormBody(Buffer.from(text, 'latin1'), limits);
    }),
    { numRuns: 1000 },
  );
});
