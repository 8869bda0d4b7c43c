/** The contracts as one OpenAPI 3.1 document. */

import type { Contract, Operation, Parameter } from './form.ts';
import { contracts } from './index.ts';
import { schemaWriter, type JsonObject } from './openapi-schema.ts';

export interface OpenApiOptions {
  /** Whether this server has a handler for the operation. */
  implemented(product: string, version: string, action: string): boolean;
  /** Addresses of this server, such as `http://localhost:8080`. */
  readonly servers: readonly string[];
  /** The name of the session cookie. */
  readonly sessionCookie?: string;
}

const doorText = `Signed calls go to this one path, as the vendor's clients send them: the operation is named by the headers
x-acs-action and x-acs-version (signature ACS3-HMAC-SHA256) or by the parameters Action and Version (signature HMAC-SHA1).
Parameters may stand in the query, in a form body or in a JSON body. The operations and their parameters are those of the
other paths of this document; those paths take the same calls from a console session. GET and POST mean the same.`;

/**
 * Builds the document: one path `/api/<product>/<version>/<Action>` for every operation of every contract and `/` for
 * signed calls. `x-millrace-implemented` tells what this server can do; the rest is documented with its 501 answer.
 */
export function buildOpenApiDocument(options: OpenApiOptions): JsonObject {
  const schemas: JsonObject = { Error: errorSchema };
  const paths: JsonObject = { '/': { post: signedDoor } };
  const tags: JsonObject[] = [];
  for (const contract of contracts.values()) {
    const write = schemaWriter(contract, schemas);
    const modules = new Set<string>();
    for (const operation of contract.operations.values()) {
      modules.add(operation.module);
      const implemented = options.implemented(contract.product, contract.version, operation.name);
      const verb = operation.method === 'GET' ? 'get' : 'post';
      paths[`/api/${contract.product}/${contract.version}/${operation.name}`] = {
        [verb]: operationObject(contract, operation, implemented, write),
      };
    }
    for (const module of modules) tags.push({ name: tagOf(contract, module) });
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Millrace OpenAPI',
      version: '1.0.0',
      description: 'Every operation of every contract. x-millrace-implemented tells whether this server implements it.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: options.servers.map((url) => ({ url })),
    tags,
    paths,
    components: { schemas, responses, securitySchemes: securitySchemes(options.sessionCookie ?? 'millrace_session') },
  };
}

type SchemaWriter = ReturnType<typeof schemaWriter>;

function operationObject(contract: Contract, operation: Operation, implemented: boolean, write: SchemaWriter): JsonObject {
  const inQuery = operation.parameters.filter((parameter) => operation.method === 'GET' || parameter.in === 'query');
  const inForm = operation.parameters.filter((parameter) => !inQuery.includes(parameter));
  const formerNames = [...contract.formerActions].filter(([, present]) => present === operation.name).map(([former]) => former);
  return {
    operationId: `${contract.product}_${contract.version}_${operation.name}`,
    tags: [tagOf(contract, operation.module)],
    ...(operation.summary === undefined ? {} : { summary: operation.summary }),
    ...(operation.replacedBy === undefined ? {} : { description: `Replaced by ${operation.replacedBy}.` }),
    ...(operation.deprecated ? { deprecated: true } : {}),
    'x-millrace-implemented': implemented,
    'x-millrace-access': operation.access,
    ...(formerNames.length === 0 ? {} : { 'x-millrace-former-names': formerNames }),
    ...securityOf(operation),
    parameters: [...inQuery.map((parameter) => queryParameter(parameter, write)), ...mannersOf(operation)],
    ...(inForm.length === 0 ? {} : { requestBody: formBody(inForm, write) }),
    responses: {
      200: success(operation, implemented, write),
      ...(implemented ? {} : { 501: { $ref: '#/components/responses/NotImplemented' } }),
      default: { $ref: '#/components/responses/Error' },
    },
  };
}

/** What every write takes beside its own parameters, in whichever place. A parameter of the operation's own of that name has its own meaning. */
function mannersOf(operation: Operation): JsonObject[] {
  if (operation.access === 'read' || operation.sessionOnly) return [];
  return manners.filter(({ name }) => !operation.parameters.some((parameter) => parameter.name === name));
}

const manners: readonly (JsonObject & { readonly name: string })[] = [
  {
    name: 'ClientToken',
    in: 'query',
    required: false,
    description: 'A token of the caller. The same request under the same token happens once and is answered alike for a day; with other parameters it is refused.',
    schema: { type: 'string', maxLength: 128 },
  },
  {
    name: 'DryRun',
    in: 'query',
    required: false,
    description: 'With true nothing happens; the answer tells in DryRun which rows would be written, which events raised and which extensions asked. The header x-millrace-dry-run does the same.',
    schema: { type: 'boolean', default: false },
  },
];

