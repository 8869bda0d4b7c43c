import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMask, maskText } from './mask.ts';

function through(secrets: readonly string[], parts: readonly string[]): string {
  const written: Buffer[] = [];
  const mask = createMask(secrets, (data) => written.push(data));
  for (const part of parts) mask.push(Buffer.from(part));
  mask.end();
  return Buffer.concat(written).toString('utf8');
}

test('a secret is masked wherever the output is cut', () => {
  const text = 'before swordfish after swordfishswordfish, sword and fish';
  const masked = 'before ****** after ************, sword and fish';
  for (let cut = 0; cut <= text.length; cut += 1) assert.equal(through(['swordfish'], [text.slice(0, cut), text.slice(cut)]), masked);
  assert.equal(through(['swordfish'], [...text]), masked);
  assert.equal(through(['swordfish'], ['sword']), 'sword', 'what was held back comes at the end');
});

test('several secrets, of several lines and of other scripts, and none', () => {
  assert.equal(through(['one-secret', 'one-secret-more'], ['one-secret-more one-secret']), '****** ******');
  assert.equal(through(['-----BEGIN\nabcdefgh\n'], ['abcdefgh is a line of it']), '****** is a line of it');
  assert.equal(through(['密码密码'], ['这是密码', '密码。']), '这是******。');
  assert.equal(through(['42'], ['it is 42']), 'it is ******', 'however short it is');
  assert.equal(through(['{\n"key": 1\n}', ''], ['{ } of a log']), '{ } of a log', 'a bracket alone says nothing');
  assert.equal(through([], ['anything']), 'anything');
  assert.equal(maskText('[["say \\"swordfish\\""]]', ['say "swordfish"']), '[["******"]]');
});

test('a secret that ends as it or another one begins is masked all the same', () => {
  assert.equal(through(['abracadabra'], ['the word abracadabra.']), 'the word ******.');
  assert.equal(through(['abracadabra'], ['the word abracadabra']), 'the word ******');
  assert.equal(through(['one-secret', 'third'], ['one-secret']), '******');
  for (const word of ['abcda', 'abab', 'aaaa']) for (let cut = 0; cut <= word.length; cut += 1) assert.equal(through([word], [word.slice(0, cut), word.slice(cut)]), '******');
});
