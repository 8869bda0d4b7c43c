import type { Node } from '../../contract/index.ts';

/** Keeps of a value what the contract has; undefined where the contract has it as it is, whatever is in it. */
type Trim = (value: unknown) => unknown;

/**
 * Makes the answers of an operation be what its version of the contract says. Both dialects show the same rows, and one row has more than a version
 * knows; strictly typed clients of that version then find nothing they do not expect.
 */
export function trimFor(response: Node): (answer: object) => Record<string, unknown> {
  const trim = trimOf(response);
  return (answer) => (trim === undefined ? answer : trim(answer)) as Record<string, unknown>;
}

function trimOf(node: Node): Trim | undefined {
  if (node.type === 'array') {
    const inner = trimOf(node.items);
    return inner === undefined ? undefined : (value) => (Array.isArray(value) ? value.map(inner) : value);
  }
  if (node.type !== 'object') return undefined;
  const known = new Map(Object.entries(node.properties).map(([name, property]) => [name, trimOf(property)]));
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const kept: Record<string, unknown> = {};
    for (const name of Object.keys(value)) {
      if (!known.has(name)) continue;
      const inner = (value as Record<string, unknown>)[name];
      kept[name] = known.get(name)?.(inner) ?? inner;
    }
    return kept;
  };
}
