import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify from 'fastify';
import { createMetrics } from '../kernel/metrics.ts';
import { createCallMeter, registerMetrics } from './metrics.ts';

test('counters, histograms and gauges are told in the text format, and a gauge that fails leaves the others', async () => {
  const metrics = createMetrics();
  const calls = metrics.counter('calls_total', 'Calls.');
  calls.add({ status: 200, name: 'say "hi"\n' });
  calls.add({ name: 'say "hi"\n', status: 200 }, 2);
  const seconds = metrics.histogram('seconds', 'Time.', [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) seconds.observe(value);
  metrics.gauge({ name: 'lag', help: 'Lag.', read: () => [{ labels: { id: 7 }, value: 1.5 }] });
  metrics.gauge({ name: 'broken', help: 'Broken.', read: () => Promise.reject(new Error('no')) });
  const lines = (await metrics.render()).split('\n');
  for (const wanted of [
    '# TYPE calls_total counter',
    'calls_total{name="say \\"hi\\"\\n",status="200"} 3',
    'seconds_bucket{le="0.1"} 2',
    'seconds_bucket{le="1"} 3',
    'seconds_bucket{le="+Inf"} 4',
    'seconds_sum 7.65',
    'seconds_count 4',
    'lag{id="7"} 1.5',
  ]) {
    assert.ok(lines.includes(wanted), `${wanted} is missing in ${lines.join('\n')}`);
  }
  assert.ok((await metrics.render()).includes('millrace_metric_failures_total{metric="broken"} '));
  assert.throws(() => metrics.counter('lag', 'again'), /twice/);
});

test('calls of operations that are not there share one series', async () => {
  const metrics = createMetrics();
  const meter = createCallMeter(metrics, ({ action }) => action === 'GetFile');
  const row = { product: 'p', version: 'v', access: 'read' as const, status: 200, durationUs: 3_000 };
  for (const action of ['GetFile', 'made up', 'another']) meter({ ...row, action } as Parameters<typeof meter>[0]);
  const text = await metrics.render();
  assert.ok(text.includes('millrace_calls_total{action="GetFile",product="p",status="200",version="v"} 1'), text);
  assert.ok(text.includes('millrace_calls_total{action="",product="",status="200",version=""} 2'), text);
});

test('metrics are for this machine, or for whoever has the token', async () => {
  const ask = async (token: string | undefined, remoteAddress: string, headers: Record<string, string> = {}) => {
    const app = fastify();
    registerMetrics(app, { metrics: createMetrics(), token });
    const answer = await app.inject({ url: '/metrics', remoteAddress, headers });
    await app.close();
    return answer.statusCode;
  };
  assert.equal(await ask(undefined, '127.0.0.1'), 200);
  assert.equal(await ask(undefined, '::ffff:127.0.0.1'), 200);
  assert.equal(await ask(undefined, '10.0.0.5'), 404);
  assert.equal(await ask(undefined, '127.0.0.1', { 'x-forwarded-for': '203.0.113.7' }), 404);
  assert.equal(await ask('secret', '10.0.0.5', { authorization: 'Bearer secret' }), 200);
  assert.equal(await ask('secret', '127.0.0.1'), 404);
  assert.equal(await ask('secret', '127.0.0.1', { authorization: 'Bearer secres' }), 404);
});
