import { bool, bytes, field, int16, int32, int64, int8, list, nullableList, nullableText, records, structure, text, uuid, type Type } from './schema.ts';

/** A request of the protocol: its key, the versions served, the first flexible one, and both shapes. */
export interface Api<Request, Response> {
  readonly key: number;
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly flexible: number;
  readonly request: Type<Request>;
  readonly response: Type<Response>;
}

function api<Request, Response>(key: number, name: string, versions: readonly [min: number, max: number], flexible: number, request: Type<Request>, response: Type<Response>): Api<Request, Response> {
  return { key, name, min: versions[0], max: versions[1], flexible, request, response };
}

const NEVER = 0x7fff;
const since = <Value>(from: number, type: Type<Value>, fallback?: Value) => field(type, fallback === undefined ? { from } : { from, fallback });
const until = <Value>(to: number, type: Type<Value>, from = 0) => field(type, { from, to });
const throttle = (from: number) => since(from, int32);
/** What the bit fields of permitted operations hold when nobody asked. */
const UNASKED = -2_147_483_648;

/** Field names and versions are those of https://kafka.apache.org/protocol; only what this server reads or writes has a comment. */

export const produce = api(
  0,
  'Produce',
  [3, 11],
  9,
  structure({
    transactionalId: nullableText,
    acks: int16,
    timeoutMs: int32,
    topics: list(structure({ name: text, partitions: list(structure({ index: int32, records })) })),
  }),
  structure({
    topics: list(
      structure({
        name: text,
        partitions: list(
          structure({
            index: int32,
            errorCode: int16,
            baseOffset: int64,
            logAppendTimeMs: int64,
            logStartOffset: since(5, int64),
            recordErrors: since(8, list(structure({ batchIndex: int32, message: nullableText }))),
            errorMessage: since(8, nullableText),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32,
  }),
);

export const fetch = api(
  1,
  'Fetch',
  [4, 16],
  12,
  structure({
    replicaId: field(int32, { to: 14, fallback: -1 }),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32,
    isolationLevel: int8,
    sessionId: since(7, int32),
    sessionEpoch: since(7, int32, -1),
    topics: list(
      structure({
        topic: until(12, text),
        topicId: since(13, uuid),
        partitions: list(
          structure({
            partition: int32,
            currentLeaderEpoch: since(9, int32, -1),
            fetchOffset: int64,
            lastFetchedEpoch: since(12, int32, -1),
            logStartOffset: since(5, int64, -1),
            partitionMaxBytes: int32,
          }),
        ),
      }),
    ),
    forgottenTopics: since(7, list(structure({ topic: until(12, text), topicId: since(13, uuid), partitions: list(int32) }))),
    rackId: since(11, text),
  }),
  structure({
    throttleTimeMs: int32,
    errorCode: since(7, int16),
    sessionId: since(7, int32),
    topics: list(
      structure({
        topic: until(12, text),
        topicId: since(13, uuid),
        partitions: list(
          structure({
            partition: int32,
            errorCode: int16,
            highWatermark: int64,
            lastStableOffset: int64,
            logStartOffset: since(5, int64, -1),
            abortedTransactions: nullableList(structure({ producerId: int64, firstOffset: int64 })),
            preferredReadReplica: since(11, int32, -1),
            records,
          }),
        ),
      }),
    ),
  }),
);

export const listOffsets = api(
  2,
  'ListOffsets',
  [1, 7],
  6,
  structure({
    replicaId: int32,
    isolationLevel: since(2, int8),
    topics: list(structure({ name: text, partitions: list(structure({ partition: int32, currentLeaderEpoch: since(4, int32, -1), timestamp: int64 })) })),
  }),
  structure({
    throttleTimeMs: throttle(2),
    topics: list(structure({ name: text, partitions: list(structure({ partition: int32, errorCode: int16, timestamp: int64, offset: int64, leaderEpoch: since(4, int32, -1) })) })),
  }),
);

export const metadata = api(
  3,
  'Metadata',
  [0, 12],
  9,
  structure({
    topics: nullableList(structure({ topicId: since(10, uuid), name: nullableText })),
    allowAutoTopicCreation: since(4, bool),
    includeClusterAuthorizedOperations: field(bool, { from: 8, to: 10 }),
    includeTopicAuthorizedOperations: since(8, bool),
  }),
  structure({
    throttleTimeMs: throttle(3),
    brokers: list(structure({ nodeId: int32, host: text, port: int32, rack: since(1, nullableText) })),
    clusterId: since(2, nullableText),
    controllerId: since(1, int32),
    topics: list(
      structure({
        errorCode: int16,
        name: nullableText,
        topicId: since(10, uuid),
        isInternal: since(1, bool),
        partitions: list(
          structure({
            errorCode: int16,
            partition: int32,
            leaderId: int32,
            leaderEpoch: since(7, int32, -1),
            replicaNodes: list(int32),
            isrNodes: list(int32),
            offlineReplicas: since(5, list(int32)),
          }),
        ),
        topicAuthorizedOperations: since(8, int32, UNASKED),
      }),
    ),
    clusterAuthorizedOperations: field(int32, { from: 8, to: 10, fallback: UNASKED }),
  }),
);

export const offsetCommit = api(
  8,
  'OffsetCommit',
  [2, 9],
  8,
  structure({
    groupId: text,
    generationId: int32,
    memberId: text,
    groupInstanceId: since(7, nullableText),
    retentionTimeMs: field(int64, { from: 2, to: 4, fallback: -1 }),
    topics: list(
      structure({
        name: text,
        partitions: list(structure({ partition: int32, committedOffset: int64, committedLeaderEpoch: since(6, int32, -1), committedMetadata: nullableText })),
      }),
    ),
  }),
  structure({ throttleTimeMs: throttle(3), topics: list(structure({ name: text, partitions: list(structure({ partition: int32, errorCode: int16 })) })) }),
);

const fetchedOffset = structure({ partition: int32, committedOffset: int64, committedLeaderEpoch: since(5, int32, -1), metadata: nullableText, errorCode: int16 });
export const offsetFetch = api(
  9,
  'OffsetFetch',
  [1, 9],
  6,
  structure({
    groupId: until(7, text),
    topics: until(7, nullableList(structure({ name: text, partitions: list(int32) }))),
    groups: since(
      8,
      list(
        structure({
          groupId: text,
          memberId: since(9, nullableText),
          memberEpoch: since(9, int32, -1),
          topics: nullableList(structure({ name: text, partitions: list(int32) })),
        }),
      ),
    ),
    requireStable: since(7, bool),
  }),
  structure({
    throttleTimeMs: throttle(3),
    topics: until(7, list(structure({ name: text, partitions: list(fetchedOffset) }))),
    errorCode: until(7, int16, 2),
    groups: since(8, list(structure({ groupId: text, topics: list(structure({ name: text, partitions: list(fetchedOffset) })), errorCode: int16 }))),
  }),
);

export const findCoordinator = api(
  10,
  'FindCoordinator',
  [0, 4],
  3,
  structure({ key: until(3, text), keyType: since(1, int8), coordinatorKeys: since(4, list(text)) }),
  structure({
    throttleTimeMs: throttle(1),
    errorCode: until(3, int16),
    errorMessage: until(3, nullableText, 1),
    nodeId: until(3, int32),
    host: until(3, text),
    port: until(3, int32),
    coordinators: since(4, list(structure({ key: text, nodeId: int32, host: text, port: int32, errorCode: int16, errorMessage: nullableText }))),
  }),
);

export const joinGroup = api(
  11,
  'JoinGroup',
  [1, 9],
  6,
  structure({
    groupId: text,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: int32,
    memberId: text,
    groupInstanceId: since(5, nullableText),
    protocolType: text,
    protocols: list(structure({ name: text, metadata: bytes })),
    reason: since(8, nullableText),
  }),
  structure({
    throttleTimeMs: throttle(2),
    errorCode: int16,
    generationId: int32,
    protocolType: since(7, nullableText),
    protocolName: nullableText,
    leader: text,
    skipAssignment: since(9, bool),
    memberId: text,
    members: list(structure({ memberId: text, groupInstanceId: since(5, nullableText), metadata: bytes })),
  }),
);

export const heartbeat = api(
  12,
  'Heartbeat',
  [0, 4],
  4,
  structure({ groupId: text, generationId: int32, memberId: text, groupInstanceId: since(3, nullableText) }),
  structure({ throttleTimeMs: throttle(1), errorCode: int16 }),
);

export const leaveGroup = api(
  13,
  'LeaveGroup',
  [0, 5],
  4,
  structure({
    groupId: text,
    memberId: until(2, text),
    members: since(3, list(structure({ memberId: text, groupInstanceId: nullableText, reason: since(5, nullableText) }))),
  }),
  structure({
    throttleTimeMs: throttle(1),
    errorCode: int16,
    members: since(3, list(structure({ memberId: text, groupInstanceId: nullableText, errorCode: int16 }))),
  }),
);

export const syncGroup = api(
  14,
  'SyncGroup',
  [0, 5],
  4,
  structure({
    groupId: text,
    generationId: int32,
    memberId: text,
    groupInstanceId: since(3, nullableText),
    protocolType: since(5, nullableText),
    protocolName: since(5, nullableText),
    assignments: list(structure({ memberId: text, assignment: bytes })),
  }),
  structure({ throttleTimeMs: throttle(1), errorCode: int16, protocolType: since(5, nullableText), protocolName: since(5, nullableText), assignment: bytes }),
);

export const describeGroups = api(
  15,
  'DescribeGroups',
  [0, 5],
  5,
  structure({ groups: list(text), includeAuthorizedOperations: since(3, bool) }),
  structure({
    throttleTimeMs: throttle(1),
    groups: list(
      structure({
        errorCode: int16,
        groupId: text,
        groupState: text,
        protocolType: text,
        protocolData: text,
        members: list(structure({ memberId: text, groupInstanceId: since(4, nullableText), clientId: text, clientHost: text, memberMetadata: bytes, memberAssignment: bytes })),
        authorizedOperations: since(3, int32, UNASKED),
      }),
    ),
  }),
);

export const listGroups = api(
  16,
  'ListGroups',
  [0, 5],
  3,
  structure({ statesFilter: since(4, list(text)), typesFilter: since(5, list(text)) }),
  structure({
    throttleTimeMs: throttle(1),
    errorCode: int16,
    groups: list(structure({ groupId: text, protocolType: text, groupState: since(4, text), groupType: since(5, text) })),
  }),
);

export const saslHandshake = api(17, 'SaslHandshake', [0, 1], NEVER, structure({ mechanism: text }), structure({ errorCode: int16, mechanisms: list(text) }));

export const apiVersions = api(
  18,
  'ApiVersions',
  [0, 4],
  3,
  structure({ clientSoftwareName: since(3, text), clientSoftwareVersion: since(3, text) }),
  structure({ errorCode: int16, apiKeys: list(structure({ apiKey: int16, minVersion: int16, maxVersion: int16 })), throttleTimeMs: throttle(1) }),
);

export const createTopics = api(
  19,
  'CreateTopics',
  [2, 7],
  5,
  structure({
    topics: list(
      structure({
        name: text,
        numPartitions: int32,
        replicationFactor: int16,
        assignments: list(structure({ partition: int32, brokerIds: list(int32) })),
        configs: list(structure({ name: text, value: nullableText })),
      }),
    ),
    timeoutMs: int32,
    validateOnly: bool,
  }),
  structure({
    throttleTimeMs: int32,
    topics: list(
      structure({
        name: text,
        topicId: since(7, uuid),
        errorCode: int16,
        errorMessage: nullableText,
        numPartitions: since(5, int32, -1),
        replicationFactor: since(5, int16, -1),
        configs: since(5, nullableList(structure({ name: text, value: nullableText, readOnly: bool, configSource: int8, isSensitive: bool }))),
      }),
    ),
  }),
);

export const initProducerId = api(
  22,
  'InitProducerId',
  [0, 4],
  2,
  structure({ transactionalId: nullableText, transactionTimeoutMs: int32, producerId: since(3, int64, -1), producerEpoch: since(3, int16, -1) }),
  structure({ throttleTimeMs: int32, errorCode: int16, producerId: int64, producerEpoch: int16 }),
);

export const offsetForLeaderEpoch = api(
  23,
  'OffsetForLeaderEpoch',
  [2, 4],
  4,
  structure({
    replicaId: since(3, int32, -2),
    topics: list(structure({ topic: text, partitions: list(structure({ partition: int32, currentLeaderEpoch: int32, leaderEpoch: int32 })) })),
  }),
  structure({
    throttleTimeMs: int32,
    topics: list(structure({ topic: text, partitions: list(structure({ errorCode: int16, partition: int32, leaderEpoch: int32, endOffset: int64 })) })),
  }),
);

export const describeConfigs = api(
  32,
  'DescribeConfigs',
  [1, 4],
  4,
  structure({
    resources: list(structure({ resourceType: int8, resourceName: text, configurationKeys: nullableList(text) })),
    includeSynonyms: bool,
    includeDocumentation: since(3, bool),
  }),
  structure({
    throttleTimeMs: int32,
    results: list(
      structure({
        errorCode: int16,
        errorMessage: nullableText,
        resourceType: int8,
        resourceName: text,
        configs: list(
          structure({
            name: text,
            value: nullableText,
            readOnly: bool,
            configSource: int8,
            isSensitive: bool,
            synonyms: list(structure({ name: text, value: nullableText, source: int8 })),
            configType: since(3, int8),
            documentation: since(3, nullableText),
          }),
        ),
      }),
    ),
  }),
);

export const saslAuthenticate = api(
  36,
  'SaslAuthenticate',
  [0, 2],
  2,
  structure({ authBytes: bytes }),
  structure({ errorCode: int16, errorMessage: nullableText, authBytes: bytes, sessionLifetimeMs: since(1, int64) }),
);

export const deleteGroups = api(
  42,
  'DeleteGroups',
  [0, 2],
  2,
  structure({ groupIds: list(text) }),
  structure({ throttleTimeMs: int32, results: list(structure({ groupId: text, errorCode: int16 })) }),
);

export const offsetDelete = api(
  47,
  'OffsetDelete',
  [0, 0],
  NEVER,
  structure({ groupId: text, topics: list(structure({ name: text, partitions: list(structure({ partition: int32 })) })) }),
  structure({ errorCode: int16, throttleTimeMs: int32, topics: list(structure({ name: text, partitions: list(structure({ partition: int32, errorCode: int16 })) })) }),
);

export const describeCluster = api(
  60,
  'DescribeCluster',
  [0, 1],
  0,
  structure({ includeClusterAuthorizedOperations: bool, endpointType: since(1, int8, 1) }),
  structure({
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullableText,
    endpointType: since(1, int8, 1),
    clusterId: text,
    controllerId: int32,
    brokers: list(structure({ brokerId: int32, host: text, port: int32, rack: nullableText })),
    clusterAuthorizedOperations: int32,
  }),
);
