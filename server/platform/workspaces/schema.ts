import type { Schema } from '../../kernel/module.ts';

export const workspacesSchema: Schema = { migrations: { module: 'workspaces', folder: new URL('migrations', import.meta.url) } };
