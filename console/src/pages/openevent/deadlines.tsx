import { useState } from 'react';
import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { FormDialog, numberOf, textOf, type Field, type FormValues } from '../../parts/form-dialog.tsx';
import { PageHead, Panel, Tag } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { useWorkspaceFilter, useWorkspaces, WorkspaceFilter } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';

type Deadline = Item<NonNullable<Response<typeof own, 'ListEventDeadlines'>['PagingInfo']>['Deadlines']>;

export default function Deadlines() {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { time } = useFormats();
  const { nameOf } = useWorkspaces();
  const session = useSession();
  const reason = session.may('write-open-platform') ? undefined : c('needs-platform');
  const page = usePage();
  const deadlines = useRead(own, 'ListEventDeadlines', { ProjectId: useWorkspaceFilter(), ...page }, { keep: true, every: 10_000 });
  const enable = useWrite(own, 'EnableEventDeadline');
  const disable = useWrite(own, 'DisableEventDeadline');
  const remove = useWrite(own, 'DeleteEventDeadline');
  const [dialog, setDialog] = useState<'new' | Deadline>();
  const said = { onSuccess: () => tell(c('saved')), onError: tellFailure };
  return (
    <>
      <PageHead
        title={t('deadlines')}
        text={t('deadlines-text')}
        actions={
          <ActionButton type="primary" reason={reason} onAct={() => setDialog('new')}>
            {t('new-deadline')}
          </ActionButton>
        }
      />
      <div className="filters">
        <WorkspaceFilter />
      </div>
      <Panel flush>
        <PagedTable<NonNullable<typeof deadlines.data>, Deadline>
          label={t('deadlines')}
          query={deadlines}
          action="ListEventDeadlines"
          rows={(data) => data.PagingInfo?.Deadlines ?? []}
          total={(data) => data.PagingInfo?.TotalCount ?? 0}
          page={page}
          rowKey="DeadlineId"
          emptyText={t('no-deadlines')}
          columns={[
            { title: c('name'), dataIndex: 'Name' },
            { title: t('expected-event'), render: (_, row) => <span className="mono break">{row.EventPattern}</span> },
            {
              title: t('due'),
              render: (_, row) => (row.Kind === 'Daily' ? t('by-daily', { from: row.WindowStartTime ?? '00:00', due: row.DueTime ?? '', zone: row.TimeZone ?? '' }) : t('by-after', { n: row.WithinMinutes ?? 0 })),
            },
            { title: c('workspace'), render: (_, row) => (row.ProjectId === undefined ? c('all-workspaces') : nameOf(row.ProjectId)) },
            { title: t('next-due'), dataIndex: 'NextDueTime', render: time },
            { title: t('last-missed'), dataIndex: 'LastMissedTime', render: time },
            { title: c('status'), render: (_, row) => <Tag tone={row.Enabled === true ? 'good' : 'plain'}>{row.Enabled === true ? c('enabled') : c('disabled')}</Tag> },
            {
              title: c('actions'),
              render: (_, row) => (
                <span className="page-actions">
                  <ActionButton size="small" reason={reason} onAct={() => setDialog(row)}>
                    {c('edit')}
                  </ActionButton>
                  <ActionButton size="small" reason={reason} onAct={() => (row.Enabled === true ? disable : enable).mutate({ DeadlineId: row.DeadlineId ?? 0 }, said)}>
                    {row.Enabled === true ? c('disable') : c('enable')}
                  </ActionButton>
                  <ActionButton size="small" danger reason={reason} confirm={t('delete-it')} onAct={() => remove.mutate({ DeadlineId: row.DeadlineId ?? 0 }, { onSuccess: () => tell(c('deleted')), onError: tellFailure })}>
                    {c('delete')}
                  </ActionButton>
                </span>
              ),
            },
          ]}
        />
      </Panel>
      {dialog === undefined ? null : <DeadlineDialog deadline={dialog === 'new' ? undefined : dialog} close={() => setDialog(undefined)} />}
    </>
  );
}

/** Makes a deadline, or changes `deadline`, whose kind stays. */
function DeadlineDialog({ deadline, close }: { deadline: Deadline | undefined; close(): void }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { list } = useWorkspaces();
  const create = useWrite(own, 'CreateEventDeadline');
  const update = useWrite(own, 'UpdateEventDeadline');
  const kindOf = (values: FormValues) => (deadline?.Kind === 'After' || (deadline === undefined && values['kind'] === 'After') ? 'After' : 'Daily');
  const fields = (values: FormValues): readonly Field[] => [
    { name: 'name', label: c('name'), required: true, initial: deadline?.Name, maxLength: 128 },
    ...(deadline === undefined ? [{ name: 'kind', label: t('deadline-kind'), kind: 'one' as const, initial: 'Daily', choices: (['Daily', 'After'] as const).map((one) => ({ value: one, label: t(one) })) }] : []),
    { name: 'pattern', label: t('expected-event'), kind: 'code', required: true, initial: deadline?.EventPattern, help: t('pattern-help') },
    ...(kindOf(values) === 'Daily'
      ? [
          { name: 'due', label: t('due'), required: true, initial: deadline?.DueTime ?? '06:00', maxLength: 5 },
          { name: 'start', label: t('counts-from'), initial: deadline?.WindowStartTime ?? '00:00', maxLength: 5 },
          { name: 'zone', label: t('time-zone'), initial: deadline?.TimeZone, help: t('time-zone-help') },
        ]
      : [
          { name: 'trigger', label: t('trigger-event'), kind: 'code' as const, required: true, initial: deadline?.TriggerPattern },
          { name: 'within', label: t('within'), kind: 'number' as const, required: true, initial: deadline?.WithinMinutes === undefined ? '30' : String(deadline.WithinMinutes) },
          { name: 'correlation', label: t('correlation'), initial: deadline?.CorrelationPath, help: t('correlation-help') },
        ]),
    { name: 'workspace', label: c('workspace'), kind: 'one', initial: deadline?.ProjectId === undefined ? '' : String(deadline.ProjectId), choices: [{ value: '', label: c('all-workspaces') }, ...list.map((one) => ({ value: String(one.Id), label: one.Name ?? '' }))] },
  ];
  return (
    <FormDialog
      title={deadline === undefined ? t('new-deadline') : t('edit-deadline')}
      submitText={c('save')}
      close={close}
      fields={fields}
      submit={async (values) => {
        const Kind = kindOf(values);
        const request = {
          Name: textOf(values, 'name') ?? '',
          EventPattern: textOf(values, 'pattern') ?? '',
          ProjectId: numberOf(values, 'workspace'),
          ...(Kind === 'Daily'
            ? { DueTime: textOf(values, 'due'), WindowStartTime: textOf(values, 'start'), TimeZone: textOf(values, 'zone') }
            : { TriggerPattern: textOf(values, 'trigger'), WithinMinutes: numberOf(values, 'within'), CorrelationPath: textOf(values, 'correlation') }),
        };
        await (deadline === undefined ? create.mutateAsync({ ...request, Kind }) : update.mutateAsync({ ...request, DeadlineId: deadline.DeadlineId ?? 0 }));
        tell(c('saved'));
      }}
    />
  );
}
