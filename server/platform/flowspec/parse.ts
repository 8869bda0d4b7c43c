import { faultCodes, isObject, objectOf, readJson, textOf, without, type Fault, type JsonObject, type JsonValue } from './json.ts';
import type { FlowModel } from './model.ts';
import { normalise } from './normalise.ts';
import { kinds, type Kind } from './schema.ts';
import { checkTexts, createValidator } from './validate.ts';

/** A spec as it was written. */
export interface FlowSpecDocument {
  readonly version: string;
  readonly kind: Kind;
  readonly metadata: JsonValue | undefined;
  readonly body: JsonObject;
  /** Keys of the envelope that nobody knows. */
  readonly envelope: JsonObject;
  /** The whole of it, untouched. */
  readonly source: JsonObject;
  readonly model: FlowModel;
}

export type Parsed = { readonly ok: true; readonly document: FlowSpecDocument } | { readonly ok: false; readonly faults: readonly Fault[] };

const ENVELOPE_KEYS = ['version', 'kind', 'metadata', 'spec'] as const;

/**
 * Reads a spec of any version. `creating` says whether it has to describe things whole; a document that changes something may leave out what stays.
 * Never throws: what is wrong is told with its path and the vendor's code.
 */
export function parseFlowSpec(text: string, options: { readonly creating: boolean } = { creating: true }): Parsed {
  const read = readJson(text);
  if ('fault' in read) return { ok: false, faults: [read.fault] };
  const { value: source } = read;
  if (!isObject(source)) return { ok: false, faults: [{ path: '', code: faultCodes.parse, message: 'a spec is a JSON object' }] };

  const faults: Fault[] = [];
  checkTexts(source, '', faults);
  // The keys of the envelope are matched without regard to case.
  const keys = new Map(Object.keys(source).toReversed().map((key) => [key.toLowerCase(), key]));
  const valueOf = (name: (typeof ENVELOPE_KEYS)[number]) => source[keys.get(name) ?? name] ?? undefined;
  const version = textOf(valueOf('version'));
  const kind = valueOf('kind');
  if (version === undefined || version === '') faults.push({ path: 'version', code: faultCodes.validate, message: 'it is needed' });
  else if (!/^[12]\.\d{1,3}\.\d{1,3}$/.test(version)) faults.push({ path: 'version', code: faultCodes.validate, message: 'it must be a version between 1.0.0 and 2.x.x' });
  if (kind === undefined || kind === '') faults.push({ path: 'kind', code: faultCodes.validate, message: 'it is needed' });
  else if (typeof kind !== 'string' || !(kinds as readonly string[]).includes(kind)) faults.push({ path: 'kind', code: faultCodes.parse, message: `Not support spec kind: it must be one of ${kinds.join(', ')}` });
  const metadata = valueOf('metadata');
  if (metadata !== undefined && !isObject(metadata)) faults.push({ path: 'metadata', code: faultCodes.validate, message: 'it must be an object' });
  const spec = valueOf('spec');
  const specKey = keys.get('spec') ?? 'spec';
  if (spec !== undefined && !isObject(spec)) faults.push({ path: specKey, code: faultCodes.validate, message: 'it must be an object' });

  // A document of 1.0.0 has its body at the top level.
  const flat = spec === undefined;
  const named = [...keys].flatMap(([lower, key]) => ((ENVELOPE_KEYS as readonly string[]).includes(lower) ? [key] : []));
  const body = flat ? without(source, named) : objectOf(spec);
  const envelope = flat ? {} : without(source, named);
  const path = flat ? '' : specKey;
  createValidator(faults, options.creating)(body, { entity: 'Body' }, path);
  if (faults.length > 0) return { ok: false, faults };

  const document = { version: version ?? '', kind: kind as Kind, metadata, body, envelope };
  const model = normalise(document, path, options.creating, faults);
  return faults.length > 0 ? { ok: false, faults } : { ok: true, document: { ...document, source, model } };
}
