/**
 * Gathers the parameters of a call from its three places. For a name in several places the query wins over the form, and the
 * form over the JSON body; within one place the first wins. (The query is what every proxy log and every signature scheme
 * shows, so the visible value is the one that counts.)
 */
import { isJsonObject, kindOf, parseJson } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import type { Pair } from './pairs.ts';
import type { DecodeProblem } from './problem.ts';

export interface MergedParameters {
  /** Values that came as text, from query and form. */
  readonly text: ReadonlyMap<string, string>;
  /** Members of the JSON body, nulls left out. */
  readonly json: ReadonlyMap<string, JsonValue>;
  /** Names with a dot, which may be elements of flattened lists and maps. */
  readonly dotted: readonly (readonly [name: string, value: JsonValue])[];
}

const nothing: ReadonlyMap<string, JsonValue> = new Map();

/** Merges decoded pairs and the object of a JSON body. */
export function mergeParameters(queryPairs: readonly Pair[], formPairs: readonly Pair[], body?: JsonObject): MergedParameters {
  const text = new Map<string, string>();
  const dotted: (readonly [string, JsonValue])[] = [];
  for (const pairs of [queryPairs, formPairs]) {
    for (const pair of pairs) {
      if (text.has(pair[0])) continue;
      text.set(pair[0], pair[1]);
      if (pair[0].includes('.')) dotted.push(pair);
    }
  }
  if (body === undefined) return { text, json: nothing, dotted };
  const json = new Map<string, JsonValue>();
  for (const [name, value] of Object.entries(body)) {
    if (value === null) continue;
    json.set(name, value);
    if (name.includes('.') && !text.has(name)) dotted.push([name, value]);
  }
  return { text, json, dotted };
}

export type JsonBodyResult =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly problem: DecodeProblem };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a JSON body, which must be an object; an empty body counts as `{}`. Never throws. The size of the body is limited by
 * whoever received it. A problem has the name `body`.
 */
export function readJsonBody(body: Buffer, limits: { readonly maxDepth: number }): JsonBodyResult {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    return bodyProblem('bytes that are not UTF-8');
  }
  if (text.trim() === '') return { ok: true, value: {} };
  const parsed = parseJson(text, limits.maxDepth);
  if (!parsed.ok) return bodyProblem(parsed.got);
  if (!isJsonObject(parsed.value)) return bodyProblem(kindOf(parsed.value));
  return { ok: true, value: parsed.value };
}

function bodyProblem(got: string): JsonBodyResult {
  return { ok: false, problem: { code: 'InvalidParameter', name: 'body', expected: 'a JSON object in UTF-8', got } };
}
