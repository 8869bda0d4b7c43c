import { useState } from 'react';
import { own } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { PageHead, Panel, Tag } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { useWorkspaceFilter, useWorkspaces, WorkspaceFilter } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';
import { SubscriptionDialog, type Subscription } from './subscription-form.tsx';

export default function Subscriptions() {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const session = useSession();
  const { nameOf } = useWorkspaces();
  const page = usePage();
  const subscriptions = useRead(own, 'ListSubscriptions', { ProjectId: useWorkspaceFilter(), ...page }, { keep: true });
  const [making, setMaking] = useState(false);
  const reason = session.may('write-open-platform') ? undefined : c('needs-platform');
  return (
    <>
      <PageHead
        title={t('subscriptions')}
        text={t('subscriptions-text')}
        actions={
          <ActionButton type="primary" reason={reason} onAct={() => setMaking(true)}>
            {t('new-subscription')}
          </ActionButton>
        }
      />
      <div className="filters">
        <WorkspaceFilter />
      </div>
      <Panel flush>
        <PagedTable<NonNullable<typeof subscriptions.data>, Subscription>
          label={t('subscriptions')}
          query={subscriptions}
          action="ListSubscriptions"
          rows={(data) => data.PagingInfo?.Subscriptions ?? []}
          total={(data) => data.PagingInfo?.TotalCount ?? 0}
          page={page}
          rowKey="SubscriptionId"
          emptyText={t('no-subscriptions')}
          columns={[
            { title: c('name'), render: (_, row) => <Link to={`/openevent/subscriptions/${row.SubscriptionId}`}>{row.Name}</Link> },
            { title: t('url'), dataIndex: 'Url', render: (url: string) => <span className="mono break">{url}</span> },
            { title: t('types'), render: (_, row) => ((row.Types ?? []).length === 0 ? t('all-types') : (row.Types ?? []).length) },
            { title: c('workspace'), render: (_, row) => (row.ProjectId === undefined || row.ProjectId === 0 ? c('all') : nameOf(row.ProjectId)) },
            { title: c('status'), render: (_, row) => <SubscriptionState subscription={row} /> },
          ]}
        />
      </Panel>
      {making ? <SubscriptionDialog close={() => setMaking(false)} /> : null}
    </>
  );
}

export function SubscriptionState({ subscription }: { subscription: Subscription }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  if (subscription.Paused === true) return <Tag tone="warn">{t('pause')}</Tag>;
  return subscription.Enabled === true ? <Tag tone="good">{c('enabled')}</Tag> : <Tag>{c('disabled')}</Tag>;
}
