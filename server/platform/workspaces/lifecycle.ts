import type { Holds, PointDeclaration } from '../../extensions/declare.ts';
import { platformActor, type Change } from '../../kernel/change.ts';
import { isUniqueViolation, type Executor } from '../../kernel/database.ts';
import { ApiError, invalid } from '../../kernel/errors.ts';
import type { JobDeclaration } from '../../kernel/jobs.ts';
import { limits } from '../../kernel/limits.ts';
import { checkText } from '../dialect.ts';
import type { Scheduling } from '../scheduling/interface.ts';
import { cacheMessage, type CachedDirectory } from './directory.ts';
import { deletionProposal, workspaceDeleted } from './events.ts';
import { OWNER_ROLE } from './roles.ts';
import { nextStatuses, type WorkspaceStatus } from './status.ts';
import {
  countWorkspaces,
  deleteRolesOf,
  insertMember,
  insertWorkspace,
  lockWorkspace,
  markDeleted,
  markDeleting,
  returnFromDeleting,
  updateSettings,
  workspaceById,
  type NewWorkspace,
  type WorkspaceRow,
  type WorkspaceSettings,
} from './store.ts';

/** How workspaces come to be, change and end; both dialects call these. */
export interface Lifecycle {
  /** Creates a workspace with the caller as its owner. Returns its id. */
  create(change: Change, workspace: NewWorkspace): Promise<number>;
  update(change: Change, workspaceId: number, wanted: Partial<WorkspaceSettings>): Promise<void>;
  /** Deletes the workspace, or holds its deletion when an extension has to decide. */
  remove(change: Change, workspaceId: number): Promise<void>;
  /** Says after a change that what is known of the workspace is out of date. */
  announce(change: Change, workspaceId: number): void;
  readonly point: PointDeclaration;
  /**
   * Takes away what was written into a workspace while it was emptied, at once, and what calls under way wrote after that: they had been let in while
   * it lived. It is a change of its own, since a worker may hold a run and wait for an instance that the deletion holds.
   */
  readonly remains: JobDeclaration;
}

const REMAINS = 'workspace-remains';

/** A domain that has something of workspaces, which goes with them. */
export interface Belonging {
  removeWorkspace(change: Change, workspaceId: number): Promise<void>;
}

/** Begins with a letter; its length is that of a database schema name that engines accept. */
const NAME = /^[A-Za-z][A-Za-z0-9_]{2,27}$/;

function notThere(workspaceId: number): ApiError {
  return new ApiError('WorkspaceNotFound', { id: workspaceId });
}

function wrongState(workspaceId: number, reason: string): ApiError {
  return new ApiError('WrongState', { kind: 'Project', label: 'workspace', id: workspaceId, reason });
}

function checkNew(workspace: NewWorkspace): void {
  if (!NAME.test(workspace.name)) throw invalid('Name', 'a workspace name begins with a letter and has 3 to 28 letters, digits or underscores');
  if (workspace.display_name.trim() === '') throw invalid('DisplayName', 'it may not be empty');
  checkText('DisplayName', workspace.display_name, 64);
  checkText('Description', workspace.description, 512);
  checkText('ResourceGroupId', workspace.resource_group_id, 128);
  if (workspace.tags.length > 20) throw new ApiError('TooMany', { kind: 'Tag', limit: 20, label: 'tags of a workspace' });
  for (const tag of workspace.tags) {
    if (tag.Key === '') throw invalid('Tags', 'a tag needs a key');
    checkText('Tags', tag.Key, 128);
    checkText('Tags', tag.Value, 128);
  }
}

