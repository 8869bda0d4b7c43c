import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { makeBearer } from '../../server/openapi/mcp/index.ts';
import { limits } from '../../server/kernel/limits.ts';
import { eventually } from '../support/eventually.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';
import { signV3 } from '../support/sign.ts';

const OWN = '2026-12-01';
const day = 86_400_000;

interface Key {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

let house: TestHouse;
let writer: Key;
before(async () => {
  house = await startTestHouse();
  writer = await keyWith('Write');
});
after(() => house.stop());

async function keyWith(McpAccess: string): Promise<Key> {
  const made = await house.call(OWN, 'CreateAccessKey', { McpAccess });
  return { accessKeyId: String(made['AccessKeyId']), accessKeySecret: String(made['AccessKeySecret']) };
}

async function connected(key: Key, query = ''): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(`${house.url}/mcp${query}`), { requestInit: { headers: { authorization: `Bearer ${makeBearer(key, new Date(Date.now() + day))}` } } });
  // Their types do not follow exactOptionalPropertyTypes.
  await client.connect(transport as Parameters<Client['connect']>[0]);
  return client;
}

async function allTools(client: Client) {
  const tools: Awaited<ReturnType<Client['listTools']>>['tools'] = [];
  let cursor: string | undefined;
  do {
    const page = await client.listTools(cursor === undefined ? {} : { cursor });
    assert.ok(page.tools.length <= limits.mcpToolsPage.value);
    tools.push(...page.tools);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return tools;
}

async function call(client: Client, name: string, given: Record<string, unknown> = {}) {
  const answer = await client.callTool({ name, arguments: given });
  const [first] = answer.content as { type: string; text: string }[];
  return { isError: answer.isError === true, text: first?.text ?? '', body: (answer.structuredContent ?? {}) as Record<string, unknown> };
}

/** One POST to the door as it is, outside any client. */
async function post(body: string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${house.url}/mcp`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${makeBearer(writer, new Date(Date.now() + day))}`, ...headers }, body });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: (text === '' ? {} : JSON.parse(text)) as { id?: unknown; error?: { code: number; message: string }; result?: Record<string, unknown> } };
}

test('the official client goes through the tools page by page; each has a valid schema, and a reading key sees no writes', async () => {
  const client = await connected(writer);
  assert.equal(client.getServerVersion()?.name, 'millrace');
  await client.ping();
  const tools = await allTools(client);
  const names = tools.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  const built = house.house.registry.entries.filter(({ declaration }) => declaration !== undefined).length;
  assert.ok(names.length > built - 20, `${names.length} tools of ${built} operations`);
  const ajv = new Ajv2020({ strict: false });
  for (const { name, inputSchema, description } of tools) {
    assert.match(name, /^[\w-]{1,64}$/);
    assert.ok(ajv.validateSchema(inputSchema), name);
    assert.ok((description ?? '').length > 20, name);
  }
  for (const hidden of ['millrace_CreateAccessKey', 'millrace_UpdateAccessKey', 'millrace_Login']) assert.ok(!names.includes(hidden));
  const reader = await connected(await keyWith('Read'), '?version=2026-12-01&module=OpenEvent');
  const some = await allTools(reader);
  assert.ok(some.length > 5 && some.every(({ name, annotations }) => name.startsWith('millrace_') && annotations?.readOnlyHint === true));
  await assert.rejects(call(reader, 'millrace_CreateEventBus', { EventBusName: 'x' }), /Unknown tool/);
});

test('a read answers at once, is authorised and stands in the call log', async () => {
  const client = await connected(writer);
  const { body, isError } = await call(client, 'millrace_GetCaller');
  assert.equal(isError, false);
  assert.equal((body['Caller'] as { AccessKeyId: string }).AccessKeyId, writer.accessKeyId);
  const { Call } = (await eventually('the row of the call', () => house.call(OWN, 'GetCall', { CallRequestId: String(body['RequestId']) }).catch(() => undefined))) as { Call: { Operation: string; AccessKeyId: string } };
  assert.deepEqual([Call.Operation, Call.AccessKeyId], ['GetCaller', writer.accessKeyId]);

  const member = await house.as('member');
  const [id] = [member.accessKeyId];
  await house.call(OWN, 'UpdateAccessKey', { UserAccessKeyId: id, McpAccess: 'Write' });
  const limited = await connected(member);
  const refused = await call(limited, 'millrace_CreateUser', { UserName: 'nobody', DisplayName: 'nobody' });
  assert.ok(refused.isError && refused.text.startsWith('Forbidden.Access'), refused.text);
});

