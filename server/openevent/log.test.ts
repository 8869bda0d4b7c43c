import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { testDatabase } from '../../test/support/database.ts';
import { createChanges, platformActor, type RaisedEvent } from '../kernel/change.ts';
import { systemClock } from '../kernel/clock.ts';
import { openDatabase, type Database } from '../kernel/database.ts';
import { randomIds } from '../kernel/ids.ts';
import { limits } from '../kernel/limits.ts';
import { beginning, compareCursors, createEventLog, type Cursor, type LogEvent } from './log.ts';

let database: Database;
let drop: () => Promise<void>;

before(async () => {
  const server = await testDatabase();
  drop = server.drop;
  database = openDatabase({ connection: server.url, connections: 24 });
  await database.run('create table thing (name text primary key, changes integer not null default 0)');
});

after(async () => {
  await database.close();
  await drop();
});

const actor = (tenantId: number) => ({ ...platformActor('test'), tenantId, userId: 7 });

function deleted(objectKey: string, sequence: number, workspaceId: number | undefined = 1): RaisedEvent {
  return { code: 'project-deleted', workspaceId, objectKey, data: { projectId: sequence } };
}

function harness() {
  const log = createEventLog({ database, validatePayloads: true });
  return { log, changes: createChanges({ database, clock: systemClock, ids: randomIds, events: log }) };
}

/** Longest time in which everything must have been seen: a reader that has skipped an event waits for ever. */
const SEEN_MS = 60_000;

/** Follows the log of a tenant until `done` says so. Pages are small, so that the cursor is used a lot. */
async function follow(tenantId: number, start: Cursor, done: (events: readonly LogEvent[]) => boolean, pageSize = 7): Promise<LogEvent[]> {
  const { log } = harness();
  const seen: LogEvent[] = [];
  let cursor = start;
  const deadline = performance.now() + SEEN_MS;
  while (!done(seen)) {
    assert.ok(performance.now() < deadline, `the reader has seen ${seen.length} events and waits for those that it skipped`);
    const page = await log.read(cursor, pageSize, { tenantId });
    assert.ok(compareCursors(page.cursor, cursor) >= 0, 'the cursor never goes back');
    seen.push(...page.events);
    cursor = page.cursor;
    if (!page.more) await pause(1);
  }
  return seen;
}

test('16 writers that commit in random order: a live reader misses nothing, sees nothing twice, and sees each object in order', async () => {
  const { changes, log } = harness();
  const tenantId = 101;
  const objects = ['a', 'b', 'c', 'd', 'e'].map((letter) => `order:${letter}`);
  for (const name of objects) await database.run('insert into thing values ($1)', [name]);
  const written = new Set<string>();
  let writing = true;
  const reading = follow(tenantId, beginning, (seen) => !writing && seen.length >= written.size);

  const writer = async (number: number): Promise<void> => {
    for (let round = 0; round < 25; round += 1) {
      const ids = await changes.change(actor(tenantId), async (change) => {
        // The transaction id is drawn here, before any shared lock: the trap of decision 0003.
        await change.run('insert into thing values ($1)', [`own:${number}:${round}`]);
        await change.run('select pg_sleep($1)', [Math.random() * 0.006]);
        const name = objects[Math.floor(Math.random() * objects.length)] ?? '';
        const row = await change.row<{ changes: number }>('update thing set changes = changes + 1 where name = $1 returning changes', [name]);
        const sequence = (row?.changes ?? 0) * 10;
        await change.run('select pg_sleep($1)', [Math.random() * 0.002]);
        const first = change.raise(deleted(name, sequence));
        const second = change.raise(deleted(name, sequence + 1));
        return [first, second];
      });
      for (const id of ids) written.add(id);
    }
  };
  /** Has the youngest transaction when it writes its event, and pauses before the commit, where a change does not: older ones write theirs meanwhile. */
  const hasty = async (number: number): Promise<void> => {
    for (let round = 0; round < 25; round += 1) {
      const eventId = randomIds.eventId();
      await database.transaction(async (tx) => {
        await tx.run('insert into thing values ($1)', [`hasty:${number}:${round}`]);
        await log.append(tx, actor(tenantId), systemClock.now(), [{ ...deleted(`hasty:${number}`, round), eventId }]);
        await tx.run('select pg_sleep($1)', [Math.random() * 0.01]);
      });
      written.add(eventId);
    }
  };
  await Promise.all([...Array.from({ length: 16 }, (_, number) => writer(number)), hasty(0), hasty(1)]);
  writing = false;
  const seen = await reading;

  assert.equal(seen.length, 16 * 25 * 2 + 2 * 25);
  assert.deepEqual(new Set(seen.map((event) => event.eventId)), written);
  for (const name of [...objects, 'hasty:0', 'hasty:1']) {
    const sequence = seen.filter((event) => event.objectKey === name).map((event) => Number(event.data['projectId']));
    assert.deepEqual(sequence, sequence.toSorted((a, b) => a - b), `the changes of ${name} are in order`);
  }
  assert.ok(seen.some((event, index) => index > 0 && event.id < (seen[index - 1]?.id ?? 0)), 'the trial was hard enough: ids and positions disagree somewhere');
});

