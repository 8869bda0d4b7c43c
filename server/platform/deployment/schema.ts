import type { Schema } from '../../kernel/module.ts';

export const deploymentSchema: Schema = { migrations: { module: 'deployment', folder: new URL('migrations', import.meta.url) } };
