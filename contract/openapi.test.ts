import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contracts } from './index.ts';
import { buildOpenApiDocument } from './openapi.ts';

interface OperationObject {
  readonly operationId: string;
  readonly 'x-millrace-implemented': boolean;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: unknown }>> };
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Document {
  readonly openapi: string;
  readonly tags: readonly { readonly name: string }[];
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
}

const built = buildOpenApiDocument({
  implemented: (_product, version, action) => version === '2020-05-18' && action === 'GetFile',
  servers: ['http://localhost:8080'],
});
// What a reader of GET /openapi.json gets.
const document = JSON.parse(JSON.stringify(built)) as Document;

function resolve(reference: string): unknown {
  assert.ok(reference.startsWith('#/'), reference);
  let place: unknown = document;
  for (const step of reference.slice(2).split('/')) {
    assert.ok(typeof place === 'object' && place !== null && Object.hasOwn(place, step), reference);
    place = (place as Record<string, unknown>)[step];
  }
  return place;
}

function* referencesWithin(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    if (key === '$ref' && typeof child === 'string') yield child;
    else yield* referencesWithin(child);
  }
}

test('the document has a path for every operation and one for signed calls', () => {
  assert.match(document.openapi, /^3\.1\./);
  assert.deepEqual(document.servers, [{ url: 'http://localhost:8080' }]);
  const paths = Object.keys(document.paths);
  const count = (prefix: string): number => paths.filter((path) => path.startsWith(prefix)).length;
  assert.equal(count('/api/dataworks-public/2020-05-18/'), 315);
  assert.equal(count('/api/dataworks-public/2024-05-18/'), 358);
  const own = contracts.get('open-platform/2026-12-01')?.operations.size ?? 0;
  assert.ok(own > 0);
  assert.equal(count('/api/open-platform/2026-12-01/'), own);
  const beside = contracts.get('OpenPlatform/2019-12-19')?.operations.size ?? 0;
  assert.equal(paths.length, 315 + 358 + own + beside + 1);
  assert.ok(document.paths['/']?.['post']);
});

test('every reference resolves', () => {
  const references = new Set(referencesWithin(document));
  assert.ok(references.size > 20);
  for (const reference of references) assert.ok(resolve(reference));
});

test('operation ids, parameters and tags are as OpenAPI demands', () => {
  const ids = new Set<string>();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const operation of Object.values(item)) {
      assert.ok(!ids.has(operation.operationId), operation.operationId);
      ids.add(operation.operationId);
      const places = operation.parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
      assert.equal(new Set(places).size, places.length, path);
      assert.ok(Object.keys(operation.responses).length > 0, path);
    }
  }
  assert.equal(new Set(document.tags.map((tag) => tag.name)).size, document.tags.length);
});

test('it tells what is implemented, and the rest answers 501', () => {
  const done = document.paths['/api/dataworks-public/2020-05-18/GetFile']?.['post'];
  assert.equal(done?.['x-millrace-implemented'], true);
  assert.equal(done?.responses['501'], undefined);
  const missing = document.paths['/api/dataworks-public/2020-05-18/ListDags']?.['post'];
  assert.equal(missing?.['x-millrace-implemented'], false);
  assert.deepEqual(missing?.responses['501'], { $ref: '#/components/responses/NotImplemented' });
});

test('parameters are described where they travel', () => {
  const create = document.paths['/api/open-platform/2026-12-01/CreateSubscription']?.['post'];
  assert.deepEqual(create?.requestBody?.content['application/json']?.schema, create?.requestBody?.content['application/x-www-form-urlencoded']?.schema);
  const list = document.paths['/api/open-platform/2026-12-01/ListHolds']?.['get'];
  assert.ok(list?.parameters.some((parameter) => parameter.name === 'EventCode' && parameter.in === 'query'));
});

test('every write takes a ClientToken and a DryRun, and no read does', () => {
  const document = buildOpenApiDocument({ implemented: () => true, servers: ['/'] }) as { paths: Record<string, Record<string, { parameters?: { name: string }[]; requestBody?: { content: Record<string, { schema: { properties: Record<string, unknown> } }> } }>> };
  const names = (path: string) => Object.values(document.paths[path] ?? {}).flatMap(({ parameters = [], requestBody }) => [...parameters.map(({ name }) => name), ...Object.keys(requestBody?.content['application/json']?.schema.properties ?? {})]);
  for (const contract of contracts.values()) {
    for (const { product, version, name, access, sessionOnly, parameters } of contract.operations.values()) {
      const taken = names(`/api/${product}/${version}/${name}`);
      for (const manner of ['ClientToken', 'DryRun']) {
        const expected = (access === 'write' && !sessionOnly) || parameters.some((parameter) => parameter.name === manner) ? 1 : 0;
        assert.equal(taken.filter((one) => one === manner).length, expected, `${name} ${manner}`);
      }
    }
  }
});