test('a write is a dry run first, happens with the confirmation of the same arguments, and once', async () => {
  const client = await connected(writer);
  const given = { EventBusName: 'by-tool', Description: 'made by a tool' };
  const dry = await call(client, 'millrace_CreateEventBus', given);
  assert.equal(dry.body['Happened'], false);
  assert.deepEqual((dry.body['DryRun'] as { Targets: string[] }).Targets, ['event-bus:by-tool']);
  await assert.rejects(house.call(OWN, 'GetEventBus', { EventBusName: 'by-tool' }));
  const confirm = String(dry.body['Confirm']);
  for (const wrong of [{ ...given, EventBusName: 'other', confirm }, { ...given, confirm: 'true' }, { ...given, confirm: `${confirm.slice(0, -2)}AA` }]) {
    const answer = await call(client, 'millrace_CreateEventBus', wrong);
    assert.ok(answer.isError && answer.text.includes('Nothing happened'), answer.text);
  }
  const other = await connected(await keyWith('Write'));
  assert.ok((await call(other, 'millrace_CreateEventBus', { ...given, confirm })).isError, 'the confirmation of another key');
  // The order of the arguments does not matter.
  const done = await call(client, 'millrace_CreateEventBus', { confirm, Description: given.Description, EventBusName: given.EventBusName });
  assert.equal(done.body['Happened'], true);
  assert.equal((await call(client, 'millrace_CreateEventBus', { ...given, confirm })).isError, false, 'repeated');
  const row = await house.database.row<{ count: number }>(`select count(*) as count from event_bus where name = 'by-tool'`);
  assert.equal(row?.count, 1);
});

test('errors of an operation and made-up arguments are errors of the tool, and secrets are not shown', async () => {
  const client = await connected(writer);
  const missing = await call(client, 'millrace_GetEventBus', { EventBusName: 'none' });
  assert.ok(missing.isError && /NotFound.*RequestId/.test(missing.text), missing.text);
  const invented = await call(client, 'millrace_GetEventBus', { EventBusName: 'none', Colour: 'red' });
  assert.ok(invented.isError && invented.text.includes('no parameter Colour'));
  const wrong = await call(client, 'dw2024_GetProject', { Id: 'seven' });
  assert.ok(wrong.isError && wrong.text.startsWith('InvalidParameter'), wrong.text);
  const subscription = { Name: 'quiet', Url: 'http://127.0.0.1:9/' };
  const { body } = await call(client, 'millrace_CreateSubscription', subscription);
  const created = await call(client, 'millrace_CreateSubscription', { ...subscription, confirm: body['Confirm'] });
  assert.equal(created.isError, false, created.text);
  assert.ok(!created.text.includes('whsec_') && created.text.includes('(not shown here)'));
});

test('a signed request needs no bearer, and its nonce serves once', async () => {
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'millrace_GetCaller' } }));
  const draft = signV3(writer, { version: OWN, action: 'mcp', host: new URL(house.url).host, query: [], contentType: 'application/json', body });
  // The test's signer signs the path / only.
  const refused = await post(body.toString(), draft.headers);
  assert.equal(refused.status, 401);
  assert.match(refused.body.error?.message ?? '', /SignatureDoesNotMatch/);
  const signed = signV3(writer, { version: OWN, action: 'mcp', host: new URL(house.url).host, query: [], contentType: 'application/json', body, path: '/mcp' });
  const { status, body: answer } = await post(body.toString(), signed.headers);
  assert.equal(status, 200, JSON.stringify(answer));
  const content = answer.result?.['structuredContent'] as { Caller: { AccessKeyId: string } } | undefined;
  assert.equal(content?.Caller.AccessKeyId, writer.accessKeyId);
  assert.match((await post(body.toString(), signed.headers)).body.error?.message ?? '', /SignatureNonceUsed/);
});

test('who has no valid credential gets no further than the door', async () => {
  const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
  const bearer = (text: string) => post(ping, { authorization: `Bearer ${text}` });
  const good = makeBearer(writer, new Date(Date.now() + day));
  assert.equal((await bearer(good)).status, 200);
  const faults: [string, RegExp][] = [
    ['nonsense', /form/],
    [makeBearer({ ...writer, accessKeySecret: 'wrong' }, new Date(Date.now() + day)), /not signed/],
    [makeBearer({ ...writer, accessKeyId: 'LTAI5tunknown' }, new Date(Date.now() + day)), /not signed/],
    [makeBearer(writer, new Date(Date.now() - 1_000)), /expired/],
    [makeBearer(writer, new Date(Date.now() + (limits.mcpBearerDays.value + 1) * day)), /at most/],
    [good.replace(/\.\d+\./, `.${Math.floor(Date.now() / 1_000) + 99_999}.`), /not signed/],
  ];
  for (const [text, reason] of faults) {
    const { status, headers, body } = await bearer(text);
    assert.equal(status, 401, text);
    assert.match(headers.get('www-authenticate') ?? '', /^Bearer/);
    assert.match(body.error?.message ?? '', reason);
  }
  const off = await keyWith('Off');
  assert.equal((await bearer(makeBearer(off, new Date(Date.now() + day)))).status, 403);
  await house.call(OWN, 'UpdateAccessKey', { UserAccessKeyId: off.accessKeyId, McpAccess: 'Read' });
  assert.equal((await bearer(makeBearer(off, new Date(Date.now() + day)))).status, 200);
  await house.call(OWN, 'UpdateAccessKey', { UserAccessKeyId: off.accessKeyId, Status: 'Inactive' });
  assert.equal((await bearer(makeBearer(off, new Date(Date.now() + day)))).status, 403);
  assert.equal((await post(ping, { origin: 'https://elsewhere.example' })).status, 403);
  assert.equal((await post(ping, { origin: house.url })).status, 200);
});

