import { CallError } from '../api/client.ts';

/** Why something did not work and what to do about it, in one text. */
export function describe(error: unknown): string {
  if (error instanceof CallError) return [error.message, error.recommend, error.code === '' ? '' : `(${error.code})`].filter((part) => part !== '').join(' ');
  return error instanceof Error ? error.message : String(error);
}
