/** The receiver, in a process of its own: answers 204 and tells when each event came. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Arrival {
  readonly id: string;
  /** Nanoseconds of the machine's monotonic clock, which all processes share. */
  readonly at: string;
}

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    process.send?.({ id: String(request.headers['webhook-id']), at: String(process.hrtime.bigint()) } satisfies Arrival);
    response.writeHead(204).end();
  });
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.once('SIGTERM', () => process.exit(0));
