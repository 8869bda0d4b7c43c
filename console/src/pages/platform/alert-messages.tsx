import { useMemo } from 'react';
import { legacy, type Item, type Response } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link, setQuery, usePlace } from '../../app/router.tsx';
import { Panel, Tag } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { useUserNames } from '../../parts/users.ts';
import { alerts } from '../../text/alerts.ts';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { AlertsHead } from './alerts-head.tsx';

type Message = Item<NonNullable<Response<typeof legacy, 'ListAlertMessages'>['Data']>['AlertMessages']>;

const ranges = { 1: 'last-day', 7: 'last-week', 30: 'last-month' } as const;
const states = { READY_TO_SEND: 'busy', SEND_SUCCESS: 'good', SEND_FAIL: 'bad', SEND_OVERLIMIT: 'warn' } as const;

export default function AlertMessages() {
  const t = useTexts(alerts);
  const { query } = usePlace();
  const days = ([1, 7, 30] as const).find((one) => String(one) === query.get('days')) ?? 7;
  return (
    <>
      <AlertsHead view="messages" />
      <p className="quiet">{t('messages-text')}</p>
      <div className="filters">
        <label>
          {t('range')}
          <select value={days} onChange={(event) => setQuery({ days: event.target.value, page: undefined })}>
            {([1, 7, 30] as const).map((one) => (
              <option key={one} value={one}>
                {t(ranges[one])}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Panel flush>
        <MessageTable days={days} />
      </Panel>
    </>
  );
}

/** A moment as this dialect writes it. */
const instant = (time: number) => new Date(time).toISOString().replace(/\.\d+Z$/, '+0000');

/** What was sent in the last days, of one rule or of all. */
export function MessageTable({ days, rule }: { days: number; rule?: number | undefined }) {
  const t = useTexts(alerts);
  const c = useTexts(common);
  const { time } = useFormats();
  const userName = useUserNames();
  const page = usePage();
  // The end lies ahead, so that what is sent while the view is open comes into it.
  const range = useMemo(() => ({ BeginTime: instant(Date.now() - days * 86_400_000), EndTime: instant(Date.now() + 86_400_000) }), [days]);
  const messages = useRead(legacy, 'ListAlertMessages', { ...range, RemindId: rule, ...page }, { keep: true, every: 5_000 });
  return (
    <PagedTable<NonNullable<typeof messages.data>, Message>
      label={t('messages')}
      query={messages}
      action="ListAlertMessages"
      rows={(data) => data.Data?.AlertMessages ?? []}
      total={(data) => Number(data.Data?.TotalCount ?? 0)}
      page={page}
      rowKey="AlertId"
      emptyText={t('no-messages')}
      columns={[
        { title: c('time'), dataIndex: 'AlertTime', render: time },
        { title: t('rule-name'), render: (_, row) => (row.RemindId === undefined ? (row.SlaAlert?.BaselineName ?? '–') : <Link to={`/platform/alerts/rules/${row.RemindId}`}>{row.RemindName}</Link>) },
        { title: t('content'), render: (_, row) => <span className="break">{row.Content}</span> },
        {
          title: t('about'),
          render: (_, row) =>
            (row.Instances ?? []).slice(0, 3).map((one) => (
              <div key={one.InstanceId}>
                <Link to={`/platform/operations/${one.ProjectId}/instances/${one.InstanceId}`}>{one.NodeName}</Link>
              </div>
            )),
        },
        { title: t('receiver'), render: (_, row) => (row.AlertUser === undefined || row.AlertUser === '' ? '–' : userName(row.AlertUser)) },
        { title: t('method'), render: (_, row) => <span className="mono">{row.AlertMethod}</span> },
        { title: c('status'), render: (_, row) => <MessageState state={row.AlertMessageStatus} /> },
      ]}
    />
  );
}

function MessageState({ state }: { state: string | undefined }) {
  const t = useTexts(alerts);
  const known = (Object.keys(states) as (keyof typeof states)[]).find((one) => one === state);
  return known === undefined ? <Tag>{state}</Tag> : <Tag tone={states[known]}>{t(known)}</Tag>;
}
