import { header, type Exchange } from '../exchange.ts';
import { RpcError, type RpcMessage } from './rpc.ts';

/** Revisions that begin with `initialize`, newest first. */
export const HANDSHAKE = ['2025-11-25', '2025-06-18', '2025-03-26'];
/** Revisions in which every request tells its revision, newest first. */
export const STATELESS = ['2026-07-28'];
export const SUPPORTED = [...STATELESS, ...HANDSHAKE];

const META = 'io.modelcontextprotocol/protocolVersion';
const HEADER_MISMATCH = -32020;
const UNSUPPORTED_VERSION = -32022;

/**
 * By which kind of revision a message is to be served. A message that tells its revision in `_meta` is checked against the headers that must repeat it, since
 * what stands between us and the client may have decided by those. Throws the RpcError for the client.
 */
export function eraOf(exchange: Exchange, message: RpcMessage): 'handshake' | 'stateless' {
  const named = header(exchange, 'mcp-protocol-version');
  const meta = message.params['_meta'];
  const told: unknown = typeof meta === 'object' && meta !== null ? (meta as Record<string, unknown>)[META] : undefined;
  if (told === undefined && !STATELESS.includes(named ?? '')) {
    // Whoever begins may name anything in the header: the answer tells what is spoken here.
    if (named !== undefined && message.method !== 'initialize' && !HANDSHAKE.includes(named)) throw new RpcError(-32600, `Unsupported protocol version; supported: ${SUPPORTED.join(', ')}`, undefined, 400);
    return 'handshake';
  }
  if (typeof told === 'string' && HANDSHAKE.includes(told) && (named === undefined || named === told)) return 'handshake';
  if (typeof told === 'string' && !STATELESS.includes(told)) throw new RpcError(UNSUPPORTED_VERSION, 'Unsupported protocol version', { supported: SUPPORTED, requested: told.slice(0, 40) }, 400);
  compare('MCP-Protocol-Version', named, told);
  compare('Mcp-Method', header(exchange, 'mcp-method'), message.method);
  if (message.method === 'tools/call') compare('Mcp-Name', decoded(header(exchange, 'mcp-name')), message.params['name']);
  return 'stateless';
}

function compare(name: string, given: string | undefined, wanted: unknown): void {
  if (given === undefined || given !== wanted) throw new RpcError(HEADER_MISMATCH, `Header mismatch: ${name} is not what the body says`, undefined, 400);
}

/** A header's value; what is no plain ASCII travels as `=?base64?…?=`. */
function decoded(value: string | undefined): string | undefined {
  const text = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/.exec(value ?? '')?.[1];
  return text === undefined ? value : Buffer.from(text, 'base64').toString('utf8');
}
