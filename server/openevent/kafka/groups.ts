import type { Clock } from '../../kernel/clock.ts';
import { limits } from '../../kernel/limits.ts';
import { code } from './protocol/errors.ts';
import type { GroupState, GroupWrite } from './group-store.ts';

/**
 * States of a consumer group, as Kafka has them:
 *
 *   Empty                 nobody is in it; its offsets stay
 *   PreparingRebalance    waits for the members to join again, at most the longest rebalance timeout
 *   CompletingRebalance   waits for the leader's assignment
 *   Stable                everybody has an assignment and sends heartbeats
 *
 *   Empty -> PreparingRebalance -> CompletingRebalance -> Stable -> PreparingRebalance
 *   CompletingRebalance -> PreparingRebalance (somebody joins or is lost)      any -> Empty (the last one is gone)
 *
 * Whether members give up everything before a rebalance (eager) or keep what they had (cooperative) is between the clients;
 * for the coordinator both are the same.
 */
export interface JoinRequest {
  readonly memberId: string;
  readonly instanceId: string | undefined;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocolType: string;
  readonly protocols: readonly { readonly name: string; readonly metadata: Buffer }[];
  /** Newer clients take a member id first and join with it then, so that one that never comes back leaves nothing behind. */
  readonly idFirst: boolean;
}

export interface JoinAnswer {
  readonly error: number;
  readonly generation: number;
  readonly memberId: string;
  readonly leader: string;
  readonly protocolType: string | null;
  readonly protocol: string | null;
  readonly members: readonly { readonly memberId: string; readonly instanceId: string | undefined; readonly metadata: Buffer }[];
  readonly skipAssignment: boolean;
}

export interface SyncAnswer {
  readonly error: number;
  readonly protocolType: string | null;
  readonly protocol: string | null;
  readonly assignment: Buffer;
}

interface Member {
  id: string;
  readonly instanceId: string | undefined;
  clientId: string;
  clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocols: JoinRequest['protocols'];
  assignment: Buffer;
  /** Answers the join that waits. */
  join: ((answer: JoinAnswer) => void) | undefined;
  sync: ((answer: SyncAnswer) => void) | undefined;
  cancelSession: () => void;
}

export interface DescribedGroup {
  readonly state: GroupState;
  readonly protocolType: string;
  readonly protocol: string;
  readonly members: readonly { readonly memberId: string; readonly instanceId: string | undefined; readonly clientId: string; readonly clientHost: string; readonly metadata: Buffer; readonly assignment: Buffer }[];
}

const NOTHING = Buffer.alloc(0);
/** Member ids given out and not joined with yet, in one group. */
const MOST_PENDING = 1_000;
/** How long a group that had no members waits for more of them to come, so that five that start together share one rebalance. */
const INITIAL_DELAY_MS = 100;

export interface Group {
  join(request: JoinRequest): Promise<JoinAnswer>;
  sync(memberId: string, instanceId: string | undefined, generation: number, protocolType: string | null, protocol: string | null, assignments: readonly { memberId: string; assignment: Buffer }[]): Promise<SyncAnswer>;
  heartbeat(memberId: string, instanceId: string | undefined, generation: number): number;
  /** Takes members out; answers the error of each. */
  leave(members: readonly { memberId: string; instanceId: string | undefined }[]): number[];
  /** Whether a commit of the member is right now: an error code. */
  checkCommit(memberId: string, instanceId: string | undefined, generation: number): number;
  describe(): DescribedGroup;
  state(): GroupState;
  /** True when forgetting the group loses nothing. */
  idle(): boolean;
  /** Resolves when every state up to now is written down, or could not be. */
  settled(): Promise<unknown>;
  /** Answers all who wait that the coordinator is another. */
  end(): void;
}

export interface GroupOptions {
  readonly clock: Clock;
  readonly newId: () => string;
  /** Writes the state down; the first member is let in when this has resolved. */
  readonly save: (state: GroupState, members: number, protocolType: string) => Promise<GroupWrite>;
}

