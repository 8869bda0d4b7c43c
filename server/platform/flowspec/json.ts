/** JSON values as the spec has them, and reading them from text without ever failing in another way than by a fault. */

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

/**
 * What is wrong with a spec, and where. `path` is empty for the text as a whole, else like `spec.nodes[0].script.runtime.command`; `code` is the vendor's
 * code for faults of this kind.
 */
export interface Fault {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

/** The vendor's codes, as far as a reader of specs can meet them. */
export const faultCodes = {
  enumeration: '0x5083000000000004',
  parse: '0x5083000000000005',
  duplicateId: '0x5083000000000007',
  reference: '0x5083000000000008',
  targetNotFound: '0x5083000000000009',
  validate: '0x5083000000000010',
} as const;

/** Deepest nesting of a spec. A loop in a loop in a workflow, with everything a node may hold, stays far below. */
export const DEEPEST = 64;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: unknown): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function objectOf(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : {};
}

export function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return isList(value) ? value : [];
}

/** Text of a scalar: numbers and booleans are taken as text where the spec has text, since writers in other languages do not keep them apart. */
export function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** The object without some of its keys. */
export function without(object: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

/** The object without keys that hold nothing: null and absent are the same in a spec. */
export function present(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined && value !== null));
}

/** The path of a key: dotted where it is a plain word, quoted else. */
export function keyPath(path: string, key: string): string {
  const step = /^[\w-]{1,100}$/.test(key) ? key : JSON.stringify(key.slice(0, 100));
  return path === '' ? step : `${path}.${step}`;
}

/** True when brackets lie deeper in each other than `deepest`. Reads the text once and follows no value. */
function isDeeperThan(text: string, deepest: number): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (quoted) {
      if (letter === '\\') at += 1;
      else if (letter === '"') quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === '{' || letter === '[') {
      depth += 1;
      if (depth > deepest) return true;
    } else if (letter === '}' || letter === ']') depth -= 1;
  }
  return false;
}

/** Reads JSON text. Answers the value, or the one fault that keeps it from being read. */
export function readJson(text: string): { readonly value: JsonValue } | { readonly fault: Fault } {
  if (isDeeperThan(text, DEEPEST)) return { fault: { path: '', code: faultCodes.parse, message: `the text is nested deeper than ${DEEPEST} levels` } };
  try {
    return { value: JSON.parse(text) as JsonValue };
  } catch (error) {
    return { fault: { path: '', code: faultCodes.parse, message: `Spec JSON parse failed: ${error instanceof Error ? error.message : String(error)}` } };
  }
}
