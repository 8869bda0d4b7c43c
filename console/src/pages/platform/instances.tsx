import { keepPreviousData, useQueries } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { call } from '../../api/client.ts';
import { current, type Item, type Request, type Response } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link, setQuery, usePlace } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { TextFilter } from '../../parts/filters.tsx';
import { Answer, Empty } from '../../parts/states.tsx';
import { VirtualRows } from '../../parts/virtual-rows.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';
import { dayText, noonOf } from './dates.ts';
import { InstanceKind, InstanceState } from './instance-states.tsx';
import { OperationsHead } from './operations-head.tsx';

export type InstanceRow = Item<NonNullable<Response<typeof current, 'ListTaskInstances'>['PagingInfo']>['TaskInstances']>;

const pageSize = 100;
const states = ['NotRun', 'WaitTime', 'WaitResource', 'Running', 'Failure', 'Success'] as const;
const kinds = ['Normal', 'SupplementData', 'SmokeTest', 'Manual', 'ManualWorkflow'] as const;
const environments = ['Prod', 'Dev'] as const;

export default function Instances({ params }: PageProps) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const workspace = Number(params['workspace']);
  const { query } = usePlace();
  const date = query.get('date') ?? dayText(Date.now() - 86_400_000);
  const status = states.find((one) => one === query.get('status'));
  const kind = kinds.find((one) => one === query.get('kind'));
  const environment = environments.find((one) => one === query.get('env')) ?? 'Prod';
  const request: Request<typeof current, 'ListTaskInstances'> = { ProjectId: workspace, ProjectEnv: environment, Bizdate: noonOf(date), Status: status, WorkflowInstanceType: kind, TaskName: query.get('task') ?? undefined };
  const first = useRead(current, 'ListTaskInstances', { ...request, PageNumber: 1, PageSize: pageSize }, { every: 5_000, keep: true });
  return (
    <>
      <OperationsHead workspace={workspace} view="instances" />
      <div className="filters">
        <label>
          {t('business-date')}
          <input type="date" value={date} onChange={(event) => setQuery({ date: event.target.value })} />
        </label>
        <Choice name="env" label={t('environment')} value={environment} values={environments.map((one) => [one, t(one)])} />
        <Choice name="status" label={c('status')} value={status ?? ''} values={[['', c('all')], ...states.map((one): [string, string] => [one, t(one)])]} />
        <Choice name="kind" label={t('kind')} value={kind ?? ''} values={[['', c('all')], ...kinds.map((one): [string, string] => [one, t(`kind-${one}`)])]} />
        <TextFilter name="task" label={t('task')} />
      </div>
      <Answer query={first} action="ListTaskInstances">
        {(data) => {
          const total = data.PagingInfo?.TotalCount ?? 0;
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

function InstanceList({ workspace, request, total }: { workspace: number; request: Request<typeof current, 'ListTaskInstances'>; total: number }) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const { time, span, number } = useFormats();
  const [pages, setPages] = useState<readonly number[]>([1]);
  const onRange = useCallback((first: number, last: number) => {
    const from = Math.floor(first / pageSize) + 1;
    const to = Math.floor(Math.max(first, last - 1) / pageSize) + 1;
    setPages((old) => (old[0] === from && old.at(-1) === to ? old : Array.from({ length: to - from + 1 }, (_, offset) => from + offset)));
  }, []);
  const answers = useQueries({
    queries: pages.map((PageNumber) => {
      const page = { ...request, PageNumber, PageSize: pageSize };
      return { queryKey: [current, 'ListTaskInstances', page], queryFn: ({ signal }: { signal: AbortSignal }) => call(current, 'ListTaskInstances', page, signal), refetchInterval: 5_000, placeholderData: keepPreviousData };
    }),
  });
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
        row={(index) => {
          const row: InstanceRow | undefined = answers[pages.indexOf(Math.floor(index / pageSize) + 1)]?.data?.PagingInfo?.TaskInstances?.[index % pageSize];
          if (row === undefined) return undefined;
          const end = row.FinishedTime === undefined || row.FinishedTime === 0 ? undefined : row.FinishedTime;
          return [
            row.Id,
            <Link key="link" to={`/platform/operations/${workspace}/instances/${row.Id}`}>
              {row.TaskName}
            </Link>,
            <InstanceState key="state" status={row.Status} />,
            <InstanceKind key="kind" kind={row.WorkflowInstanceType} />,
            time(row.StartedTime),
            row.StartedTime === undefined || row.StartedTime === 0 || end === undefined ? '–' : span(end - row.StartedTime),
          ];
        }}
      />
    </>
  );
}
