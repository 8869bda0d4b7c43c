import type { KeyRecord } from '../../identity/keys.ts';
import { limits } from '../../kernel/limits.ts';
import type { JsonObject } from '../decode/index.ts';
import { header, type Answer, type Exchange } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import type { Registry } from '../registry.ts';
import { callTool } from './call.ts';
import { eraOf, HANDSHAKE, SUPPORTED } from './era.ts';
import { decodeMessage, failure, RpcError, success, type RpcRequest } from './rpc.ts';
import { toolsOf, type ToolEntry } from './tools.ts';

export { makeBearer } from './bearer.ts';

/** What goes back over HTTP; no body where the protocol wants none. */
export interface McpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object;
}

const SERVER = { name: 'millrace', title: 'Millrace', version: '0.1.0' };
/** How long a client may keep what it was told of us: until an upgrade or another setting of its key would matter. */
const KEEP = { ttlMs: 300_000, cacheScope: 'private' };

const INSTRUCTIONS =
  'Every tool is one operation of the Millrace API: dw2024_ and dw2020_ are the two versions of DataWorks, millrace_ is the platform itself. Tools that change something answer a dry run first; show it to the person before you confirm.';

/**
 * The Model Context Protocol over streamable HTTP, without sessions and streams: each POST is one JSON-RPC message and gets one JSON answer. The tools are the
 * operations of the contract; each call of one goes through the gateway like any other call, so that it is authorised, throttled and logged. The address may narrow the
 * tools: `/mcp?version=2024-05-18&module=Studio,Scheduling`.
 */
export function createMcp(options: { readonly gateway: Gateway; readonly registry: Registry }): { handle(exchange: Exchange): Promise<McpAnswer> } {
  const { gateway } = options;
  let all: ToolEntry[] | undefined;

  /** The tools that this key may use at this address. */
  function offered(exchange: Exchange, key: KeyRecord): ToolEntry[] {
    all ??= toolsOf(options.registry);
    const query = new URLSearchParams(exchange.rawQuery);
    const among = (name: string) => query.get(name)?.split(',').filter((value) => value !== '');
    const versions = among('version');
    const modules = among('module');
    return all.filter(
      ({ entry: { operation } }) =>
        (key.mcpAccess === 'Write' || operation.access === 'read') && (versions?.includes(operation.version) ?? true) && (modules?.includes(operation.module) ?? true),
    );
  }

  async function answer(request: RpcRequest, exchange: Exchange, key: KeyRecord, now: Date): Promise<object> {
    switch (request.method) {
      case 'initialize': {
        const wanted = request.params['protocolVersion'];
        const protocolVersion = HANDSHAKE.find((version) => version === wanted) ?? HANDSHAKE[0];
        return { protocolVersion, capabilities: { tools: {} }, serverInfo: SERVER, instructions: INSTRUCTIONS };
      }
      case 'ping':
        return {};
      case 'tools/list':
        return page(offered(exchange, key), request.params['cursor']);
      case 'tools/call': {
        const { name } = request.params;
        const found = offered(exchange, key).find(({ tool }) => tool.name === name);
        if (found === undefined) throw new RpcError(-32602, `Unknown tool: ${String(name).slice(0, 128)}`);
        const given = request.params['arguments'] ?? {};
        if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new RpcError(-32602, 'arguments must be an object');
        return callTool({ gateway, exchange, key, now }, found, given as JsonObject);
      }
      default:
        throw new RpcError(-32601, `Method not found: ${request.method.slice(0, 128)}`);
    }
  }

  /** The same for a revision without handshake, where every result says that it is one. */
  async function answerStateless(request: RpcRequest, exchange: Exchange, key: KeyRecord, now: Date): Promise<object> {
    const facts = { resultType: 'complete', _meta: { 'io.modelcontextprotocol/serverInfo': SERVER } };
    if (request.method === 'server/discover') return { ...facts, supportedVersions: SUPPORTED, capabilities: { tools: {} }, instructions: INSTRUCTIONS, ...KEEP };
    if (request.method !== 'tools/list' && request.method !== 'tools/call') throw new RpcError(-32601, `Method not found: ${request.method.slice(0, 128)}`, undefined, 404);
    return { ...facts, ...(await answer(request, exchange, key, now)), ...(request.method === 'tools/list' ? KEEP : {}) };
  }

  return {
    async handle(exchange) {
      const origin = header(exchange, 'origin');
      // A page of another site must not speak to a server in the browser's network.
      if (origin !== undefined && !sameHost(origin, header(exchange, 'host'))) return { status: 403, headers: {}, body: failure(null, new RpcError(-32600, 'The Origin is not allowed')) };
      if (exchange.method !== 'POST') return { status: 405, headers: { allow: 'POST' }, body: failure(null, new RpcError(-32600, 'There are no streams and no sessions here; send POST')) };
      const known = await gateway.identify(exchange);
      if ('refused' in known) return refusal(known.refused);
      const { key, now } = known;
      if (key.mcpAccess === 'Off') return { status: 403, headers: {}, body: failure(null, new RpcError(-32600, 'This AccessKey may not use MCP; UpdateAccessKey sets its McpAccess')) };
      const message = decodeMessage(exchange.body);
      if (message instanceof RpcError) return { status: 400, headers: {}, body: failure(null, message) };
      // Notifications and answers ask for nothing.
      if (message.id === undefined) return { status: 202, headers: {} };
      try {
        const serve = eraOf(exchange, message) === 'stateless' ? answerStateless : answer;
        return { status: 200, headers: {}, body: success(message.id, await serve({ ...message, id: message.id }, exchange, key, now)) };
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        return { status: error.status, headers: {}, body: failure(message.id, error) };
      }
    },
  };
}

function page(tools: readonly ToolEntry[], cursor: unknown): object {
  const from = cursor === undefined ? 0 : /^\d{1,6}$/.test(String(cursor)) ? Number(cursor) : -1;
  if (from < 0 || from > tools.length) throw new RpcError(-32602, 'The cursor is not one of ours');
  const end = from + limits.mcpToolsPage.value;
  return { tools: tools.slice(from, end).map(({ tool }) => tool), ...(end < tools.length ? { nextCursor: String(end) } : {}) };
}

function sameHost(origin: string, host: string | undefined): boolean {
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
}

/** A request without a valid credential. Clients look for the header before they ask their user for one. */
function refusal(answer: Answer): McpAnswer {
  const status = answer.status === 404 || answer.status === 400 ? 401 : answer.status;
  const message = `${String(answer.body['Code'])}: ${String(answer.body['Message'])}`;
  return {
    status,
    headers: { ...answer.headers, ...(status === 401 ? { 'www-authenticate': 'Bearer realm="millrace"' } : {}) },
    body: failure(null, new RpcError(-32600, message, { RequestId: answer.body['RequestId'], Recommend: answer.body['Recommend'] })),
  };
}
