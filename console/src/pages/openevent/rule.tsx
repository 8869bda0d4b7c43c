import { useState } from 'react';
import { call } from '../../api/client.ts';
import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { goTo, Link } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { describe } from '../../parts/describe.ts';
import { FormDialog, textOf } from '../../parts/form-dialog.tsx';
import { PageHead, Panel, Tag } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import { Answer } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';
import { SecretDialog } from './subscription-form.tsx';

type Rule = NonNullable<Response<typeof own, 'GetEventRule'>['Rule']>;
type Target = Item<NonNullable<Response<typeof own, 'ListRuleTargets'>['PagingInfo']>['Targets']>;
type Trial = Response<typeof own, 'TestEventPattern'>;

export default function OneRule({ params }: PageProps) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const id = Number(params['id']);
  const session = useSession();
  const reason = session.may('write-open-platform') ? undefined : c('needs-platform');
  const answer = useRead(own, 'GetEventRule', { RuleId: id });
  const rule = answer.data?.Rule;
  const enable = useWrite(own, 'EnableEventRule');
  const disable = useWrite(own, 'DisableEventRule');
  const remove = useWrite(own, 'DeleteEventRule');
  const bus = `/openevent/buses/${encodeURIComponent(rule?.EventBusName ?? '')}`;
  return (
    <>
      <PageHead
        title={rule?.RuleName ?? t('rule')}
        text={rule?.Description}
        from={{ to: rule === undefined ? '/openevent/buses' : bus, title: rule?.EventBusName ?? t('buses') }}
        actions={
          rule === undefined ? undefined : (
            <>
              <Tag tone={rule.Enabled === true ? 'good' : 'plain'}>{rule.Enabled === true ? c('enabled') : c('disabled')}</Tag>
              <ActionButton reason={reason} onAct={() => (rule.Enabled === true ? disable : enable).mutate({ RuleId: id }, { onSuccess: () => tell(c('done')), onError: tellFailure })}>
                {rule.Enabled === true ? c('disable') : c('enable')}
              </ActionButton>
              <ActionButton danger reason={reason} confirm={t('delete-it')} onAct={() => remove.mutate({ RuleId: id }, { onSuccess: () => goTo(bus), onError: tellFailure })}>
                {c('delete')}
              </ActionButton>
            </>
          )
        }
      />
      <Answer query={answer} action="GetEventRule">
        {(data) => (
          <>
            <Pattern key={data.Rule?.EventPattern} rule={data.Rule ?? {}} reason={reason} />
            <Targets rule={id} reason={reason} />
          </>
        )}
      </Answer>
    </>
  );
}

/** The pattern, tried against the events of the last time before it is saved. */
function Pattern({ rule, reason }: { rule: Rule; reason: string | undefined }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { number, time } = useFormats();
  const [text, setText] = useState(() => pretty(rule.EventPattern ?? '{}'));
  const [trial, setTrial] = useState<Trial>();
  const [failure, setFailure] = useState<string>();
  const update = useWrite(own, 'UpdateEventRule');
  const attempt = async (work: () => Promise<void>) => {
    setFailure(undefined);
    try {
      await work();
    } catch (error) {
      // What was found for another pattern says nothing about this one.
      setTrial(undefined);
      setFailure(describe(error));
    }
  };
  return (
    <Panel title={t('pattern')}>
      <div className="columns">
        <div className="parameter">
          <textarea className="field mono" rows={10} spellCheck={false} aria-label={t('pattern')} value={text} onChange={(event) => setText(event.target.value)} />
          <p className="quiet">{t('pattern-help')}</p>
          {failure === undefined ? null : (
            <p className="form-failure" role="alert">
              {failure}
            </p>
          )}
          <div className="page-actions">
            <ActionButton onAct={() => void attempt(async () => setTrial(await call(own, 'TestEventPattern', { EventPattern: text })))}>{t('try-out')}</ActionButton>
            <ActionButton
              type="primary"
              reason={reason}
              loading={update.isPending}
              onAct={() =>
                void attempt(async () => {
                  await update.mutateAsync({ RuleId: rule.RuleId ?? 0, EventPattern: text });
                  tell(c('saved'));
                })
              }
            >
              {c('save')}
            </ActionButton>
          </div>
        </div>
        {trial === undefined ? null : (
          <div role="status">
            <p>
              <strong>{t('matches', { n: number(trial.MatchedCount), all: number(trial.CheckedCount) })}</strong>
            </p>
            <ul>
              {(trial.MatchedEvents ?? []).slice(0, 12).map((event) => (
                <li key={event.EventId}>
                  <Link to={`/openevent/events/${event.EventId}`}>{event.EventCode}</Link> · {time(event.Time)}
                </li>
              ))}
            </ul>
          </div>
        )}
      </div>
    </Panel>
  );
}