function tagOf(contract: Contract, module: string): string {
  return `${contract.product} ${contract.version}: ${module}`;
}

function securityOf(operation: Operation): JsonObject {
  if (operation.name === 'Login' && operation.sessionOnly) return { security: [] };
  return { security: [operation.access === 'write' ? { session: [], csrf: [] } : { session: [] }] };
}

/** Structured parameters in the query: JSON text, comma-joined elements, or numbered names that JSON text replaces. */
function queryParameter(parameter: Parameter, write: SchemaWriter): JsonObject {
  const base = { name: parameter.name, in: 'query', required: parameter.required, ...(parameter.deprecated === true ? { deprecated: true } : {}) };
  const schema = write(parameter);
  switch (parameter.encoding) {
    case 'none':
      return { ...base, schema };
    case 'simple':
      return { ...base, style: 'form', explode: false, schema };
    case 'json':
    case 'flat':
      return { ...base, 'x-millrace-encoding': parameter.encoding, content: { 'application/json': { schema } } };
  }
}

function formBody(parameters: readonly Parameter[], write: SchemaWriter): JsonObject {
  const schema: JsonObject = {
    type: 'object',
    properties: Object.fromEntries(parameters.map((parameter) => [parameter.name, write(parameter)])),
  };
  const required = parameters.filter((parameter) => parameter.required).map((parameter) => parameter.name);
  if (required.length > 0) schema['required'] = required;
  const encoding = Object.fromEntries(
    parameters
      .filter((parameter) => parameter.encoding !== 'none')
      .map((parameter) => [parameter.name, parameter.encoding === 'simple' ? { style: 'form', explode: false } : { contentType: 'application/json' }]),
  );
  return {
    required: required.length > 0,
    content: {
      'application/json': { schema },
      'application/x-www-form-urlencoded': { schema, ...(Object.keys(encoding).length === 0 ? {} : { encoding }) },
    },
  };
}

function success(operation: Operation, implemented: boolean, write: SchemaWriter): JsonObject {
  const schema = write(operation.response);
  const content = { 'application/json': { schema } };
  return {
    description: implemented ? 'The call succeeded.' : 'The answer by the contract, which this server does not give yet.',
    content: operation.stream === 'sse' ? { ...content, 'text/event-stream': { schema: { type: 'string' } } } : content,
  };
}

const errorSchema: JsonObject = {
  type: 'object',
  required: ['RequestId', 'Code', 'Message'],
  properties: {
    RequestId: { type: 'string' },
    HostId: { type: 'string' },
    Code: { type: 'string' },
    Message: { type: 'string' },
    Recommend: { type: 'string', description: 'What to do about it.' },
    AccessDeniedDetail: { type: 'object' },
  },
};

const errorContent = { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } };

const responses: JsonObject = {
  Error: { description: 'The call failed. 4xx: something about the call, 5xx: something about the server.', content: errorContent },
  NotImplemented: { description: 'The operation belongs to the contract, but this server does not implement it.', content: errorContent },
};

const signedDoor: JsonObject = {
  operationId: 'signedCall',
  summary: 'Any operation, called with a signature.',
  description: doorText,
  'x-millrace-implemented': true,
  security: [{ signature: [] }],
  parameters: [
    { name: 'x-acs-action', in: 'header', required: false, schema: { type: 'string' } },
    { name: 'x-acs-version', in: 'header', required: false, schema: { type: 'string' } },
    { name: 'Action', in: 'query', required: false, schema: { type: 'string' } },
    { name: 'Version', in: 'query', required: false, schema: { type: 'string' } },
    { name: 'RegionId', in: 'query', required: false, schema: { type: 'string' } },
  ],
  requestBody: {
    required: false,
    content: {
      'application/x-www-form-urlencoded': { schema: { type: 'object' } },
      'application/json': { schema: { type: 'object' } },
    },
  },
  responses: {
    200: {
      description: 'The answer of the operation.',
      content: { 'application/json': { schema: { type: 'object', properties: { RequestId: { type: 'string' } } } } },
    },
    default: { $ref: '#/components/responses/Error' },
  },
};

function securitySchemes(sessionCookie: string): JsonObject {
  return {
    signature: {
      type: 'apiKey',
      in: 'header',
      name: 'authorization',
      description: 'ACS3-HMAC-SHA256 over the request, made with an AccessKey secret. HMAC-SHA1 signatures travel as the parameter Signature instead.',
    },
    session: { type: 'apiKey', in: 'cookie', name: sessionCookie, description: 'The console session that Login opens.' },
    csrf: { type: 'apiKey', in: 'header', name: 'x-csrf-token', description: 'The CsrfToken of Login or GetCaller, for writes by a session.' },
  };
}
