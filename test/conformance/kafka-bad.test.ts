import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import type { KafkaListener } from '../../server/openevent/kafka/listener.ts';
import { kafkaPlace, type PlaceUser } from '../../server/openevent/kafka/kafka.fixture.ts';
import { limits } from '../../server/kernel/limits.ts';
import { testDatabase } from '../support/database.ts';
import { joinWithKafkajs, joinWithPlatformatic, type Got } from './kafka-clients.ts';
import { commitOffset, frame, int32 as size, open, signIn, text } from './kafka-frames.ts';

let server: Awaited<ReturnType<typeof testDatabase>>;
let place: Awaited<ReturnType<typeof kafkaPlace>>;
let listener: KafkaListener & { readonly broker: string };
let user: PlaceUser;
const warnings: string[] = [];
before(async () => {
  server = await testDatabase();
  place = await kafkaPlace(server.url, { log: { debug() {}, info() {}, warn: (_detail, message) => void warnings.push(message), error: (_detail, message) => void warnings.push(message) } });
  listener = await place.listen();
  user = await place.user();
});
after(async () => {
  await place.close();
  await server.drop();
});

/** Sends bytes and waits until the server closes. */
async function closedBy(bytes: Buffer): Promise<void> {
  const socket = await open(listener.broker);
  const closed = once(socket, 'close');
  socket.resume();
  socket.write(bytes);
  await closed;
}

