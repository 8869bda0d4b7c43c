import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { limits } from '../../kernel/limits.ts';
import { compilePattern, createMatcher, parseEventPattern, parsePattern, PatternError, readPattern, typesOf } from './index.ts';
import { interpret } from './interpreter.fixture.ts';

const matches = (pattern: object, event: object) => compilePattern(readPattern(pattern))(event);

/** Pattern, events that fulfil it, events that do not. Both spellings. */
const vectors: readonly [string, object, readonly object[], readonly object[]][] = [
  ['an exact value', { a: ['x'] }, [{ a: 'x', b: 1 }], [{ a: 'X' }, { a: 'xx' }, { a: null }, {}]],
  ['one of several, of any kind', { a: ['x', 1, true, null] }, [{ a: 'x' }, { a: 1.0 }, { a: true }, { a: null }], [{ a: '1' }, { a: false }, {}]],
  ['an empty text', { a: [''] }, [{ a: '' }], [{ a: ' ' }, { a: null }, {}]],
  ['nothing at all', {}, [{}, { a: 1 }], []],
  ['all fields', { a: [1], b: { c: [2] } }, [{ a: 1, b: { c: 2 } }], [{ a: 1 }, { a: 1, b: 2 }, { a: 1, b: { c: 3 } }]],
  ['any element of a list', { a: ['x'] }, [{ a: ['y', 'x'] }, { a: [['x']] }], [{ a: [] }, { a: [{ x: 'x' }] }]],
  ['the same element of a list of objects', { l: { a: [1], b: [2] } }, [{ l: [{ a: 1, b: 2 }] }, { l: [{}, { a: 1, b: 2 }] }], [{ l: [{ a: 1 }, { b: 2 }] }]],
  ['prefix', { a: [{ prefix: 'ab' }] }, [{ a: 'abc' }, { a: ['x', 'ab'] }], [{ a: 'a' }, { a: 'ABC' }, { a: 12 }]],
  ['prefix, whatever the case', { a: [{ prefix: { 'equals-ignore-case': 'AB' } }] }, [{ a: 'abc' }, { a: 'aBc' }], [{ a: 'xab' }]],
  ['suffix', { a: [{ suffix: '.jpg' }] }, [{ a: 'x.jpg' }], [{ a: '.jpg2' }, { a: 'jpg' }]],
  ['suffix, whatever the case', { a: [{ suffix: { 'equals-ignore-case': '.JPG' } }] }, [{ a: 'x.jpg' }], [{ a: 'x.png' }]],
  ['contains', { a: [{ contains: 'Normal' }] }, [{ a: 'xNormalx' }], [{ a: 'normal' }, {}]],
  ['equals-ignore-case', { a: [{ 'equals-ignore-case': 'ÄB' }] }, [{ a: 'äb' }, { a: 'ÄB' }], [{ a: 'ab' }]],
  ['wildcard', { a: [{ wildcard: 'a*b*c' }] }, [{ a: 'abc' }, { a: 'axxbxxbxc' }], [{ a: 'ab' }, { a: 'abcd' }, { a: 'acb' }]],
  ['wildcard at the ends', { a: [{ wildcard: '*b*' }] }, [{ a: 'b' }, { a: 'abc' }], [{ a: '' }]],
  ['wildcard whose ends may not overlap', { a: [{ wildcard: 'aba*aba' }] }, [{ a: 'abaaba' }], [{ a: 'ababa' }]],
  ['escapes in a wildcard', { a: [{ wildcard: 'a\\*b\\\\*' }] }, [{ a: 'a*b\\' }, { a: 'a*b\\x' }], [{ a: 'axb\\' }]],
  ['anything-but a value', { a: [{ 'anything-but': 'x' }] }, [{ a: 'y' }, { a: 1 }, { a: null }, { a: ['x', 'y'] }], [{ a: 'x' }, {}, { a: [] }, { a: ['x'] }]],
  ['anything-but a list', { a: [{ 'anything-but': ['x', 3] }] }, [{ a: 'y' }, { a: '3' }], [{ a: 'x' }, { a: 3 }]],
  ['anything-but a prefix', { a: [{ 'anything-but': { prefix: 'in' } }] }, [{ a: 'out' }, { a: 5 }], [{ a: 'in' }, { a: 'inner' }, {}]],
  ['anything-but prefixes', { a: [{ 'anything-but': { prefix: ['in', 'un'] } }] }, [{ a: 'out' }], [{ a: 'under' }]],
  ['anything-but a suffix', { a: [{ 'anything-but': { suffix: '.png' } }] }, [{ a: 'a.jpg' }], [{ a: 'a.png' }]],
  ['anything-but, whatever the case', { a: [{ 'anything-but': { 'equals-ignore-case': ['A', 'b'] } }] }, [{ a: 'c' }], [{ a: 'a' }, { a: 'B' }]],
  ['anything-but a wildcard', { a: [{ 'anything-but': { wildcard: '*/lib/*' } }] }, [{ a: '/bin/' }], [{ a: '/lib/x' }]],
  ['numeric', { a: [{ numeric: ['>', 0, '<=', 5] }] }, [{ a: 5 }, { a: 0.1 }], [{ a: 0 }, { a: 5.1 }, { a: '3' }]],
  ['numeric equality', { a: [{ numeric: ['=', 3.018e2] }] }, [{ a: 301.8 }], [{ a: 302 }]],
  ['cidr', { a: [{ cidr: '10.0.0.0/23' }] }, [{ a: '10.0.1.7' }], [{ a: '10.0.2.0' }, { a: '10.0.1' }, { a: 'x' }, { a: '::1' }]],
  ['cidr of version 6', { a: [{ cidr: '2001:db8::/33' }] }, [{ a: '2001:db8:7fff::1' }], [{ a: '2001:db8:8000::1' }, { a: '10.0.0.1' }]],
  ['exists', { a: { b: [{ exists: true }] } }, [{ a: { b: null } }, { a: { b: [0] } }], [{}, { a: {} }, { a: { b: {} } }, { a: { b: [] } }]],
  ['exists not', { a: { b: [{ exists: false }] } }, [{}, { a: {} }, { a: 3 }, { a: { b: { c: 1 } } }], [{ a: { b: null } }, { a: { b: 1 } }]],
  ['exists not, or a value', { a: [{ exists: false }, 'x'] }, [{}, { a: 'x' }], [{ a: 'y' }]],
  ['$or between fields', { s: [1], $or: [{ a: [1] }, { b: [2], c: [3] }] }, [{ s: 1, a: 1 }, { s: 1, b: 2, c: 3 }], [{ a: 1 }, { s: 1, b: 2 }]],
  ['$or in an object', { d: { $or: [{ a: [1] }, { b: [{ exists: false }] }] } }, [{ d: { a: 1, b: 2 } }, {}], [{ d: { b: 2 } }]],
  ['names that every object inherits', { constructor: [{ exists: false }], toString: [{ exists: false }] }, [{}], [JSON.parse('{"constructor": 1}') as object]],
  ['a field named like a condition', { prefix: { suffix: ['x'] } }, [{ prefix: { suffix: 'x' } }], [{}]],
];

