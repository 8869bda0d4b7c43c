import type { Change } from '../../kernel/change.ts';
import { isUniqueViolation } from '../../kernel/database.ts';
import { ApiError, invalid, missing, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import type { Outbound } from '../../kernel/outbound.ts';
import type { EventLog } from '../../openevent/index.ts';
import { checkText, readId } from '../dialect.ts';
import { isAddress, type Addresses } from './addresses.ts';
import type { RuleDraft } from './model.ts';
import { countRules, deleteRule, insertRule, lockRule, openReader, updateRule, type RuleRow } from './rule-store.ts';
import type { Scopes } from './scope.ts';

/** What may be decided of a rule, whichever dialect it comes in. */
export interface Rules {
  /** Returns the id. Throws InvalidParameter for what cannot be, NotFound for targets that are not there. */
  create(change: Change, workspaceId: number, draft: RuleDraft): Promise<number>;
  /** Changes a rule into what `revise` makes of it, which is given its addresses in plain; it stays in its workspace. */
  update(change: Change, id: number, revise: (rule: RuleRow) => RuleDraft): Promise<void>;
  remove(change: Change, id: number): Promise<void>;
}

const TIME = /^(?:[0-3]\d|4[0-7]):[0-5]\d$/;
const TIME_OF_DAY = /^(?:[01]\d|2[0-3]):[0-5]\d$/;

/** A time by which something is due: 00:00 to 47:59, beyond 24:00 on the next day. */
export function readDueTime(name: string, text: string | undefined): string {
  if (text === undefined) throw missing(name);
  if (!TIME.test(text)) throw invalid(name, 'it must be between 00:00 and 47:59');
  return text;
}

/** `HH:mm` or `HH:mm:ss` of a day, without the seconds; null when absent. */
export function readTimeOfDay(name: string, text: string | undefined): string | null {
  if (text === undefined || text === '') return null;
  const time = text.slice(0, 5);
  if (!TIME_OF_DAY.test(time)) throw invalid(name, 'it must be between 00:00 and 23:59');
  return time;
}

function between(name: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined) throw missing(name);
  if (value < least || value > most) throw invalid(name, `it must be between ${least} and ${most}`);
}

/** What each type of rule needs. */
function checkSettings({ type, settings }: RuleDraft): void {
  if (type === 'UnFinished') readDueTime('UnFinishedTime', settings.time);
  if (type === 'Timeout') between('TimeoutInMinutes', settings.timeoutSeconds === undefined ? undefined : settings.timeoutSeconds / 60, 1 / 60, 21_600);
  if (type === 'InstanceErrorCount') between('InstanceErrorCount.Count', settings.count, 1, 10_000);
  if (type === 'InstanceErrorPercentage') between('InstanceErrorPercentage.Percentage', settings.percentage, 1, 100);
  if (type === 'InstanceTransferFluctuate') between('InstanceTransferFluctuate.Percentage', settings.percentage, 1, 100);
  if (type !== 'CycleUnfinished') return;
  const cycles = settings.cycles ?? [];
  if (cycles.length === 0) throw missing('CycleAndTime');
  for (const { cycle, time } of cycles) {
    between('CycleId', cycle, 1, 288);
    readDueTime('CycleAndTime.Time', time);
  }
  if (new Set(cycles.map((one) => one.cycle)).size < cycles.length) throw invalid('CycleAndTime', 'a cycle is named twice');
}

