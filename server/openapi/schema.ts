import { limits } from '../kernel/limits.ts';
import type { Schema } from '../kernel/module.ts';

export const openapiSchema: Schema = {
  migrations: { module: 'openapi', folder: new URL('migrations', import.meta.url) },
  partitions: [{ table: 'call_log', every: 'day', keep: limits.callLogDays.value }],
};
