import { useQueries, keepPreviousData } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { call } from '../../api/client.ts';
import { own, type Item, type Request, type Response } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link, setQuery, usePlace } from '../../app/router.tsx';
import { PageHead, Tag } from '../../parts/page.tsx';
import { usePagesInView } from '../../parts/pages-in-view.ts';
import { Answer, Empty } from '../../parts/states.tsx';
import { tellFailure } from '../../parts/toast.tsx';
import { VirtualRows } from '../../parts/virtual-rows.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { openapi } from '../../text/openapi.ts';
import { csvOf, exportLimit } from './csv.ts';
import { TextFilter, DateFilter } from '../../parts/filters.tsx';
import { dayMs } from './forecast.ts';

type ListRequest = Request<typeof own, 'ListCalls'>;
export type CallRow = Item<NonNullable<Response<typeof own, 'ListCalls'>['PagingInfo']>['Calls']>;

const pageSize = 100;

/** The filters as the address names them. The end is fixed when the list is opened, so that new calls do not shift its pages. */
function useFilter(): ListRequest {
  const { query } = usePlace();
  const [opened] = useState(() => Date.now());
  const text = query.toString();
  return useMemo(() => {
    const get = (name: string) => query.get(name) ?? undefined;
    const end = get('to') === undefined ? opened : new Date(get('to') ?? '').getTime();
    const begin = get('from') === undefined ? end - dayMs : new Date(get('from') ?? '').getTime();
    const access = get('access');
    return {
      StartTime: Number.isFinite(begin) ? begin : opened - dayMs,
      EndTime: Number.isFinite(end) ? end : opened,
      Operation: get('operation'),
      UserAccessKeyId: get('key'),
      Code: get('code'),
      Access: access === 'read' || access === 'write' ? access : undefined,
      Failed: get('failed') === 'yes' ? true : undefined,
      RequestId: get('request'),
    };

  }, [text, opened]);
}

export default function Calls() {
  const t = useTexts(openapi);
  const c = useTexts(common);
  const { query } = usePlace();
  const filter = useFilter();
  const first = useRead(own, 'ListCalls', { ...filter, PageNumber: 1, PageSize: pageSize }, { keep: true });
  return (
    <>
      <PageHead title={t('calls')} text={t('calls-text')} actions={<ExportButton filter={filter} total={first.data?.PagingInfo?.TotalCount ?? 0} />} />
      <form className="filters" onSubmit={(event) => event.preventDefault()} aria-label={c('search')}>
        <DateFilter name="from" label={t('from')} value={filter.StartTime} />
        <DateFilter name="to" label={t('to')} value={filter.EndTime} />
        <TextFilter name="operation" label={t('operation')} />
        <TextFilter name="key" label={t('access-key')} />
        <TextFilter name="code" label={t('code')} />
        <label>
          {t('kind')}
          <select value={query.get('access') ?? ''} onChange={(event) => setQuery({ access: event.target.value })}>
            <option value="">{c('all')}</option>
            <option value="read">{t('read')}</option>
            <option value="write">{t('write')}</option>
          </select>
        </label>
        <label>
          {t('result')}
          <select value={query.get('failed') ?? ''} onChange={(event) => setQuery({ failed: event.target.value })}>
            <option value="">{t('all-results')}</option>
            <option value="yes">{t('only-failed')}</option>
          </select>
        </label>
      </form>
      <Answer query={first} action="ListCalls">
        {(data) => {
          const total = data.PagingInfo?.TotalCount ?? 0;
          return total === 0 ? <Empty title={c('none-matches')} /> : <CallList filter={filter} total={total} />;
        }}
      </Answer>
    </>
  );
}

function CallList({ filter, total }: { filter: ListRequest; total: number }) {
  const t = useTexts(openapi);
  const c = useTexts(common);
  const { time, span, number } = useFormats();
  const { pages, onRange, placeOf } = usePagesInView(pageSize);
  const answers = useQueries({
    queries: pages.map((PageNumber) => {
      const request = { ...filter, PageNumber, PageSize: pageSize };
      return { queryKey: [own, 'ListCalls', request], queryFn: ({ signal }: { signal: AbortSignal }) => call(own, 'ListCalls', request, signal), staleTime: 60_000, placeholderData: PageNumber === 1 ? keepPreviousData : undefined };
    }),
  });
  const rowAt = (index: number): CallRow | undefined => {
    const { page, row } = placeOf(index);
    return answers[page]?.data?.PagingInfo?.Calls?.[row];
  };
  const cells = useCallback(
    (row: CallRow) => [
      time(row.Time),
      <Link key="link" to={`/openapi/calls/${row.RequestId}`} title={`${row.Product} ${row.Version}`}>
        {row.Operation === '' ? '–' : row.Operation}
      </Link>,
      row.Access === 'write' ? t('write') : t('read'),
      <ResultTag key="result" row={row} />,
      row.UserName === '' ? '–' : row.UserName,
      <span key="key" className="mono" title={row.AccessKeyId}>
        {row.AccessKeyId === '' ? t('session') : row.AccessKeyId}
      </span>,
      span(row.DurationMillis),
    ],
    [t, time, span],
  );
  return (
    <>
      <p className="quiet" role="status">
        {c('total', { n: number(total) })}
      </p>
      <VirtualRows
        label={t('calls')}
        count={total}
        rowHeight={36}
        template="170px minmax(180px, 2fr) 70px 130px 130px minmax(90px, 1fr) 90px"
        minWidth={900}
        head={[c('time'), t('operation'), t('kind'), t('result'), c('user'), t('access-key'), t('duration')]}
        onRange={onRange}
        item={rowAt}
        cells={cells}
      />
    </>
  );
}

export function ResultTag({ row }: { row: { readonly HttpStatus?: number | undefined; readonly Code?: string | undefined } }) {
  const status = row.HttpStatus ?? 0;
  return (
    <span title={row.Code}>
      <Tag tone={status < 400 ? 'good' : status < 500 ? 'warn' : 'bad'}>{status < 400 ? status : `${status} ${row.Code ?? ''}`}</Tag>
    </span>
  );
}

/** Exports what the filters match, newest first, page by page. */
function ExportButton({ filter, total }: { filter: ListRequest; total: number }) {
  const t = useTexts(openapi);
  const { number } = useFormats();
  const [done, setDone] = useState<number>();
  const run = async () => {
    const rows: CallRow[] = [];
    try {
      for (let PageNumber = 1; rows.length < Math.min(total, exportLimit); PageNumber += 1) {
        setDone(rows.length);
        const answer = await call(own, 'ListCalls', { ...filter, PageNumber, PageSize: pageSize });
        const page = answer.PagingInfo?.Calls ?? [];
        if (page.length === 0) break;
        rows.push(...page);
      }
      const address = URL.createObjectURL(new Blob([csvOf(rows)], { type: 'text/csv;charset=utf-8' }));
      const link = document.createElement('a');
      link.href = address;
      link.download = `calls-${new Date(filter.StartTime ?? 0).toISOString().slice(0, 10)}.csv`;
      link.click();
      URL.revokeObjectURL(address);
    } catch (error) {
      tellFailure(error);
    } finally {
      setDone(undefined);
    }
  };
  return (
    <button type="button" className="plain-button" disabled={total === 0 || done !== undefined} title={t('export-limit', { n: number(exportLimit) })} onClick={() => void run()}>
      {done === undefined ? t('export') : t('exporting', { n: number(done) })}
    </button>
  );
}
