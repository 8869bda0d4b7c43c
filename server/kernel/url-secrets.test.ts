import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskUrlSecrets, urlSecrets } from './url-secrets.ts';

test('passwords in URLs are hidden whole, whatever signs they have', () => {
  const cases: [string, string, string[]][] = [
    ['jdbc:mysql://u:p@h:3306/d?useSSL=true', 'jdbc:mysql://u:******@h:3306/d?useSSL=true', ['p']],
    ['postgres://u:p@ss/word@h/d', 'postgres://u:******@h/d', ['p@ss/word']],
    ['jdbc:postgresql://h:5432/d?user=u&password=p;x&ssl=1', 'jdbc:postgresql://h:5432/d?user=u&password=******;x&ssl=1', ['p']],
    ['jdbc:sqlserver://h:1;trustStorePassword=a;accessKey=b', 'jdbc:sqlserver://h:1;trustStorePassword=******;accessKey=******', ['a', 'b']],
    ['https://h:8080/path?mail=a@b', 'https://h:8080/path?mail=a@b', []],
    ['https://user@h/', 'https://user@h/', []],
    ['no url: a@b', 'no url: a@b', []],
  ];
  for (const [text, masked, secrets] of cases) {
    assert.equal(maskUrlSecrets(text), masked);
    assert.deepEqual(urlSecrets(text), secrets);
  }
});

test('a text of nothing but separators is looked through once', () => {
  for (const sign of ['?', '://a:', '?a', '&', ';=', '@']) assert.ok(maskUrlSecrets(sign.repeat(1_000_000)).length > 0);
});
