import { MalformedMessage, Reader, Writer } from './wire.ts';

/** What the encoding of a field depends on. */
export interface Encoding {
  readonly version: number;
  /** Compact lengths and tagged fields, from a version on that each message has of its own. */
  readonly flexible: boolean;
}

/** A type of the protocol: how it is read, written, and what stands for a field that the version does not have. */
export interface Type<Value> {
  readonly fallback: Value;
  read(reader: Reader, encoding: Encoding): Value;
  write(writer: Writer, value: Value, encoding: Encoding): void;
}

/** A field of a structure, present in the versions `from` to `to`; with `tag` it is a tagged field. */
export interface Field<Value> extends Type<Value> {
  readonly from: number;
  readonly to: number;
  readonly tag: number | undefined;
}

interface FieldOptions<Value> {
  readonly from?: number;
  readonly to?: number;
  readonly tag?: number;
  readonly fallback?: Value;
}

/** A field that only some versions have, or that has another value than its type's where it is absent. */
export function field<Value>(type: Type<Value>, options: FieldOptions<Value> = {}): Field<Value> {
  return {
    fallback: options.fallback ?? type.fallback,
    read: (reader, encoding) => type.read(reader, encoding),
    write: (writer, value, encoding) => type.write(writer, value, encoding),
    from: options.from ?? 0,
    to: options.to ?? 0x7fff,
    tag: options.tag,
  };
}

export const int8: Type<number> = { fallback: 0, read: (reader) => reader.int8(), write: (writer, value) => writer.int8(value) };
export const int16: Type<number> = { fallback: 0, read: (reader) => reader.int16(), write: (writer, value) => writer.int16(value) };
export const int32: Type<number> = { fallback: 0, read: (reader) => reader.int32(), write: (writer, value) => writer.int32(value) };
export const int64: Type<number> = { fallback: 0, read: (reader) => reader.int64(), write: (writer, value) => writer.int64(value) };
export const bool: Type<boolean> = { fallback: false, read: (reader) => reader.int8() !== 0, write: (writer, value) => writer.int8(value ? 1 : 0) };

const ZERO_UUID = '00000000-0000-0000-0000-000000000000';

/** An UUID as text. */
export const uuid: Type<string> = {
  fallback: ZERO_UUID,
  read(reader) {
    const hex = reader.bytes(16).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  },
  write: (writer, value) => writer.bytes(Buffer.from(value.replaceAll('-', ''), 'hex')),
};

export const nullableText: Type<string | null> = {
  fallback: null,
  read(reader, { flexible }) {
    const length = reader.length(flexible, false);
    return length === -1 ? null : reader.bytes(length).toString('utf8');
  },
  write(writer, value, { flexible }) {
    if (value === null) {
      writer.length(-1, flexible, false);
      return;
    }
    const bytes = Buffer.from(value, 'utf8');
    writer.length(bytes.length, flexible, false);
    writer.bytes(bytes);
  },
};

export const text: Type<string> = {
  fallback: '',
  read(reader, encoding) {
    const value = nullableText.read(reader, encoding);
    if (value === null) throw new MalformedMessage('a text is null that must not be');
    return value;
  },
  write: (writer, value, encoding) => nullableText.write(writer, value, encoding),
};

const NOTHING = Buffer.alloc(0);

/** Bytes; null reads as empty. */
export const bytes: Type<Buffer> = {
  fallback: NOTHING,
  read(reader, { flexible }) {
    const length = reader.length(flexible, true);
    return length === -1 ? NOTHING : reader.bytes(length);
  },
  write(writer, value, { flexible }) {
    writer.length(value.length, flexible, true);
    writer.bytes(value);
  },
};

/** Record batches, one after the other, in the buffers they are kept in. */
export const records: Type<readonly Buffer[]> = {
  fallback: [],
  read(reader, encoding) {
    const value = bytes.read(reader, encoding);
    return value.length === 0 ? [] : [value];
  },
  write(writer, value, { flexible }) {
    writer.length(
      value.reduce((sum, one) => sum + one.length, 0),
      flexible,
      true,
    );
    for (const one of value) writer.bytes(one);
  },
};

export function nullableList<Item>(item: Type<Item>): Type<readonly Item[] | null> {
  return {
    fallback: null,
    read(reader, encoding) {
      const count = reader.count(encoding.flexible);
      if (count === -1) return null;
      const items: Item[] = [];
      for (let number = 0; number < count; number += 1) items.push(item.read(reader, encoding));
      return items;
    },
    write(writer, value, encoding) {
      writer.length(value === null ? -1 : value.length, encoding.flexible, true);
      for (const one of value ?? []) item.write(writer, one, encoding);
    },
  };
}

export function list<Item>(item: Type<Item>): Type<readonly Item[]> {
  const nullable = nullableList(item);
  return { fallback: [], read: (reader, encoding) => nullable.read(reader, encoding) ?? [], write: (writer, value, encoding) => nullable.write(writer, value, encoding) };
}

type Fields = Readonly<Record<string, Field<unknown> | Type<unknown>>>;
export type Structure<Of extends Fields> = { readonly [Name in keyof Of]: Of[Name] extends Type<infer Value> ? Value : never };

/** Tagged fields of one structure; no message has near as many. */
const MOST_TAGS = 64;

/** A structure. What a version does not have reads as its fallback and is not written; unknown tagged fields are passed over. */
export function structure<Of extends Fields>(fields: Of): Type<Structure<Of>> {
  const all = Object.entries(fields).map(([name, one]) => ({ name, one: 'from' in one ? one : field(one) }));
  const plain = all.filter(({ one }) => one.tag === undefined);
  const tagged = all.filter(({ one }) => one.tag !== undefined).toSorted((a, b) => (a.one.tag ?? 0) - (b.one.tag ?? 0));
  const fallback = Object.fromEntries(all.map(({ name, one }) => [name, one.fallback])) as Structure<Of>;

  return {
    fallback,
    read(reader, encoding) {
      const { version } = encoding;
      const value: Record<string, unknown> = {};
      for (const { name, one } of plain) value[name] = version >= one.from && version <= one.to ? one.read(reader, encoding) : one.fallback;
      for (const { name, one } of tagged) value[name] = one.fallback;
      if (encoding.flexible) {
        const count = reader.uvarint();
        if (count > MOST_TAGS) throw new MalformedMessage(`${count} tagged fields`);
        for (let number = 0; number < count; number += 1) {
          const tag = reader.uvarint();
          const inner = new Reader(reader.bytes(reader.uvarint()));
          const known = tagged.find(({ one }) => one.tag === tag && version >= one.from && version <= one.to);
          if (known !== undefined) value[known.name] = known.one.read(inner, encoding);
        }
      }
      return value as Structure<Of>;
    },
    write(writer, value, encoding) {
      const { version } = encoding;
      const given = value as Readonly<Record<string, unknown>>;
      for (const { name, one } of plain) if (version >= one.from && version <= one.to) one.write(writer, given[name], encoding);
      if (!encoding.flexible) return;
      const present = tagged.filter(({ name, one }) => version >= one.from && version <= one.to && given[name] !== one.fallback);
      writer.uvarint(present.length);
      for (const { name, one } of present) {
        const inner = new Writer();
        one.write(inner, given[name], encoding);
        writer.uvarint(one.tag ?? 0);
        writer.uvarint(inner.size);
        for (const part of inner.finish()) writer.bytes(part);
      }
    },
  };
}
