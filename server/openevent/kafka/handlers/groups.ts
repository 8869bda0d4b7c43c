import { limits } from '../../../kernel/limits.ts';
import { code } from '../protocol/errors.ts';
import { deleteGroups, describeGroups, heartbeat, joinGroup, leaveGroup, listGroups, offsetCommit, offsetDelete, offsetFetch, syncGroup } from '../protocol/messages.ts';
import * as store from '../group-store.ts';
import { mayRead, topicName, workspaceOfTopic } from '../topics.ts';
import { route, topicExists, type Services } from './context.ts';

const MOST_GROUP_ID = 255;
const SHORTEST_SESSION_MS = 1_000;

/** Why this process does not answer for the group at all, or `none`. */
function refusal({ coordinator }: Services, groupId: string): number {
  if (coordinator.fence() === undefined) return code.notCoordinator;
  return groupId === '' || groupId.length > MOST_GROUP_ID ? code.invalidGroupId : code.none;
}

export const joinGroupRoute = route(joinGroup, async (services, client, request, header) => {
  const fail = (errorCode: number) => ({
    throttleTimeMs: 0,
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: header.apiVersion >= 7 ? null : '',
    leader: '',
    skipAssignment: false,
    memberId: request.memberId,
    members: [],
  });
  const refused = refusal(services, request.groupId);
  if (refused !== code.none) return fail(refused);
  if (request.sessionTimeoutMs < SHORTEST_SESSION_MS || request.sessionTimeoutMs > limits.kafkaSessionMs.value) return fail(code.invalidSessionTimeout);
  // They are compared with those of all others, and kept.
  const said = request.protocols.reduce((sum, one) => sum + one.name.length + one.metadata.length, 0);
  if (request.protocols.length > limits.kafkaGroupProtocols.value || said > limits.kafkaMemberBytes.value) return fail(code.invalidRequest);
  const group = services.coordinator.group(client.reader, request.groupId);
  if (group === undefined) return fail(code.policyViolation);
  const rebalance = request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs;
  const answer = await group.join({
    memberId: request.memberId,
    instanceId: request.groupInstanceId ?? undefined,
    clientId: client.clientId,
    clientHost: client.host,
    sessionTimeoutMs: request.sessionTimeoutMs,
    rebalanceTimeoutMs: Math.min(rebalance, limits.kafkaSessionMs.value),
    protocolType: request.protocolType,
    // The request's bytes belong to a frame that is not kept.
    protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
    idFirst: header.apiVersion >= 4,
  });
  return {
    throttleTimeMs: 0,
    errorCode: answer.error,
    generationId: answer.generation,
    protocolType: answer.protocolType,
    protocolName: answer.error !== code.none && header.apiVersion >= 7 ? null : (answer.protocol ?? ''),
    leader: answer.leader,
    // Older clients know no way to be leader without assigning.
    skipAssignment: header.apiVersion >= 9 && answer.skipAssignment,
    memberId: answer.memberId,
    members: answer.members.map(({ memberId, instanceId, metadata }) => ({ memberId, groupInstanceId: instanceId ?? null, metadata })),
  };
});

export const syncGroupRoute = route(syncGroup, async (services, client, request) => {
  const fail = (errorCode: number) => ({ throttleTimeMs: 0, errorCode, protocolType: null, protocolName: null, assignment: Buffer.alloc(0) });
  const refused = refusal(services, request.groupId);
  if (refused !== code.none) return fail(refused);
  const group = services.coordinator.present(client.reader, request.groupId);
  if (group === undefined) return fail(code.unknownMemberId);
  const answer = await group.sync(request.memberId, request.groupInstanceId ?? undefined, request.generationId, request.protocolType, request.protocolName, request.assignments);
  return { throttleTimeMs: 0, errorCode: answer.error, protocolType: answer.protocolType, protocolName: answer.protocol, assignment: answer.assignment };
});

export const heartbeatRoute = route(heartbeat, (services, client, request) => {
  const refused = refusal(services, request.groupId);
  const group = services.coordinator.present(client.reader, request.groupId);
  const errorCode = refused !== code.none ? refused : (group?.heartbeat(request.memberId, request.groupInstanceId ?? undefined, request.generationId) ?? code.unknownMemberId);
  return { throttleTimeMs: 0, errorCode };
});

export const leaveGroupRoute = route(leaveGroup, (services, client, request, header) => {
  const refused = refusal(services, request.groupId);
  if (refused !== code.none) return { throttleTimeMs: 0, errorCode: refused, members: [] };
  const leaving = header.apiVersion >= 3 ? request.members.map((one) => ({ memberId: one.memberId, instanceId: one.groupInstanceId ?? undefined })) : [{ memberId: request.memberId, instanceId: undefined }];
  const errors = services.coordinator.present(client.reader, request.groupId)?.leave(leaving) ?? leaving.map(() => code.unknownMemberId);
  return {
    throttleTimeMs: 0,
    errorCode: header.apiVersion >= 3 ? code.none : (errors[0] ?? code.none),
    members: leaving.map(({ memberId, instanceId }, index) => ({ memberId, groupInstanceId: instanceId ?? null, errorCode: errors[index] ?? code.unknownMemberId })),
  };
});