test('a change that had its transaction id before another took and released the lock stands after that other', async () => {
  const { changes, log } = harness();
  const tenantId = 102;
  await database.run('insert into thing values ($1)', ['trap']);
  const early = Promise.withResolvers<void>();
  const late = Promise.withResolvers<void>();
  const slow = changes.change(actor(tenantId), async (change) => {
    await change.run('insert into thing values ($1)', ['trap:own']);
    early.resolve();
    await late.promise;
    await change.run('update thing set changes = changes + 1 where name = $1', ['trap']);
    change.raise(deleted('trap', 2));
  });
  await early.promise;
  await changes.change(actor(tenantId), async (change) => {
    await change.run('update thing set changes = changes + 1 where name = $1', ['trap']);
    change.raise(deleted('trap', 1));
  });
  const page = await log.read(beginning, 10, { tenantId });
  assert.equal(page.events.length, 0, 'an older transaction is open, so the committed event waits');
  assert.equal(page.waiting, true, 'and the page says so');
  late.resolve();
  await slow;
  const seen = await follow(tenantId, beginning, (events) => events.length === 2);
  assert.deepEqual(seen.map((event) => event.data['projectId']), [1, 2]);
});

test('the events of one change keep the order in which they were raised', async () => {
  const { changes } = harness();
  const tenantId = 103;
  await changes.change(actor(tenantId), async (change) => {
    for (let number = 0; number < 500; number += 1) change.raise(deleted(`many:${number % 3}`, number));
  });
  const seen = await follow(tenantId, beginning, (events) => events.length === 500, 64);
  assert.deepEqual(seen.map((event) => event.data['projectId']), Array.from({ length: 500 }, (_, number) => number));
});

test('a change that fails leaves no event', async () => {
  const { changes, log } = harness();
  const failing = changes.change(actor(104), async (change) => {
    change.raise(deleted('gone', 1));
    throw new Error('no');
  });
  await assert.rejects(failing, /no/);
  assert.deepEqual((await log.read(beginning, 10, { tenantId: 104 })).events, []);
});

test('an unknown event, a payload that does not fit and one that is too large fail the change', async () => {
  const { changes } = harness();
  const raise = (event: RaisedEvent) => changes.change(actor(105), async (change) => void change.raise(event));
  await assert.rejects(raise({ ...deleted('x', 1), code: 'no-such-event' }), /no event no-such-event/);
  await assert.rejects(raise({ ...deleted('x', 1), data: { projectId: {} } }), /does not fit its schema/);
  await assert.rejects(raise({ ...deleted('x', 1), data: { projectId: 1, filler: 'x'.repeat(limits.eventDataBytes.value) } }), /eventDataBytes/);
});

