import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { platformActor } from '../../kernel/change.ts';
import { silentLog } from '../../kernel/log.ts';
import { createOutbound } from '../../kernel/outbound.ts';
import { createDelivery } from './engine.ts';
import { createFormats } from './format.ts';
import { deliveryPlace, type Received } from './delivery.fixture.ts';
import { headerPurpose } from './destination.ts';
import { createPace } from './pace.ts';
import { nextTry, type RetryStrategy } from './retries.ts';
import { createSender } from './send.ts';
import { deliveryTraceparent } from './trace.ts';

let place: Awaited<ReturnType<typeof deliveryPlace>>;
let tenant = 700;

before(async () => {
  place = await deliveryPlace();
});
after(() => place.close());

const SECOND = 1_000;
const one = <Element>(list: readonly Element[]): Element => {
  assert.equal(list.length, 1);
  return list[0] as Element;
};

function verify(got: Received, secret: string): void {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signed = `${got.headers['webhook-id']}.${got.headers['webhook-timestamp']}.${got.body}`;
  assert.ok(got.headers['webhook-signature']?.split(' ').includes(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`));
}

test('structured: the whole event as a CloudEvent that breaks no rule of its form', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  const engine = await place.engine();
  const { secret } = await place.subscribe(tenantId, receiver.url, { settings: { format: 'structured' } });
  const id = await place.raise(tenantId, 'file:1', 1);
  await place.until('it arrives', () => receiver.accepted.length === 1);
  const got = one(receiver.received);
  verify(got, secret);
  assert.equal(got.headers['content-type'], 'application/cloudevents+json; charset=utf-8');
  const event = JSON.parse(got.body) as Record<string, unknown>;
  assert.deepEqual([event['id'], event['specversion'], event['subject'], event['partitionkey'], event['attempt'], event['datacontenttype']], [id, '1.0', 'file:1', 'file:1', 1, 'application/json']);
  // Names of attributes are lower-case letters and digits, and none of them is empty.
  for (const [name, value] of Object.entries(event)) assert.ok(/^[a-z0-9]+$/.test(name) && value !== '', name);
  await engine.stop();
});

test('binary: attributes are headers, percent-encoded where HTTP needs it, and the body is the data', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  const engine = await place.engine();
  const { secret } = await place.subscribe(tenantId, receiver.url, { settings: { format: 'binary' } });
  const id = await place.raise(tenantId, 'table:订单 100%', 1);
  await place.until('it arrives', () => receiver.accepted.length === 1);
  const got = one(receiver.received);
  verify(got, secret);
  assert.deepEqual(
    ['ce-id', 'ce-specversion', 'ce-type', 'ce-source', 'content-type'].map((name) => got.headers[name]),
    [id, '1.0', 'dataworks:FileChange:CommitFile', 'acs.dataworks', 'application/json'],
  );
  assert.equal(decodeURIComponent(got.headers['ce-subject'] ?? ''), 'table:订单 100%');
  assert.ok(/^[\u0021-\u007e]+$/.test(got.headers['ce-subject'] ?? ''));
  assert.equal((JSON.parse(got.body) as { eventCode: string }).eventCode, 'commit-file');
  await engine.stop();
});

test('batch: what waits goes in one request in order; of a failed batch each object is tried again alone and stays in order', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  const gate = Promise.withResolvers<void>();
  receiver.answer = async () => {
    await gate.promise;
    return { status: 200 };
  };
  const engine = await place.engine();
  const { id, secret } = await place.subscribe(tenantId, receiver.url, { settings: { format: 'batch', concurrency: 1 } });
  await place.raise(tenantId, 'first', 1);
  await place.until('the first is under way', () => receiver.received.length === 1);
  // In one change, so that one page of the log has them all.
  await place.changes.change(platformActor('test', tenantId), async (change) => {
    for (let number = 1; number <= 6; number += 1) {
      const object = number % 2 === 0 ? 'even' : 'odd';
      change.raise({ code: 'commit-file', workspaceId: 1, objectKey: object, data: { projectId: 1, operator: `${object}#${number}` } });
    }
  });
  receiver.answer = (got) => ({ status: (JSON.parse(got.body) as unknown[]).length > 1 ? 500 : 200 });
  gate.resolve();
  await place.until('the six have come together', () => receiver.received.some((got) => (JSON.parse(got.body) as unknown[]).length === 6));
  const batch = receiver.received.find((got) => (JSON.parse(got.body) as unknown[]).length === 6);
  assert.ok(batch !== undefined && batch.headers['webhook-id']?.startsWith('batch_') === true && batch.headers['content-type'] === 'application/cloudevents-batch+json; charset=utf-8');
  verify(batch, secret);
  await place.until('all six are parked', async () => (await place.parked(id)).length === 6);
  assert.deepEqual((await place.parked(id)).map((row) => [row.object_key, row.state, row.attempts]), [
    ['odd', 'blocked', 1],
    ['even', 'blocked', 1],
    ...['odd', 'even', 'odd', 'even'].map((key) => [key, 'behind', 1]),
  ]);
  place.clock.advance(5 * SECOND);
  await place.until('all arrive', () => receiver.accepted.length === 7);
  for (const key of ['odd', 'even']) {
    const numbers = receiver.accepted.filter((got) => got.object === key).map((got) => got.number);
    assert.deepEqual(numbers, numbers.toSorted((left, right) => left - right), key);
  }
  await place.until('every one of them has its rows', async () => (await place.attempts(id)).length === 1 + 6 + 6);
  await engine.stop();
});

