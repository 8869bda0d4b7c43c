import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { Panel, Tag } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';

type BlockedKey = Item<NonNullable<Response<typeof own, 'GetSubscriptionStatus'>['Status']>['BlockedKeys']>;
type DeadLetter = Item<NonNullable<Response<typeof own, 'ListDeadLetters'>['PagingInfo']>['DeadLetters']>;

/** The objects whose first event fails, with what can be done about it. */
export function BlockedKeys({ id, keys }: { id: number; keys: readonly BlockedKey[] }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { time } = useFormats();
  const session = useSession();
  const reason = session.may('write-open-platform') ? undefined : c('needs-platform');
  const retry = useWrite(own, 'RetryDelivery');
  const skip = useWrite(own, 'SkipDelivery');
  const resolve = useWrite(own, 'ResolveBlockedKey');
  const said = { onSuccess: () => tell(c('done')), onError: tellFailure };
  return (
    <Panel title={t('blocked-keys')}>
      <p className="quiet">{keys.length === 0 ? t('no-blocked') : t('blocked-text')}</p>
      {keys.length === 0 ? null : (
        <div className="table-region">
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">{t('object')}</th>
                <th scope="col">{t('state')}</th>
                <th scope="col">{t('attempts')}</th>
                <th scope="col">{t('waiting')}</th>
                <th scope="col">{t('last-error')}</th>
                <th scope="col">{t('next-attempt')}</th>
                <th scope="col">{c('actions')}</th>
              </tr>
            </thead>
            <tbody>
              {keys.map((key) => (
                <tr key={key.ObjectKey}>
                  <th scope="row">
                    <Link to={`/openevent/events/${key.EventId}`} className="mono">
                      {key.ObjectKey}
                    </Link>
                  </th>
                  <td>
                    <Tag tone={key.State === 'Retrying' ? 'warn' : 'bad'}>{key.State === 'Retrying' || key.State === 'Blocked' || key.State === 'Exhausted' ? t(`key-${key.State}`) : key.State}</Tag>
                  </td>
                  <td>{key.AttemptCount}</td>
                  <td>{key.WaitingCount}</td>
                  <td>
                    <span className="answer-cell">{key.LastErrorMessage}</span>
                  </td>
                  <td>{time(key.NextAttemptTime)}</td>
                  <td>
                    <span className="page-actions">
                      <ActionButton size="small" reason={reason} onAct={() => retry.mutate({ SubscriptionId: id, EventId: key.EventId ?? '' }, said)}>
                        {t('retry')}
                      </ActionButton>
                      <ActionButton size="small" reason={reason} confirm={t('set-aside-ask')} onAct={() => resolve.mutate({ SubscriptionId: id, ObjectKey: key.ObjectKey ?? '', Resolution: 'Park' }, said)}>
                        {t('set-aside')}
                      </ActionButton>
                      <ActionButton size="small" reason={reason} confirm={t('skip-reason')} onAct={() => skip.mutate({ SubscriptionId: id, EventId: key.EventId ?? '' }, said)}>
                        {t('skip')}
                      </ActionButton>
                    </span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

/** Events that were given up, kept until somebody decides. */
export function DeadLetters({ id }: { id: number }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { time } = useFormats();
  const session = useSession();
  const reason = session.may('write-open-platform') ? undefined : c('needs-platform');
  const letters = useRead(own, 'ListDeadLetters', { SubscriptionId: id, PageNumber: 1, PageSize: 50 });
  const retry = useWrite(own, 'RetryDeadLetters');
  const count = letters.data?.PagingInfo?.TotalCount ?? 0;
  // Letters tell of workspaces that a reader of the subscription may not be in; such a subscription has none for that reader.
  const hidden = letters.error?.status === 404;
  const said = { onSuccess: () => tell(c('done')), onError: tellFailure };
  return (
    <Panel
      title={t('dead-letters')}
      actions={
        count === 0 ? undefined : (
          <ActionButton size="small" reason={reason} onAct={() => retry.mutate({ SubscriptionId: id }, said)}>
            {t('retry-all')}
          </ActionButton>
        )
      }
    >
      {hidden ? (
        <p className="quiet">{t('letters-hidden')}</p>
      ) : (
        <PagedTable<NonNullable<typeof letters.data>, DeadLetter>
          label={t('dead-letters')}
          query={letters}
          action="ListDeadLetters"
          rows={(data) => data.PagingInfo?.DeadLetters ?? []}
          rowKey="EventId"
          emptyText={t('no-dead-letters')}
          columns={[
            { title: t('event'), render: (_, row) => <Link to={`/openevent/events/${row.EventId}`}>{row.Type}</Link> },
            { title: t('object'), dataIndex: 'ObjectKey', render: (key: string) => <span className="mono">{key}</span> },
            { title: t('attempts'), dataIndex: 'AttemptCount' },
            { title: c('reason'), dataIndex: 'Reason' },
            { title: c('time'), dataIndex: 'DeadTime', render: time },
            {
              title: c('actions'),
              render: (_, row) => (
                <ActionButton size="small" reason={reason} onAct={() => retry.mutate({ SubscriptionId: id, EventIds: [row.EventId ?? ''] }, said)}>
                  {t('redeliver')}
                </ActionButton>
              ),
            },
          ]}
        />
      )}
    </Panel>
  );
}
