import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { contracts } from '../../../contract/index.ts';
import type { Node, Parameter } from '../../../contract/index.ts';
import { compileDecoder, decoderFor } from './decode.ts';
import { encodePairs, encodeParameter, flatten, parameter } from './encode.fixture.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { mergeParameters, readJsonBody } from './merge.ts';
import { decodeFormBody, decodePairs } from './pairs.ts';
import type { Pair } from './pairs.ts';

const wide = { maxParameters: 100_000, maxNameLength: 100_000, maxValueLength: 10_000_000 };
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }).filter((one) => !one.includes('.') && one !== '__proto__');

interface Typed {
  readonly node: Node;
  readonly values: fc.Arbitrary<unknown>;
}

const scalar: fc.Arbitrary<Typed> = fc.constantFrom<Typed[]>(
  { node: { type: 'string' }, values: text },
  { node: { type: 'boolean' }, values: fc.boolean() },
  { node: { type: 'int32' }, values: fc.integer() },
  { node: { type: 'int64' }, values: fc.maxSafeInteger() },
  { node: { type: 'double' }, values: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0) },
);

/** Types with values that every encoding can carry: none is empty, since flattened names cannot say "an empty list". */
const { composite } = fc.letrec<{ composite: Typed; any: Typed }>((tie) => ({
  any: fc.oneof({ depthSize: 'small', maxDepth: 3 }, scalar, tie('composite')),
  composite: fc.oneof(
    tie('any').map((item) => ({ node: { type: 'array', items: item.node }, values: fc.array(item.values, { minLength: 1, maxLength: 12 }) })),
    tie('any').map((item) => ({ node: { type: 'map', values: item.node }, values: fc.dictionary(key, item.values, { minKeys: 1, maxKeys: 5, noNullPrototype: true }) })),
    fc.array(tie('any'), { minLength: 1, maxLength: 4 }).map((fields) => ({
      node: { type: 'object', properties: Object.fromEntries(fields.map((field, index) => [`Field${index}`, field.node])) },
      values: fc.record(Object.fromEntries(fields.map((field, index) => [`Field${index}`, field.values])), { noNullPrototype: true }),
    })),
  ) as fc.Arbitrary<Typed>,
}));

const typedValue = (typed: fc.Arbitrary<Typed>) => typed.chain(({ node, values }) => values.map((value) => ({ node, value })));

function decodeText(parameters: readonly Parameter[], query: string, form: string): unknown {
  const queryPairs = decodePairs(query, 'query', wide);
  const formPairs = decodeFormBody(Buffer.from(form), wide);
  assert.ok(queryPairs.ok && formPairs.ok);
  return compileDecoder(parameters)(mergeParameters(queryPairs.pairs, formPairs.pairs));
}

/** Whatever the contract says the encoding is, all of these ways must lead to the same value. */
function assertAllWays(declared: Parameter, ways: readonly (readonly Pair[])[], value: unknown): void {
  const expected = { ok: true, request: { P: value } };
  for (const pairs of ways) {
    assert.deepEqual(decodeText([declared], encodePairs(pairs), ''), expected);
    assert.deepEqual(decodeText([declared], '', encodePairs(pairs)), expected);
    // Half of a flattened value in the query, the other half in the form.
    const half = Math.floor(pairs.length / 2);
    assert.deepEqual(decodeText([declared], encodePairs(pairs.slice(half)), encodePairs(pairs.slice(0, half))), expected);
  }
  const body = readJsonBody(Buffer.from(JSON.stringify({ P: value })), { maxDepth: 32 });
  assert.ok(body.ok);
  assert.deepEqual(compileDecoder([declared])(mergeParameters([], [], body.value)), expected);
}

test('encode then decode is the identity for scalars', () => {
  fc.assert(
    fc.property(typedValue(scalar), ({ node, value }) => {
      const declared = parameter('P', node);
      assertAllWays(declared, [encodeParameter(declared, value)], value);
    }),
    { numRuns: 500 },
  );
});

test('encode then decode is the identity for lists, objects and maps, as JSON and flattened', () => {
  fc.assert(
    fc.property(typedValue(composite), fc.constantFrom('json', 'flat'), ({ node, value }, encoding) => {
      // An empty text inside flattened names is absent for all but strings, and all others are never empty here.
      assertAllWays(parameter('P', node, encoding), [[['P', JSON.stringify(value)]], flatten('P', value)], value);
    }),
    { numRuns: 500 },
  );
});

