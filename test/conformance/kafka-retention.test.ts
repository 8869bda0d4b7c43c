import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createChanges, platformActor } from '../../server/kernel/change.ts';
import { manualClock } from '../../server/kernel/clock.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import { maintainPartitions } from '../../server/kernel/partitions.ts';
import { kafkaPlace, type PlaceUser } from '../../server/openevent/kafka/kafka.fixture.ts';
import type { KafkaListener } from '../../server/openevent/kafka/listener.ts';
import { testDatabase } from '../support/database.ts';
import { joinWithKafkajs, joinWithPlatformatic, kafkajs, type Got, type JoinGroup } from './kafka-clients.ts';
import { commitOffset, frame, int32, int64, signIn, text } from './kafka-frames.ts';

const TOPIC = 'dataworks.workspace.11';
const OLD = 60;
const NEW = 24;
/** Objects enough for several partitions. */
const OBJECTS = 12;
const clients = [
  ['kafkajs', joinWithKafkajs],
  ['@platformatic/kafka', joinWithPlatformatic],
] as const satisfies readonly (readonly [string, JoinGroup])[];

let server: Awaited<ReturnType<typeof testDatabase>>;
let place: Awaited<ReturnType<typeof kafkaPlace>>;
let listener: KafkaListener & { readonly broker: string };
let user: PlaceUser;
const troubles: string[] = [];
/** By partition: where the old events began to be followed by new ones, which is where the log starts once they are gone. */
const boundary = new Map<number, number>();

type Ends = readonly { readonly partition: number; readonly low: string; readonly high: string }[];
async function ends(): Promise<Ends> {
  const admin = kafkajs({ broker: listener.broker, user }).admin();
  await admin.connect();
  try {
    return await admin.fetchTopicOffsets(TOPIC);
  } finally {
    await admin.disconnect();
  }
}
const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

/** Groups that have read one event of each partition and then went away for days. */
const groups = clients.flatMap(([name, join]) => (['earliest', 'latest'] as const).map((from) => ({ name, join, from, group: `${name} ${from}`.replaceAll(/[^a-z]+/g, '-') })));

before(async () => {
  server = await testDatabase();
  const trouble = (_detail: unknown, message: string) => void troubles.push(message);
  place = await kafkaPlace(server.url, { log: { debug() {}, info() {}, warn: trouble, error: trouble } });
  listener = await place.listen();
  user = await place.user();

  const past = new Date(Date.now() - 5 * 86_400_000);
  await maintainPartitions(place.database, { table: 'event', every: 'day', keep: undefined }, past);
  await maintainPartitions(place.database, { table: 'kafka_record', every: 'day', keep: undefined }, past);
  await maintainPartitions(place.database, { table: 'audit', every: 'month', keep: undefined }, past);
  const changes = createChanges({ database: place.database, clock: manualClock(past), ids: randomIds, events: place.events });
  for (let number = 0; number < OLD; number += 1) {
    const object = `file:${number % OBJECTS}`;
    await changes.change(platformActor('test', 1), async (change) => change.raise({ code: 'commit-file', workspaceId: 11, objectKey: object, data: { projectId: 11, operator: `${object}#${number}` } }));
  }
  await place.until('the old events have their offsets', async () => sum((await ends()).map((one) => Number(one.high))) === OLD);
  for (const { partition, high } of await ends()) boundary.set(partition, Number(high));

  const client = await signIn(listener.broker, user);
  for (const { group } of groups) for (const [partition, next] of boundary) if (next > 1) assert.equal(await commitOffset(client, group, TOPIC, partition, 1), 0);
  client.socket.destroy();

  for (let number = OLD; number < OLD + NEW; number += 1) await place.raise(`file:${number % OBJECTS}`, number);
  await place.until('the new ones too', async () => sum((await ends()).map((one) => Number(one.high))) === OLD + NEW);

  for (const table of ['kafka_record', 'event'] as const) assert.ok((await maintainPartitions(place.database, { table, every: 'day', keep: 2 }, new Date())).length > 0);
});
after(async () => {
  await place.close();
  await server.drop();
});

