import { isAbsolute, normalize, sep } from 'node:path';
import { invalid } from '../../kernel/errors.ts';
import { checkText } from '../dialect.ts';

/**
 * Where the data of a version lie:
 *
 *   https://host/path, http://host/path   copied into the version when it is made; also what was uploaded before
 *   file:path                             a file below the folder that the workspace has on the server
 *   duckdb://dev/schema.table             a table or view in the DuckDB file of the workspace, in the environment `dev` or `prod`
 *   oss://bucket/path and other schemes   elsewhere; kept as a record and not read
 */
export type Location =
  | { readonly kind: 'web'; readonly url: string; readonly fileName: string }
  | { readonly kind: 'file'; readonly path: string; readonly fileName: string }
  | { readonly kind: 'table'; readonly environment: 'dev' | 'prod'; readonly schema: string; readonly table: string; readonly fileName: string }
  | { readonly kind: 'elsewhere'; readonly fileName: string };

function lastPart(path: string): string {
  const part = path.split(/[?#]/)[0]?.split('/').findLast((one) => one !== '') ?? '';
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Reads the address of a version's data. Throws InvalidParameter. */
export function readLocation(parameter: string, url: string): Location {
  checkText(parameter, url, 2_048);
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) throw invalid(parameter, 'it must begin with a scheme, such as https:, file:, duckdb: or oss:');
  if (scheme === 'http' || scheme === 'https') {
    if (!URL.canParse(url)) throw invalid(parameter, 'it is no URL');
    return { kind: 'web', url, fileName: lastPart(new URL(url).pathname) };
  }
  if (scheme === 'file') {
    const path = normalize(url.slice('file:'.length).replace(/^\/+/, ''));
    if (path === '' || path === '.' || isAbsolute(path) || path === '..' || path.startsWith(`..${sep}`)) throw invalid(parameter, 'the file must lie in the folder of the workspace: give a path below it');
    return { kind: 'file', path, fileName: lastPart(path) };
  }
  if (scheme === 'duckdb') {
    const [, environment, schema, table] = /^duckdb:\/\/(dev|prod)\/(?:([^/.]+)\.)?([^/.]+)$/i.exec(url) ?? [];
    if (environment === undefined || table === undefined) throw invalid(parameter, 'it must have the form duckdb://dev/schema.table or duckdb://prod/schema.table');
    return { kind: 'table', environment: environment.toLowerCase() === 'dev' ? 'dev' : 'prod', schema: schema ?? 'main', table, fileName: `${table}.csv` };
  }
  return { kind: 'elsewhere', fileName: lastPart(url.slice(scheme.length + 1)) };
}