test('a subscription sends its own headers, secret ones from their sealed form, and none that speaks for the message', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  const engine = await place.engine();
  const { id } = await place.subscribe(tenantId, receiver.url, { settings: { headers: [{ name: 'x-team', value: 'data' }] } });
  const sealed = place.secrets.seal('Bearer hidden', headerPurpose(id));
  await place.database.run(`update subscription set headers = headers || $2::jsonb, version = version + 1 where id = $1`, [id, JSON.stringify([{ name: 'authorization', sealed }])]);
  await place.database.run(`select pg_notify('millrace_cache', $1)`, [`subscription:${id}`]);
  await place.until('both are sent', async () => {
    await place.raise(tenantId, 'file:1', 1);
    return receiver.accepted.some((got) => got.headers['authorization'] === 'Bearer hidden' && got.headers['x-team'] === 'data' && got.headers['millrace-attempt'] === '1');
  });
  await engine.stop();
});

test('a delivery carries the trace of its call, or one named by the request', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  const engine = await place.engine();
  await place.subscribe(tenantId, receiver.url);
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const actor = { tenantId, userId: 1, action: 'test', requestId: '0f8fad5b-d9cb-469f-a165-70867728950e', sourceAddress: undefined };
  const raise = (more: object) => place.changes.change({ ...actor, ...more }, async (change) => change.raise({ code: 'commit-file', workspaceId: 1, objectKey: 'file:1', data: { projectId: 1, operator: 'file:1#1' } }));
  await raise({ traceparent });
  await raise({});
  await place.until('both arrive', () => receiver.accepted.length === 2);
  const [first, second] = receiver.accepted.map((got) => got.headers['traceparent'] ?? '');
  assert.match(first ?? '', /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
  assert.ok(first?.includes('b7ad6b7169203331') === false, 'a span of its own');
  assert.match(second ?? '', /^00-0f8fad5bd9cb469fa16570867728950e-[0-9a-f]{16}-01$/);
  assert.match(deliveryTraceparent({ traceparent: undefined, requestId: undefined, eventId: 'no uuid' }), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  await engine.stop();
});

test('no more events a second than the subscription says', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  const engine = await place.engine();
  await place.subscribe(tenantId, receiver.url, { settings: { rate: 2 } });
  for (let number = 1; number <= 6; number += 1) await place.raise(tenantId, `file:${number}`, number);
  await place.until('what one second brings arrives', () => receiver.accepted.length === 2);
  place.clock.advance(499);
  await place.raise(tenantId, 'file:7', 7);
  assert.equal(receiver.received.length, 2, 'not a moment too early');
  place.clock.advance(1);
  await place.until('the next arrives', () => receiver.accepted.length === 3);
  for (let step = 4; step <= 7; step += 1) {
    place.clock.advance(500);
    await place.until(`number ${step} arrives`, () => receiver.accepted.length === step);
  }
  await engine.stop();
});

test('a bucket holds what one second brings, at least one', () => {
  const pace = createPace(0.5, place.clock);
  assert.deepEqual([pace.take(), pace.take(), pace.wait()], [true, false, 2_000]);
  assert.equal(createPace(undefined, place.clock).take(), true);
});

test('retry strategies have the numbers of their makers', () => {
  const now = new Date(0);
  const pauses = (strategy: RetryStrategy, chance: number) => {
    const list: number[] = [];
    for (let attempts = 1; ; attempts += 1) {
      const next = nextTry(strategy, attempts, now, undefined, () => chance);
      if (next === undefined) return list;
      list.push(next.getTime() / SECOND);
    }
  };
  assert.deepEqual(pauses('standard', 0), [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]);
  assert.deepEqual(pauses('standard', 0.5), [5.25, 315, 1_890, 7_560, 18_900, 37_800, 37_800]);
  assert.deepEqual([pauses('backoff', 0), pauses('backoff', 0.999)], [[10, 10, 10], [19.99, 19.99, 19.99]]);
  const decay = pauses('decay', 0.7);
  assert.equal(decay.length, 176);
  assert.deepEqual(decay.slice(0, 11), [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512]);
  assert.ok(decay.every((pause, index) => index < 9 || pause === 512));
  const total = decay.reduce((sum, pause) => sum + pause, 0);
  assert.ok(total > 23 * 3_600 && total < 24 * 3_600, 'a day');
  assert.equal(nextTry('backoff', 1, now, 60_000, () => 0)?.getTime(), 60_000, 'Retry-After stretches');
  assert.equal(nextTry('decay', 1, now, 10 * 86_400_000, () => 0)?.getTime(), 86_400_000, 'and is bounded');
  assert.equal(nextTry('backoff', 4, now, 60_000, () => 0), undefined);
});

