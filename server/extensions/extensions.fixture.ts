import assert from 'node:assert/strict';
import { testDatabase } from '../../test/support/database.ts';
import type { ContractOperations } from '../../contract/generated/index.ts';
import type { WorkspaceDirectory } from '../identity/directory.ts';
import { hasTenantRight, hasWorkspaceRight } from '../identity/roles.ts';
import { createChanges, type Actor, type Change, type EventWriter, type StoredEvent } from '../kernel/change.ts';
import { manualClock } from '../kernel/clock.ts';
import { openDatabase } from '../kernel/database.ts';
import { createOutbound, type Outbound } from '../kernel/outbound.ts';
import { createEventLog } from '../openevent/index.ts';
import { ApiError } from '../kernel/errors.ts';
import { randomIds } from '../kernel/ids.ts';
import { createJobRunner } from '../kernel/jobs.ts';
import { maintainAllPartitions } from '../modules.ts';
import { secretBox } from '../kernel/secrets.ts';
import { silentLog } from '../kernel/log.ts';
import type { Call, Caller, WorkspaceReference } from '../kernel/operation.ts';
import type { HoldOutcome, PointDeclaration, Proposal, Proposed } from './declare.ts';
import { createExtensions } from './index.ts';

type Own = ContractOperations['open-platform/2026-12-01'];
type Legacy = ContractOperations['dataworks-public/2020-05-18'];

export interface Resumed {
  readonly what: 'proceed' | 'reject';
  readonly actor: Actor;
  readonly args: Readonly<Record<string, unknown>>;
  readonly outcome: HoldOutcome;
}

export const SECOND = 1_000;

/** Two workspaces of tenant 1 and one of tenant 2. */
export const ALPHA = 501;
export const BETA = 502;
export const FOREIGN = 601;

function person(userId: number, tenantRoles: readonly string[], tenantId = 1): Caller {
  return { userId, userName: `user${userId}`, displayName: `User ${userId}`, tenantId, tenantRoles, accessKeyId: 'key', sessionId: undefined };
}

/** Who there is. Roles in workspaces are below. */
export const people = {
  tenantAdmin: person(1, ['tenant_admin']),
  platformAdmin: person(2, ['open_platform_admin']),
  workspaceAdmin: person(3, ['tenant_member']),
  developer: person(4, ['tenant_member']),
  outsider: person(5, ['tenant_member']),
  foreigner: person(9, ['tenant_owner'], 2),
};

const roles: Readonly<Record<number, Readonly<Record<number, readonly string[]>>>> = {
  [ALPHA]: { 3: ['role_project_admin'], 4: ['role_project_dev'] },
  [BETA]: { 4: ['role_project_dev'] },
};

const workspaces: readonly WorkspaceReference[] = [
  { id: ALPHA, tenantId: 1, name: 'alpha', region: 'r', standardMode: true, status: 'Available' },
  { id: BETA, tenantId: 1, name: 'beta', region: 'r', standardMode: true, status: 'Available' },
  { id: FOREIGN, tenantId: 2, name: 'foreign', region: 'r', standardMode: true, status: 'Available' },
];

const directory: WorkspaceDirectory = {
  find: async (tenantId, idOrName) => workspaces.find((workspace) => workspace.tenantId === tenantId && (workspace.id === idOrName || workspace.name === idOrName)),
  byId: async (id) => workspaces.find((workspace) => workspace.id === id),
  rolesOf: async (workspaceId, userId) => roles[workspaceId]?.[userId] ?? [],
};

