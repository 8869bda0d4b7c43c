import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { platformActor } from '../../server/kernel/change.ts';
import { kafkaPlace } from '../../server/openevent/kafka/kafka.fixture.ts';
import { freePort, startServer } from '../chaos/server.ts';
import { sender } from '../chaos/writers.ts';
import { testDatabase } from '../support/database.ts';
import { assertComplete, joinWithKafkajs, type Got, type GroupMember } from './kafka-clients.ts';

const KEY = { accessKeyId: 'LTAI5tOfTheKilledKafka01', accessKeySecret: 'killedSecret0123456789abcdefg' };
const KILLS = 3;
const OBJECTS = 12;
const TOPIC = 'dataworks.all';

/** With kafkajs: the other client gives up, and ends its process, when a kill falls into one of its handshakes. */
test('kill -9 of the server while two groups read: nothing is skipped, each object in order, committed offsets stay', async (t) => {
  const { url, drop } = await testDatabase();
  const dataFolder = await mkdtemp(join(tmpdir(), 'millrace-killed-'));
  // Raises events beside the server, in a process that is not killed.
  const place = await kafkaPlace(url);
  const [port, kafkaPort] = [await freePort(), await freePort()];
  const start = async () => {
    const server = startServer({ dataFolder, port, key: KEY, env: { DATABASE_URL: url, MILLRACE_KAFKA_LISTEN: `127.0.0.1:${kafkaPort}`, MILLRACE_KAFKA_COMPRESSION: 'gzip' } });
    await server.ready();
    return server;
  };
  let server = await start();
  const members: GroupMember[] = [];
  const writing = new AbortController();
  t.after(async () => {
    writing.abort();
    await Promise.allSettled(members.map((member) => member.stop()));
    await server.kill();
    await place.close();
    await drop();
    await rm(dataFolder, { recursive: true, force: true });
  });

  const made = await sender(port, KEY)('CreateKafkaUser', { Name: 'reader' });
  assert.equal(made.kind, 'acknowledged');
  const { KafkaUserId, UserName, Password } = (made.kind === 'acknowledged' ? made.data : {}) as { KafkaUserId: number; UserName: string; Password: string };
  const user = { id: KafkaUserId, login: UserName, password: Password };
  const tenantId = (await place.database.row<{ id: number }>('select min(id) as id from tenant'))?.id ?? 0;

  const raised = new Map<string, number>();
  const written = (async () => {
    for (let count = 0; !writing.signal.aborted; count += 1) {
      const object = `file:${count % OBJECTS}`;
      const number = raised.get(object) ?? 0;
      await place.changes.change(platformActor('test', tenantId), async (change) => change.raise({ code: 'commit-file', workspaceId: undefined, objectKey: object, data: { projectId: 0, operator: `${object}#${number}` } }));
      raised.set(object, number + 1);
    }
  })();
  const total = () => [...raised.values()].reduce((sum, count) => sum + count, 0);
  const committed = async () =>
    new Map((await place.database.rows<{ key: string; at: number }>(`select group_id || '/' || partition as key, committed_offset as at from kafka_group_offset where user_id = $1`, [user.id])).map((row) => [row.key, row.at]));

  const groups = new Map<string, Got[]>();
  for (const group of ['first', 'second']) {
    const got: Got[] = [];
    groups.set(group, got);
    for (let member = 0; member < 2; member += 1) members.push(await joinWithKafkajs({ broker: `127.0.0.1:${kafkaPort}`, user, group, topics: [TOPIC], retries: 300, onRecord: (record) => void got.push(record) }));
  }
  const distinct = (got: readonly Got[]) => new Set(got.map((one) => one.id)).size;
  const goOn = (what: string) => {
    const before = new Map([...groups].map(([group, got]) => [group, distinct(got)]));
    return place.until(what, () => [...groups].every(([group, got]) => distinct(got) > (before.get(group) ?? 0) + 50), 60_000);
  };

  await goOn('both groups read');
  for (let kill = 1; kill <= KILLS; kill += 1) {
    await place.until('offsets are committed', async () => (await committed()).size > OBJECTS / 2);
    await server.kill();
    const before = await committed();
    server = await start();
    const after = await committed();
    for (const [key, at] of before) assert.ok((after.get(key) ?? -1) >= at, `${key} was committed up to ${at} before kill ${kill}, and is at ${after.get(key)}`);
    await goOn(`both groups read on after kill ${kill}`);
  }
  writing.abort();
  await written;
  for (const [group, got] of groups) {
    await place.until(`everything has come to ${group}`, () => distinct(got) >= total(), 60_000);
    assertComplete(got, raised);
    const places = new Map(got.map((one) => [one.id, `${one.partition}/${one.offset}`]));
    assert.ok(got.every((one) => places.get(one.id) === `${one.partition}/${one.offset}`), 'an event keeps its offset');
    t.diagnostic(`${group}: ${total()} events, ${got.length - distinct(got)} of them twice`);
  }
});
