import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { PlaceUser } from '../../server/openevent/kafka/kafka.fixture.ts';

/** Requests of the Kafka protocol byte by byte, for what no client sends. */

export const CORRELATION = 7;
/** No answer takes longer, but for a fetch that asks for it. */
const ANSWER_MS = 90_000;

/** A request with the correlation id 7 and no client id, unless another header is given. */
export function frame(apiKey: number, version: number, body: Buffer = Buffer.alloc(0), header: Buffer = Buffer.from([0, 0, 0, CORRELATION, 0xff, 0xff])): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(4 + header.length + body.length, 0);
  head.writeInt16BE(apiKey, 4);
  head.writeInt16BE(version, 6);
  return Buffer.concat([head, header, body]);
}

/** Four bytes: a size, a count or any other number. */
export function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value, 0);
  return buffer;
}

export function int64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt(value), 0);
  return buffer;
}

export const text = (value: string) => Buffer.concat([Buffer.from([value.length >> 8, value.length & 255]), Buffer.from(value)]);

export async function open(broker: string): Promise<Socket> {
  const [host = '', port = ''] = broker.split(':');
  const socket = connect(Number(port), host);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

export interface RawClient {
  readonly socket: Socket;
  /** Sends a request and answers the whole answer to it, without its length; it begins with the correlation id. One at a time. */
  ask(request: Buffer): Promise<Buffer>;
}

/** Signs in by PLAIN. */
export async function signIn(broker: string, user: Pick<PlaceUser, 'login' | 'password'>): Promise<RawClient> {
  const socket = await open(broker);
  const ask = async (request: Buffer) => {
    let got: Buffer = Buffer.alloc(0);
    const whole = new Promise<void>((resolve, reject) => {
      const take = (data: Buffer) => {
        got = Buffer.concat([got, data]);
        if (got.length >= 4 && got.length >= got.readInt32BE(0) + 4) done(resolve);
      };
      const closed = () => done(() => reject(new Error('the connection was closed')));
      const done = (then: () => void) => {
        socket.removeListener('data', take);
        socket.removeListener('close', closed);
        clearTimeout(timer);
        then();
      };
      const timer = setTimeout(() => done(() => reject(new Error('there was no answer'))), ANSWER_MS);
      socket.on('data', take);
      socket.on('close', closed);
      if (socket.destroyed) closed();
    });
    socket.write(request);
    await whole;
    return got.subarray(4);
  };
  await ask(frame(17, 1, text('PLAIN')));
  const token = Buffer.from(`\0${user.login}\0${user.password}`);
  const answer = await ask(frame(36, 0, Buffer.concat([int32(token.length), token])));
  assert.equal(answer.readInt16BE(4), 0);
  return { socket, ask };
}

/** Commits an offset by hand, without joining the group; answers the error of the partition. */
export async function commitOffset(client: RawClient, group: string, topic: string, partition: number, offset: number): Promise<number> {
  const body = Buffer.concat([text(group), int32(-1), text(''), int64(-1), int32(1), text(topic), int32(1), int32(partition), int64(offset), text('')]);
  const answer = await client.ask(frame(8, 2, body));
  return answer.readInt16BE(answer.length - 2);
}
