import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { testDatabase } from '../../test/support/database.ts';
import { openDatabase, sqlState, type Database } from './database.ts';

const { url, drop } = await testDatabase();
const database = openDatabase({ connection: url, connections: 2 });
const other = openDatabase({ connection: url, connections: 1 });
await database.run('create table place (name text primary key, number integer not null)');
await database.run('create table part (name text references place deferrable initially deferred)');
after(async () => {
  await database.close();
  await other.close();
  await drop();
});

const insert = 'insert into place (name, number) values ($1, $2)';
const names = async () => (await database.rows<{ name: string }>('select name from place order by name')).map((row) => row.name);

/** Often enough that every connection has prepared what it runs, so that both ways are walked. */
async function often(work: (round: number) => Promise<void>): Promise<void> {
  for (let round = 0; round < 6; round += 1) {
    await work(round);
    await database.run('delete from part');
    await database.run('delete from place');
  }
}

/** How many transactions stand open without doing anything. */
async function openTransactions(of: Database): Promise<number> {
  return (await of.row<{ count: number }>(`select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`))?.count ?? -1;
}

test('the last statements are run after the work, in order, and committed with it', async () => {
  await often(async () => {
    const result = await database.transaction(
      async (tx) => {
        await tx.run(insert, ['a', 1]);
        return (await tx.row<{ number: number }>('select number from place where name = $1', ['a']))?.number;
      },
      async (number) => [
        { text: insert, values: ['b', (number ?? 0) + 1] },
        { text: 'update place set number = number + 10 where name = $1', values: ['b'] },
      ],
    );
    assert.equal(result, 1);
    assert.deepEqual(await database.rows('select name, number from place order by name'), [{ name: 'a', number: 1 }, { name: 'b', number: 12 }]);
  });
});

test('a transaction of last statements alone is one too', async () => {
  await often(async () => {
    await database.transaction(async () => {}, async () => [{ text: insert, values: ['a', 1] }, { text: insert, values: ['b', 2] }]);
    assert.deepEqual(await names(), ['a', 'b']);
    const twice = database.transaction(async () => {}, async () => [{ text: insert, values: ['c', 1] }, { text: insert, values: ['a', 2] }]);
    await assert.rejects(twice, (error) => sqlState(error) === '23505');
    assert.deepEqual(await names(), ['a', 'b']);
  });
});

test('whatever fails takes everything back and leaves the connection usable', async () => {
  await often(async () => {
    const fails = [
      { state: '23505', run: () => database.transaction((tx) => tx.run(insert, ['a', 1]), async () => [{ text: insert, values: ['b', 1] }, { text: insert, values: ['a', 1] }, { text: insert, values: ['c', 1] }]) },
      { state: '22P02', run: () => database.transaction((tx) => tx.run(insert, ['a', 'no number'])) },
      // The first statement succeeds; what fails is the commit.
      { state: '23503', run: () => database.transaction((tx) => tx.run('insert into part values ($1)', ['nowhere']), async () => [{ text: insert, values: ['b', 1] }]) },
      {
        state: undefined,
        run: () =>
          database.transaction(
            (tx) => tx.run(insert, ['a', 1]),
            async () => {
              throw new Error('on purpose');
            },
          ),
      },
    ];
    for (const { state, run } of fails) {
      await assert.rejects(run(), (error) => sqlState(error) === state);
      assert.deepEqual(await names(), []);
      assert.equal(await openTransactions(other), 0);
    }
  });
});

test('statements of a transaction that are sent side by side all belong to it', async () => {
  await often(async () => {
    const failed = database.transaction(async (tx) => {
      await Promise.all(['a', 'b', 'c'].map((name, number) => tx.run(insert, [name, number])));
      throw new Error('on purpose');
    });
    await assert.rejects(failed, /on purpose/);
    assert.deepEqual(await names(), []);
    await database.transaction((tx) => Promise.all(['a', 'b', 'c'].map((name, number) => tx.run(insert, [name, number]))));
    assert.deepEqual(await names(), ['a', 'b', 'c']);
  });
});

test('the types of values are the same in the first statement of a transaction as elsewhere', async () => {
  await often(async () => {
    const row = await database.transaction((tx) => tx.row('select $1::bigint as large, $2::numeric as exact, $3::timestamptz as at, $4::jsonb as value', [7, 1.5, new Date(0), '{"a":1}']));
    assert.deepEqual(row, { large: 7, exact: 1.5, at: new Date(0), value: { a: 1 } });
  });
});

test('waking reaches listeners here at once and once, and those of other pools', async () => {
  const heard: string[] = [];
  let told = () => {};
  const elsewhere = new Promise<void>((resolve) => {
    told = resolve;
  });
  const ends = [await database.listen('a_channel', (payload) => void heard.push(`here ${payload}`)), await other.listen('a_channel', told)];
  database.wake('a_channel');
  assert.deepEqual(heard, ['here ']);
  await elsewhere;
  // A NOTIFY of somebody else comes after the own one, so that one would have been heard by now.
  const before = heard.length;
  await other.run(`select pg_notify('a_channel', 'theirs')`);
  while (!heard.includes('here theirs')) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(heard.slice(before), ['here theirs']);
  await Promise.all(ends.map((end) => end()));
  database.wake('a_channel');
  assert.equal(heard.length, before + 1);
});
