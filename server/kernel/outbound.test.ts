import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { ApiError } from './errors.ts';
import { limits } from './limits.ts';
import { createGuard } from './outbound-guard.ts';
import { createOutbound, OutboundError, type Outbound, type OutboundOptions } from './outbound.ts';

const closing: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closing) await close();
});

async function receiver(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** Takes connections and says nothing. */
async function listener(): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => void sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

function client(options: Partial<OutboundOptions> = {}): Outbound {
  const outbound = createOutbound({ allowLoopback: false, allowed: [], ...options });
  closing.push(() => outbound.close());
  return outbound;
}

const get = (outbound: Outbound, url: string, timeoutMs = 5_000) => outbound.request({ method: 'GET', url, timeoutMs });
const stage = (wanted: string) => (error: unknown) => error instanceof OutboundError && error.stage === wanted;
const at = (...addresses: string[]) => () => Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));

test('only public addresses pass, in every form an address can hide in', () => {
  const guard = createGuard({ allowLoopback: false, allowed: [] });
  for (const address of ['8.8.8.8', '2606:4700::1111']) assert.equal(guard.refuse(address, 'x', 80), undefined, address);
  const hidden = [
    '127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.1.1', '169.254.169.254', '100.64.0.1', '100.100.100.200', '0.0.0.0', '224.0.0.1', '240.0.0.1',
    '255.255.255.255', '198.18.0.1', '192.0.0.1', '::', '::1', 'fe80::1', 'fc00::1', 'fd00:ec2::254', 'ff02::1', 'fec0::1', '2001:db8::1', '::ffff:10.0.0.1',
    '::ffff:7f00:1', '::127.0.0.1', '2002:7f00:1::', '64:ff9b::a00:1', '64:ff9b:1::a00:1', '2001::1', '5f00::1', 'nonsense',
  ];
  for (const address of hidden) assert.notEqual(guard.refuse(address, 'x', 80), undefined, address);
});

test('what is allowed by name, port or range passes; metadata addresses never do', () => {
  const guard = createGuard({ allowLoopback: true, allowed: ['checker.internal', 'hook.internal:8443', '10.0.0.0/8', '192.168.1.7', '169.254.0.0/16', '100.64.0.0/10', '64:ff9b::/96', 'fd00::/8'] });
  assert.equal(guard.refuse('172.16.0.9', 'Checker.Internal', 80), undefined);
  assert.equal(guard.refuse('172.16.0.9', 'hook.internal', 8443), undefined);
  assert.notEqual(guard.refuse('172.16.0.9', 'hook.internal', 80), undefined);
  for (const address of ['10.9.9.9', '::ffff:10.9.9.9', '192.168.1.7', '127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1', 'fd00::5', '64:ff9b::a00:1']) assert.equal(guard.refuse(address, 'x', 80), undefined, address);
  assert.notEqual(guard.refuse('192.168.1.8', 'x', 80), undefined);
  const metadata = ['169.254.169.254', '::ffff:169.254.169.254', '100.100.100.200', 'fd00:ec2::254', '64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::'];
  for (const address of metadata) assert.notEqual(guard.refuse(address, 'checker.internal', 80), undefined, address);
  assert.throws(() => createGuard({ allowLoopback: false, allowed: ['http://x/'] }), /neither a host/);
});

test('a target is checked when it is entered: its form, and its address if it is a literal one', () => {
  const outbound = client();
  const refused = ['nonsense', 'ftp://a.example/', 'http://user:word@a.example/', 'http://127.0.0.1/', 'http://2130706433/', 'http://0x7f.1/', 'http://[::1]/', 'http://[::ffff:10.0.0.1]/', 'http://169.254.169.254/'];
  for (const url of refused) assert.throws(() => outbound.checkTarget(url), (error) => error instanceof ApiError && error.entry === 'TargetForbidden', url);
  // What is refused is logged, and the log is read by many.
  for (const url of ['http://clerk:abacus@10.0.0.1/', 'http://10.0.0.1/robot/abacus?access_token=abacus', 'abacus']) {
    assert.throws(() => outbound.checkTarget(url), (error) => error instanceof Error && !error.message.includes('abacus') && !JSON.stringify(error).includes('abacus'));
  }
  outbound.checkTarget('https://a.example/hook');
  outbound.checkTarget('http://8.8.8.8:8080/');
});

