import { invalid } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';

/** Reads `PageNumber` (from 1) and `PageSize` (10 by default). Throws InvalidParameter outside the limits. */
export function readPage(request: { PageNumber?: number | undefined; PageSize?: number | undefined }): { number: number; size: number; offset: number } {
  const number = request.PageNumber ?? 1;
  const size = request.PageSize ?? 10;
  if (number < 1 || number > 1_000_000) throw invalid('PageNumber', 'it must be between 1 and 1000000.');
  if (size < 1 || size > limits.pageSize.value) throw invalid('PageSize', `it must be between 1 and ${limits.pageSize.value}.`);
  return { number, size, offset: (number - 1) * size };
}
