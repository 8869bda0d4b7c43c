import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hintFor } from '../../console/src/api/hints.ts';
import { curlOf, signCall } from '../../console/src/api/sign.ts';
import { csvOf } from '../../console/src/pages/openapi/csv.ts';
import { forecast } from '../../console/src/pages/openapi/forecast.ts';
import { readGauges } from '../../console/src/pages/administration/metrics.ts';
import { dayText } from '../../console/src/pages/platform/dates.ts';
import { snippetLanguages, snippetOf } from '../../console/src/pages/openapi/snippets.ts';
import { errorCatalogue, type ErrorEntry } from '../../server/kernel/errors.ts';

const day = 86_400_000;

test('the forecast names the moment at which the rest is used up, and nothing when it lasts', () => {
  assert.equal(forecast({ remaining: 300, perDay: 100, now: 0, periodEnd: 10 * day }), 3 * day);
  assert.equal(forecast({ remaining: 300, perDay: 10, now: 0, periodEnd: 10 * day }), undefined);
  assert.equal(forecast({ remaining: undefined, perDay: 10, now: 0, periodEnd: day }), undefined);
  assert.equal(forecast({ remaining: 5, perDay: 0, now: 0, periodEnd: day }), undefined);
  assert.equal(forecast({ remaining: 0, perDay: 1, now: 7, periodEnd: day }), 7);
});

test('a day is one of the calendar of its time zone, over the ends of months and years and over clock changes', () => {
  assert.equal(dayText(Date.UTC(2026, 11, 31, 16, 30), 'Asia/Shanghai'), '2027-01-01');
  assert.equal(dayText(Date.UTC(2026, 11, 31, 16, 30), 'Asia/Shanghai', -1), '2026-12-31');
  assert.equal(dayText(Date.UTC(2026, 2, 1, 3), 'America/New_York', -1), '2026-02-27');
  // The 29th of March has 23 hours in Berlin.
  assert.equal(dayText(Date.UTC(2026, 2, 29, 22, 30), 'Europe/Berlin', -1), '2026-03-29');
});

test('what to do is told in the language of the page for every error that the console can meet', () => {
  assert.equal(hintFor('Invalid.File.NotFound', 'zh'), '对象可能已被删除，或属于您未加入的工作空间。');
  assert.equal(hintFor('Invalid.File.Exists', 'en'), 'Choose another name.');
  assert.equal(hintFor('Invalid.', 'en'), undefined);
  // Errors of signatures and addresses, which only programs make.
  const elsewhere = ['InvalidVersion', 'InvalidProduct', 'UnsupportedHTTPMethod', 'PathNotFound', 'IncompleteSignature', 'SignatureNonceUsed', 'InvalidTimeStamp.Format', 'InvalidSecurityToken.Expired', 'InvalidSecurityToken.Malformed', 'MissingSecurityToken'];
  const codes = Object.entries(errorCatalogue).filter(([name]) => !elsewhere.includes(name)).flatMap(([name, entry]: [string, ErrorEntry]) => [entry.code ?? name, ...Object.values(entry.byVersion ?? {})]);
  assert.deepEqual(codes.filter((code) => hintFor(code.replace('{kind}', 'Thing'), 'zh') === undefined), []);
});

test('the CSV quotes what must be quoted and lets no formula through', () => {
  const text = csvOf([{ Time: 0, RequestId: 'A-1', Product: 'p', Version: 'v', Operation: 'Say "hi", twice', Code: '=cmd()', DurationMillis: 1.5, UserName: 'two\nlines' }]);
  assert.ok(text.startsWith('\uFEFFTime,RequestId,'));
  assert.ok(text.includes('"Say ""hi"", twice"'));
  assert.ok(text.includes("'=cmd()"));
  assert.ok(text.includes('"two\nlines"'));
  assert.ok(text.includes('1970-01-01T00:00:00.000Z,A-1,p,v'));
});

test('a call as code has every parameter, in every language', () => {
  const call = { origin: 'http://127.0.0.1:8080', product: 'dataworks-public', version: '2024-05-18', action: 'ListProjects', parameters: { Names: '["it\'s"]', PageSize: '10' } };
  for (const [language] of snippetLanguages) {
    const text = snippetOf(language, call);
    for (const part of ['ListProjects', '2024-05-18', '127.0.0.1:8080', 'PageSize']) assert.ok(text.includes(part), `${language} lacks ${part}`);
  }
  assert.ok(snippetOf('cli', call).includes(String.raw`--Names '["it'\''s"]'`));
});

test('the signature is the one of the signed door, and the command quotes for a shell', async () => {
  const signed = await signCall('http://h:1', { accessKeyId: 'id', accessKeySecret: 'secret' }, { version: '2026-12-01', action: 'GetCaller', parameters: { A: "x'y z" } }, { now: new Date('2026-01-02T03:04:05Z'), nonce: 'n' });
  assert.equal(signed.headers['x-acs-date'], '2026-01-02T03:04:05Z');
  assert.match(signed.headers['authorization'] ?? '', /^ACS3-HMAC-SHA256 Credential=id,SignedHeaders=content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=[0-9a-f]{64}$/);
  assert.equal(signed.body, 'A=x%27y+z');
  assert.ok(curlOf(signed).startsWith("curl -X POST 'http://h:1/' \\\n"));
});

test('gauges are read from the metrics, and nothing else', () => {
  const text = '# HELP queue_depth Waiting jobs.\n# TYPE queue_depth gauge\nqueue_depth{kind="a b"} 3\n# HELP calls Calls.\n# TYPE calls counter\ncalls 9\n# TYPE bare gauge\nbare 0.5\n';
  assert.deepEqual(readGauges(text), [
    { name: 'queue_depth', help: 'Waiting jobs.', labels: 'kind="a b"', value: 3 },
    { name: 'bare', help: '', labels: '', value: 0.5 },
  ]);
});
