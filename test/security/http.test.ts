import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { CONSOLE_PATH, serveConsole } from '../../server/console.ts';
import { limits } from '../../server/kernel/limits.ts';
import { silentLog } from '../../server/kernel/log.ts';
import { createHttpServer } from '../../server/openapi/http.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-headers-'));
  await mkdir(join(folder, 'console', 'assets'), { recursive: true });
  await writeFile(join(folder, 'console', 'index.html'), '<!doctype html><title>Millrace</title>');
  await writeFile(join(folder, 'console', 'assets', 'page-abc123.js'), 'export {};');
  house = await startTestHouse({ serve: (app) => serveConsole(app, join(folder, 'console')) });
});
after(async () => {
  await house.stop();
  await rm(folder, { recursive: true, force: true });
});

const login = (password: string, name = house.first.userName) =>
  fetch(`${house.url}/api/open-platform/2026-12-01/Login`, { method: 'POST', body: new URLSearchParams({ UserName: name, Password: password }) });

test('no answer can be taken for a page, kept by a proxy, or tells the software behind it', async () => {
  const paths = ['/', '/?Action=GetCaller', '/api/open-platform/2026-12-01/GetCaller', '/api/none', '/nowhere', '/healthz', '/readyz', '/openapi.json', '/%zz', '/?x='.padEnd(70_000, 'x')];
  for (const path of paths) {
    const answer = await fetch(`${house.url}${path}`);
    const name = path.slice(0, 40);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/, name);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', name);
    for (const header of ['server', 'x-powered-by', 'access-control-allow-origin']) assert.equal(answer.headers.get(header), null, `${name}: ${header}`);
    if (answer.status >= 400) assert.doesNotMatch(await answer.text(), /node_modules|\.ts:\d|at \w+ \(/, name);
  }
});

test('the console runs only its own scripts, is framed by nobody, and its page is never kept', async () => {
  const page = await fetch(`${house.url}${CONSOLE_PATH}some/view`);
  const policy = page.headers.get('content-security-policy') ?? '';
  for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]) assert.ok(policy.split('; ').includes(rule), rule);
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(page.headers.get('referrer-policy'), 'same-origin');
  assert.equal(page.headers.get('cache-control'), 'no-cache');
  const script = await fetch(`${house.url}${CONSOLE_PATH}assets/page-abc123.js`);
  assert.equal(script.headers.get('x-content-type-options'), 'nosniff');
  for (const path of ['..%2f..%2fpackage.json', '%2e%2e/%2e%2e/package.json', 'assets/..%2f..%2f..%2fpackage.json', 'assets/%00', 'assets/none.js']) {
    const answer = await fetch(`${house.url}${CONSOLE_PATH}${path}`);
    assert.doesNotMatch(await answer.text(), /"millrace"|dependencies/, path);
  }
});

test('no page of another origin is let in: no CORS, and no preflight is answered', async () => {
  const preflight = await fetch(`${house.url}/api/open-platform/2026-12-01/CreateUser`, { method: 'OPTIONS', headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-csrf-token' } });
  assert.ok(preflight.status >= 400);
  for (const name of preflight.headers.keys()) assert.ok(!name.startsWith('access-control-'), name);
});

test('the lock after wrong passwords holds from everywhere, also against the right password, and leaves others alone', async () => {
  const user = await house.call('2026-12-01', 'CreateUser', { UserName: 'guessed', DisplayName: 'guessed' });
  await house.call('2026-12-01', 'SetPassword', { UserId: Number(user['UserId']), Password: 'The right passw0rd!' });
  assert.equal((await login('The right passw0rd!', 'guessed')).status, 200);
  const codes = await Promise.all(Array.from({ length: limits.loginFailures.value + 3 }, async () => ((await (await login('wrong', 'GUESSED')).json()) as { Code: string }).Code));
  assert.ok(codes.filter((code) => code === 'LoginFailed').length <= limits.loginFailures.value, codes.join());
  assert.ok(codes.includes('Throttling.Login'), codes.join());
  const locked = await login('The right passw0rd!', 'guessed');
  assert.deepEqual([locked.status, ((await locked.json()) as { Code: string }).Code], [429, 'Throttling.Login']);
  assert.ok(Number(locked.headers.get('retry-after')) > 0);
  assert.deepEqual(locked.headers.getSetCookie(), []);
  assert.equal((await login(house.first.password)).status, 200);
});

test('over TLS the session cookie is sent over TLS only, and browsers keep to TLS', async (context) => {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return context.skip('there is no openssl to make a certificate');
    throw error;
  }
  const app = createHttpServer({ gateway: house.house.gateway, registry: house.house.registry, log: silentLog, ready: async () => true, tls: { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') } });
  await app.listen({ host: '127.0.0.1', port: 0 });
  try {
    const { port } = app.server.address() as AddressInfo;
    const body = new URLSearchParams({ UserName: house.first.userName, Password: house.first.password }).toString();
    const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, servername: 'localhost', path: '/api/open-platform/2026-12-01/Login', method: 'POST', rejectUnauthorized: false, headers: { 'content-type': 'application/x-www-form-urlencoded' } }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.headers));
      });
      sent.on('error', reject);
      sent.end(body);
    });
    const [cookie = ''] = headers['set-cookie'] ?? [];
    for (const flag of ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/']) assert.ok(cookie.split('; ').includes(flag), `${flag}: ${cookie.replace(/=[^;]+/, '=…')}`);
    assert.match(String(headers['strict-transport-security']), /max-age=\d{7,}/);
  } finally {
    await app.close();
  }
});
