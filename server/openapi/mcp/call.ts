import type { KeyRecord } from '../../identity/keys.ts';
import { limits } from '../../kernel/limits.ts';
import type { JsonObject } from '../decode/index.ts';
import type { Exchange } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import { isConfirmed, makeConfirmation } from './confirm.ts';
import type { ToolEntry } from './tools.ts';

interface Situation {
  readonly gateway: Gateway;
  readonly exchange: Exchange;
  readonly key: KeyRecord;
  readonly now: Date;
}

/** What `tools/call` answers. An operation's error is an error of the tool, which the model can read, not one of the protocol. */
export interface ToolResult {
  readonly content: readonly { readonly type: 'text'; readonly text: string }[];
  readonly structuredContent?: object;
  readonly isError?: true;
}

/**
 * Calls the operation behind a tool. A read answers at once. A write is a dry run, which answers what would happen and a confirmation; with that confirmation
 * and the same arguments it happens, once.
 */
export async function callTool({ gateway, exchange, key, now }: Situation, { tool, entry: { operation } }: ToolEntry, given: JsonObject): Promise<ToolResult> {
  const { confirm, ...parameters } = given;
  const known = new Set(operation.parameters.map((parameter) => parameter.name));
  const unknown = Object.keys(parameters).filter((name) => !known.has(name));
  // A model that makes up a parameter must hear of it; the gateway would only drop it.
  if (unknown.length > 0) return problem(`${tool.name} has no parameter ${unknown.slice(0, 5).join(', ')}.`);
  if (operation.access === 'read') {
    const answer = await gateway.handleKnown(exchange, operationOf(operation), key, parameters);
    return answer.status >= 400 ? refused(answer.body) : result(answer.body);
  }
  if (confirm === undefined || confirm === null || confirm === '') {
    const answer = await gateway.handleKnown({ ...exchange, headers: { ...exchange.headers, 'x-millrace-dry-run': 'true' } }, operationOf(operation), key, parameters);
    if (answer.status >= 400) return refused(answer.body);
    const { DryRun, RequestId } = answer.body;
    return result({ Happened: false, DryRun, Confirm: makeConfirmation(key, tool.name, parameters, now), RequestId });
  }
  if (typeof confirm !== 'string' || !isConfirmed(confirm, key, tool.name, parameters, now)) {
    return problem('The confirmation does not belong to these arguments, or it has run out. Call the tool again without confirm for a fresh dry run. Nothing happened.');
  }
  const answer = await gateway.handleKnown(exchange, operationOf(operation), key, 'ClientToken' in parameters ? parameters : { ...parameters, ClientToken: `mcp.${confirm}` });
  return answer.status >= 400 ? refused(answer.body) : result({ Happened: answer.body['DryRun'] === undefined, ...answer.body });
}

function operationOf({ product, version, name }: ToolEntry['entry']['operation']) {
  return { product, version, action: name };
}

/** A model's context is no place for secrets, whoever may see them otherwise. */
const SECRET = /secret|password|passwd|privatekey|(security|csrf|check)token$/i;

function result(body: object): ToolResult {
  const text = JSON.stringify(body, (name, value: unknown) => (typeof value === 'string' && SECRET.test(name) ? '(not shown here)' : value));
  if (text.length > limits.mcpResultCharacters.value) return problem(`The answer has ${text.length} characters, more than ${limits.mcpResultCharacters.value}. Ask for less, such as a smaller page.`);
  return { content: [{ type: 'text', text }], structuredContent: JSON.parse(text) as object };
}

function refused(body: Readonly<Record<string, unknown>>): ToolResult {
  return problem([`${String(body['Code'])}: ${String(body['Message'])}`, String(body['Recommend'] ?? ''), `RequestId ${String(body['RequestId'])}`].filter((part) => part !== '').join(' '));
}

function problem(text: string): ToolResult {
  return { content: [{ type: 'text', text }], isError: true };
}
