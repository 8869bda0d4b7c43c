import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import type { Executor } from '../../../kernel/database.ts';
import { notFound } from '../../../kernel/errors.ts';
import type { Call, Handlers } from '../../../kernel/operation.ts';
import { readId, readPage, success } from '../../dialect.ts';
import { instanceStates } from '../../scheduling/index.ts';
import { findMessage, listMessages, type AlertSource, type MessageRow } from '../alert-store.ts';
import { baselinesById } from '../baseline-store.ts';
import { rulesById } from '../rule-store.ts';
import { topicsById } from '../topic-store.ts';
import { readableWorkspaces, readInstant, readOptionalId, readWords, type Services } from './shared.ts';

/** Messages of alerts in API 2020-05-18. Addresses are not shown: those of robots hold what lets others write there. */

async function messageOf(call: Pick<Call, 'db' | 'tenantId'>, text: string): Promise<MessageRow> {
  const message = await findMessage(call.db, call.tenantId, readId('AlertId', text));
  if (message === undefined) throw notFound('AlertMessage', text, 'alert message');
  return message;
}

/** Which sources a kind of rules has: baselines watch globally, reminders are users' own. */
function sourcesOf(text: string | undefined): AlertSource[] | undefined {
  const words = readWords('AlertRuleTypes', text);
  if (words === undefined) return undefined;
  return words.flatMap((word): AlertSource[] => (word === 'GLOBAL' ? ['SLA_ALERT', 'TOPIC_ALERT'] : word === 'USER_DEFINE' ? ['REMIND_ALERT'] : []));
}

export function messageOperations(services: Services): Handlers<Operations> {
  const { history } = services;

  async function shown(db: Executor, tenantId: number, rows: readonly MessageRow[]) {
    const idsOf = (source: AlertSource) => rows.filter((row) => row.source === source).map((row) => row.source_id);
    const rules = new Map((await rulesById(db, idsOf('REMIND_ALERT'))).map((rule) => [rule.id, rule]));
    const baselines = new Map((await baselinesById(db, tenantId, idsOf('SLA_ALERT'))).map((baseline) => [baseline.id, baseline]));
    const topics = new Map((await topicsById(db, idsOf('TOPIC_ALERT'))).map((topic) => [topic.id, topic]));
    const instances = new Map((await history.instances(db, tenantId, rows.flatMap((row) => row.detail.instances))).map((instance) => [instance.id, instance]));
    const tasks = new Map((await history.tasks(db, tenantId, rows.flatMap((row) => row.detail.nodes))).map((task) => [task.task_id, task]));
    return rows.map((row) => {
      const { detail } = row;
      const rule = row.source === 'REMIND_ALERT' ? rules.get(row.source_id) : undefined;
      const baseline = row.source === 'SLA_ALERT' ? baselines.get(row.source_id) : undefined;
      const topic = row.source === 'TOPIC_ALERT' ? topics.get(row.source_id) : undefined;
      return {
        AlertId: row.id,
        AlertMessageStatus: row.status,
        AlertMethod: row.method,
        AlertTime: row.at.getTime(),
        AlertUser: row.user_id === null ? '' : String(row.user_id),
        Content: row.content,
        Source: row.source,
        ...(row.source === 'REMIND_ALERT' ? { RemindId: row.source_id, RemindName: rule?.name ?? '' } : {}),
        Instances: detail.instances.flatMap((id) => {
          const instance = instances.get(id);
          return instance === undefined ? [] : [{ InstanceId: id, NodeId: instance.task_id ?? 0, NodeName: instance.name, ProjectId: instance.workspace_id, Status: instanceStates[instance.status].legacy }];
        }),
        Nodes: detail.nodes.flatMap((id) => {
          const task = tasks.get(id);
          return task === undefined ? [] : [{ NodeId: id, NodeName: task.name, Owner: String(task.owner_id), ProjectId: task.workspace_id }];
        }),
        ...(detail.baseline === undefined
          ? {}
          : {
              SlaAlert: {
                BaselineId: row.source_id,
                BaselineName: baseline?.name ?? '',
                BaselineOwner: baseline === undefined ? '' : String(baseline.owner_id),
                ProjectId: row.workspace_id,
                Bizdate: detail.baseline.bizdate,
                InGroupId: detail.baseline.cycle,
                Status: detail.baseline.status,
              },
            }),
        Topics: topic === undefined ? [] : [{ TopicId: topic.id, TopicName: topicName(topic), TopicOwner: String(topic.owner_id), TopicStatus: topic.status, NodeId: topic.task_id, InstanceId: topic.instance_id }],
      };
    });
  }

  return {
    ListAlertMessages: {
      access: { level: 'tenant', right: 'member' },
      async handle(call, request) {
        const page = readPage(request);
        const { rows, total } = await listMessages(
          call.db,
          {
            tenantId: call.tenantId,
            workspaceIds: await readableWorkspaces(services, call),
            from: readInstant('BeginTime', request.BeginTime),
            to: readInstant('EndTime', request.EndTime),
            methods: readWords('AlertMethods', request.AlertMethods),
            sources: sourcesOf(request.AlertRuleTypes),
            userId: readOptionalId('AlertUser', request.AlertUser),
            baselineId: request.BaselineId,
            ruleId: request.RemindId,
          },
          page,
        );
        // In this answer the counters are texts.
        return { Data: { AlertMessages: await shown(call.db, call.tenantId, rows), PageNumber: String(page.number), PageSize: String(page.size), TotalCount: String(total) }, ...success };
      },
    },
    GetAlertMessage: {
      access: { level: 'workspace', right: 'read', find: async (request, call) => (await messageOf(call, request.AlertId)).workspace_id },
      async handle(call, request) {
        const [Data] = await shown(call.db, call.tenantId, [await messageOf(call, request.AlertId)]);
        return { ...(Data === undefined ? {} : { Data }), ...success };
      },
    },
  };
}

export function topicName(topic: { readonly node_name: string; readonly type: 'SLOW' | 'ERROR' }): string {
  return `${topic.node_name} ${topic.type === 'ERROR' ? 'failed' : 'is slow'}`;
}
