import type { Executor } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Execution } from '../execution/index.ts';
import type { ResourceGroups } from '../resources/index.ts';
import type { History } from '../scheduling/index.ts';
import type { Recall, Subject } from './alerts.ts';
import type { AlertRow } from './alert-store.ts';
import { baselinesById, type AlertSetting, type BaselineRow } from './baseline-store.ts';
import { baselineAlert, ruleAlert, topicAlert } from './events.ts';
import type { Receiver, RuleType } from './model.ts';
import { findRule, type RuleRow } from './rule-store.ts';
import { influencesOf, findTopic, type TopicRow } from './topic-store.ts';

/** How much of a resource group is in use and waits. */
export interface GroupLoad {
  readonly group: string;
  readonly percentage: number;
  readonly waiting: number;
}

export interface Subjects {
  ofRule(rule: RuleRow): Subject;
  ofBaseline(baseline: BaselineRow): Subject;
  ofTopic(topic: TopicRow, baseline: BaselineRow): Subject;
  recall: Recall;
  loadsOf(db: Executor, groups: readonly string[]): Promise<GroupLoad[]>;
}

/** Types of rules whose alert is told once: there is nothing that could last. */
const onceTypes = new Set<RuleType>(['Finished', 'InstanceKeyword', 'InstanceErrorCount', 'InstanceErrorPercentage', 'InstanceTransferComplete', 'InstanceTransferFluctuate']);

/** Whether the load of a resource group is what a rule alerts of. */
export function isOverloaded(type: RuleType, load: GroupLoad): boolean {
  return type === 'ResourceGroupPercentage' ? load.percentage >= limits.alertGroupPercent.value : load.waiting >= limits.alertGroupWaiting.value;
}

/** The receivers that a baseline's setting names. */
function receiversOf(setting: AlertSetting | undefined): Receiver[] {
  if (setting === undefined) return [{ type: 'Owner', values: [], atAll: false }];
  const named = (setting.AlertRecipient ?? '').split(',').map((user) => user.trim()).filter((user) => /^\d{1,16}$/.test(user));
  const users: Receiver[] = setting.AlertRecipientType === 'OTHER' && named.length > 0 ? [{ type: 'AliUid', values: named, atAll: false }] : [{ type: 'Owner', values: [], atAll: false }];
  const robots = (setting.DingRobots ?? []).flatMap(({ WebUrl, AtAll }): Receiver[] => (WebUrl === undefined || WebUrl === '' ? [] : [{ type: 'DingdingUrl', values: [WebUrl], atAll: AtAll ?? false }]));
  const addresses = (setting.Webhooks ?? []).filter((url) => url !== '');
  return [...users, ...robots, ...(addresses.length === 0 ? [] : [{ type: 'WebhookUrl' as const, values: addresses, atAll: false }])];
}

export function createSubjects(options: { history: History; execution: Pick<Execution, 'usage'>; resources: Pick<ResourceGroups, 'byId' | 'slotsOf'> }): Subjects {
  const { history, execution, resources } = options;

  const ofRule = (rule: RuleRow): Subject => ({
    source: 'REMIND_ALERT',
    sourceId: rule.id,
    tenantId: rule.tenant_id,
    workspaceId: rule.workspace_id,
    ownerId: rule.owner_id,
    receivers: rule.receivers,
    channels: rule.channels,
    intervalSeconds: rule.interval_seconds,
    maximum: onceTypes.has(rule.type) ? 1 : rule.maximum,
    silenceStart: rule.silence_start,
    silenceEnd: rule.silence_end,
    async event(change, alert) {
      if (alert.detail.group === undefined) return ruleAlert(rule, alert);
      const group = await resources.byId(change, rule.tenant_id, alert.detail.group);
      return ruleAlert(rule, alert, group ?? { identifier: alert.detail.group, name: alert.detail.group });
    },
  });

  const ofSetting = (baseline: BaselineRow, kind: 'BASELINE' | 'TOPIC'): Omit<Subject, 'source' | 'sourceId' | 'event'> => {
    const setting = baseline.alert_settings.find((one) => one.AlertType === kind);
    return {
      tenantId: baseline.tenant_id,
      workspaceId: baseline.workspace_id,
      ownerId: baseline.owner_id,
      receivers: receiversOf(setting),
      channels: setting?.AlertMethods ?? [],
      intervalSeconds: 0,
      // A baseline tells of each change of its status once, and of each topic.
      maximum: 1,
      silenceStart: setting?.SilenceStartTime?.slice(0, 5) ?? null,
      silenceEnd: setting?.SilenceEndTime?.slice(0, 5) ?? null,
    };
  };

  const ofBaseline = (baseline: BaselineRow): Subject => ({ ...ofSetting(baseline, 'BASELINE'), source: 'SLA_ALERT', sourceId: baseline.id, event: async (_change, alert) => baselineAlert(baseline, alert) });

  const ofTopic = (topic: TopicRow, baseline: BaselineRow): Subject => ({
    ...ofSetting(baseline, 'TOPIC'),
    source: 'TOPIC_ALERT',
    sourceId: topic.id,
    async event(change) {
      const [instance] = await history.instances(change, topic.tenant_id, [topic.instance_id]);
      return topicAlert(topic, instance?.status ?? 'Failure');
    },
  });

  async function loadsOf(db: Executor, groups: readonly string[]): Promise<GroupLoad[]> {
    const usage = new Map((await execution.usage(db, groups)).map((one) => [one.group, one]));
    const loads: GroupLoad[] = [];
    for (const group of groups) {
      const slots = await resources.slotsOf(db, group);
      if (slots === undefined) continue;
      const { running = 0, waiting = 0 } = usage.get(group) ?? {};
      loads.push({ group, percentage: Math.round((running / slots) * 100), waiting });
    }
    return loads;
  }

  async function stillHolds(db: Executor, rule: RuleRow, alert: AlertRow): Promise<boolean> {
    const { instances, held, group } = alert.detail;
    if (group !== undefined) return (await loadsOf(db, [group])).some((load) => isOverloaded(rule.type, load));
    const [instance] = await history.instances(db, rule.tenant_id, instances);
    if (instance === undefined) return false;
    if (rule.type === 'UnFinished' || rule.type === 'CycleUnfinished') return instance.status !== 'Success';
    const since = instance.status === 'Failure' ? instance.finished_at : instance.begin_running_at;
    return held !== undefined && instance.status === held.status && since?.getTime() === held.since;
  }

  return {
    ofRule,
    ofBaseline,
    ofTopic,
    loadsOf,
    async recall(db, alert) {
      if (alert.source === 'REMIND_ALERT') {
        const rule = await findRule(db, alert.tenant_id, alert.source_id);
        return rule === undefined || !rule.enabled ? undefined : { subject: ofRule(rule), holds: await stillHolds(db, rule, alert) };
      }
      if (alert.source === 'SLA_ALERT') {
        const [baseline] = await baselinesById(db, alert.tenant_id, [alert.source_id]);
        return baseline === undefined ? undefined : { subject: ofBaseline(baseline), holds: false };
      }
      const topic = await findTopic(db, alert.tenant_id, alert.source_id);
      const [influence] = topic === undefined ? [] : await influencesOf(db, [topic.id]);
      const [baseline] = influence === undefined ? [] : await baselinesById(db, alert.tenant_id, [influence.baseline_id]);
      return topic === undefined || baseline === undefined ? undefined : { subject: ofTopic(topic, baseline), holds: false };
    },
  };
}