/** A place of its own: a database, a clock that stands, points that note what is resumed, and calls as the gateway would make them. */
export async function extensionsPlace(given: { readonly outbound?: Pick<Outbound, 'request' | 'checkTarget'>; readonly logEvents?: boolean } = {}) {
  const { url, drop } = await testDatabase();
  const database = openDatabase({ connection: url, connections: 12 });
  const clock = manualClock(new Date('2026-12-01T08:00:00Z'));
  const events: (StoredEvent & { tenantId: number })[] = [];
  const writer: EventWriter = {
    async append(tx, actor, now, raised) {
      events.push(...raised.map((event) => ({ ...event, tenantId: actor.tenantId })));
      if (given.logEvents === true) await history.append(tx, actor, now, raised);
    },
  };
  const history = createEventLog({ database, validatePayloads: false });
  if (given.logEvents === true) await maintainAllPartitions(database, clock.now());
  const outbound = given.outbound ?? createOutbound({ allowLoopback: true, allowed: [] });
  const users = { find: async (userId: number, tenantId: number) => Object.values(people).find((one) => one.userId === userId && one.tenantId === tenantId) };
  const changes = createChanges({ database, clock, ids: randomIds, events: writer });

  // What resuming does stands in a table, so that it is undone with its change and a second time would show.
  await database.run('create table resumed (hold_id bigint not null, what text not null, detail jsonb not null)');
  let obstacle: ((args: Readonly<Record<string, unknown>>) => Promise<void> | void) | undefined;
  const note = async (change: Change, what: Resumed['what'], args: Readonly<Record<string, unknown>>, outcome: HoldOutcome) => {
    await change.run('insert into resumed values ($1, $2, $3)', [outcome.holdId, what, JSON.stringify({ what, actor: change.actor, args, outcome })]);
  };
  let content: ((args: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>> | undefined) | undefined;
  const points: PointDeclaration[] = ['commit-file', 'deploy-file', 'delete-project'].map((code) => ({
    code,
    currentSnapshot: async (_change, args) => content?.(args),
    async proceed(change, args, outcome) {
      await note(change, 'proceed', args, outcome);
      await obstacle?.(args);
    },
    reject: (change, args, outcome) => note(change, 'reject', args, outcome),
  }));
  const { module, holds, asking, deadlines } = createExtensions({ database, changes, clock, ids: randomIds, log: silentLog, secrets: secretBox(Buffer.alloc(32, 7)), directory, users, outbound, history, points: () => points });
  /** What time brings: deadlines, then jobs. */
  const runner = () => {
    const jobs = createJobRunner({ database, changes, clock, log: silentLog, jobs: module.jobs ?? [] });
    return {
      async drain() {
        await deadlines.sweep();
        await jobs.drain();
      },
    };
  };

  async function call(caller: Caller, product: string, version: string, action: string, request: object): Promise<object> {
    const operation = module.operations?.find((candidate) => candidate.product === product && candidate.version === version && candidate.action === action);
    assert.ok(operation, `there is no operation ${action}`);
    const { access } = operation;
    let workspace: WorkspaceReference | undefined;
    if (access.level === 'tenant' && !hasTenantRight(caller.tenantRoles, access.right)) throw new ApiError('Forbidden', { action, needed: access.right });
    if (access.level === 'workspace') {
      const found = await access.find(request as never, { db: database, tenantId: caller.tenantId });
      const named = typeof found === 'object' ? found.workspace : found;
      workspace = named === undefined ? undefined : await directory.find(caller.tenantId, named);
      if (workspace === undefined) throw new ApiError('WorkspaceNotFound', { id: named ?? '' });
      const right = typeof found === 'object' ? found.right : typeof access.right === 'function' ? access.right(request as never) : access.right;
      if (!hasWorkspaceRight(caller.tenantRoles, await directory.rolesOf(workspace.id, caller.userId), right)) throw new ApiError('Forbidden', { action, needed: right });
    }
    const actor: Actor = { tenantId: caller.tenantId, userId: caller.userId, action, requestId: randomIds.requestId(), sourceAddress: '192.0.2.1' };
    const made: Call = {
      requestId: randomIds.requestId(),
      product,
      version,
      action,
      region: 'r',
      tenantId: caller.tenantId,
      caller,
      actor,
      language: 'en',
      sourceAddress: '192.0.2.1',
      clock,
      db: database,
      get workspace(): WorkspaceReference {
        if (workspace === undefined) throw new Error('there is no workspace');
        return workspace;
      },
      change: (work) => changes.change(actor, work),
      setSession: () => {},
    };
    return operation.handle(made, request as never);
  }

  return {
    database,
    clock,
    events,
    changes,
    holds,
    asking,
    sweep: () => deadlines.sweep(),
    runner,
    own: <Action extends keyof Own>(caller: Caller, action: Action, request: Own[Action]['request']) =>
      call(caller, 'open-platform', '2026-12-01', action, request) as Promise<Own[Action]['response']>,
    legacy: <Action extends keyof Legacy>(caller: Caller, action: Action, request: Legacy[Action]['request'], version = '2020-05-18') =>
      call(caller, 'dataworks-public', version, action, request) as Promise<Legacy[Action]['response']>,
    /** What `proceed` meets from now on. */
    hinder(meet: typeof obstacle) {
      obstacle = meet;
    },
    /** What the content of a held operation would be now. */
    becomes(now: typeof content) {
      content = now;
    },
    propose(given: Partial<Proposal> = {}, caller: Pick<Caller, 'tenantId' | 'userId'> = people.developer): Promise<Proposed> {
      const actor: Actor = { tenantId: caller.tenantId, userId: caller.userId, action: 'SubmitFile', requestId: undefined, sourceAddress: undefined };
      return changes.change(actor, (change) =>
        holds.propose(change, {
          point: 'commit-file',
          workspaceId: ALPHA,
          objectKey: 'file:17',
          data: { fileId: 17, fileName: 'daily.sql', projectId: ALPHA },
          title: 'daily.sql',
          fileType: 10,
          snapshot: { CommittedFile: { FileId: 17, FileName: 'daily.sql', Content: "select max_pt('t')", FileType: 10 } },
          args: { fileId: 17, version: 3 },
          ...given,
        }),
      );
    },
    async resumed(holdId: number): Promise<Resumed[]> {
      const rows = await database.rows<{ detail: Resumed }>('select detail from resumed where hold_id = $1', [holdId]);
      return rows.map((row) => row.detail);
    },
    /** Registers, publishes and enables an extension in ALPHA, or as `given` says. Answers its code. */
    async extension(given: Partial<Own['CreateExtension']['request']> & { testing?: boolean; workspaceId?: number | null } = {}): Promise<string> {
      const { testing, workspaceId, ...request } = given;
      const { ExtensionCode } = (await call(people.platformAdmin, 'open-platform', '2026-12-01', 'CreateExtension', {
        ExtensionName: 'Checker',
        BindEventList: ['commit-file'],
        ...request,
      })) as { ExtensionCode: string };
      if (testing !== true) await call(people.platformAdmin, 'open-platform', '2026-12-01', 'PublishExtension', { ExtensionCode });
      if (workspaceId === null) await call(people.platformAdmin, 'open-platform', '2026-12-01', 'EnableExtension', { ExtensionCode });
      else await call(people.tenantAdmin, 'open-platform', '2026-12-01', 'EnableExtension', { ExtensionCode, ProjectId: workspaceId ?? ALPHA });
      return ExtensionCode;
    },
    /** Takes all extensions out of service, so that tests do not meet each other's. */
    async clear() {
      await database.run('delete from extension_attachment');
      await database.run('delete from extension_breaker');
    },
    async close() {
      await asking.stop();
      if ('close' in outbound) await (outbound as Outbound).close();
      await database.close();
      await drop();
    },
  };
}

/** A held proposal's id, message and workspace. */
export function held(proposed: Proposed): { holdId: number; messageId: string } {
  assert.ok(proposed.held, 'the operation should be held');
  return proposed;
}

/** Matches an ApiError of the catalogue entry whose text matches. */
export function refusal(entry: ApiError['entry'], text: RegExp = /./) {
  return (error: unknown) => error instanceof ApiError && error.entry === entry && text.test(error.message);
}
