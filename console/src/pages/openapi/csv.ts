import type { own, Item, Response } from '../../api/contract.ts';

type CallRow = Item<NonNullable<Response<typeof own, 'ListCalls'>['PagingInfo']>['Calls']>;

/** No export is longer than this: each hundred rows are one call of the tenant's own quota. */
export const exportLimit = 10_000;

const columns: readonly (keyof CallRow)[] = ['Time', 'RequestId', 'Product', 'Version', 'Operation', 'Access', 'HttpStatus', 'Code', 'DurationMillis', 'UserName', 'AccessKeyId', 'RegionId', 'SourceAddress'];

/** Rows as CSV by RFC 4180, with a head line and a byte order mark, which spreadsheets need to see that it is UTF-8. */
export function csvOf(rows: readonly CallRow[]): string {
  const lines = rows.map((row) => columns.map((column) => field(column === 'Time' ? new Date(row.Time ?? 0).toISOString() : row[column])).join(','));
  return `\uFEFF${[columns.join(','), ...lines].join('\r\n')}\r\n`;
}

/** A text that a spreadsheet would take for a formula is led in by an apostrophe. */
function field(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
