import { platformActor, type Change, type Changes } from '../../kernel/change.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { History, WatchedInstance } from '../scheduling/index.ts';
import type { Alerts } from './alerts.ts';
import type { BaselineRow, StatusRow } from './baseline-store.ts';
import type { Subjects } from './subjects.ts';
import { addInfluence, moveTopic, noteAlerted, openTopics, putTopic, type NewTopic, type TopicRow, type TopicStatus } from './topic-store.ts';

/**
 * Topics: an instance on the way of a baseline that has failed, or runs much longer than usual.
 *
 *   NEW      nobody has done anything about it
 *   FIXING   somebody has run it again, and it has not ended
 *   RECOVER  it has succeeded
 *   IGNORE   is known to the contract; nothing here ignores a topic
 */
export interface Topics {
  /** Writes the topics of a cycle of a baseline, each once, and alerts of new ones. */
  look(change: Change, baseline: BaselineRow, cycle: StatusRow, instances: readonly WatchedInstance[], usual: ReadonlyMap<number, number>, now: Date): Promise<void>;
  /** Sees what became of open topics. */
  follow(tenantId: number): Promise<void>;
}

/** What is wrong with an instance, or undefined. */
export function troubleOf(instance: WatchedInstance, usualMs: number | undefined, now: Date): Pick<NewTopic, 'type' | 'happened_at'> | undefined {
  if (instance.status === 'Failure') return { type: 'ERROR', happened_at: instance.finished_at ?? now };
  if (instance.status !== 'Running' || instance.begin_running_at === null || usualMs === undefined) return undefined;
  const slow = Math.max(limits.topicSlowMs.value, (usualMs * limits.topicSlowPercent.value) / 100);
  return now.getTime() - instance.begin_running_at.getTime() >= slow ? { type: 'SLOW', happened_at: instance.begin_running_at } : undefined;
}

/** Where a topic goes from what its instance does now; undefined when it stays. */
export function nextStatus(topic: Pick<TopicRow, 'type' | 'status' | 'happened_at'>, instance: Pick<WatchedInstance, 'status' | 'finished_at'> | undefined): TopicStatus | undefined {
  if (instance === undefined || instance.status === 'Success') return 'RECOVER';
  if (topic.type === 'SLOW') return instance.status === 'Running' || instance.status === 'Checking' ? undefined : 'RECOVER';
  // Another failure is another topic.
  if (instance.status === 'Failure') return instance.finished_at?.getTime() === topic.happened_at.getTime() ? undefined : 'RECOVER';
  return topic.status === 'NEW' ? 'FIXING' : undefined;
}

export function createTopics(options: { database: Database; changes: Changes; history: History; alerts: Alerts; subjects: Subjects }): Topics {
  const { database, changes, history, alerts, subjects } = options;

  async function tell(change: Change, baseline: BaselineRow, topic: TopicRow): Promise<void> {
    const setting = baseline.alert_settings.find((one) => one.AlertType === 'TOPIC');
    const types = setting?.TopicTypes ?? [];
    if (!baseline.alert_enabled || setting?.BaselineAlertEnabled === false || (types.length > 0 && !types.includes(topic.type))) return;
    await alerts.raise(change, subjects.ofTopic(topic, baseline), {
      occurrence: 'found',
      content: `Baseline ${baseline.name}: the instance ${topic.instance_id} of the node ${topic.node_name} (${topic.task_id}) ${topic.type === 'ERROR' ? 'has failed' : 'runs much longer than usual'}.`,
      detail: { instances: [topic.instance_id], nodes: [topic.task_id], topicId: topic.id },
    });
    await noteAlerted(change, topic.id, change.now);
  }

  return {
    async look(change, baseline, cycle, instances, usual, now) {
      for (const instance of instances) {
        if (instance.task_id === null) continue;
        const trouble = troubleOf(instance, usual.get(instance.task_id), now);
        if (trouble === undefined) continue;
        const { topic, made } = await putTopic(
          change,
          { tenant_id: instance.tenant_id, workspace_id: instance.workspace_id, instance_id: instance.id, task_id: instance.task_id, node_name: instance.name, owner_id: instance.owner_id, ...trouble },
          change.now,
        );
        await addInfluence(change, topic.id, baseline.id, cycle.bizdate, cycle.cycle);
        if (made) await tell(change, baseline, topic);
      }
    },
    async follow(tenantId) {
      const open = await openTopics(database, tenantId);
      if (open.length === 0) return;
      const found = new Map((await history.instances(database, tenantId, open.map((topic) => topic.instance_id))).map((instance) => [instance.id, instance]));
      const moves = open.flatMap((topic) => {
        const instance = found.get(topic.instance_id);
        const status = nextStatus(topic, instance);
        return status === undefined ? [] : [{ topic, status, at: instance?.finished_at ?? instance?.modified_at }];
      });
      if (moves.length === 0) return;
      const operators = await history.lastOperators(database, moves.map(({ topic }) => topic.instance_id));
      await changes.change(platformActor('Topic', tenantId), async (change) => {
        for (const { topic, status, at } of moves) {
          const by = operators.get(topic.instance_id);
          await moveTopic(change, topic.id, { status, dealt: by !== undefined && by.at >= topic.happened_at ? by : undefined, fixedAt: status === 'RECOVER' ? (at ?? change.now) : null });
        }
      });
    },
  };
}
