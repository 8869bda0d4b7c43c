import { invalid } from '../kernel/errors.ts';

/** Habits of the wire that the operations of all domains share: pages, envelopes, ids and moments as text. */

export { pageCounters, readPage, type Page } from '../kernel/page.ts';

/** What the 2020-05-18 answers carry beside their data. */
export const success = { Success: true, HttpStatusCode: 200 } as const;

/** Reads an id that the wire carries as text, such as `UserId`. Throws InvalidParameter when it is not a whole number below 2^53. */
export function readId(name: string, text: string): number {
  const value = Number(text);
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(value)) throw invalid(name, 'it must be a whole number');
  return value;
}

/** Reads a comma list of whole numbers. Empty elements are skipped. */
export function readIdList(name: string, text: string): number[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => readId(name, part));
}

/** Latest moment that is taken: the end of the year 9999, which schedules use for "never". */
const LATEST_MS = Date.UTC(10_000, 0, 1) - 1;

/** Reads a moment in epoch milliseconds. Throws InvalidParameter outside the years 1970 to 9999. */
export function readMoment(name: string, milliseconds: number): Date {
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 0 || milliseconds > LATEST_MS) throw invalid(name, 'it must be epoch milliseconds between the years 1970 and 9999');
  return new Date(milliseconds);
}

/** `yyyy-MM-dd HH:mm:ss`, in UTC. */
export function momentText(moment: Date): string {
  return moment.toISOString().slice(0, 19).replace('T', ' ');
}

/** Refuses text longer than `characters`, and text that PostgreSQL cannot hold. */
export function checkText(name: string, text: string, characters: number): string {
  if (text.length > characters) throw invalid(name, `it may have at most ${characters} characters`);
  if (text.includes('\u0000') || !text.isWellFormed()) throw invalid(name, 'it contains a character that is not allowed');
  return text;
}

/** One of the words that are known. Throws InvalidParameter. */
export function readWord<Word extends string>(name: string, text: string | undefined, known: readonly Word[]): Word {
  const found = known.find((word) => word === text);
  if (found === undefined) throw invalid(name, `it must be one of ${known.join(', ')}`);
  return found;
}

/** One of the words that are known; undefined when absent or empty. Throws InvalidParameter. */
export function readOptionalWord<Word extends string>(name: string, text: string | undefined, known: readonly Word[]): Word | undefined {
  return text === undefined || text === '' ? undefined : readWord(name, text, known);
}

/**
 * Reads a `SortBy` that carries its direction, such as `CreateTime Desc`. `fields` has what the names stand for, `otherwise` is taken where nothing is asked
 * for, and `direction` where a name stands alone. Throws InvalidParameter.
 */
export function readSortBy<By>(text: string | undefined, fields: Readonly<Record<string, By>>, otherwise: string, direction: 'Asc' | 'Desc' = 'Asc'): { readonly by: By; readonly descending: boolean } {
  const [field = '', given = direction, more] = (text === undefined || text.trim() === '' ? otherwise : text).trim().split(/\s+/);
  const by = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (by === undefined || more !== undefined || !/^(asc|desc)$/i.test(given)) throw invalid('SortBy', `it must be one of ${Object.keys(fields).join(', ')}, followed by Asc or Desc`);
  return { by, descending: given.toLowerCase() === 'desc' };
}

/** How a list is sorted; `by` is SQL from a table of the domain's own. */
export interface SortOrder {
  readonly by: string;
  readonly direction: 'asc' | 'desc';
}

/** Reads `SortBy` and `Order`; `columns` has the SQL by the names that `SortBy` may have. Throws InvalidParameter. */
export function readSortOrder(
  request: { SortBy?: string | undefined; Order?: string | undefined },
  columns: Readonly<Record<string, string>>,
  otherwise: { readonly sortBy: string; readonly order: 'Asc' | 'Desc' },
): SortOrder {
  const by = columns[readWord('SortBy', request.SortBy ?? otherwise.sortBy, Object.keys(columns))] ?? '';
  const order = request.Order ?? otherwise.order;
  if (!/^(asc|desc)$/i.test(order)) throw invalid('Order', 'it must be Asc or Desc');
  return { by, direction: order.toLowerCase() === 'asc' ? 'asc' : 'desc' };
}