export const offsetCommitRoute = route(offsetCommit, async (services, client, request) => {
  const { coordinator, database, clock, cluster } = services;
  const all = (errorCode: number) => ({
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partition }) => ({ partition, errorCode })) })),
  });
  const refused = refusal(services, request.groupId);
  if (refused !== code.none) return all(refused);
  const group = coordinator.present(client.reader, request.groupId);
  const alone = request.generationId < 0 && request.memberId === '';
  const error = group?.checkCommit(request.memberId, request.groupInstanceId ?? undefined, request.generationId) ?? (alone ? code.none : code.unknownMemberId);
  if (error !== code.none) return all(error);
  const now = clock.now();
  if (alone) {
    const made = await coordinator.ensure(client.reader, request.groupId, now);
    if (made !== 'written') return all(made === 'full' ? code.policyViolation : code.notCoordinator);
  }
  const offsets: store.CommittedOffset[] = [];
  const topics = [];
  for (const { name, partitions } of request.topics) {
    const workspaceId = workspaceOfTopic(name);
    const known = workspaceId !== undefined && (await topicExists(services, client.reader, workspaceId));
    const marks = known ? await services.watermarks.of({ tenantId: client.reader.tenantId, workspaceId }) : undefined;
    topics.push({
      name,
      partitions: partitions.map(({ partition, committedOffset: given, committedMetadata }) => {
        // Some clients commit "the beginning" and "the end" by the numbers that ListOffsets has for them.
        const committedOffset = given === -2 ? (marks?.first[partition] ?? given) : given === -1 ? (marks?.next[partition] ?? given) : given;
        let errorCode: number = code.none;
        if (workspaceId !== undefined && !mayRead(client.reader, workspaceId)) errorCode = code.topicAuthorizationFailed;
        else if (!known || partition < 0 || partition >= cluster.partitions()) errorCode = code.unknownTopicOrPartition;
        else if ((committedMetadata ?? '').length > limits.kafkaMetadataCharacters.value) errorCode = code.offsetMetadataTooLarge;
        else if (committedOffset < 0 || !Number.isSafeInteger(committedOffset)) errorCode = code.offsetOutOfRange;
        // NUL is the one character that PostgreSQL's text cannot hold.
        else if (workspaceId !== undefined) offsets.push({ workspaceId, partition, offset: committedOffset, metadata: (committedMetadata ?? '').replaceAll('\0', '') });
        return { partition, errorCode };
      }),
    });
  }
  const fence = coordinator.fence();
  // One row a partition: a request that names one twice means the last.
  const last = [...new Map(offsets.map((one) => [`${one.workspaceId}/${one.partition}`, one])).values()];
  if (fence === undefined || (last.length > 0 && !(await store.commitOffsets(database, fence, client.reader.userId, request.groupId, last, now)))) return all(code.notCoordinator);
  return { throttleTimeMs: 0, topics };
});

export const offsetFetchRoute = route(offsetFetch, async (services, client, request, header) => {
  async function fetchOf(groupId: string, wanted: readonly { readonly name: string; readonly partitions: readonly number[] }[] | null) {
    const errorCode = refusal(services, groupId);
    if (errorCode !== code.none) return { groupId, errorCode, topics: [] };
    const present = await store.readOffsets(services.database, client.reader.userId, groupId);
    const find = (workspaceId: number | undefined, partition: number) => present.find((one) => one.workspaceId === workspaceId && one.partition === partition);
    const every = [...Map.groupBy(present.filter((one) => mayRead(client.reader, one.workspaceId)), (one) => one.workspaceId)].map(([workspaceId, list]) => ({
      name: topicName(workspaceId),
      partitions: list.map((one) => one.partition),
    }));
    return {
      groupId,
      errorCode,
      topics: (wanted ?? every).map(({ name, partitions }) => {
        const workspaceId = workspaceOfTopic(name);
        const hidden = workspaceId !== undefined && !mayRead(client.reader, workspaceId);
        return {
          name,
          partitions: partitions.map((partition) => {
            const found = hidden ? undefined : find(workspaceId, partition);
            return {
              partition,
              committedOffset: found?.offset ?? -1,
              committedLeaderEpoch: found === undefined ? -1 : 0,
              metadata: found?.metadata ?? '',
              errorCode: hidden ? code.topicAuthorizationFailed : code.none,
            };
          }),
        };
      }),
    };
  }
  if (header.apiVersion >= 8) return { throttleTimeMs: 0, topics: [], errorCode: code.none, groups: await Promise.all(request.groups.map((one) => fetchOf(one.groupId, one.topics))) };
  const { errorCode, topics } = await fetchOf(request.groupId, request.topics);
  // Version 1 has no place for an error of the whole.
  const single = errorCode !== code.none && header.apiVersion < 2;
  return {
    throttleTimeMs: 0,
    topics: single
      ? (request.topics ?? []).map(({ name, partitions }) => ({ name, partitions: partitions.map((partition) => ({ partition, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode })) }))
      : topics,
    errorCode,
    groups: [],
  };
});

