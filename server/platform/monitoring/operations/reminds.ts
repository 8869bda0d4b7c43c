import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import { invalid, missing, notFound } from '../../../kernel/errors.ts';
import type { Access, Call, Handlers } from '../../../kernel/operation.ts';
import type { WorkspaceRight } from '../../../kernel/rights.ts';
import { checkText, pageCounters, readId, readIdList, readPage, readWord, success } from '../../dialect.ts';
import { baselinesById } from '../baseline-store.ts';
import { addressReceivers, ruleTypeNames, ruleTypes, targetTypes, type Receiver, type RuleDraft, type RuleSettings, type RuleType, type TargetType } from '../model.ts';
import { draftOf, readTimeOfDay } from '../rules.ts';
import { findRule, listRules, type RuleRow } from '../rule-store.ts';
import { readableWorkspaces, readOptionalId, readWords, shownReceivers, type Services } from './shared.ts';

/** Alert rules in API 2020-05-18, where they are reminders. Rules of types that this dialect does not know are not seen in it. */

type Create = Operations['CreateRemind']['request'];
type Update = Operations['UpdateRemind']['request'];

const legacyTypes = ruleTypeNames.filter((type) => ruleTypes[type].legacy !== undefined);
const targetNames = Object.keys(targetTypes) as TargetType[];

function typeOf(word: string): RuleType {
  const found = legacyTypes.find((type) => ruleTypes[type].legacy === word);
  if (found === undefined) throw invalid('RemindType', `it must be one of ${legacyTypes.map((type) => ruleTypes[type].legacy).join(', ')}`);
  return found;
}

function unitOf(word: string): TargetType {
  const found = targetNames.find((type) => targetTypes[type].legacy === word);
  if (found === undefined) throw invalid('RemindUnit', `it must be one of ${targetNames.map((type) => targetTypes[type].legacy).join(', ')}`);
  return found;
}

type Targets = Pick<Update, 'NodeIds' | 'BaselineIds' | 'BizProcessIds' | 'ProjectId'>;

/** The targets that a unit names; undefined when none of its parameter came. */
function targetIds(unit: TargetType, request: Targets): number[] | undefined {
  const { NodeIds, BaselineIds, BizProcessIds, ProjectId } = request;
  if (unit === 'Project') return ProjectId === undefined ? undefined : [ProjectId];
  const [name, text] = unit === 'Task' ? (['NodeIds', NodeIds] as const) : unit === 'Baseline' ? (['BaselineIds', BaselineIds] as const) : (['BizProcessIds', BizProcessIds] as const);
  return text === undefined || text === '' ? undefined : [...new Set(readIdList(name, text))];
}

function targetOf(request: Create): Pick<RuleDraft, 'targetType' | 'targetIds'> {
  const targetType = unitOf(request.RemindUnit);
  return { targetType, targetIds: targetIds(targetType, request) ?? [] };
}

/** `Detail`: `{"hour":23,"minu":59}`, `{"1":"05:50","2":"06:50"}`, or a number of seconds, by the type. */
function readDetail(type: RuleType, text: string | undefined): RuleSettings {
  if (type === 'Finished' || type === 'Error') return {};
  if (text === undefined || text === '') throw missing('Detail');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('Detail', 'it must be JSON');
  }
  if (type === 'Timeout') {
    const seconds = Number(value);
    if (!Number.isSafeInteger(seconds) || seconds < 1) throw invalid('Detail', 'for TIMEOUT it must be a number of seconds');
    return { timeoutSeconds: seconds };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('Detail', 'it must be a JSON object');
  const fields: Readonly<Record<string, unknown>> = { ...value };
  if (type === 'UnFinished') {
    const [hour, minute] = [Number(fields['hour']), Number(fields['minu'])];
    if (!Number.isInteger(hour) || hour < 0 || hour > 47 || !Number.isInteger(minute) || minute < 0 || minute > 59) throw invalid('Detail', 'for UNFINISHED it must be {"hour": 0 to 47, "minu": 0 to 59}');
    return { time: `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}` };
  }
  return { cycles: Object.entries(fields).map(([cycle, time]) => ({ cycle: readId('Detail', cycle), time: typeof time === 'string' ? time : '' })) };
}

function shownDetail(rule: RuleRow): string {
  const { settings } = rule;
  if (rule.type === 'Timeout') return String(settings.timeoutSeconds ?? 0);
  if (rule.type === 'UnFinished') return JSON.stringify({ hour: Number(settings.time?.slice(0, 2)), minu: Number(settings.time?.slice(3)) });
  if (rule.type === 'CycleUnfinished') return JSON.stringify(Object.fromEntries((settings.cycles ?? []).map(({ cycle, time }) => [String(cycle), time])));
  return '{}';
}

