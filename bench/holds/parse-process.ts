/** parse-server in a process of its own, on the database of BENCH_CONNECTION, with its webhooks at BENCH_CHECKER. Tells its address to the parent, and ends with it. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { limits } from '../../server/kernel/limits.ts';
import { preparePeers } from '../peers/peers.ts';

/** What of parse-server is used here; the package is not installed with the project's. */
interface ParsePackage {
  readonly ParseServer: new (options: object) => { start(): Promise<unknown>; readonly app: RequestListener };
}

const ID = 'bench';
const connection = new URL(process.env['BENCH_CONNECTION'] ?? '');
// It reads the host out of the address itself and leaves a parameter that names a socket's folder aside.
const host = connection.searchParams.get('host') ?? connection.hostname;

const { ParseServer } = (await preparePeers())<ParsePackage>('parse-server');
// Its address is needed before it can be made.
let handle: RequestListener | undefined;
const http = createServer((request, response) => handle?.(request, response)).listen(0, '127.0.0.1');
await once(http, 'listening');
const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
const server = new ParseServer({
  appId: ID,
  masterKey: 'bench-master',
  webhookKey: 'bench-webhook',
  databaseURI: connection.href,
  databaseOptions: { host, max: limits.databaseConnections.value },
  serverURL: url,
  logLevel: 'error',
  silent: true,
  logsFolder: null,
  allowClientClassCreation: false,
});
await server.start();
handle = server.app;

const ask = async (path: string, body: object) => {
  const answer = await fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-parse-application-id': ID, 'x-parse-master-key': 'bench-master' }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
};
for (const className of ['Checked', 'Free']) await ask(`/schemas/${className}`, { className, fields: { fileName: { type: 'String' }, content: { type: 'String' } } });
await ask('/hooks/triggers', { className: 'Checked', triggerName: 'beforeSave', url: process.env['BENCH_CHECKER'] });
process.send?.({ url, id: ID });
process.on('disconnect', () => process.exit(0));
