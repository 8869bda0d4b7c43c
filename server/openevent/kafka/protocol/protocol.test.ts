import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Reader as PeerReader, readRecordsBatches } from '@platformatic/kafka';
import { apis } from '../handlers/index.ts';
import { crc32c } from './crc32c.ts';
import { readHeader, readRequest, writeResponse } from './frame.ts';
import * as messages from './messages.ts';
import { murmur2 } from './murmur2.ts';
import { encodeBatch, prepareRecord, varintSize, writeVarint } from './record-batch.ts';
import type { Type } from './schema.ts';
import { MalformedMessage, Reader, Writer } from './wire.ts';

function roundTrip<Value>(type: Type<Value>, value: Value, version: number, flexible: boolean): { value: Value; left: number } {
  const writer = new Writer();
  type.write(writer, value, { version, flexible });
  const reader = new Reader(Buffer.concat(writer.finish()));
  return { value: type.read(reader, { version, flexible }), left: reader.left };
}

test('CRC-32C and murmur2 are those of others', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.concat([Buffer.from('xx'), Buffer.from('123456789')]), 2), 0xe3069283);
  // The values of Kafka's own tests.
  for (const [text, hash] of [['21', -973932308], ['foobar', -790332482], ['a-little-bit-long-string', -985981536], ['a-little-bit-longer-string', -1486304829], ['abc', 479470107]] as const) {
    assert.equal(murmur2(Buffer.from(text)) | 0, hash, text);
  }
});

test('varints of every size', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (number) => {
      const value = Math.trunc(number / 4);
      const target = Buffer.alloc(10);
      assert.equal(writeVarint(target, 0, value), varintSize(value));
    }),
  );
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), (value) => {
      const writer = new Writer();
      writer.uvarint(value);
      assert.equal(new Reader(Buffer.concat(writer.finish())).uvarint(), value);
    }),
  );
});

test('every request and response of every version goes there and back', () => {
  for (const api of apis.values()) {
    for (let version = api.min; version <= api.max; version += 1) {
      const flexible = version >= api.flexible;
      for (const type of [api.request, api.response]) {
        const { left } = roundTrip(type, type.fallback, version, flexible);
        assert.equal(left, 0, `${api.name} ${version}`);
      }
    }
  }
});

test('a join with any content goes there and back in every version', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 });
  const member = fc.record({ memberId: text, groupInstanceId: fc.option(text), metadata: fc.uint8Array({ maxLength: 700 }).map((bytes) => Buffer.from(bytes)) }, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(member, { maxLength: 5 }), text, (version, members, leader) => {
      const { joinGroup } = messages;
      const value = { throttleTimeMs: 0, errorCode: 0, generationId: 7, protocolType: null, protocolName: 'range', leader, skipAssignment: false, memberId: leader, members };
      const expected = version >= 5 ? members : members.map((one) => ({ ...one, groupInstanceId: null }));
      const { value: read, left } = roundTrip(joinGroup.response, value, version, version >= joinGroup.flexible);
      assert.equal(left, 0);
      assert.deepEqual(read.members, expected);
      assert.equal(read.leader, leader);
    }),
  );
});

test('unknown tagged fields are passed over', () => {
  const writer = new Writer();
  for (const text of ['group']) {
    writer.uvarint(text.length + 1);
    writer.bytes(Buffer.from(text));
  }
  writer.int32(3);
  writer.uvarint(2);
  writer.bytes(Buffer.from('m'));
  writer.uvarint(0);
  writer.uvarint(1);
  writer.uvarint(99);
  writer.uvarint(4);
  writer.int32(1);
  const reader = new Reader(Buffer.concat(writer.finish()));
  assert.deepEqual(readRequest(messages.heartbeat, 4, reader), { groupId: 'group', generationId: 3, memberId: 'm', groupInstanceId: null });
  assert.equal(reader.left, 0);
});

test('any bytes are either a request or malformed, never another error', () => {
  const all = [...apis.values()];
  fc.assert(
    fc.property(fc.nat(all.length - 1), fc.nat(20), fc.uint8Array({ maxLength: 200 }), (index, shift, bytes) => {
      const api = all[index];
      if (api === undefined) return;
      const version = api.min + (shift % (api.max - api.min + 1));
      try {
        readRequest(api, version, new Reader(Buffer.from(bytes)));
      } catch (error) {
        assert.ok(error instanceof MalformedMessage, String(error));
      }
    }),
    { numRuns: 5_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        readHeader(new Reader(Buffer.from(bytes)), () => true);
      } catch (error) {
        assert.ok(error instanceof MalformedMessage, String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a batch is read by another implementation as it was meant', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ gap: fc.nat(5), time: fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 }), key: fc.string({ maxLength: 20 }), value: fc.string({ maxLength: 600 }) }), { minLength: 1, maxLength: 20 }),
      fc.nat(2 ** 40),
      (items, base) => {
        let offset = base;
        const records = items.map((item) => {
          offset += item.gap + 1;
          return { offset, record: prepareRecord(item.time, Buffer.from(item.key), Buffer.from(item.value), [['name', Buffer.from('value')]]) };
        });
        const batch = encodeBatch(records, offset + 3);
        assert.equal(batch.readUInt32BE(17), crc32c(batch, 21));
        const [read] = readRecordsBatches(PeerReader.from(batch));
        assert.ok(read !== undefined);
        assert.equal(Number(read.firstOffset), records[0]?.offset);
        assert.equal(read.lastOffsetDelta, offset + 3 - (records[0]?.offset ?? 0));
        assert.deepEqual(
          read.records.map((one) => [Number(read.firstOffset) + one.offsetDelta, Number(read.firstTimestamp + one.timestampDelta), String(one.key), String(one.value)]),
          items.map((item, index) => [records[index]?.offset, item.time, Buffer.from(item.key).toString(), Buffer.from(item.value).toString()]),
        );
      },
    ),
  );
});

test('an answer tells its own length', () => {
  const parts = writeResponse(messages.heartbeat, 4, 77, { throttleTimeMs: 0, errorCode: 27 });
  const bytes = Buffer.concat(parts);
  assert.equal(bytes.readInt32BE(0), bytes.length - 4);
  assert.equal(bytes.readInt32BE(4), 77);
});
