import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, ObjectNode, Parameter } from '../../../contract/index.ts';
import { findOperation } from '../../../contract/index.ts';
import { compileDecoder, decoderFor } from './decode.ts';
import type { DecodeOptions, DecodeResult } from './decode.ts';
import { parameter } from './encode.fixture.ts';
import type { JsonObject } from './json.ts';
import { mergeParameters, readJsonBody } from './merge.ts';
import type { Pair } from './pairs.ts';

type Place = { query?: Record<string, string>; form?: Record<string, string>; json?: JsonObject };

function decode(parameters: readonly Parameter[], place: Place, options?: DecodeOptions): DecodeResult {
  const pairs = (values: Record<string, string> = {}): Pair[] => Object.entries(values);
  return compileDecoder(parameters, options)(mergeParameters(pairs(place.query), pairs(place.form), place.json));
}

/** Decodes one parameter `P` from a query value; answers the value, or the problem as `Code path`. */
function one(node: Node, text: string, encoding: Parameter['encoding'] = 'none', options?: DecodeOptions): unknown {
  return outcome(decode([parameter('P', node, encoding)], { query: { P: text } }, options));
}

/** The same from a member of a JSON body. */
function fromJson(node: Node, value: JsonObject[string], encoding: Parameter['encoding'] = 'none'): unknown {
  return outcome(decode([parameter('P', node, encoding)], { json: { P: value } }));
}

function outcome(result: DecodeResult): unknown {
  return result.ok ? result.request['P'] : result.problems.map(({ code, name }) => `${code} ${name}`).join(', ');
}

const INVALID = 'InvalidParameter P';
const strings: Node = { type: 'array', items: { type: 'string' } };
const numbers: Node = { type: 'array', items: { type: 'int64' } };

test('integers come from digits, JSON numbers and quoted numbers, within their range', () => {
  const accepted: [Node, string, number][] = [
    [{ type: 'int64' }, '9007199254740991', 9007199254740991],
    [{ type: 'int64' }, '-9007199254740991', -9007199254740991],
    [{ type: 'int32' }, '2147483647', 2147483647],
    [{ type: 'int32' }, '-2147483648', -2147483648],
    [{ type: 'int32' }, '007', 7],
    [{ type: 'int32' }, '-0', 0],
  ];
  for (const [node, text, value] of accepted) {
    assert.equal(one(node, text), value);
    assert.equal(fromJson(node, text), value);
    assert.equal(fromJson(node, value), value);
  }
  for (const text of ['9007199254740992', '9007199254740993', '1e3', '1.0', '+1', ' 1', '0x10', 'abc', '-', '--1', '١', '1'.repeat(1000), 'Infinity', 'NaN']) {
    assert.equal(one({ type: 'int64' }, text), INVALID, text);
  }
  for (const text of ['2147483648', '-2147483649']) assert.equal(one({ type: 'int32' }, text), INVALID, text);
  for (const value of [1.5, 2 ** 53, true, {}, [1]] as const) assert.equal(fromJson({ type: 'int64' }, value as never), INVALID);
  assert.equal(one({ type: 'int32', minimum: 1, maximum: 100 }, '0'), INVALID);
  assert.equal(one({ type: 'int32', minimum: 1, maximum: 100 }, '101'), INVALID);
  assert.equal(one({ type: 'int32', minimum: 1, maximum: 100 }, '100'), 100);
});

test('decimal numbers and booleans', () => {
  assert.equal(one({ type: 'double' }, '-1.5e-3'), -0.0015);
  for (const text of ['1.', '.5', '1e999', '0x1', 'Infinity', '']) {
    assert.equal(one({ type: 'double' }, text), text === '' ? undefined : INVALID, text);
  }
  for (const text of ['true', 'TRUE', 'True']) assert.equal(one({ type: 'boolean' }, text), true);
  for (const text of ['false', 'False']) assert.equal(one({ type: 'boolean' }, text), false);
  for (const text of ['1', '0', 'yes', 'truee']) assert.equal(one({ type: 'boolean' }, text), INVALID);
  assert.equal(fromJson({ type: 'boolean' }, 'False'), false);
  assert.equal(fromJson({ type: 'boolean' }, 1), INVALID);
});