test('patterns match as both dialects say', () => {
  for (const [name, pattern, yes, no] of vectors) {
    for (const event of yes) assert.equal(matches(pattern, event), true, `${name}: ${JSON.stringify(event)} fulfils it`);
    for (const event of no) assert.equal(matches(pattern, event), false, `${name}: ${JSON.stringify(event)} does not`);
    for (const event of [...yes, ...no]) if (name !== 'cidr of version 6') assert.equal(interpret(pattern as Record<string, unknown>, event as Record<string, unknown>), yes.includes(event), `${name}, interpreted: ${JSON.stringify(event)}`);
  }
});

test('a fault is told with its place and what is allowed there', () => {
  const fault = (text: string, pointer: string, reason: RegExp) =>
    assert.throws(() => parsePattern(text), (error) => error instanceof PatternError && error.pointer === pointer && reason.test(error.reason), text);
  fault('{"a": ', '$', /not JSON/);
  fault('[1]', '$', /must be an object/);
  fault('{"a": "x"}', '$.a', /list of values, such as \["x"\]/);
  fault('{"a": []}', '$.a', /empty/);
  fault('{"d": {"x{\\"": [":"], "a": [1], "\\u0061": [2]}}', '$.d.a', /twice/);
  fault('{"$or": [{"a": [1]}, {"b": [{"prefix": "x", "prefix": "y"}]}]}', '$.$or[1].b[0].prefix', /twice/);
  fault('{"a": {}}', '$.a', /at least one/);
  fault('{"a": {"prefix": "x"}}', '$.a', /stands in a list/);
  fault('{"a": {"b c": [[1]]}}', '$.a["b c"][0]', /list cannot stand/);
  fault('{"a": [1, {"prefx": "x"}]}', '$.a[1].prefx', /no condition prefx.*prefix/);
  fault('{"a": [{"prefix": "x", "suffix": "y"}]}', '$.a[0]', /exactly one key/);
  fault('{"a": [{"prefix": 3}]}', '$.a[0].prefix', /takes a text, not a number/);
  fault('{"a": [{"prefix": ""}]}', '$.a[0].prefix', /not empty/);
  fault('{"a": [{"numeric": [">"]}]}', '$.a[0].numeric[0]', /missing/);
  fault('{"a": [{"numeric": ["~", 1]}]}', '$.a[0].numeric[0]', /= < <= > >=/);
  fault('{"a": [{"numeric": [">", "1"]}]}', '$.a[0].numeric[1]', /a number, not a text/);
  fault('{"a": [{"numeric": [">", 5, "<", 5]}]}', '$.a[0].numeric', /no number/);
  fault('{"a": [{"numeric": ["=", 5, "<", 5]}]}', '$.a[0].numeric', /no number/);
  fault('{"a": [{"cidr": "10.0.0/8"}]}', '$.a[0].cidr', /block of addresses/);
  fault('{"a": [{"cidr": "10.0.0.0/33"}]}', '$.a[0].cidr', /block of addresses/);
  fault('{"a": [{"exists": "yes"}]}', '$.a[0].exists', /true or false/);
  fault('{"a": [{"wildcard": "a**b"}]}', '$.a[0].wildcard', /character 3 two asterisks/);
  fault('{"a": [{"wildcard": "a\\\\b"}]}', '$.a[0].wildcard', /backslash/);
  fault('{"a": [{"anything-but": {"numeric": ["=", 1]}}]}', '$.a[0]["anything-but"]', /one of prefix/);
  fault('{"a": [{"anything-but": []}]}', '$.a[0]["anything-but"]', /empty/);
  fault('{"a": [{"anything-but": ["x", {}]}]}', '$.a[0]["anything-but"][1]', /takes a text/);
  fault('{"$or": {"a": [1]}}', '$.$or', /at least two/);
  fault('{"$or": [{"a": [1]}, {}]}', '$.$or[1]', /at least one field/);
  assert.throws(() => parseEventPattern('{"tpye": ["x"]}'), /at \$\.tpye: an event has no such field/);
  assert.throws(() => parseEventPattern('{"$or": [{"type": ["x"]}, {"region": ["x"]}]}'), /at \$\.\$or\[1\]\.region/);
});