test('BACKOFF_RETRY gives up after three retries and keeps the body with the dead letter', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  receiver.answer = () => ({ status: 500 });
  const engine = await place.engine();
  const { id } = await place.subscribe(tenantId, receiver.url, { settings: { retry: 'backoff' } });
  const eventId = await place.raise(tenantId, 'file:1', 1);
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    await place.until(`try ${attempt} is written`, async () => (await place.attempts(id)).length === attempt);
    place.clock.advance(10 * SECOND);
  }
  await place.until('a dead letter', async () => (await place.parked(id))[0]?.state === 'exhausted');
  const row = await place.database.row<{ body: { data: { operator: string }; eventId: string }; exhausted_at: Date }>('select body, exhausted_at from delivery_parked where subscription_id = $1', [id]);
  assert.deepEqual([row?.body.data.operator, row?.body.eventId], ['file:1#1', eventId]);

  // The log may forget the event; the dead letter can still be sent.
  await place.database.run('delete from event where event_id = $1', [eventId]);
  receiver.answer = () => ({ status: 200 });
  await place.database.run(`update delivery_parked set state = 'replay', next_at = now() where subscription_id = $1`, [id]);
  await place.database.run(`select pg_notify('millrace_cache', $1)`, [`subscription:${id}:*`]);
  await place.until('it arrives', () => receiver.accepted.length === 1);
  assert.equal(one(receiver.accepted).envelope.id, eventId);
  await place.until('and leaves nothing', async () => (await place.parked(id)).length === 0);
  await engine.stop();
});

test('no delivery reaches loopback, private, link-local or metadata addresses, by address, by a name that turns, or by a redirect', async () => {
  const tenantId = (tenant += 1);
  const forbidden = createServer((_, response) => {
    reached += 1;
    response.end();
  });
  let reached = 0;
  await new Promise<void>((resolve) => forbidden.listen(0, '127.0.0.2', resolve));
  const { port } = forbidden.address() as AddressInfo;
  const redirecting = createServer((_, response) => response.writeHead(307, { location: `http://127.0.0.2:${port}/` }).end('moved'));
  await new Promise<void>((resolve) => redirecting.listen(0, '127.0.0.1', resolve));
  const allowedPort = (redirecting.address() as AddressInfo).port;
  let lookups = 0;
  const outbound = createOutbound({
    allowLoopback: false,
    allowed: ['127.0.0.1/32'],
    // The first answer is fit to be called, later ones are not.
    lookup: async (host) => [{ address: host === 'turning.example' && (lookups += 1) > 1 ? '127.0.0.2' : '127.0.0.1', family: 4 }],
  });
  const send = createSender({ clock: place.clock, transport: outbound, format: createFormats(place.wrap) });
  const engine = createDelivery({ ...place, log: silentLog, send, owner: 'guarded engine', random: () => 0 });
  await engine.start();
  const urls = {
    loopback: `http://127.0.0.2:${port}/`,
    private: 'http://10.0.0.1/',
    linkLocal: 'http://169.254.7.7/',
    metadata: 'http://169.254.169.254/latest/meta-data/',
    mapped: 'http://[::ffff:10.0.0.1]/',
    redirect: `http://127.0.0.1:${allowedPort}/`,
  };
  const ids = new Map<string, number>();
  for (const [kind, url] of Object.entries(urls)) ids.set(kind, (await place.subscribe(tenantId, url)).id);
  await place.raise(tenantId, 'file:1', 1);
  const attemptsOf = async (kind: string) => place.attempts(ids.get(kind) ?? 0);
  for (const kind of ids.keys()) {
    await place.until(`the try at ${kind} is written`, async () => {
      engine.wake();
      return (await attemptsOf(kind)).length === 1;
    });
    const [attempt] = await attemptsOf(kind);
    if (kind === 'redirect') assert.deepEqual([attempt?.outcome, attempt?.stage, attempt?.http_status], ['failed', 'status', 307]);
    else assert.deepEqual([attempt?.outcome, attempt?.stage, attempt?.http_status], ['failed', 'forbidden', null], kind);
  }
  assert.equal((await outbound.request({ method: 'POST', url: `http://turning.example:${allowedPort}/`, timeoutMs: 5_000 })).status, 307);
  const turning = await place.subscribe(tenantId, `http://turning.example:${port}/`);
  await place.raise(tenantId, 'file:2', 1);
  await place.until('the try at the turned name is written', async () => {
    engine.wake();
    return (await place.attempts(turning.id)).length > 0;
  });
  assert.equal((await place.attempts(turning.id))[0]?.stage, 'forbidden');
  assert.equal(reached, 0);
  await engine.stop();
  await outbound.close();
  forbidden.close();
  redirecting.close();
});
