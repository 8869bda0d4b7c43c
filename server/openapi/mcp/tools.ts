import { contracts, type Node, type Parameter } from '../../../contract/index.ts';
import { schemaWriter, type JsonObject } from '../../../contract/openapi-schema.ts';
import type { Entry, Registry } from '../registry.ts';

/** A tool as MCP lists it. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: JsonObject;
  readonly annotations: { readonly title: string; readonly readOnlyHint: boolean; readonly destructiveHint: boolean; readonly idempotentHint: boolean; readonly openWorldHint: boolean };
}

export interface ToolEntry {
  readonly tool: Tool;
  readonly entry: Entry;
}

/** Prefixes by version, short enough for models that take names of 64 characters. Products that are not named here are not offered. */
const PREFIXES: Readonly<Record<string, string>> = { '2020-05-18': 'dw2020', '2024-05-18': 'dw2024', '2026-12-01': 'millrace' };

/** They make credentials, or let a key rise above itself: nothing for a model's hands. */
const NOT_OFFERED = new Set(['CreateAccessKey', 'UpdateAccessKey', 'CreateTemporaryCredential', 'SetPassword', 'GetKafkaUserPassword', 'ResetKafkaUserPassword']);

const DRY = 'It changes something: the first call is a dry run that answers what would happen and a confirmation; nothing happens until it is called again with the same arguments and that text as `confirm`.';

/** All operations that are built, as tools, in the order of the contract. */
export function toolsOf(registry: Registry): ToolEntry[] {
  return registry.entries.flatMap((entry) => {
    const prefix = PREFIXES[entry.operation.version];
    const { operation, declaration } = entry;
    if (declaration === undefined || prefix === undefined || operation.sessionOnly || NOT_OFFERED.has(operation.name)) return [];
    return [{ entry, tool: toolOf(entry, `${prefix}_${operation.name}`) }];
  });
}

function toolOf({ operation }: Entry, name: string): Tool {
  const contract = contracts.get(`${operation.product}/${operation.version}`);
  if (contract === undefined) throw new Error(`there is no contract of ${operation.product} ${operation.version}`);
  const write = schemaWriter(contract, {});
  const writes = operation.access === 'write';
  const properties = Object.fromEntries(operation.parameters.map((parameter) => [parameter.name, write(inline(parameter))]));
  if (writes) properties['confirm'] = { type: 'string', description: 'The confirmation that the dry run answered. Leave it out for the dry run.' };
  const required = operation.parameters.filter((parameter) => parameter.required).map((parameter) => parameter.name);
  const destroys = /^(Delete|Remove|Drop|Stop|Terminate|Cancel|Offline|Abolish|Undeploy)/.test(operation.name);
  return {
    name,
    title: operation.name,
    description: [operation.summary ?? `${operation.name} of ${operation.product} ${operation.version}.`, operation.deprecated ? 'Deprecated by its contract.' : '', `Module ${operation.module}.`, writes ? DRY : ''].filter((part) => part !== '').join(' '),
    inputSchema: { type: 'object', properties, ...(required.length === 0 ? {} : { required }), additionalProperties: false },
    annotations: { title: operation.name, readOnlyHint: !writes, destructiveHint: writes && destroys, idempotentHint: !writes, openWorldHint: false },
  };
}

/** A parameter whose shared types stand where they are used: a tool has no place for references. */
function inline(parameter: Parameter): Node {
  const { name: _name, in: _in, encoding: _encoding, required: _required, ...node } = parameter;
  return bare(node);
}

function bare(node: Node): Node {
  const { model: _model, ...rest } = node;
  if (rest.type === 'array') return { ...rest, items: bare(rest.items) };
  if (rest.type === 'map') return { ...rest, values: bare(rest.values) };
  if (rest.type === 'object') return { ...rest, properties: Object.fromEntries(Object.entries(rest.properties).map(([name, inner]) => [name, bare(inner)])) };
  return rest;
}
