import { limits } from '../kernel/limits.ts';
import type { Schema } from '../kernel/module.ts';

export const openeventSchema: Schema = {
  migrations: { module: 'openevent', folder: new URL('migrations', import.meta.url) },
  partitions: [
    { table: 'event', every: 'day', keep: limits.eventDays.value },
    { table: 'kafka_record', every: 'day', keep: limits.eventDays.value },
    { table: 'delivery_attempt', every: 'day', keep: limits.eventDays.value },
  ],
};
