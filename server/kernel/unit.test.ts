import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testEvents } from '../../test/support/call.ts';
import { testDatabase } from '../../test/support/database.ts';
import { maintainAllPartitions } from '../modules.ts';
import { TokenInUse } from './answers.ts';
import { createChanges, type Actor, type Changes } from './change.ts';
import { systemClock } from './clock.ts';
import { openDatabase, type Database, type Executor } from './database.ts';
import { randomIds } from './ids.ts';

let database: Database;
let drop: () => Promise<void>;
let changes: Changes;
const events = testEvents();
before(async () => {
  const made = await testDatabase();
  drop = made.drop;
  database = openDatabase({ connection: made.url, connections: 10 });
  await maintainAllPartitions(database, new Date());
  await database.run('create table thing (name text primary key, parent text references thing deferrable initially deferred)');
  changes = createChanges({ database, clock: systemClock, ids: randomIds, events });
});
after(async () => {
  await database.close();
  await drop();
});

const actor = (token?: string): Actor => ({ tenantId: 1, userId: 2, action: 'Test', requestId: undefined, sourceAddress: undefined, token });
const add = (db: Executor, name: string) => db.run('insert into thing (name) values ($1)', [name]);
const raise = (name: string) => ({ code: name, workspaceId: undefined, objectKey: `thing:${name}`, data: {} });
const names = async (db: Executor = database) => (await db.rows<{ name: string }>('select name from thing order by name')).map(({ name }) => name);

test('the changes of a call and its answer are there together, with their events in order, and what follows the commit runs after it', async () => {
  const ran: string[] = [];
  const by = actor('one');
  const result = await changes.once(
    by,
    async (unit) => {
      for (const name of ['a', 'b']) {
        await unit.change(by, async (change) => {
          await add(change, name);
          change.raise(raise(name));
          change.afterCommit(() => ran.push(name));
        });
      }
      assert.deepEqual(ran, []);
      // Several reads at once, which see what the call has written while nobody else does.
      const seen = await Promise.all([names(unit.db), names(unit.db), names()]);
      return seen.map((list) => list.join());
    },
    (answer) => answer.join(' '),
  );
  assert.deepEqual(result, ['a,b', 'a,b', '']);
  assert.deepEqual([events.codes(), ran, await names(), await changes.storedAnswer(by)], [['a', 'b'], ['a', 'b'], ['a', 'b'], 'a,b a,b ']);
  await assert.rejects(changes.once(by, async (unit) => unit.change(by, (change) => add(change, 'c')), () => ''), TokenInUse);
  assert.deepEqual(await names(), ['a', 'b']);
});

test('when the end of a call is not reached, nothing of it stays and its token is free', async () => {
  const by = actor('two');
  const broken = changes.once(by, (unit) => unit.change(by, (change) => add(change, 'd')), () => {
    throw new Error('no answer');
  });
  await assert.rejects(broken, /no answer/);
  assert.equal(await changes.storedAnswer(by), undefined);
  assert.ok(!(await names()).includes('d'));
});

test('a change that fails within a call is taken back alone, with its events', async () => {
  const by = actor('three');
  const raised = events.raised.length;
  await changes.once(
    by,
    async (unit) => {
      await unit.change(by, (change) => add(change, 'e'));
      const failed = unit.change(by, async (change) => {
        await add(change, 'f');
        change.raise(raise('f'));
        await add(change, 'e');
      });
      await assert.rejects(failed, /duplicate/);
      await unit.change(by, async (change) => void change.raise(raise('g')));
    },
    () => 'done',
  );
  assert.ok((await names()).includes('e') && !(await names()).includes('f'));
  assert.deepEqual(events.codes().slice(raised), ['g']);
});

test('a rehearsal tells all and leaves nothing: no row, event, job, audit line, wake-up or action', async () => {
  const before = await database.row('select (select count(*) from thing) as things, (select count(*) from audit) as audited, (select count(*) from job) as jobs');
  const ran: string[] = [];
  const woken: string[] = [];
  const unlisten = await database.listen('millrace_task', (payload) => woken.push(payload));
  const by = actor('four');
  const told = await changes.rehearse(by, async (unit, rehearsing) => {
    await unit.change(rehearsing, async (change) => {
      await add(change, 'h');
      await change.run(`update thing set parent = 'a' where name in ('a', 'b')`);
      change.raise(raise('h'));
      change.enqueue({ kind: 'follow', payload: {} });
      change.touch('thing:h');
      change.notify('millrace_task', 'rehearsed');
      change.afterCommit(() => ran.push('h'));
      change.ask({ point: 'commit-file', title: 'h', held: true, extensions: [] });
    });
    // Whoever makes changes elsewhere in the name of this actor belongs to the rehearsal too.
    await changes.change(rehearsing, (change) => change.run(`delete from thing where name = 'e'`));
    return names(unit.db);
  });
  assert.deepEqual(told.result, ['a', 'b', 'h']);
  assert.deepEqual(told.rows, [{ table: 'thing', inserted: 1, updated: 2, deleted: 1 }]);
  assert.deepEqual([told.events.map(({ code }) => code), told.jobs.map(({ kind }) => kind), told.targets, told.questions.map(({ point }) => point)], [['h'], ['follow'], ['thing:h'], ['commit-file']]);
  await database.run(`select pg_notify('millrace_task', 'end')`);
  while (!woken.includes('end')) await new Promise((resolve) => setImmediate(resolve));
  await unlisten();
  assert.deepEqual([ran, woken, await changes.storedAnswer(by)], [[], ['end'], undefined]);
  assert.deepEqual(await database.row('select (select count(*) from thing) as things, (select count(*) from audit) as audited, (select count(*) from job) as jobs'), before);
});

test('what would fail at the commit only fails in a rehearsal too', async () => {
  const by = actor();
  await assert.rejects(changes.rehearse(by, (unit, rehearsing) => unit.change(rehearsing, (change) => change.run(`insert into thing (name, parent) values ('i', 'nobody')`))), /foreign key/);
});
