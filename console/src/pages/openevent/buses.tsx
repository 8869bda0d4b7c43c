import { useState } from 'react';
import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { FormDialog, numberOf, textOf } from '../../parts/form-dialog.tsx';
import { PageHead, Panel, Tag } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { Answer } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { useWorkspaces } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';

type Bus = Item<NonNullable<Response<typeof own, 'ListEventBuses'>['PagingInfo']>['EventBuses']>;
type Channel = Item<NonNullable<Response<typeof own, 'ListDistributionChannels'>['PagingInfo']>['Channels']>;

export default function Buses() {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const session = useSession();
  const reason = session.may('write-open-platform') ? undefined : c('needs-platform');
  const [dialog, setDialog] = useState<'bus' | 'channel'>();
  return (
    <>
      <PageHead
        title={t('buses')}
        text={t('buses-text')}
        actions={
          <>
            <ActionButton reason={reason} onAct={() => setDialog('channel')}>
              {t('new-channel')}
            </ActionButton>
            <ActionButton type="primary" reason={reason} onAct={() => setDialog('bus')}>
              {t('new-bus')}
            </ActionButton>
          </>
        }
      />
      <Switch reason={reason} />
      <BusTable />
      <Channels reason={reason} />
      {dialog === 'bus' ? <NewBus close={() => setDialog(undefined)} /> : null}
      {dialog === 'channel' ? <NewChannel close={() => setDialog(undefined)} /> : null}
    </>
  );
}

/** The switch of the tenant's whole event distribution. */
function Switch({ reason }: { reason: string | undefined }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const state = useRead(own, 'GetMessageSubscription', {});
  const enable = useWrite(own, 'EnableMessageSubscription');
  const disable = useWrite(own, 'DisableMessageSubscription');
  return (
    <Panel title={t('message-subscription')}>
      <Answer query={state} action="GetMessageSubscription">
        {(data) => (
          <p>
            <Tag tone={data.Enabled === true ? 'good' : 'plain'}>{data.Enabled === true ? c('enabled') : c('disabled')}</Tag> <span className="quiet">{t('message-subscription-text')}</span>{' '}
            <ActionButton size="small" reason={reason} onAct={() => (data.Enabled === true ? disable : enable).mutate({}, { onSuccess: () => tell(c('done')), onError: tellFailure })}>
              {data.Enabled === true ? c('disable') : c('enable')}
            </ActionButton>
          </p>
        )}
      </Answer>
    </Panel>
  );
}

function BusTable() {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const page = usePage();
  const buses = useRead(own, 'ListEventBuses', page, { keep: true });
  return (
    <Panel flush>
      <PagedTable<NonNullable<typeof buses.data>, Bus>
        label={t('buses')}
        query={buses}
        action="ListEventBuses"
        rows={(data) => data.PagingInfo?.EventBuses ?? []}
        total={(data) => data.PagingInfo?.TotalCount ?? 0}
        page={page}
        rowKey="EventBusName"
        emptyText={t('no-buses')}
        columns={[
          { title: t('bus'), render: (_, row) => <Link to={`/openevent/buses/${encodeURIComponent(row.EventBusName ?? '')}`}>{row.EventBusName}</Link> },
          { title: c('status'), render: (_, row) => <Tag tone={row.Enabled === true ? 'good' : 'plain'}>{row.Enabled === true ? c('enabled') : c('disabled')}</Tag> },
          { title: t('rules'), dataIndex: 'RuleCount' },
          { title: t('channels'), dataIndex: 'ChannelCount' },
          { title: t('retention'), dataIndex: 'RetentionDays' },
          { title: c('description'), dataIndex: 'Description' },
        ]}
      />
    </Panel>
  );
}

function Channels({ reason }: { reason: string | undefined }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { nameOf } = useWorkspaces();
  const channels = useRead(own, 'ListDistributionChannels', { PageNumber: 1, PageSize: 100 });
  const enable = useWrite(own, 'EnableDistributionChannel');
  const disable = useWrite(own, 'DisableDistributionChannel');
  const remove = useWrite(own, 'DeleteDistributionChannel');
  const said = { onSuccess: () => tell(c('done')), onError: tellFailure };
  return (
    <Panel title={t('channels')}>
      <PagedTable<NonNullable<typeof channels.data>, Channel>
        label={t('channels')}
        query={channels}
        action="ListDistributionChannels"
        rows={(data) => data.PagingInfo?.Channels ?? []}
        rowKey="ChannelId"
        emptyText={t('no-channels')}
        columns={[
          { title: c('workspace'), render: (_, row) => nameOf(row.ProjectId) },
          { title: t('bus'), dataIndex: 'EventBusName' },
          { title: c('status'), render: (_, row) => <Tag tone={row.Enabled === true ? 'good' : 'plain'}>{row.Enabled === true ? c('enabled') : c('disabled')}</Tag> },
          {
            title: c('actions'),
            render: (_, row) => (
              <span className="page-actions">
                <ActionButton size="small" reason={reason} onAct={() => (row.Enabled === true ? disable : enable).mutate({ ChannelId: row.ChannelId ?? 0 }, said)}>
                  {row.Enabled === true ? c('disable') : c('enable')}
                </ActionButton>
                <ActionButton size="small" danger reason={reason} confirm={t('delete-it')} onAct={() => remove.mutate({ ChannelId: row.ChannelId ?? 0 }, said)}>
                  {c('delete')}
                </ActionButton>
              </span>
            ),
          },
        ]}
      />
    </Panel>
  );
}

function NewBus({ close }: { close(): void }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const create = useWrite(own, 'CreateEventBus');
  return (
    <FormDialog
      title={t('new-bus')}
      submitText={c('create')}
      close={close}
      fields={[
        { name: 'name', label: c('name'), required: true },
        { name: 'description', label: c('description') },
        { name: 'retention', label: t('retention'), kind: 'number' },
      ]}
      submit={async (values) => {
        await create.mutateAsync({ EventBusName: textOf(values, 'name') ?? '', Description: textOf(values, 'description'), RetentionDays: numberOf(values, 'retention') });
        tell(c('done'));
      }}
    />
  );
}

function NewChannel({ close }: { close(): void }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { list } = useWorkspaces();
  const buses = useRead(own, 'ListEventBuses', { PageNumber: 1, PageSize: 100 });
  const create = useWrite(own, 'CreateDistributionChannel');
  if (buses.data === undefined) return null;
  const names = (buses.data.PagingInfo?.EventBuses ?? []).map((bus) => bus.EventBusName ?? '');
  return (
    <FormDialog
      title={t('new-channel')}
      submitText={c('create')}
      close={close}
      fields={[
        { name: 'workspace', label: c('workspace'), kind: 'one', required: true, choices: [{ value: '', label: '–' }, ...list.map((one) => ({ value: String(one.Id), label: one.Name ?? '' }))] },
        { name: 'bus', label: t('bus'), kind: 'one', required: true, initial: names[0] ?? '', choices: names.map((name) => ({ value: name, label: name })) },
      ]}
      submit={async (values) => {
        await create.mutateAsync({ ProjectId: numberOf(values, 'workspace') ?? 0, EventBusName: textOf(values, 'bus') ?? '', Enabled: true });
        tell(c('done'));
      }}
    />
  );
}
