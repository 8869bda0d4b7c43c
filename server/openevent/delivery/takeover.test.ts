import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createPresence } from '../../kernel/presence.ts';
import { openDatabase } from '../../kernel/database.ts';
import { silentLog } from '../../kernel/log.ts';
import { deliveryPlace } from './delivery.fixture.ts';
import { createDelivery } from './engine.ts';

let place: Awaited<ReturnType<typeof deliveryPlace>>;
let tenant = 900;

before(async () => {
  place = await deliveryPlace();
});
after(() => place.close());

test('a process that ended is recognised as soon as its connection is gone, and one that lives is not', async () => {
  const other = openDatabase({ connection: place.url, connections: 1 });
  const one = await createPresence(place.database, 'delivery', 'one');
  const two = await createPresence(other, 'delivery', 'two');
  assert.equal(await one.count(), 2);
  assert.deepEqual(await one.dead(['one', 'two', 'three']), ['three']);
  // As kill -9 does: the connection ends without a word.
  await place.database.run(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'millrace presence' and datname = current_database() and pid in
    (select pid from pg_locks where locktype = 'advisory' and objid::bigint = hashtext('two')::bigint & 4294967295)`);
  await place.until('it is seen', async () => (await one.dead(['two'])).length === 1 || (await one.count()) === 2);
  // It lives after all, and renews what it lost.
  await place.until('it is back', async () => (await one.dead(['two'])).length === 0);
  await two.end();
  await place.until('it is seen to have ended', async () => (await one.dead(['two'])).length === 1);
  await one.end();
  await other.close();
});

test('what a dead process held is taken over long before its lease runs out', async () => {
  const tenantId = (tenant += 1);
  const receiver = await place.receiver();
  const first = await place.engine();
  const ids = [(await place.subscribe(tenantId, receiver.url)).id, (await place.subscribe(tenantId, receiver.url)).id];
  await place.until('the first has both', () => ids.every((id) => first.owned().includes(id)));
  await first.abandon();
  const second = await place.engine();
  await place.raise(tenantId, 'file:1', 1);
  assert.deepEqual(second.owned(), [], 'the leases still run');
  // Two looks, half a second apart.
  place.clock.advance(500);
  await place.until('the first look', async () => {
    place.clock.advance(500);
    return ids.every((id) => second.owned().includes(id));
  });
  const lease = await place.database.row<{ left: boolean }>('select bool_and(epoch = 2) as left from delivery_cursor where subscription_id = any($1)', [ids]);
  assert.equal(lease?.left, true);
  await place.until('the event arrives at both', () => receiver.accepted.length === 2);
  await second.stop();
});

test('two processes share the subscriptions evenly, without a duplicate, and one that is left takes all', async () => {
  const tenantId = (tenant += 1);
  await place.database.run('delete from subscription');
  const receiver = await place.receiver();
  const first = await place.engine();
  const ids: number[] = [];
  for (let number = 0; number < 8; number += 1) ids.push((await place.subscribe(tenantId, receiver.url)).id);
  await place.until('the first has all', () => first.owned().length === 8);
  for (let number = 1; number <= 20; number += 1) await place.raise(tenantId, `file:${number % 5}`, number);
  const second = await place.engine();
  await place.until('each has half', () => first.owned().length === 4 && second.owned().length === 4);
  assert.deepEqual([...first.owned(), ...second.owned()].toSorted((a, b) => a - b), ids);
  for (let number = 21; number <= 40; number += 1) await place.raise(tenantId, `file:${number % 5}`, number);
  await place.until('all arrive', () => receiver.accepted.length >= 8 * 40);
  assert.equal(receiver.accepted.length, 8 * 40, 'no duplicates in the hand-over');
  await first.stop();
  await place.until('the second has all', () => second.owned().length === 8);
  await second.stop();
});

test('a process that stood still in the midst of a round holds what it claims after it for a whole lease', async () => {
  const { clock, database } = place;
  await database.run('delete from subscription');
  const { id } = await place.subscribe((tenant += 1), (await place.receiver()).url);
  let stands = true;
  const delivery = createDelivery({
    database: {
      ...database,
      async row(text, values) {
        const found = await database.row<never>(text, values);
        // For longer than a lease, between the beginning of the round and the claim: when it has counted the processes.
        if (stands && text.startsWith('select count(*) from (')) {
          stands = false;
          clock.advance(10_000);
        }
        return found;
      },
    },
    changes: place.changes,
    events: place.events,
    clock,
    secrets: place.secrets,
    log: silentLog,
    send: place.send,
    owner: 'stood still',
  });
  after(() => delivery.abandon());
  await delivery.start();
  await place.until('it has it', () => delivery.owned().includes(id));
  const lease = await database.row<{ lease_until: Date }>('select lease_until from delivery_cursor where subscription_id = $1', [id]);
  assert.ok((lease?.lease_until ?? new Date(0)) > clock.now(), 'the lease had run out when it was claimed');
});
