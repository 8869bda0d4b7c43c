/** JSON text from callers: parsed without exceptions, bounded in depth, without keys that could reach a prototype. */

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

export type JsonResult = { readonly ok: true; readonly value: JsonValue } | { readonly ok: false; readonly got: string };

/** Parses JSON text. On failure `got` says what came: text that is not JSON, or one nested too deeply. */
export function parseJson(text: string, maxDepth: number): JsonResult {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return { ok: false, got: 'text that is not JSON' };
  }
  if (!settle(value, maxDepth)) return { ok: false, got: `JSON nested deeper than ${maxDepth} levels` };
  return { ok: true, value };
}

/** Whether text is well-formed JSON of any depth. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Removes every `__proto__` key in place, since code further on may copy objects by assignment, and answers whether the
 * value is nested no deeper than allowed. The recursion ends at the limit.
 */
function settle(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (!settle(item, levels - 1)) return false;
    return true;
  }
  for (const key in value) {
    if (key === '__proto__') delete value[key];
    else if (!settle(value[key] as JsonValue, levels - 1)) return false;
  }
  return true;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The kind of a JSON value in a word, for messages. */
export function kindOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'text' : `a ${typeof value}`;
}
