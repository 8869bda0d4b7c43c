import type { Schema } from '../../kernel/module.ts';

export const resourcesSchema: Schema = { migrations: { module: 'resources', folder: new URL('migrations', import.meta.url) } };
