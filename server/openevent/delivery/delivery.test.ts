import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { limits } from '../../kernel/limits.ts';
import { deliveryPlace, type Received } from './delivery.fixture.ts';

type Place = Awaited<ReturnType<typeof deliveryPlace>>;
let place: Place;
let tenant = 500;

before(async () => {
  place = await deliveryPlace();
});
after(() => place.close());

const numbers = (received: readonly Received[], object: string) => received.filter((one) => one.object === object).map((one) => one.number);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const SECOND = 1_000;
const HOUR = 3_600_000;

test('an event arrives signed, in the envelope of DataWorks, and leaves an attempt row', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  const engine = await place.engine();
  const { id, secret } = await place.subscribe(tenantId, receiver.url);
  const eventId = await place.raise(tenantId, 'file:1', 1);
  await place.until('it arrives', () => receiver.accepted.length === 1);
  const [got] = receiver.received;
  assert.ok(got !== undefined);
  new Webhook(secret).verify(got.body, { 'webhook-id': got.headers['webhook-id'] ?? '', 'webhook-timestamp': got.headers['webhook-timestamp'] ?? '', 'webhook-signature': got.headers['webhook-signature'] ?? '' });
  assert.equal(got.headers['webhook-id'], eventId);
  assert.equal(got.headers['content-type'], 'application/json;charset=utf-8');
  const now = place.clock.now().toISOString();
  assert.deepEqual(got.envelope, {
    id: eventId,
    source: 'acs.dataworks',
    specversion: '1.0',
    type: 'dataworks:FileChange:CommitFile',
    subject: '',
    time: now,
    datacontenttype: 'application/json;charset=utf-8',
    data: { projectId: 1, operator: 'file:1#1', tenantId, eventCode: 'commit-file' },
    aliyunaccountid: String(tenantId),
    aliyunpublishtime: now,
    aliyuneventbusname: 'default',
    aliyunregionid: 'cn-test',
    aliyunpublishaddr: '127.0.0.1',
  });
  await place.until('the row is written', async () => (await place.attempts(id)).length === 1);
  const [attempt] = await place.attempts(id);
  assert.deepEqual([attempt?.event_id, attempt?.number, attempt?.outcome, attempt?.http_status], [eventId, 1, 'succeeded', 204]);
  await engine.stop();
});

test('only what the filter wants arrives, and nothing from before the subscription', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  const engine = await place.engine();
  await place.raise(tenantId, 'early', 1, { workspaceId: 7 });
  await place.until('the early event is below the floor', async () => (await place.events.read({ position: 0, id: 0 }, 1, { tenantId })).events.length === 1);
  await place.subscribe(tenantId, receiver.url, { types: ['dataworks:FileChange:CommitFile'], workspaceId: 7 });
  await place.raise(tenantId, 'other type', 1, { workspaceId: 7, code: 'run-file' });
  await place.raise(tenantId, 'other workspace', 1, { workspaceId: 8 });
  await place.raise(tenantId + 1_000, 'other tenant', 1, { workspaceId: 7 });
  await place.raise(tenantId, 'wanted', 1, { workspaceId: 7 });
  await place.until('the wanted one arrives', () => receiver.accepted.length > 0);
  assert.deepEqual(receiver.received.map((one) => one.object), ['wanted']);
  await engine.stop();
});

test('a failing object waits and keeps its order, other objects go on', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  receiver.answer = (received) => ({ status: received.object === 'bad' && received.number === 1 ? 500 : 200 });
  const engine = await place.engine();
  const { id } = await place.subscribe(tenantId, receiver.url);
  for (const number of upTo(20)) {
    await place.raise(tenantId, 'bad', number);
    await place.raise(tenantId, 'good', number);
  }
  await place.until('the good object is through', () => numbers(receiver.accepted, 'good').length === 20);
  await place.until('the bad one is parked', async () => (await place.parked(id)).length === 20);
  assert.deepEqual(numbers(receiver.received, 'good'), upTo(20));
  assert.deepEqual(numbers(receiver.received, 'bad'), [1]);
  assert.deepEqual((await place.parked(id)).map((row) => row.state), ['blocked', ...upTo(19).map(() => 'behind')]);

  receiver.answer = () => ({ status: 200 });
  place.clock.advance(5 * SECOND);
  await place.until('the bad one is through', () => numbers(receiver.accepted, 'bad').length === 20);
  assert.deepEqual(numbers(receiver.accepted, 'bad'), upTo(20));
  await place.until('nothing is parked any more', async () => (await place.parked(id)).length === 0);
  await engine.stop();
});

