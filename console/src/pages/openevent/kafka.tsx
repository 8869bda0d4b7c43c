import { Modal } from 'antd';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { CodeBlock, CopyButton } from '../../parts/copy.tsx';
import { FormDialog, listOf, textOf } from '../../parts/form-dialog.tsx';
import { Facts, PageHead, Panel, Tag } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { Answer } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { useWorkspaces } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { eventNames } from '../../text/event-types.ts';
import { kafka } from '../../text/kafka.ts';
import { useFormats, useNames, useTexts } from '../../text/language.tsx';
import { ConsumerGroups } from './kafka-groups.tsx';

type Access = NonNullable<Response<typeof own, 'GetKafkaAccess'>['PagingInfo']>;
type Topic = Item<Access['Topics']>;
/** Events that wait for the cluster are counted up to here. */
const countedTo = 10_000;

type User = Item<NonNullable<Response<typeof own, 'ListKafkaUsers'>['PagingInfo']>['KafkaUsers']>;

export default function Kafka() {
  const t = useTexts(kafka);
  const c = useTexts(common);
  const session = useSession();
  const reason = session.may('write-open-platform') ? undefined : c('needs-platform');
  const page = usePage();
  const access = useRead(own, 'GetKafkaAccess', page, { keep: true, every: 10_000 });
  const [making, setMaking] = useState(false);
  const [shown, setShown] = useState<{ name: string; password: string }>();
  return (
    <>
      <PageHead
        title={t('title')}
        text={t('text')}
        actions={
          <ActionButton type="primary" reason={reason} onAct={() => setMaking(true)}>
            {t('new-user')}
          </ActionButton>
        }
      />
      <Answer query={access} action="GetKafkaAccess">
        {({ PagingInfo: info = {} }) => (
          <>
            <Panel title={c('details')}>{info.Enabled === true ? <Listener info={info} /> : <p className="quiet">{t('off')}</p>}</Panel>
            {info.Cluster === undefined ? null : <ClusterPanel cluster={info.Cluster} />}
            <Panel title={t('topics')}>
              <PagedTable<NonNullable<typeof access.data>, Topic>
                label={t('topics')}
                query={access}
                action="GetKafkaAccess"
                rows={(data) => data.PagingInfo?.Topics ?? []}
                total={(data) => data.PagingInfo?.TotalCount ?? 0}
                page={page}
                rowKey="Topic"
                emptyText={t('no-topics')}
                columns={[
                  { title: t('topic'), dataIndex: 'Topic', render: (name: string) => <span className="mono">{name}</span> },
                  { title: t('partitions'), render: (_, row) => row.Partitions?.length },
                  { title: t('messages'), render: (_, row) => <Offsets topic={row} /> },
                ]}
              />
            </Panel>
          </>
        )}
      </Answer>
      <ConsumerGroups reason={reason} />
      <Users reason={reason} show={setShown} />
      {making ? <NewUser close={() => setMaking(false)} made={setShown} /> : null}
      {shown === undefined ? null : (
        <Modal open title={t('password', { name: shown.name })} onCancel={() => setShown(undefined)} onOk={() => setShown(undefined)} cancelButtonProps={{ style: { display: 'none' } }} okText={c('close')}>
          <CodeBlock title={t('user')} text={shown.name} />
          <CodeBlock title={t('password', { name: shown.name })} text={shown.password} />
        </Modal>
      )}
    </>
  );
}

function Listener({ info }: { info: Access }) {
  const t = useTexts(kafka);
  const brokers = info.Brokers ?? [];
  return (
    <Facts
      rows={[
        [t('servers'), <span key="servers"><span className="mono">{info.BootstrapServers}</span> <CopyButton text={info.BootstrapServers ?? ''} /></span>],
        [t('protocol'), info.SecurityProtocol],
        [t('mechanisms'), (info.SaslMechanisms ?? []).join(', ')],
        [
          t('brokers'),
          brokers.length < 2 ? undefined : (
            <ul key="brokers" className="bare-list">
              {brokers.map((one) => (
                <li key={one.NodeId}>
                  {t('broker', { id: one.NodeId ?? 0 })}: <span className="mono">{`${one.Host}:${one.Port}`}</span>
                  {one.Coordinator === true ? <span className="quiet"> · {t('coordinator')}</span> : null}
                </li>
              ))}
            </ul>
          ),
        ],
      ]}
    />
  );
}

