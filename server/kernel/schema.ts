import type { Schema } from './module.ts';

export const kernelSchema: Schema = {
  migrations: { module: 'kernel', folder: new URL('migrations', import.meta.url) },
  partitions: [{ table: 'audit', every: 'month', keep: undefined }],
};