/** A group without members. Kept in memory by its coordinator alone; when that ends, the members join again at the next one. */
export function createGroup(options: GroupOptions): Group {
  const { clock, newId } = options;
  const members = new Map<string, Member>();
  const instances = new Map<string, string>();
  const pending = new Map<string, () => void>();
  let state: GroupState = 'Empty';
  let generation = 0;
  let protocolType = '';
  let protocol = '';
  let leader = '';
  let cancelRebalance = () => {};
  let ended = false;
  /** The first members of an empty group wait for one write. */
  let opening: Promise<GroupWrite> | undefined;
  let writing: Promise<unknown> = Promise.resolve();

  const refuse = (error: number, memberId: string): JoinAnswer => ({ error, generation: -1, memberId, leader: '', protocolType: null, protocol: '', members: [], skipAssignment: false });
  const failSync = (error: number): SyncAnswer => ({ error, protocolType: null, protocol: null, assignment: NOTHING });

  /** One write after the other, so that an old state never covers a newer one. */
  function write(next: () => Promise<GroupWrite>): Promise<GroupWrite> {
    const before = writing;
    const done = (async () => {
      await before;
      return next();
    })();
    writing = done.catch(() => undefined);
    return done;
  }

  /** Only for the eyes of others; what must be written before going on waits for its write. */
  function save(): void {
    write(() => options.save(state, members.size, protocolType)).catch(() => {});
  }

  function watch(member: Member): void {
    member.cancelSession();
    member.cancelSession = clock.after(member.sessionTimeoutMs, () => {
      // One that waits for an answer of ours is not silent.
      if (member.join !== undefined || member.sync !== undefined) watch(member);
      else remove(member, true);
    });
  }

  function remove(member: Member, rebalance: boolean): void {
    member.cancelSession();
    if (members.get(member.id) === member) members.delete(member.id);
    if (member.instanceId !== undefined && instances.get(member.instanceId) === member.id) instances.delete(member.instanceId);
    member.join?.(refuse(code.unknownMemberId, member.id));
    member.sync?.(failSync(code.unknownMemberId));
    member.join = undefined;
    member.sync = undefined;
    if (leader === member.id) leader = members.keys().next().value ?? '';
    if (!rebalance) return;
    if (state === 'Stable' || state === 'CompletingRebalance') prepare();
    else if (state === 'PreparingRebalance') completeIfAll();
  }

  /** Calls everybody to join again. */
  function prepare(): void {
    for (const member of members.values()) {
      member.sync?.(failSync(code.rebalanceInProgress));
      member.sync = undefined;
    }
    const first = state === 'Empty';
    state = 'PreparingRebalance';
    cancelRebalance();
    const longest = Math.max(0, ...[...members.values()].map((member) => member.rebalanceTimeoutMs));
    cancelRebalance = clock.after(first ? Math.min(INITIAL_DELAY_MS, longest) : longest, complete);
    opened = !first;
    completeIfAll();
  }
  /** False while an empty group waits for more to come; then nobody knows who "all" are. */
  let opened = true;

  function completeIfAll(): void {
    if (state !== 'PreparingRebalance' || !opened) return;
    if ([...members.values()].every((member) => member.join !== undefined) && pending.size === 0) complete();
  }

  function complete(): void {
    if (state !== 'PreparingRebalance' || ended) return;
    cancelRebalance();
    opened = true;
    for (const member of members.values()) {
      // Static members keep their place until their session ends.
      if (member.join === undefined && member.instanceId === undefined) remove(member, false);
    }
    if (members.size === 0) {
      state = 'Empty';
      generation += 1;
      protocol = '';
      leader = '';
      save();
      return;
    }
    if (![...members.values()].some((member) => member.join !== undefined)) {
      // Only static members, and none has come: wait on.
      cancelRebalance = clock.after(Math.max(...[...members.values()].map((member) => member.rebalanceTimeoutMs)), complete);
      return;
    }
    generation += 1;
    protocol = choose();
    const present = members.get(leader);
    if (present?.join === undefined) leader = [...members.values()].find((member) => member.join !== undefined)?.id ?? '';
    state = 'CompletingRebalance';
    for (const member of members.values()) {
      const { join } = member;
      member.join = undefined;
      watch(member);
      join?.({
        error: code.none,
        generation,
        memberId: member.id,
        leader,
        protocolType,
        protocol,
        members: member.id === leader ? [...members.values()].map((one) => ({ memberId: one.id, instanceId: one.instanceId, metadata: metadataOf(one) })) : [],
        skipAssignment: false,
      });
    }
    // A leader that never sends its assignment must not hold the others for ever.
    const longest = Math.max(...[...members.values()].map((member) => member.rebalanceTimeoutMs));
    cancelRebalance = clock.after(longest, () => {
      if (state !== 'CompletingRebalance') return;
      for (const member of members.values()) if (member.sync === undefined && member.instanceId === undefined) remove(member, false);
      if (members.size > 0) prepare();
      else {
        state = 'Empty';
        save();
      }
    });
    save();
  }

  function metadataOf(member: Member): Buffer {
    return member.protocols.find((one) => one.name === protocol)?.metadata ?? NOTHING;
  }

  /** The protocol that all have and most like best. */
  function choose(): string {
    const all = [...members.values()];
    const common = (all[0]?.protocols ?? []).map((one) => one.name).filter((name) => all.every((member) => member.protocols.some((one) => one.name === name)));
    const votes = new Map<string, number>();
    for (const member of all) {
      const vote = member.protocols.find((one) => common.includes(one.name))?.name;
      if (vote !== undefined) votes.set(vote, (votes.get(vote) ?? 0) + 1);
    }
    return [...votes].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? '';
  }

  /** A member by id and instance, or the error that says why not. */
  function find(memberId: string, instanceId: string | undefined): Member | number {
    if (instanceId !== undefined) {
      const present = instances.get(instanceId);
      if (present === undefined) return code.unknownMemberId;
      if (memberId !== '' && present !== memberId) return code.fencedInstanceId;
    }
    return members.get(memberId) ?? code.unknownMemberId;
  }

  function supports(request: JoinRequest): boolean {
    if (members.size === 0) return request.protocols.length > 0 && request.protocolType !== '';
    if (request.protocolType !== protocolType) return false;
    return request.protocols.some((offered) => [...members.values()].every((member) => member.id === request.memberId || member.protocols.some((one) => one.name === offered.name)));
  }

  function same(a: JoinRequest['protocols'], b: JoinRequest['protocols']): boolean {
    return a.length === b.length && a.every((one, index) => one.name === b[index]?.name && one.metadata.equals(b[index].metadata));
  }

  function reserve(request: JoinRequest): JoinAnswer {
    const id = `${request.clientId}-${newId()}`;
    if (pending.size >= MOST_PENDING) return refuse(code.groupMaxSizeReached, '');
    const cancel = clock.after(request.sessionTimeoutMs, () => {
      pending.delete(id);
      completeIfAll();
    });
    pending.set(id, cancel);
    return refuse(code.memberIdRequired, id);
  }

  function update(member: Member, request: JoinRequest): void {
    member.protocols = request.protocols;
    member.sessionTimeoutMs = request.sessionTimeoutMs;
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
    member.clientId = request.clientId;
    member.clientHost = request.clientHost;
  }

  async function join(request: JoinRequest): Promise<JoinAnswer> {
    if (ended) return refuse(code.notCoordinator, request.memberId);
    if (!supports(request)) return refuse(code.inconsistentGroupProtocol, request.memberId);
    const { memberId, instanceId } = request;
    const known = instanceId === undefined ? undefined : instances.get(instanceId);
    if (memberId !== '') {
      if (instanceId !== undefined && known !== undefined && known !== memberId) return refuse(code.fencedInstanceId, memberId);
      if (!members.has(memberId) && !pending.has(memberId)) return refuse(code.unknownMemberId, memberId);
    } else if (instanceId === undefined && request.idFirst) {
      return reserve(request);
    }
    if (members.size >= limits.kafkaGroupMembers.value && !members.has(memberId) && known === undefined) return refuse(code.groupMaxSizeReached, memberId);

    // The group must be known as taken before anybody gets an assignment, so that offsets set from outside cannot come between.
    if (members.size === 0) {
      protocolType = request.protocolType;
      opening ??= write(() => options.save('PreparingRebalance', 1, protocolType)).finally(() => {
        opening = undefined;
      });
      const written = await opening;
      if (written === 'full') return refuse(code.policyViolation, memberId);
      if (written === 'fenced' || ended) return refuse(code.notCoordinator, memberId);
      if (!supports(request)) return refuse(code.inconsistentGroupProtocol, memberId);
    }

    pending.get(memberId)?.();
    pending.delete(memberId);
    let member = members.get(memberId === '' ? (known ?? '') : memberId);
    if (memberId === '' && member !== undefined) return replace(member, request);
    const changed = member === undefined || !same(member.protocols, request.protocols);
    if (member === undefined) {
      member = {
        id: memberId === '' ? `${instanceId ?? request.clientId}-${newId()}` : memberId,
        instanceId,
        clientId: request.clientId,
        clientHost: request.clientHost,
        sessionTimeoutMs: request.sessionTimeoutMs,
        rebalanceTimeoutMs: request.rebalanceTimeoutMs,
        protocols: request.protocols,
        assignment: NOTHING,
        join: undefined,
        sync: undefined,
        cancelSession: () => {},
      };
      members.set(member.id, member);
      if (instanceId !== undefined) instances.set(instanceId, member.id);
    } else update(member, request);
    const present = member;
    watch(present);
    // A follower that joins again unchanged in a running generation has only missed the answer.
    if (!changed && ((state === 'Stable' && present.id !== leader) || state === 'CompletingRebalance')) return current(present);
    return new Promise((resolve) => {
      present.join?.(refuse(code.rebalanceInProgress, present.id));
      present.join = resolve;
      if (state === 'PreparingRebalance') completeIfAll();
      else prepare();
    });
  }

  function current(member: Member): JoinAnswer {
    const list = member.id === leader ? [...members.values()].map((one) => ({ memberId: one.id, instanceId: one.instanceId, metadata: metadataOf(one) })) : [];
    return { error: code.none, generation, memberId: member.id, leader, protocolType, protocol, members: list, skipAssignment: false };
  }

  /** A static member has started again: it takes the place of its former self under a new id, without a rebalance if nothing else changed. */
  function replace(member: Member, request: JoinRequest): JoinAnswer | Promise<JoinAnswer> {
    const unchanged = same(member.protocols, request.protocols);
    const wasLeader = leader === member.id;
    member.join?.(refuse(code.fencedInstanceId, member.id));
    member.sync?.(failSync(code.fencedInstanceId));
    member.join = undefined;
    member.sync = undefined;
    members.delete(member.id);
    member.id = `${request.instanceId ?? request.clientId}-${newId()}`;
    members.set(member.id, member);
    if (request.instanceId !== undefined) instances.set(request.instanceId, member.id);
    if (wasLeader) leader = member.id;
    update(member, request);
    watch(member);
    if (unchanged && state === 'Stable') return { ...current(member), skipAssignment: member.id === leader };
    return new Promise((resolve) => {
      member.join = resolve;
      if (state === 'PreparingRebalance') completeIfAll();
      else prepare();
    });
  }

  return {
    join,
    async sync(memberId, instanceId, wanted, type, name, assignments) {
      const member = find(memberId, instanceId);
      if (typeof member === 'number') return failSync(member);
      if (wanted !== generation) return failSync(code.illegalGeneration);
      if ((type !== null && type !== protocolType) || (name !== null && name !== protocol)) return failSync(code.inconsistentGroupProtocol);
      watch(member);
      if (state === 'PreparingRebalance' || state === 'Empty') return failSync(state === 'Empty' ? code.unknownMemberId : code.rebalanceInProgress);
      if (state === 'Stable') return { error: code.none, protocolType, protocol, assignment: member.assignment };
      return new Promise((resolve) => {
        member.sync?.(failSync(code.rebalanceInProgress));
        member.sync = resolve;
        if (member.id !== leader) return;
        const given = new Map(assignments.map((one) => [one.memberId, one.assignment]));
        cancelRebalance();
        state = 'Stable';
        for (const one of members.values()) {
          one.assignment = Buffer.from(given.get(one.id) ?? NOTHING);
          one.sync?.({ error: code.none, protocolType, protocol, assignment: one.assignment });
          one.sync = undefined;
          watch(one);
        }
        save();
      });
    },
    heartbeat(memberId, instanceId, wanted) {
      if (ended) return code.notCoordinator;
      const member = find(memberId, instanceId);
      if (typeof member === 'number') return member;
      if (wanted !== generation) return code.illegalGeneration;
      watch(member);
      return state === 'PreparingRebalance' ? code.rebalanceInProgress : code.none;
    },
    leave(leaving) {
      const errors = leaving.map(({ memberId, instanceId }) => {
        const cancel = pending.get(memberId);
        if (cancel !== undefined) {
          cancel();
          pending.delete(memberId);
          return code.none;
        }
        const member = find(instanceId !== undefined && memberId === '' ? (instances.get(instanceId) ?? '') : memberId, instanceId);
        if (typeof member === 'number') return member;
        remove(member, false);
        return code.none;
      });
      // One rebalance for all who leave together.
      if (state === 'Stable' || state === 'CompletingRebalance') {
        if (members.size > 0) prepare();
        else {
          cancelRebalance();
          state = 'Empty';
          generation += 1;
          protocol = '';
          save();
        }
      } else if (state === 'PreparingRebalance') completeIfAll();
      return errors;
    },
    checkCommit(memberId, instanceId, wanted) {
      // Without a group protocol: somebody who assigns partitions by hand, while nobody is in the group.
      if (wanted < 0 && memberId === '') return members.size === 0 ? code.none : code.unknownMemberId;
      const member = find(memberId, instanceId);
      if (typeof member === 'number') return member;
      if (wanted !== generation) return code.illegalGeneration;
      watch(member);
      return state === 'CompletingRebalance' ? code.rebalanceInProgress : code.none;
    },
    describe: () => ({
      state,
      protocolType,
      protocol: state === 'Stable' ? protocol : '',
      members: [...members.values()].map((one) => ({
        memberId: one.id,
        instanceId: one.instanceId,
        clientId: one.clientId,
        clientHost: one.clientHost,
        metadata: state === 'Stable' ? metadataOf(one) : NOTHING,
        assignment: state === 'Stable' ? one.assignment : NOTHING,
      })),
    }),
    state: () => state,
    settled: () => writing,
    idle: () => members.size === 0 && pending.size === 0 && opening === undefined,
    end() {
      ended = true;
      cancelRebalance();
      for (const cancel of pending.values()) cancel();
      for (const member of members.values()) {
        member.cancelSession();
        member.join?.(refuse(code.notCoordinator, member.id));
        member.sync?.(failSync(code.notCoordinator));
        member.join = undefined;
        member.sync = undefined;
      }
      members.clear();
    },
  };
}
