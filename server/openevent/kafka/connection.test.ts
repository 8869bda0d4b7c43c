import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, test, type TestContext } from 'node:test';
import { manualClock } from '../../kernel/clock.ts';
import { limits } from '../../kernel/limits.ts';
import { silentLog } from '../../kernel/log.ts';
import { serveConnection } from './connection.ts';
import type { Services } from './handlers/context.ts';
import { deriveVerifiers } from './sasl.ts';
import type { Reader } from './topics.ts';

const server = createServer();
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => server.close());

const READER: Reader = { userId: 1, tenantId: 1, login: 'reader@1', workspaces: undefined, tenantEvents: true, types: undefined };

/** A client whose connection is served by a clock of its own, and what the server's side of it has received. */
async function pair(t: TestContext) {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  t.after(() => client.destroy());
  const [socket] = await accepted;
  const clock = manualClock(new Date());
  let closed = false;
  // None of the services is reached by what is asked here.
  serveConnection({ socket, clock, log: silentLog, services: {} as Services, mechanisms: ['PLAIN'], findUser: async () => ({ user: READER, password: 'right', verifiers: deriveVerifiers('right') }), secret: Buffer.alloc(32), onClose: () => (closed = true) });
  const send = async (bytes: Buffer) => {
    const before = socket.bytesRead;
    client.write(bytes);
    while (socket.bytesRead < before + bytes.length && !socket.destroyed) await new Promise((resolve) => setImmediate(resolve));
  };
  return { client, clock, send, closed: () => closed };
}

/** A request without a client id. */
function frame(apiKey: number, version: number, body: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from([0, 0, 0, 10 + body.length, 0, apiKey, 0, version, 0, 0, 0, 7, 0xff, 0xff]), body]);
}

test('bytes that come one by one gain a request no time', async (t) => {
  const { client, clock, send, closed } = await pair(t);
  const token = Buffer.from('\0reader@1\0right');
  for (const request of [frame(17, 1, Buffer.from('\0\u0005PLAIN')), frame(36, 0, Buffer.concat([Buffer.from([0, 0, 0, token.length]), token]))]) {
    const answer = once(client, 'data');
    await send(request);
    await answer;
  }
  clock.advance(limits.kafkaLoginMs.value * 2);
  assert.equal(closed(), false, 'who has signed in may be silent for longer');
  const slow = frame(18, 0);
  for (let number = 0; number < 4; number += 1) {
    assert.equal(closed(), false);
    await send(slow.subarray(number, number + 1));
    clock.advance(limits.kafkaLoginMs.value / 4);
  }
  assert.equal(closed(), true);
});

test('a request that comes whole in time is answered, and so is the next', async (t) => {
  const { client, clock, send, closed } = await pair(t);
  for (let number = 0; number < 3; number += 1) {
    const request = frame(18, 0);
    const answer = once(client, 'data');
    await send(request.subarray(0, 5));
    clock.advance(limits.kafkaLoginMs.value / 5);
    await send(request.subarray(5));
    await answer;
    assert.equal(closed(), false);
  }
});