test('ids typed string may come as numbers', () => {
  assert.equal(fromJson({ type: 'string' }, 860438872620113), '860438872620113');
  assert.equal(fromJson({ type: 'string' }, 1.5), '1.5');
  assert.equal(fromJson({ type: 'string' }, true), 'true');
  assert.equal(fromJson({ type: 'string' }, 2 ** 60), INVALID);
  assert.equal(fromJson({ type: 'string' }, { a: 1 }), INVALID);
  assert.deepEqual(one(strings, '[1,"2"]', 'json'), ['1', '2']);
});

test('null and absent are the same, the empty text is absent for all but strings', () => {
  for (const node of [{ type: 'int32' }, { type: 'boolean' }, strings, { type: 'object', properties: {} }, { type: 'any' }] as const) {
    assert.equal(one(node, '', 'json'), undefined, node.type);
    assert.equal(fromJson(node, null, 'json'), undefined, node.type);
  }
  assert.equal(one(strings, 'null', 'json'), undefined);
  assert.equal(one({ type: 'string' }, ''), '');
  assert.equal(one({ type: 'string', enum: ['A'] }, ''), undefined);
  assert.equal(one({ type: 'string', format: 'yyyy-MM-dd' }, ''), undefined);
  assert.equal(one({ type: 'string', format: 'comma-list', enum: ['A'] }, ''), '');
  assert.equal(one({ type: 'string', format: 'json' }, ''), '');
  assert.deepEqual(one(strings, '["a",null]', 'json'), ['a']);

  const required = (node: Node, place: Place) => outcome(decode([parameter('P', node, 'none', true)], place));
  assert.equal(required({ type: 'int32' }, {}), 'MissingParameter P');
  assert.equal(required({ type: 'int32' }, { query: { P: '' } }), 'MissingParameter P');
  assert.equal(required({ type: 'int32' }, { query: { P: 'x' } }), INVALID);
  assert.equal(required({ type: 'string' }, { json: { P: null } }), 'MissingParameter P');
  assert.equal(required({ type: 'string' }, { form: { P: '' } }), '');
});

test('enumerations are strict unless told otherwise', () => {
  assert.equal(one({ type: 'string', enum: ['Dev', 'Prod'] }, 'Prod'), 'Prod');
  assert.equal(one({ type: 'string', enum: ['Dev', 'Prod'] }, 'prod'), INVALID);
  assert.equal(one({ type: 'string', enum: ['Dev', 'Prod'] }, 'prod', 'none', { strictEnums: false }), 'prod');
  assert.equal(one({ type: 'string', enum: ['Dev', 'Prod'], enumOpen: true }, 'prod'), 'prod');
  assert.equal(one({ type: 'int32', enum: [1, 3] }, '3'), 3);
  assert.equal(one({ type: 'int32', enum: [1, 3] }, '2'), INVALID);
  assert.equal(one({ type: 'string', format: 'comma-list', enum: ['A', 'B'] }, 'B,A'), 'B,A');
  assert.equal(one({ type: 'string', format: 'comma-list', enum: ['A', 'B'] }, 'B,C'), INVALID);
  assert.equal(one({ type: 'string', format: 'sort', enum: ['Id', 'Name'] }, 'Id Desc'), 'Id Desc');
  assert.equal(one({ type: 'string', format: 'sort', enum: ['Id', 'Name'] }, 'Id Up'), INVALID);
});

