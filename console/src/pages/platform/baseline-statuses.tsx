import { legacy, type Item, type Response } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link, setQuery, usePlace } from '../../app/router.tsx';
import { Panel, Tag } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import { alerts } from '../../text/alerts.ts';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { useBusinessDate } from './business-date.ts';
import { InstanceState, statusOfLegacy } from './instance-states.tsx';

type Status = Item<NonNullable<Response<typeof legacy, 'ListBaselineStatuses'>['Data']>['BaselineStatuses']>;
type Step = Item<Response<typeof legacy, 'GetBaselineKeyPath'>['Data']>;

const tones = { SAFE: 'good', DANGEROUS: 'warn', OVER: 'bad', ERROR: 'bad' } as const;

/** Noon in the middle of all time zones lies on the same day in nearly each of them. */
const noon = (date: string) => `${date}T12:00:00+0000`;

/** How the baselines of a workspace stand for a business date, with the expected finish against the promise. */
export function BaselineStatuses({ workspace }: { workspace: number }) {
  const t = useTexts(alerts);
  const c = useTexts(common);
  const { time, span } = useFormats();
  const { query } = usePlace();
  const businessDate = useBusinessDate();
  const date = query.get('date') ?? businessDate;
  const statuses = useRead(legacy, 'ListBaselineStatuses', { Bizdate: noon(date), PageNumber: 1, PageSize: 100 }, { keep: true, every: 5_000 });
  const shown = statuses.data?.Data?.BaselineStatuses ?? [];
  const opened = shown.find((one) => `${one.BaselineId}-${one.InGroupId}` === query.get('path'));
  return (
    <>
      <Panel
        title={t('statuses')}
        actions={
          <div className="filters">
            <label>
              {t('business-date')}
              <input type="date" value={date} onChange={(event) => setQuery({ date: event.target.value, path: undefined })} />
            </label>
          </div>
        }
      >
        <PagedTable<NonNullable<typeof statuses.data>, Status & { key: string }>
          label={t('statuses')}
          query={statuses}
          action="ListBaselineStatuses"
          rows={(data) => (data.Data?.BaselineStatuses ?? []).filter((one) => one.ProjectId === workspace).map((one) => ({ ...one, key: `${one.BaselineId}-${one.InGroupId}` }))}
          rowKey="key"
          emptyText={t('no-statuses')}
          columns={[
            { title: t('baseline'), render: (_, row) => (row.BaselineType === 'HOURLY' ? `${row.BaselineName} · ${t('cycle')} ${row.InGroupId}` : row.BaselineName) },
            { title: c('status'), render: (_, row) => <StatusTag status={row.Status} /> },
            { title: t('expected'), render: (_, row) => time(row.EndCast) },
            { title: t('finished'), render: (_, row) => time(row.FinishTime) },
            { title: t('promised'), render: (_, row) => time(row.SlaTime) },
            { title: t('buffer'), render: (_, row) => ((row.Buffer ?? 0) < 0 ? t('late', { span: span(-(row.Buffer ?? 0) * 1_000) }) : span((row.Buffer ?? 0) * 1_000)) },
            { title: t('picture'), width: 200, render: (_, row) => <FinishRuler status={row} /> },
            { title: c('actions'), render: (_, row) => <Link to={`/platform/alerts/baselines?workspace=${workspace}&date=${date}&path=${row.key}`}>{t('path-show')}</Link> },
          ]}
        />
      </Panel>
      {opened === undefined ? null : <KeyPath status={opened} date={date} />}
    </>
  );
}

function StatusTag({ status }: { status: string | undefined }) {
  const t = useTexts(alerts);
  const known = (Object.keys(tones) as (keyof typeof tones)[]).find((one) => one === status);
  return known === undefined ? <Tag>{status}</Tag> : <Tag tone={tones[known]}>{t(known)}</Tag>;
}

/** A line of time with the warning, the promise, and the finish as it is expected or came. */
function FinishRuler({ status }: { status: Status }) {
  const t = useTexts(alerts);
  const { clock } = useFormats();
  const warn = status.ExpTime ?? 0;
  const due = status.SlaTime ?? 0;
  const finished = status.FinishTime !== undefined && status.FinishTime > 0;
  const at = finished ? status.FinishTime : status.EndCast;
  const moments = [warn, due, ...(at === undefined || at === 0 ? [] : [at])];
  // Room beside the outermost marks; an hour when all of them are one moment.
  const room = Math.max(Math.max(...moments) - Math.min(...moments), 3_600_000) * 0.15;
  const from = Math.min(...moments) - room;
  const to = Math.max(...moments) + room;
  const place = (moment: number) => Math.round(((moment - from) / (to - from)) * 180);
  const times = { warn: clock(warn), due: clock(due) };
  const label = at === undefined || at === 0 ? t('ruler-unknown', times) : finished ? t('ruler-finished', { ...times, at: clock(at) }) : t('ruler-expected', { ...times, at: clock(at) });
  return (
    <svg className="ruler" viewBox="0 0 180 22" width="180" height="22" role="img" aria-label={label}>
      <title>{label}</title>
      <rect className="ruler-line" x="0" y="9" width={place(warn)} height="4" />
      <rect className="ruler-warn" x={place(warn)} y="9" width={Math.max(0, place(due) - place(warn))} height="4" />
      <rect className="ruler-late" x={place(due)} y="9" width={180 - place(due)} height="4" />
      <rect className="ruler-due" x={place(due) - 1} y="2" width="2" height="18" />
      {at === undefined || at === 0 ? null : <circle className={finished ? 'ruler-done' : 'ruler-expected'} cx={place(at)} cy="11" r="5" />}
    </svg>
  );
}

function KeyPath({ status, date }: { status: Status; date: string }) {
  const t = useTexts(alerts);
  const c = useTexts(common);
  const { time } = useFormats();
  const path = useRead(legacy, 'GetBaselineKeyPath', { BaselineId: status.BaselineId ?? 0, Bizdate: noon(date), InGroupId: status.InGroupId ?? 1 });
  return (
    <Panel title={t('path', { name: status.BaselineName ?? '' })}>
      <PagedTable<NonNullable<typeof path.data>, Step>
        label={t('path', { name: status.BaselineName ?? '' })}
        query={path}
        action="GetBaselineKeyPath"
        rows={(data) => data.Data ?? []}
        rowKey="InstanceId"
        emptyText={t('no-path')}
        columns={[
          { title: t('task'), render: (_, row) => <Link to={`/platform/operations/${row.ProjectId}/instances/${row.InstanceId}`}>{row.NodeName}</Link> },
          { title: c('status'), render: (_, row) => <InstanceState status={statusOfLegacy(row.Runs?.[0]?.Status)} /> },
          { title: t('begins'), render: (_, row) => time(row.Runs?.[0]?.BeginCast) },
          { title: t('ends'), render: (_, row) => time(row.Runs?.[0]?.EndCast) },
        ]}
      />
    </Panel>
  );
}
