import { useQuery } from '@tanstack/react-query';

/** The OpenAPI document that the gateway gives of itself, as far as the console reads it. */

export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly enum?: readonly (string | number)[];
  readonly default?: string | number | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly contentMediaType?: string;
  readonly deprecated?: boolean;
}

/** One parameter of an operation, wherever the official clients put it. */
export interface DocumentedParameter {
  readonly name: string;
  readonly required: boolean;
  readonly schema: Schema;
  /** The elements are joined with commas; everything else that is no scalar is JSON text. */
  readonly joined: boolean;
}

export interface DocumentedOperation {
  readonly product: string;
  readonly version: string;
  readonly action: string;
  readonly module: string;
  readonly summary: string;
  readonly implemented: boolean;
  readonly write: boolean;
  readonly deprecated: boolean;
  readonly sessionOnly: boolean;
  readonly parameters: readonly DocumentedParameter[];
  readonly response: Schema | undefined;
}

interface RawOperation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly deprecated?: boolean;
  readonly 'x-millrace-implemented'?: boolean;
  readonly 'x-millrace-access'?: string;
  readonly parameters?: readonly { readonly name: string; readonly required?: boolean; readonly schema?: Schema; readonly explode?: boolean; readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema; readonly encoding?: Readonly<Record<string, { readonly explode?: boolean }>> }>> };
  readonly responses?: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }>>;
}

export interface ApiDocument {
  readonly operations: readonly DocumentedOperation[];
  /** Follows a reference to a shared schema. */
  resolve(schema: Schema): Schema;
}

const addressed = /^\/api\/([^/]+)\/([^/]+)\/([^/]+)$/;
/** Signing in and out make no sense with a signature. */
const ofSessions = new Set(['Login', 'Logout']);

async function load(signal: AbortSignal): Promise<ApiDocument> {
  const response = await fetch('/openapi.json', { signal });
  if (!response.ok) throw new Error(`/openapi.json: HTTP ${response.status}`);
  const raw = (await response.json()) as { readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>; readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> } };
  const schemas = raw.components?.schemas ?? {};
  const operations: DocumentedOperation[] = [];
  for (const [path, verbs] of Object.entries(raw.paths)) {
    const [, product, version, action] = addressed.exec(path) ?? [];
    const operation = Object.values(verbs)[0];
    if (product === undefined || version === undefined || action === undefined || operation === undefined) continue;
    operations.push(readOperation({ product, version, action }, operation));
  }
  return {
    operations,
    resolve: (schema) => (schema.$ref === undefined ? schema : (schemas[schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)] ?? {})),
  };
}

function readOperation(name: { product: string; version: string; action: string }, raw: RawOperation): DocumentedOperation {
  const inQuery = (raw.parameters ?? []).map((parameter) => ({
    name: parameter.name,
    required: parameter.required === true,
    schema: parameter.schema ?? parameter.content?.['application/json']?.schema ?? {},
    joined: parameter.explode === false,
  }));
  const form = raw.requestBody?.content['application/x-www-form-urlencoded'];
  const inForm = Object.entries(form?.schema.properties ?? {}).map(([field, schema]) => ({
    name: field,
    required: form?.schema.required?.includes(field) === true,
    schema,
    joined: form?.encoding?.[field]?.explode === false,
  }));
  return {
    ...name,
    module: (raw.tags?.[0] ?? '').split(': ').at(-1) ?? '',
    summary: raw.summary ?? '',
    implemented: raw['x-millrace-implemented'] === true,
    write: raw['x-millrace-access'] === 'write',
    deprecated: raw.deprecated === true,
    sessionOnly: ofSessions.has(name.action) && name.product === 'open-platform',
    parameters: [...inQuery, ...inForm].toSorted((one, other) => Number(other.required) - Number(one.required)),
    response: raw.responses?.['200']?.content?.['application/json']?.schema,
  };
}

/** The document is read once: it changes only with a new version of the server. */
export function useApiDocument() {
  return useQuery({ queryKey: ['document'], queryFn: ({ signal }) => load(signal), staleTime: Number.POSITIVE_INFINITY });
}
