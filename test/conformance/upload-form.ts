import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

/** The forms of the official clients, written by the library that they write them with. */

interface Dara {
  readonly FileField: new (field: { filename: string; contentType: string; content: Readable }) => object;
  readonly Form: { getBoundary(): string; toFileForm(form: object, boundary: string): Readable };
}

// A library of the client's own, found as the client finds it.
const client = createRequire(createRequire(import.meta.url).resolve('@alicloud/openapi-core'));
const dara = client('@darabonba/typescript') as Dara;

/** The body of a form, and its content type. A value of the form `{ filename, content }` is a file. */
export async function writeForm(fields: Readonly<Record<string, unknown>>): Promise<{ body: Buffer<ArrayBuffer>; contentType: string }> {
  const boundary = dara.Form.getBoundary();
  const form = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (typeof value !== 'object' || value === null || !('content' in value)) return [name, value];
      const { filename, content } = value as { filename: string; content: Buffer };
      return [name, new dara.FileField({ filename, contentType: '', content: Readable.from([content]) })];
    }),
  );
  return { body: Buffer.from(await buffer(dara.Form.toFileForm(form, boundary))), contentType: `multipart/form-data; boundary=${boundary}` };
}
