import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import * as fc from 'fast-check';
import { checkRule, createRules } from '../../server/extensions/rules.ts';
import { ApiError } from '../../server/kernel/errors.ts';
import { parsePattern, PatternError } from '../../server/openevent/patterns/index.ts';
import { decodeCursor, encodeCursor } from '../../server/openevent/cursor.ts';
import { secretBox } from '../../server/kernel/secrets.ts';
import { readArchive } from '../../server/kernel/backup/archive.ts';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';

// Decoding, signatures, Kafka frames, FlowSpec, cron and upload forms have their own beside their code; here is what had none.

const rules = createRules();
after(() => rules.stop());

/** Text that is nearly CEL: tokens in any order get deeper into a parser than letters do. */
const tokens = fc.constantFrom('data', 'snapshot', 'options', '.', '?.', '[', ']', '(', ')', '{', '}', ',', ':', '?', '&&', '||', '!', '==', '<', '+', '-', '*', '/', '%', 'in', 'has', 'size', 'matches', 'map', 'filter', 'all', 'exists', 'x', '1', '0', '1.5', '9223372036854775807', "'a'", '"\\u0000"', 'true', 'null', 'b"a"', 'r"("', 'timestamp', 'duration', '__proto__', 'constructor', 'prototype', '\n', '//');
const nearly = fc.array(tokens, { maxLength: 40 }).map((list) => list.join(' '));
const anyText = fc.oneof(nearly, fc.string({ unit: 'binary', maxLength: 200 }));

test('CEL: any text is a rule or refused with a reason', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      try {
        checkRule(text);
      } catch (error) {
        assert.ok(error instanceof ApiError, String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('CEL: any rule over any payload comes to a value or a reason, and never gets at the thread it runs in', async () => {
  await fc.assert(
    fc.asyncProperty(nearly, fc.jsonValue(), async (text, data) => {
      const outcome = await rules.evaluate(text, { data, snapshot: {}, options: {} });
      assert.ok('value' in outcome || outcome.reason !== '');
    }),
    { numRuns: 300 },
  );
  for (const text of ['process', 'data.constructor', "data['constructor']", 'data.__proto__', 'globalThis', 'require("fs")', 'this', 'data.toString()']) {
    const outcome = await rules.evaluate(text, { data: { a: 1 } });
    assert.ok('reason' in outcome, text);
  }
});

test('CEL: a rule that grows without bounds is ended, and the next one runs', async () => {
  const list = `[${'1,'.repeat(40)}1]`;
  const hungry = ['a', 'b', 'c', 'd', 'e', 'f'].reduceRight((inner, name) => `${list}.map(${name}, ${inner})`, '1');
  const outcome = await rules.evaluate(hungry, { data: {} });
  assert.ok('reason' in outcome);
  assert.deepEqual(await rules.evaluate('1 + 1 == 2', { data: {} }), { value: true });
});

test('event patterns: any text is a pattern or refused at a place', () => {
  const words = fc.constantFrom('{', '}', '[', ']', ':', ',', '"type"', '"data"', '"$or"', '"prefix"', '"suffix"', '"anything-but"', '"numeric"', '"cidr"', '"wildcard"', '"exists"', '"*"', '">"', '1', 'null', 'true', '"::/0"', '"__proto__"');
  fc.assert(
    fc.property(fc.oneof(fc.array(words, { maxLength: 30 }).map((list) => list.join('')), fc.json({ maxDepth: 5 }), fc.string({ unit: 'binary' })), (text) => {
      try {
        parsePattern(text);
      } catch (error) {
        assert.ok(error instanceof PatternError, `${text}: ${String(error)}`);
      }
    }),
    { numRuns: 3_000 },
  );
});

test('cursors: what is written is read, and any other text is refused', () => {
  fc.assert(fc.property(fc.nat(), fc.nat(), (position, id) => assert.deepEqual(decodeCursor(encodeCursor({ position, id })), { position, id })));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.tuple(fc.string(), fc.string()).map((parts) => parts.join('-'))), (text) => {
      try {
        const cursor = decodeCursor(text);
        assert.ok(Number.isSafeInteger(cursor.position) && Number.isSafeInteger(cursor.id));
      } catch (error) {
        assert.ok(error instanceof ApiError);
      }
    }),
  );
});

test('sealed secrets: every change of one is refused, and so is another purpose', () => {
  const box = secretBox(Buffer.alloc(32, 7));
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ maxLength: 20 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (plain, purpose, place, change) => {
      const sealed = box.seal(plain, purpose);
      assert.equal(box.open(sealed, purpose), Buffer.from(plain, 'utf8').toString('utf8'));
      const bytes = Buffer.from(sealed.slice(3), 'base64url');
      const at = place % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ change;
      assert.throws(() => box.open(`v1.${bytes.toString('base64url')}`, purpose));
      assert.throws(() => box.open(sealed, `${purpose}x`));
    }),
  );
});

test('backup files: any bytes, packed or not, are refused in words', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, packed) => {
      const source = Readable.from([packed ? gzipSync(bytes) : Buffer.from(bytes)]);
      await assert.rejects(
        async () => {
          for await (const { bytes: content } of readArchive(source)) for await (const part of content) void part;
        },
        /This backup cannot be read/,
      );
    }),
    { numRuns: 200 },
  );
});
