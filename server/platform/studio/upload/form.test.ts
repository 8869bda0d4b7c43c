import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readForm } from './form.ts';

const bytes = fc.uint8Array({ maxLength: 200 }).map((list) => Buffer.from(list));

test('the bytes of a file come out as they went in, by the standard and as the official clients write it', async () => {
  await fc.assert(
    fc.asyncProperty(bytes, fc.constantFrom('', '\r\n', '\r\n\r\n', '--'), async (content, tail) => {
      const file = Buffer.concat([content, Buffer.from(tail)]);
      const form = new FormData();
      form.set('key', 'k');
      form.set('file', new Blob([new Uint8Array(file)]), 'name');
      form.set('status', '201');
      const standard = new Response(form);
      const body = Buffer.from(await standard.arrayBuffer());
      assert.deepEqual(readForm(standard.headers.get('content-type') ?? '', body), [{ name: 'key', content: Buffer.from('k') }, { name: 'file', content: file }, { name: 'status', content: Buffer.from('201') }]);

      const head = (name: string, more = '') => Buffer.from(`--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`);
      const official = Buffer.concat([head('key'), Buffer.from('k\r\n'), head('file', '; filename="f"\r\nContent-Type: '), file, head('status'), Buffer.from('201\r\n'), Buffer.from('\r\n--b--\r\n')]);
      const read = readForm('multipart/form-data; boundary=b', official);
      assert.deepEqual(read?.slice(0, 2), [{ name: 'key', content: Buffer.from('k') }, { name: 'file', content: file }]);
      assert.equal(read?.[2]?.content.toString().trim(), '201');
    }),
    { numRuns: 200 },
  );
});

test('what is no form is answered with nothing, whatever it is', () => {
  fc.assert(
    fc.property(fc.oneof(bytes, fc.stringMatching(/^(--b|--|\r\n|name="x"|[a-z;=" ]){0,12}$/).map((text) => Buffer.from(text))), fc.constantFrom('multipart/form-data; boundary=b', 'multipart/form-data', 'text/plain', ''), (body, type) => {
      assert.ok(readForm(type, body) === undefined || type.endsWith('b'));
    }),
    { numRuns: 500 },
  );
});
