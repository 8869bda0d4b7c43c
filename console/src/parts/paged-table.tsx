import type { UseQueryResult } from '@tanstack/react-query';
import { Table, type TableColumnsType } from 'antd';
import { setQuery, usePlace } from '../app/router.tsx';
import { common } from '../text/common.ts';
import { useTexts } from '../text/language.tsx';
import { Answer, Empty } from './states.tsx';

/** The page that the address names, for a list's request. */
export function usePage(size = 20): { readonly PageNumber: number; readonly PageSize: number } {
  const { query } = usePlace();
  const page = Number(query.get('page') ?? '1');
  return { PageNumber: Number.isInteger(page) && page > 0 ? page : 1, PageSize: size };
}

interface PagedTableProps<Data, Row extends object> {
  query: UseQueryResult<Data, Error>;
  action: string;
  rows(data: Data): readonly Row[];
  /** The number of rows on all pages; without it the table has one page. */
  total?(data: Data): number;
  page?: { readonly PageNumber: number; readonly PageSize: number };
  rowKey: (keyof Row & string) | ((row: Row) => string);
  columns: TableColumnsType<Row>;
  emptyText?: string | undefined;
  emptyAction?: React.ReactNode;
  label: string;
}

/** A list with pages in the address, and its empty, waiting and failure states. */
export function PagedTable<Data, Row extends object>({ query, action, rows, total, page, rowKey, columns, emptyText, emptyAction, label }: PagedTableProps<Data, Row>) {
  const t = useTexts(common);
  return (
    <Answer query={query} action={action}>
      {(data) => {
        const list = rows(data);
        const count = total?.(data) ?? list.length;
        if (list.length === 0) return <Empty title={emptyText}>{emptyAction}</Empty>;
        return (
          <div role="region" aria-label={label} tabIndex={0} className="table-region">
            <Table<Row>
              size="middle"
              rowKey={rowKey}
              columns={columns}
              dataSource={[...list]}
              pagination={
                page === undefined || count <= page.PageSize
                  ? false
                  : {
                      current: page.PageNumber,
                      pageSize: page.PageSize,
                      total: count,
                      showSizeChanger: false,
                      showTotal: (n) => t('total', { n }),
                      onChange: (next) => setQuery({ page: next === 1 ? undefined : String(next) }),
                    }
              }
            />
          </div>
        );
      }}
    </Answer>
  );
}