test('a page knows its filter, completes the payload and leads beyond what does not match', async () => {
  const { changes, log } = harness();
  const tenantId = 106;
  await changes.change(actor(tenantId), async (change) => {
    change.raise(deleted('one', 1, 11));
    change.raise({ code: 'commit-file', workspaceId: 12, objectKey: 'file:1', data: { projectId: 12 } });
    change.raise(deleted('two', 2, undefined));
  });
  await follow(tenantId, beginning, (events) => events.length === 3);
  const objects = async (filter: object) => (await log.read(beginning, 10, { tenantId, ...filter })).events.map((event) => event.objectKey);
  assert.deepEqual(await objects({}), ['one', 'file:1', 'two']);
  assert.deepEqual(await objects({ types: ['dataworks:FileChange:CommitFile'] }), ['file:1']);
  assert.deepEqual(await objects({ types: [] }), ['one', 'file:1', 'two']);
  assert.deepEqual(await objects({ workspaceId: 11 }), ['one']);
  assert.deepEqual(await objects({ objectKey: 'two' }), ['two']);
  assert.deepEqual(await objects({ from: new Date(Date.now() + 60_000) }), []);

  const nothing = await log.read(beginning, 10, { tenantId: 999_999 });
  assert.ok(nothing.cursor.position > 0, 'the cursor of an empty page is at the floor');
  const [event] = (await log.read(beginning, 1, { tenantId, workspaceId: 12 })).events;
  assert.deepEqual(event?.data, { projectId: 12, tenantId, eventCode: 'commit-file' });
  assert.equal(event?.type, 'dataworks:FileChange:CommitFile');
  assert.equal(event?.actorId, 7);
  assert.equal((await log.find(event?.eventId ?? '', tenantId))?.id, event?.id);
  assert.equal(await log.find(event?.eventId ?? '', 1), undefined);
  assert.equal(await log.find('nonsense', tenantId), undefined);
});

test('a page is found along the index while a change is under way, also on a day of which PostgreSQL knows nothing yet', async () => {
  const server = await testDatabase();
  const own = openDatabase({ connection: server.url, connections: 3 });
  const log = createEventLog({ database: own, validatePayloads: false });
  const events = 20_000;
  try {
    await own.run(
      `insert into event (position, event_id, tenant_id, code, type, object_key, data, occurred_at, actor_id)
       select n, gen_random_uuid(), 1 + n % 2, 'project-deleted', 'type', 'object:' || n % 100, jsonb_build_object('text', repeat('x', 400)), now(), 1 from generate_series(1, $1::int) as n`,
      [events],
    );
    await own.run('update event_epoch set shift = shift + $1', [events]);
    await own.transaction(async (open) => {
      await open.run('select pg_current_xact_id()');
      await own.transaction(async (tx) => {
        const looked = () => tx.row<{ scanned: number; fetched: number }>("select sum(seq_tup_read) as scanned, sum(idx_tup_fetch) as fetched from pg_stat_xact_user_tables where relname like 'event\\_2%'");
        const page = await log.readIn(tx, { position: 100, id: 0 }, 50, { tenantId: 1 });
        assert.equal(page.events.length, 50);
        const rare = await log.readIn(tx, { position: events - 10, id: 0 }, 50, { tenantId: 1, types: ['none'] });
        assert.equal(rare.events.length, 0);
        const { scanned = -1, fetched = -1 } = (await looked()) ?? {};
        assert.equal(Number(scanned), 0, 'nothing is scanned');
        assert.ok(Number(fetched) < 1_000, `${fetched} events were looked at for two pages`);
      });
    });
  } finally {
    await own.close();
    await server.drop();
  }
});

test('a page has the size that was asked for, and the many sizes that callers choose share few prepared statements', async () => {
  const server = await testDatabase();
  const own = openDatabase({ connection: server.url, connections: 1 });
  const log = createEventLog({ database: own, validatePayloads: false });
  try {
    await own.run(
      `insert into event (position, event_id, tenant_id, code, type, object_key, data, occurred_at, actor_id)
       select n, gen_random_uuid(), 1, 'project-deleted', 'type', 'object', '{}', now(), 1 from generate_series(1, 100) as n`,
    );
    await own.run('update event_epoch set shift = shift + 100');
    for (let limit = 1; limit <= 101; limit += 1) {
      const page = await log.read(beginning, limit, { tenantId: 1 });
      assert.equal(page.events.length, Math.min(limit, 100));
      assert.equal(page.more, limit <= 100);
      if (page.more) assert.equal(page.cursor.position, limit);
    }
    const prepared = await own.row<{ count: number }>("select count(*) as count from pg_prepared_statements where statement like '%after_position%'");
    assert.equal(prepared?.count, 8);
  } finally {
    await own.close();
    await server.drop();
  }
});
