import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { limits } from '../limits.ts';

/**
 * An archive is a gzip stream of frames: a length (4 bytes, big endian), a kind (1 byte), the content. A record (kind 1, JSON) begins a section; the data
 * (kind 2) that follows belongs to it. An archive that lacks its end record is no archive: it was cut off.
 */
export interface Section {
  readonly record: Readonly<Record<string, unknown>>;
  /** To be read before the next section is asked for; what is not read is passed over. */
  readonly bytes: AsyncIterable<Buffer>;
}

export interface ArchiveWriter {
  record(record: Readonly<Record<string, unknown>>): Promise<void>;
  data(bytes: Buffer): Promise<void>;
  /** Writes the end and waits until everything is in the target. */
  end(): Promise<void>;
}

const RECORD = 1;
const DATA = 2;
const DATA_BYTES = 256 * 1024;

/** Writes an archive into `target`, no faster than that takes it. */
export function writeArchive(target: Writable): ArchiveWriter {
  const gzip = createGzip({ level: 6 });
  gzip.pipe(target);
  let broken: Error | undefined;
  const done = new Promise<void>((resolve, reject) => {
    target.once('finish', resolve);
    for (const stream of [gzip, target]) {
      stream.once('error', (error: Error) => {
        broken ??= error;
        reject(error);
      });
    }
  });
  done.catch(() => {});

  async function frame(kind: number, content: Buffer): Promise<void> {
    if (broken !== undefined) throw broken;
    const head = Buffer.alloc(5);
    head.writeUInt32BE(content.length);
    head.writeUInt8(kind, 4);
    gzip.write(head);
    if (!gzip.write(content)) await Promise.race([once(gzip, 'drain'), done]);
  }
  return {
    record: (record) => frame(RECORD, Buffer.from(JSON.stringify(record))),
    async data(bytes) {
      for (let start = 0; start < bytes.length; start += DATA_BYTES) await frame(DATA, bytes.subarray(start, start + DATA_BYTES));
    },
    async end() {
      await frame(RECORD, Buffer.from('{"end":true}'));
      gzip.end();
      await done;
    },
  };
}

/** Reads the sections of an archive, without the end record. Throws an Error for the operator when the source is no archive, is damaged, or was cut off. */
export async function* readArchive(source: Readable): AsyncGenerator<Section> {
  const frames = readFrames(source);
  let next = await frames.next();
  while (next.done !== true) {
    if (next.value.kind !== RECORD) throw new Error('This backup cannot be read: it has data without a record.');
    const record = JSON.parse(next.value.content.toString('utf8')) as Record<string, unknown>;
    if (record['end'] === true) {
      if ((await frames.next()).done !== true) throw new Error('This backup cannot be read: something follows its end.');
      return;
    }
    const bytes = (async function* () {
      for (;;) {
        next = await frames.next();
        if (next.done === true || next.value.kind !== DATA) return;
        yield next.value.content;
      }
    })();
    yield { record, bytes };
    // What was not read is passed over, also behind a reader that left early.
    for await (const passed of bytes) void passed;
    while (next.done !== true && next.value.kind === DATA) next = await frames.next();
  }
  throw new Error('This backup cannot be read: it was cut off before its end.');
}

interface Frame {
  readonly kind: number;
  readonly content: Buffer;
}

async function* readFrames(source: Readable): AsyncGenerator<Frame> {
  try {
    yield* splitFrames(source);
  } catch (error) {
    throw new Error(`This backup cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

async function* splitFrames(source: Readable): AsyncGenerator<Frame> {
  const gunzip = createGunzip();
  source.once('error', (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      while (rest.length >= 5) {
        const length = rest.readUInt32BE();
        if (length > limits.backupFrameBytes.value) throw new Error('it is no backup of Millrace');
        if (rest.length < 5 + length) break;
        yield { kind: rest.readUInt8(4), content: rest.subarray(5, 5 + length) };
        rest = rest.subarray(5 + length);
      }
    }
  } finally {
    source.unpipe(gunzip);
    source.destroy();
  }
  if (rest.length > 0) throw new Error('it was cut off');
}