test('tries follow the schedule, Retry-After can only stretch it, and after the last one the key goes on', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  let wish: string | undefined;
  receiver.answer = (received) => (received.number === 1 ? { status: 503, ...(wish === undefined ? {} : { headers: { 'retry-after': wish } }) } : { status: 200 });
  const engine = await place.engine();
  const { id } = await place.subscribe(tenantId, receiver.url);
  await place.raise(tenantId, 'doomed', 1);
  await place.raise(tenantId, 'doomed', 2);
  const pauses = [5 * SECOND, 300 * SECOND, 0.5 * HOUR, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];
  for (const [index, pause] of pauses.entries()) {
    await place.until(`try ${index + 1} is written`, async () => (await place.attempts(id)).length === index + 1);
    const [row] = await place.parked(id);
    const stretched = index === 1 ? 7_200_000 : pause;
    assert.equal((row?.next_at?.getTime() ?? 0) - place.clock.now().getTime(), stretched, `pause after try ${index + 1}`);
    wish = index === 0 ? '7200' : '1';
    place.clock.advance(stretched - 1);
    assert.equal(receiver.received.length, index + 1, 'not a moment too early');
    place.clock.advance(1);
    await place.until(`try ${index + 2} arrives`, () => receiver.received.length >= index + 2);
  }
  await place.until('the next event of the key arrives', () => receiver.accepted.length === 1);
  await place.until('and only the dead letter is left', async () => (await place.parked(id)).length === 1);
  const [dead] = await place.parked(id);
  assert.deepEqual([dead?.state, dead?.attempts, dead?.next_at, dead?.last_error], ['exhausted', 8, null, 'the receiver answered with status 503']);
  assert.deepEqual((await place.attempts(id)).map((row) => row.outcome), [...upTo(8).map(() => 'failed'), 'succeeded']);
  await engine.stop();
});

test('a hanging receiver does not delay another subscription', async () => {
  const tenantId = (tenant += 1);
  const hanging = await place.receiver();
  const healthy = await place.receiver();
  hanging.answer = () => undefined;
  const engine = await place.engine();
  await place.subscribe(tenantId, hanging.url);
  await place.subscribe(tenantId, healthy.url);
  for (const number of upTo(200)) await place.raise(tenantId, `object:${number % 40}`, number);
  await place.until('the healthy one has all', () => healthy.accepted.length === 200);
  assert.equal(hanging.received.length, limits.deliveryConcurrency.value, 'the hanging one holds its own slots only');
  await engine.abandon();
});

test('a crash in the middle: the next process goes on, all arrive, each object in order', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  receiver.answer = (received) => ({ status: received.object === 'object:3' && received.number === 3 ? 500 : 200 });
  const first = await place.engine();
  const { id } = await place.subscribe(tenantId, receiver.url);
  const raising = (async () => {
    for (const number of upTo(300)) await place.raise(tenantId, `object:${number % 10}`, number);
  })();
  await place.until('some have arrived', () => receiver.accepted.length > 100);
  await first.abandon();
  const before = receiver.accepted.length;
  await raising;
  const second = await place.engine();
  assert.equal(receiver.accepted.length - before < 20, true, 'nobody delivers while the lease runs');
  place.clock.advance(limits.deliveryLeaseMs.value + 1);
  receiver.answer = () => ({ status: 200 });
  await place.until('all have arrived', () => new Set(receiver.accepted.map((one) => one.envelope.id)).size === 300);
  for (let key = 0; key < 10; key += 1) {
    const firstSight = [...new Set(numbers(receiver.accepted, `object:${key}`))];
    assert.deepEqual(firstSight, firstSight.toSorted((a, b) => a - b), `object ${key} is in order`);
  }
  await place.until('nothing is parked', async () => (await place.parked(id)).length === 0);
  await second.stop();
});

