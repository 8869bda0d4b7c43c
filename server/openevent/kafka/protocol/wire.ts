/** Thrown for bytes that do not form the message they should. The connection they came from is closed. */
export class MalformedMessage extends Error {}

/** Longest list in one request; a count beyond it is a lie about the bytes that follow, or an attack. */
const MOST_ITEMS = 100_000;

/** Reads the primitive types of the Kafka protocol from one frame. Every read checks that the bytes are there. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  #take(count: number): number {
    if (count < 0 || count > this.left) throw new MalformedMessage(`${count} bytes are wanted where ${this.left} are left`);
    const at = this.#at;
    this.#at += count;
    return at;
  }

  int8(): number {
    return this.#bytes.readInt8(this.#take(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  /** Offsets and times stay far below 2^53; what is beyond comes from a client that means "as far as can be". */
  int64(): number {
    return Number(this.#bytes.readBigInt64BE(this.#take(8)));
  }

  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#take(1));
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    throw new MalformedMessage('a varint is too long');
  }

  bytes(count: number): Buffer {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** Length of a string or byte field: -1 for null. */
  length(flexible: boolean, wide: boolean): number {
    const length = flexible ? this.uvarint() - 1 : wide ? this.int32() : this.int16();
    if (length < -1) throw new MalformedMessage(`a length of ${length}`);
    return length;
  }

  /** Number of items of a list: -1 for null. An item has at least one byte. */
  count(flexible: boolean): number {
    const count = this.length(flexible, true);
    if (count > MOST_ITEMS || count > this.left) throw new MalformedMessage(`a list of ${count} items in ${this.left} bytes`);
    return count;
  }
}

const FIRST_BYTES = 512;

/** Writes the primitive types into a list of buffers. Large blocks are taken over as they are, so that cached records are not copied. */
export class Writer {
  #parts: Buffer[] = [];
  #open: Buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #at = 0;
  #size = 0;

  /** Bytes written so far. */
  get size(): number {
    return this.#size + this.#at;
  }

  #room(count: number): number {
    if (this.#at + count > this.#open.length) {
      this.#close();
      this.#open = Buffer.allocUnsafe(Math.max(FIRST_BYTES * 8, count));
    }
    const at = this.#at;
    this.#at += count;
    return at;
  }

  #close(): void {
    if (this.#at > 0) {
      this.#parts.push(this.#open.subarray(0, this.#at));
      this.#size += this.#at;
      this.#open = this.#open.subarray(this.#at);
      this.#at = 0;
    }
  }

  int8(value: number): void {
    const at = this.#room(1);
    this.#open.writeInt8(value, at);
  }

  int16(value: number): void {
    const at = this.#room(2);
    this.#open.writeInt16BE(value, at);
  }

  int32(value: number): void {
    const at = this.#room(4);
    this.#open.writeInt32BE(value, at);
  }

  int64(value: number): void {
    const at = this.#room(8);
    this.#open.writeBigInt64BE(BigInt(value), at);
  }

  uvarint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      const at = this.#room(1);
      this.#open[at] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    const at = this.#room(1);
    this.#open[at] = rest;
  }

  bytes(value: Buffer): void {
    if (value.length >= FIRST_BYTES) {
      this.#close();
      this.#parts.push(value);
      this.#size += value.length;
      return;
    }
    const at = this.#room(value.length);
    value.copy(this.#open, at);
  }

  length(value: number, flexible: boolean, wide: boolean): void {
    if (flexible) this.uvarint(value + 1);
    else if (wide) this.int32(value);
    else this.int16(value);
  }

  /** What was written, in order. */
  finish(): Buffer[] {
    this.#close();
    return this.#parts;
  }
}
