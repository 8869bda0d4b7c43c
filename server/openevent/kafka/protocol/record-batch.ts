import { crc32c } from './crc32c.ts';

/** A record whose bytes are ready but for the two small numbers that depend on the batch it goes into. */
export interface PreparedRecord {
  /** Milliseconds. */
  readonly timestamp: number;
  /** Key, value and headers with their lengths. */
  readonly body: Buffer;
}

export interface RecordAt {
  readonly offset: number;
  readonly record: PreparedRecord;
}

/** Bytes of a batch before its first record. */
export const BATCH_HEADER_BYTES = 61;
const CRC_AT = 17;
const CHECKED_FROM = 21;

/** Bytes that a signed number takes as a zigzag varint. */
export function varintSize(value: number): number {
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  let size = 1;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    size += 1;
  }
  return size;
}

/** Writes a signed number as a zigzag varint. Answers the place after it. */
export function writeVarint(target: Buffer, at: number, value: number): number {
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  let place = at;
  while (rest >= 0x80) {
    target[place] = (rest % 0x80) | 0x80;
    place += 1;
    rest = Math.floor(rest / 0x80);
  }
  target[place] = rest;
  return place + 1;
}

/** Prepares a record from its parts. Header names are text, header values bytes. */
export function prepareRecord(timestamp: number, key: Buffer, value: Buffer, headers: readonly (readonly [name: string, value: Buffer])[]): PreparedRecord {
  const named = headers.map(([name, content]) => [Buffer.from(name, 'utf8'), content] as const);
  const parts = [key, value];
  let size = parts.reduce((sum, part) => sum + varintSize(part.length) + part.length, 0) + varintSize(named.length);
  for (const [name, content] of named) size += varintSize(name.length) + name.length + varintSize(content.length) + content.length;
  const body = Buffer.allocUnsafe(size);
  let at = 0;
  const put = (part: Buffer) => {
    at = writeVarint(body, at, part.length);
    part.copy(body, at);
    at += part.length;
  };
  put(key);
  put(value);
  at = writeVarint(body, at, named.length);
  for (const [name, content] of named) {
    put(name);
    put(content);
  }
  return { timestamp, body };
}

/** Bytes that a record takes in a batch, at most. */
export function recordBytes(record: PreparedRecord): number {
  return record.body.length + 20;
}

/**
 * Encodes records, of which there is at least one, in ascending order of their offsets, as one batch (magic 2, not compressed, no producer).
 * `through` is the last offset that the batch covers, which may lie beyond its last record: a reader goes on after it.
 */
export function encodeBatch(records: readonly RecordAt[], through: number): Buffer {
  const first = records[0];
  if (first === undefined) throw new Error('a batch needs a record');
  const base = first.offset;
  const baseTime = first.record.timestamp;
  let latest = baseTime;
  let size = BATCH_HEADER_BYTES;
  const sizes: number[] = [];
  for (const { offset, record } of records) {
    if (record.timestamp > latest) latest = record.timestamp;
    const length = 1 + varintSize(record.timestamp - baseTime) + varintSize(offset - base) + record.body.length;
    sizes.push(length);
    size += varintSize(length) + length;
  }
  const batch = Buffer.allocUnsafe(size);
  batch.writeBigInt64BE(BigInt(base), 0);
  // The leader epoch: there is one log, and it never forks.
  batch.writeInt32BE(0, 12);
  batch.writeInt8(2, 16);
  batch.writeInt16BE(0, 21);
  batch.writeInt32BE(through - base, 23);
  batch.writeBigInt64BE(BigInt(baseTime), 27);
  batch.writeBigInt64BE(BigInt(latest), 35);
  batch.writeBigInt64BE(-1n, 43);
  batch.writeInt16BE(-1, 51);
  batch.writeInt32BE(-1, 53);
  batch.writeInt32BE(records.length, 57);
  let at = BATCH_HEADER_BYTES;
  for (const [index, { offset, record }] of records.entries()) {
    at = writeVarint(batch, at, sizes[index] as number);
    batch[at] = 0;
    at = writeVarint(batch, at + 1, record.timestamp - baseTime);
    at = writeVarint(batch, at, offset - base);
    record.body.copy(batch, at);
    at += record.body.length;
  }
  return sealBatch(batch);
}

/** Writes the length and the checksum of a batch that is whole but for them. */
export function sealBatch(batch: Buffer): Buffer {
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeUInt32BE(crc32c(batch, CHECKED_FROM), CRC_AT);
  return batch;
}
