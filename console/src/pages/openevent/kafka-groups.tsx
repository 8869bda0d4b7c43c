import { useState } from 'react';
import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { ActionButton } from '../../parts/action.tsx';
import { FormDialog, textOf } from '../../parts/form-dialog.tsx';
import { Panel, Tag } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import { tell } from '../../parts/toast.tsx';
import { common } from '../../text/common.ts';
import { kafka } from '../../text/kafka.ts';
import { useFormats, useTexts } from '../../text/language.tsx';

type Group = Item<NonNullable<Response<typeof own, 'ListConsumerGroups'>['PagingInfo']>['ConsumerGroups']>;
type KeyedGroup = Group & { readonly key: string };

const places = ['Earliest', 'Latest', 'Time'] as const;

/** The consumer groups of the tenant's Kafka users, with how far each has read. */
export function ConsumerGroups({ reason }: { reason: string | undefined }) {
  const t = useTexts(kafka);
  const c = useTexts(common);
  const { number, time } = useFormats();
  const groups = useRead(own, 'ListConsumerGroups', { PageNumber: 1, PageSize: 100 }, { every: 5_000 });
  const [reset, setReset] = useState<Group>();
  return (
    <Panel title={t('groups')}>
      <PagedTable<NonNullable<typeof groups.data>, KeyedGroup>
        label={t('groups')}
        query={groups}
        action="ListConsumerGroups"
        rows={(data) => (data.PagingInfo?.ConsumerGroups ?? []).map((one) => ({ ...one, key: `${one.KafkaUserId} ${one.GroupId}` }))}
        rowKey="key"
        emptyText={t('no-groups')}
        columns={[
          { title: t('group'), render: (_, row) => <Offsets group={row} /> },
          { title: t('user'), dataIndex: 'UserName', render: (name: string) => <span className="mono">{name}</span> },
          { title: c('status'), render: (_, row) => <Tag tone={row.Status === 'Stable' ? 'good' : row.Status === 'Empty' ? 'plain' : 'busy'}>{row.Status}</Tag> },
          { title: t('members'), dataIndex: 'MemberCount', render: number },
          { title: t('lag'), dataIndex: 'LagCount', render: (lag: number) => <Tag tone={lag === 0 ? 'good' : 'warn'}>{number(lag)}</Tag> },
          { title: c('time'), dataIndex: 'ModifyTime', render: time },
          {
            title: c('actions'),
            render: (_, row) => (
              <ActionButton size="small" reason={reason ?? ((row.MemberCount ?? 0) > 0 ? t('reset-offsets-help') : undefined)} onAct={() => setReset(row)}>
                {t('reset-offsets')}
              </ActionButton>
            ),
          },
        ]}
      />
      {reset === undefined ? null : <ResetDialog group={reset} close={() => setReset(undefined)} />}
    </Panel>
  );
}

/** The group's name; opened, the offsets of each topic and partition. */
function Offsets({ group }: { group: Group }) {
  const t = useTexts(kafka);
  const { number } = useFormats();
  return (
    <details>
      <summary className="mono">{group.GroupId}</summary>
      <table className="plain-table">
        <thead>
          <tr>
            {[t('topic'), t('partition'), t('committed'), t('log-end'), t('lag')].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {(group.Offsets ?? []).map((one) => (
            <tr key={`${one.Topic} ${one.Partition}`}>
              <td className="mono">{one.Topic}</td>
              <td>{one.Partition}</td>
              <td>{number(one.CommittedOffset)}</td>
              <td>{number(one.LatestOffset)}</td>
              <td>{number(one.LagCount)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function ResetDialog({ group, close }: { group: Group; close(): void }) {
  const t = useTexts(kafka);
  const reset = useWrite(own, 'ResetConsumerGroupOffsets');
  const topics = [...new Set((group.Offsets ?? []).map((one) => one.Topic ?? ''))];
  const c = useTexts(common);
  return (
    <FormDialog
      title={t('reset-offsets')}
      submitText={t('reset-offsets')}
      close={close}
      fields={(values) => [
        { name: 'topic', label: t('topic'), kind: 'one', choices: [{ value: '', label: c('all') }, ...topics.map((one) => ({ value: one, label: one }))] },
        { name: 'to', label: t('reset-to'), kind: 'one', initial: 'Earliest', choices: places.map((one) => ({ value: one, label: t(one) })) },
        ...(values['to'] === 'Time' ? [{ name: 'time', label: t('moment'), kind: 'moment' as const, required: true }] : []),
      ]}
      submit={async (values) => {
        const To = places.find((one) => one === values['to']) ?? 'Earliest';
        const answer = await reset.mutateAsync({ KafkaUserId: group.KafkaUserId ?? 0, GroupId: group.GroupId ?? '', Topic: textOf(values, 'topic'), To, Time: To === 'Time' ? new Date(textOf(values, 'time') ?? '').getTime() : undefined });
        tell(t('offsets-set', { n: answer.Offsets?.length ?? 0 }));
      }}
    />
  );
}
