import { keepPreviousData, useQueries } from '@tanstack/react-query';
import { useCallback } from 'react';
import { call } from '../../api/client.ts';
import { legacy, type Item, type Request, type Response } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link, setQuery, usePlace } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { TextFilter } from '../../parts/filters.tsx';
import { usePagesInView } from '../../parts/pages-in-view.ts';
import { Answer, Empty } from '../../parts/states.tsx';
import { VirtualRows } from '../../parts/virtual-rows.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';
import { useBusinessDate } from './business-date.ts';
import { InstanceKind, InstanceState, kindOfLegacy, legacyStates, statusOfLegacy } from './instance-states.tsx';
import { OperationsHead } from './operations-head.tsx';

type InstanceRow = Item<NonNullable<Response<typeof legacy, 'ListInstances'>['Data']>['Instances']>;

const pageSize = 100;
const environments = ['Prod', 'Dev'] as const;

export default function Instances({ params }: PageProps) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const workspace = Number(params['workspace']);
  const { query } = usePlace();
  const businessDate = useBusinessDate();
  const date = query.get('date') ?? businessDate;
  const status = legacyStates.find((one) => one.code === query.get('status'));
  const environment = environments.find((one) => one === query.get('env')) ?? 'Prod';
  const request: Request<typeof legacy, 'ListInstances'> = {
    ProjectId: workspace,
    ProjectEnv: environment === 'Prod' ? 'PROD' : 'DEV',
    // As text: a day of the server's calendar, wherever the browser is.
    Bizdate: `${date} 00:00:00`,
    Status: status?.code,
    NodeName: query.get('task') ?? undefined,
  };
  const first = useRead(legacy, 'ListInstances', { ...request, PageNumber: 1, PageSize: pageSize }, { every: 5_000, keep: true });
  return (
    <>
      <OperationsHead workspace={workspace} view="instances" />
      <div className="filters">
        <label>
          {t('business-date')}
          <input type="date" value={date} onChange={(event) => setQuery({ date: event.target.value })} />
        </label>
        <Choice name="env" label={t('environment')} value={environment} values={environments.map((one) => [one, t(one)])} />
        <Choice name="status" label={c('status')} value={status?.code ?? ''} values={[['', c('all')], ...legacyStates.map((one): [string, string] => [one.code, t(one.status)])]} />
        <TextFilter name="task" label={t('task')} />
      </div>
      <Answer query={first} action="ListInstances">
        {(data) => {
          const total = data.Data?.TotalCount ?? 0;
          return total === 0 ? <Empty title={t('no-instances')} /> : <InstanceList workspace={workspace} request={request} total={total} />;
        }}
      </Answer>
    </>
  );
}

function Choice({ name, label, value, values }: { name: string; label: string; value: string; values: readonly (readonly [value: string, text: string])[] }) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => setQuery({ [name]: event.target.value })}>
        {values.map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function InstanceList({ workspace, request, total }: { workspace: number; request: Request<typeof legacy, 'ListInstances'>; total: number }) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const { time, span, number } = useFormats();
  const { pages, onRange, placeOf } = usePagesInView(pageSize);
  const answers = useQueries({
    queries: pages.map((PageNumber) => {
      const page = { ...request, PageNumber, PageSize: pageSize };
      return { queryKey: [legacy, 'ListInstances', page], queryFn: ({ signal }: { signal: AbortSignal }) => call(legacy, 'ListInstances', page, signal), refetchInterval: 5_000, placeholderData: keepPreviousData };
    }),
  });
  const rowAt = (index: number): InstanceRow | undefined => {
    const { page, row } = placeOf(index);
    return answers[page]?.data?.Data?.Instances?.[row];
  };
  const cells = useCallback(
    (row: InstanceRow) => {
      const begin = row.BeginRunningTime ?? 0;
      const end = row.FinishTime ?? 0;
      return [
        row.InstanceId,
        <Link key="link" to={`/platform/operations/${workspace}/instances/${row.InstanceId}`}>
          {row.NodeName}
        </Link>,
        <InstanceState key="state" status={statusOfLegacy(row.Status)} />,
        <InstanceKind key="kind" kind={kindOfLegacy(row.DagType)} />,
        time(row.BeginRunningTime),
        begin === 0 || end === 0 ? '–' : span(end - begin),
      ];
    },
    [workspace, time, span],
  );
  return (
    <>
      <p className="quiet" role="status">
        {c('total', { n: number(total) })}
      </p>
      <VirtualRows
        label={t('instances')}
        count={total}
        rowHeight={36}
        template="110px minmax(160px, 2fr) 150px 110px 180px 100px"
        head={['Id', t('task'), c('status'), t('kind'), t('started'), t('duration')]}
        onRange={onRange}
        item={rowAt}
        cells={cells}
      />
    </>
  );
}
