import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { contracts, type Node } from '../../../contract/index.ts';
import { decoderFor, mergeParameters } from '../../../server/openapi/decode/index.ts';
import { makeBearer } from '../../../server/openapi/mcp/index.ts';
import { madeUp } from '../../../test/conformance/made-up.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { startTestHouse, type TestHouse } from '../../../test/support/house.ts';
import type { WireOperation } from './contract.ts';
import { encodeRequest } from './encode.ts';
import { connect, dataworks20200518, dataworks20240518, isEvent, mcpBearer, MillraceError, openPlatform20261201, readWebhook, verifyWebhook, WebhookError, type ConnectOptions, type PlatformEvent } from './index.ts';
import * as products from './generated/index.ts';

let house: TestHouse;
let options: ConnectOptions;
before(async () => {
  house = await startTestHouse();
  options = { endpoint: house.url, accessKeyId: house.first.accessKeyId, accessKeySecret: house.first.accessKeySecret };
});
after(() => house.stop());

test('operations of every product are methods with typed answers, and lists are gone through page by page', async () => {
  const legacy = connect(dataworks20200518, options);
  const current = connect(dataworks20240518, options);
  const { Data: ProjectId = 0 } = await legacy.CreateProject({ ProjectIdentifier: 'typed', ProjectName: 'Typed', ProjectMode: 2 });
  const { Project } = await current.GetProject({ Id: ProjectId });
  assert.equal(Project?.Name, 'typed');
  for (const BusinessName of ['a', 'b', 'c', 'd', 'e']) await legacy.CreateBusiness({ ProjectId, BusinessName });
  const names: (string | undefined)[] = [];
  for await (const business of legacy.each('ListBusiness', { ProjectId, PageSize: 2 })) names.push(business.BusinessName);
  assert.deepEqual(names.toSorted(), ['a', 'b', 'c', 'd', 'e']);
  const found: (string | undefined)[] = [];
  for await (const project of current.each('ListProjects', { PageSize: 1 })) found.push(project.Name);
  assert.deepEqual(found, ['typed']);
  const { Caller } = await connect(openPlatform20261201, options).GetCaller();
  assert.equal(Caller?.UserName, 'owner');
});

test('lists by token go on until there is none', async () => {
  const asked: (string | null)[] = [];
  const list = Object.entries<WireOperation>(dataworks20240518.operations).find(([, { list: found }]) => found?.next !== undefined);
  assert.ok(list?.[1].list?.next !== undefined);
  const [action, { list: shape }] = list;
  const nest = (path: readonly string[], value: unknown): object => Object.fromEntries([[path[0], path.length === 1 ? value : nest(path.slice(1), value)]]);
  const merge = (left: object, right: object): object => {
    const merged: Record<string, unknown> = { ...left };
    for (const [name, value] of Object.entries(right)) merged[name] = name in merged && typeof value === 'object' && !Array.isArray(value) ? merge(merged[name] as object, value as object) : value;
    return merged;
  };
  const api = connect(dataworks20240518, {
    ...options,
    async fetch(input, init) {
      const token = new URLSearchParams(typeof init?.body === 'string' && init.body !== '' ? init.body : new URL(String(input)).search).get(shape?.at ?? '');
      asked.push(token);
      const next = token === null ? 'two' : token === 'two' ? 'three' : '';
      return Response.json(merge(nest(shape?.items ?? [], [token]), nest(shape?.next ?? [], next)));
    },
  });
  const items: unknown[] = [];
  const each = api.each as unknown as (name: string, request: object) => AsyncGenerator<unknown>;
  for await (const item of each(action, {})) items.push(item);
  assert.deepEqual(asked, [null, 'two', 'three']);
  assert.deepEqual(items, [null, 'two', 'three']);
});

