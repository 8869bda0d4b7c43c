import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { eventByType } from '../../../contract/index.ts';
import type { Change } from '../../kernel/change.ts';
import { isUniqueViolation } from '../../kernel/database.ts';
import { ApiError, invalid, missing, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import * as groups from '../kafka/group-store.ts';
import type { KafkaListener } from '../kafka/listener.ts';
import { topicOf } from '../kafka-cluster/names.ts';
import type { KafkaRelay } from '../kafka-cluster/relay.ts';
import { readRelay } from '../kafka-cluster/store.ts';
import { deriveVerifiers } from '../kafka/sasl.ts';
import * as store from '../kafka/store.ts';
import { ALL, mayRead, TENANT, topicName, workspaceOfTopic, type Stream } from '../kafka/topics.ts';
import * as users from '../kafka/user-store.ts';
import { sightOf } from '../visibility.ts';
import type { OpenEventContext } from './context.ts';
import { moment } from './events.ts';

type Actions = `${'Create' | 'Delete'}KafkaUser` | 'GetKafkaAccess' | `${'Get' | 'Reset'}KafkaUserPassword` | 'ListKafkaUsers' | 'ListConsumerGroups' | 'ResetConsumerGroupOffsets';

const PASSWORD_CHARACTERS = 32;

function show(row: users.KafkaUserRow) {
  return {
    KafkaUserId: row.id,
    Name: row.name,
    UserName: row.login,
    AllProjects: row.workspaces === null,
    ProjectIds: row.workspaces ?? [],
    TenantEvents: row.tenant_events,
    Types: row.types,
    CreateUserId: row.created_by,
    CreateTime: row.created_at.getTime(),
    ModifyTime: row.modified_at.getTime(),
  };
}

/** Closes the user's connections, in all processes. */
function announce(change: Change, userId: number): void {
  change.touch(`kafka-user:${userId}`);
  change.notify('millrace_cache', `${users.USER_PREFIX}${userId}`);
}

/** The built-in Kafka listener as its owners see it: how to reach it, its users, their groups. */
export function kafkaOperations(context: OpenEventContext, listener: KafkaListener | undefined, cluster?: Pick<KafkaRelay, 'brokers' | 'users'>): Pick<Handlers<Operations>, Actions> {
  const { clock, directory, ids, secrets } = context;

  function seal(userId: number, password: string): { password: string; verifiers: string } {
    return { password: secrets.seal(password, users.passwordPurpose(userId)), verifiers: secrets.seal(JSON.stringify(deriveVerifiers(password)), users.verifierPurpose(userId)) };
  }

  async function create(call: Call, request: Operations['CreateKafkaUser']['request']) {
    const name = request.Name.trim();
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw invalid('Name', 'it must be letters, digits, -, _ and . and begin with a letter or digit');
    const unknown = request.Types?.find((type) => !eventByType.has(type));
    if (unknown !== undefined) throw invalid('Types', `there is no event type ${unknown}; ListEventTypes tells all`);
    const workspaces = request.ProjectIds === undefined ? null : [...new Set(request.ProjectIds)];
    if (workspaces !== null && workspaces.length > limits.workspacesPerTenant.value) throw invalid('ProjectIds', `they are more than ${limits.workspacesPerTenant.value}`);
    for (const id of workspaces ?? []) if ((await directory.find(call.tenantId, id)) === undefined) throw new ApiError('WorkspaceNotFound', { id });
    // The name is the tenant's own; what the client sends must be one of a kind on the server.
    const login = `${name}@${call.tenantId}`;
    const password = ids.text(PASSWORD_CHARACTERS);
    const answer = await call
      .change(async (change) => {
        if ((await users.lockUsers(change, call.tenantId)) >= limits.kafkaUsersPerTenant.value) {
          throw new ApiError('TooMany', { kind: 'KafkaUser', label: 'Kafka users of a tenant', limit: limits.kafkaUsersPerTenant.value });
        }
        const id = await users.nextUserId(change);
        const row = { id, tenant_id: call.tenantId, name, login, workspaces, tenant_events: request.TenantEvents ?? true, types: [...new Set(request.Types)], created_by: call.caller.userId };
        await users.insertUser(change, { ...row, ...seal(id, password) }, change.now);
        change.touch(`kafka-user:${id}`);
        return { KafkaUserId: id, UserName: login };
      })
      .catch((error: unknown) => {
        throw isUniqueViolation(error, 'kafka_user_name') ? new ApiError('AlreadyExists', { kind: 'KafkaUser', label: 'Kafka user', id: name }) : error;
      });
    // Beside the change, whose answer may be kept for a repeated request: then the password is another, so it is read back.
    const row = await users.findUser(call.db, call.tenantId, answer.KafkaUserId);
    return { ...answer, Password: row === undefined ? password : secrets.open(row.password, users.passwordPurpose(row.id)) };
  }

  /** Where each partition of a topic is to be read on. */
  async function target(call: Call, stream: Stream, partitions: number, request: Operations['ResetConsumerGroupOffsets']['request']): Promise<number[]> {
    const ends = new Map((await store.listTopicOffsets(call.db, stream.tenantId, [stream.workspaceId])).map((row) => [row.partition, row]));
    const cursor = request.To === 'Cursor' ? decodeCursor(request.Cursor ?? '') : undefined;
    const time = request.To === 'Time' ? moment(request.Time, 'Time') : undefined;
    const one = async (partition: number): Promise<number> => {
      const end = ends.get(partition);
      if (end === undefined) return 0;
      if (request.To === 'Earliest') return end.earliest;
      if (request.To === 'Latest') return end.latest;
      if (time !== undefined) return (await store.offsetAtTime(call.db, stream, partition, time))?.offset ?? end.latest;
      return cursor === undefined ? end.latest : ((await store.offsetAtCursor(call.db, stream, partition, cursor)) ?? end.latest);
    };
    return Promise.all(Array.from({ length: partitions }, (_, partition) => one(partition)));
  }

  async function reset(call: Call, request: Operations['ResetConsumerGroupOffsets']['request']) {
    if (request.To === 'Time' && request.Time === undefined) throw missing('Time');
    if (request.To === 'Cursor' && request.Cursor === undefined) throw missing('Cursor');
    const user = await users.findUser(call.db, call.tenantId, request.KafkaUserId);
    if (user === undefined) throw notFound('KafkaUser', request.KafkaUserId, 'Kafka user');
    const named = request.Topic === undefined ? undefined : workspaceOfTopic(request.Topic);
    const reader = { userId: user.id, tenantId: user.tenant_id, login: user.login, workspaces: user.workspaces === null ? undefined : new Set(user.workspaces), tenantEvents: user.tenant_events, types: undefined };
    if (request.Topic !== undefined && (named === undefined || !mayRead(reader, named))) throw invalid('Topic', `${user.login} reads no topic ${request.Topic}`);
    const known = await groups.readOffsets(call.db, user.id, request.GroupId);
    const workspaces = named === undefined ? [...new Set(known.map((one) => one.workspaceId))] : [named];
    const { partitions } = await store.readCoordinator(call.db, clock.now());
    const offsets: groups.CommittedOffset[] = [];
    for (const workspaceId of workspaces) {
      const places = await target(call, { tenantId: call.tenantId, workspaceId }, partitions, request);
      for (const [partition, offset] of places.entries()) offsets.push({ workspaceId, partition, offset, metadata: '' });
    }
    return call.change(async (change) => {
      const group = await groups.lockGroup(change, user.id, request.GroupId, change.now);
      if (group === undefined) throw notFound('ConsumerGroup', request.GroupId, 'consumer group');
      if (group.members > 0) throw new ApiError('WrongState', { kind: 'ConsumerGroup', label: 'The consumer group', id: request.GroupId, reason: 'it has members; stop its consumers first.' });
      await groups.setOffsets(change, user.id, request.GroupId, offsets, change.now);
      change.touch(`kafka-group:${user.id}:${request.GroupId}`);
      return { Offsets: offsets.map((one) => ({ Topic: topicName(one.workspaceId), Partition: one.partition, Offset: one.offset })) };
    });
  }

  async function clusterState(call: Call, shown: readonly number[], relay: Pick<KafkaRelay, 'brokers' | 'users'>) {
    const now = clock.now();
    const state = await readRelay(call.db, now, limits.kafkaClusterLagCount.value);
    return {
      BootstrapServers: relay.brokers.join(','),
      Connected: state.connected,
      LagCount: state.lag,
      LagSeconds: state.oldest === null ? 0 : Math.max(0, Math.round((now.getTime() - state.oldest.getTime()) / 1_000)),
      Cursor: encodeCursor({ position: state.position, id: state.row_id }),
      RelayTime: state.relayed_at?.getTime(),
      LastError: state.last_error ?? undefined,
      LastErrorTime: state.last_error_at?.getTime(),
      UsersMirrored: relay.users,
      TopicNames: shown.map((id) => topicOf(call.tenantId, id, state.plain_tenant ?? call.tenantId)),
    };
  }

  async function access(call: Call, request: Operations['GetKafkaAccess']['request']) {
    const page = readPage(request);
    const sight = sightOf(call, directory);
    const present = await store.listStreams(call.db, call.tenantId);
    const every = [...new Set([ALL, TENANT, ...present])].filter((id) => request.ProjectId === undefined || id === request.ProjectId);
    const seen = await Promise.all(every.map((id) => sight.workspace(id > 0 ? id : undefined)));
    const visible = every.filter((_, index) => seen[index]).toSorted((a, b) => a - b);
    const shown = visible.slice(page.offset, page.offset + page.size);
    const offsets = await store.listTopicOffsets(call.db, call.tenantId, shown);
    const brokers = await store.listBrokers(call.db, clock.now());
    const coordinator = await store.readCoordinator(call.db, clock.now());
    return {
      PagingInfo: {
        ...pageCounters(page, visible.length),
        Enabled: brokers.length > 0,
        BootstrapServers: brokers.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)).join(','),
        SecurityProtocol: listener?.securityProtocol,
        SaslMechanisms: [...(listener?.mechanisms ?? [])],
        Brokers: brokers.map((one) => ({ NodeId: one.nodeId, Host: one.host, Port: one.port, Coordinator: one.nodeId === coordinator.nodeId })),
        Cluster: cluster === undefined ? undefined : await clusterState(call, shown, cluster),
        Topics: shown.map((id) => ({
          Topic: topicName(id),
          ProjectId: id > 0 ? id : undefined,
          Partitions: Array.from({ length: coordinator.partitions }, (_, Partition) => {
            const row = offsets.find((one) => one.workspace_id === id && one.partition === Partition);
            return { Partition, EarliestOffset: row?.earliest ?? 0, LatestOffset: row?.latest ?? 0 };
          }),
        })),
      },
    };
  }

  return {
    CreateKafkaUser: { access: inTenant('write-open-platform'), handle: create },

    DeleteKafkaUser: {
      access: inTenant('write-open-platform'),
      handle: (call, request) =>
        call.change(async (change) => {
          if (!(await users.deleteUser(change, call.tenantId, request.KafkaUserId))) throw notFound('KafkaUser', request.KafkaUserId, 'Kafka user');
          announce(change, request.KafkaUserId);
          return {};
        }),
    },

    ListKafkaUsers: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        const rows = await users.listUsers(call.db, call.tenantId, request.Keyword, page.offset, page.size);
        return { PagingInfo: { ...pageCounters(page, await users.countUsers(call.db, call.tenantId, request.Keyword)), KafkaUsers: rows.map(show) } };
      },
    },

    GetKafkaUserPassword: {
      access: inTenant('write-open-platform'),
      async handle(call, request) {
        const row = await users.findUser(call.db, call.tenantId, request.KafkaUserId);
        if (row === undefined) throw notFound('KafkaUser', request.KafkaUserId, 'Kafka user');
        // Who has looked at a password stands in the audit.
        await call.change(async (change) => change.touch(`kafka-user:${row.id}`));
        return { UserName: row.login, Password: secrets.open(row.password, users.passwordPurpose(row.id)) };
      },
    },

    ResetKafkaUserPassword: {
      access: inTenant('write-open-platform'),
      async handle(call, request) {
        const password = ids.text(PASSWORD_CHARACTERS);
        const { UserName } = await call.change(async (change) => {
          const row = await users.lockUser(change, call.tenantId, request.KafkaUserId);
          if (row === undefined) throw notFound('KafkaUser', request.KafkaUserId, 'Kafka user');
          const sealed = seal(row.id, password);
          await users.updatePassword(change, row.id, sealed.password, sealed.verifiers, change.now);
          announce(change, row.id);
          return { UserName: row.login };
        });
        return { UserName, Password: password };
      },
    },

    GetKafkaAccess: { access: inTenant('member'), handle: access },

    ListConsumerGroups: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        const rows = await groups.listGroups(call.db, call.tenantId, clock.now(), request.KafkaUserId, page.offset, page.size);
        const lag = await groups.readLag(call.db, rows);
        return {
          PagingInfo: {
            ...pageCounters(page, await groups.countGroups(call.db, call.tenantId, request.KafkaUserId)),
            ConsumerGroups: rows.map((row) => {
              const offsets = lag
                .filter((one) => one.user_id === row.user_id && one.group_id === row.group_id)
                .map((one) => ({
                  Topic: topicName(one.workspace_id),
                  Partition: one.partition,
                  CommittedOffset: one.committed_offset,
                  LatestOffset: one.next_offset,
                  LagCount: Math.max(0, one.next_offset - one.committed_offset),
                  CommitTime: one.committed_at.getTime(),
                }));
              return {
                KafkaUserId: row.user_id,
                UserName: row.login,
                GroupId: row.group_id,
                Status: row.state,
                MemberCount: row.members,
                LagCount: offsets.reduce((sum, one) => sum + one.LagCount, 0),
                ModifyTime: row.modified_at.getTime(),
                Offsets: offsets,
              };
            }),
          },
        };
      },
    },

    ResetConsumerGroupOffsets: { access: inTenant('write-open-platform'), handle: reset },
  };
}
