/**
 * Typed requests from parameters, as the contract describes them. A parameter list is compiled once into a chain of closures;
 * what reaches them can be text, JSON or flattened names in any mixture, and nothing that arrives makes them throw.
 */
import type { ArrayNode, MapNode, Node, ObjectNode, Parameter } from '../../../contract/index.ts';
import { limits as houseLimits } from '../../kernel/limits.ts';
import { FlatNode, flatIndex, flatLeaves, flatToJson, flatTrees } from './flat.ts';
import { isJsonObject, parseJson } from './json.ts';
import type { JsonValue } from './json.ts';
import type { MergedParameters } from './merge.ts';
import { Problems, step } from './problem.ts';
import type { DecodeProblem } from './problem.ts';
import { kind, scalarReader } from './scalars.ts';
import type { Reader } from './scalars.ts';

export interface DecodeOptions {
  /**
   * Whether a value outside `enum` is refused (the default). Pass false for contracts whose enumerations are open; one
   * parameter of a strict contract is let through with `enumOpen`.
   */
  readonly strictEnums?: boolean;
  /** Levels of JSON text and of flattened names. */
  readonly maxDepth?: number;
  /** Highest index of a flattened list. */
  readonly maxListItems?: number;
}

export type DecodeResult =
  | { readonly ok: true; readonly request: Record<string, unknown> }
  | { readonly ok: false; readonly problems: readonly DecodeProblem[] };

export type Decoder = (parameters: MergedParameters) => DecodeResult;

type Settings = Required<DecodeOptions>;

const strictDecoders = new WeakMap<readonly Parameter[], Decoder>();
const openDecoders = new WeakMap<readonly Parameter[], Decoder>();

/** The decoder of an operation's parameter list under the limits of the house, compiled at the first use and kept. */
export function decoderFor(parameters: readonly Parameter[], strictEnums = true): Decoder {
  const cache = strictEnums ? strictDecoders : openDecoders;
  let decoder = cache.get(parameters);
  if (decoder === undefined) cache.set(parameters, (decoder = compileDecoder(parameters, { strictEnums })));
  return decoder;
}

interface Field {
  readonly name: string;
  readonly required: boolean;
  readonly expected: string;
  readonly read: Reader;
  /** Whether flattened names can make this parameter. */
  readonly flat: boolean;
  /** Turns text from query or form into what `read` takes; absent when `read` takes the text as it is. */
  readonly parse?: (text: string, path: string, problems: Problems) => JsonValue | undefined;
}

/**
 * Compiles a parameter list. The decoder answers the typed request, absent parameters left out, or all problems (at most 20).
 * Null, and the empty text for anything but a string, count as absent; parameters and fields the contract does not know
 * are dropped.
 */
export function compileDecoder(parameters: readonly Parameter[], options: DecodeOptions = {}): Decoder {
  const settings: Settings = {
    strictEnums: options.strictEnums ?? true,
    maxDepth: options.maxDepth ?? houseLimits.parameterNesting.value,
    maxListItems: options.maxListItems ?? houseLimits.flatListItems.value,
  };
  const fields = parameters.map((parameter) => compileField(parameter, settings));
  const flatRoots = new Set(fields.filter((field) => field.flat).map((field) => field.name));

  return ({ text, json, dotted }) => {
    const problems = new Problems();
    const trees = dotted.length > 0 && flatRoots.size > 0 ? flatTrees(dotted, flatRoots, settings.maxDepth, problems) : undefined;
    const request: Record<string, unknown> = {};
    for (const field of fields) {
      const { name } = field;
      const before = problems.list.length;
      let value: unknown;
      const given = text.get(name);
      if (given !== undefined) {
        const wire = field.parse === undefined ? given : field.parse(given, name, problems);
        if (wire !== undefined) value = field.read(wire, name, problems);
      }
      if (value === undefined && problems.list.length === before) {
        const wire = trees?.get(name) ?? json.get(name);
        if (wire !== undefined) {
          const unparsed = typeof wire === 'string' && field.parse !== undefined ? field.parse(wire, name, problems) : wire;
          if (unparsed !== undefined) value = field.read(unparsed, name, problems);
        }
      }
      if (value !== undefined) request[name] = value;
      else if (field.required && problems.list.length === before) problems.missing(name, field.expected);
    }
    return problems.list.length === 0 ? { ok: true, request } : { ok: false, problems: problems.list };
  };
}

function compileField(parameter: Parameter, settings: Settings): Field {
  const { name, required, encoding } = parameter;
  const composite = parameter.type === 'array' || parameter.type === 'object' || parameter.type === 'map' || parameter.type === 'any';
  const field: Field = {
    name,
    required,
    expected: nameOf(parameter),
    read: nodeReader(parameter, settings),
    flat: composite || parameter.format === 'comma-list',
  };
  if (!composite || (parameter.type === 'any' && encoding !== 'json')) return field;
  return { ...field, parse: encoding === 'simple' ? simpleParser(settings) : jsonParser(nameOf(parameter), settings) };
}

