import type { Schema } from '../kernel/module.ts';

export const identitySchema: Schema = {
  migrations: { module: 'identity', folder: new URL('migrations', import.meta.url) },
};
