import { limits } from '../../../kernel/limits.ts';
import { code } from '../protocol/errors.ts';
import { createTopics, describeCluster, describeConfigs, findCoordinator, initProducerId, metadata, produce } from '../protocol/messages.ts';
import { listStreams } from '../store.ts';
import { ALL, mayRead, streamOfTopicId, TENANT, topicId, topicName, workspaceOfTopic } from '../topics.ts';
import { route, topicExists, type Client, type Services } from './context.ts';

export const CLUSTER_ID = 'millrace';
/** READ and DESCRIBE, as bits. */
const READER_OPERATIONS = (1 << 3) | (1 << 8);
const UNASKED = -2_147_483_648;
const NO_WRITING = 'Millrace is read by Kafka clients only; its events come from the platform itself.';

/** Workspaces (and `ALL`, `TENANT`) whose topics the client may read. */
async function visibleTopics({ database }: Services, { reader }: Client): Promise<number[]> {
  const seen = new Set([ALL, TENANT, ...(reader.workspaces ?? []), ...(await listStreams(database, reader.tenantId))]);
  return [...seen].filter((workspaceId) => mayRead(reader, workspaceId)).toSorted((a, b) => a - b);
}

export const metadataRoute = route(metadata, async (services, client, request, header) => {
  const { cluster } = services;
  const brokers = cluster.brokers();
  const { tenantId } = client.reader;

  function describe(workspaceId: number) {
    return {
      errorCode: code.none as number,
      name: topicName(workspaceId) as string | null,
      topicId: topicId({ tenantId, workspaceId }),
      isInternal: false,
      partitions: Array.from({ length: cluster.partitions() }, (_, partition) => {
        // Every process can serve every partition; they share the work by number.
        const leader = brokers[(Math.abs(workspaceId) + partition) % Math.max(1, brokers.length)]?.nodeId ?? cluster.nodeId();
        return { errorCode: code.none, partition, leaderId: leader, leaderEpoch: 0, replicaNodes: [leader], isrNodes: [leader], offlineReplicas: [] };
      }),
      topicAuthorizedOperations: request.includeTopicAuthorizedOperations ? READER_OPERATIONS : UNASKED,
    };
  }
  const refuse = (name: string | null, id: string, errorCode: number) => ({ ...describe(ALL), errorCode, name, topicId: id, partitions: [], topicAuthorizedOperations: UNASKED });

  const all = request.topics === null || (header.apiVersion === 0 && request.topics.length === 0);
  const topics = all
    ? (await visibleTopics(services, client)).map(describe)
    : await Promise.all(
        (request.topics ?? []).map(async ({ name, topicId: id }) => {
          if (name === null) {
            const stream = streamOfTopicId(id);
            const known = stream?.tenantId === tenantId && (await topicExists(services, client.reader, stream.workspaceId));
            return known ? describe(stream.workspaceId) : refuse(null, id, code.unknownTopicId);
          }
          const workspaceId = workspaceOfTopic(name);
          if (workspaceId === undefined) return refuse(name, id, code.unknownTopicOrPartition);
          if (!mayRead(client.reader, workspaceId)) return refuse(name, id, code.topicAuthorizationFailed);
          return (await topicExists(services, client.reader, workspaceId)) ? describe(workspaceId) : refuse(name, id, code.unknownTopicOrPartition);
        }),
      );
  return {
    throttleTimeMs: 0,
    brokers: brokers.map((one) => ({ ...one, rack: null })),
    clusterId: CLUSTER_ID,
    controllerId: cluster.coordinator()?.nodeId ?? cluster.nodeId(),
    topics,
    clusterAuthorizedOperations: UNASKED,
  };
});

export const describeClusterRoute = route(describeCluster, ({ cluster }, _client, request) => ({
  throttleTimeMs: 0,
  errorCode: request.endpointType === 1 ? code.none : code.invalidRequest,
  errorMessage: request.endpointType === 1 ? null : 'There are brokers only.',
  endpointType: request.endpointType,
  clusterId: CLUSTER_ID,
  controllerId: cluster.coordinator()?.nodeId ?? cluster.nodeId(),
  brokers: cluster.brokers().map(({ nodeId, host, port }) => ({ brokerId: nodeId, host, port, rack: null })),
  clusterAuthorizedOperations: UNASKED,
}));

