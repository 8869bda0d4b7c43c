import { useState } from 'react';
import { own } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { goTo } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { FormDialog, numberOf } from '../../parts/form-dialog.tsx';
import { Facts, Figures, PageHead, Panel } from '../../parts/page.tsx';
import { Answer } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { useWorkspaces } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';
import { BlockedKeys, DeadLetters } from './trouble.tsx';
import { DeliveryTable } from './delivery-table.tsx';
import { Replays } from './replays.tsx';
import { retryStrategies, SecretDialog, SubscriptionDialog, type Subscription } from './subscription-form.tsx';
import { SubscriptionState } from './subscriptions.tsx';

export default function OneSubscription({ params }: PageProps) {
  const t = useTexts(openevent);
  const id = Number(params['id']);
  const answer = useRead(own, 'GetSubscription', { SubscriptionId: id });
  const subscription = answer.data?.Subscription;
  return (
    <>
      <PageHead
        title={subscription?.Name ?? t('subscription')}
        from={{ to: '/openevent/subscriptions', title: t('subscriptions') }}
        actions={subscription === undefined ? undefined : <Actions subscription={subscription} />}
      />
      <Answer query={answer} action="GetSubscription">
        {(data) => <Body id={id} subscription={data.Subscription ?? {}} />}
      </Answer>
    </>
  );
}

function Body({ id, subscription }: { id: number; subscription: Subscription }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { time, number } = useFormats();
  const { nameOf } = useWorkspaces();
  const retries = retryStrategies.find((one) => one === subscription.RetryStrategy);
  const status = useRead(own, 'GetSubscriptionStatus', { SubscriptionId: id }, { every: 5_000 });
  return (
    <>
      <Answer query={status} action="GetSubscriptionStatus">
        {({ Status: now = {} }) => (
          <Figures
            items={[
              { title: t('lag'), value: number(now.LagCount) },
              { title: t('blocked-keys'), value: number(now.BlockedKeys?.length ?? 0) },
              { title: t('oldest'), value: time(now.OldestUndeliveredTime), text: true },
              { title: t('last-delivered'), value: time(now.LastDeliveredTime), text: true },
            ]}
          />
        )}
      </Answer>
      {subscription.Warning === undefined || subscription.Warning === '' ? null : <p className="notice notice-warn">{subscription.Warning}</p>}
      <Panel title={c('details')}>
        <Facts
          rows={[
            [c('status'), <SubscriptionState key="state" subscription={subscription} />],
            [t('url'), <span key="url" className="mono">{subscription.Url}</span>],
            [t('types'), (subscription.Types ?? []).length === 0 ? t('all-types') : (subscription.Types ?? []).join(', ')],
            [c('workspace'), subscription.ProjectId === undefined || subscription.ProjectId === 0 ? c('all-workspaces') : nameOf(subscription.ProjectId)],
            [t('format'), subscription.EventFormat],
            [t('timeout'), subscription.TimeoutMillis],
            [t('concurrency'), subscription.Concurrency],
            [t('rate'), subscription.RatePerSecond === 0 ? undefined : subscription.RatePerSecond],
            [t('retries'), retries === undefined ? subscription.RetryStrategy : t(retries)],
            [t('pause-after'), subscription.PauseAfterSeconds],
            [t('headers'), <Headers key="headers" subscription={subscription} />],
            [c('created'), time(subscription.CreateTime)],
          ]}
        />
      </Panel>
      <BlockedKeys id={id} keys={status.data?.Status?.BlockedKeys ?? []} />
      <DeadLetters id={id} />
      <Replays id={id} />
      <Panel title={t('deliveries')}>
        <DeliveryTable request={{ SubscriptionId: id }} />
      </Panel>
    </>
  );
}

function Headers({ subscription }: { subscription: Subscription }) {
  const t = useTexts(openevent);
  const headers = subscription.Headers ?? [];
  if (headers.length === 0) return <>–</>;
  return headers.map((one) => (
    <div key={one.Name} className="mono">
      {`${one.Name}: ${one.Secret === true ? `(${t('secret-value')})` : (one.Value ?? '')}`}
    </div>
  ));
}

function Actions({ subscription }: { subscription: Subscription }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { span } = useFormats();
  const session = useSession();
  const reason = session.may('write-open-platform') ? undefined : c('needs-platform');
  const SubscriptionId = subscription.SubscriptionId ?? 0;
  const test = useWrite(own, 'TestSubscription');
  const update = useWrite(own, 'UpdateSubscription');
  const remove = useWrite(own, 'DeleteSubscription');
  const pause = useWrite(own, 'PauseSubscription');
  const resume = useWrite(own, 'ResumeSubscription');
  const rotate = useWrite(own, 'RotateSubscriptionSecret');
  const [dialog, setDialog] = useState<'edit' | 'rotate'>();
  const [secret, setSecret] = useState<string>();
  const said = { onSuccess: () => tell(c('done')), onError: tellFailure };
  const sendTest = () =>
    test.mutate(
      { SubscriptionId },
      {
        onError: tellFailure,
        onSuccess: ({ Result: result = {} }) => {
          if (result.Delivered === true) tell(t('test-good', { status: result.HttpStatus ?? 0, time: span(result.DurationMillis) }));
          else tellFailure(new Error(t('test-bad', { stage: result.Stage ?? '', message: result.ErrorMessage ?? '' })));
        },
      },
    );
  return (
    <>
      <ActionButton reason={reason} loading={test.isPending} onAct={sendTest}>
        {t('test')}
      </ActionButton>
      <ActionButton reason={reason} onAct={() => setDialog('edit')}>
        {c('edit')}
      </ActionButton>
      <ActionButton reason={reason} onAct={() => (subscription.Paused === true ? resume : pause).mutate({ SubscriptionId }, said)}>
        {subscription.Paused === true ? t('resume') : t('pause')}
      </ActionButton>
      <ActionButton reason={reason} onAct={() => update.mutate({ SubscriptionId, Enabled: subscription.Enabled !== true }, said)}>
        {subscription.Enabled === true ? c('disable') : c('enable')}
      </ActionButton>
      <ActionButton reason={reason} onAct={() => setDialog('rotate')}>
        {t('rotate')}
      </ActionButton>
      <ActionButton reason={reason} danger confirm={t('delete-subscription')} onAct={() => remove.mutate({ SubscriptionId }, { onSuccess: () => goTo('/openevent/subscriptions'), onError: tellFailure })}>
        {c('delete')}
      </ActionButton>
      {dialog === 'edit' ? <SubscriptionDialog subscription={subscription} close={() => setDialog(undefined)} /> : null}
      {dialog === 'rotate' ? (
        <FormDialog
          title={t('rotate')}
          submitText={t('rotate')}
          close={() => setDialog(undefined)}
          fields={[{ name: 'overlap', label: t('overlap'), kind: 'number', initial: '3600', help: t('rotate-help') }]}
          submit={async (values) => {
            const answer = await rotate.mutateAsync({ SubscriptionId, OverlapSeconds: numberOf(values, 'overlap') });
            setSecret(answer.Secret);
          }}
        />
      ) : null}
      {secret === undefined ? null : <SecretDialog secret={secret} close={() => setSecret(undefined)} />}
    </>
  );
}
