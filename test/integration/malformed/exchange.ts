import { connect } from 'node:net';
import type { Malformed } from './requests.ts';

export interface RawAnswer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

const PATIENCE_MS = 20_000;

/**
 * Sends the bytes on a connection of their own and reads every answer that comes. After a whole request the connection is
 * closed with its answer; otherwise our side is ended, and the server's end is waited for. Rejects when a server falls silent.
 */
export function exchange(port: number, request: Malformed): Promise<RawAnswer[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    let received: Buffer = Buffer.alloc(0);
    const answers: RawAnswer[] = [];
    const finish = (error?: Error) => {
      clearTimeout(timer);
      socket.destroy();
      if (error === undefined) resolve(answers);
      else reject(error);
    };
    const timer = setTimeout(() => finish(new Error('no answer and no end of the connection')), PATIENCE_MS);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      try {
        received = take(received, answers, request.head);
      } catch (error) {
        return finish(error as Error);
      }
      if (request.complete && answers.some(({ status }) => status >= 200)) finish();
    });
    // A server that refuses a large body closes while we still write: what it said before counts.
    socket.on('error', () => finish());
    socket.on('close', () => finish(received.length > 0 ? new Error(`half an answer: ${received.subarray(0, 200).toString('latin1')}`) : undefined));
    socket.on('connect', () => {
      socket.write(request.bytes);
      if (!request.complete) socket.end();
    });
  });
}

/** Moves whole answers from the bytes to the list and returns the rest. */
function take(bytes: Buffer, answers: RawAnswer[], head: boolean): Buffer {
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1) return bytes;
    const headers = bytes.subarray(0, end).toString('latin1');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(headers)?.[1]);
    if (!(status >= 100)) throw new Error(`not an answer: ${headers.slice(0, 200)}`);
    const bodyAt = end + 4;
    let bodyEnd = bodyAt;
    if (/^transfer-encoding: chunked$/im.test(headers)) {
      const last = bytes.indexOf('0\r\n\r\n', bodyAt);
      if (last === -1) return bytes;
      bodyEnd = last + 5;
    } else if (!head && status >= 200) {
      bodyEnd += Number(/^content-length: (\d+)$/im.exec(headers)?.[1] ?? '0');
    }
    if (bytes.length < bodyEnd) return bytes;
    if (status >= 200) answers.push({ status, headers, body: bytes.subarray(bodyAt, bodyEnd).toString() });
    bytes = bytes.subarray(bodyEnd);
  }
}