test('formats and lengths are checked', () => {
  assert.equal(one({ type: 'string', maxLength: 2 }, '😀😀'), '😀😀');
  assert.equal(one({ type: 'string', maxLength: 2 }, 'abc'), INVALID);
  assert.equal(one({ type: 'string', format: 'json' }, '{"a":'), INVALID);
  assert.equal(one({ type: 'string', format: 'json' }, '{"a":1}'), '{"a":1}');
  assert.equal(fromJson({ type: 'string', format: 'json' }, { a: [1] }), '{"a":[1]}');
  const dates: [string, string, boolean][] = [
    ['yyyy-MM-dd HH:mm:ss', '2026-01-15 00:00:00', true],
    ['yyyy-MM-dd HH:mm:ss', '2026-01-15', false],
    ['yyyy-MM-dd HH:mm:ss', '2026-1-15 00:00:00', false],
    ["yyyy-MM-dd'T'HH:mm:ssZ", '2026-01-15T00:00:00+0800', true],
    ["yyyy-MM-dd'T'HH:mm:ssZ", '2026-01-15T00:00:00Z', true],
    ["yyyy-MM-dd'T'HH:mm:ssZ", '2026-01-15 00:00:00', false],
    ['HH:mm', '23:59', true],
    ['HH:mm', '23:59:00', false],
    ['yyyyMMdd', '20260115', true],
    ['date-time', '2026-01-15T00:00:00.5+08:00', true],
    ['date-time', 'tomorrow', false],
    ['epoch-ms-string', '1768465845000', true],
    ['epoch-ms-string', '-1', false],
  ];
  for (const [format, text, good] of dates) assert.equal(one({ type: 'string', format }, text), good ? text : INVALID, `${format} ${text}`);
  assert.equal(one({ type: 'int64', format: 'epoch-ms' }, '1768465845000'), 1768465845000);
});

test('a list arrives as JSON text, comma list, flattened names or a real array', () => {
  for (const encoding of ['json', 'simple', 'flat'] as const) {
    const parameters: Parameter[] = [parameter('P', numbers, encoding)];
    assert.deepEqual(outcome(decode(parameters, { query: { P: '[1,"2"]' } })), [1, 2], encoding);
    assert.deepEqual(outcome(decode(parameters, { form: { 'P.2': '2', 'P.1': '1' } })), [1, 2], encoding);
    assert.deepEqual(outcome(decode(parameters, { json: { P: [1, '2'] } })), [1, 2], encoding);
    assert.deepEqual(outcome(decode(parameters, { json: { 'P.1': 1, 'P.2': 2 } })), [1, 2], encoding);
  }
  assert.deepEqual(one(strings, 'TABLE,VIEW', 'simple'), ['TABLE', 'VIEW']);
  assert.deepEqual(one(numbers, '1,2', 'simple'), [1, 2]);
  assert.equal(one(numbers, '1,x', 'simple'), 'InvalidParameter P.2');
  assert.equal(one(strings, 'a,b', 'json'), INVALID);
  assert.equal(one(strings, '{"a":1}', 'json'), INVALID);
  assert.equal(fromJson(strings, 5, 'json'), INVALID);
  const commaList: Node = { type: 'string', format: 'comma-list' };
  assert.equal(fromJson(commaList, [1, 'b']), '1,b');
  assert.equal(outcome(decode([parameter('P', commaList)], { query: { 'P.1': 'a', 'P.2': 'b' } })), 'a,b');
});

const column: ObjectNode = {
  type: 'object',
  properties: {
    ColumnName: { type: 'string', required: true },
    Length: { type: 'int32' },
    Nested: { type: 'array', items: { type: 'object', properties: { Key: { type: 'boolean' } } } },
  },
};
const columns: Node = { type: 'array', items: column };

