/** Writes what the client package needs of the contracts: the types and, for the wire, the table of operations. */

import type { Contract, Node, Operation } from '../../contract/form.ts';
import { contractTypes } from './types.ts';

/** The name under which a contract is exported, such as `dataworks20240518`. */
export function exportName({ product, version }: Pick<Contract, 'product' | 'version'>): string {
  const words = product === 'dataworks-public' ? 'dataworks' : `${product.charAt(0).toLowerCase()}${product.slice(1)}`.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return `${words}${version.replaceAll('-', '')}`;
}

/** The file of one contract: types, lists, table. */
export function clientContract(contract: Contract): string {
  const operations = [...contract.operations.values()].filter((operation) => !operation.sessionOnly);
  const lists = operations.flatMap((operation) => {
    const list = listOf(operation);
    return list === undefined ? [] : [{ operation, list }];
  });
  const rows = operations.map((operation) => `    ${operation.name}: ${JSON.stringify(rowOf(operation))},`);
  const members = lists.map(({ operation, list }) => `  ${operation.name}: ItemAt<Operations['${operation.name}']['response'], ${JSON.stringify(list.items)}>`);
  const name = exportName(contract);
  return `${contractTypes({ ...contract, operations: new Map(operations.map((operation) => [operation.name, operation])) }).trimEnd()}

/** The items of every operation that lists in pages. */
export interface Lists {${members.length === 0 ? '' : `\n${members.join('\n')}\n`}}

/** ${contract.product} ${contract.version}, for \`connect\`. */
export const ${name}: Product<Operations, Lists> = {
  product: '${contract.product}',
  version: '${contract.version}',
  operations: {
${rows.join('\n')}
  },
}
`.replace('\n/** Request and response', `\nimport type { ${lists.length === 0 ? '' : 'ItemAt, '}Product } from '../contract.ts'\n\n/** Request and response`);
}

/** An operation in few words: verb and access, then only what differs from a scalar in the query. */
function rowOf(operation: Operation): Record<string, unknown> {
  const encodings = Object.fromEntries(operation.parameters.filter(({ encoding }) => encoding !== 'none').map(({ name, encoding }) => [name, encoding]));
  const form = operation.parameters.filter((parameter) => parameter.in === 'form').map(({ name }) => name);
  const list = listOf(operation);
  return {
    verb: operation.method === 'GET' ? 'GET' : 'POST',
    ...(operation.access === 'write' ? { write: true } : {}),
    ...(form.length === 0 ? {} : { form }),
    ...(Object.keys(encodings).length === 0 ? {} : { encodings }),
    ...(list === undefined ? {} : { list }),
  };
}

interface List {
  /** Path of the items in the answer. */
  readonly items: readonly string[];
  /** Request parameter of the page's number or token. */
  readonly at: string;
  /** Request parameter of the page's size. */
  readonly size?: string;
  /** A size for who does not care, where the operation requires one. */
  readonly sizeNeeded?: number;
  /** Where the answer has the next token, or the count of all. */
  readonly next?: readonly string[];
  readonly total?: readonly string[];
}

/** How an operation lists, or undefined when the contract does not tell where its items are. */
function listOf({ name, pagination, parameters, response }: Operation): List | undefined {
  const token = pagination.style === 'token';
  if (!token && pagination.style !== 'page') return undefined;
  const counter = pagination.responseFields.find((field) => (token ? /NextToken$/i : /TotalCount$/i).test(field));
  const at = pagination.requestFields.find((field) => (token ? /NextToken$/i : /Page(Number|No|Num)$/i).test(field));
  const size = pagination.requestFields.find((field) => /(PageSize|MaxResults)$/i.test(field));
  const sized = parameters.find((parameter) => parameter.name === size);
  if (counter === undefined || at === undefined) return undefined;
  const path = counter.split('.');
  const place = path.slice(0, -1);
  const items = itemsIn(name, nodeAt(response, place));
  if (items === undefined) return undefined;
  return { items: [...place, items], at, ...(size === undefined ? {} : { size }), ...(sized?.required === true ? { sizeNeeded: Math.min(sized.maximum ?? 50, 50) } : {}), ...(token ? { next: path } : { total: path }) };
}

function nodeAt(node: Node, path: readonly string[]): Node | undefined {
  return path.reduce<Node | undefined>((inner, name) => (inner?.type === 'object' ? inner.properties[name] : undefined), node);
}

/** The list among the fields: the only one, or of several the one that the operation is called after. */
function itemsIn(action: string, node: Node | undefined): string | undefined {
  if (node?.type !== 'object') return undefined;
  const lists = Object.entries(node.properties).flatMap(([name, field]) => (field.type === 'array' ? [name] : []));
  return lists.length === 1 ? lists[0] : lists.toSorted((a, b) => b.length - a.length).find((name) => action.endsWith(name));
}

/** The file that names all contracts. */
export function clientIndex(contracts: readonly Contract[]): string {
  const lines = contracts.map((contract) => `export { ${exportName(contract)} } from './${contract.product}-${contract.version}.ts'`);
  return `// Generated by tools/generate.ts. Do not edit.\n\n${lines.join('\n')}\n`;
}
