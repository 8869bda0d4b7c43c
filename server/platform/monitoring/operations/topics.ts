import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import { notFound } from '../../../kernel/errors.ts';
import type { Access, Call, Handlers } from '../../../kernel/operation.ts';
import { pageCounters, readPage, success } from '../../dialect.ts';
import { findTopic, influencesOf, listTopics, type TopicRow } from '../topic-store.ts';
import { topicName } from './messages.ts';
import { readableWorkspaces, readInstant, readOptionalId, readWords, type Services } from './shared.ts';

/** Topics in API 2020-05-18: what is slow or has failed on the way of a baseline. Buffers are seconds. */

async function topicOf(call: Pick<Call, 'db' | 'tenantId'>, id: number): Promise<TopicRow> {
  const topic = await findTopic(call.db, call.tenantId, id);
  if (topic === undefined) throw notFound('Topic', id);
  return topic;
}

const readTopic: Access<{ TopicId: number }> = { level: 'workspace', right: 'read', find: async (request, call) => (await topicOf(call, request.TopicId)).workspace_id };

/** In the answers about topics the middle status is written in another way than elsewhere. */
const statusWord = (status: string | null) => (status === 'DANGEROUS' ? 'DANGROUS' : (status ?? 'SAFE'));

function shownTopic(topic: TopicRow) {
  return {
    TopicId: topic.id,
    TopicName: topicName(topic),
    TopicStatus: topic.status,
    TopicType: topic.type,
    NodeId: topic.task_id,
    NodeName: topic.node_name,
    InstanceId: topic.instance_id,
    ProjectId: topic.workspace_id,
    AddTime: topic.added_at.getTime(),
    HappenTime: topic.happened_at.getTime(),
    ...(topic.fixed_at === null ? {} : { FixTime: topic.fixed_at.getTime() }),
  };
}

export function topicOperations(services: Services): Handlers<Operations> {
  return {
    GetTopic: {
      access: readTopic,
      async handle(call, request) {
        const topic = await topicOf(call, request.TopicId);
        const readable = await readableWorkspaces(services, call);
        const [worst] = (await influencesOf(call.db, [topic.id])).filter((influence) => readable.includes(influence.workspace_id));
        const baseline = worst === undefined ? {} : { BaselineId: worst.baseline_id, BaselineName: worst.name, BaselineInGroupId: worst.cycle, BaselineStatus: statusWord(worst.status), BaselineBuffer: worst.buffer_seconds ?? 0, Buffer: worst.buffer_seconds ?? 0 };
        const dealt = topic.dealt_at === null || topic.dealt_by === null ? {} : { DealTime: topic.dealt_at.getTime(), DealUser: String(topic.dealt_by), Assigner: String(topic.dealt_by) };
        return { Data: { ...shownTopic(topic), Owner: String(topic.owner_id), ...(topic.alerted_at === null ? {} : { AlertTime: topic.alerted_at.getTime() }), ...dealt, ...baseline }, ...success };
      },
    },
    GetTopicInfluence: {
      access: readTopic,
      async handle(call, request) {
        const topic = await topicOf(call, request.TopicId);
        const readable = await readableWorkspaces(services, call);
        const Influences = (await influencesOf(call.db, [topic.id]))
          .filter((influence) => readable.includes(influence.workspace_id))
          .map((influence) => ({
            BaselineId: influence.baseline_id,
            BaselineName: influence.name,
            Bizdate: influence.bizdate.getTime(),
            InGroupId: influence.cycle,
            Owner: String(influence.owner_id),
            Priority: influence.priority,
            ProjectId: influence.workspace_id,
            Status: statusWord(influence.status),
            Buffer: influence.buffer_seconds ?? 0,
          }));
        return { Data: { TopicId: topic.id, Influences }, ...success };
      },
    },
    ListTopics: {
      access: { level: 'tenant', right: 'member' },
      async handle(call, request) {
        const page = readPage(request);
        const { rows, total } = await listTopics(
          call.db,
          {
            tenantId: call.tenantId,
            workspaceIds: await readableWorkspaces(services, call),
            from: readInstant('BeginTime', request.BeginTime),
            to: readInstant('EndTime', request.EndTime),
            instanceId: request.InstanceId,
            nodeId: request.NodeId,
            ownerId: readOptionalId('Owner', request.Owner),
            statuses: readWords('TopicStatuses', request.TopicStatuses),
            types: readWords('TopicTypes', request.TopicTypes),
          },
          page,
        );
        return { Data: { Topics: rows.map((topic) => ({ ...shownTopic(topic), NodeOwner: String(topic.owner_id) })), ...pageCounters(page, total) }, ...success };
      },
    },
  };
}
