import type { Node, Operation, Parameter } from '../../contract/index.ts';

/** A value that fits the node of a contract, with no meaning. */
export function madeUp(name: string, node: Node): unknown {
  const known = node.enum?.[0];
  if (known !== undefined) return known;
  switch (node.type) {
    case 'string':
      return madeUpText(name, node.format);
    case 'boolean':
      return true;
    case 'array':
      return [madeUp(name, node.items)];
    case 'object':
      return Object.fromEntries(Object.entries(node.properties).flatMap(([key, inner]) => (inner.required === true ? [[key, madeUp(key, inner)]] : [])));
    case 'map':
    case 'any':
      return {};
    default:
      return node.minimum ?? 1;
  }
}

function madeUpText(name: string, format: string | undefined): string {
  if (format === 'json') return '{}';
  if (format === 'yyyy-MM-dd HH:mm:ss') return '2026-01-01 00:00:00';
  if (format === "yyyy-MM-dd'T'HH:mm:ssZ") return '2026-01-01T00:00:00+0800';
  if (format === 'yyyy-MM-dd') return '2026-01-01';
  if (format === 'epoch-ms-string') return '1767225600000';
  return name.endsWith('Url') ? 'https://example.com/' : 'made_up';
}

/**
 * Parameters for an operation: those that are required, and those that name an object that `objects` knows, by parameter name or
 * `Action.Parameter`, the latter first.
 */
export function requestFor(operation: Operation, objects: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const value = (parameter: Parameter): unknown => objects[`${operation.name}.${parameter.name}`] ?? objects[parameter.name] ?? (parameter.required ? madeUp(parameter.name, parameter) : undefined);
  const request = Object.fromEntries(operation.parameters.map((parameter) => [parameter.name, value(parameter)]).filter(([, made]) => made !== undefined));
  // Not `flat` on the wire, but as one JSON text, which every parameter takes.
  return Object.fromEntries(Object.entries(request).map(([name, made]) => [name, typeof made === 'object' ? JSON.stringify(made) : made]));
}
