import type { Change } from '../../kernel/change.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { readId, readPage } from '../dialect.ts';
import { OWNER_ROLE, roleByCode } from './roles.ts';
import { allRoles, deleteMember, insertMember, listMembers, lockMember, lockWorkspace, setMemberRoles, type MemberRow } from './store.ts';

/** The users as identity knows them. */
export interface Users {
  find(userId: number, tenantId: number): Promise<{ readonly id: number; readonly name: string; readonly displayName: string } | undefined>;
}

/** Who belongs to a workspace; both dialects call these. A workspace has one owner, who cannot be added, removed or changed here. */
export interface Members {
  add(change: Change, workspaceId: number, user: string, roles: readonly string[]): Promise<void>;
  remove(change: Change, workspaceId: number, user: string): Promise<void>;
  /** Adding a role that the member has, or taking one away that the member lacks, changes nothing. */
  grant(change: Change, workspaceId: number, user: string, roles: readonly string[]): Promise<void>;
  revoke(change: Change, workspaceId: number, user: string, roles: readonly string[]): Promise<void>;
}

/** Also locks the workspace, so that no role goes while it is given. */
async function checkRoles(change: Change, workspaceId: number, codes: readonly string[]): Promise<void> {
  if ((await lockWorkspace(change, change.actor.tenantId, workspaceId)) === undefined) throw new ApiError('WorkspaceNotFound', { id: workspaceId });
  const own = new Set((await allRoles(change, workspaceId)).map((role) => role.code));
  for (const code of codes) {
    if (!roleByCode.has(code) && !own.has(code)) throw invalid('RoleCode', `there is no role ${code.slice(0, 64)}`);
    if (code === OWNER_ROLE) throw invalid('RoleCode', 'a workspace has one owner, whose role can be neither given nor taken away');
  }
}

export function memberNotFound(user: string | number): ApiError {
  return new ApiError('MemberNotFound', { id: user });
}

export function createMembers(options: { users: Users; announce(change: Change, workspaceId: number): void }): Members {
  const { users, announce } = options;

  async function changeRoles(change: Change, workspaceId: number, user: string, roles: readonly string[], apply: (current: readonly string[]) => readonly string[]): Promise<void> {
    await checkRoles(change, workspaceId, roles);
    const member = await lockMember(change, workspaceId, readId('UserId', user));
    if (member === undefined) throw memberNotFound(user);
    await setMemberRoles(change, workspaceId, member.user_id, apply(member.roles));
    announce(change, workspaceId);
  }

  return {
    async add(change, workspaceId, user, roles) {
      // Its lock also keeps a workspace that is being deleted from gaining members.
      await checkRoles(change, workspaceId, roles);
      const userId = readId('UserId', user);
      if ((await users.find(userId, change.actor.tenantId)) === undefined) throw notFound('User', user);
      const { total } = await listMembers(change, { workspaceId }, readPage({ PageSize: 1 }));
      if (total >= limits.membersPerWorkspace.value) throw new ApiError('TooMany', { kind: 'ProjectMember', limit: limits.membersPerWorkspace.value, label: 'members of a workspace' });
      if (!(await insertMember(change, workspaceId, userId, [...new Set(roles)], change.now))) {
        throw new ApiError('AlreadyExists', { kind: 'ProjectMember', label: 'member', id: user });
      }
      announce(change, workspaceId);
    },
    async remove(change, workspaceId, user) {
      const member = await lockMember(change, workspaceId, readId('UserId', user));
      if (member === undefined) throw memberNotFound(user);
      if (member.roles.includes(OWNER_ROLE)) throw new ApiError('WrongState', { kind: 'ProjectMember', label: 'member', id: user, reason: 'the owner cannot leave the workspace' });
      await deleteMember(change, workspaceId, member.user_id);
      announce(change, workspaceId);
    },
    grant: (change, workspaceId, user, roles) => changeRoles(change, workspaceId, user, roles, (current) => [...new Set([...current, ...roles])]),
    revoke: (change, workspaceId, user, roles) => changeRoles(change, workspaceId, user, roles, (current) => current.filter((role) => !roles.includes(role))),
  };
}

/** A member with the names that identity has; a user who is gone keeps the number as name. */
export interface NamedMember extends MemberRow {
  readonly name: string;
  readonly displayName: string;
}

export async function withNames(users: Users, tenantId: number, rows: readonly MemberRow[]): Promise<NamedMember[]> {
  return Promise.all(
    rows.map(async (row) => {
      const user = await users.find(row.user_id, tenantId);
      return { ...row, name: user?.name ?? String(row.user_id), displayName: user?.displayName ?? user?.name ?? String(row.user_id) };
    }),
  );
}
