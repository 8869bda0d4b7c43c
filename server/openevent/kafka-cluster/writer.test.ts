import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testDatabase } from '../../../test/support/database.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { limits } from '../../kernel/limits.ts';
import { beginning, type LogEvent } from '../log.ts';
import { kafkaPlace } from '../kafka/kafka.fixture.ts';
import type { ClusterClient, LastRecord, RelayRecord } from './client.ts';
import { createWriter } from './writer.ts';

let server: Awaited<ReturnType<typeof testDatabase>>;
let place: Awaited<ReturnType<typeof kafkaPlace>>;
before(async () => {
  server = await testDatabase();
  place = await kafkaPlace(server.url);
});
after(async () => {
  await place.close();
  await server.drop();
});

/** A cluster in memory. Its first `failures` requests to write are carried out by half and then fail. */
function memoryCluster(failures = 0) {
  const topics = new Map<string, RelayRecord[][]>();
  const requests: RelayRecord[][] = [];
  const known = new Set<string>();
  let left = failures;
  const client: ClusterClient = {
    async probe() {},
    async ensureTopics(names, partitions) {
      for (const name of names) if (!topics.has(name)) topics.set(name, Array.from({ length: partitions }, () => []));
    },
    lastRecords: async (topic) =>
      (topics.get(topic) ?? []).flatMap((records, partition): LastRecord[] => {
        const last = records.at(-1);
        return last === undefined ? [] : [{ partition, value: last.value, headers: new Map([...(last.headers ?? new Map<Buffer, Buffer>())].map(([name, value]) => [String(name), value])) }];
      }),
    newProducer: async () => ({ id: 1n, epoch: 0, sequences: new Map() }),
    async produce(_producer, records) {
      requests.push([...records]);
      left -= 1;
      for (const record of left >= 0 ? records.slice(0, Math.ceil(records.length / 2)) : records) {
        // As the cluster does by the numbers of the producer.
        const one = `${record.topic}/${String(record.value)}`;
        if (!known.has(one)) topics.get(record.topic)?.[record.partition]?.push(record);
        known.add(one);
      }
      if (left >= 0) throw new Error('the connection was lost');
    },
    async setScram() {},
    async removeScram() {},
    async addAcls() {},
    async removeAcls() {},
    forget() {},
    async close() {},
  };
  const ids = (topic: string) => (topics.get(topic) ?? []).map((records) => records.map((record) => (JSON.parse(String(record.value)) as { id: string }).id));
  return { client, topics, requests, ids };
}

const persist = async <T>(work: () => Promise<T>): Promise<T> => {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!/connection was lost/.test(String(error))) throw error;
    }
  }
};
const writer = (client: ClusterClient) => createWriter({ client, database: place.database, wrap: place.wrap, partitions: 8, plainTenant: 1, persist });

let total = 0;
/** Raises events, and answers all there are once they can be read: transactions of others may hold them back for a moment. */
async function logged(count: number): Promise<readonly LogEvent[]> {
  for (let number = 0; number < count; number += 1) await place.raise(`file:${number % 9}`, number);
  total += count;
  return eventually('all can be read', async () => {
    const { events } = await place.events.read(beginning, 500);
    return events.length === total ? events : undefined;
  });
}

test('a request that fails halfway is sent again as it was', async () => {
  const events = await logged(60);
  const cluster = memoryCluster(3);
  assert.equal(await writer(cluster.client).write(events), events.length * 2);
  for (const request of cluster.requests.slice(1, 4)) assert.deepEqual(request, cluster.requests[0]);
  assert.deepEqual(cluster.ids('dataworks.all').flat().toSorted(), events.map((event) => event.eventId).toSorted());
  for (const ids of cluster.ids('dataworks.all')) assert.deepEqual(ids, events.map((event) => event.eventId).filter((id) => ids.includes(id)));
});

test('another writer leaves out what is there, partition by partition', async () => {
  const events = await logged(40);
  const cluster = memoryCluster();
  await writer(cluster.client).write(events.slice(0, 50));
  assert.equal(await writer(cluster.client).write(events), (events.length - 50) * 2);
  assert.equal(cluster.ids('dataworks.all').flat().length, events.length);
});

test('a last record that the log does not have leaves nothing out', async () => {
  const events = await logged(5);
  const cluster = memoryCluster();
  await cluster.client.ensureTopics(['dataworks.all'], 8);
  const [first] = events;
  assert.ok(first !== undefined);
  const record = { topic: 'dataworks.all', key: Buffer.from('x'), value: Buffer.from(JSON.stringify({ id: '00000000-0000-0000-0000-000000000000' })), headers: new Map([[Buffer.from('millrace-cursor'), Buffer.from(`${first.position + 1_000_000}-1`)]]) };
  for (let partition = 0; partition < 8; partition += 1) cluster.topics.get('dataworks.all')?.[partition]?.push({ ...record, partition });
  assert.equal(await writer(cluster.client).write(events), events.length * 2);
});

test('large records go in several requests, and none overtakes another of its partition', async () => {
  const [event] = await logged(1);
  assert.ok(event !== undefined);
  const events = Array.from({ length: 12 }, (_, number): LogEvent => ({ ...event, eventId: `${number}`, objectKey: `file:${number % 2}`, data: { text: 'x'.repeat(number % 3 === 0 ? limits.kafkaClusterBatchBytes.value : 1_000) } }));
  const cluster = memoryCluster();
  await writer(cluster.client).write(events);
  assert.ok(cluster.requests.length > 1);
  for (const object of [0, 1]) {
    const ids = cluster.topics.get('dataworks.all')?.flat().filter((one) => String(one.key) === `file:${object}`).map((one) => Number((JSON.parse(String(one.value)) as { id: string }).id));
    assert.deepEqual(ids, events.map((one) => Number(one.eventId)).filter((number) => number % 2 === object));
  }
});
