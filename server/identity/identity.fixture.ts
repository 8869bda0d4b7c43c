import { testDatabase } from '../../test/support/database.ts';
import type { Operations } from '../../contract/generated/open-platform-2026-12-01.ts';
import { createChanges, type StoredEvent } from '../kernel/change.ts';
import { manualClock } from '../kernel/clock.ts';
import { openDatabase } from '../kernel/database.ts';
import { ApiError } from '../kernel/errors.ts';
import { randomIds } from '../kernel/ids.ts';
import { silentLog } from '../kernel/log.ts';
import type { Call, Caller } from '../kernel/operation.ts';
import { secretBox } from '../kernel/secrets.ts';
import { bootstrapTenant, createIdentity, hasTenantRight } from './index.ts';

/** A place of its own for the tests of this module: a database, a clock, and calls as the gateway would make them. */
export async function identityPlace() {
  const { url, drop } = await testDatabase();
  const database = openDatabase({ connection: url, connections: 8 });
  const clock = manualClock(new Date('2026-12-01T08:00:00Z'));
  const events: StoredEvent[] = [];
  const changes = createChanges({
    database,
    clock,
    ids: randomIds,
    events: {
      async append(_tx, _actor, _now, raised) {
        events.push(...raised);
      },
    },
  });
  const secrets = secretBox(Buffer.alloc(32, 7));
  const options = { database, changes, clock, ids: randomIds, secrets, log: silentLog, regions: ['cn-shanghai', 'cn-beijing'], timeZone: 'Asia/Shanghai' };
  const identity = createIdentity(options);
  const cookies: ({ token: string; expires: Date } | undefined)[] = [];

  /** Calls an operation after the check of its right, as the gateway does. `caller` undefined is nobody. */
  async function call<Action extends keyof Operations>(caller: Caller | undefined, action: Action, request: Operations[Action]['request']): Promise<Operations[Action]['response']> {
    const operation = identity.module.operations?.find((declared) => declared.action === action);
    if (operation === undefined) throw new Error(`no operation ${action}`);
    const { access } = operation;
    if (access.level === 'tenant' && !(caller !== undefined && hasTenantRight(caller.tenantRoles, access.right))) throw new ApiError('Forbidden', { action, needed: access.right });
    const actor = { tenantId: caller?.tenantId ?? 0, userId: caller?.userId ?? 0, action, requestId: randomIds.requestId(), sourceAddress: '192.0.2.1' };
    const made: Call = {
      requestId: actor.requestId,
      product: 'open-platform',
      version: '2026-12-01',
      action,
      region: 'cn-shanghai',
      tenantId: actor.tenantId,
      caller: caller ?? { userId: 0, userName: '', displayName: '', tenantId: 0, tenantRoles: [], accessKeyId: undefined, sessionId: undefined },
      actor,
      language: 'en',
      sourceAddress: actor.sourceAddress,
      clock,
      db: database,
      get workspace(): never {
        throw new Error('there is no workspace');
      },
      change: (work) => changes.change(actor, work),
      setSession: (cookie) => void cookies.push(cookie),
    };
    return (await operation.handle(made, request as never)) as Operations[Action]['response'];
  }

  /** The caller as an AccessKey of the user would make it. */
  async function callerOf(userId: number): Promise<Caller> {
    const user = await identity.users.find(userId);
    if (user === undefined) throw new Error(`no user ${userId}`);
    const { userName, displayName, tenantId, tenantRoles } = user;
    return { userId, userName, displayName, tenantId, tenantRoles, accessKeyId: 'LTAI5tOfTheTest', sessionId: undefined };
  }

  async function createUser(by: Caller, userName: string, ...roles: string[]): Promise<Caller> {
    const { UserId } = await call(by, 'CreateUser', { UserName: userName, TenantRoles: roles });
    return callerOf(UserId ?? 0);
  }

  /** Makes one more tenant beside the first. */
  async function secondTenant(userName: string): Promise<Caller> {
    const tenant = await database.row<{ id: number }>('insert into tenant (name, created_at) values ($1, $2) returning id', ['second', clock.now()]);
    const user = await database.row<{ id: number }>(
      `insert into account (tenant_id, name, display_name, tenant_roles, created_at) values ($1, $2, $2, '{tenant_owner}', $3) returning id`,
      [tenant?.id, userName, clock.now()],
    );
    return callerOf(user?.id ?? 0);
  }

  return {
    ...options,
    identity,
    events,
    cookies,
    call,
    callerOf,
    createUser,
    secondTenant,
    /** A second process on the same database. */
    anotherIdentity: () => createIdentity(options),
    bootstrap: (given: { password?: string; accessKeyId?: string; accessKeySecret?: string } = {}) => bootstrapTenant({ ...options, userName: 'admin', ...given }),
    audited: (action: string) =>
      database.rows<{ tenant_id: number; user_id: number; targets: string[] }>('select tenant_id, user_id, targets from audit where action = $1 order by id', [action]),
    async close() {
      await database.close();
      await drop();
    },
  };
}

/** For assert.rejects: an ApiError of this entry. */
export function apiError(entry: string): (error: unknown) => boolean {
  return (error) => error instanceof ApiError && error.entry === entry;
}
