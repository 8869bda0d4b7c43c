import { current, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { ActionButton } from '../../parts/action.tsx';
import { Tag } from '../../parts/page.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { useRefusal, useWorkspaces } from '../../parts/workspaces.tsx';
import { alerts } from '../../text/alerts.ts';
import { common } from '../../text/common.ts';
import { useTexts } from '../../text/language.tsx';

export type Rule = Item<NonNullable<Response<typeof current, 'ListAlertRules'>['PagingInfo']>['AlertRules']>;

/** Types of rules that the form can make, with what each asks for. */
export const formTypes = {
  Error: undefined,
  ExhaustedError: undefined,
  Finished: undefined,
  Timeout: 'minutes',
  UnFinished: 'time',
  InstanceKeyword: undefined,
  InstanceErrorCount: 'count',
  InstanceErrorPercentage: 'percentage',
} as const;
export type FormType = keyof typeof formTypes;

const knownTypes = ['Finished', 'Error', 'ExhaustedError', 'InstanceKeyword', 'InstanceErrorCount', 'InstanceErrorPercentage', 'Timeout', 'UnFinished', 'CycleUnfinished', 'InstanceTransferComplete', 'InstanceTransferFluctuate', 'ResourceGroupPercentage', 'ResourceGroupWaitCount'] as const;
const knownTargets = ['Task', 'Project', 'Baseline', 'BizProcess'] as const;

/** What a rule waits for, in words. */
export function RuleWhen({ rule }: { rule: Rule }) {
  const t = useTexts(alerts);
  const { Type, Extension: more = {} } = rule.TriggerCondition ?? {};
  const type = knownTypes.find((one) => one === Type);
  const detail = [
    more.Timeout?.TimeoutInMinutes === undefined ? undefined : t('n-minutes', { n: more.Timeout.TimeoutInMinutes }),
    more.UnFinished?.UnFinishedTime === undefined ? undefined : t('by-time', { time: more.UnFinished.UnFinishedTime }),
    more.InstanceErrorCount?.Count === undefined ? undefined : t('at-least', { n: more.InstanceErrorCount.Count }),
    more.InstanceErrorPercentage?.Percentage === undefined ? undefined : t('percent', { n: more.InstanceErrorPercentage.Percentage }),
    more.InstanceTransferFluctuate?.Percentage === undefined ? undefined : t('percent', { n: more.InstanceTransferFluctuate.Percentage }),
    ...(more.CycleUnfinished?.CycleAndTime ?? []).map((one) => `${one.CycleId}: ${one.Time}`),
  ].filter((one) => one !== undefined);
  return <>{[type === undefined ? Type : t(type), ...detail].join(' · ')}</>;
}

/** The first task of a rule that watches tasks; its name and workspace are not in the rule. */
function useFirstTask(rule: Rule) {
  const target = rule.TriggerCondition?.Target;
  const id = target?.Type === 'Task' ? (target.Ids?.[0] ?? 0) : 0;
  return useRead(current, 'GetTask', { Id: id, ProjectEnv: 'Prod' }, { enabled: id > 0 }).data?.Task;
}

/** The workspace of a rule; 0 while it is not known. */
export function useWorkspaceOf(rule: Rule): number {
  const task = useFirstTask(rule);
  const target = rule.TriggerCondition?.Target;
  return target?.Type === 'Project' ? (target.Ids?.[0] ?? 0) : (task?.ProjectId ?? 0);
}

export function RuleTarget({ rule }: { rule: Rule }) {
  const t = useTexts(alerts);
  const { nameOf } = useWorkspaces();
  const task = useFirstTask(rule);
  const { Type, Ids = [] } = rule.TriggerCondition?.Target ?? {};
  if (Type === 'Project') return <>{`${t('of-workspace')} · ${nameOf(Ids[0])}`}</>;
  if (Type === 'Task' && task !== undefined) return <>{`${task.Name ?? ''}${Ids.length > 1 ? ` +${Ids.length - 1}` : ''} · ${nameOf(task.ProjectId)}`}</>;
  const known = knownTargets.find((one) => one === Type);
  return <>{`${known === undefined ? (Type ?? '') : t(`target-${known}`)} ${Ids.join(', ')}`}</>;
}

export function RuleState({ rule }: { rule: Rule }) {
  const c = useTexts(common);
  return <Tag tone={rule.Enabled === true ? 'good' : 'plain'}>{rule.Enabled === true ? c('enabled') : c('disabled')}</Tag>;
}

/** Changing, switching and deleting a rule, by those who operate its workspace. */
export function RuleActions({ rule, edit, deleted, size }: { rule: Rule; edit?: () => void; deleted?: () => void; size?: 'small' }) {
  const t = useTexts(alerts);
  const c = useTexts(common);
  const workspace = useWorkspaceOf(rule);
  const refusal = useRefusal(workspace)('operate');
  // Where the workspace cannot be told beforehand, the server decides.
  const reason = workspace === 0 ? undefined : refusal;
  const update = useWrite(current, 'UpdateAlertRule');
  const remove = useWrite(current, 'DeleteAlertRule');
  const Id = rule.Id ?? 0;
  const look = size === undefined ? {} : { size };
  return (
    <span className="page-actions">
      {edit === undefined ? null : (
        <ActionButton {...look} reason={reason} onAct={edit}>
          {c('edit')}
        </ActionButton>
      )}
      <ActionButton {...look} reason={reason} onAct={() => update.mutate({ Id, Enabled: rule.Enabled !== true }, { onSuccess: () => tell(c('saved')), onError: tellFailure })}>
        {rule.Enabled === true ? c('disable') : c('enable')}
      </ActionButton>
      <ActionButton
        {...look}
        danger
        reason={reason}
        confirm={t('delete-rule')}
        onAct={() =>
          remove.mutate(
            { Id },
            {
              onSuccess: () => {
                tell(c('deleted'));
                deleted?.();
              },
              onError: tellFailure,
            },
          )
        }
      >
        {c('delete')}
      </ActionButton>
    </span>
  );
}
