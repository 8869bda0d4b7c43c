import { useState } from 'react';
import { current, legacy, own, type Request, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { useSession } from '../../app/session.tsx';
import { FormDialog, listOf, numberOf, textOf, type Choice, type Field, type FormValues } from '../../parts/form-dialog.tsx';
import { tell } from '../../parts/toast.tsx';
import { useRefusal, WorkspaceChoice, useWorkspaces } from '../../parts/workspaces.tsx';
import { alerts } from '../../text/alerts.ts';
import { common } from '../../text/common.ts';
import { useTexts, type Translate } from '../../text/language.tsx';
import { formTypes, useWorkspaceOf, type FormType } from './alert-rule-parts.tsx';

const receivers = ['Owner', 'TaskOwner', 'AliUid', 'WebhookUrl', 'DingdingUrl', 'FeishuUrl', 'WeixinUrl'] as const;
const types = Object.keys(formTypes) as FormType[];
const targets = ['Project', 'Task', 'Baseline', 'BizProcess'] as const;

/** A rule as its own page reads it, with who is told. */
type Rule = NonNullable<Response<typeof current, 'GetAlertRule'>['AlertRule']>;

/** Makes an alert rule in a workspace that is chosen in it, or changes the one given. */
export function AlertRuleDialog({ rule, close }: { rule?: Rule | undefined; close(): void }) {
  const t = useTexts(alerts);
  const c = useTexts(common);
  const { userId } = useSession();
  const { list } = useWorkspaces();
  const present = useWorkspaceOf(rule ?? {});
  const [chosen, setChosen] = useState<number>();
  const workspace = chosen ?? (present > 0 ? present : (list[0]?.Id ?? 0));
  const refusal = useRefusal(workspace)('operate');
  const enabled = workspace > 0;
  const tasks = useRead(current, 'ListTasks', { ProjectId: workspace, ProjectEnv: 'Prod', PageNumber: 1, PageSize: 100 }, { enabled });
  const baselines = useRead(legacy, 'ListBaselines', { ProjectId: workspace, PageNumber: 1, PageSize: 100 }, { enabled });
  const flows = useRead(legacy, 'ListBusiness', { ProjectId: workspace, PageNumber: 1, PageSize: 100 }, { enabled });
  const users = useRead(own, 'ListUsers', { PageNumber: 1, PageSize: 100 });
  const create = useWrite(current, 'CreateAlertRule');
  const update = useWrite(current, 'UpdateAlertRule');
  const choices: Choices = {
    Task: (tasks.data?.PagingInfo?.Tasks ?? []).map((one) => ({ value: String(one.Id), label: one.Name ?? '' })),
    Baseline: (baselines.data?.Data?.Baselines ?? []).map((one) => ({ value: String(one.BaselineId), label: one.BaselineName ?? '' })),
    BizProcess: (flows.data?.Data?.Business ?? []).map((one) => ({ value: String(one.BusinessId), label: one.BusinessName ?? '' })),
    users: (users.data?.PagingInfo?.Users ?? []).map((one) => ({ value: String(one.UserId), label: one.UserName ?? '' })),
  };
  return (
    <FormDialog
      title={rule === undefined ? t('new-rule') : t('edit-rule')}
      submitText={rule === undefined ? c('create') : c('save')}
      close={close}
      fields={(values) => fieldsOf(values, rule, t, c('name'), choices)}
      submit={async (values) => {
        if (refusal !== undefined) throw new Error(refusal);
        const { Name, TriggerCondition, Notification } = requestOf(values, workspace, rule, t('no-such-choice'));
        if (rule === undefined) await create.mutateAsync({ Name, TriggerCondition, Notification: { Channels: [], Receivers: [], ...Notification }, Enabled: true, Owner: String(userId) });
        else await update.mutateAsync({ Id: rule.Id, Name, TriggerCondition, Notification });
        tell(c('saved'));
      }}
    >
      <WorkspaceChoice value={workspace} change={setChosen} />
      {refusal === undefined ? null : <p className="notice notice-warn">{refusal}</p>}
    </FormDialog>
  );
}

type Choices = Readonly<Record<'Task' | 'Baseline' | 'BizProcess' | 'users', readonly Choice[]>>;

/** The number or time that a type of rule asks for, with what the rule has now. */
function detailOf(type: FormType, rule: Rule | undefined, t: Translate<typeof alerts>): Field[] {
  const more = rule?.TriggerCondition?.Extension ?? {};
  const number = (name: string, label: string, present: number | undefined, usual: number): Field[] => [{ name, label, kind: 'number', required: true, initial: String(present ?? usual) }];
  switch (formTypes[type]) {
    case 'minutes':
      return number('minutes', t('minutes'), more.Timeout?.TimeoutInMinutes, 60);
    case 'time':
      return [{ name: 'time', label: t('time-of-day'), required: true, placeholder: '06:00', maxLength: 5, help: t('time-help'), initial: more.UnFinished?.UnFinishedTime }];
    case 'count':
      return number('count', t('count'), more.InstanceErrorCount?.Count, 10);
    case 'percentage':
      return number('percentage', t('percentage'), more.InstanceErrorPercentage?.Percentage, 10);
    default:
      return [];
  }
}

/** A rule that is changed keeps what is not chosen anew: addresses are not shown whole, and a type that has no form here stays as it is. */
function fieldsOf(values: FormValues, rule: Rule | undefined, t: Translate<typeof alerts>, name: string, choices: Choices): readonly Field[] {
  const keep: readonly Choice[] = rule === undefined ? [] : [{ value: '', label: t('as-it-is') }];
  const presentType = rule === undefined ? 'Error' : (types.find((one) => one === rule.TriggerCondition?.Type) ?? '');
  const type = types.find((one) => one === (values['type'] ?? presentType));
  const target = targets.find((one) => one === values['target']);
  const who = receivers.find((one) => one === values['who']);
  const { IntervalInMinutes = 30, Maximum = 3 } = rule?.Notification ?? {};
  return [
    { name: 'name', label: name, required: true, maxLength: 128, initial: rule?.Name },
    { name: 'type', label: t('when'), kind: 'one', initial: presentType, choices: [...(presentType === '' ? keep : []), ...types.map((one) => ({ value: one, label: t(one) }))] },
    ...(type === undefined ? [] : detailOf(type, rule, t)),
    { name: 'target', label: t('target'), kind: 'one', initial: rule === undefined ? 'Project' : '', choices: [...keep, ...targets.map((one) => ({ value: one, label: t(`target-${one}`) }))] },
    ...(target === 'Task' ? [{ name: target, label: t('tasks'), kind: 'many' as const, choices: choices.Task, help: t('tasks-help') }] : []),
    ...(target === 'Baseline' ? [{ name: target, label: t('target-baselines'), kind: 'many' as const, choices: choices.Baseline }] : []),
    ...(target === 'BizProcess' ? [{ name: target, label: t('target-flows'), kind: 'many' as const, choices: choices.BizProcess }] : []),
    { name: 'who', label: t('who'), kind: 'one', initial: rule === undefined ? 'Owner' : '', choices: [...keep, ...receivers.map((one) => ({ value: one, label: t(`who-${one}`) }))] },
    ...(who === 'AliUid' ? [{ name: 'users', label: t('users'), kind: 'many' as const, choices: choices.users }] : who?.endsWith('Url') === true ? [{ name: 'address', label: t('address'), required: true, placeholder: 'https://' }] : []),
    { name: 'interval', label: t('interval'), kind: 'number', required: true, initial: String(IntervalInMinutes) },
    { name: 'maximum', label: t('maximum'), kind: 'number', required: true, initial: String(Maximum) },
  ];
}

/** What a rule is made or changed with; what is absent stays as it is. */
interface Draft {
  readonly Name: string;
  readonly TriggerCondition: Request<typeof current, 'CreateAlertRule'>['TriggerCondition'];
  readonly Notification: NonNullable<Request<typeof current, 'UpdateAlertRule'>['Notification']>;
}

function requestOf(values: FormValues, workspace: number, rule: Rule | undefined, nothing: string): Draft {
  const type = types.find((one) => one === values['type']);
  const target = targets.find((one) => one === values['target']);
  const who = receivers.find((one) => one === values['who']);
  const ids = target === undefined ? [] : target === 'Project' ? [workspace] : listOf(values, target).map(Number);
  if (target !== undefined && ids.length === 0) throw new Error(nothing);
  const Extension = {
    ...(type === 'Timeout' ? { Timeout: { TimeoutInMinutes: numberOf(values, 'minutes') ?? 0 } } : {}),
    ...(type === 'UnFinished' ? { UnFinished: { UnFinishedTime: textOf(values, 'time') ?? '' } } : {}),
    ...(type === 'InstanceErrorCount' ? { InstanceErrorCount: { Count: numberOf(values, 'count') ?? 0 } } : {}),
    ...(type === 'InstanceErrorPercentage' ? { InstanceErrorPercentage: { Percentage: numberOf(values, 'percentage') ?? 0 } } : {}),
  };
  const address = textOf(values, 'address');
  return {
    Name: textOf(values, 'name') ?? '',
    TriggerCondition: { Type: type ?? rule?.TriggerCondition?.Type, Extension, ...(target === undefined ? {} : { Target: { Type: target, Ids: ids } }) },
    Notification: {
      IntervalInMinutes: numberOf(values, 'interval') ?? 30,
      Maximum: numberOf(values, 'maximum') ?? 3,
      ...(who === undefined
        ? {}
        : {
            // Users read their messages here; addresses are called.
            Channels: who.endsWith('Url') ? [] : ['Mail'],
            Receivers: [{ ReceiverType: who, ReceiverValues: who === 'AliUid' ? listOf(values, 'users') : address === undefined ? [] : [address] }],
          }),
    },
  };
}