test('two engines on one database share a subscription without duplicates, and a clean stop hands it over at once', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  const one = await place.engine();
  const two = await place.engine();
  const { id } = await place.subscribe(tenantId, receiver.url);
  for (const number of upTo(100)) await place.raise(tenantId, `object:${number % 7}`, number);
  await place.until('the first half arrives', () => receiver.accepted.length === 100);
  const [holder, other] = one.owned().includes(id) ? [one, two] : [two, one];
  assert.ok(!other.owned().includes(id));
  await holder.stop();
  for (const number of upTo(100)) await place.raise(tenantId, `object:${number % 7}`, 100 + number);
  await place.until('the second half arrives', () => receiver.accepted.length >= 200);
  assert.ok(other.owned().includes(id));
  assert.equal(new Set(receiver.received.map((received) => received.envelope.id)).size, receiver.received.length, 'no duplicates');
  await other.stop();
});

test('a process that lost its lease without knowing writes nothing', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  const gate = Promise.withResolvers<void>();
  receiver.answer = async () => {
    await gate.promise;
    return { status: 500 };
  };
  const engine = await place.engine();
  const { id } = await place.subscribe(tenantId, receiver.url);
  await place.raise(tenantId, 'object', 1);
  await place.until('it is under way', () => receiver.received.length === 1);
  await place.database.run(`update delivery_cursor set owner = 'somebody else', epoch = epoch + 1, lease_until = $2 where subscription_id = $1`, [id, new Date(place.clock.now().getTime() + HOUR)]);
  gate.resolve();
  await place.until('the engine has let go', () => !engine.owned().includes(id));
  assert.deepEqual([await place.attempts(id), await place.parked(id)], [[], []]);
  await engine.abandon();
});

test('a full parking place stops the cursor and nothing else, and it goes on when there is room', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  receiver.answer = (received) => ({ status: received.object === 'bad' ? 500 : 200 });
  const engine = await place.engine();
  const { id } = await place.subscribe(tenantId, receiver.url);
  const limit = limits.deliveryParkedEvents as { value: number };
  const { value } = limit;
  limit.value = 5;
  try {
    for (const number of upTo(12)) await place.raise(tenantId, 'bad', number);
    await place.raise(tenantId, 'good', 1);
    await place.until('the other object arrives', () => numbers(receiver.accepted, 'good').length === 1);
    await place.until('the place is full', async () => (await place.parked(id)).length === 5);
    receiver.answer = () => ({ status: 200 });
    place.clock.advance(5 * SECOND);
    await place.until('all arrive', () => numbers(receiver.accepted, 'bad').length === 12);
    assert.deepEqual(numbers(receiver.accepted, 'bad'), upTo(12));
    await place.until('the cursor is behind all of it', async () => {
      const status = await place.database.row<{ left: number }>(
        'select count(*) as left from event, delivery_cursor as c where c.subscription_id = $1 and event.tenant_id = $2 and (event.position, event.id) > (c.position, c.row_id)',
        [id, tenantId],
      );
      return status?.left === 0;
    });
  } finally {
    limit.value = value;
  }
  await engine.stop();
});

test('an event committed behind an open older transaction arrives soon after that one ends', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  const engine = await place.engine();
  await place.subscribe(tenantId, receiver.url);
  const began = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const old = place.database.transaction(async (tx) => {
    await tx.run('select pg_current_xact_id()');
    began.resolve();
    await end.promise;
  });
  await began.promise;
  await place.raise(tenantId, 'object', 1);
  assert.equal(receiver.received.length, 0);
  end.resolve();
  await old;
  await place.until('it arrives', () => receiver.accepted.length === 1);
  await engine.stop();
});