test('what is throttled or not answered is repeated with new nonces, and a write happens once all the same', async () => {
  const nonces: (string | null)[] = [];
  const tokens: (string | null)[] = [];
  const pauses: number[] = [];
  let calls = 0;
  const api = connect(openPlatform20261201, {
    ...options,
    sleep: async (ms) => void pauses.push(ms),
    async fetch(input, init) {
      calls += 1;
      const headers = new Headers(init?.headers);
      nonces.push(headers.get('x-acs-signature-nonce'));
      tokens.push(new URLSearchParams(new URL(String(input)).search).get('ClientToken'));
      if (calls === 1) return Response.json({ Code: 'Throttling.User', Message: 'slowly', RequestId: 'r' }, { status: 429, headers: { 'x-acs-retry-after': '7', 'retry-after': '1' } });
      const answer = await fetch(input, init);
      if (calls === 2) {
        // The server has done it; its answer is lost.
        await answer.text();
        throw new TypeError('fetch failed');
      }
      return answer;
    },
  });
  const { SubscriptionId } = await api.CreateSubscription({ Name: 'repeated', Url: 'http://127.0.0.1:9/' });
  assert.equal(calls, 3);
  assert.equal(new Set(nonces).size, 3);
  assert.equal(new Set(tokens).size, 1);
  assert.ok(tokens[0] !== null);
  assert.equal(pauses[0], 7);
  const row = await house.database.row<{ count: number; id: number }>(`select count(*) as count, min(id) as id from subscription where name = 'repeated'`);
  assert.deepEqual(row, { count: 1, id: SubscriptionId });
});

test('a pause longer than the client waits, and what a repetition cannot heal, are thrown at once with code, status and request id', async () => {
  let calls = 0;
  const patient = connect(dataworks20200518, {
    ...options,
    async fetch() {
      calls += 1;
      return Response.json({ Code: 'Throttling.Api', Message: 'used up', RequestId: 'r-1' }, { status: 429, headers: { 'retry-after': '3600' } });
    },
  });
  await assert.rejects(patient.ListProjects(), (error) => error instanceof MillraceError && error.code === 'Throttling.Api' && error.retryAfterMs === 3_600_000 && error.requestId === 'r-1');
  assert.equal(calls, 1);
  await assert.rejects(connect(dataworks20240518, options).GetProject({ Id: 987_654 }), (error) => error instanceof MillraceError && error.status === 404 && error.code === '1101080008' && /^[0-9A-F-]{36}$/.test(error.requestId ?? ''));
  const closed = connect(dataworks20240518, { ...options, endpoint: 'http://127.0.0.1:9', retry: { attempts: 1 } });
  await assert.rejects(closed.GetProject({ Id: 1 }), (error) => error instanceof MillraceError && error.status === 0 && error.code === 'ConnectionFailed');
  const wrong = connect(dataworks20240518, { ...options, accessKeySecret: 'wrong' });
  await assert.rejects(wrong.GetProject({ Id: 1 }), (error) => error instanceof MillraceError && error.code === 'SignatureDoesNotMatch');
});