test('the earliest offset moves to the first event that is left, the latest stays', async () => {
  assert.ok([...boundary.values()].filter((next) => next > 1).length > 3, 'several partitions have old events');
  for (const { partition, low, high } of await ends()) {
    assert.equal(Number(low), boundary.get(partition), `earliest of ${partition}`);
    assert.ok(Number(high) >= Number(low));
  }
  // By time, what is gone is not found any more: the first that is left is.
  const admin = kafkajs({ broker: listener.broker, user }).admin();
  await admin.connect();
  const byTime = await admin.fetchTopicOffsetsByTimestamp(TOPIC, 1);
  for (const { partition, offset } of byTime) assert.equal(Number(offset), boundary.get(partition));
  await admin.disconnect();
});

test('an offset before the start is out of range, with the start told; the end before new events is not', async () => {
  const client = await signIn(listener.broker, user);
  const [partition = 0, start = 0] = [...boundary].find(([, next]) => next > 1) ?? [];
  /** The error and the start of the log that a fetch of version 5 tells. */
  const fetch = async (offset: number) => {
    const head = Buffer.concat([int32(-1), int32(0), int32(0), int32(1_000_000), Buffer.from([0])]);
    const answer = await client.ask(frame(1, 5, Buffer.concat([head, int32(1), text(TOPIC), int32(1), int32(partition), int64(offset), int64(-1), int32(1_000_000)])));
    // Correlation, throttle time and the counts and names before the partition.
    const at = 4 + 4 + 4 + 2 + TOPIC.length + 4 + 4;
    return { error: answer.readInt16BE(at), start: Number(answer.readBigInt64BE(at + 2 + 8 + 8)) };
  };
  // The first offset is looked for anew every few seconds; until then such a reader is taken to what is left.
  await place.until('the start is known', async () => (await fetch(start)).start === start);
  for (const gone of [0, start - 1]) assert.deepEqual(await fetch(gone), { error: 1, start });
  const [end] = (await ends()).filter((one) => one.partition === partition);
  for (const there of [start, Number(end?.high)]) assert.deepEqual(await fetch(there), { error: 0, start });
  assert.deepEqual(await fetch(Number(end?.high) + 1_000), { error: 1, start });
  client.socket.destroy();
});

for (const { name, join, from, group } of groups) {
  test(`${name}: a group whose offsets are gone goes on at the ${from}`, async () => {
    const got: Got[] = [];
    const later = `later:${group}`;
    const member = await join({ broker: listener.broker, user, group, topics: [TOPIC], from, onRecord: (record) => void got.push(record) });
    if (from === 'earliest') await place.until('what is left has come', () => got.length >= NEW);
    // To the latest there is no sign but what comes after it: events are raised until the first has come, through each partition.
    let raised = 0;
    await place.until('new events come', async () => {
      await place.raise(later, raised);
      raised += 1;
      return got.some((one) => one.object === later);
    });
    await place.until('the last has come', () => got.some((one) => one.object === later && one.number === raised - 1));
    const last = got.findLast((one) => one.object === later);
    const admin = kafkajs({ broker: listener.broker, user }).admin();
    await admin.connect();
    await place.until('its offset is committed, and its lag is none', async () => {
      const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [TOPIC] });
      return Number(offsets?.partitions.find((one) => one.partition === last?.partition)?.offset) === Number(last?.offset) + 1;
    });
    await admin.disconnect();
    await member.stop();
    const kept = got.filter((one) => one.object.startsWith('file:'));
    if (from === 'earliest') assert.deepEqual(kept.map((one) => one.number).toSorted((a, b) => a - b), Array.from({ length: NEW }, (_, index) => OLD + index));
    else assert.ok(kept.every((one) => one.number >= OLD && (boundary.get(one.partition) ?? 0) <= one.offset));
    const numbers = got.filter((one) => one.object === later).map((one) => one.number);
    assert.deepEqual(numbers, numbers.map((_, index) => (numbers[0] ?? 0) + index), 'each once, in order, without a gap');
  });
}

test('nothing of it troubled the server', () => {
  assert.deepEqual(troubles, []);
});
