import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { kafkaPlace } from '../../server/openevent/kafka/kafka.fixture.ts';
import type { KafkaListener } from '../../server/openevent/kafka/listener.ts';
import { testDatabase } from '../support/database.ts';
import { frame, int32, int64, signIn, text, type RawClient } from './kafka-frames.ts';

const TOPIC = 'dataworks.all';
const NO_SUCH_SESSION = 70;

let server: Awaited<ReturnType<typeof testDatabase>>;
let place: Awaited<ReturnType<typeof kafkaPlace>>;
let listener: KafkaListener & { readonly broker: string };
let client: RawClient;
before(async () => {
  server = await testDatabase();
  place = await kafkaPlace(server.url);
  listener = await place.listen();
  client = await signIn(listener.broker, await place.user());
  await place.raise('one', 0);
  await place.until('the event has its offset', async () => (await place.database.row('select from kafka_record')) !== undefined);
});
after(async () => {
  client.socket.destroy();
  await place.close();
  await server.drop();
});

/** A fetch of version 7, with a wait of a minute if `waitMs` says so, of all eight partitions or of none. */
async function fetch(session: { readonly id: number; readonly epoch: number }, wanted: 'all' | 'nothing new', waitMs = 0) {
  const partitions = Array.from({ length: 8 }, (_, partition) => Buffer.concat([int32(partition), int64(0), int64(-1), int32(1_000_000)]));
  const topics = wanted === 'all' ? Buffer.concat([int32(1), text(TOPIC), int32(8), ...partitions]) : int32(0);
  const head = Buffer.concat([int32(-1), int32(waitMs), int32(1), int32(1_000_000), Buffer.from([0]), int32(session.id), int32(session.epoch)]);
  const answer = await client.ask(frame(1, 7, Buffer.concat([head, topics, int32(0)])));
  // Correlation and throttle time come first.
  return { error: answer.readInt16BE(8), session: answer.readInt32BE(10), topics: answer.readInt32BE(14), records: answer.includes('one#0') };
}

test('a client that wants no session, asks for one, or ends one gets its records and no session', async () => {
  for (const session of [{ id: 0, epoch: -1 }, { id: 0, epoch: 0 }, { id: 4711, epoch: 0 }, { id: 4711, epoch: -1 }]) {
    assert.deepEqual(await fetch(session, 'all'), { error: 0, session: 0, topics: 1, records: true }, JSON.stringify(session));
  }
});

test('a client that goes on with a session of another server is told at once that it is gone, and reads when it begins anew', async () => {
  for (const wanted of ['nothing new', 'all'] as const) assert.deepEqual(await fetch({ id: 4711, epoch: 3 }, wanted, 60_000), { error: NO_SUCH_SESSION, session: 0, topics: 0, records: false });
  assert.deepEqual(await fetch({ id: 0, epoch: 1 }, 'nothing new', 60_000), { error: NO_SUCH_SESSION, session: 0, topics: 0, records: false });
  assert.deepEqual(await fetch({ id: 0, epoch: 0 }, 'all'), { error: 0, session: 0, topics: 1, records: true });
});