test('the bearer of MCP is the one that the server makes and takes', async () => {
  const expiresAt = new Date(Date.now() + 60_000);
  assert.equal(mcpBearer(options, expiresAt), makeBearer(options, expiresAt));
  const answer = await fetch(`${house.url}/mcp`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${mcpBearer(options, expiresAt)}` }, body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' });
  assert.deepEqual(await answer.json(), { jsonrpc: '2.0', id: 1, result: {} });
});

test('a dry run tells what a write would do', async () => {
  const api = connect(openPlatform20261201, options);
  const told = await api.dryRun('CreateEventBus', { EventBusName: 'only-told' });
  assert.deepEqual(told.Targets, ['event-bus:only-told']);
  await assert.rejects(api.GetEventBus({ EventBusName: 'only-told' }), MillraceError);
  await assert.rejects(api.dryRun('ListEventBuses'), TypeError);
});

test('deliveries are checked by their signature and narrowed by their code', async () => {
  const got: { request: IncomingMessage; body: string }[] = [];
  const receiver = createServer((request, answer) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk)).on('end', () => {
      got.push({ request, body });
      answer.end();
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  try {
    const own = connect(openPlatform20261201, options);
    const { Secret = '' } = await own.CreateSubscription({ Name: 'heard', Url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/` });
    const legacy = connect(dataworks20200518, options);
    const { Data: ProjectId = 0 } = await legacy.CreateProject({ ProjectIdentifier: 'heard', ProjectName: 'Heard', ProjectMode: 2 });
    await legacy.CreateBusiness({ ProjectId, BusinessName: 'heard' });
    const { Data: FileId = 0 } = await legacy.CreateFile({ ProjectId, FileName: 'heard', FileType: 6, Content: 'echo', FileFolderPath: '业务流程/heard/MaxCompute', CreateFolderIfNotExists: true, InputList: 'heard_root' });
    await legacy.SubmitFile({ ProjectId, FileId });
    const message = await eventually('the commit is delivered', () => got.find(({ body }) => body.includes('commit-file')));
    const headers = message.request.headers;
    const [event] = readWebhook(Secret, headers, message.body);
    assert.ok(event !== undefined && isEvent(event, 'commit-file'));
    assert.equal(event.data.fileName, 'heard');
    const anyEvent: PlatformEvent = event;
    assert.equal(anyEvent.data.eventCode, 'commit-file');
    assert.equal(verifyWebhook([`whsec_${Buffer.alloc(32).toString('base64')}`, Secret], headers, message.body), event.id);
    assert.throws(() => verifyWebhook(`whsec_${Buffer.alloc(32).toString('base64')}`, headers, message.body), WebhookError);
    assert.throws(() => verifyWebhook(Secret, headers, `${message.body} `), WebhookError);
    assert.throws(() => verifyWebhook(Secret, headers, message.body, { now: new Date(Date.now() + 3_600_000) }), WebhookError);
  } finally {
    receiver.closeAllConnections();
    receiver.close();
  }
});

/** A value with every field there is. */
function full(name: string, node: Node): unknown {
  if (node.type === 'array') return [full(name, node.items)];
  if (node.type === 'object') return Object.fromEntries(Object.entries(node.properties).map(([key, inner]) => [key, full(key, inner)]));
  if (node.type === 'map') return { key: full('key', node.values) };
  const time = ({ 'HH:mm': '10:30', 'HH:mm:ss': '10:30:00', yyyyMMdd: '20260101' } as Record<string, string>)[node.format ?? ''];
  return time ?? madeUp(name, node);
}

test('every parameter of every operation reaches the server as it was given', () => {
  const faults: string[] = [];
  let count = 0;
  for (const product of Object.values(products)) {
    const contract = contracts.get(`${product.product}/${product.version}`);
    for (const [action, wire] of Object.entries<WireOperation>(product.operations)) {
      const operation = contract?.operations.get(action);
      if (operation === undefined) throw new Error(`${action} is not in the contract`);
      const parameters = operation.parameters.filter((parameter) => parameter.type !== 'string' || (parameter.format === undefined && parameter.maxLength === undefined));
      const request = Object.fromEntries(parameters.map((parameter) => [parameter.name, full(parameter.name, parameter)]).filter(([, value]) => JSON.stringify(value) !== '{}'));
      const { query, form } = encodeRequest(wire, request, {});
      const decoded = decoderFor(operation.parameters, contract?.enumerations === 'closed')(mergeParameters(query, form, undefined));
      try {
        assert.ok(decoded.ok || decoded.problems.every((problem) => problem.code === 'MissingParameter'), JSON.stringify(decoded));
        if (decoded.ok) assert.deepEqual(decoded.request, request);
      } catch (error) {
        faults.push(`${product.version} ${action}: ${(error as Error).message.slice(0, 300)}`);
      }
      count += 1;
    }
  }
  assert.deepEqual(faults, []);
  assert.ok(count > 790, `${count} operations`);
});
