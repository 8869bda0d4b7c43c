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

test('secrets are masked inside JSON that is sent as text', () => {
  const one = { accessId: 'id', accessKey: 'hidden', jdbcUrl: 'jdbc:mysql://user:hidden@db:3306/shop?password=hidden&useSSL=true' };
  const masked = maskedParameters({ Content: JSON.stringify(one), DataSources: JSON.stringify([{ Name: 'shop', Content: JSON.stringify(one) }]), Spec: '{"password": "hidden", broken', Code: '{"name": "plain"}' });
  assert.ok(!masked.includes('hidden'), masked);
  const { Content, Code, Spec } = JSON.parse(masked) as { Content: string; Code: string; Spec: string };
  assert.deepEqual(JSON.parse(Content), { accessId: 'id', accessKey: '******', jdbcUrl: 'jdbc:mysql://user:******@db:3306/shop?password=******&useSSL=true' });
  assert.deepEqual([Code, Spec], ['{"name": "plain"}', '******']);
});

test('addresses of alerts are not written down, as values or inside JSON text', () => {
  const url = 'https://example.com/hook/hidden';
  const Notification = { Receivers: [{ ReceiverType: 'FeishuUrl', ReceiverValues: [url] }] };
  const AlertSettings = [{ Webhooks: [url], DingRobots: [{ WebUrl: url, AtAll: true }] }];
  for (const request of [{ Notification, AlertSettings, RobotUrls: url, Webhooks: url }, { Notification: JSON.stringify(Notification), AlertSettings: JSON.stringify(AlertSettings) }]) {
    const text = maskedParameters(request);
    assert.equal(text.includes('hidden'), false);
    assert.ok(text.includes('ReceiverType'));
  }
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
