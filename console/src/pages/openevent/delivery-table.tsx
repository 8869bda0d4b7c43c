import { Modal } from 'antd';
import { useState } from 'react';
import { own, type Item, type Request, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { CodeBlock } from '../../parts/copy.tsx';
import { Facts, Tag } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { Answer } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';

type Attempt = Item<NonNullable<Response<typeof own, 'ListDeliveryAttempts'>['PagingInfo']>['DeliveryAttempts']>;

/** What came of an attempt, in a few words. The stage is told where the message does not begin with it. */
export function answerOf(row: Pick<Attempt, 'HttpStatus' | 'Stage' | 'ErrorMessage'>): string {
  const message = row.ErrorMessage ?? '';
  const stage = row.Stage === undefined || message.startsWith(row.Stage) ? '' : row.Stage;
  return [row.HttpStatus === undefined || row.HttpStatus === 0 ? '' : `HTTP ${row.HttpStatus}`, stage, message].filter((part) => part !== '').join(' · ');
}

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
  const [shown, setShown] = useState<Attempt>();
  return (
    <>
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
          { title: t('event'), render: (_, row) => <Link to={`/openevent/events/${row.EventId}`} className="break">{row.Type?.replace(/^dataworks:/, '')}</Link> },
          { title: t('object'), dataIndex: 'ObjectKey', render: (key: string) => <span className="mono">{key}</span> },
          { title: t('attempt'), dataIndex: 'AttemptNumber' },
          { title: c('status'), render: (_, row) => <Tag tone={row.Status === 'Succeeded' ? 'good' : row.Status === 'Failed' ? 'bad' : 'plain'}>{row.Status === 'Succeeded' || row.Status === 'Failed' || row.Status === 'Skipped' ? t(row.Status) : row.Status}</Tag> },
          { title: t('answer'), render: (_, row) => <span className="answer-cell">{answerOf(row)}</span> },
          { title: t('duration'), dataIndex: 'DurationMillis', render: (value: number) => span(value) },
          {
            title: c('actions'),
            render: (_, row) => (
              <span className="page-actions">
                <ActionButton size="small" onAct={() => setShown(row)}>
                  {c('details')}
                </ActionButton>
                {row.Status === 'Failed' ? (
                  <ActionButton size="small" reason={reason} onAct={() => retry.mutate({ SubscriptionId: row.SubscriptionId ?? 0, EventId: row.EventId ?? '' }, { onSuccess: () => tell(c('done')), onError: tellFailure })}>
                    {t('redeliver')}
                  </ActionButton>
                ) : null}
              </span>
            ),
          },
        ]}
      />
      {shown === undefined ? null : <OneAttempt attempt={shown} close={() => setShown(undefined)} />}
    </>
  );
}

/** One attempt with what was sent and what was answered. */
function OneAttempt({ attempt, close }: { attempt: Attempt; close(): void }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { time, span } = useFormats();
  const answer = useRead(own, 'GetDeliveryAttempt', { SubscriptionId: attempt.SubscriptionId ?? 0, AttemptId: attempt.AttemptId ?? 0 });
  return (
    <Modal open title={t('attempt-n', { n: attempt.AttemptNumber ?? 0 })} width={760} onCancel={close} onOk={close} okText={c('close')} cancelButtonProps={{ style: { display: 'none' } }}>
      <Answer query={answer} action="GetDeliveryAttempt">
        {({ DeliveryAttempt: one = {} }) => (
          <>
            <Facts
              rows={[
                [t('event'), one.Type],
                [t('object'), one.ObjectKey],
                [c('time'), time(one.StartTime)],
                [t('duration'), span(one.DurationMillis)],
                [t('answer'), answerOf(one)],
                [t('next-attempt'), one.NextAttemptTime === undefined || one.NextAttemptTime === 0 ? undefined : time(one.NextAttemptTime)],
              ]}
            />
            {one.RequestBody === undefined || one.RequestBody === '' ? null : <CodeBlock title={t('sent-body')} text={one.RequestBody} />}
            {one.ResponseBody === undefined || one.ResponseBody === '' ? null : <CodeBlock title={t('answered-body')} text={one.ResponseBody} />}
          </>
        )}
      </Answer>
    </Modal>
  );
}
