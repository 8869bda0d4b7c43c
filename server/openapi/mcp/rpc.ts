import { limits } from '../../kernel/limits.ts';
import { readJsonBody } from '../decode/index.ts';

/** JSON-RPC 2.0, as far as MCP uses it: one message a request, no batches. */
export interface RpcMessage {
  /** Undefined for a notification, and for an answer to a question that we never ask. */
  readonly id: string | number | undefined;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface RpcRequest extends RpcMessage {
  readonly id: string | number;
}

export class RpcError extends Error {
  readonly code: number;
  readonly data: object | undefined;
  /** HTTP status, where the protocol wants another than 200. */
  readonly status: number;

  constructor(code: number, message: string, data?: object, status = 200) {
    super(message);
    this.code = code;
    this.data = data;
    this.status = status;
  }
}

/** Reads a message, or tells what is wrong with it. */
export function decodeMessage(body: Buffer): RpcMessage | RpcError {
  if (body.toString('utf8', 0, 200).trimStart().startsWith('[')) return new RpcError(-32600, 'Batches are not taken; send one message a request');
  const read = readJsonBody(body, { maxDepth: limits.parameterNesting.value });
  if (!read.ok) return new RpcError(-32700, `Parse error: it must be ${read.problem.expected}, not ${read.problem.got}`);
  const { jsonrpc, id, method, params } = read.value;
  if (jsonrpc !== '2.0') return new RpcError(-32600, 'jsonrpc must be "2.0"');
  if (method === undefined && ('result' in read.value || 'error' in read.value)) return { id: undefined, method: '', params: {} };
  if (typeof method !== 'string') return new RpcError(-32600, 'method must be a text');
  if (id !== undefined && typeof id !== 'string' && typeof id !== 'number') return new RpcError(-32600, 'id must be a text or a number');
  if (params !== undefined && (typeof params !== 'object' || params === null || Array.isArray(params))) return new RpcError(-32600, 'params must be an object');
  return { id, method, params: params ?? {} };
}

export function success(id: string | number, result: object): object {
  return { jsonrpc: '2.0', id, result };
}

export function failure(id: string | number | null, error: RpcError): object {
  return { jsonrpc: '2.0', id, error: { code: error.code, message: error.message, ...(error.data === undefined ? {} : { data: error.data }) } };
}
