import { useMemo, useState } from 'react';
import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { CodeBlock } from '../../parts/copy.tsx';
import { FormDialog, listOf, numberOf, textOf, type Field } from '../../parts/form-dialog.tsx';
import { useWorkspaces } from '../../parts/workspaces.tsx';
import { tell } from '../../parts/toast.tsx';
import { common } from '../../text/common.ts';
import { eventNames } from '../../text/event-types.ts';
import { useNames, useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';
import { headerLines, readHeaders } from './headers.ts';

export type Subscription = Item<NonNullable<Response<typeof own, 'ListSubscriptions'>['PagingInfo']>['Subscriptions']>;

export const retryStrategies = ['STANDARD', 'BACKOFF_RETRY', 'EXPONENTIAL_DECAY_RETRY'] as const;
const formats = ['DataWorks', 'Structured', 'Binary', 'Batch'] as const;

/** Makes a subscription, or changes `subscription`. A new one's signing secret is shown before the dialog closes. */
export function SubscriptionDialog({ subscription, close }: { subscription?: Subscription | undefined; close(): void }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const eventName = useNames(eventNames);
  const types = useRead(own, 'ListEventTypes', {});
  const { list } = useWorkspaces();
  const create = useWrite(own, 'CreateSubscription');
  const update = useWrite(own, 'UpdateSubscription');
  const [secret, setSecret] = useState<string>();
  const fields = useMemo<readonly Field[]>(
    () => [
      { name: 'name', label: c('name'), required: true, initial: subscription?.Name, maxLength: 128 },
      { name: 'url', label: t('url'), required: true, initial: subscription?.Url, placeholder: 'https://', maxLength: 2048 },
      { name: 'types', label: t('types'), kind: 'many', initial: subscription?.Types ?? [], help: t('types-help'), choices: (types.data?.EventTypes ?? []).map((one) => ({ value: one.Type ?? '', label: `${one.EventCode} · ${eventName(one.EventCode, one.Name)}` })) },
      { name: 'workspace', label: c('workspace'), kind: 'one', initial: subscription?.ProjectId === undefined || subscription.ProjectId === 0 ? '' : String(subscription.ProjectId), choices: [{ value: '', label: c('all-workspaces') }, ...list.map((one) => ({ value: String(one.Id), label: one.Name ?? '' }))] },
      { name: 'format', label: t('format'), kind: 'one', initial: subscription?.EventFormat ?? 'DataWorks', choices: formats.map((one) => ({ value: one, label: t(`format-${one}`) })) },
      { name: 'timeout', label: t('timeout'), kind: 'number', initial: subscription?.TimeoutMillis === undefined ? '' : String(subscription.TimeoutMillis) },
      { name: 'rate', label: t('rate'), kind: 'number', initial: subscription?.RatePerSecond === undefined ? '' : String(subscription.RatePerSecond) },
      { name: 'concurrency', label: t('concurrency'), kind: 'number', initial: subscription?.Concurrency === undefined ? '' : String(subscription.Concurrency) },
      { name: 'retries', label: t('retries'), kind: 'one', initial: subscription?.RetryStrategy ?? 'STANDARD', choices: retryStrategies.map((one) => ({ value: one, label: t(one) })) },
      { name: 'pause', label: t('pause-after'), kind: 'number', initial: subscription?.PauseAfterSeconds === undefined ? '' : String(subscription.PauseAfterSeconds) },
      { name: 'headers', label: t('headers'), kind: 'long', initial: headerLines(subscription?.Headers, false), help: t('headers-help') },
      { name: 'secrets', label: t('secret-headers'), kind: 'long', initial: headerLines(subscription?.Headers, true), help: t('secret-headers-help') },
    ],
    [t, c, eventName, subscription, types.data, list],
  );
  if (secret !== undefined) return <SecretDialog secret={secret} close={close} />;
  if (types.isPending) return null;
  return (
    <FormDialog
      title={subscription === undefined ? t('new-subscription') : t('edit-subscription')}
      submitText={c('save')}
      close={close}
      keepOpen={subscription === undefined}
      fields={fields}
      submit={async (values) => {
        const request = {
          Name: textOf(values, 'name') ?? '',
          Url: textOf(values, 'url') ?? '',
          Types: listOf(values, 'types'),
          ProjectId: numberOf(values, 'workspace'),
          EventFormat: formats.find((one) => one === values['format']),
          TimeoutMillis: numberOf(values, 'timeout'),
          RatePerSecond: numberOf(values, 'rate'),
          Concurrency: numberOf(values, 'concurrency'),
          RetryStrategy: retryStrategies.find((one) => one === values['retries']),
          PauseAfterSeconds: numberOf(values, 'pause'),
          Headers: readHeaders(textOf(values, 'headers'), textOf(values, 'secrets'), (line) => t('bad-header', { line })),
        };
        if (subscription === undefined) {
          const answer = await create.mutateAsync(request);
          setSecret(answer.Secret ?? '');
        } else {
          await update.mutateAsync({ SubscriptionId: subscription.SubscriptionId ?? 0, ...request });
          tell(c('saved'));
        }
      }}
    />
  );
}

/** Shows a secret that exists in this answer only. */
export function SecretDialog({ secret, close }: { secret: string; close(): void }) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  return (
    <FormDialog title={t('subscription')} submitText={c('close')} close={close} fields={[]} submit={async () => {}}>
      <CodeBlock title={t('secret-made')} text={secret} />
    </FormDialog>
  );
}
