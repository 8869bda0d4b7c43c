/**
 * An empty checker in a process of its own: every question is answered OK at once, at `/before-save` in the words of parse-server (success, and no other
 * fields to save instead). Tells the address of `/check` to the parent.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.setHeader('content-type', 'application/json');
    response.end(request.url === '/before-save' ? '{"success":""}' : '{"checkResult":"OK"}');
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}/check`));
process.on('disconnect', () => process.exit(0));