export function createLifecycle(options: { holds: Holds; scheduling: Scheduling; belongings: readonly Belonging[]; directory: CachedDirectory }): Lifecycle {
  const { holds, scheduling, belongings, directory } = options;

  function announce(change: Change, workspaceId: number): void {
    change.touch(cacheMessage(workspaceId));
    change.notify('millrace_cache', cacheMessage(workspaceId));
    change.afterCommit(() => directory.forget(workspaceId));
  }

  async function locked(change: Change, workspaceId: number): Promise<WorkspaceRow> {
    const workspace = await lockWorkspace(change, change.actor.tenantId, workspaceId);
    if (workspace === undefined) throw notThere(workspaceId);
    return workspace;
  }

  async function empty(change: Change, workspaceId: number): Promise<void> {
    await scheduling.removeWorkspace(change, workspaceId);
    for (const belonging of belongings) await belonging.removeWorkspace(change, workspaceId);
  }

  async function carryOutDeletion(change: Change, workspace: WorkspaceRow, operator: number): Promise<void> {
    await markDeleted(change, workspace.id, change.now);
    await deleteRolesOf(change, workspace.id);
    await empty(change, workspace.id);
    change.enqueue({ kind: REMAINS, key: String(workspace.id), payload: { workspaceId: workspace.id, tenantId: workspace.tenant_id, last: false } });
    change.raise(workspaceDeleted(workspace, operator, change.now));
    announce(change, workspace.id);
  }

  /** The workspace of a hold, locked; undefined when its deletion is not waiting any more. */
  async function awaited(change: Change, args: Readonly<Record<string, unknown>>): Promise<WorkspaceRow | undefined> {
    const workspace = await lockWorkspace(change, Number(args['tenantId']), Number(args['workspaceId']));
    return workspace?.status === 'Deleting' ? workspace : undefined;
  }

  return {
    announce,
    async create(change, workspace) {
      checkNew(workspace);
      const { tenantId, userId } = change.actor;
      if ((await countWorkspaces(change, tenantId)) >= limits.workspacesPerTenant.value) {
        throw new ApiError('TooMany', { kind: 'Project', limit: limits.workspacesPerTenant.value, label: 'workspaces' });
      }
      let id: number;
      try {
        id = await insertWorkspace(change, tenantId, userId, change.now, workspace);
      } catch (error) {
        if (isUniqueViolation(error, 'workspace_name')) throw new ApiError('AlreadyExists', { kind: 'Project', label: 'workspace', id: workspace.name });
        throw error;
      }
      await insertMember(change, id, userId, [OWNER_ROLE], change.now);
      announce(change, id);
      return id;
    },
    async update(change, workspaceId, wanted) {
      const workspace = await locked(change, workspaceId);
      if (workspace.status === 'Deleting') throw wrongState(workspaceId, 'its deletion is being checked');
      const status = wanted.status ?? workspace.status;
      if (status !== workspace.status && !nextStatuses[workspace.status].includes(status)) throw wrongState(workspaceId, `it cannot go from ${workspace.status} to ${status}`);
      if (wanted.standard_mode === false && workspace.standard_mode) {
        throw invalid('DevEnvironmentEnabled', 'a development environment that exists cannot be taken away');
      }
      if (wanted.display_name?.trim() === '') throw invalid('DisplayName', 'it may not be empty');
      await updateSettings(change, workspaceId, change.now, {
        display_name: checkText('DisplayName', wanted.display_name ?? workspace.display_name, 64),
        description: checkText('Description', wanted.description ?? workspace.description, 512),
        standard_mode: wanted.standard_mode ?? workspace.standard_mode,
        dev_role_disabled: wanted.dev_role_disabled ?? workspace.dev_role_disabled,
        pai_task_enabled: wanted.pai_task_enabled ?? workspace.pai_task_enabled,
        status,
      });
      announce(change, workspaceId);
    },
    async remove(change, workspaceId) {
      const workspace = await locked(change, workspaceId);
      if (workspace.status === 'Deleting') throw wrongState(workspaceId, 'its deletion is being checked already');
      const proposed = await holds.propose(change, deletionProposal(workspace, change.actor.userId));
      if (proposed.held) {
        await markDeleting(change, workspaceId, change.now, proposed.holdId);
        announce(change, workspaceId);
      } else {
        await carryOutDeletion(change, workspace, change.actor.userId);
      }
    },
    remains: {
      kind: REMAINS,
      actor: (payload) => platformActor('workspace:remains', Number(payload['tenantId'])),
      async handle(change, payload) {
        await empty(change, Number(payload['workspaceId']));
        if (payload['last'] === true) return;
        change.enqueue({ kind: REMAINS, key: String(payload['workspaceId']), payload: { ...payload, last: true }, runAt: new Date(change.now.getTime() + limits.workspaceRemainsMs.value) });
      },
    },
    point: {
      code: 'delete-project',
      async proceed(change, args) {
        const workspace = await awaited(change, args);
        if (workspace !== undefined) await carryOutDeletion(change, workspace, Number(args['operator']));
      },
      async reject(change, args) {
        const workspace = await awaited(change, args);
        if (workspace === undefined) return;
        await returnFromDeleting(change, workspace.id, change.now);
        announce(change, workspace.id);
      },
    },
  };
}

/** The statuses a caller may set. */
export function readStatus(text: string): WorkspaceStatus {
  if (text === 'Available' || text === 'Forbidden') return text;
  throw invalid('Status', 'it must be Available or Forbidden');
}

/** The living workspace. Throws WorkspaceNotFound. */
export async function workspaceOrThrow(db: Executor, workspaceId: number): Promise<WorkspaceRow> {
  const workspace = await workspaceById(db, workspaceId);
  if (workspace === undefined || workspace.status === 'Deleted') throw notThere(workspaceId);
  return workspace;
}
