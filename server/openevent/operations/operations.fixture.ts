import assert from 'node:assert/strict';
import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { hasTenantRight } from '../../identity/roles.ts';
import { ApiError } from '../../kernel/errors.ts';
import { randomIds } from '../../kernel/ids.ts';
import { silentLog } from '../../kernel/log.ts';
import type { Call, WorkspaceReference } from '../../kernel/operation.ts';
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

export type CallAs = <Action extends keyof Operations>(person: Person, action: Action, request: Operations[Action]['request']) => Promise<Operations[Action]['response']>;

/** The place of delivery tests with the operations of OpenEvent, called as different people without a gateway between. */
export async function operationsPlace() {
  const place = await deliveryPlace();
  const workspace = (id: number): WorkspaceReference => ({ id, tenantId: 1, name: `w${id}`, region: 'cn-beijing', standardMode: true, status: 'Available' });
  const { module } = createOpenEvent({
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
  const call: CallAs = async (person, action, request) => {
    const operation = module.operations?.find((declared) => declared.action === action);
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
    };
    return (await operation.handle(made, request as never)) as never;
  };
  return { place, call };
}
