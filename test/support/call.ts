import { createChanges, type Actor, type EventWriter, type StoredEvent } from '../../server/kernel/change.ts';
import type { Clock } from '../../server/kernel/clock.ts';
import type { Database } from '../../server/kernel/database.ts';
import { ApiError } from '../../server/kernel/errors.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import type { WorkspaceDirectory } from '../../server/identity/directory.ts';
import { hasTenantRight, hasWorkspaceRight } from '../../server/identity/roles.ts';
import { moduleOf } from '../../server/openapi/modules.ts';
import type { HoldOutcome, Holds, PointDeclaration, Proposal } from '../../server/extensions/declare.ts';
import type { Call, Caller, OperationDeclaration, WorkspaceReference } from '../../server/kernel/operation.ts';

/**
 * Stand-ins for the doors, for tests of the platform's domains: calls without HTTP and signature, holds without extensions, a
 * log of events in memory. Authorisation is the real one, so that a test can show that an operation refuses.
 */

export function testCaller(userId: number, tenantId = 1, tenantRoles: readonly string[] = ['tenant_member']): Caller {
  return { userId, userName: `user${userId}`, displayName: `User ${userId}`, tenantId, tenantRoles, accessKeyId: 'test', sessionId: undefined };
}

export interface TestGateway {
  /** Calls an operation as the caller; rejects with the ApiError that the real gateway would answer. */
  call(caller: Caller, version: string, action: string, request?: object): Promise<Record<string, unknown>>;
}

export function testGateway(options: {
  database: Database;
  clock: Clock;
  directory: WorkspaceDirectory;
  events: EventWriter;
  operations: readonly OperationDeclaration[];
  region?: string;
}): TestGateway {
  const { database, clock, directory, operations, region = 'local' } = options;
  const changes = createChanges({ database, clock, ids: randomIds, events: options.events });
  return {
    async call(caller, version, action, request = {}) {
      const declaration = operations.find((one) => one.version === version && one.action === action);
      if (declaration === undefined) throw new Error(`no operation ${version} ${action}`);
      const { access } = declaration;
      let workspace: WorkspaceReference | undefined;
      if (access.level === 'tenant' && !hasTenantRight(caller.tenantRoles, access.right)) throw new ApiError('Forbidden', { action, needed: access.right });
      if (access.level === 'workspace') {
        const found = await access.find(request as never, { db: database, tenantId: caller.tenantId });
        const named = typeof found === 'object' ? found.workspace : found;
        if (named === undefined) throw new ApiError('MissingParameter', { name: 'ProjectId' });
        workspace = await directory.find(caller.tenantId, named);
        if (workspace === undefined) throw new ApiError('WorkspaceNotFound', { id: named });
        const right = typeof found === 'object' ? found.right : typeof access.right === 'function' ? access.right(request as never) : access.right;
        if (!hasWorkspaceRight(caller.tenantRoles, await directory.rolesOf(workspace.id, caller.userId), right, moduleOf(declaration))) throw new ApiError('Forbidden', { action, needed: right });
      }
      const actor: Actor = { tenantId: caller.tenantId, userId: caller.userId, action, requestId: randomIds.requestId(), sourceAddress: '127.0.0.1' };
      const call: Call = {
        requestId: actor.requestId ?? '',
        product: declaration.product,
        version,
        action,
        region,
        tenantId: caller.tenantId,
        caller,
        actor,
        language: 'en',
        sourceAddress: '127.0.0.1',
        clock,
        db: database,
        get workspace() {
          if (workspace === undefined) throw new Error(`${action} has no workspace`);
          return workspace;
        },
        change: (work) => changes.change(actor, work),
        setSession() {},
      };
      return (await declaration.handle(call, request as never)) as Record<string, unknown>;
    },
  };
}

/** Keeps committed events in memory, in the order of their commit. */
export function testEvents(): EventWriter & { readonly raised: StoredEvent[]; codes(): string[] } {
  const raised: StoredEvent[] = [];
  return {
    raised,
    codes: () => raised.map((event) => event.code),
    async append(_tx, _actor, _now, events) {
      raised.push(...events);
    },
  };
}

/** Holds that hold what `points` names; `decide` then closes the last one by the point's own rules. */
export function testHolds(): Holds & {
  /** Codes of the points at which an extension waits. */
  readonly holding: Set<string>;
  readonly proposals: Proposal[];
  readonly withdrawn: number[];
  decide(change: Parameters<PointDeclaration['proceed']>[0], points: readonly PointDeclaration[], verdict: HoldOutcome['verdict'], tip?: string): Promise<void>;
} {
  const holding = new Set<string>();
  const proposals: Proposal[] = [];
  const withdrawn: number[] = [];
  return {
    holding,
    proposals,
    withdrawn,
    async propose(change, proposal) {
      proposals.push(proposal);
      const held = holding.has(proposal.point);
      const messageId = change.raise({ code: proposal.point, workspaceId: proposal.workspaceId, objectKey: proposal.objectKey, data: { ...proposal.data, blockBusiness: held } });
      return held ? { held, messageId, holdId: proposals.length } : { held, messageId };
    },
    async withdraw(_change, holdId) {
      withdrawn.push(holdId);
    },
    async decide(change, points, verdict, tip = '') {
      const proposal = proposals.at(-1);
      const point = points.find((one) => one.code === proposal?.point);
      if (proposal === undefined || point === undefined) throw new Error('nothing is held');
      const outcome = { holdId: proposals.length, verdict, tip };
      const args = JSON.parse(JSON.stringify(proposal.args)) as Record<string, unknown>;
      await (verdict === 'FAIL' ? point.reject(change, args, outcome) : point.proceed(change, args, outcome));
    },
  };
}
