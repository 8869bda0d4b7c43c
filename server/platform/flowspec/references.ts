import { faultCodes, isList, isObject, present, textOf, type Fault, type JsonObject, type JsonValue } from './json.ts';
import { collections, entityOf, type EntityName, type Shape } from './schema.ts';

/** References: `"{{id}}"`, `"{{group.id}}"` or a bare id, where an entity may stand. */

/** Most characters that references may add to a document when each is replaced by what it names: a short text could else grow without bound. */
const MOST_EXPANDED = 32 * 1024 * 1024;
/** Longest chain of references. */
const LONGEST_CHAIN = 16;

type Index = ReadonlyMap<EntityName, ReadonlyMap<string, JsonObject>>;

/** Replaces references by what they name, and writes the keys of IO groups in their usual spelling. */
export interface References {
  /** The value with its references replaced. Unknown keys stay; what holds null is left out. Faults are added to the list. */
  settle(value: JsonValue, shape: Shape, path: string): JsonValue;
  /** The id within `{{...}}`, or the bare text. */
  idOf(text: string): string;
}

export function fieldName(spellings: Readonly<Record<string, string>> | undefined, key: string): string {
  const lower = key.toLowerCase();
  return spellings !== undefined && Object.hasOwn(spellings, lower) ? (spellings[lower] ?? key) : key;
}

/** Everything in the body that can be referred to, by its type and id. */
function indexBody(body: JsonObject): Index {
  const index = new Map<EntityName, Map<string, JsonObject>>();
  const artifacts = Object.entries(isObject(body['artifacts']) ? body['artifacts'] : {});
  for (const [name, { key }] of collections) {
    const spellings = entityOf('IO').spellings;
    const lists = [body[key], ...artifacts.flatMap(([part, list]) => (fieldName(spellings, part) === key ? [list] : []))];
    const found = new Map<string, JsonObject>();
    for (const item of lists.flatMap((list) => (isList(list) ? list : []))) {
      const id = isObject(item) ? textOf(item['id']) : undefined;
      if (isObject(item) && id !== undefined && !found.has(id)) found.set(id, item);
    }
    index.set(name, found);
  }
  return index;
}

export function bareReference(text: string): string {
  const match = /^\{\{([^{}]*)\}\}$/.exec(text.trim());
  return match === null ? text : (match[1] ?? '').trim();
}

export function createReferences(body: JsonObject, faults: Fault[]): References {
  const index = indexBody(body);
  const settled = new Map<JsonObject, { readonly value: JsonValue; readonly size: number }>();
  const chain: JsonObject[] = [];
  let expanded = 0;

  function find(text: string, name: EntityName): JsonObject | undefined {
    const id = bareReference(text);
    const known = index.get(name);
    const whole = known?.get(id);
    if (whole !== undefined) return whole;
    for (const group of collections.get(name)?.groups ?? []) {
      if (id.toLowerCase().startsWith(`${group}.`)) return known?.get(id.slice(group.length + 1));
    }
    return undefined;
  }

  function follow(text: string, name: EntityName, path: string): JsonValue {
    const target = find(text, name);
    if (target === undefined) {
      const id = bareReference(text);
      // The output of a node anywhere is named by free text.
      if (name === 'NodeOutput') return { data: id, artifactType: 'NodeOutput' };
      const dots = id !== text && id.split('.').length > 3;
      faults.push(dots ? { path, code: faultCodes.reference, message: 'a reference may have at most two dots' } : { path, code: faultCodes.targetNotFound, message: `there is no ${name} ${id.slice(0, 200)} in the document` });
      return null;
    }
    let done = settled.get(target);
    if (done === undefined) {
      if (chain.includes(target) || chain.length >= LONGEST_CHAIN) {
        faults.push({ path, code: faultCodes.reference, message: chain.includes(target) ? 'the reference leads back to itself' : `a chain of references may have at most ${LONGEST_CHAIN} links` });
        return null;
      }
      const before = expanded;
      chain.push(target);
      const value = settle(target, { entity: name }, path);
      chain.pop();
      done = { value, size: JSON.stringify(target).length + (expanded - before) };
      expanded = before;
      settled.set(target, done);
    }
    expanded += done.size;
    if (expanded <= MOST_EXPANDED) return done.value;
    if (faults.at(-1)?.path !== '') faults.push({ path: '', code: faultCodes.validate, message: `with its references replaced the document has more than ${MOST_EXPANDED} characters` });
    return null;
  }

  function settle(value: JsonValue, shape: Shape, path: string): JsonValue {
    if (typeof shape === 'string' || 'one' in shape) return value;
    if ('list' in shape) return isList(value) ? value.map((item, at) => settle(item, shape.list, `${path}[${at}]`)) : value;
    if ('ref' in shape && typeof value === 'string') return follow(value, shape.ref, path);
    if (!isObject(value)) return value;
    const { fields, spellings } = entityOf('ref' in shape ? shape.ref : shape.entity);
    return present(
      Object.fromEntries(
        Object.entries(value).map(([key, item]) => {
          const name = fieldName(spellings, key);
          const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
          return [name, item === undefined || item === null || field === undefined || typeof field === 'string' || 'one' in field ? item : settle(item, field, path === '' ? key : `${path}.${key}`)];
        }),
      ),
    );
  }

  return { settle, idOf: bareReference };
}
