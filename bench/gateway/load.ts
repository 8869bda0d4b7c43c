/**
 * The load, in a process of its own: requests that were written (and signed) before the clock starts, over keep-alive
 * connections with one request under way on each. Plain sockets, since a client library costs more than the server.
 */
import { connect } from 'node:net';
import { randomUUID } from 'node:crypto';
import { signedRequest, type Key } from './signed-request.ts';

export interface Order {
  readonly kind: 'signed' | 'bare';
  readonly url: string;
  readonly projectId: number;
  readonly requests: number;
  readonly connections: number;
  readonly key: Key;
}

export interface Measurement {
  readonly perSecond: number;
  readonly fault?: string;
}

function write(order: Order): Buffer {
  if (order.kind === 'bare') return Buffer.from(`GET /?Id=${order.projectId} HTTP/1.1\r\nhost: ${new URL(order.url).host}\r\naccept: application/json\r\n\r\n`);
  const { target, headers } = signedRequest({ url: order.url, key: order.key, action: 'GetProject', query: { Id: String(order.projectId) }, nonce: randomUUID() });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
}

async function run(order: Order): Promise<Measurement> {
  const { hostname, port } = new URL(order.url);
  const requests = Array.from({ length: order.requests }, () => write(order));
  const began = performance.now();
  await Promise.all(Array.from({ length: order.connections }, () => converse(hostname, Number(port), requests)));
  return { perSecond: order.requests / ((performance.now() - began) / 1_000) };
}

/** Sends requests of the common list, one after the other, until it is empty. */
function converse(host: string, port: number, requests: Buffer[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    let received = '';
    const next = () => {
      const request = requests.pop();
      if (request === undefined) {
        socket.destroy();
        resolve();
      } else {
        socket.write(request);
      }
    };
    socket.setEncoding('latin1');
    socket.on('connect', next);
    socket.on('error', reject);
    socket.on('end', () => reject(new Error('the server closed a connection')));
    socket.on('data', (text: string) => {
      received += text;
      const head = received.indexOf('\r\n\r\n');
      if (head === -1) return;
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1]);
      if (received.length < head + 4 + length) return;
      if (!received.startsWith('HTTP/1.1 200 ')) return reject(new Error(received));
      received = '';
      next();
    });
  });
}

process.on('message', (order: Order) => {
  run(order).then(
    (measurement) => process.send?.(measurement),
    (error: unknown) => process.send?.({ perSecond: 0, fault: String(error) } satisfies Measurement),
  );
});
process.once('SIGTERM', () => process.exit(0));