export const offsetDeleteRoute = route(offsetDelete, async (services, client, request) => {
  const fail = (errorCode: number) => ({ errorCode, throttleTimeMs: 0, topics: [] });
  const refused = refusal(services, request.groupId);
  if (refused !== code.none) return fail(refused);
  const { userId } = client.reader;
  const groups = await store.listGroupsOfUser(services.database, userId, services.clock.now());
  if (!groups.some((one) => one.group_id === request.groupId)) return fail(code.groupIdNotFound);
  // Which topics the members read is between them; so none may be there.
  const busy = services.coordinator.present(client.reader, request.groupId)?.idle() === false;
  const places = request.topics.flatMap(({ name, partitions }) => {
    const workspaceId = workspaceOfTopic(name);
    return workspaceId === undefined || !mayRead(client.reader, workspaceId) ? [] : partitions.map(({ partition }) => ({ workspaceId, partition }));
  });
  if (!busy) await store.deleteOffsets(services.database, userId, request.groupId, places);
  return {
    errorCode: code.none,
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, partitions }) => {
      const workspaceId = workspaceOfTopic(name);
      const error = workspaceId === undefined ? code.unknownTopicOrPartition : mayRead(client.reader, workspaceId) ? code.none : code.topicAuthorizationFailed;
      return { name, partitions: partitions.map(({ partition }) => ({ partition, errorCode: busy && error === code.none ? code.groupSubscribedToTopic : error })) };
    }),
  };
});

export const deleteGroupsRoute = route(deleteGroups, async (services, client, request) => {
  const results = [];
  for (const groupId of request.groupIds) {
    let errorCode = refusal(services, groupId);
    const group = services.coordinator.present(client.reader, groupId);
    // The last member's leaving may still be on its way to the row, and would bring it back.
    await group?.settled();
    if (errorCode === code.none && group?.idle() === false) errorCode = code.nonEmptyGroup;
    if (errorCode === code.none && !(await store.deleteGroup(services.database, client.reader.userId, groupId))) errorCode = code.groupIdNotFound;
    results.push({ groupId, errorCode });
  }
  return { throttleTimeMs: 0, results };
});

/** DESCRIBE, READ and DELETE, as bits. */
const GROUP_OPERATIONS = (1 << 3) | (1 << 6) | (1 << 8);
const UNASKED = -2_147_483_648;

export const describeGroupsRoute = route(describeGroups, async (services, client, request) => {
  const { database, clock, coordinator } = services;
  const known = await store.listGroupsOfUser(database, client.reader.userId, clock.now());
  return {
    throttleTimeMs: 0,
    groups: request.groups.map((groupId) => {
      const errorCode = refusal(services, groupId);
      const group = coordinator.present(client.reader, groupId)?.describe();
      const row = known.find((one) => one.group_id === groupId);
      const state = errorCode !== code.none ? '' : (group?.state ?? (row === undefined ? 'Dead' : 'Empty'));
      return {
        errorCode,
        groupId,
        groupState: state,
        protocolType: group?.protocolType ?? row?.protocol_type ?? '',
        protocolData: group?.protocol ?? '',
        members: (group?.members ?? []).map((one) => ({
          memberId: one.memberId,
          groupInstanceId: one.instanceId ?? null,
          clientId: one.clientId,
          clientHost: `/${one.clientHost}`,
          memberMetadata: one.metadata,
          memberAssignment: one.assignment,
        })),
        authorizedOperations: request.includeAuthorizedOperations ? GROUP_OPERATIONS : UNASKED,
      };
    }),
  };
});

export const listGroupsRoute = route(listGroups, async (services, client, request) => {
  // Each broker lists the groups that it coordinates.
  const mine = services.coordinator.fence() === undefined ? [] : await store.listGroupsOfUser(services.database, client.reader.userId, services.clock.now());
  const groups = mine
    .map((row) => ({ groupId: row.group_id, protocolType: row.protocol_type, groupState: services.coordinator.present(client.reader, row.group_id)?.state() ?? 'Empty', groupType: 'classic' }))
    .filter((one) => request.statesFilter.length === 0 || request.statesFilter.some((state) => state.toLowerCase() === one.groupState.toLowerCase()))
    .filter(() => request.typesFilter.length === 0 || request.typesFilter.some((type) => type.toLowerCase() === 'classic'));
  return { throttleTimeMs: 0, errorCode: code.none, groups };
});
