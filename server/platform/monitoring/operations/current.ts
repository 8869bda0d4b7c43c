import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { ApiError, invalid, missing } from '../../../kernel/errors.ts';
import type { Handlers } from '../../../kernel/operation.ts';
import { checkText, pageCounters, readId, readPage, readWord } from '../../dialect.ts';
import { addressReceivers, ruleTypeNames, ruleTypes, targetTypes, userReceivers, type Receiver, type ReceiverType, type RuleDraft, type RuleSettings, type RuleType, type TargetType } from '../model.ts';
import { draftOf, readTimeOfDay } from '../rules.ts';
import { findRule, listRules, type RuleRow } from '../rule-store.ts';
import { onRule, readableWorkspaces, readOptionalId, shownReceivers, type Services } from './shared.ts';

/** Alert rules in API 2024-05-18. */

type Request = Operations['CreateAlertRule']['request'];
type Condition = Request['TriggerCondition'];
type Notification = NonNullable<Operations['UpdateAlertRule']['request']['Notification']>;

const targetTypeNames = Object.keys(targetTypes) as TargetType[];

function readTarget(condition: Condition): Pick<RuleDraft, 'targetType' | 'targetIds'> {
  const { Target } = condition;
  if (Target === undefined) throw missing('TriggerCondition.Target');
  return { targetType: readWord('TriggerCondition.Target.Type', Target.Type, targetTypeNames), targetIds: [...new Set(Target.Ids ?? [])] };
}

function readSettings(type: RuleType, { Extension = {} }: Condition, before: RuleSettings): RuleSettings {
  switch (type) {
    case 'UnFinished':
      return { time: Extension.UnFinished?.UnFinishedTime ?? before.time };
    case 'CycleUnfinished':
      return { cycles: Extension.CycleUnfinished?.CycleAndTime?.map(({ CycleId, Time }) => ({ cycle: CycleId ?? 0, time: Time ?? '' })) ?? before.cycles };
    case 'Timeout': {
      const minutes = Extension.Timeout?.TimeoutInMinutes;
      return { timeoutSeconds: minutes === undefined ? before.timeoutSeconds : minutes * 60 };
    }
    case 'Error':
      return { reruns: Extension.Error?.AutoRerunAlertEnabled ?? before.reruns ?? false, streamTasks: Extension.Error?.StreamTaskIds ?? before.streamTasks };
    case 'InstanceErrorCount':
      return { count: Extension.InstanceErrorCount?.Count ?? before.count };
    case 'InstanceErrorPercentage':
      return { percentage: Extension.InstanceErrorPercentage?.Percentage ?? before.percentage };
    case 'InstanceTransferFluctuate': {
      const trend = Extension.InstanceTransferFluctuate?.Trend;
      return {
        percentage: Extension.InstanceTransferFluctuate?.Percentage ?? before.percentage,
        trend: trend === undefined ? (before.trend ?? 'abs') : readWord('InstanceTransferFluctuate.Trend', trend, ['abs', 'increase', 'decrease'] as const),
      };
    }
    default:
      return {};
  }
}

function readReceiver(receiver: NonNullable<Notification['Receivers']>[number]): Receiver {
  if (receiver.ReceiverType === 'ShiftSchedule') throw invalid('ReceiverType', 'there are no shift schedules here; name users instead');
  const type: ReceiverType = readWord('ReceiverType', receiver.ReceiverType, [...userReceivers, ...addressReceivers]);
  const values = [...new Set(receiver.ReceiverValues ?? [])];
  if (type !== 'Owner' && type !== 'TaskOwner' && values.length === 0) throw missing('ReceiverValues');
  return { type, values: type === 'Owner' || type === 'TaskOwner' ? [] : values, atAll: readAtAll(receiver.Extension) };
}

/** `{"atAll": true}`, in JSON text. */
function readAtAll(text: string | undefined): boolean {
  if (text === undefined || text === '') return false;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('Extension', 'it must be JSON, such as {"atAll": true}');
  }
  return typeof value === 'object' && value !== null && 'atAll' in value && (value.atAll === true || value.atAll === 'true');
}

type Notified = Pick<RuleDraft, 'receivers' | 'channels' | 'intervalSeconds' | 'maximum' | 'silenceStart' | 'silenceEnd'>;

/** What a rule has whose notification does not say otherwise: half an hour between, three times. */
const unsaid: Notified = { receivers: [], channels: [], intervalSeconds: 1_800, maximum: 3, silenceStart: null, silenceEnd: null };

function readNotification(given: Notification | undefined, before: Notified): Notified {
  if (given === undefined) return before;
  return {
    receivers: given.Receivers?.map(readReceiver) ?? before.receivers,
    channels: given.Channels ?? before.channels,
    intervalSeconds: given.IntervalInMinutes === undefined ? before.intervalSeconds : given.IntervalInMinutes * 60,
    maximum: given.Maximum ?? before.maximum,
    silenceStart: given.SilenceStartTime === undefined ? before.silenceStart : readTimeOfDay('SilenceStartTime', given.SilenceStartTime),
    silenceEnd: given.SilenceEndTime === undefined ? before.silenceEnd : readTimeOfDay('SilenceEndTime', given.SilenceEndTime),
  };
}

