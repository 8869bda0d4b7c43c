import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import type { Change } from '../../kernel/change.ts';
import { isUniqueViolation } from '../../kernel/database.ts';
import { ApiError, invalid, missing } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import { invalidateKeys } from '../keys.ts';
import { hashPassword, passwordFault, verifyPassword } from '../passwords.ts';
import { isTenantRole, TENANT_MEMBER, TENANT_OWNER, tenantRoles } from '../roles.ts';
import * as credentials from '../store-credentials.ts';
import * as store from '../store.ts';
import { isAdministrator, requireGrantable, requireLastingCredential, requireManaged, requireUser, type IdentityContext } from './context.ts';

type UserActions = 'CreateUser' | 'ListUsers' | 'UpdateUser' | 'SetPassword' | 'DeleteUser' | 'ListTenantRoles';

/** The users of a tenant. Everybody sees who is there, since workspaces take their members from them. */
export function userOperations(context: IdentityContext): Pick<Handlers<Operations>, UserActions> {
  return {
    CreateUser: { access: inTenant('administer-tenant'), handle: createUser },

    ListUsers: { access: inTenant('member'), handle: listUsers },

    UpdateUser: {
      access: inTenant('administer-tenant'),
      async handle(call, request) {
        if (request.DisplayName !== undefined) requireDisplayName(request.DisplayName);
        const roles = request.TenantRoles === undefined ? undefined : readRoles(request.TenantRoles);
        return call.change(async (change) => {
          await store.lockTenant(change, call.tenantId);
          const user = await requireUser(change, call, request.UserId);
          requireManaged(call, { id: user.id, tenantRoles: user.tenant_roles });
          if (roles !== undefined) requireGrantable(call, roles);
          const changed = {
            id: user.id,
            displayName: request.DisplayName ?? user.display_name,
            tenantRoles: roles ?? user.tenant_roles,
            disabled: request.Disabled ?? user.disabled,
          };
          if (isActingOwner(user) && !isActingOwner({ tenant_roles: changed.tenantRoles, disabled: changed.disabled })) await requireOtherOwner(change, call, user);
          await store.updateUser(change, changed);
          await store.settleMainAccount(change, call.tenantId);
          if (changed.disabled) await credentials.deleteSessionsOfUser(change, user.id);
          invalidateKeys(change, context.keys, `user:${user.id}`);
          change.touch(`user:${user.id}`);
          return {};
        });
      },
    },

    SetPassword: { access: inTenant('member'), handle: (call, request) => setPassword(context, call, request) },

    DeleteUser: {
      access: inTenant('administer-tenant'),
      handle: (call, request) =>
        call.change(async (change) => {
          await store.lockTenant(change, call.tenantId);
          const user = await requireUser(change, call, request.UserId);
          requireManaged(call, { id: user.id, tenantRoles: user.tenant_roles });
          if (isActingOwner(user)) await requireOtherOwner(change, call, user);
          // The mark first: it waits for a change that is making a key of the user, so that the key goes too.
          await store.markUserDeleted(change, user.id, change.now);
          await credentials.deleteKeysOfUser(change, user.id);
          await credentials.deleteSessionsOfUser(change, user.id);
          await store.settleMainAccount(change, call.tenantId);
          invalidateKeys(change, context.keys, `user:${user.id}`);
          change.touch(`user:${user.id}`);
          return {};
        }),
    },

    ListTenantRoles: {
      access: inTenant('member'),
      handle: async () => ({ TenantRoles: tenantRoles.map((role) => ({ Code: role.code, Name: role.name, Description: role.description })) }),
    },
  };
}

async function createUser(call: Call, request: Operations['CreateUser']['request']): Promise<Operations['CreateUser']['response']> {
  const name = request.UserName;
  requireUserName(name);
  const displayName = request.DisplayName ?? name;
  requireDisplayName(displayName);
  const roles = readRoles(request.TenantRoles ?? []);
  requireGrantable(call, roles);
  const passwordHash = request.Password === undefined ? undefined : await hashNew('Password', request.Password, name);
  try {
    return await call.change(async (change) => {
      await store.lockTenant(change, call.tenantId);
      if ((await store.countUsers(change, call.tenantId)) >= limits.usersPerTenant.value) {
        throw new ApiError('TooMany', { kind: 'User', label: 'users in a tenant', limit: limits.usersPerTenant.value });
      }
      const id = await store.insertUser(change, { tenantId: call.tenantId, name, displayName, passwordHash, tenantRoles: roles }, change.now);
      change.touch(`user:${id}`);
      return { UserId: id };
    });
  } catch (error) {
    if (isUniqueViolation(error, 'account_name')) throw new ApiError('AlreadyExists', { kind: 'User', label: 'user', id: name });
    throw error;
  }
}

