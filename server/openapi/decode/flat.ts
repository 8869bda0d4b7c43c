/** Flattened parameters (`Name.1.Field.2`, `Name.key`) as trees. An index is only a key here, so a huge one costs nothing. */
import { cut } from './problem.ts';
import type { Problems } from './problem.ts';
import type { JsonValue } from './json.ts';

export class FlatNode {
  value: JsonValue | undefined;
  readonly children = new Map<string, FlatNode>();
}

/** Builds one tree for each of the given root names that has flattened values. */
export function flatTrees(
  dotted: readonly (readonly [name: string, value: JsonValue])[],
  roots: ReadonlySet<string>,
  maxDepth: number,
  problems: Problems,
): ReadonlyMap<string, FlatNode> {
  const trees = new Map<string, FlatNode>();
  for (const [name, value] of dotted) {
    const root = name.slice(0, name.indexOf('.'));
    if (!roots.has(root)) continue;
    const steps = name.split('.', maxDepth + 2);
    if (steps.length > maxDepth + 1) {
      problems.invalid(cut(name), `a name of at most ${maxDepth} levels`, 'more');
      continue;
    }
    let node = childOf(trees, root);
    for (let at = 1; at < steps.length; at++) node = childOf(node.children, steps[at] as string);
    node.value ??= value;
  }
  return trees;
}

function childOf(nodes: Map<string, FlatNode>, key: string): FlatNode {
  const known = nodes.get(key);
  if (known !== undefined) return known;
  const created = new FlatNode();
  nodes.set(key, created);
  return created;
}

/** Reads a list index of a flattened name: digits without leading zero, from 1 to the limit; undefined for anything else. */
export function flatIndex(key: string, limit: number): number | undefined {
  if (key.length === 0 || key.length > 9 || key.charCodeAt(0) === 48) return undefined;
  let index = 0;
  for (let at = 0; at < key.length; at++) {
    const digit = key.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return undefined;
    index = index * 10 + digit;
  }
  return index <= limit ? index : undefined;
}

/** All values below a node with their remaining path, for maps of scalars whose keys may hold dots. */
export function* flatLeaves(node: FlatNode, prefix = ''): Generator<readonly [key: string, value: JsonValue]> {
  for (const [key, child] of node.children) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (child.value !== undefined) yield [path, child.value];
    yield* flatLeaves(child, path);
  }
}

/** A tree as plain JSON, for values without a type: keys 1, 2, … make an array, other keys an object. */
export function flatToJson(node: FlatNode, listLimit: number): JsonValue {
  if (node.value !== undefined) return node.value;
  const entries: [string, JsonValue][] = [];
  let consecutive = true;
  for (const [key, child] of node.children) {
    consecutive &&= (flatIndex(key, listLimit) ?? Infinity) <= node.children.size;
    if (key !== '__proto__') entries.push([key, flatToJson(child, listLimit)]);
  }
  // All keys are distinct and within 1…size, so they are exactly 1…size.
  if (consecutive) return entries.toSorted((left, right) => Number(left[0]) - Number(right[0])).map((entry) => entry[1]);
  return Object.fromEntries(entries);
}