function shownCondition(rule: RuleRow) {
  const { settings } = rule;
  const extensions: Partial<Record<RuleType, object>> = {
    UnFinished: { UnFinished: { UnFinishedTime: settings.time } },
    CycleUnfinished: { CycleUnfinished: { CycleAndTime: settings.cycles?.map(({ cycle, time }) => ({ CycleId: cycle, Time: time })) } },
    Timeout: { Timeout: { TimeoutInMinutes: Math.ceil((settings.timeoutSeconds ?? 0) / 60) } },
    Error: { Error: { AutoRerunAlertEnabled: settings.reruns ?? false, StreamTaskIds: [...(settings.streamTasks ?? [])] } },
    InstanceErrorCount: { InstanceErrorCount: { Count: settings.count } },
    InstanceErrorPercentage: { InstanceErrorPercentage: { Percentage: settings.percentage } },
    InstanceTransferFluctuate: { InstanceTransferFluctuate: { Percentage: settings.percentage, Trend: settings.trend } },
  };
  return { Type: rule.type, Extension: extensions[rule.type] ?? {}, Target: { Type: rule.target_type, Ids: [...rule.target_ids], AllowTasks: [...rule.allow_tasks] } };
}

const withSeconds = (time: string | null) => (time === null ? undefined : `${time}:00`);

function shownRule(rule: RuleRow) {
  return { Id: rule.id, Name: rule.name, Enabled: rule.enabled, Owner: String(rule.owner_id), TriggerCondition: shownCondition(rule) };
}

function requiredId(id: number | undefined): number {
  if (id === undefined) throw missing('Id');
  return id;
}

export function currentOperations(services: Services): Handlers<Operations> {
  const { rules, scopes } = services;
  return {
    CreateAlertRule: {
      access: { level: 'workspace', right: 'operate', find: (request, call) => scopes.workspaceOf(call.db, call.tenantId, readTarget(request.TriggerCondition)) },
      async handle(call, request) {
        const condition = request.TriggerCondition;
        const type = readWord('TriggerCondition.Type', condition.Type, ruleTypeNames);
        const draft: RuleDraft = {
          ...readNotification(request.Notification, unsaid),
          ...readTarget(condition),
          name: request.Name,
          enabled: request.Enabled,
          ownerId: readId('Owner', request.Owner),
          type,
          settings: readSettings(type, condition, {}),
          allowTasks: condition.Target?.AllowTasks ?? [],
        };
        return call.change(async (change) => ({ Id: await rules.create(change, call.workspace.id, draft) }));
      },
    },
    UpdateAlertRule: {
      access: onRule('operate', (request) => requiredId(request.Id)),
      async handle(call, request) {
        const condition = request.TriggerCondition ?? {};
        await call.change((change) =>
          rules.update(change, requiredId(request.Id), (rule) => {
            const before = draftOf(rule);
            const type = condition.Type === undefined ? before.type : readWord('TriggerCondition.Type', condition.Type, ruleTypeNames);
            return {
              ...before,
              ...readNotification(request.Notification, before),
              ...(condition.Target?.Ids === undefined && condition.Target?.Type === undefined ? {} : readTarget({ Target: { Type: before.targetType, Ids: [...before.targetIds], ...condition.Target } })),
              name: request.Name ?? before.name,
              enabled: request.Enabled ?? before.enabled,
              ownerId: readOptionalId('Owner', request.Owner) ?? before.ownerId,
              type,
              settings: readSettings(type, condition, type === before.type ? before.settings : {}),
              allowTasks: condition.Target?.AllowTasks ?? before.allowTasks,
            };
          }),
        );
        return { Success: true };
      },
    },
    GetAlertRule: {
      access: onRule('read', (request) => readId('Id', request.Id ?? '')),
      async handle(call, request) {
        const rule = await findRule(call.db, call.tenantId, readId('Id', request.Id ?? ''));
        if (rule === undefined) throw new ApiError('NotFound', { kind: 'AlertRule', label: 'alert rule', id: request.Id ?? '' });
        const Notification = {
          Channels: [...rule.channels],
          IntervalInMinutes: Math.ceil(rule.interval_seconds / 60),
          Maximum: rule.maximum,
          SilenceStartTime: withSeconds(rule.silence_start),
          SilenceEndTime: withSeconds(rule.silence_end),
          Receivers: (await shownReceivers(services, call, rule.receivers)).map(({ type, values, atAll }) => ({ ReceiverType: type, ReceiverValues: [...values], ...(atAll ? { Extension: '{"atAll":true}' } : {}) })),
        };
        return { AlertRule: { ...shownRule(rule), Notification } };
      },
    },
    ListAlertRules: {
      access: { level: 'tenant', right: 'member' },
      async handle(call, request) {
        const page = readPage(request);
        const types = request.Types?.filter((type) => Object.hasOwn(ruleTypes, type));
        const { rows, total } = await listRules(
          call.db,
          {
            tenantId: call.tenantId,
            workspaceIds: await readableWorkspaces(services, call),
            name: request.Name === undefined ? undefined : checkText('Name', request.Name, 128),
            ownerId: readOptionalId('Owner', request.Owner),
            receiver: request.Receiver === undefined ? undefined : checkText('Receiver', request.Receiver, 128),
            taskIds: request.TaskIds === undefined || request.TaskIds.length === 0 ? undefined : request.TaskIds,
            types: request.Types === undefined || request.Types.length === 0 ? undefined : types,
          },
          page,
        );
        return { PagingInfo: { AlertRules: rows.map(shownRule), ...pageCounters(page, total) } };
      },
    },
    DeleteAlertRule: {
      access: onRule('operate', (request) => requiredId(request.Id)),
      async handle(call, request) {
        await call.change((change) => rules.remove(change, requiredId(request.Id)));
        return { Success: true };
      },
    },
  };
}