export function createRules(options: { scopes: Scopes; events: Pick<EventLog, 'end'>; outbound: Pick<Outbound, 'checkTarget'>; addresses: Addresses }): Rules {
  const { scopes, events, outbound, addresses } = options;

  function check(draft: RuleDraft): void {
    checkText('Name', draft.name, 128);
    if (draft.name.trim() === '') throw invalid('Name', 'it must not be empty');
    checkSettings(draft);
    if (draft.allowTasks.length > limits.alertTargets.value) throw new ApiError('TooMany', { kind: 'AlertTarget', label: 'tasks that a rule leaves out', limit: limits.alertTargets.value });
    if (draft.receivers.length > limits.alertReceivers.value) throw new ApiError('TooMany', { kind: 'AlertReceiver', label: 'receivers of one rule', limit: limits.alertReceivers.value });
    for (const { type, values } of draft.receivers) {
      if (values.length > limits.alertReceivers.value) throw new ApiError('TooMany', { kind: 'AlertReceiver', label: 'values of one receiver', limit: limits.alertReceivers.value });
      if (isAddress(type)) for (const url of values) outbound.checkTarget(checkText('ReceiverValues', url, 2_000));
      if (type === 'AliUid') for (const user of values) readId('ReceiverValues', user);
    }
    if (draft.channels.length > 20) throw invalid('Channels', 'there may be at most 20');
    for (const channel of draft.channels) checkText('Channels', channel, 64);
    between('IntervalInMinutes', draft.intervalSeconds / 60, 1, 10_000);
    between('Maximum', draft.maximum, 1, 10_000);
    if ((draft.silenceStart === null) !== (draft.silenceEnd === null)) throw invalid('SilenceStartTime', 'a silence has a beginning and an end');
  }

  const named = async <Result>(name: string, write: () => Promise<Result>): Promise<Result> => {
    try {
      return await write();
    } catch (error) {
      if (isUniqueViolation(error)) throw new ApiError('AlreadyExists', { kind: 'AlertRule', label: 'alert rule', id: name });
      throw error;
    }
  };

  const sealed = (change: Change, draft: RuleDraft): RuleDraft => ({ ...draft, receivers: addresses.sealReceivers(change.actor.tenantId, draft.receivers) });

  async function locked(change: Change, id: number): Promise<RuleRow> {
    const rule = await lockRule(change, change.actor.tenantId, id);
    if (rule === undefined) throw notFound('AlertRule', id, 'alert rule');
    return rule;
  }

  return {
    async create(change, workspaceId, draft) {
      check(draft);
      if ((await scopes.workspaceOf(change, change.actor.tenantId, draft)) !== workspaceId) throw invalid('Target', 'it is in another workspace');
      if ((await countRules(change, workspaceId)) >= limits.alertRulesPerWorkspace.value) throw new ApiError('TooMany', { kind: 'AlertRule', label: 'alert rules of one workspace', limit: limits.alertRulesPerWorkspace.value });
      await openReader(change, change.actor.tenantId, await events.end(change));
      const id = await named(draft.name, () => insertRule(change, change.actor.tenantId, workspaceId, sealed(change, draft), change.actor.userId, change.now));
      change.touch(`alert-rule:${id}`);
      return id;
    },
    async update(change, id, revise) {
      const rule = await locked(change, id);
      const draft = revise({ ...rule, receivers: addresses.openReceivers(rule.tenant_id, rule.receivers) });
      check(draft);
      // What is gone must not stand in the way of disabling a rule, so only new targets are looked for.
      const same = draft.targetType === rule.target_type && draft.targetIds.join() === rule.target_ids.join();
      if (!same && (await scopes.workspaceOf(change, change.actor.tenantId, draft)) !== rule.workspace_id) throw invalid('Target', 'a rule stays in its workspace; make another one there');
      await named(draft.name, () => updateRule(change, id, rule.workspace_id, sealed(change, draft), change.actor.userId, change.now));
      change.touch(`alert-rule:${id}`);
    },
    async remove(change, id) {
      await locked(change, id);
      await deleteRule(change, id);
      change.touch(`alert-rule:${id}`);
    },
  };
}

/** The rule as a draft, to be changed. */
export function draftOf(rule: RuleRow): RuleDraft {
  return {
    name: rule.name,
    enabled: rule.enabled,
    ownerId: rule.owner_id,
    type: rule.type,
    settings: rule.settings,
    targetType: rule.target_type,
    targetIds: rule.target_ids,
    allowTasks: rule.allow_tasks,
    receivers: rule.receivers,
    channels: rule.channels,
    intervalSeconds: rule.interval_seconds,
    maximum: rule.maximum,
    silenceStart: rule.silence_start,
    silenceEnd: rule.silence_end,
  };
}
