import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { ApiError, missing, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import type { Change } from '../../kernel/change.ts';
import { invalidateKeys, secretPurpose } from '../keys.ts';
import { hashToken } from '../sessions.ts';
import * as store from '../store-credentials.ts';
import { requireLastingCredential, requireManaged, requireUser, TEMPORARY_PREFIX, type IdentityContext } from './context.ts';

type KeyActions = 'CreateAccessKey' | 'ListAccessKeys' | 'UpdateAccessKey' | 'DeleteAccessKey' | 'CreateTemporaryCredential';

/** Longest life of a temporary credential, as the contract says. */
const LONGEST_SECONDS = 43_200;

/** AccessKeys: everybody manages the own ones, an administrator those of others. A secret is in the answer of its making and nowhere else. */
export function keyOperations(context: IdentityContext): Pick<Handlers<Operations>, KeyActions> {
  const { ids, secrets, keys } = context;
  return {
    CreateAccessKey: {
      access: inTenant('member'),
      async handle(call, request) {
        requireLastingCredential(call);
        const userId = request.UserId ?? call.caller.userId;
        if (userId !== call.caller.userId) requireManaged(call, { id: userId, tenantRoles: [] });
        const pair = newKeyPair(ids);
        const answer = await call.change(async (change) => {
          if (!(await store.lockUser(change, userId))) throw notFound('User', userId);
          const user = await requireUser(change, call, userId);
          requireManaged(call, { id: user.id, tenantRoles: user.tenant_roles });
          if ((await store.countKeys(change, userId)) >= limits.accessKeysPerUser.value) {
            throw new ApiError('TooMany', { kind: 'AccessKey', label: 'AccessKeys of a user', limit: limits.accessKeysPerUser.value });
          }
          await store.insertKey(change, { id: pair.id, userId, secret: secrets.seal(pair.secret, secretPurpose(pair.id)), mcpAccess: request.McpAccess }, change.now);
          invalidateKeys(change, keys, `key:${pair.id}`);
          change.touch(`access-key:${pair.id}`);
          // Without the secret: what the change answers may be kept for a repeated request.
          return { AccessKeyId: pair.id, UserId: userId, Status: 'Active', McpAccess: request.McpAccess ?? 'Read', CreateTime: change.now.getTime() };
        });
        return { ...answer, AccessKeySecret: pair.secret };
      },
    },

    ListAccessKeys: {
      access: inTenant('member'),
      async handle(call, request) {
        const userId = request.UserId ?? call.caller.userId;
        if (userId !== call.caller.userId) requireManaged(call, { id: userId, tenantRoles: [] });
        const page = readPage(request);
        const user = await requireUser(call.db, call, userId);
        const total = await store.countKeys(call.db, userId);
        const rows = await store.listKeys(call.db, userId, page.offset, page.size);
        return {
          PagingInfo: {
            ...pageCounters(page, total),
            AccessKeys: rows.map((row) => ({
              AccessKeyId: row.id,
              UserId: row.user_id,
              UserName: user.name,
              Status: row.status,
              McpAccess: row.mcp_access,
              CreateTime: row.created_at.getTime(),
              LastUsedTime: row.last_used_at?.getTime(),
            })),
          },
        };
      },
    },

    UpdateAccessKey: {
      access: inTenant('member'),
      handle: (call, request) =>
        call.change(async (change) => {
          const id = await requireManagedKey(change, call, request.UserAccessKeyId);
          if (request.Status === undefined && request.McpAccess === undefined) throw missing('Status');
          await store.updateKey(change, id, request.Status, request.McpAccess);
          invalidateKeys(change, keys, `key:${id}`);
          change.touch(`access-key:${id}`);
          return {};
        }),
    },

    DeleteAccessKey: {
      access: inTenant('member'),
      handle: (call, request) =>
        call.change(async (change) => {
          const id = await requireManagedKey(change, call, request.UserAccessKeyId);
          await store.deleteKey(change, id);
          invalidateKeys(change, keys, `key:${id}`);
          change.touch(`access-key:${id}`);
          return {};
        }),
    },

    CreateTemporaryCredential: {
      access: inTenant('member'),
      async handle(call, request) {
        requireLastingCredential(call);
        const { userId } = call.caller;
        const id = `${TEMPORARY_PREFIX}${ids.text(25)}`;
        const secret = ids.text(44);
        const token = ids.token(96);
        const answer = await call.change(async (change) => {
          if (!(await store.lockUser(change, userId))) throw notFound('User', userId);
          if ((await store.countTemporaryKeys(change, userId, change.now)) >= limits.temporaryCredentialsPerUser.value) {
            throw new ApiError('TooMany', { kind: 'TemporaryCredential', label: 'valid temporary credentials of a user', limit: limits.temporaryCredentialsPerUser.value });
          }
          const expiresAt = new Date(change.now.getTime() + Math.min(request.DurationSeconds ?? 3_600, LONGEST_SECONDS) * 1_000);
          await store.insertKey(change, { id, userId, secret: secrets.seal(secret, secretPurpose(id)), temporary: { tokenHash: hashToken(token), expiresAt } }, change.now);
          invalidateKeys(change, keys, `key:${id}`);
          change.touch(`access-key:${id}`);
          return { AccessKeyId: id, Expiration: expiresAt.getTime() };
        });
        return { ...answer, AccessKeySecret: secret, SecurityToken: token };
      },
    },
  };
}

/** A fresh AccessKey pair in the vendor's form: an id of 24 characters, a secret of 30. */
export function newKeyPair(ids: IdentityContext['ids']): { id: string; secret: string } {
  return { id: `LTAI5t${ids.text(18)}`, secret: ids.text(30) };
}

/** The id, when the caller may manage that key. Throws NotFound for another tenant's key, and for another user's unless the caller administers. */
async function requireManagedKey(change: Change, call: Call, id: string): Promise<string> {
  const owner = /^[\w.-]{1,128}$/.test(id) ? await store.findKeyOwner(change, call.tenantId, id) : undefined;
  if (owner === undefined) throw notFound('AccessKey', id.slice(0, 128), 'AccessKey');
  requireManaged(call, { id: owner.user_id, tenantRoles: owner.tenant_roles });
  return id;
}
