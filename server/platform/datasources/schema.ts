import type { Schema } from '../../kernel/module.ts';

export const datasourcesSchema: Schema = { migrations: { module: 'datasources', folder: new URL('migrations', import.meta.url) } };