/** The cluster that the server writes the topics to: how far it is, and what went wrong last. */
function ClusterPanel({ cluster }: { cluster: NonNullable<Access['Cluster']> }) {
  const t = useTexts(kafka);
  const { number, span, time } = useFormats();
  const lag = cluster.LagCount ?? 0;
  return (
    <Panel title={t('cluster')}>
      <p className="quiet">{t('cluster-text')}</p>
      <Facts
        rows={[
          [t('state'), <Tag key="state" tone={cluster.Connected === true ? 'good' : 'bad'}>{cluster.Connected === true ? t('connected') : t('not-connected')}</Tag>],
          [t('servers'), <span key="servers"><span className="mono break">{cluster.BootstrapServers}</span> <CopyButton text={cluster.BootstrapServers ?? ''} /></span>],
          [t('cluster-lag'), lag === 0 ? t('lag-none') : t('lag-of', { n: `${number(lag)}${lag >= countedTo ? '+' : ''}`, age: span((cluster.LagSeconds ?? 0) * 1_000) })],
          [t('last-relay'), time(cluster.RelayTime)],
          [t('last-error'), cluster.LastError === undefined || cluster.LastError === '' ? undefined : `${cluster.LastError} · ${time(cluster.LastErrorTime)}`],
          [t('users-mirrored'), cluster.UsersMirrored === true ? t('users-mirrored-yes') : t('users-mirrored-no')],
          [t('cluster-topics'), <span key="topics" className="mono break">{(cluster.TopicNames ?? []).join(', ')}</span>],
        ]}
      />
    </Panel>
  );
}

function Offsets({ topic }: { topic: Topic }) {
  const { number } = useFormats();
  const sum = (side: 'EarliestOffset' | 'LatestOffset') => (topic.Partitions ?? []).reduce((total, partition) => total + (partition[side] ?? 0), 0);
  return <>{`${number(sum('EarliestOffset'))} – ${number(sum('LatestOffset'))}`}</>;
}

function Users({ reason, show }: { reason: string | undefined; show(shown: { name: string; password: string }): void }) {
  const t = useTexts(kafka);
  const c = useTexts(common);
  const { nameOf } = useWorkspaces();
  const users = useRead(own, 'ListKafkaUsers', { PageNumber: 1, PageSize: 100 });
  const reset = useWrite(own, 'ResetKafkaUserPassword');
  const remove = useWrite(own, 'DeleteKafkaUser');
  // A password is asked for when somebody wants to see it, and kept nowhere in the page afterwards.
  const view = async (id: number) => {
    try {
      const answer = await call(own, 'GetKafkaUserPassword', { KafkaUserId: id });
      show({ name: answer.UserName ?? '', password: answer.Password ?? '' });
    } catch (error) {
      tellFailure(error);
    }
  };
  return (
    <Panel title={t('users')}>
      <PagedTable<NonNullable<typeof users.data>, User>
        label={t('users')}
        query={users}
        action="ListKafkaUsers"
        rows={(data) => data.PagingInfo?.KafkaUsers ?? []}
        rowKey="KafkaUserId"
        emptyText={t('no-users')}
        columns={[
          { title: t('user'), dataIndex: 'UserName', render: (name: string) => <span className="mono">{name}</span> },
          { title: t('reads'), render: (_, row) => (row.AllProjects === true ? c('all-workspaces') : (row.ProjectIds ?? []).map(nameOf).join(', ')) },
          {
            title: c('actions'),
            render: (_, row) => (
              <span className="page-actions">
                <ActionButton size="small" reason={reason} onAct={() => void view(row.KafkaUserId ?? 0)}>
                  {t('view-password')}
                </ActionButton>
                <ActionButton size="small" reason={reason} confirm={t('reset-ask')} onAct={() => reset.mutate({ KafkaUserId: row.KafkaUserId ?? 0 }, { onSuccess: (answer) => show({ name: answer.UserName ?? '', password: answer.Password ?? '' }), onError: tellFailure })}>
                  {t('reset-password')}
                </ActionButton>
                <ActionButton size="small" danger reason={reason} confirm={t('delete-ask')} onAct={() => remove.mutate({ KafkaUserId: row.KafkaUserId ?? 0 }, { onSuccess: () => tell(c('deleted')), onError: tellFailure })}>
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

function NewUser({ close, made }: { close(): void; made(shown: { name: string; password: string }): void }) {
  const t = useTexts(kafka);
  const c = useTexts(common);
  const { list } = useWorkspaces();
  const eventName = useNames(eventNames);
  const types = useRead(own, 'ListEventTypes', {});
  const create = useWrite(own, 'CreateKafkaUser');
  return (
    <FormDialog
      title={t('new-user')}
      submitText={c('create')}
      close={close}
      fields={[
        { name: 'name', label: c('name'), required: true },
        { name: 'workspaces', label: c('workspace'), kind: 'many', help: t('workspaces-help'), choices: list.map((one) => ({ value: String(one.Id), label: one.Name ?? '' })) },
        { name: 'tenant', label: t('tenant-events'), kind: 'yes-no' },
        { name: 'types', label: t('types'), kind: 'many', help: t('types-help'), choices: (types.data?.EventTypes ?? []).map((one) => ({ value: one.Type ?? '', label: `${one.EventCode} · ${eventName(one.EventCode, one.Name)}` })) },
      ]}
      submit={async (values) => {
        const ProjectIds = listOf(values, 'workspaces').map(Number);
        const answer = await create.mutateAsync({ Name: textOf(values, 'name') ?? '', ProjectIds: ProjectIds.length === 0 ? undefined : ProjectIds, TenantEvents: values['tenant'] === true, Types: listOf(values, 'types') });
        made({ name: answer.UserName ?? '', password: answer.Password ?? '' });
      }}
    />
  );
}
