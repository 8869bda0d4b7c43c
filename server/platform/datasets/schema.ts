import type { Schema } from '../../kernel/module.ts';

export const datasetsSchema: Schema = { migrations: { module: 'datasets', folder: new URL('migrations', import.meta.url) } };
