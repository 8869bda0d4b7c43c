import { createHash } from 'node:crypto';

/** JSON with the keys of every object in code unit order, so that equal content has equal text. `undefined` is left out as in JSON. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Lower-case hex SHA-256 of canonical JSON text: proves later what exactly was under decision. */
export function hashText(canonical: string): string {
  return createHash('sha256').update(canonical).digest('hex');
}
