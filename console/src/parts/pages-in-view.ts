import { useCallback, useState } from 'react';

export interface PagesInView {
  /** Numbers of the pages to ask for, from 1. */
  readonly pages: readonly number[];
  /** For `VirtualRows`. The same function as long as the list lives. */
  readonly onRange: (first: number, last: number) => void;
  /** Where a row of the list stands: at which place its page is among `pages` (-1 when it is not), and the row's place on it. */
  placeOf(index: number): { readonly page: number; readonly row: number };
}

/** Which pages of a long list have rows in view. */
export function usePagesInView(pageSize: number): PagesInView {
  const [pages, setPages] = useState<readonly number[]>([1]);
  const onRange = useCallback(
    (first: number, last: number) => {
      const from = Math.floor(first / pageSize) + 1;
      const to = Math.floor(Math.max(first, last - 1) / pageSize) + 1;
      setPages((old) => (old[0] === from && old.at(-1) === to ? old : Array.from({ length: to - from + 1 }, (_, offset) => from + offset)));
    },
    [pageSize],
  );
  return { pages, onRange, placeOf: (index) => ({ page: pages.indexOf(Math.floor(index / pageSize) + 1), row: index % pageSize }) };
}