type Told = Pick<Update, 'AlertUnit' | 'AlertTargets' | 'Webhooks' | 'RobotUrls'>;

/** Who is told: users by `AlertUnit` and `AlertTargets`, robots and addresses by their own parameters. What is absent stays. */
function readReceivers(request: Told, before: readonly Receiver[]): Receiver[] {
  const users = (): Receiver[] => {
    if (request.AlertUnit === undefined) return before.filter(({ type }) => !(addressReceivers as readonly string[]).includes(type));
    if (readWord('AlertUnit', request.AlertUnit, ['OWNER', 'OTHER']) === 'OWNER') return [{ type: 'TaskOwner', values: [], atAll: false }];
    const values = readWords('AlertTargets', request.AlertTargets);
    if (values === undefined) throw missing('AlertTargets');
    return [{ type: 'AliUid', values, atAll: false }];
  };
  const addresses = (text: string | undefined, type: 'WebhookUrl' | 'DingdingUrl', atAll: boolean): Receiver[] => {
    if (text === undefined) return before.filter((one) => one.type === type || (type === 'WebhookUrl' && (one.type === 'FeishuUrl' || one.type === 'WeixinUrl')));
    const values = readWords(type === 'WebhookUrl' ? 'Webhooks' : 'RobotUrls', text);
    return values === undefined ? [] : [{ type, values, atAll }];
  };
  return [...users(), ...addresses(request.Webhooks, 'WebhookUrl', false), ...addresses(request.RobotUrls, 'DingdingUrl', false)];
}

/** `AlertMethods` in this dialect; 2024-05-18 spells the same channels in its own way. */
function shownMethods(rule: RuleRow): string[] {
  return rule.channels.map((channel) => channel.toUpperCase());
}

function urlsOf(receivers: readonly Receiver[], types: readonly string[]): { url: string; atAll: boolean }[] {
  return receivers.filter(({ type }) => types.includes(type)).flatMap(({ values, atAll }) => values.map((url) => ({ url, atAll })));
}

function usersOf(rule: RuleRow): { AlertUnit: 'OWNER' | 'OTHER'; AlertTargets: string[] } {
  const named = rule.receivers.filter(({ type }) => type === 'AliUid').flatMap(({ values }) => values);
  const owner = rule.receivers.some(({ type }) => type === 'Owner') ? [String(rule.owner_id)] : [];
  const targets = [...new Set([...named, ...owner])];
  return { AlertUnit: targets.length === 0 ? 'OWNER' : 'OTHER', AlertTargets: targets };
}

function shownSilence(rule: RuleRow) {
  return rule.silence_start === null || rule.silence_end === null ? {} : { DndStart: rule.silence_start, DndEnd: rule.silence_end };
}

function shownTarget(rule: RuleRow) {
  const idsFor = (type: TargetType) => (rule.target_type === type ? [...rule.target_ids] : []);
  return { NodeIds: idsFor('Task'), BaselineIds: idsFor('Baseline'), ProjectIds: idsFor('Project'), BizProcessIds: idsFor('BizProcess') };
}

function shownRule(rule: RuleRow) {
  return {
    RemindId: rule.id,
    RemindName: rule.name,
    RemindType: ruleTypes[rule.type].legacy ?? '',
    RemindUnit: targetTypes[rule.target_type].legacy,
    Founder: String(rule.created_by),
    Useflag: rule.enabled,
    AlertMethods: shownMethods(rule),
    ...usersOf(rule),
    ...shownSilence(rule),
  };
}

async function remindOf(call: Pick<Call, 'db' | 'tenantId'>, id: number): Promise<RuleRow> {
  const rule = await findRule(call.db, call.tenantId, id);
  if (rule === undefined || ruleTypes[rule.type].legacy === undefined) throw notFound('Remind', id, 'reminder');
  return rule;
}

function onRemind(right: WorkspaceRight): Access<{ RemindId: number }> {
  return { level: 'workspace', right, find: async (request, call) => (await remindOf(call, request.RemindId)).workspace_id };
}

