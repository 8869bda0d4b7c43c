import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import type { Actor } from '../../kernel/change.ts';
import { ApiError } from '../../kernel/errors.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { verifyPassword } from '../passwords.ts';
import * as credentials from '../store-credentials.ts';
import * as store from '../store.ts';
import { TEMPORARY_PREFIX, type IdentityContext } from './context.ts';

/** Signing in and out, and who is calling. */
export function sessionOperations(context: IdentityContext): Pick<Handlers<Operations>, 'Login' | 'Logout' | 'GetCaller'> {
  return {
    Login: { access: { level: 'anyone' }, handle: (call, request) => login(context, call, request) },

    Logout: {
      access: inTenant('member'),
      async handle(call) {
        const { sessionId, userId } = call.caller;
        if (sessionId === undefined) throw new ApiError('SessionOnly', { action: call.action });
        await call.change(async (change) => {
          await credentials.deleteSession(change, sessionId, userId);
          change.touch(`session:${sessionId}`);
          return {};
        });
        call.setSession(undefined);
        return {};
      },
    },

    GetCaller: {
      access: inTenant('member'),
      async handle(call) {
        const { caller } = call;
        const tenant = await store.findTenant(call.db, call.tenantId);
        return {
          Caller: {
            TenantId: caller.tenantId,
            TenantName: tenant?.name,
            UserId: caller.userId,
            UserName: caller.userName,
            DisplayName: caller.displayName,
            TenantRoles: [...caller.tenantRoles],
            Regions: [...context.regions],
            DefaultRegion: context.regions[0],
            TimeZone: context.timeZone,
            CredentialType: credentialType(call),
            AccessKeyId: caller.accessKeyId,
            CsrfToken: caller.sessionId === undefined ? undefined : await context.sessions.csrfToken(call.db, caller.sessionId, caller.userId),
          },
        };
      },
    },
  };
}

function credentialType(call: Call): string {
  if (call.caller.accessKeyId === undefined) return 'Session';
  return call.caller.accessKeyId.startsWith(TEMPORARY_PREFIX) ? 'TemporaryCredential' : 'AccessKey';
}

/**
 * Unknown names, wrong passwords, disabled users and users without a password take one way: the same statements, the same hash, the
 * same answer. The call has no tenant; its audit line stands in the tenant of the user, and for unknown names in none.
 */
async function login(context: IdentityContext, call: Call, request: Operations['Login']['request']): Promise<Operations['Login']['response']> {
  const { last } = await context.lockout.attempt(request.UserName);
  // A name that cannot be is looked up as '', which no user has: the database does not take every text.
  const user = await store.findUserByName(context.database, /^[\w.@-]{1,64}$/.test(request.UserName) ? request.UserName : '');
  const hash = user?.disabled === false ? (user.password_hash ?? undefined) : undefined;
  const right = await verifyPassword(request.Password, hash);
  const actor: Actor = { tenantId: user?.tenant_id ?? 0, userId: 0, action: call.action, requestId: call.requestId, sourceAddress: call.sourceAddress };

  if (right && user !== undefined && hash !== undefined) {
    const opened = await context.changes.change({ ...actor, userId: user.id }, async (change) => {
      // The hash took a while: a user disabled or given another password meanwhile does not come in.
      if (!(await store.noteSignIn(change, user.id, hash, change.now))) return undefined;
      await context.lockout.forgive(change, request.UserName);
      change.touch(`user:${user.id}`);
      change.touch('sign-in:succeeded');
      return context.sessions.open(change, user.id);
    });
    if (opened !== undefined) {
      call.setSession({ token: opened.token, expires: opened.expires });
      return {
        TenantId: user.tenant_id,
        UserId: user.id,
        UserName: user.name,
        DisplayName: user.display_name,
        CsrfToken: opened.csrfToken,
        Expiration: opened.expires.getTime(),
      };
    }
  }
  await context.changes.change(actor, async (change) => {
    if (user !== undefined) change.touch(`user:${user.id}`);
    change.touch(last ? 'sign-in:locked' : 'sign-in:failed');
  });
  throw new ApiError('LoginFailed');
}