test('flattened lists of objects', () => {
  const decodeColumns = (query: Record<string, string>) => outcome(decode([parameter('P', columns, 'flat')], { query }));
  assert.deepEqual(
    decodeColumns({ 'P.10.ColumnName': 'c', 'P.2.ColumnName': 'b', 'P.2.Length': '5', 'P.1.ColumnName': 'a', 'P.1.Nested.1.Key': 'TRUE', 'P.1.Other': 'x' }),
    [{ ColumnName: 'a', Nested: [{ Key: true }] }, { ColumnName: 'b', Length: 5 }, { ColumnName: 'c' }],
  );
  assert.equal(decodeColumns({ 'P.1.ColumnName': 'a', 'P.2.Length': 'x' }), 'MissingParameter P.2.ColumnName, InvalidParameter P.2.Length');
  assert.deepEqual(decodeColumns({ 'P.1': '{"ColumnName":"a","Extra":1}' }), [{ ColumnName: 'a' }]);
  assert.equal(decodeColumns({ 'P.1': 'text' }), 'InvalidParameter P.1');
  assert.equal(decodeColumns({ 'P.1.Nested.0.Key': 'true', 'P.1.ColumnName': 'a' }), 'InvalidParameter P.1.Nested.0');
  for (const key of ['0', '01', '-1', '1e1', '10001', '999999999', '99999999999999999999', 'x', '']) {
    assert.equal(decodeColumns({ [`P.${key}.ColumnName`]: 'a' }), `InvalidParameter P.${key}`);
  }
  assert.deepEqual(decodeColumns({ 'P.10000.ColumnName': 'a' }), [{ ColumnName: 'a' }]);
});