test('what is no request closes the connection and nothing else', async () => {
  await closedBy(size(-5));
  await closedBy(size(0));
  await closedBy(size(limits.kafkaFrameBytes.value + 1));
  await closedBy(size(1024 * 1024));
  await closedBy(frame(999, 0));
  await closedBy(frame(3, 99));
  // Metadata before signing in.
  await closedBy(frame(3, 1, size(0)));
  // A handshake whose text is longer than the frame.
  await closedBy(frame(17, 1, Buffer.from([0x7f, 0xff, 1])));
  await closedBy(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'));
  const { socket } = await signIn(listener.broker, user);
  const closed = once(socket, 'close');
  // A list of two thousand million topics.
  socket.write(frame(3, 1, size(2_000_000_000)));
  await closed;
  assert.deepEqual(warnings, []);
});

test('an unknown version of ApiVersions is answered with the versions there are', async () => {
  const socket = await open(listener.broker);
  socket.write(frame(18, 77));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.equal(answer.readInt16BE(8), 35);
  assert.ok(answer.readInt32BE(10) > 15);
  socket.destroy();
});

test('a frame may come byte by byte, and many at once', async () => {
  const { socket, ask } = await signIn(listener.broker, user);
  const request = frame(3, 1, size(-1));
  const answer = once(socket, 'data') as Promise<[Buffer]>;
  for (const byte of request) socket.write(Buffer.from([byte]));
  assert.equal((await answer)[0].readInt32BE(4), 7);
  let received = 0;
  socket.on('data', (data) => {
    received += data.length;
  });
  const one = (await ask(request)).length + 4;
  received = 0;
  socket.write(Buffer.concat(Array.from({ length: 500 }, () => request)));
  await place.until('all are answered', () => received === one * 500);
  socket.destroy();
});

test('a wrong password, an unknown user and an unknown mechanism are told as such', async () => {
  for (const sasl of [
    { mechanism: 'plain', username: user.login, password: 'wrong' },
    { mechanism: 'scram-sha-256', username: user.login, password: 'wrong' },
    { mechanism: 'scram-sha-512', username: 'nobody@1', password: 'wrong' },
  ] as const) {
    const admin = new Kafka({ brokers: [listener.broker], sasl, logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin();
    await assert.rejects(admin.connect(), /authentication failed/i, sasl.mechanism);
  }
  const socket = await open(listener.broker);
  socket.write(frame(17, 1, text('GSSAPI')));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.equal(answer.readInt16BE(8), 33);
  socket.destroy();
});

test('random bytes after signing in leave the server as it was', async () => {
  for (let round = 0; round < 200; round += 1) {
    const { socket } = await signIn(listener.broker, user);
    const key = [0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 19, 22, 23, 32, 42, 47, 60][round % 20] ?? 0;
    const body = Buffer.from(Array.from({ length: round % 50 }, (_, index) => (round * 31 + index * 17) % 256));
    socket.on('data', () => {});
    const closed = once(socket, 'close');
    socket.end(frame(key, 4, body));
    // Half closed: what can be answered is answered or dropped, and the connection ends.
    await closed;
  }
  assert.deepEqual(warnings, []);
  await place.raise('after', 0);
  const got: Got[] = [];
  const member = await joinWithPlatformatic({ broker: listener.broker, user, group: 'after', topics: ['dataworks.all'], onRecord: (record) => void got.push(record) });
  await place.until('it still serves', () => got.length === 1);
  await member.stop();
});

test('a reader that takes nothing holds up nobody and little memory', async () => {
  for (let number = 0; number < 60; number += 1) await place.raise(`big:${number % 4}`, number, { workspaceId: 12 });
  const { socket } = await signIn(listener.broker, user);
  socket.pause();
  const topic = text('dataworks.all');
  const partitions = Array.from({ length: 8 }, (_, partition) => Buffer.concat([size(partition), Buffer.alloc(8), size(1_000_000)]));
  const body = Buffer.concat([size(-1), size(0), size(0), size(50_000_000), Buffer.from([0]), size(1), topic, size(8), ...partitions]);
  for (let number = 0; number < 3_000; number += 1) socket.write(frame(1, 4, body));
  const got: Got[] = [];
  const member = await joinWithKafkajs({ broker: listener.broker, user, group: 'beside', topics: ['dataworks.workspace.12'], onRecord: (record) => void got.push(record) });
  await place.until('another reads', () => got.length === 60);
  await member.stop();
  socket.destroy();
});

test('groups have a limit', async () => {
  await listener.stop();
  listener = await place.listen({ groups: 1 });
  const client = await signIn(listener.broker, user);
  const commit = (group: string) => commitOffset(client, group, 'dataworks.all', 0, 0);
  const [{ count } = { count: 0 }] = await place.database.rows<{ count: number }>('select count(*) from kafka_group');
  assert.ok(count >= 1);
  assert.equal(await commit('one too many'), 44);
  await place.database.run('delete from kafka_group');
  assert.equal(await commit('the first'), 0);
  assert.equal(await commit('the first'), 0);
  assert.equal(await commit('the second'), 44);
  client.socket.destroy();
});

test('with TLS both clients read', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if ((error as { code?: unknown }).code === 'ENOENT') return context.skip('there is no openssl to make a certificate');
    throw error;
  }
  const tls = { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
  await listener.stop();
  const secured = await place.listen({ tls, advertised: { host: 'localhost', port: 0 } });
  assert.equal(secured.securityProtocol, 'SASL_SSL');
  for (const [number, join] of [joinWithKafkajs, joinWithPlatformatic].entries()) {
    const got: Got[] = [];
    const one = await place.user({ workspaces: [12], tenantEvents: false });
    const member = await join({ broker: secured.broker, user: one, group: `tls-${number}`, topics: ['dataworks.all'], mechanism: 'SCRAM-SHA-512', ca: tls.cert, onRecord: (record) => void got.push(record) });
    await place.until('all has come', () => got.length === 60);
    await member.stop();
  }
  await secured.stop();
  await rm(folder, { recursive: true, force: true });
});

test('a join with more ways of assigning, or more to say, than anybody has is refused at once', async () => {
  await listener.stop();
  listener = await place.listen();
  const client = await signIn(listener.broker, user);
  /** The error of a join of version 1. */
  const join = async (protocols: readonly Buffer[]) => {
    const body = Buffer.concat([text('wide'), size(10_000), size(10_000), text(''), text('consumer'), size(protocols.length), ...protocols]);
    return (await client.ask(frame(11, 1, body))).readInt16BE(4);
  };
  // Comparing them with each other would take minutes, in which nobody else is served.
  assert.equal(await join(Array.from({ length: 60_000 }, (_, number) => Buffer.concat([text(`p${number}`), size(0)]))), 42);
  assert.equal(await join([Buffer.concat([text('range'), size(900_000), Buffer.alloc(900_000)])]), 42);
  assert.equal(await join([Buffer.concat([text('range'), size(0)])]), 0);
  client.socket.destroy();
});

test('asking for topics of workspaces that are not there keeps nothing of them', async () => {
  const client = await signIn(listener.broker, user);
  const names = Array.from({ length: 100 }, (_, number) => text(`dataworks.workspace.${990_000 + number}`));
  const before = listener.watched();
  await client.ask(frame(3, 1, Buffer.concat([size(names.length), ...names])));
  assert.equal(listener.watched(), before);
  client.socket.destroy();
});
