import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import { createResultWriter } from './results.ts';
import type { ParkedRow, Results } from './store.ts';

const parked = (eventId: string, attempts = 1): ParkedRow => ({
  eventId,
  place: { position: 1, id: 1 },
  objectKey: 'file:1',
  type: 'type',
  occurredAt: new Date(0),
  state: 'blocked',
  attempts,
  nextAt: new Date(1_000),
  parkedAt: new Date(0),
  lastError: 'refused',
});

/** A writer whose first write is committed while its answer is lost. */
function unheardWriter() {
  const clock = manualClock(new Date(0));
  const written: Results[] = [];
  const cursor = { position: 1, id: 1 };
  const writer = createResultWriter({
    clock,
    log: silentLog,
    start: cursor,
    cursor: () => cursor,
    health: () => ({ failingSince: undefined, failures: 0, lastError: undefined }),
    marks: false,
    async save(results) {
      written.push(results);
      if (written.length === 1) throw new Error('the connection broke');
      return true;
    },
    onLost: () => {},
    onWritten: () => {},
  });
  return { writer, written, clock };
}

test('an event that was parked by a write whose answer was lost, and arrives before the next one, is taken out', async () => {
  const { writer, written } = unheardWriter();
  writer.add(parked('a'));
  await writer.settled();
  writer.remove(parked('a'));
  await writer.settled();
  assert.deepEqual(written[1]?.added, []);
  assert.deepEqual(written[1]?.gone, ['a']);
  // One that was never written needs no deletion.
  writer.add(parked('b'));
  writer.remove(parked('b'));
  writer.add(parked('c'));
  await writer.settled();
  assert.deepEqual(written[2]?.gone, []);
});

test('an event that was parked by a write whose answer was lost, and fails once more, is written in its new state', async () => {
  const { writer, written } = unheardWriter();
  writer.add(parked('a'));
  await writer.settled();
  writer.change(parked('a', 2));
  await writer.settled();
  // Added, where the first write did not come through; changed, where it did.
  assert.deepEqual(written[1]?.added.map((row) => row.attempts), [2]);
  assert.deepEqual(written[1]?.changed.map((row) => row.attempts), [2]);
});

test('nothing more may be sent from a refused write on until one went through', async () => {
  const { writer, written, clock } = unheardWriter();
  assert.equal(writer.full(), false);
  writer.add(parked('a'));
  await writer.settled();
  assert.equal(writer.full(), true);
  clock.advance(200);
  await writer.settled();
  assert.equal(written.length, 2);
  assert.equal(writer.full(), false);
});