test('no pattern is larger than the limits', () => {
  const nested = (levels: number) => `${'{"a":'.repeat(levels)}[1]${'}'.repeat(levels)}`;
  assert.ok(parsePattern(nested(limits.eventPatternDepth.value)));
  assert.throws(() => parsePattern(nested(limits.eventPatternDepth.value + 1)), PatternError);
  const values = (count: number) => JSON.stringify({ a: Array.from({ length: count }, (_, index) => index) });
  assert.ok(parsePattern(values(limits.eventPatternTests.value)));
  assert.throws(() => parsePattern(values(limits.eventPatternTests.value + 1)), PatternError);
  assert.throws(() => parsePattern(JSON.stringify({ a: ['x'.repeat(limits.eventPatternCharacters.value)] })), PatternError);
  assert.throws(() => parsePattern(JSON.stringify({ a: [{ wildcard: 'x*'.repeat(limits.eventPatternWildcards.value + 1) }] })), PatternError);
});

test('a search that would compare everything with everything takes another way to the same answer', () => {
  const part = `${'a'.repeat(900)}b`;
  const pattern = { a: [{ wildcard: `*${part}*${part}*` }, { contains: `${part}${part}` }] };
  assert.equal(matches(pattern, { a: 'a'.repeat(1_000_000) }), false);
  assert.equal(matches(pattern, { a: `${'a'.repeat(500_000)}b${'a'.repeat(500_000)}bc` }), true);
  assert.equal(matches({ a: [{ contains: part }] }, { a: `${'a'.repeat(500_000)}b` }), true);
});

test('what is read is narrowed to the types that the pattern names', () => {
  assert.deepEqual(typesOf(parseEventPattern('{"source": ["acs.dataworks"], "type": ["x", "y"]}')), ['x', 'y']);
  assert.deepEqual(typesOf(parseEventPattern('{"detail-type": ["x"]}')), ['x']);
  assert.equal(typesOf(parseEventPattern('{"type": ["x", {"prefix": "y"}]}')), undefined);
  assert.equal(typesOf(parseEventPattern('{"$or": [{"type": ["x"]}, {"id": ["y"]}]}')), undefined);
});

