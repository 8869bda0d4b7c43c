import type { Schema } from '../../kernel/module.ts';

export const certificatesSchema: Schema = { migrations: { module: 'certificates', folder: new URL('migrations', import.meta.url) } };