function jsonParser(expected: string, settings: Settings): NonNullable<Field['parse']> {
  return (text, path, problems) => {
    if (text === '') return undefined;
    const parsed = parseJson(text, settings.maxDepth);
    return parsed.ok ? parsed.value : problems.invalid(path, `${expected} as JSON`, parsed.got);
  };
}

/** A comma list, or the JSON array that generic clients send in its place. */
function simpleParser(settings: Settings): NonNullable<Field['parse']> {
  return (text) => {
    if (text === '') return undefined;
    if (text.startsWith('[')) {
      const parsed = parseJson(text, settings.maxDepth);
      if (parsed.ok && Array.isArray(parsed.value)) return parsed.value;
    }
    return text.split(',');
  };
}

function nodeReader(node: Node, settings: Settings): Reader {
  switch (node.type) {
    case 'array':
      return fromLeaf(node, arrayReader(node, settings), settings);
    case 'object':
      return fromLeaf(node, objectReader(node, settings), settings);
    case 'map':
      return fromLeaf(node, mapReader(node, settings), settings);
    case 'any':
      return (wire) => (wire instanceof FlatNode ? flatToJson(wire, settings.maxListItems) : (wire ?? undefined));
    default:
      return scalarReader(node, settings);
  }
}

/** A list or object inside flattened names can itself be one JSON value: `Name.1={"Field":1}`. */
function fromLeaf(node: Node, read: Reader, settings: Settings): Reader {
  const parse = jsonParser(nameOf(node), settings);
  return (wire, path, problems) => {
    if (wire === null || wire === '') return undefined;
    if (!(wire instanceof FlatNode) || wire.value === undefined || wire.value === '') return read(wire, path, problems);
    const value = typeof wire.value === 'string' ? parse(wire.value, path, problems) : wire.value;
    return value === undefined ? undefined : read(value, path, problems);
  };
}

function arrayReader(node: ArrayNode, settings: Settings): Reader {
  const read = nodeReader(node.items, settings);
  return (wire, path, problems) => {
    const result: unknown[] = [];
    if (wire instanceof FlatNode) {
      // Gaps are closed: clients leave out the elements that are null.
      const elements: [number, FlatNode][] = [];
      for (const [key, child] of wire.children) {
        const index = flatIndex(key, settings.maxListItems);
        if (index === undefined) problems.invalid(step(path, key), `a list index from 1 to ${settings.maxListItems}`, 'another key');
        else elements.push([index, child]);
      }
      elements.sort((left, right) => left[0] - right[0]);
      for (const [index, child] of elements) {
        const value = read(child, step(path, index), problems);
        if (value !== undefined) result.push(value);
      }
      return wire.children.size === 0 ? undefined : result;
    }
    if (!Array.isArray(wire)) return problems.invalid(path, 'an array', kind(wire));
    for (let at = 0; at < wire.length; at++) {
      const value = read(wire[at] as JsonValue, step(path, at + 1), problems);
      if (value !== undefined) result.push(value);
    }
    return result;
  };
}

function objectReader(node: ObjectNode, settings: Settings): Reader {
  const properties = Object.entries(node.properties).map(([name, property]) => ({
    name,
    read: nodeReader(property, settings),
    required: property.required ?? false,
    expected: nameOf(property),
  }));
  return (wire, path, problems) => {
    const flat = wire instanceof FlatNode;
    if (!flat && !isJsonObject(wire)) return problems.invalid(path, 'an object', kind(wire));
    if (flat && wire.children.size === 0) return undefined;
    const result: Record<string, unknown> = {};
    for (const { name, read, required, expected } of properties) {
      const before = problems.list.length;
      const given = flat ? wire.children.get(name) : Object.hasOwn(wire, name) ? wire[name] : undefined;
      const value = given === undefined ? undefined : read(given, step(path, name), problems);
      if (value !== undefined) result[name] = value;
      else if (required && problems.list.length === before) problems.missing(step(path, name), expected);
    }
    return result;
  };
}

function mapReader(node: MapNode, settings: Settings): Reader {
  const read = nodeReader(node.values, settings);
  const scalarValues = !['array', 'object', 'map', 'any'].includes(node.values.type);
  return (wire, path, problems) => {
    const flat = wire instanceof FlatNode;
    if (!flat && !isJsonObject(wire)) return problems.invalid(path, 'an object', kind(wire));
    if (flat && wire.children.size === 0) return undefined;
    const result: Record<string, unknown> = {};
    const entries = !flat ? Object.entries(wire) : scalarValues ? flatLeaves(wire) : wire.children;
    for (const [key, given] of entries) {
      // JSON text has lost such keys already; assigning one would set the prototype.
      if (key === '__proto__') continue;
      const value = read(given, step(path, key), problems);
      if (value !== undefined) result[key] = value;
    }
    return result;
  };
}

function nameOf(node: Node): string {
  switch (node.type) {
    case 'array':
      return 'an array';
    case 'object':
    case 'map':
      return 'an object';
    case 'any':
      return 'a value';
    case 'string':
      return 'text';
    case 'boolean':
      return 'true or false';
    case 'int32':
    case 'int64':
      return 'an integer';
    default:
      return 'a number';
  }
}
