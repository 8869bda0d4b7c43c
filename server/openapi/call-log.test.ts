import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testDatabase } from '../../test/support/database.ts';
import { manualClock } from '../kernel/clock.ts';
import { openDatabase, type Database } from '../kernel/database.ts';
import { limits } from '../kernel/limits.ts';
import { silentLog } from '../kernel/log.ts';
import { createCallLog, type CallRow } from './call-log.ts';

let database: Database;
let drop: () => Promise<void>;
before(async () => {
  const made = await testDatabase();
  ({ drop } = made);
  database = openDatabase({ connection: made.url, connections: 4 });
});
after(async () => {
  await database.close();
  await drop();
});

const start = new Date();

function call(tenantId: number, changes: Partial<CallRow> = {}): CallRow {
  return {
    at: start,
    tenantId,
    region: 'r',
    userId: 1,
    userName: 'u',
    accessKeyId: 'k',
    product: 'p',
    version: 'v',
    action: 'A',
    access: 'read',
    status: 200,
    code: '',
    message: '',
    durationUs: 10,
    requestId: 'id',
    sourceAddress: '::1',
    parameters: '{}',
    counted: true,
    ...changes,
  };
}

async function written(tenantId: number) {
  const rows = await database.rows<{ action: string; message: string; access_key_id: string }>('select * from call_log where tenant_id = $1 order by request_id', [tenantId]);
  const sums = await database.row<{ calls: number; counted: number }>('select sum(calls) as calls, sum(counted) as counted from call_count where tenant_id = $1', [tenantId]);
  return { rows, calls: sums?.calls ?? 0, counted: sums?.counted ?? 0 };
}

test('rows gather, are written together after their time, and sums equal rows', async () => {
  const clock = manualClock(start);
  const batches: number[] = [];
  const log = createCallLog({ database, clock, log: silentLog, onWritten: (rows) => batches.push(rows.length) });
  for (let at = 0; at < 10; at += 1) log.add(call(11, { counted: at % 2 === 0 }));
  assert.equal(log.pending(11, 'r'), 5);
  assert.equal((await written(11)).rows.length, 0);
  clock.advance(limits.callLogFlushMs.value);
  await log.flush();
  assert.deepEqual(batches, [10]);
  assert.equal(log.pending(11, 'r'), 0);
  const { rows, calls, counted } = await written(11);
  assert.deepEqual([rows.length, calls, counted], [10, 10, 5]);
});

test('a stop writes what is left', async () => {
  const log = createCallLog({ database, clock: manualClock(start), log: silentLog });
  for (let at = 0; at < 1_200; at += 1) log.add(call(12));
  await log.stop();
  const { rows, calls } = await written(12);
  assert.deepEqual([rows.length, calls], [1_200, 1_200]);
});

test('a value that PostgreSQL cannot hold does not keep the other rows out', async () => {
  const log = createCallLog({ database, clock: manualClock(start), log: silentLog });
  log.add(call(13, { requestId: '1', action: 'A\u0000B', message: 'no operation A\u0000B', accessKeyId: 'k\u0000' }));
  log.add(call(13, { requestId: '2', message: '\ud800' }));
  await log.flush();
  const { rows } = await written(13);
  assert.deepEqual(
    rows.map((row) => [row.action, row.message, row.access_key_id]),
    [
      ['A\ufffdB', 'no operation A\ufffdB', 'k\ufffd'],
      ['A', '\ufffd', 'k'],
    ],
  );
});

test('a row that the database refuses is lost alone', async () => {
  const log = createCallLog({ database, clock: manualClock(start), log: silentLog });
  for (let at = 0; at < 9; at += 1) log.add(call(15, { requestId: String(at), ...(at === 4 ? { status: 100_000 } : {}) }));
  await log.flush();
  assert.equal(log.dropped(), 1);
  assert.deepEqual([(await written(15)).rows.length, (await written(15)).calls], [8, 8]);
  assert.equal(log.pending(15, 'r'), 0);
});

test('rows wait while the database is away, and only beyond the limit are they dropped, counted', async () => {
  let away = true;
  const flaky: Database = {
    ...database,
    transaction: (work) => (away ? Promise.reject(new Error('away')) : database.transaction(work)),
  };
  const log = createCallLog({ database: flaky, clock: manualClock(start), log: silentLog });
  for (let at = 0; at < 10; at += 1) log.add(call(14));
  await assert.rejects(log.flush());
  assert.equal(log.pending(14, 'r'), 10);
  for (let at = 0; at < limits.callLogBuffer.value; at += 1) log.add(call(14));
  await assert.rejects(log.flush());
  assert.equal(log.dropped(), 10);
  away = false;
  await log.stop();
  assert.equal((await written(14)).calls, limits.callLogBuffer.value);
  assert.equal(log.pending(14, 'r'), 0);
});
