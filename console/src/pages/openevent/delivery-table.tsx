import { own, type Item, type Request, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { Tag } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';

type Attempt = Item<NonNullable<Response<typeof own, 'ListDeliveryAttempts'>['PagingInfo']>['DeliveryAttempts']>;

/** Attempts to deliver, newest first. */
export function DeliveryTable({ request, every }: { request: Request<typeof own, 'ListDeliveryAttempts'>; every?: number }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { time, span } = useFormats();
  const session = useSession();
  const reason = session.may('write-open-platform') ? undefined : c('needs-platform');
  const page = usePage();
  const attempts = useRead(own, 'ListDeliveryAttempts', { ...request, ...page }, { keep: true, every: every ?? false });
  const retry = useWrite(own, 'RetryDelivery');
  return (
    <PagedTable<NonNullable<typeof attempts.data>, Attempt>
      label={t('deliveries')}
      query={attempts}
      action="ListDeliveryAttempts"
      rows={(data) => data.PagingInfo?.DeliveryAttempts ?? []}
      total={(data) => data.PagingInfo?.TotalCount ?? 0}
      page={page}
      rowKey="AttemptId"
      emptyText={t('no-deliveries')}
      columns={[
        { title: c('time'), dataIndex: 'StartTime', render: (value: number) => <span className="nowrap">{time(value)}</span> },
        { title: t('event'), render: (_, row) => <Link to={`/openevent/events/${row.EventId}`}>{row.Type}</Link> },
        { title: t('object'), dataIndex: 'ObjectKey', render: (key: string) => <span className="mono">{key}</span> },
        { title: t('attempt'), dataIndex: 'AttemptNumber' },
        { title: c('status'), render: (_, row) => <Tag tone={row.Status === 'Succeeded' ? 'good' : row.Status === 'Failed' ? 'bad' : 'plain'}>{row.Status === 'Succeeded' || row.Status === 'Failed' || row.Status === 'Skipped' ? t(row.Status) : row.Status}</Tag> },
        { title: t('answer'), render: (_, row) => <span className="break">{[row.HttpStatus === undefined || row.HttpStatus === 0 ? '' : `HTTP ${row.HttpStatus}`, row.Stage, row.ErrorMessage].filter((part) => part !== undefined && part !== '').join(' · ')}</span> },
        { title: t('duration'), dataIndex: 'DurationMillis', render: (value: number) => span(value) },
        {
          title: c('actions'),
          render: (_, row) =>
            row.Status === 'Failed' ? (
              <ActionButton size="small" reason={reason} onAct={() => retry.mutate({ SubscriptionId: row.SubscriptionId ?? 0, EventId: row.EventId ?? '' }, { onSuccess: () => tell(c('done')), onError: tellFailure })}>
                {t('redeliver')}
              </ActionButton>
            ) : null,
        },
      ]}
    />
  );
}
