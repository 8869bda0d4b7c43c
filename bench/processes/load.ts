/**
 * The load, in a process of its own: clients that send one signed call after the other, each to the next server in turn. All calls are signed before the clock
 * starts. Plain sockets, since a client library costs more than a server.
 */
import { connect, type Socket } from 'node:net';
import { signV3, type Key } from '../../test/support/sign.ts';

export interface Order {
  readonly kind: 'read' | 'write';
  readonly urls: readonly string[];
  readonly key: Key;
  readonly projectId: number;
  /** A file for each client. A write gives it a content with the next number, so that a lost, doubled or late one shows. */
  readonly files: readonly { readonly fileId: number; readonly next: number }[];
  readonly requestsOfClient: number;
}

export interface Measurement {
  readonly perSecond: number;
  readonly fault?: string;
}

function write(order: Order, client: number, number: number): Buffer {
  const url = new URL(order.urls[number % order.urls.length] ?? '');
  const file = order.files[client];
  const [version, action, parameters]: [string, string, Record<string, string>] =
    order.kind === 'read'
      ? ['2024-05-18', 'GetProject', { Id: String(order.projectId) }]
      : ['2020-05-18', 'UpdateFile', { ProjectId: String(order.projectId), FileId: String(file?.fileId), Content: `echo ${(file?.next ?? 0) + number}` }];
  const draft = signV3(order.key, { version, action, host: url.host, query: [], contentType: 'application/x-www-form-urlencoded', body: Buffer.from(new URLSearchParams(parameters).toString()) });
  const lines = Object.entries({ ...draft.headers, 'content-length': String(draft.body.length) }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\n${lines.join('')}\r\n`), draft.body]);
}

/** A connection with one request under way. */
function open(url: string): Promise<{ ask(request: Buffer): Promise<void>; close(): void }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let waiting: { done: () => void; fail: (error: Error) => void } | undefined;
    let received = '';
    const fail = (error: Error) => (waiting === undefined ? reject(error) : waiting.fail(error));
    const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.setEncoding('latin1');
    socket.on('error', fail);
    socket.on('end', () => fail(new Error('the server closed a connection')));
    socket.on('data', (text: string) => {
      received += text;
      const head = received.indexOf('\r\n\r\n');
      if (head === -1) return;
      if (received.length < head + 4 + Number(/content-length: (\d+)/i.exec(received)?.[1])) return;
      const answer = received;
      received = '';
      if (answer.startsWith('HTTP/1.1 200 ')) waiting?.done();
      else fail(new Error(answer));
    });
    socket.on('connect', () =>
      resolve({
        ask: (request) =>
          new Promise((done, failed) => {
            waiting = { done, fail: failed };
            socket.write(request);
          }),
        close: () => void socket.destroy(),
      }),
    );
  });
}

async function run(order: Order): Promise<Measurement> {
  const clients = await Promise.all(
    order.files.map(async (_, client) => ({
      connections: await Promise.all(order.urls.map(open)),
      requests: Array.from({ length: order.requestsOfClient }, (_unused, number) => write(order, client, number)),
    })),
  );
  const began = performance.now();
  await Promise.all(
    clients.map(async ({ connections, requests }) => {
      for (const [number, request] of requests.entries()) await connections[number % connections.length]?.ask(request);
    }),
  );
  const seconds = (performance.now() - began) / 1_000;
  for (const { connections } of clients) for (const one of connections) one.close();
  return { perSecond: (order.files.length * order.requestsOfClient) / seconds };
}

process.on('message', (order: Order) => {
  run(order).then(
    (measurement) => process.send?.(measurement),
    (error: unknown) => process.send?.({ perSecond: 0, fault: String(error) } satisfies Measurement),
  );
});
process.once('SIGTERM', () => process.exit(0));
