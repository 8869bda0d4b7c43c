import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { platformActor } from '../../server/kernel/change.ts';
import { kafkaPlace, type PlaceUser } from '../../server/openevent/kafka/kafka.fixture.ts';
import { testDatabase } from '../support/database.ts';
import { joinWithKafkajs, joinWithPlatformatic, type Got } from './kafka-clients.ts';
import { frame, int32, int64, signIn, text } from './kafka-frames.ts';

const TOPIC = 'dataworks.all';
/** Two whole chunks of one partition, and some records that make none. */
const COUNT = 2 * 256 + 20;

let server: Awaited<ReturnType<typeof testDatabase>>;
let place: Awaited<ReturnType<typeof kafkaPlace>>;
let user: PlaceUser;
let narrow: PlaceUser;
before(async () => {
  server = await testDatabase();
  place = await kafkaPlace(server.url);
  user = await place.user();
  narrow = await place.user({ workspaces: [12], tenantEvents: false });
  for (let number = 0; number < COUNT; number += 20) {
    await place.changes.change(platformActor('test', 1), async (change) => {
      for (let more = number; more < Math.min(number + 20, COUNT); more += 1) change.raise({ code: 'commit-file', workspaceId: more % 2 === 0 ? 11 : 12, objectKey: 'one', data: { projectId: 11, operator: `one#${more}` } });
    });
  }
});
after(async () => {
  await place.close();
  await server.drop();
});

/** What the batches of the partition with records say about their packing, and how many bytes they take. */
async function attributes(broker: string, version: number): Promise<{ packing: number[]; bytes: number }> {
  const client = await signIn(broker, user);
  const partitions = Array.from({ length: 8 }, (_, partition) => Buffer.concat([int32(partition), ...(version >= 9 ? [int32(-1)] : []), int64(0), int64(-1), int32(10_000_000)]));
  const body = Buffer.concat([int32(-1), int32(0), int32(0), int32(10_000_000), Buffer.from([0]), int32(0), int32(-1), int32(1), text(TOPIC), int32(8), ...partitions, int32(0)]);
  const answer = await client.ask(frame(1, version, body));
  client.socket.destroy();
  // Correlation, throttle time, error, session and the counts and names before the partitions; of each what stands before its records.
  let at = 4 + 4 + 2 + 4 + 4 + 2 + TOPIC.length + 4;
  const packing: number[] = [];
  let bytes = 0;
  for (let partition = 0; partition < 8; partition += 1) {
    at += 4 + 2 + 8 + 8 + 8 + 4;
    const end = at + 4 + answer.readInt32BE(at);
    bytes += end - at - 4;
    for (let batch = at + 4; batch < end; batch += 12 + answer.readInt32BE(batch + 8)) packing.push(answer.readInt16BE(batch + 21));
    at = end;
  }
  return { packing, bytes };
}

test('records are packed as it is set, and read by clients as they were written', async () => {
  const plain = await place.listen();
  await place.until('all have their offsets', async () => (await place.database.row<{ count: number }>('select count(*) as count from kafka_record'))?.count === COUNT);
  const bare = await attributes(plain.broker, 10);
  assert.deepEqual(bare.packing, [0, 0, 0]);
  await plain.stop();

  for (const { compression, code, joins } of [
    { compression: 'gzip', code: 1, joins: [joinWithKafkajs, joinWithPlatformatic] },
    // The other client has no zstd of its own.
    { compression: 'zstd', code: 4, joins: [joinWithPlatformatic] },
  ] as const) {
    const listener = await place.listen({ compression });
    const packed = await attributes(listener.broker, 10);
    assert.deepEqual(packed.packing, [code, code, 0], compression);
    assert.ok(packed.bytes < bare.bytes / 3, `${packed.bytes} of ${bare.bytes} bytes`);
    assert.deepEqual(await attributes(listener.broker, 10), packed, 'the second time they are kept');
    assert.deepEqual(await attributes(listener.broker, 7), compression === 'zstd' ? bare : packed, 'a client older than zstd gets them unpacked');
    for (const [number, join] of joins.entries()) {
      for (const [reader, step] of [[user, 1], [narrow, 2]] as const) {
        const got: Got[] = [];
        const member = await join({ broker: listener.broker, user: reader, group: `${compression}-${number}`, topics: [TOPIC], onRecord: (record) => void got.push(record) });
        await place.until('all has come', () => got.length >= COUNT / step);
        await member.stop();
        assert.deepEqual(got.map((one) => [one.offset, one.number]), Array.from({ length: COUNT / step }, (_, index) => index * step + step - 1).map((one) => [one, one]));
      }
    }
    await listener.stop();
  }
});