function pretty(pattern: string): string {
  try {
    return JSON.stringify(JSON.parse(pattern), null, 2);
  } catch {
    return pattern;
  }
}

function Targets({ rule, reason }: { rule: number; reason: string | undefined }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const targets = useRead(own, 'ListRuleTargets', { RuleId: rule, PageNumber: 1, PageSize: 100 });
  const create = useWrite(own, 'CreateRuleTarget');
  const enable = useWrite(own, 'EnableRuleTarget');
  const disable = useWrite(own, 'DisableRuleTarget');
  const remove = useWrite(own, 'DeleteRuleTarget');
  const update = useWrite(own, 'UpdateRuleTarget');
  const [making, setMaking] = useState(false);
  const [editing, setEditing] = useState<Target>();
  const [secret, setSecret] = useState<string>();
  const said = { onSuccess: () => tell(c('done')), onError: tellFailure };
  return (
    <Panel
      title={t('targets')}
      actions={
        <ActionButton size="small" reason={reason} onAct={() => setMaking(true)}>
          {t('new-target')}
        </ActionButton>
      }
    >
      <PagedTable<NonNullable<typeof targets.data>, Target>
        label={t('targets')}
        query={targets}
        action="ListRuleTargets"
        rows={(data) => data.PagingInfo?.Targets ?? []}
        rowKey="TargetId"
        emptyText={t('no-targets')}
        columns={[
          { title: c('name'), render: (_, row) => <Link to={`/openevent/subscriptions/${row.SubscriptionId}`}>{row.TargetName}</Link> },
          { title: t('url'), dataIndex: 'Url', render: (url: string) => <span className="mono break">{url}</span> },
          { title: c('status'), render: (_, row) => <Tag tone={row.Enabled === true ? 'good' : 'plain'}>{row.Enabled === true ? c('enabled') : c('disabled')}</Tag> },
          {
            title: c('actions'),
            render: (_, row) => (
              <span className="page-actions">
                <ActionButton size="small" reason={reason} onAct={() => setEditing(row)}>
                  {c('edit')}
                </ActionButton>
                <ActionButton size="small" reason={reason} onAct={() => (row.Enabled === true ? disable : enable).mutate({ TargetId: row.TargetId ?? 0 }, said)}>
                  {row.Enabled === true ? c('disable') : c('enable')}
                </ActionButton>
                <ActionButton size="small" danger reason={reason} confirm={t('delete-it')} onAct={() => remove.mutate({ TargetId: row.TargetId ?? 0 }, said)}>
                  {c('delete')}
                </ActionButton>
              </span>
            ),
          },
        ]}
      />
      {making ? (
        <FormDialog
          title={t('new-target')}
          submitText={c('create')}
          close={() => setMaking(false)}
          fields={[
            { name: 'name', label: c('name'), required: true },
            { name: 'url', label: t('url'), required: true, placeholder: 'https://' },
            { name: 'secret', label: t('optional-secret'), kind: 'password' },
          ]}
          submit={async (values) => {
            const answer = await create.mutateAsync({ RuleId: rule, TargetName: textOf(values, 'name') ?? '', Url: textOf(values, 'url') ?? '', Secret: textOf(values, 'secret') });
            if (textOf(values, 'secret') === undefined) setSecret(answer.Secret);
          }}
        />
      ) : null}
      {editing === undefined ? null : (
        <FormDialog
          title={t('edit-target')}
          submitText={c('save')}
          close={() => setEditing(undefined)}
          fields={[
            { name: 'name', label: c('name'), required: true, initial: editing.TargetName },
            { name: 'url', label: t('url'), required: true, initial: editing.Url },
          ]}
          submit={async (values) => {
            await update.mutateAsync({ TargetId: editing.TargetId ?? 0, TargetName: textOf(values, 'name'), Url: textOf(values, 'url') });
            tell(c('saved'));
          }}
        />
      )}
      {secret === undefined ? null : <SecretDialog secret={secret} close={() => setSecret(undefined)} />}
    </Panel>
  );
}
