import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMask } from './mask.ts';

function through(secrets: readonly string[], parts: readonly string[]): string {
  const written: Buffer[] = [];
  const mask = createMask(secrets, (data) => written.push(data));
  for (const part of parts) mask.push(Buffer.from(part));
  mask.end();
  return Buffer.concat(written).toString('utf8');
}

test('whatever the secrets have in common, and wherever the output is cut, none comes through', () => {
  // Few letters, so that secrets overlap themselves and each other.
  let seed = 20_261_124;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const word = (length: number) => Array.from({ length }, () => 'abc'[random(3)]).join('');
  for (let round = 0; round < 2_000; round += 1) {
    const secrets = Array.from({ length: 1 + random(3) }, () => word(4 + random(4)));
    const text = word(40) + (secrets[0] ?? '') + word(3);
    const parts: string[] = [];
    for (let from = 0; from < text.length; ) {
      const length = 1 + random(9);
      parts.push(text.slice(from, from + length));
      from += length;
    }
    const masked = through(secrets, parts);
    assert.ok(secrets.every((secret) => !masked.includes(secret)), `${secrets.join(' ')}: ${text} became ${masked}`);
    assert.equal(masked, through(secrets, [text]), `${secrets.join(' ')}: ${parts.join('|')}`);
  }
});
