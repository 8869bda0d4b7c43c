import { isInside } from './address.ts';
import { findFrom } from './find.ts';
import type { Comparison, Pattern, PatternNode, Scalar, Test } from './syntax.ts';

/** Tells whether an event fulfils a pattern. Never throws, whatever the event is. */
export type MatchEvent = (event: unknown) => boolean;

type Fields = Readonly<Record<string, unknown>>;
type TestValue = (value: Scalar) => boolean;

/**
 * Makes the match function of one pattern. A field that holds a list fulfils a condition when any of its elements does; an object in a field may
 * also be any of a list of objects, and then all conditions on it are about the same one. A field that is not there fulfils `exists: false` only.
 */
export function compilePattern(pattern: Pattern): MatchEvent {
  const root = compileNode(pattern.root);
  return (event) => isFields(event) && root(event);
}

const nothing: Fields = Object.freeze({});

/** Checks from cheap to costly, so that most events fail early. */
function compileNode(node: PatternNode): (object: Fields) => boolean {
  const checks = node.fields.map(({ name, want }) => ('object' in want ? { cost: 10, check: compileObject(name, want.object) } : { cost: Math.min(9, want.tests.length), check: compileTests(name, want.tests) }));
  for (const branches of node.alternatives) {
    const compiled = branches.map(compileNode);
    checks.push({ cost: 20, check: (object) => compiled.some((branch) => branch(object)) });
  }
  const ordered = checks.toSorted((a, b) => a.cost - b.cost).map(({ check }) => check);
  return (object) => {
    for (const check of ordered) if (!check(object)) return false;
    return true;
  };
}

function compileObject(name: string, node: PatternNode): (object: Fields) => boolean {
  const inner = compileNode(node);
  return (object) => {
    const value = fieldOf(object, name);
    if (isFields(value)) return inner(value);
    if (!Array.isArray(value)) return inner(nothing);
    const objects: readonly unknown[] = value;
    let any = false;
    for (const element of objects) {
      if (!isFields(element)) continue;
      any = true;
      if (inner(element)) return true;
    }
    return !any && inner(nothing);
  };
}

function compileTests(name: string, tests: readonly Test[]): (object: Fields) => boolean {
  const whenPresent = tests.some((test) => test.kind === 'exists' && test.wanted);
  const whenAbsent = tests.some((test) => test.kind === 'exists' && !test.wanted);
  const passes = anyOf(tests.filter((test) => test.kind !== 'exists'));
  return (object) => {
    const value = fieldOf(object, name);
    if (isScalar(value)) return whenPresent || passes(value);
    if (!Array.isArray(value)) return whenAbsent;
    let any = false;
    return anyScalar(value, (element) => {
      any = true;
      return whenPresent || passes(element);
    }) || (whenAbsent && !any);
  };
}

/** True when a scalar of the list, or of lists in it, passes. */
function anyScalar(list: readonly unknown[], passes: TestValue): boolean {
  for (const element of list) {
    if (isScalar(element) ? passes(element) : Array.isArray(element) && anyScalar(element, passes)) return true;
  }
  return false;
}

function anyOf(tests: readonly Test[]): TestValue {
  const exact = new Set(tests.flatMap((test) => (test.kind === 'equal' ? [test.value] : [])));
  const others = tests.filter((test) => test.kind !== 'equal').map(compileTest);
  const [only] = exact;
  if (others.length === 0 && exact.size === 1) return (value) => value === only;
  if (others.length === 0) return (value) => exact.has(value);
  return (value) => exact.has(value) || others.some((test) => test(value));
}

function compileTest(test: Test): TestValue {
  switch (test.kind) {
    case 'equal':
      return (value) => value === test.value;
    case 'equal-folded':
      return (value) => typeof value === 'string' && value.toLowerCase() === test.text;
    case 'prefix':
      return (value) => typeof value === 'string' && (test.folded ? value.toLowerCase() : value).startsWith(test.text);
    case 'suffix':
      return (value) => typeof value === 'string' && (test.folded ? value.toLowerCase() : value).endsWith(test.text);
    case 'contains':
      return (value) => typeof value === 'string' && findFrom(value, test.text, 0) !== -1;
    case 'wildcard':
      return (value) => typeof value === 'string' && matchesWildcard(value, test.parts);
    case 'numeric':
      return (value) => typeof value === 'number' && test.comparisons.every((comparison) => holds(value, comparison));
    case 'cidr':
      return (value) => typeof value === 'string' && isInside(test.block, value);
    case 'exists':
      return () => test.wanted;
    case 'none-of': {
      const any = anyOf(test.tests);
      return (value) => !any(value);
    }
  }
}

function holds(value: number, [operator, bound]: Comparison): boolean {
  if (operator === '=') return value === bound;
  if (operator === '<') return value < bound;
  if (operator === '<=') return value <= bound;
  return operator === '>' ? value > bound : value >= bound;
}

/** Each part is taken at the first place where it fits, which is right because the asterisk after it takes the rest: no backtracking. */
function matchesWildcard(value: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last)) return false;
  let place = first.length;
  for (let index = 1; index < parts.length - 1; index += 1) {
    const part = parts[index] ?? '';
    const found = findFrom(value, part, place);
    if (found === -1) return false;
    place = found + part.length;
  }
  return place + last.length <= value.length;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null;
}

/** Own fields only: an event has no field `constructor` unless it says so. */
export function fieldOf(object: Fields, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
