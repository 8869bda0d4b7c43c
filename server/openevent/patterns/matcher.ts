import { compilePattern, fieldOf, isFields, isScalar, type MatchEvent } from './compile.ts';
import type { Pattern, PatternNode, Scalar, Test } from './syntax.ts';

/** A set of rules that is asked about an event at once. */
export interface Matcher<Id> {
  /** Ids of the rules whose pattern the event fulfils, each once, in the order of the rules. */
  match(event: unknown): Id[];
  readonly size: number;
}

export interface MatcherRule<Id> {
  readonly id: Id;
  readonly pattern: Pattern;
}

/** A condition that an index finds: a rule with it can match only events in which it holds. */
interface Access {
  readonly path: readonly string[];
  readonly kind: 'exact' | 'folded' | 'prefix' | 'suffix';
  readonly value: Scalar;
}

interface CompiledRule {
  readonly order: number;
  readonly matches: MatchEvent;
  /** The number of the event for which it was tried last, since several accesses may find it. */
  tried: number;
}

type Buckets = Map<Scalar, CompiledRule[]>;

/** One field that some access looks at. The tree of them is walked along with the event. */
interface IndexNode {
  readonly children: Map<string, IndexNode>;
  exact: Buckets | undefined;
  folded: Buckets | undefined;
  prefixes: Map<number, Buckets>;
  suffixes: Map<number, Buckets>;
}

/**
 * Compiles rules into one index. Each rule is filed under the condition (or, for alternatives, the conditions) of it that fewest other rules share;
 * an event finds its candidates by its own values, and only these are tried in full. A rule without such a condition is tried with every event.
 */
export function createMatcher<Id>(rules: readonly MatcherRule<Id>[]): Matcher<Id> {
  const shares = new Map<string, number>();
  for (const { pattern } of rules) for (const key of new Set(everyAccess(pattern.root, []).map(keyOf))) shares.set(key, (shares.get(key) ?? 0) + 1);

  const root = newNode();
  const always: CompiledRule[] = [];
  rules.forEach(({ pattern }, order) => {
    const rule: CompiledRule = { order, matches: compilePattern(pattern), tried: 0 };
    const accesses = bestAccesses(pattern.root, [], shares);
    if (accesses === undefined) always.push(rule);
    else for (const access of accesses) file(root, access, rule);
  });
  let eventNumber = 0;

  return {
    size: rules.length,
    match(event) {
      eventNumber += 1;
      const found: number[] = [];
      for (const rule of always) if (rule.matches(event)) found.push(rule.order);
      const attempt = (bucket: readonly CompiledRule[] | undefined) => {
        if (bucket === undefined) return;
        for (const rule of bucket) {
          if (rule.tried === eventNumber) continue;
          rule.tried = eventNumber;
          if (rule.matches(event)) found.push(rule.order);
        }
      };
      if (root.children.size > 0 && isFields(event)) walk(root, event, attempt);
      return found.toSorted((a, b) => a - b).flatMap((order) => rules[order]?.id ?? []);
    },
  };
}

function walk(node: IndexNode, object: Readonly<Record<string, unknown>>, attempt: (bucket: readonly CompiledRule[] | undefined) => void): void {
  for (const [name, child] of node.children) visit(child, fieldOf(object, name), attempt);
}

function visit(node: IndexNode, value: unknown, attempt: (bucket: readonly CompiledRule[] | undefined) => void): void {
  if (isScalar(value)) {
    attempt(node.exact?.get(value));
    if (typeof value === 'string') {
      if (node.folded !== undefined) attempt(node.folded.get(value.toLowerCase()));
      for (const [length, buckets] of node.prefixes) if (value.length >= length) attempt(buckets.get(value.slice(0, length)));
      for (const [length, buckets] of node.suffixes) if (value.length >= length) attempt(buckets.get(value.slice(-length)));
    }
  } else if (Array.isArray(value)) {
    for (const element of value as readonly unknown[]) visit(node, element, attempt);
  } else if (isFields(value)) {
    walk(node, value, attempt);
  }
}

function newNode(): IndexNode {
  return { children: new Map(), exact: undefined, folded: undefined, prefixes: new Map(), suffixes: new Map() };
}

function file(root: IndexNode, access: Access, rule: CompiledRule): void {
  let node = root;
  for (const name of access.path) {
    let child = node.children.get(name);
    if (child === undefined) node.children.set(name, (child = newNode()));
    node = child;
  }
  const buckets = bucketsOf(node, access);
  const bucket = buckets.get(access.value);
  if (bucket === undefined) buckets.set(access.value, [rule]);
  else bucket.push(rule);
}

function bucketsOf(node: IndexNode, { kind, value }: Access): Buckets {
  if (kind === 'exact') return (node.exact ??= new Map<Scalar, CompiledRule[]>());
  if (kind === 'folded') return (node.folded ??= new Map<Scalar, CompiledRule[]>());
  const byLength = kind === 'prefix' ? node.prefixes : node.suffixes;
  const { length } = String(value);
  let buckets = byLength.get(length);
  if (buckets === undefined) byLength.set(length, (buckets = new Map()));
  return buckets;
}

function keyOf({ path, kind, value }: Access): string {
  return JSON.stringify([path, kind, value]);
}

/** The accesses of a list of tests, of which one must hold; undefined when one of the tests cannot be looked up. */
function accessesOf(path: readonly string[], tests: readonly Test[]): Access[] | undefined {
  const accesses: Access[] = [];
  for (const test of tests) {
    if (test.kind === 'equal') accesses.push({ path, kind: 'exact', value: test.value });
    else if (test.kind === 'equal-folded') accesses.push({ path, kind: 'folded', value: test.text });
    else if ((test.kind === 'prefix' || test.kind === 'suffix') && !test.folded) accesses.push({ path, kind: test.kind, value: test.text });
    else if (test.kind === 'wildcard' && test.parts[0] !== undefined && test.parts[0] !== '') accesses.push({ path, kind: 'prefix', value: test.parts[0] });
    else return undefined;
  }
  return accesses;
}

/** All accesses anywhere in the pattern, for counting how many rules share one. */
function everyAccess(node: PatternNode, path: readonly string[]): Access[] {
  return [
    ...node.fields.flatMap(({ name, want }) => ('object' in want ? everyAccess(want.object, [...path, name]) : (accessesOf([...path, name], want.tests) ?? []))),
    ...node.alternatives.flat().flatMap((branch) => everyAccess(branch, path)),
  ];
}

/** The accesses that find the rule with the fewest others beside it; at least one of them holds in each event that the pattern matches. */
function bestAccesses(node: PatternNode, path: readonly string[], shares: ReadonlyMap<string, number>): Access[] | undefined {
  const choices = node.fields.map(({ name, want }) => ('object' in want ? bestAccesses(want.object, [...path, name], shares) : accessesOf([...path, name], want.tests)));
  for (const branches of node.alternatives) {
    const each = branches.map((branch) => bestAccesses(branch, path, shares));
    choices.push(each.every((one) => one !== undefined) ? each.flat() : undefined);
  }
  let best: Access[] | undefined;
  let least = Infinity;
  for (const choice of choices) {
    if (choice === undefined) continue;
    const cost = choice.reduce((sum, access) => sum + (shares.get(keyOf(access)) ?? 1), 0);
    if (cost < least) {
      best = choice;
      least = cost;
    }
  }
  return best;
}
