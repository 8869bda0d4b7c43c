import type { WireOperation } from './contract.ts';
import type { Pairs } from './sign.ts';

/** A query this long goes into the body instead; servers bound their request lines. */
const LONGEST_QUERY = 4_000;

export interface Encoded {
  readonly verb: 'GET' | 'POST';
  readonly query: Pairs;
  readonly form: Pairs;
}

/** Parameters as the contract puts them on the wire; those that are undefined or null are left out. */
export function encodeRequest(operation: WireOperation, request: Readonly<Record<string, unknown>>, common: Readonly<Record<string, string>>): Encoded {
  const query: [string, string][] = [];
  const form: [string, string][] = [];
  for (const [name, value] of Object.entries({ ...common, ...request })) {
    if (value === undefined || value === null) continue;
    const place = operation.form?.includes(name) === true ? form : query;
    switch (operation.encodings?.[name]) {
      case 'json':
        place.push([name, typeof value === 'string' ? value : JSON.stringify(value)]);
        break;
      case 'simple':
        place.push([name, Array.isArray(value) ? value.map(String).join(',') : String(value)]);
        break;
      case 'flat':
        place.push(...flatten(name, value));
        break;
      default:
        place.push([name, typeof value === 'object' ? JSON.stringify(value) : String(value)]);
    }
  }
  const length = query.reduce((sum, [name, value]) => sum + name.length + 3 * value.length, 0);
  if (length > LONGEST_QUERY) return { verb: 'POST', query: [], form: [...query, ...form] };
  return { verb: form.length > 0 ? 'POST' : operation.verb, query, form };
}

/** `Name.1.Field` for lists, which count from 1, and objects. */
function flatten(name: string, value: unknown): [string, string][] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => flatten(`${name}.${index + 1}`, item));
  if (typeof value === 'object') return Object.entries(value).flatMap(([key, inner]) => flatten(`${name}.${key}`, inner));
  return [[name, String(value)]];
}
