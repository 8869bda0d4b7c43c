import { useState } from 'react';
import { call } from '../../api/client.ts';
import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { FormDialog, numberOf, textOf, type FormValues } from '../../parts/form-dialog.tsx';
import { Panel, Tag } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';

type Replay = Item<NonNullable<Response<typeof own, 'ListReplays'>['PagingInfo']>['Replays']>;

/** Sending past events again: what was done, and a new one with a count before it. */
export function Replays({ id }: { id: number }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { time } = useFormats();
  const session = useSession();
  const reason = session.may('write-open-platform') ? undefined : c('needs-platform');
  const replays = useRead(own, 'ListReplays', { SubscriptionId: id, PageNumber: 1, PageSize: 20 }, { every: 5_000 });
  const cancel = useWrite(own, 'CancelReplay');
  const [making, setMaking] = useState(false);
  return (
    <Panel
      title={t('replays')}
      actions={
        <ActionButton size="small" reason={reason} onAct={() => setMaking(true)}>
          {t('new-replay')}
        </ActionButton>
      }
    >
      <PagedTable<NonNullable<typeof replays.data>, Replay>
        label={t('replays')}
        query={replays}
        action="ListReplays"
        rows={(data) => data.PagingInfo?.Replays ?? []}
        rowKey="ReplayId"
        columns={[
          { title: t('from'), dataIndex: 'StartTime', render: time },
          { title: t('to'), dataIndex: 'EndTime', render: time },
          { title: c('status'), render: (_, row) => <Tag tone={row.Status === 'Succeeded' ? 'good' : row.Status === 'Canceled' ? 'plain' : 'busy'}>{row.Status}</Tag> },
          { title: t('progress'), render: (_, row) => `${row.DeliveredCount ?? 0} / ${row.TotalCount ?? 0}` },
          {
            title: c('actions'),
            render: (_, row) =>
              row.Status === 'Running' || row.Status === 'Delivering' ? (
                <ActionButton size="small" reason={reason} onAct={() => cancel.mutate({ ReplayId: row.ReplayId ?? 0 }, { onError: tellFailure })}>
                  {t('cancel-replay')}
                </ActionButton>
              ) : null,
          },
        ]}
      />
      {making ? <ReplayDialog id={id} close={() => setMaking(false)} /> : null}
    </Panel>
  );
}

function ReplayDialog({ id, close }: { id: number; close(): void }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { number } = useFormats();
  const create = useWrite(own, 'CreateReplay');
  const [counted, setCounted] = useState<string>();
  const requestOf = (values: FormValues) => ({
    SubscriptionId: id,
    StartTime: new Date(textOf(values, 'from') ?? '').getTime(),
    EndTime: textOf(values, 'to') === undefined ? undefined : new Date(textOf(values, 'to') ?? '').getTime(),
    EventPattern: textOf(values, 'pattern'),
  });
  return (
    <FormDialog
      title={t('new-replay')}
      submitText={counted === undefined ? t('replay-preview') : t('replay')}
      close={close}
      keepOpen
      fields={[
        { name: 'from', label: t('from'), kind: 'moment', required: true },
        { name: 'to', label: t('to'), kind: 'moment', help: t('to-help') },
        { name: 'pattern', label: t('pattern'), kind: 'code', help: t('pattern-help') },
        { name: 'rate', label: t('rate'), kind: 'number' },
      ]}
      submit={async (values) => {
        const request = requestOf(values);
        const key = JSON.stringify(request);
        // The count is of exactly what is then sent: another range asks for another count.
        if (counted !== key) {
          const answer = await call(own, 'CountReplay', request);
          setCounted(key);
          tell(t('replay-count', { n: number(answer.Count) }));
          return;
        }
        await create.mutateAsync({ ...request, RatePerSecond: numberOf(values, 'rate') });
        tell(c('done'));
        close();
      }}
    />
  );
}