// Few names and values, so that patterns and events meet.
const name = fc.constantFrom('a', 'b', 'c');
const letters = fc.string({ unit: fc.constantFrom('x', 'y', 'X', '*', '\\', 'İ', '.'), maxLength: 4 });
const scalar = fc.oneof(letters, fc.integer({ min: -3, max: 3 }), fc.boolean(), fc.constant(null), fc.constantFrom('10.0.0.1', '10.0.1.1', '11.2.3.4'));
const { event } = fc.letrec<{ event: Record<string, unknown>; value: unknown }>((tie) => ({
  event: fc.dictionary(name, tie('value'), { maxKeys: 3 }),
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, fc.array(tie('value'), { maxLength: 3 }), tie('event')),
}));
const filled = letters.filter((text) => text !== '');
const wildcard = fc.array(fc.constantFrom('x', 'y', '\\*', '\\\\', '*'), { maxLength: 5 }).map((parts) => parts.join('').replaceAll(/(?<!\\)\*(?:\*)+/g, '*'));
const affix = fc.oneof(filled, filled.map((text) => ({ 'equals-ignore-case': text })));
const condition = fc.oneof(
  scalar,
  affix.map((prefix) => ({ prefix })),
  affix.map((suffix) => ({ suffix })),
  filled.map((contains) => ({ contains })),
  letters.map((text) => ({ 'equals-ignore-case': text })),
  wildcard.map((text) => ({ wildcard: text })),
  fc.boolean().map((exists) => ({ exists })),
  fc.constantFrom({ cidr: '10.0.0.0/24' }, { cidr: '10.0.0.0/8' }, { cidr: '11.2.3.4' }),
  fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>='), fc.integer({ min: -3, max: 3 })).map((numeric) => ({ numeric })),
  fc.oneof(scalar, fc.array(scalar, { minLength: 1, maxLength: 3 }), fc.oneof(affix, fc.array(affix, { minLength: 1, maxLength: 2 })).map((prefix) => ({ prefix })), filled.map((suffix) => ({ suffix })), wildcard.map((text) => ({ wildcard: text }))).map((but) => ({ 'anything-but': but })),
);
const { pattern } = fc.letrec<{ pattern: Record<string, unknown>; node: Record<string, unknown> }>((tie) => ({
  pattern: fc.oneof(tie('node'), fc.tuple(fc.dictionary(name, fc.array(condition, { minLength: 1, maxLength: 3 })), fc.array(tie('node'), { minLength: 2, maxLength: 3 })).map(([own, branches]) => ({ ...own, $or: branches }))),
  node: fc.dictionary(name, fc.oneof({ depthSize: 'small' }, fc.array(condition, { minLength: 1, maxLength: 3 }), tie('pattern')), { minKeys: 1, maxKeys: 2 }),
}));

/** Read, or undefined when generation made one that is refused (such as two asterisks after another). */
function read(json: unknown) {
  try {
    return readPattern(json);
  } catch (error) {
    if (error instanceof PatternError) return undefined;
    throw error;
  }
}

test('a compiled set of rules finds exactly what an independent interpreter finds', () => {
  let hits = 0;
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 12 }), fc.array(event, { minLength: 1, maxLength: 6 }), (patterns, events) => {
      const rules = patterns.flatMap((json, id) => {
        const one = read(json);
        return one === undefined ? [] : [{ id, json, pattern: one }];
      });
      const matcher = createMatcher(rules);
      for (const one of events) {
        const expected = rules.filter(({ json }) => interpret(json, one)).map(({ id }) => id);
        hits += expected.length;
        assert.deepEqual(matcher.match(one), expected);
        assert.deepEqual(rules.filter((rule) => compilePattern(rule.pattern)(one)).map(({ id }) => id), expected);
      }
    }),
    { numRuns: 2_000 },
  );
  assert.ok(hits > 500, `${hits} matches`);
});

test('any JSON gives a match function or a located fault', () => {
  const text = fc.oneof(
    fc.json(),
    fc.string(),
    fc.anything({ withNullPrototype: false, key: fc.constantFrom('a', '$or', 'prefix', 'anything-but', 'numeric', '__proto__', 'wildcard') }).map((value) => JSON.stringify(value) ?? ''),
  );
  fc.assert(
    fc.property(text, fc.anything(), (source, anything) => {
      try {
        const found = compilePattern(parsePattern(source))(anything);
        assert.equal(typeof found, 'boolean');
      } catch (error) {
        assert.ok(error instanceof PatternError && error.pointer.startsWith('$') && error.reason !== '', String(error));
      }
    }),
    { numRuns: 5_000 },
  );
});
