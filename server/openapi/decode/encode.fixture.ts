/** The other direction, as clients do it: typed values to parameters in each encoding. */
import type { Node, Parameter } from '../../../contract/index.ts';
import { percentEncode } from '../signature/encode.ts';
import type { Pair } from './pairs.ts';

/** Encodes one value after its parameter's encoding. */
export function encodeParameter(parameter: Parameter, value: unknown): Pair[] {
  switch (parameter.encoding) {
    case 'none':
      return [[parameter.name, String(value)]];
    case 'json':
      return [[parameter.name, JSON.stringify(value)]];
    case 'simple':
      return [[parameter.name, (value as unknown[]).join(',')]];
    case 'flat':
      return flatten(parameter.name, value);
  }
}

export function flatten(name: string, value: unknown): Pair[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => flatten(`${name}.${index + 1}`, item));
  if (typeof value === 'object' && value !== null) return Object.entries(value).flatMap(([key, one]) => flatten(`${name}.${key}`, one));
  return [[name, String(value)]];
}

export function encodePairs(pairs: readonly Pair[]): string {
  return pairs.map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`).join('&');
}

export function parameter(name: string, node: Node, encoding: Parameter['encoding'] = 'none', required = false): Parameter {
  return { ...node, name, in: 'query', encoding, required };
}
