import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { createTcpOutbound } from './outbound-tcp.ts';
import { OutboundError, type OutboundStage } from './outbound.ts';

const server = createServer((socket) => void socket.on('error', () => {}).end('hello'));
let port: number;
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  ({ port } = server.address() as AddressInfo);
});
after(() => void server.close());

const names: Readonly<Record<string, string[]>> = { 'inside.example': ['10.0.0.1'], 'both.example': ['10.0.0.1', '93.184.216.34'], 'metadata.example': ['169.254.169.254'], 'empty.example': [], 'local.example': ['127.0.0.1'] };
const lookup = async (host: string) => {
  const found = names[host];
  if (found === undefined) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' });
  return found.map((address) => ({ address, family: 4 }));
};
const at = (stage: OutboundStage) => (error: unknown) => error instanceof OutboundError && error.stage === stage;
const signal = () => new AbortController().signal;

test('a name becomes an address that may be called, and no other', async () => {
  const tcp = createTcpOutbound({ allowLoopback: false, allowed: [], lookup });
  assert.equal(await tcp.resolve('both.example', 5432), '93.184.216.34');
  assert.equal(await tcp.resolve('93.184.216.34', 5432), '93.184.216.34');
  for (const host of ['inside.example', 'metadata.example', 'empty.example', '10.0.0.1', '[::1]', '127.0.0.1']) await assert.rejects(tcp.resolve(host, 5432), at('forbidden'), host);
  await assert.rejects(tcp.resolve('nowhere.example', 5432), at('resolve'));
});

test('what the operator allows is allowed, but for the metadata services', async () => {
  const tcp = createTcpOutbound({ allowLoopback: false, allowed: ['10.0.0.0/8', 'metadata.example'], lookup });
  assert.equal(await tcp.resolve('inside.example', 1), '10.0.0.1');
  await assert.rejects(tcp.resolve('metadata.example', 80), at('forbidden'));
});

test('connects, and tells why it cannot', async () => {
  const tcp = createTcpOutbound({ allowLoopback: true, allowed: [], lookup });
  const socket = await tcp.connect({ host: 'local.example', port, signal: signal() });
  let text = '';
  for await (const part of socket) text += String(part);
  assert.equal(text, 'hello');
  await assert.rejects(tcp.connect({ host: 'inside.example', port, signal: signal() }), at('forbidden'));
  await assert.rejects(tcp.connect({ host: 'local.example', port: 1, signal: signal() }), at('connect'));
  await assert.rejects(tcp.connect({ host: 'local.example', port, tls: true, signal: signal() }), (error) => error instanceof OutboundError);
  await assert.rejects(tcp.connect({ host: 'local.example', port, signal: AbortSignal.abort() }), at('timeout'));
});
