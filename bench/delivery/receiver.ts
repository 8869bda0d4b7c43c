/**
 * The receivers, in a process of their own. `/ok…` answers 204, `/fail…` 500, `/hang…` never. Tells in batches when each message came where.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Arrival {
  readonly path: string;
  readonly id: string;
  /** Nanoseconds of the machine's monotonic clock, which all processes share. */
  readonly at: string;
}

const TELL_MS = 20;
let told: Arrival[] = [];

const server = createServer((request, response) => {
  const path = request.url ?? '';
  request.resume();
  request.on('end', () => {
    if (path.startsWith('/ok')) told.push({ path, id: String(request.headers['webhook-id']), at: String(process.hrtime.bigint()) });
    if (!path.startsWith('/hang')) response.writeHead(path.startsWith('/fail') ? 500 : 204).end();
  });
});
server.keepAliveTimeout = 60_000;
setInterval(() => {
  if (told.length === 0) return;
  process.send?.(told);
  told = [];
}, TELL_MS);
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.once('SIGTERM', () => process.exit(0));
