import { useState } from 'react';
import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { goTo, Link } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { FormDialog, numberOf, textOf } from '../../parts/form-dialog.tsx';
import { Facts, PageHead, Panel, Tag } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import { Answer } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';

type Bus = NonNullable<Response<typeof own, 'GetEventBus'>['EventBus']>;
type Rule = Item<NonNullable<Response<typeof own, 'ListEventRules'>['PagingInfo']>['Rules']>;

export default function OneBus({ params }: PageProps) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { time } = useFormats();
  const name = params['bus'] ?? '';
  const session = useSession();
  const reason = session.may('write-open-platform') ? undefined : c('needs-platform');
  const bus = useRead(own, 'GetEventBus', { EventBusName: name });
  const rules = useRead(own, 'ListEventRules', { EventBusName: name, PageNumber: 1, PageSize: 100 });
  const enable = useWrite(own, 'EnableEventBus');
  const disable = useWrite(own, 'DisableEventBus');
  const remove = useWrite(own, 'DeleteEventBus');
  const [making, setMaking] = useState(false);
  const [editing, setEditing] = useState(false);
  const said = { onSuccess: () => tell(c('done')), onError: tellFailure };
  const on = bus.data?.EventBus?.Enabled === true;
  return (
    <>
      <PageHead
        title={name}
        from={{ to: '/openevent/buses', title: t('buses') }}
        actions={
          <>
            <ActionButton reason={reason} onAct={() => setEditing(true)}>
              {c('edit')}
            </ActionButton>
            <ActionButton reason={reason} onAct={() => (on ? disable : enable).mutate({ EventBusName: name }, said)}>
              {on ? c('disable') : c('enable')}
            </ActionButton>
            <ActionButton danger reason={reason} confirm={t('delete-it')} onAct={() => remove.mutate({ EventBusName: name }, { onSuccess: () => goTo('/openevent/buses'), onError: tellFailure })}>
              {c('delete')}
            </ActionButton>
            <ActionButton type="primary" reason={reason} onAct={() => setMaking(true)}>
              {t('new-rule')}
            </ActionButton>
          </>
        }
      />
      <Answer query={bus} action="GetEventBus">
        {({ EventBus: one = {} }) => (
          <Panel title={c('details')}>
            <Facts
              rows={[
                [c('status'), <Tag key="status" tone={on ? 'good' : 'plain'}>{on ? c('enabled') : c('disabled')}</Tag>],
                [c('description'), one.Description],
                [t('retention'), one.RetentionDays],
                [c('created'), time(one.CreateTime)],
              ]}
            />
          </Panel>
        )}
      </Answer>
      <Panel title={t('rules')}>
        <PagedTable<NonNullable<typeof rules.data>, Rule>
          label={t('rules')}
          query={rules}
          action="ListEventRules"
          rows={(data) => data.PagingInfo?.Rules ?? []}
          rowKey="RuleId"
          emptyText={t('no-rules')}
          columns={[
            { title: t('rule'), render: (_, row) => <Link to={`/openevent/rules/${row.RuleId}`}>{row.RuleName}</Link> },
            { title: t('pattern'), dataIndex: 'EventPattern', render: (pattern: string) => <span className="mono break">{pattern}</span> },
            { title: t('targets'), dataIndex: 'TargetCount' },
            { title: c('status'), render: (_, row) => <Tag tone={row.Enabled === true ? 'good' : 'plain'}>{row.Enabled === true ? c('enabled') : c('disabled')}</Tag> },
          ]}
        />
      </Panel>
      {making ? <NewRule bus={name} close={() => setMaking(false)} /> : null}
      {editing && bus.data?.EventBus !== undefined ? <EditBus bus={bus.data.EventBus} close={() => setEditing(false)} /> : null}
    </>
  );
}

function EditBus({ bus, close }: { bus: Bus; close(): void }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const update = useWrite(own, 'UpdateEventBus');
  return (
    <FormDialog
      title={c('edit')}
      submitText={c('save')}
      close={close}
      fields={[
        { name: 'description', label: c('description'), initial: bus.Description, maxLength: 512 },
        { name: 'days', label: t('retention'), kind: 'number', help: t('retention-help'), initial: bus.RetentionDays === undefined ? '' : String(bus.RetentionDays) },
      ]}
      submit={async (values) => {
        const days = numberOf(values, 'days');
        // A limit by size, which is set by API only, stays unless the retention as a whole is taken back.
        const cleared = days === undefined && bus.RetentionDays !== undefined;
        await update.mutateAsync({ EventBusName: bus.EventBusName ?? '', Description: textOf(values, 'description') ?? '', RetentionDays: days, RetentionBytes: cleared ? bus.RetentionBytes : undefined, ClearRetention: cleared && bus.RetentionBytes === undefined ? true : undefined });
        tell(c('saved'));
      }}
    />
  );
}

function NewRule({ bus, close }: { bus: string; close(): void }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const create = useWrite(own, 'CreateEventRule');
  return (
    <FormDialog
      title={t('new-rule')}
      submitText={c('create')}
      close={close}
      fields={[
        { name: 'name', label: c('name'), required: true },
        { name: 'description', label: c('description') },
        { name: 'pattern', label: t('pattern'), kind: 'code', required: true, initial: '{}', help: t('pattern-help') },
      ]}
      submit={async (values) => {
        const answer = await create.mutateAsync({ EventBusName: bus, RuleName: textOf(values, 'name') ?? '', Description: textOf(values, 'description'), EventPattern: textOf(values, 'pattern') ?? '' });
        goTo(`/openevent/rules/${answer.RuleId}`);
      }}
    />
  );
}
