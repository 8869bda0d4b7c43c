import type { Schema } from '../kernel/module.ts';

export const extensionsSchema: Schema = {
  migrations: { module: 'extensions', folder: new URL('migrations', import.meta.url) },
};
