/** `multipart/form-data` as the official clients write it, and as the standard has it. Pure. */

export interface FormField {
  readonly name: string;
  readonly content: Buffer;
}

const LINE = Buffer.from('\r\n');
const HEAD_END = Buffer.from('\r\n\r\n');
/** Fields of one form; the clients send six. */
const MOST_FIELDS = 50;

function withoutLine(content: Buffer): Buffer {
  return content.subarray(-LINE.length).equals(LINE) ? content.subarray(0, -LINE.length) : content;
}

/**
 * Reads a form. Answers undefined for what is none.
 *
 * The official JavaScript clients leave out the line break that ends a file, and write one too many at the end of the form, by which they are known: the bytes
 * of a file must come out as they went in, whoever wrote the form.
 */
export function readForm(contentType: string, body: Buffer): FormField[] | undefined {
  const boundary = /;\s*boundary=(?:"([^"]{1,200})"|([^;\s]{1,200}))/i.exec(contentType);
  const mark = boundary?.[1] ?? boundary?.[2];
  if (!/^multipart\/form-data\b/i.test(contentType) || mark === undefined) return undefined;
  const delimiter = Buffer.from(`--${mark}`);
  const end = body.lastIndexOf(Buffer.concat([delimiter, Buffer.from('--')]));
  if (end < 0) return undefined;
  const breaksAreMissing = body.subarray(Math.max(0, end - HEAD_END.length), end).equals(HEAD_END);
  const fields: FormField[] = [];
  for (let at = body.indexOf(delimiter); at < end; ) {
    const start = at + delimiter.length;
    const headEnd = body.indexOf(HEAD_END, start);
    const next = body.indexOf(delimiter, headEnd);
    if (headEnd < 0 || next < 0 || fields.length >= MOST_FIELDS) return undefined;
    const head = body.subarray(start, headEnd).toString('utf8');
    const name = /^content-disposition:[^\r\n]*?[;\s]name="([^"\r\n]{1,200})"/im.exec(head)?.[1];
    if (name === undefined) return undefined;
    const content = body.subarray(headEnd + HEAD_END.length, next);
    fields.push({ name, content: breaksAreMissing && /;\s*filename="/i.test(head) ? content : withoutLine(content) });
    at = next;
  }
  return fields;
}
