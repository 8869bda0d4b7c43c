import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..', '..');

/** What a secret looks like that opens something outside. */
const SECRETS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['a private key', /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s*[A-Za-z0-9+/]{40}/],
  ['an AWS key', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a GitHub token', /\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{60,}\b/],
  ['an npm token', /\bnpm_[A-Za-z0-9]{36}\b|_authToken\s*=\s*\S{8,}/],
  ['a Slack token', /\bxox[abprs]-[A-Za-z0-9-]{20,}/],
  ['a Google key', /\bAIza[0-9A-Za-z_-]{35}\b/],
  ['a JSON web token', /\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}/],
  ['a real AccessKey', /\bLTAI5t[A-Za-z0-9]{18}\b/],
  ['an address with a password', /\b(?:https?|postgres(?:ql)?|mysql|redis|amqp):\/\/[^\s:/@'"`$<>{}]{1,64}:[^\s:/@'"`$<>{}]{6,64}@(?!localhost|127\.0\.0\.1|[\w.-]*\.?(?:example|test|invalid)\b|(?:db|host|a|b)(?=[:/]|$))[a-z0-9.-]+\.[a-z]{2,}/i],
];

/** Keys that tests and vectors are written with. They say so themselves. */
const MADE_UP = /(?:Test|OfThe|Example|Stranger|Vector|Sample|Demo|Fake|Nobody|Unknown|Made|Chaos|Drill|Bench|xxxx|XXXX|\.\.\.)/;

/** Files that are made of such examples. */
const VECTORS = new Set(['test/conformance/signature-vectors.json']);

function trackedFiles(): string[] {
  return execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(root, path)) && statSync(join(root, path)).isFile());
}

function findSecrets(text: string): string[] {
  return SECRETS.flatMap(([name, pattern]) => {
    const found = pattern.exec(text)?.[0];
    return found === undefined || MADE_UP.test(found) ? [] : [`${name} (${found.slice(0, 12)}…)`];
  });
}

test('no file of the repository holds a secret', (context) => {
  if (!existsSync(join(root, '.git'))) return context.skip('this is no git checkout');
  const found = trackedFiles()
    .filter((path) => !VECTORS.has(path) && !/\.(?:png|jpe?g|ico|woff2?|gz|zip)$/.test(path))
    .flatMap((path) => findSecrets(readFileSync(join(root, path), 'utf8')).map((what) => `${path}: ${what}`));
  assert.deepEqual(found, []);
});

test('no file that belongs to one machine is in the repository', (context) => {
  if (!existsSync(join(root, '.git'))) return context.skip('this is no git checkout');
  const paths = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }).split('\n');
  assert.deepEqual(paths.filter((path) => /(?:^|\/)(?:\.env(?:\..*)?|\.npmrc|id_rsa|master\.key|.*\.(?:pem|p12|pfx|keystore|backup))$/.test(path) && !path.endsWith('.env.example')), []);
  assert.doesNotMatch(readFileSync(join(root, 'package-lock.json'), 'utf8'), /"resolved": "(?!https:\/\/registry\.npmjs\.org\/)/, 'the lock file names no other registry');
});

test('the scan finds what it looks for', () => {
  const key = ['-----BEGIN', 'PRIVATE KEY-----\n'].join(' ') + 'A'.repeat(64);
  for (const text of [key, `AKIA${'Q'.repeat(16)}`, `ghp_${'a'.repeat(36)}`, `LTAI5t${'Q9'.repeat(9)}`, `postgres://${'prod'}:${'s3cr3tw0rd'}@db.company.com/x`]) assert.equal(findSecrets(text).length, 1, text.slice(0, 12));
  assert.deepEqual(findSecrets('LTAI5tOfTheTestAccount01 postgres://user:password@localhost/x'), []);
});