test('a request answers with status, headers and text, and does not follow a redirect', async () => {
  const port = await receiver((request, response) => {
    if (request.url === '/away') response.writeHead(302, { location: 'http://169.254.169.254/' }).end('away');
    else response.writeHead(503, { 'retry-after': '7' }).end('busy');
  });
  const outbound = client({ allowLoopback: true });
  const busy = await get(outbound, `http://127.0.0.1:${port}/`);
  assert.deepEqual([busy.status, busy.headers['retry-after'], busy.text, busy.truncated], [503, '7', 'busy', false]);
  assert.equal((await get(outbound, `http://127.0.0.1:${port}/away`)).status, 302);
});

test('a name that changes its address between the check and the connection is refused at the connection', async () => {
  let calls = 0;
  const port = await receiver((_, response) => response.setHeader('connection', 'close').end('allowed'));
  const outbound = client({ allowed: ['127.0.0.1/32'], lookup: () => at((calls += 1) === 1 ? '127.0.0.1' : '127.0.0.2')() });
  assert.equal((await get(outbound, `http://turning.example:${port}/`)).text, 'allowed');
  await assert.rejects(get(outbound, `http://turning.example:${port}/`), stage('forbidden'));
  assert.equal(calls, 2);
});

test('the checked address is the one connected to, whatever the name is; the others of the name are not tried', async () => {
  const port = await receiver((request, response) => response.end(request.headers.host));
  const outbound = client({ allowLoopback: true, lookup: at('10.0.0.1', '127.0.0.1') });
  assert.equal((await get(outbound, `http://some.example:${port}/`)).text, `some.example:${port}`);
  await assert.rejects(get(client({ lookup: at('10.0.0.1', '127.0.0.1') }), `http://some.example:${port}/`), stage('forbidden'));
});

test('a failure tells its stage', async () => {
  const hanging = await receiver(() => {});
  const plain = await receiver((_, response) => response.end());
  const broken = await receiver((request) => request.socket.destroy());
  const outbound = client({ allowLoopback: true, lookup: () => Promise.reject(Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' })) });
  await assert.rejects(get(outbound, 'nonsense'), stage('url'));
  await assert.rejects(get(outbound, 'http://10.0.0.1/'), stage('forbidden'));
  await assert.rejects(get(outbound, 'http://nowhere.example/'), stage('resolve'));
  await assert.rejects(get(outbound, 'http://127.0.0.1:1/'), stage('connect'));
  await assert.rejects(get(outbound, `https://127.0.0.1:${plain}/`), stage('tls'));
  await assert.rejects(get(outbound, `http://127.0.0.1:${hanging}/`, 50), stage('timeout'));
  await assert.rejects(get(outbound, `http://127.0.0.1:${broken}/`), stage('answer'));
  // A handshake that never comes is no excuse for waiting longer.
  const silent = await listener();
  await assert.rejects(get(outbound, `https://127.0.0.1:${silent}/`, 50), stage('timeout'));
  const cancel = new AbortController();
  const cancelled = outbound.request({ method: 'GET', url: `http://127.0.0.1:${hanging}/`, timeoutMs: 5_000, signal: cancel.signal });
  cancel.abort();
  await assert.rejects(cancelled, stage('cancelled'));
});

test('many requests share a signal, and what comes before an answer is not taken for it', async () => {
  const port = await receiver((_, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    response.writeHead(204).end();
  });
  const outbound = client({ allowLoopback: true });
  const { signal } = new AbortController();
  const answers = await Promise.all(Array.from({ length: 20 }, () => outbound.request({ method: 'POST', url: `http://127.0.0.1:${port}/`, body: 'x', timeoutMs: 5_000, signal })));
  assert.deepEqual(new Set(answers.map(({ status, text }) => `${status}${text}`)), new Set(['204']));
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('an answer without end is cut, and one that trickles runs out of time', async () => {
  const endless = await receiver((_, response) => {
    const more = () => {
      while (response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  });
  const trickling = await receiver((_, response) => {
    const timer = setInterval(() => response.write('x'), 10);
    response.on('close', () => clearInterval(timer));
  });
  const outbound = client({ allowLoopback: true });
  const answer = await get(outbound, `http://127.0.0.1:${endless}/`);
  assert.deepEqual([answer.truncated, answer.text.length], [true, limits.outboundResponseBytes.value]);
  await assert.rejects(get(outbound, `http://127.0.0.1:${trickling}/`, 100), stage('timeout'));
});
