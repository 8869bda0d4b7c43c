import type { ApiDocument, Schema } from '../../api/document.ts';

const deepest = 8;

/** An example of an answer: its names with the type of each value. */
export function exampleOf(schema: Schema, resolve: ApiDocument['resolve'], depth = 0): unknown {
  const real = resolve(schema);
  if (depth > deepest) return '…';
  if (real.type === 'object' && real.properties !== undefined) return Object.fromEntries(Object.entries(real.properties).map(([name, child]) => [name, exampleOf(child, resolve, depth + 1)]));
  if (real.type === 'object') return real.additionalProperties === undefined ? {} : { '…': exampleOf(real.additionalProperties, resolve, depth + 1) };
  if (real.type === 'array') return [exampleOf(real.items ?? {}, resolve, depth + 1)];
  return real.enum === undefined ? (real.format ?? real.type ?? 'any') : real.enum.join(' | ');
}
