import { limits } from '../../kernel/limits.ts';
import { readBlock } from './address.ts';
import { findDuplicate } from './duplicates.ts';
import { below, PatternError, type Comparison, type Field, type Pattern, type PatternNode, type Test } from './syntax.ts';

/**
 * Reads event patterns, in the spelling of Alibaba Cloud EventBridge (which has `contains`) and in that of Amazon EventBridge (which has
 * `wildcard`, `$or` and more under `anything-but`). Both may be mixed.
 */

const OPERATORS = ['prefix', 'suffix', 'contains', 'anything-but', 'numeric', 'exists', 'cidr', 'equals-ignore-case', 'wildcard'] as const;
const COMPARISONS = ['=', '<', '<=', '>', '>='] as const;

type JsonObject = Readonly<Record<string, unknown>>;

/** What is counted over a whole pattern. */
interface Budget {
  tests: number;
  wildcards: number;
}

/** Reads a pattern from its JSON text. Throws PatternError. */
export function parsePattern(text: string): Pattern {
  if (text.length > limits.eventPatternCharacters.value) throw new PatternError('$', `the pattern is longer than ${limits.eventPatternCharacters.value} characters`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new PatternError('$', `it is not JSON: ${error instanceof Error ? error.message.slice(0, 200) : 'unreadable'}`);
  }
  const twice = findDuplicate(text);
  if (twice !== undefined) throw new PatternError(twice, 'the name stands twice in its object; put all values into one list, or use $or');
  return readPattern(json);
}

/** Reads a pattern from parsed JSON. `{}` matches everything. Throws PatternError. */
export function readPattern(json: unknown): Pattern {
  if (!isObject(json)) throw new PatternError('$', `the pattern must be an object such as {"type": ["dataworks:FileChange:CommitFile"]}, not ${nameOf(json)}`);
  return { root: readNode(json, '$', 1, { tests: 0, wildcards: 0 }) };
}

function readNode(json: JsonObject, pointer: string, depth: number, budget: Budget): PatternNode {
  if (depth > limits.eventPatternDepth.value) throw new PatternError(pointer, `the pattern is nested deeper than ${limits.eventPatternDepth.value} levels`);
  const fields: Field[] = [];
  const alternatives: PatternNode[][] = [];
  for (const [name, value] of Object.entries(json)) {
    const place = below(pointer, name);
    if (name === '$or') alternatives.push(readAlternatives(value, place, depth, budget));
    else if (Array.isArray(value)) fields.push({ name, want: { tests: readTests(value, place, budget) } });
    else if (isObject(value)) fields.push({ name, want: { object: readFieldObject(value, place, depth, budget) } });
    else throw new PatternError(place, `a field takes a list of values, such as [${JSON.stringify(value)?.slice(0, 40)}], or an object of further fields, not ${nameOf(value)} alone`);
  }
  return { fields, alternatives };
}

function readFieldObject(value: JsonObject, place: string, depth: number, budget: Budget): PatternNode {
  const keys = Object.keys(value);
  if (keys.length === 0) throw new PatternError(place, 'an object of fields must name at least one; to ask whether the field is there, use [{"exists": true}]');
  // Most likely a condition without its list. An operator that is also a field's name holds a list or an object there.
  const only = keys.length === 1 ? keys[0] : undefined;
  if (only !== undefined && isOperator(only) && !Array.isArray(value[only]) && !isObject(value[only])) {
    throw new PatternError(place, `a condition stands in a list: [${JSON.stringify(value).slice(0, 80)}]`);
  }
  return readNode(value, place, depth + 1, budget);
}

function readAlternatives(value: unknown, place: string, depth: number, budget: Budget): PatternNode[] {
  if (!Array.isArray(value) || value.length < 2) throw new PatternError(place, '$or takes a list of at least two objects of fields');
  return value.map((branch, index) => {
    const at = `${place}[${index}]`;
    if (!isObject(branch) || Object.keys(branch).length === 0) throw new PatternError(at, `an alternative of $or is an object of at least one field, not ${nameOf(branch)}`);
    count(budget, at);
    return readNode(branch, at, depth + 1, budget);
  });
}