async function listUsers(call: Call, request: Operations['ListUsers']['request']): Promise<Operations['ListUsers']['response']> {
  const page = readPage(request);
  if (request.Keyword?.includes('\0') === true) throw invalid('Keyword', 'it must not hold the character NUL');
  if (request.TenantRole !== undefined && !isTenantRole(request.TenantRole)) throw invalid('TenantRole', 'there is no such tenant role');
  const filter = { tenantId: call.tenantId, keyword: request.Keyword, tenantRole: request.TenantRole, disabled: request.Disabled };
  const total = await store.countFilteredUsers(call.db, filter);
  const users = await store.listUsers(call.db, filter, page.offset, page.size);
  // How and when somebody signs in is for administrators and for the user.
  const seesSignIn = (user: store.UserRow): boolean => user.id === call.caller.userId || isAdministrator(call);
  return {
    PagingInfo: {
      ...pageCounters(page, total),
      Users: users.map((user) => ({
        UserId: user.id,
        UserName: user.name,
        DisplayName: user.display_name,
        TenantRoles: user.tenant_roles,
        Disabled: user.disabled,
        CreateTime: user.created_at.getTime(),
        ...(seesSignIn(user) ? { HasPassword: user.password_hash !== null, LastLoginTime: user.last_login_at?.getTime() } : {}),
      })),
    },
  };
}

/** The own password needs the current one, if there is one; another's needs the right to manage that user. Ends the user's other sessions. */
async function setPassword(context: IdentityContext, call: Call, request: Operations['SetPassword']['request']): Promise<Record<string, never>> {
  const userId = request.UserId ?? call.caller.userId;
  const own = userId === call.caller.userId;
  requireLastingCredential(call);
  if (!own) requireManaged(call, { id: userId, tenantRoles: [] });
  const user = await requireUser(call.db, call, userId);
  requireManaged(call, { id: user.id, tenantRoles: user.tenant_roles });
  if (own && user.password_hash !== null) await requireCurrentPassword(context, user, user.password_hash, request.CurrentPassword);
  const hash = await hashNew('Password', request.Password, user.name);
  return call.change(async (change) => {
    await store.lockTenant(change, call.tenantId);
    const present = await requireUser(change, call, userId);
    requireManaged(call, { id: present.id, tenantRoles: present.tenant_roles });
    if (own && present.password_hash !== user.password_hash) throw new ApiError('WrongState', { kind: 'User', label: 'The user', id: userId, reason: 'the password was changed at the same time' });
    await store.updatePassword(change, userId, hash);
    await credentials.deleteSessionsOfUser(change, userId, own ? call.caller.sessionId : undefined);
    await credentials.deleteTemporaryKeysOfUser(change, userId);
    await context.lockout.forgive(change, user.name);
    invalidateKeys(change, context.keys, `user:${userId}`);
    change.touch(`user:${userId}`);
    return {};
  });
}

/** Guessing by way of a stolen session is counted like guessing at the door. */
async function requireCurrentPassword(context: IdentityContext, user: store.UserRow, hash: string, password: string | undefined): Promise<void> {
  if (password === undefined) throw missing('CurrentPassword');
  await context.lockout.attempt(user.name);
  if (!(await verifyPassword(password, hash))) throw invalid('CurrentPassword', 'it is not the current password');
  await context.lockout.forgive(context.database, user.name);
}

async function hashNew(parameter: string, password: string, userName: string): Promise<string> {
  const fault = passwordFault(password, userName);
  if (fault !== undefined) throw invalid(parameter, fault);
  return hashPassword(password);
}

export function requireUserName(name: string): void {
  if (!/^[A-Za-z0-9][\w.@-]{0,63}$/.test(name)) throw invalid('UserName', 'it must have 1 to 64 letters, digits or the characters . _ @ -, and begin with a letter or digit');
}

function requireDisplayName(name: string): void {
  if (name.trim() === '' || name.length > 128 || /\p{Cc}/u.test(name)) throw invalid('DisplayName', 'it must have 1 to 128 characters, none of them a control character');
}

function readRoles(codes: readonly string[]): string[] {
  const unknown = codes.find((code) => !isTenantRole(code));
  if (unknown !== undefined) throw invalid('TenantRoles', `there is no tenant role ${JSON.stringify(unknown.slice(0, 64))}; ListTenantRoles tells which there are`);
  const roles = [...new Set(codes)];
  return roles.length === 0 ? [TENANT_MEMBER] : roles;
}

function isActingOwner(user: { readonly tenant_roles: readonly string[]; readonly disabled: boolean }): boolean {
  return user.tenant_roles.includes(TENANT_OWNER) && !user.disabled;
}

async function requireOtherOwner(change: Change, call: Call, user: store.UserRow): Promise<void> {
  if ((await store.countOtherOwners(change, call.tenantId, user.id)) > 0) return;
  throw new ApiError('WrongState', { kind: 'User', label: 'The user', id: user.id, reason: 'it is the last owner of the tenant' });
}
