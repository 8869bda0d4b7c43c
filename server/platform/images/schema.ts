import type { Schema } from '../../kernel/module.ts';

export const imagesSchema: Schema = { migrations: { module: 'images', folder: new URL('migrations', import.meta.url) } };
