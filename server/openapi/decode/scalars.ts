/** Readers of single values: text, numbers and booleans in all the spellings that clients use. */
import type { ScalarNode } from '../../../contract/index.ts';
import { FlatNode } from './flat.ts';
import { formatReader } from './formats.ts';
import { isJson, kindOf } from './json.ts';
import type { JsonValue } from './json.ts';
import { cut } from './problem.ts';
import type { Problems } from './problem.ts';

/** A value as it came: text, a piece of JSON, or a subtree of flattened names. */
export type Wire = JsonValue | FlatNode;

/** Reads one value; undefined when it is absent or when a problem was noted. */
export type Reader = (wire: Wire, path: string, problems: Problems) => unknown;

export interface ScalarOptions {
  /** Whether values outside `enum` are refused. */
  readonly strictEnums: boolean;
}

export function scalarReader(node: ScalarNode, options: ScalarOptions): Reader {
  switch (node.type) {
    case 'string':
      return stringReader(node, options);
    case 'boolean':
      return readBoolean;
    case 'int32':
      return numberReader(node, options, true, -(2 ** 31), 2 ** 31 - 1);
    case 'int64':
      return numberReader(node, options, true, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    case 'float':
    case 'double':
      return numberReader(node, options, false, -Number.MAX_VALUE, Number.MAX_VALUE);
  }
}

function numberReader(node: ScalarNode, options: ScalarOptions, integer: boolean, lowest: number, highest: number): Reader {
  const minimum = Math.max(node.minimum ?? lowest, lowest);
  const maximum = Math.min(node.maximum ?? highest, highest);
  const allowed = options.strictEnums && node.enum !== undefined && !node.enumOpen ? new Set(node.enum.map(Number)) : undefined;
  const expected =
    allowed === undefined
      ? `${integer ? 'an integer' : 'a number'}${node.minimum === undefined && node.maximum === undefined && !integer ? '' : ` from ${minimum} to ${maximum}`}`
      : `one of ${listed([...allowed])}`;

  return (wire, path, problems) => {
    const given = wire instanceof FlatNode ? wire.value : wire;
    if (given === '' || given === null) return undefined;
    let value: number;
    if (typeof given === 'number') value = given;
    else if (typeof given === 'string') value = integer ? integerFrom(given) : decimalFrom(given);
    else return problems.invalid(path, expected, kind(wire));
    // Written so that NaN fails too.
    const fits = value >= minimum && value <= maximum && (!integer || Number.isInteger(value)) && (allowed === undefined || allowed.has(value));
    return fits ? value + 0 : problems.invalid(path, expected, cut(String(given)));
  };
}

/** Reads decimal digits with an optional minus sign; NaN for anything else. */
function integerFrom(text: string): number {
  const start = text.charCodeAt(0) === 45 ? 1 : 0;
  // 2^53 has 16 digits; a few leading zeros are let through.
  if (text.length === start || text.length > 24) return Number.NaN;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 48 || code > 57) return Number.NaN;
  }
  return Number(text);
}

/** Reads a decimal number as JSON writes it; NaN for anything else, also for what only JavaScript takes for a number. */
function decimalFrom(text: string): number {
  return text.length <= 400 && /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

function readBoolean(wire: Wire, path: string, problems: Problems): boolean | undefined {
  const given = wire instanceof FlatNode ? wire.value : wire;
  if (typeof given === 'boolean') return given;
  if (given === '' || given === null) return undefined;
  if (typeof given === 'string' && given.length <= 5) {
    const word = given.toLowerCase();
    if (word === 'true') return true;
    if (word === 'false') return false;
  }
  return problems.invalid(path, 'true or false', typeof given === 'string' ? cut(given) : kind(wire));
}

function stringReader(node: ScalarNode, options: ScalarOptions): Reader {
  const { format, maxLength } = node;
  const values = node.enum?.map(String);
  const allowed = options.strictEnums && values !== undefined && !node.enumOpen ? new Set(values) : undefined;
  const check = formatReader(format);
  // An empty value of an enumeration, a date or a sort order says nothing, so it counts as absent; an empty list clears.
  const emptyIsAbsent = format !== 'comma-list' && ((values !== undefined && !values.includes('')) || format === 'sort' || check !== undefined);

  return (wire, path, problems) => {
    const value = asText(wire, format);
    if (value === undefined) return wire === null ? undefined : problems.invalid(path, 'text', kind(wire));
    if (value === '') return emptyIsAbsent ? undefined : value;
    if (!isStorable(value)) return problems.invalid(path, STORABLE, 'text with other characters');
    if (maxLength !== undefined && value.length > maxLength && characters(value) > maxLength) {
      return problems.invalid(path, `at most ${maxLength} characters`, `${characters(value)} characters`);
    }
    if (allowed !== undefined) {
      for (const one of enumerated(value, format)) {
        if (!allowed.has(one)) return problems.invalid(path, `one of ${listed([...allowed])}`, cut(one));
      }
    }
    if (format === 'json' && !isJson(value)) return problems.invalid(path, 'JSON text', 'text that is not JSON');
    if (check !== undefined && !check.matches(value)) return problems.invalid(path, check.expected, cut(value));
    return value;
  };
}

/**
 * A value as text: ids and codes may come as numbers, JSON text as the real array or object, a comma list as an array or
 * flattened. Undefined when it is none of these.
 */
function asText(wire: Wire, format: string | undefined): string | undefined {
  if (typeof wire === 'string') return wire;
  if (typeof wire === 'number') return Number.isSafeInteger(wire) || !Number.isInteger(wire) ? String(wire) : undefined;
  if (typeof wire === 'boolean') return String(wire);
  if (wire === null) return undefined;
  if (format === 'comma-list') {
    const items = wire instanceof FlatNode ? [...wire.children.values()].map((child) => child.value) : Array.isArray(wire) ? wire : undefined;
    const texts = items?.map((item) => (item === undefined ? undefined : asText(item, undefined)));
    if (texts?.every((text) => text !== undefined)) return texts.join(',');
  }
  if (wire instanceof FlatNode) return wire.value === undefined ? undefined : asText(wire.value, format);
  return format === 'json' ? JSON.stringify(wire) : undefined;
}

/** The parts of a text that its enumeration is about. */
function enumerated(value: string, format: string | undefined): readonly string[] {
  if (format === 'comma-list') return value.split(',').map((one) => one.trim());
  if (format === 'sort') return [value.replace(/ (?:asc|desc)$/i, '')];
  return [value];
}

const STORABLE = 'text of whole Unicode characters without NUL';

/** Whether text can be kept as it is: PostgreSQL has no NUL, and half of a surrogate pair is no character in UTF-8. */
function isStorable(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed();
}

/** Characters as people count them: a surrogate pair is one. */
function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function listed(values: readonly (string | number)[]): string {
  return values.length > 30 ? `${values.slice(0, 30).join(', ')} and ${values.length - 30} more` : values.join(', ');
}

/** What came, in a word, for messages. */
export function kind(wire: Wire): string {
  if (!(wire instanceof FlatNode)) return typeof wire === 'number' ? `the number ${wire}` : kindOf(wire);
  return wire.value === undefined ? 'flattened fields' : kindOf(wire.value);
}
