import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { createGroup, type Group } from './groups.ts';
import { writeGroup, type Fence } from './group-store.ts';
import type { Reader } from './topics.ts';

/** The consumer groups of all users, while this process coordinates them. */
export interface Coordinator {
  /** Begins without groups; members of before find no place any more and join again. */
  begin(epoch: number): void;
  end(): void;
  /** Undefined while another process coordinates. */
  fence(): Fence | undefined;
  /** The group; a new one is made in memory, and written down when somebody joins it. Undefined when there are too many. */
  group(reader: Reader, groupId: string): Group | undefined;
  /** The group, if it is in memory. */
  present(reader: Reader, groupId: string): Group | undefined;
  /** Writes an empty group down, for offsets that are committed by hand. */
  ensure(reader: Reader, groupId: string, now: Date): Promise<'written' | 'fenced' | 'full'>;
}

export function createCoordinator(options: { readonly database: Database; readonly clock: Clock; readonly newId: () => string; readonly owner: string; readonly mostGroups: number }): Coordinator {
  const { database, clock, newId, owner, mostGroups } = options;
  const groups = new Map<string, Group>();
  let epoch: number | undefined;
  const keyOf = (reader: Reader, groupId: string) => `${reader.userId}/${groupId}`;

  return {
    begin(now) {
      epoch = now;
    },
    end() {
      epoch = undefined;
      for (const group of groups.values()) group.end();
      groups.clear();
    },
    fence: () => (epoch === undefined ? undefined : { owner, epoch }),
    group(reader, groupId) {
      if (epoch === undefined) return undefined;
      const key = keyOf(reader, groupId);
      let group = groups.get(key);
      if (group !== undefined) return group;
      const mine = [...groups.keys()].filter((one) => one.startsWith(`${reader.userId}/`));
      if (mine.length >= mostGroups) for (const one of mine) if (groups.get(one)?.idle() === true) groups.delete(one);
      if (mine.length >= mostGroups && mine.every((one) => groups.has(one))) return undefined;
      const fence = { owner, epoch };
      const { tenantId, userId } = reader;
      group = createGroup({
        clock,
        newId,
        save: (state, members, protocolType) => writeGroup(database, fence, { tenantId, userId, groupId, protocolType, state, members }, mostGroups, clock.now()),
      });
      groups.set(key, group);
      return group;
    },
    present: (reader, groupId) => groups.get(keyOf(reader, groupId)),
    async ensure({ tenantId, userId }, groupId, now) {
      if (epoch === undefined) return 'fenced';
      return writeGroup(database, { owner, epoch }, { tenantId, userId, groupId, protocolType: '', state: 'Empty', members: 0 }, mostGroups, now);
    },
  };
}