export function remindOperations(services: Services): Handlers<Operations> {
  const { rules, scopes, history } = services;

  async function details(call: Call, rule: RuleRow) {
    const { NodeIds, BaselineIds, ProjectIds, BizProcessIds } = shownTarget(rule);
    const names = await Promise.all(BizProcessIds.map((id) => scopes.processName(call.db, call.tenantId, rule.workspace_id, id)));
    const receivers = await shownReceivers(services, call, rule.receivers);
    const robots = urlsOf(receivers, ['DingdingUrl']);
    const users = usersOf(rule);
    return {
      ...shownRule(rule),
      AlertInterval: rule.interval_seconds,
      MaxAlertTimes: rule.maximum,
      Detail: shownDetail(rule),
      AllowNodes: [...rule.allow_tasks],
      Nodes: (await history.tasks(call.db, call.tenantId, NodeIds)).map((task) => ({ NodeId: task.task_id, NodeName: task.name, Owner: String(task.owner_id), ProjectId: task.workspace_id })),
      Baselines: (await baselinesById(call.db, call.tenantId, BaselineIds)).map((baseline) => ({ BaselineId: baseline.id, BaselineName: baseline.name })),
      Projects: ProjectIds.map((ProjectId) => ({ ProjectId })),
      BizProcesses: BizProcessIds.map((BizId, index) => ({ BizId, BizProcessName: names[index] ?? '' })),
      Receivers: [users],
      Robots: robots.map(({ url, atAll }) => ({ WebUrl: url, AtAll: atAll })),
      Webhooks: urlsOf(receivers, ['WebhookUrl', 'FeishuUrl', 'WeixinUrl']).map(({ url }) => url),
    };
  }

  return {
    CreateRemind: {
      access: { level: 'workspace', right: 'operate', find: (request, call) => scopes.workspaceOf(call.db, call.tenantId, targetOf(request)) },
      async handle(call, request) {
        const type = typeOf(request.RemindType);
        const silenceEnd = readTimeOfDay('DndEnd', request.DndEnd);
        const draft: RuleDraft = {
          ...targetOf(request),
          name: request.RemindName,
          enabled: true,
          ownerId: call.caller.userId,
          type,
          settings: readDetail(type, request.Detail),
          allowTasks: [],
          receivers: readReceivers(request, []),
          channels: readWords('AlertMethods', request.AlertMethods) ?? [],
          intervalSeconds: request.AlertInterval ?? 1_800,
          maximum: request.MaxAlertTimes ?? 3,
          // In this dialect a silence begins at midnight.
          silenceStart: silenceEnd === null ? null : '00:00',
          silenceEnd,
        };
        return call.change(async (change) => ({ Data: await rules.create(change, call.workspace.id, draft), ...success }));
      },
    },
    UpdateRemind: {
      access: onRemind('operate'),
      async handle(call, request) {
        const silenceEnd = request.DndEnd === undefined ? undefined : readTimeOfDay('DndEnd', request.DndEnd);
        await call.change((change) =>
          rules.update(change, request.RemindId, (rule) => {
            const before = draftOf(rule);
            const type = request.RemindType === undefined ? before.type : typeOf(request.RemindType);
            const targetType = request.RemindUnit === undefined ? before.targetType : unitOf(request.RemindUnit);
            const named = targetIds(targetType, request);
            return {
              ...before,
              name: request.RemindName ?? before.name,
              enabled: request.UseFlag ?? before.enabled,
              type,
              settings: type === before.type && request.Detail === undefined ? before.settings : readDetail(type, request.Detail),
              targetType,
              targetIds: named ?? (targetType === before.targetType ? before.targetIds : []),
              receivers: readReceivers(request, before.receivers),
              channels: readWords('AlertMethods', request.AlertMethods) ?? before.channels,
              intervalSeconds: request.AlertInterval ?? before.intervalSeconds,
              maximum: request.MaxAlertTimes ?? before.maximum,
              ...(silenceEnd === undefined ? {} : { silenceStart: silenceEnd === null ? null : (before.silenceStart ?? '00:00'), silenceEnd }),
            };
          }),
        );
        return { Data: true, ...success };
      },
    },
    GetRemind: {
      access: onRemind('read'),
      handle: async (call, request) => ({ Data: await details(call, await remindOf(call, request.RemindId)), ...success }),
    },
    ListReminds: {
      access: { level: 'tenant', right: 'member' },
      async handle(call, request) {
        const page = readPage(request);
        const types = readWords('RemindTypes', request.RemindTypes)?.map(typeOf) ?? legacyTypes;
        const { rows, total } = await listRules(
          call.db,
          {
            tenantId: call.tenantId,
            workspaceIds: await readableWorkspaces(services, call),
            name: request.SearchText === undefined ? undefined : checkText('SearchText', request.SearchText, 128),
            createdBy: readOptionalId('Founder', request.Founder),
            receiver: request.AlertTarget === undefined ? undefined : checkText('AlertTarget', request.AlertTarget, 128),
            taskIds: request.NodeId === undefined ? undefined : [request.NodeId],
            types,
          },
          page,
        );
        return { Data: { Reminds: rows.map((rule) => ({ ...shownRule(rule), ...shownTarget(rule) })), ...pageCounters(page, total) }, ...success };
      },
    },
    DeleteRemind: {
      access: onRemind('operate'),
      async handle(call, request) {
        await call.change((change) => rules.remove(change, request.RemindId));
        return { Data: true, ...success };
      },
    },
  };
}