test('maps take free keys but never a prototype', () => {
  const map: Node = { type: 'map', values: { type: 'string' } };
  assert.deepEqual(one(map, '{"a":1,"b":null,"constructor":"c"}', 'json'), { a: '1', constructor: 'c' });
  assert.deepEqual(outcome(decode([parameter('P', map, 'flat')], { query: { 'P.a': '1', 'P.odps.sql.x': '2', 'P.__proto__': '3' } })), { a: '1', 'odps.sql.x': '2' });
  const polluting = '{"__proto__":{"polluted":true},"a":{"\\u005f_proto__":{"polluted":true},"b":1}}';
  for (const node of [{ type: 'any' }, { type: 'map', values: { type: 'any' } }] as const) {
    const value = one(node, polluting, 'json');
    assert.deepEqual(value, { a: { b: 1 } });
    assert.ok(!('polluted' in Object.assign({}, value)));
  }
  const body = readJsonBody(Buffer.from(polluting), { maxDepth: 8 });
  assert.deepEqual(body, { ok: true, value: { a: { b: 1 } } });
  const flatAny = outcome(decode([parameter('P', { type: 'any' }, 'json')], { query: { 'P.__proto__.polluted': '1', 'P.a': '2', 'P.b.2': 'y', 'P.b.1': 'x' } }));
  assert.deepEqual(flatAny, { a: '2', b: ['x', 'y'] });
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('properties of Object.prototype are not parameters', () => {
  const properties = Object.fromEntries<Node>([['constructor', { type: 'string' }], ['toString', { type: 'any' }]]);
  const node: Node = { type: 'object', properties };
  assert.deepEqual(one(node, '{}', 'json'), {});
  assert.deepEqual(decode([parameter('constructor', { type: 'string' }), parameter('toString', { type: 'any' })], { json: {} }), { ok: true, request: {} });
});

test('the query wins over the form, the form over the JSON body, the first over the second', () => {
  const parameters = [parameter('P', { type: 'string' })];
  assert.equal(outcome(decode(parameters, { query: { P: 'q' }, form: { P: 'f' }, json: { P: 'j' } })), 'q');
  assert.equal(outcome(decode(parameters, { form: { P: 'f' }, json: { P: 'j' } })), 'f');
  const merged = mergeParameters([['P', '1'], ['P', '2']], []);
  assert.equal(outcome(compileDecoder(parameters)(merged)), '1');
  assert.deepEqual(outcome(decode([parameter('P', strings, 'flat')], { query: { P: '["whole"]', 'P.1': 'part' } })), ['whole']);
});

test('a JSON body is an object, or nothing', () => {
  const read = (body: string | Buffer) => readJsonBody(Buffer.from(body as string), { maxDepth: 4 });
  for (const body of ['', ' \n', '{}', '\ufeff{}']) assert.deepEqual(read(body), { ok: true, value: {} }, JSON.stringify(body));
  for (const body of ['[]', 'null', '1', '"a"', '{', '{"a":1}x', "{'a':1}", Buffer.from([0x7b, 0xff, 0x7d])]) {
    const result = read(body);
    assert.ok(!result.ok, String(body));
    assert.equal(result.problem.name, 'body');
  }
  assert.ok(read('{"a":{"b":{"c":[1]}}}').ok === true);
  assert.ok(!read('{"a":{"b":{"c":[[1]]}}}').ok);
});

test('nesting is limited in JSON and in names', () => {
  const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  assert.notEqual(one({ type: 'any' }, deep(32), 'json'), INVALID);
  assert.equal(one({ type: 'any' }, deep(33), 'json'), INVALID);
  assert.equal(one({ type: 'any' }, deep(1_000_000), 'json'), INVALID);
  assert.ok(!readJsonBody(Buffer.from(`{"a":${deep(1_000_000)}}`), { maxDepth: 32 }).ok);
  const name = (depth: number) => `P${'.a'.repeat(depth)}`;
  const nested = (depth: number) => decode([parameter('P', { type: 'any' }, 'json')], { query: { [name(depth)]: '1' } }).ok;
  assert.ok(nested(32));
  assert.ok(!nested(33));
  // A deep name that no parameter knows is only unknown.
  assert.ok(decode([parameter('Q', strings, 'flat')], { query: { [name(200)]: '1' } }).ok);
});

test('problems say where, what was expected and what came, but no more than 20', () => {
  const result = decode([parameter('PageSize', { type: 'int32', minimum: 1, maximum: 100 }), parameter('Env', { type: 'string', enum: ['Dev', 'Prod'] })], {
    query: { PageSize: 'many', Env: 'x'.repeat(100) },
  });
  assert.deepEqual(result, {
    ok: false,
    problems: [
      { code: 'InvalidParameter', name: 'PageSize', expected: 'an integer from 1 to 100', got: 'many' },
      { code: 'InvalidParameter', name: 'Env', expected: 'one of Dev, Prod', got: `${'x'.repeat(40)}…` },
    ],
  });
  const many = decode([parameter('P', numbers, 'json')], { query: { P: JSON.stringify(Array(1000).fill('x')) } });
  assert.equal(!many.ok && many.problems.length, 20);
});

test('the text of a free string never appears in a problem', () => {
  const secret = 'hunter2secret';
  const results = [
    decode([parameter('P', { type: 'string', maxLength: 3 })], { query: { P: secret } }),
    decode([parameter('P', { type: 'string', format: 'json' })], { query: { P: secret } }),
    decode([parameter('P', { type: 'object', properties: {} }, 'json')], { query: { P: secret } }),
    decode([parameter('P', strings, 'json')], { json: { P: { password: secret } } }),
  ];
  for (const result of results) {
    assert.ok(!result.ok);
    assert.ok(!JSON.stringify(result).includes(secret));
  }
});

test('an operation of the contract decodes, and its decoder is compiled once', () => {
  const operation = findOperation('dataworks-public', '2020-05-18', 'CreateTable');
  assert.ok(operation);
  const decoder = decoderFor(operation.parameters, false);
  assert.equal(decoderFor(operation.parameters, false), decoder);
  assert.notEqual(decoderFor(operation.parameters, true), decoder);
  const result = decoder(
    mergeParameters(
      [['TableName', 't_1'], ['RegionId', 'cn-hangzhou']],
      [['Columns.1.ColumnName', '列1'], ['Columns.1.ColumnType', 'bigint'], ['Columns.1.IsPartitionCol', 'false']],
    ),
  );
  assert.deepEqual(result, { ok: true, request: { TableName: 't_1', Columns: [{ ColumnName: '列1', ColumnType: 'bigint', IsPartitionCol: false }] } });
});

test('text that the database cannot keep as it is: refused by name', () => {
  for (const value of ['a\u0000b', '\ud800', 'x\udfffy']) {
    assert.equal(one({ type: 'string' }, value), 'InvalidParameter P');
    assert.equal(fromJson({ type: 'array', items: { type: 'string' } }, ['fine', value]), 'InvalidParameter P.2');
  }
  assert.equal(one({ type: 'string' }, 'a😀\u0001'), 'a😀\u0001');
});