function readTests(values: readonly unknown[], place: string, budget: Budget): Test[] {
  if (values.length === 0) throw new PatternError(place, 'the list of values is empty, so that nothing could match');
  return values.map((value, index) => readTest(value, `${place}[${index}]`, budget));
}

function readTest(value: unknown, place: string, budget: Budget): Test {
  count(budget, place);
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return { kind: 'equal', value };
  if (!isObject(value)) throw new PatternError(place, 'a list cannot stand in a list of values; allowed are text, number, true, false, null or a condition');
  const keys = Object.keys(value);
  const [operator] = keys;
  if (operator === undefined || keys.length > 1) throw new PatternError(place, `a condition has exactly one key out of ${OPERATORS.join(', ')}; it has ${keys.length}`);
  const at = below(place, operator);
  if (!isOperator(operator)) throw new PatternError(at, `there is no condition ${operator.slice(0, 60)}; there are ${OPERATORS.join(', ')}`);
  return readCondition(operator, value[operator], at, budget);
}

function readCondition(operator: (typeof OPERATORS)[number], operand: unknown, at: string, budget: Budget): Test {
  switch (operator) {
    case 'prefix':
    case 'suffix':
      return readAffix(operator, operand, at);
    case 'contains':
      return { kind: 'contains', text: text(operand, at, operator), folded: false };
    case 'equals-ignore-case':
      return { kind: 'equal-folded', text: text(operand, at, operator, true).toLowerCase() };
    case 'wildcard':
      return readWildcard(operand, at, budget);
    case 'numeric':
      return { kind: 'numeric', comparisons: readComparisons(operand, at) };
    case 'cidr':
      return readCidr(operand, at);
    case 'exists':
      if (typeof operand !== 'boolean') throw new PatternError(at, `exists takes true or false, not ${nameOf(operand)}`);
      return { kind: 'exists', wanted: operand };
    case 'anything-but':
      return { kind: 'none-of', tests: readNoneOf(operand, at, budget) };
  }
}

function readAffix(kind: 'prefix' | 'suffix', operand: unknown, at: string): Test {
  if (!isObject(operand)) return { kind, text: text(operand, at, kind), folded: false };
  const keys = Object.keys(operand);
  if (keys.length !== 1 || keys[0] !== 'equals-ignore-case') throw new PatternError(at, `${kind} takes a text, or {"equals-ignore-case": text}`);
  return { kind, text: text(operand['equals-ignore-case'], below(at, 'equals-ignore-case'), kind).toLowerCase(), folded: true };
}

function readWildcard(operand: unknown, at: string, budget: Budget): Test {
  const spelled = text(operand, at, 'wildcard', true);
  const parts: string[] = [];
  let part = '';
  let previous = -2;
  for (let index = 0; index < spelled.length; index += 1) {
    const character = spelled.charAt(index);
    if (character === '\\') {
      const next = spelled.charAt(index + 1);
      if (next !== '*' && next !== '\\') throw new PatternError(at, `at character ${index + 1} a backslash escapes only * and \\ in a wildcard`);
      part += next;
      index += 1;
    } else if (character === '*') {
      if (previous === index - 1) throw new PatternError(at, `at character ${index + 1} two asterisks follow each other; one stands for any text already`);
      previous = index;
      parts.push(part);
      part = '';
    } else {
      part += character;
    }
  }
  if (parts.length === 0) return { kind: 'equal', value: part };
  budget.wildcards += parts.length;
  if (budget.wildcards > limits.eventPatternWildcards.value) throw new PatternError(at, `a pattern may have at most ${limits.eventPatternWildcards.value} asterisks`);
  return { kind: 'wildcard', parts: [...parts, part] };
}

