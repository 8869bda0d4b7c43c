import { promisify } from 'node:util';
import { constants, gzip, zstdCompress } from 'node:zlib';
import { BATCH_HEADER_BYTES, sealBatch } from './record-batch.ts';

/** How whole batches of records are packed. */
export const compressions = ['none', 'gzip', 'zstd'] as const;
export type Compression = (typeof compressions)[number];

/** A quick level each: what is saved is the network, and one process packs for all readers. */
const packers: Readonly<Record<Exclude<Compression, 'none'>, { readonly attributes: number; pack(bytes: Buffer): Promise<Buffer> }>> = {
  gzip: { attributes: 1, pack: (bytes) => promisify(gzip)(bytes, { level: 1 }) },
  zstd: { attributes: 4, pack: (bytes) => promisify(zstdCompress)(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }) },
};

/** The same batch with its records packed, in a thread of the pool; the batch itself where that would not make it smaller. */
export async function packBatch(batch: Buffer, compression: Compression): Promise<Buffer> {
  if (compression === 'none') return batch;
  const { attributes, pack } = packers[compression];
  const records = await pack(batch.subarray(BATCH_HEADER_BYTES));
  if (records.length + BATCH_HEADER_BYTES >= batch.length) return batch;
  const packed = Buffer.concat([batch.subarray(0, BATCH_HEADER_BYTES), records]);
  packed.writeInt16BE(attributes, 21);
  return sealBatch(packed);
}
