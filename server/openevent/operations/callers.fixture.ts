import assert from 'node:assert/strict';
import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { hasTenantRight } from '../../identity/roles.ts';
import { ApiError } from '../../kernel/errors.ts';
import { randomIds } from '../../kernel/ids.ts';
import { createJobRunner } from '../../kernel/jobs.ts';
import { silentLog } from '../../kernel/log.ts';
import type { Call, WorkspaceReference } from '../../kernel/operation.ts';
import { logIsReadable } from '../../../test/support/log.ts';
import { deliveryPlace } from '../delivery/delivery.fixture.ts';
import { createOpenEvent } from '../index.ts';

export interface Person {
  readonly tenantId: number;
  readonly userId: number;
  readonly roles: readonly string[];
}

export const owner: Person = { tenantId: 1, userId: 1, roles: ['tenant_owner'] };
export const keeper: Person = { tenantId: 1, userId: 2, roles: ['open_platform_admin'] };
/** Reads workspace 11 and no other. */
export const member: Person = { tenantId: 1, userId: 3, roles: ['tenant_member'] };
export const stranger: Person = { tenantId: 2, userId: 4, roles: ['tenant_owner'] };

/** A database with the whole module on it, called without HTTP, by people with rights. Workspaces 11 and 12 belong to tenant 1. */
export async function openEventPlace() {
  const place = await deliveryPlace();
  const workspace = (id: number): WorkspaceReference => ({ id, tenantId: 1, name: `w${id}`, region: 'cn-beijing', standardMode: true, status: 'Available' });
  const opened = createOpenEvent({
    ...place,
    ids: randomIds,
    log: silentLog,
    defaultRegion: 'cn-test',
    publishAddress: '127.0.0.1',
    directory: {
      find: async (tenantId, id) => (tenantId === 1 && (id === 11 || id === 12) ? workspace(id) : undefined),
      byId: async (id) => workspace(id),
      rolesOf: async (workspaceId, userId) => (workspaceId === 11 && userId === member.userId ? ['role_project_guest'] : []),
    },
  });
  const jobs = createJobRunner({ database: place.database, changes: place.changes, clock: place.clock, log: silentLog, jobs: opened.module.jobs ?? [] });

  const deadlines: typeof opened.deadlines = {
    ...opened.deadlines,
    async round() {
      await logIsReadable(place.events);
      await opened.deadlines.round();
    },
  };

  async function call<Action extends keyof Operations>(person: Person, action: Action, request: Operations[Action]['request'], streaming?: Call['streaming']): Promise<Operations[Action]['response']> {
    if (action === 'CountReplay') await logIsReadable(place.events);
    const operation = opened.module.operations?.find((declared) => declared.action === action);
    assert.ok(operation !== undefined && operation.access.level === 'tenant', action);
    if (!hasTenantRight(person.roles, operation.access.right)) throw new ApiError('Forbidden', { action, needed: operation.access.right });
    const actor = { tenantId: person.tenantId, userId: person.userId, action, requestId: randomIds.requestId(), sourceAddress: '192.0.2.1' };
    const made: Call = {
      requestId: actor.requestId,
      product: 'open-platform',
      version: '2026-12-01',
      action,
      region: 'cn-test',
      tenantId: person.tenantId,
      caller: { userId: person.userId, userName: '', displayName: '', tenantId: person.tenantId, tenantRoles: person.roles, accessKeyId: undefined, sessionId: undefined },
      actor,
      language: 'en',
      sourceAddress: actor.sourceAddress,
      clock: place.clock,
      db: place.database,
      get workspace(): never {
        throw new Error('there is no workspace');
      },
      change: (work) => place.changes.change(actor, work),
      setSession: () => {},
      streaming,
    };
    return (await operation.handle(made, request as never)) as never;
  }

  /** Waits for a state in real time, waking the deliverer meanwhile, since its clock stands still. */
  const until = (what: string, condition: () => boolean | Promise<boolean>) =>
    place.until(what, () => {
      opened.delivery.wake();
      return condition();
    });

  return { ...place, until, module: opened.module, delivery: opened.delivery, deadlines, retention: opened.retention, jobs, call };
}

/** Holds for the ApiError of this entry of the catalogue, with a message that fits. */
export const refused = (entry: string, message = /./) => (error: unknown) => error instanceof ApiError && error.entry === entry && message.test(error.message);