function readComparisons(operand: unknown, at: string): Comparison[] {
  const shape = 'numeric takes a list of comparisons and numbers in turn, such as [">=", 0, "<", 100]';
  if (!Array.isArray(operand) || operand.length === 0) throw new PatternError(at, shape);
  if (operand.length % 2 === 1) throw new PatternError(`${at}[${operand.length - 1}]`, `the number after the last comparison is missing; ${shape}`);
  if (operand.length > 8) throw new PatternError(at, 'at most four comparisons can be chained');
  const comparisons: Comparison[] = [];
  for (let index = 0; index < operand.length; index += 2) {
    const operator: unknown = operand[index];
    const bound: unknown = operand[index + 1];
    const known = COMPARISONS.find((one) => one === operator);
    if (known === undefined) throw new PatternError(`${at}[${index}]`, `here stands one of ${COMPARISONS.join(' ')}`);
    if (typeof bound !== 'number') throw new PatternError(`${at}[${index + 1}]`, `here stands a number, not ${nameOf(bound)}`);
    comparisons.push([known, bound]);
  }
  if (isImpossible(comparisons)) throw new PatternError(at, 'no number fulfils all of these comparisons');
  return comparisons;
}

function isImpossible(comparisons: readonly Comparison[]): boolean {
  let low = -Infinity;
  let high = Infinity;
  let open = false;
  for (const [operator, bound] of comparisons) {
    if (operator !== '<' && operator !== '<=' && bound >= low) {
      open = (bound === low && open) || operator === '>';
      low = bound;
    }
  }
  for (const [operator, bound] of comparisons) {
    if (operator !== '>' && operator !== '>=' && bound <= high) {
      open ||= operator === '<' && bound === low;
      high = bound;
    }
  }
  return low > high || (low === high && open);
}

function readCidr(operand: unknown, at: string): Test {
  const block = readBlock(text(operand, at, 'cidr'));
  if (block === undefined) throw new PatternError(at, 'cidr takes a block of addresses such as 10.0.0.0/24 or 2001:db8::/32');
  return { kind: 'cidr', block };
}

function readNoneOf(operand: unknown, at: string, budget: Budget): Test[] {
  if (isObject(operand)) {
    const keys = Object.keys(operand);
    const [operator] = keys;
    const allowed = ['prefix', 'suffix', 'contains', 'equals-ignore-case', 'wildcard'] as const;
    const known = allowed.find((one) => one === operator);
    if (known === undefined || keys.length !== 1) throw new PatternError(at, `below anything-but stands one of ${allowed.join(', ')}, with a text or a list of texts`);
    const place = below(at, known);
    const listed: unknown = operand[known];
    if (!Array.isArray(listed)) return [readCondition(known, listed, place, budget)];
    if (listed.length === 0) throw new PatternError(place, 'the list is empty, so that nothing would be left out');
    return listed.map((one: unknown, index) => {
      count(budget, `${place}[${index}]`);
      return readCondition(known, one, `${place}[${index}]`, budget);
    });
  }
  const values: readonly unknown[] = Array.isArray(operand) ? operand : [operand];
  if (values.length === 0) throw new PatternError(at, 'the list is empty, so that nothing would be left out');
  return values.map((value, index) => {
    const place = Array.isArray(operand) ? `${at}[${index}]` : at;
    if (Array.isArray(operand)) count(budget, place);
    if (value !== null && typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw new PatternError(place, 'anything-but takes a text, a number, true, false or null, a list of them, or one of prefix, suffix, contains, equals-ignore-case, wildcard');
    }
    return { kind: 'equal', value } as const;
  });
}

function text(operand: unknown, at: string, operator: string, mayBeEmpty = false): string {
  if (typeof operand !== 'string') throw new PatternError(at, `${operator} takes a text, not ${nameOf(operand)}`);
  if (operand === '' && !mayBeEmpty) throw new PatternError(at, `${operator} takes a text that is not empty`);
  return operand;
}

function count(budget: Budget, at: string): void {
  budget.tests += 1;
  if (budget.tests > limits.eventPatternTests.value) throw new PatternError(at, `a pattern may have at most ${limits.eventPatternTests.value} values and conditions`);
}

function isOperator(name: string): name is (typeof OPERATORS)[number] {
  return (OPERATORS as readonly string[]).includes(name);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return { string: 'a text', number: 'a number', boolean: 'true or false', object: 'an object' }[typeof value as string] ?? 'nothing';
}