export const findCoordinatorRoute = route(findCoordinator, ({ cluster }, _client, request, header) => {
  const coordinator = cluster.coordinator();
  const find = (key: string) => {
    const error = (errorCode: number, errorMessage: string) => ({ key, nodeId: -1, host: '', port: -1, errorCode, errorMessage });
    // 0 stands for groups; 1 would be transactions.
    if (request.keyType !== 0) return error(code.invalidRequest, 'Only consumer groups have a coordinator here.');
    if (coordinator === undefined) return error(code.coordinatorNotAvailable, 'No process coordinates at the moment.');
    return { key, nodeId: coordinator.nodeId, host: coordinator.host, port: coordinator.port, errorCode: code.none, errorMessage: null };
  };
  const { key: _, ...single } = find(request.key);
  return { throttleTimeMs: 0, ...single, coordinators: header.apiVersion >= 4 ? request.coordinatorKeys.map(find) : [] };
});

const TOPIC = 2;
const BROKER = 4;
const INT = 3;
const LONG = 5;
const LIST = 7;
const READ_ONLY_SOURCE = 5;

export const describeConfigsRoute = route(describeConfigs, async (services, client, request) => {
  const settings = {
    [TOPIC]: [
      { name: 'cleanup.policy', value: 'delete', type: LIST },
      { name: 'retention.ms', value: String(limits.eventDays.value * 86_400_000), type: LONG },
      { name: 'max.message.bytes', value: String(limits.eventDataBytes.value * 2), type: INT },
    ],
    [BROKER]: [
      { name: 'num.partitions', value: String(services.cluster.partitions()), type: INT },
      { name: 'fetch.max.bytes', value: String(limits.kafkaFetchBytes.value), type: INT },
      { name: 'socket.request.max.bytes', value: String(limits.kafkaFrameBytes.value), type: INT },
      { name: 'group.max.session.timeout.ms', value: String(limits.kafkaSessionMs.value), type: INT },
    ],
  } as Readonly<Record<number, readonly { name: string; value: string; type: number }[]>>;
  const results = await Promise.all(
    request.resources.map(async ({ resourceType, resourceName, configurationKeys }) => {
      const answer = (errorCode: number, errorMessage: string | null, list: readonly { name: string; value: string; type: number }[] = []) => ({
        errorCode,
        errorMessage,
        resourceType,
        resourceName,
        configs: list
          .filter(({ name }) => configurationKeys === null || configurationKeys.length === 0 || configurationKeys.includes(name))
          .map(({ name, value, type }) => ({ name, value, readOnly: true, configSource: READ_ONLY_SOURCE, isSensitive: false, synonyms: [], configType: type, documentation: null })),
      });
      if (resourceType === TOPIC) {
        const workspaceId = workspaceOfTopic(resourceName);
        if (workspaceId !== undefined && !mayRead(client.reader, workspaceId)) return answer(code.topicAuthorizationFailed, 'The user may not read this topic.');
        if (workspaceId === undefined || !(await topicExists(services, client.reader, workspaceId))) return answer(code.unknownTopicOrPartition, 'There is no such topic.');
      }
      const list = settings[resourceType];
      return list === undefined ? answer(code.invalidRequest, 'Topics and brokers have settings here.') : answer(code.none, null, list);
    }),
  );
  return { throttleTimeMs: 0, results };
});

/** Writing is refused, in the protocol's own words. */
export const produceRoute = route(produce, (_services, _client, request) => {
  // Nobody waits for an answer; closing is the only way to say no.
  if (request.acks === 0) return undefined;
  return {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ index }) => ({
        index,
        errorCode: code.topicAuthorizationFailed,
        baseOffset: -1,
        logAppendTimeMs: -1,
        logStartOffset: -1,
        recordErrors: [],
        errorMessage: NO_WRITING,
      })),
    })),
    throttleTimeMs: 0,
  };
});

export const createTopicsRoute = route(createTopics, (_services, _client, request) => ({
  throttleTimeMs: 0,
  topics: request.topics.map(({ name }) => ({
    name,
    topicId: '00000000-0000-0000-0000-000000000000',
    errorCode: code.topicAuthorizationFailed,
    errorMessage: 'Topics come with their workspaces; nobody can make others.',
    numPartitions: -1,
    replicationFactor: -1,
    configs: null,
  })),
}));

export const initProducerIdRoute = route(initProducerId, () => ({ throttleTimeMs: 0, errorCode: code.clusterAuthorizationFailed, producerId: -1, producerEpoch: -1 }));
