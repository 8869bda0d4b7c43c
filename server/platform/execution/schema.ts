import type { Schema } from '../../kernel/module.ts';

export const executionSchema: Schema = { migrations: { module: 'execution', folder: new URL('migrations', import.meta.url) } };
