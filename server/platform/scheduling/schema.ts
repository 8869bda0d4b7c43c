import type { Schema } from '../../kernel/module.ts';

export const schedulingSchema: Schema = { migrations: { module: 'scheduling', folder: new URL('migrations', import.meta.url) } };
