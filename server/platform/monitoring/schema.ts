import type { Schema } from '../../kernel/module.ts';

export const monitoringSchema: Schema = { migrations: { module: 'monitoring', folder: new URL('migrations', import.meta.url) } };
