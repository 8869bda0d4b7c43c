import type { Schema } from '../../kernel/module.ts';

export const studioSchema: Schema = { migrations: { module: 'studio', folder: new URL('migrations', import.meta.url) } };