test('encode then decode is the identity for comma lists', () => {
  const item = text.filter((one) => !one.includes(','));
  const lists = fc.array(item, { minLength: 1, maxLength: 10 }).filter((list) => !(list[0] as string).startsWith('[') && list.join(',') !== '');
  fc.assert(
    fc.property(lists, (list) => {
      const declared = parameter('P', { type: 'array', items: { type: 'string' } }, 'simple');
      assertAllWays(declared, [encodeParameter(declared, list), [['P', JSON.stringify(list)]], flatten('P', list)], list);
    }),
  );
});

const operations = [...contracts.values()].flatMap((contract) => [...contract.operations.values()]);

/** Names that hit the parameters of an operation often, alone and with flattened steps. */
function garbageFor(parameters: readonly Parameter[]) {
  const name = fc.oneof(
    fc.constantFrom('__proto__', 'constructor', '.', '', ...parameters.map((one) => one.name)),
    fc.tuple(fc.constantFrom('X', ...parameters.map((one) => one.name)), fc.array(fc.oneof(fc.constantFrom('1', '2', '0', '999999999', '__proto__', ''), key), { minLength: 1, maxLength: 40 })).map(([root, steps]) => [root, ...steps].join('.')),
    text,
  );
  const value = fc.oneof(text, fc.constantFrom('', 'null', '[', '{}', '[[]]', 'true', '1e999', '9'.repeat(50), '[null]', '{"__proto__":1}', '['.repeat(10_000)), fc.json());
  const pairs = fc.array(fc.tuple(name, value), { maxLength: 15 });
  const body = fc.dictionary(fc.oneof(fc.constantFrom('X', ...parameters.map((one) => one.name)), name), fc.jsonValue() as fc.Arbitrary<JsonValue>, { noNullPrototype: true });
  return fc.tuple(pairs, pairs, fc.option(body as fc.Arbitrary<JsonObject>, { nil: undefined }));
}

test('no request makes any operation of the contract throw, and a problem is always named', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...operations).chain(({ parameters }) => garbageFor(parameters).map((place) => ({ parameters, place }))),
      ({ parameters, place: [query, form, body] }) => {
        const merged = mergeParameters(query, form, body);
        for (const strict of [true, false]) {
          const result = decoderFor(parameters, strict)(merged);
          if (result.ok) assert.equal(Object.getPrototypeOf(result.request), Object.prototype);
          else for (const problem of result.problems) assert.ok(problem.name !== '' && problem.expected !== '' && problem.got !== '');
        }
      },
    ),
    { numRuns: 1500 },
  );
});

test('requests made to be slow are decoded in linear time', () => {
  const list: Parameter[] = [parameter('P', { type: 'array', items: { type: 'object', properties: { A: { type: 'int32', required: true }, B: { type: 'string', enum: ['x'] } } } }, 'flat')];
  const any: Parameter[] = [parameter('P', { type: 'any' }, 'json')];
  const many = (make: (index: number) => Pair) => Array.from({ length: 5000 }, (_, index) => make(index));
  const attacks: [Parameter[], Pair[]][] = [
    [list, many((index) => [`P.${index + 1}.B`, 'y'])],
    [list, many((index) => [`P.${5000 - index}.A`, '1'])],
    [list, many((index) => [`P.${999_999_999 - index}.A`, '1'])],
    [list, [['P', `[${'{},'.repeat(500_000)}{}]`]]],
    [list, [['P', '['.repeat(4_000_000)]]],
    [any, many((index) => [`P${'.a'.repeat(31)}.${index}`, 'x'])],
    [any, many((index) => [`P.${'.'.repeat(index % 500)}`, 'x'])],
    [[parameter('P', { type: 'array', items: { type: 'int64' } }, 'simple')], [['P', ','.repeat(1_000_000)]]],
    [[parameter('P', { type: 'string', format: 'sort', enum: ['Id'] })], [['P', ' '.repeat(4_000_000)]]],
    [[parameter('P', { type: 'double' })], [['P', '1'.repeat(4_000_000)]]],
    [[parameter('P', { type: 'string', format: 'yyyy-MM-dd' })], [['P', '1'.repeat(4_000_000)]]],
  ];
  for (const [at, [parameters, pairs]] of attacks.entries()) {
    const start = performance.now();
    compileDecoder(parameters)(mergeParameters(pairs, []));
    const milliseconds = performance.now() - start;
    assert.ok(milliseconds < 1500, `attack ${at} took ${milliseconds} ms`);
  }
});