test('what is no request of the protocol is told so, and never breaks the server', async () => {
  const rpc = (message: object) => JSON.stringify({ jsonrpc: '2.0', id: 1, ...message });
  const codes: [string, number, number][] = [
    ['{', 400, -32700],
    ['[]', 400, -32600],
    ['7', 400, -32700],
    [JSON.stringify({ id: 1, method: 'ping' }), 400, -32600],
    [rpc({ method: 7 }), 400, -32600],
    [rpc({ method: 'ping', params: [] }), 400, -32600],
    [rpc({ id: {}, method: 'ping' }), 400, -32600],
    [rpc({ method: 'resources/list' }), 200, -32601],
    [rpc({ method: 'tools/call', params: {} }), 200, -32602],
    [rpc({ method: 'tools/call', params: { name: 'millrace_GetCaller', arguments: 'none' } }), 200, -32602],
    [rpc({ method: 'tools/list', params: { cursor: '-1' } }), 200, -32602],
  ];
  for (const [text, status, code] of codes) {
    const answer = await post(text);
    assert.deepEqual([answer.status, answer.body.error?.code], [status, code], text);
  }
  assert.equal((await post(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }))).status, 202);
  assert.equal((await post(rpc({ method: 'ping' }), { 'mcp-protocol-version': '1999-01-01' })).status, 400);
  assert.equal((await post(rpc({ method: 'ping' }), { 'mcp-protocol-version': '2025-06-18' })).status, 200);
  const { body } = await post(rpc({ method: 'initialize', params: { protocolVersion: '2025-06-18' } }));
  assert.equal(body.result?.['protocolVersion'], '2025-06-18');
  assert.equal((await fetch(`${house.url}/mcp`)).status, 405);
  assert.equal((await fetch(`${house.url}/mcp`, { method: 'DELETE' })).status, 405);
});

test('requests that tell their revision are served without a handshake, and their headers must say what the body says', async () => {
  const ask = (method: string, params: object, headers: Record<string, string> = {}, version = '2026-07-28') =>
    post(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: { 'io.modelcontextprotocol/protocolVersion': version, 'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } } }), {
      'mcp-protocol-version': version,
      'mcp-method': method,
      ...headers,
    });
  const { result } = (await ask('server/discover', {})).body;
  assert.deepEqual([result?.['resultType'], result?.['capabilities']], ['complete', { tools: {} }]);
  assert.ok(JSON.stringify(result?.['supportedVersions']).includes('2026-07-28'));
  const list = (await ask('tools/list', {})).body.result ?? {};
  const tools = list['tools'] as object[];
  assert.deepEqual([list['resultType'], list['cacheScope'], tools.length], ['complete', 'private', limits.mcpToolsPage.value]);
  const name = 'millrace_GetCaller';
  const called = (await ask('tools/call', { name }, { 'mcp-name': name })).body.result;
  assert.equal(called?.['resultType'], 'complete');
  assert.equal((await ask('tools/call', { name }, { 'mcp-name': `=?base64?${Buffer.from(name).toString('base64')}?=` })).status, 200);

  const codes: [Awaited<ReturnType<typeof ask>>, number, number][] = [
    [await ask('tools/call', { name }), 400, -32020],
    [await ask('tools/call', { name }, { 'mcp-name': 'millrace_GetLimits' }), 400, -32020],
    [await ask('tools/list', {}, { 'mcp-method': 'tools/call' }), 400, -32020],
    [await ask('tools/list', {}, { 'mcp-protocol-version': '2025-11-25' }), 400, -32020],
    [await ask('tools/list', {}, {}, '2099-01-01'), 400, -32022],
    [await ask('initialize', {}), 404, -32601],
    [await post(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }), { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' }), 400, -32020],
  ];
  for (const [{ status, body }, wanted, code] of codes) assert.deepEqual([status, body.error?.code], [wanted, code], body.error?.message);
});
