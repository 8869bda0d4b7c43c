import { useState } from 'react';
import { current, own, type Request } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { useSession } from '../../app/session.tsx';
import { FormDialog, listOf, numberOf, textOf, type Choice, type Field, type FormValues } from '../../parts/form-dialog.tsx';
import { tell } from '../../parts/toast.tsx';
import { useRefusal, WorkspaceChoice, useWorkspaces } from '../../parts/workspaces.tsx';
import { alerts } from '../../text/alerts.ts';
import { common } from '../../text/common.ts';
import { useTexts, type Translate } from '../../text/language.tsx';
import { formTypes, type FormType } from './alert-rule-parts.tsx';

const receivers = ['Owner', 'TaskOwner', 'AliUid', 'WebhookUrl', 'DingdingUrl', 'FeishuUrl', 'WeixinUrl'] as const;
const types = Object.keys(formTypes) as FormType[];

/** Makes an alert rule in a workspace that is chosen in it. */
export function AlertRuleDialog({ close }: { close(): void }) {
  const t = useTexts(alerts);
  const c = useTexts(common);
  const { userId } = useSession();
  const { list } = useWorkspaces();
  const [chosen, setChosen] = useState<number>();
  const workspace = chosen ?? list[0]?.Id ?? 0;
  const refusal = useRefusal(workspace)('operate');
  const tasks = useRead(current, 'ListTasks', { ProjectId: workspace, ProjectEnv: 'Prod', PageNumber: 1, PageSize: 100 }, { enabled: workspace > 0 });
  const users = useRead(own, 'ListUsers', { PageNumber: 1, PageSize: 100 });
  const create = useWrite(current, 'CreateAlertRule');
  const taskChoices = (tasks.data?.PagingInfo?.Tasks ?? []).map((one) => ({ value: String(one.Id), label: one.Name ?? '' }));
  const userChoices = (users.data?.PagingInfo?.Users ?? []).map((one) => ({ value: String(one.UserId), label: one.UserName ?? '' }));
  return (
    <FormDialog
      title={t('new-rule')}
      submitText={c('create')}
      close={close}
      fields={(values) => fieldsOf(values, t, c('name'), taskChoices, userChoices)}
      submit={async (values) => {
        if (refusal !== undefined) throw new Error(refusal);
        await create.mutateAsync(requestOf(values, workspace, userId, t('no-such-choice')));
        tell(c('saved'));
      }}
    >
      <WorkspaceChoice value={workspace} change={setChosen} />
      {refusal === undefined ? null : <p className="notice notice-warn">{refusal}</p>}
    </FormDialog>
  );
}

function fieldsOf(values: FormValues, t: Translate<typeof alerts>, name: string, tasks: readonly Choice[], users: readonly Choice[]): readonly Field[] {
  const type = types.find((one) => one === values['type']) ?? 'Error';
  const who = receivers.find((one) => one === values['who']) ?? 'Owner';
  const asked = formTypes[type];
  const detail: Field[] =
    asked === 'minutes'
      ? [{ name: 'minutes', label: t('minutes'), kind: 'number', required: true, initial: '60' }]
      : asked === 'time'
        ? [{ name: 'time', label: t('time-of-day'), required: true, placeholder: '06:00', maxLength: 5, help: t('time-help') }]
        : asked === 'count'
          ? [{ name: 'count', label: t('count'), kind: 'number', required: true, initial: '10' }]
          : asked === 'percentage'
            ? [{ name: 'percentage', label: t('percentage'), kind: 'number', required: true, initial: '10' }]
            : [];
  return [
    { name: 'name', label: name, required: true, maxLength: 128 },
    { name: 'type', label: t('when'), kind: 'one', initial: 'Error', choices: types.map((one) => ({ value: one, label: t(one) })) },
    ...detail,
    { name: 'target', label: t('target'), kind: 'one', initial: 'Project', choices: (['Project', 'Task'] as const).map((one) => ({ value: one, label: t(`target-${one}`) })) },
    ...(values['target'] === 'Task' ? [{ name: 'tasks', label: t('tasks'), kind: 'many' as const, choices: tasks, help: t('tasks-help') }] : []),
    { name: 'who', label: t('who'), kind: 'one', initial: 'Owner', choices: receivers.map((one) => ({ value: one, label: t(`who-${one}`) })) },
    ...(who === 'AliUid' ? [{ name: 'users', label: t('users'), kind: 'many' as const, choices: users }] : who.endsWith('Url') ? [{ name: 'address', label: t('address'), required: true, placeholder: 'https://' }] : []),
    { name: 'interval', label: t('interval'), kind: 'number', required: true, initial: '30' },
    { name: 'maximum', label: t('maximum'), kind: 'number', required: true, initial: '3' },
  ];
}

function requestOf(values: FormValues, workspace: number, userId: number, nothing: string): Request<typeof current, 'CreateAlertRule'> {
  const type = types.find((one) => one === values['type']) ?? 'Error';
  const who = receivers.find((one) => one === values['who']) ?? 'Owner';
  const byTask = values['target'] === 'Task';
  const ids = byTask ? listOf(values, 'tasks').map(Number) : [workspace];
  if (ids.length === 0) throw new Error(nothing);
  const Extension = {
    ...(type === 'Timeout' ? { Timeout: { TimeoutInMinutes: numberOf(values, 'minutes') ?? 0 } } : {}),
    ...(type === 'UnFinished' ? { UnFinished: { UnFinishedTime: textOf(values, 'time') ?? '' } } : {}),
    ...(type === 'InstanceErrorCount' ? { InstanceErrorCount: { Count: numberOf(values, 'count') ?? 0 } } : {}),
    ...(type === 'InstanceErrorPercentage' ? { InstanceErrorPercentage: { Percentage: numberOf(values, 'percentage') ?? 0 } } : {}),
  };
  const address = textOf(values, 'address');
  return {
    Name: textOf(values, 'name') ?? '',
    Enabled: true,
    Owner: String(userId),
    TriggerCondition: { Type: type, Extension, Target: { Type: byTask ? 'Task' : 'Project', Ids: ids } },
    Notification: {
      // Users read their messages here; addresses are called.
      Channels: who.endsWith('Url') ? [] : ['Mail'],
      IntervalInMinutes: numberOf(values, 'interval') ?? 30,
      Maximum: numberOf(values, 'maximum') ?? 3,
      Receivers: [{ ReceiverType: who, ReceiverValues: who === 'AliUid' ? listOf(values, 'users') : address === undefined ? [] : [address] }],
    },
  };
}
