import { invalid } from './errors.ts';
import { limits } from './limits.ts';

/** Where a page begins and how long it is. */
export interface Page {
  readonly number: number;
  readonly size: number;
  readonly offset: number;
}

/** Reads `PageNumber` (from 1) and `PageSize` (10 by default). Throws InvalidParameter outside the limits. */
export function readPage(request: { PageNumber?: number | undefined; PageSize?: number | undefined }, largest: number = limits.pageSize.value): Page {
  const number = request.PageNumber ?? 1;
  const size = request.PageSize ?? 10;
  if (number < 1 || number > limits.pageNumber.value) throw invalid('PageNumber', `it must be between 1 and ${limits.pageNumber.value}.`);
  if (size < 1 || size > largest) throw invalid('PageSize', `it must be between 1 and ${largest}.`);
  return { number, size, offset: (number - 1) * size };
}

/** The counters that stand beside the list in every paged answer. */
export function pageCounters(page: Page, total: number): { PageNumber: number; PageSize: number; TotalCount: number } {
  return { PageNumber: page.number, PageSize: page.size, TotalCount: total };
}
