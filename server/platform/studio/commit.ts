import type { HoldOutcome, Holds, PointDeclaration } from '../../extensions/declare.ts';
import type { Change } from '../../kernel/change.ts';
import { notFound } from '../../kernel/errors.ts';
import type { Scheduling } from '../scheduling/interface.ts';
import { isFile, wrongState } from './drafts.ts';
import { lockObject } from './flow/nodes.ts';
import type { Packages } from './interface.ts';
import { nodeDocument, type NodeKind, type NodeRow, type VersionRow } from './model.ts';
import { committedFile, deletedFile, executionCommand, filePayload, publishedTask, versionPayload } from './payloads.ts';
import { insertVersion, lockNode, moveVersion, nodeById, openVersions, rowsBelow, setCommitted, setState, setTask, setVersionHold, setVersionPackage, versionOf } from './store.ts';

/** A workspace as a commit needs it. */
export interface CommitPlace {
  readonly id: number;
  /** Where development is an environment of its own, a commit puts the node into it. */
  readonly standardMode: boolean;
}

/** Commit, deletion and run of a file: each may be held at its extension point. */
export interface Commits {
  /** Makes a version of the draft. Returns the id that GetDeployment understands. */
  submit(change: Change, place: CommitPlace, fileId: number, comment: string): Promise<number>;
  /** Moves the file to the recycle bin. A file that is in production leaves it when this deletion is deployed. Returns the id for GetDeployment. */
  remove(change: Change, place: CommitPlace, fileId: number): Promise<number>;
  /** The same for an object of any kind, with what lies in it. Throws WrongState for one in production, save what lies in a workflow, which leaves production with its next run. */
  discard(change: Change, place: CommitPlace, kind: NodeKind, id: number): Promise<void>;
  /** Runs the draft, or the code given, as it is in the editor. */
  run(change: Change, place: CommitPlace, fileId: number, content: string | undefined): Promise<{ readonly instanceId?: number; readonly holdId?: number; readonly messageId: string }>;
  readonly points: readonly PointDeclaration[];
}

type Args = Readonly<Record<string, unknown>>;

async function lockLiving(change: Change, workspaceId: number, fileId: number): Promise<NodeRow> {
  const node = await lockNode(change, workspaceId, fileId);
  if (node === undefined || node.state !== 'NORMAL' || !isFile(node)) throw notFound('File', fileId);
  return node;
}

/** What lies in a container is published through it, never alone. */
export function refuseInner(node: NodeRow): void {
  if (node.container_id !== null) throw wrongState(node.id, 'it lies in a workflow and is committed and deployed with it; call CreatePipelineRun for the workflow');
}

async function refuseOpen(change: Change, node: NodeRow): Promise<void> {
  const [open] = await openVersions(change, node.id);
  if (open !== undefined) throw wrongState(node.id, `version ${open.version} is being checked; wait for the verdict, or cancel the check`);
}

export function createCommits(options: { holds: Holds; scheduling: Scheduling; packages: () => Packages }): Commits {
  const { holds, scheduling, packages } = options;

  /** The version, in the state in which the check left it, and its file; throws NotFound when the file was deleted meanwhile. */
  async function heldVersion(change: Change, args: Args): Promise<{ node: NodeRow; version: VersionRow }> {
    const workspaceId = Number(args['workspaceId']);
    const fileId = Number(args['fileId']);
    const node = await lockNode(change, workspaceId, fileId);
    const version = node === undefined ? undefined : await versionOf(change, node.id, Number(args['version']));
    if (node === undefined || version === undefined || version.status !== 'COMMITTING') throw notFound('File', fileId);
    return { node, version };
  }

  async function carryOutCommit(change: Change, node: NodeRow, version: VersionRow, packageId: number, standardMode: boolean): Promise<void> {
    await moveVersion(change, node.id, version.version, ['COMMITTING'], 'COMMITTED');
    await setCommitted(change, node.id, version.version, version.revision);
    if (standardMode && version.change_type !== 'DELETE' && node.kind === 'node') {
      await scheduling.publish(change, publishedTask(node, version, 'DEV'));
    }
    await packages().succeed(change, packageId);
  }

  async function carryOutDeletion(change: Change, node: NodeRow, version: VersionRow, packageId: number): Promise<void> {
    const below = node.kind === 'workflow' || node.kind === 'node' ? await rowsBelow(change, node.workspace_id, node.id, false) : [];
    for (const row of [...below.toReversed(), node]) {
      await setState(change, row.id, 'RECYCLE_BIN');
      if (row.task_id === null) continue;
      if (row.kind === 'workflow') await scheduling.withdrawWorkflow(change, { workflowId: row.task_id, workspaceId: row.workspace_id, environment: 'DEV' });
      else await scheduling.withdraw(change, { taskId: row.task_id, workspaceId: row.workspace_id, environment: 'DEV' });
    }
    await carryOutCommit(change, node, version, packageId, false);
  }

  async function runNow(change: Change, node: NodeRow, content: string): Promise<number> {
    return scheduling.runAdHoc(change, {
      workspaceId: node.workspace_id,
      fileId: node.id,
      taskId: node.task_id ?? undefined,
      name: node.name,
      fileType: node.file_type,
      command: node.command,
      content,
      spec: nodeDocument(node, node, node.folder_path),
      ownerId: node.owner_id,
    });
  }

  async function giveUp(change: Change, args: Args, outcome: HoldOutcome): Promise<void> {
    const node = await lockNode(change, Number(args['workspaceId']), Number(args['fileId']));
    const version = node === undefined ? undefined : await versionOf(change, node.id, Number(args['version']));
    if (node !== undefined && version?.status === 'COMMITTING') await moveVersion(change, node.id, version.version, ['COMMITTING'], 'CANCELLED');
    await packages().fail(change, Number(args['packageId']), { message: outcome.tip, byCheck: true });
  }

  /** Makes the version and its deployment, and asks the extensions. */
  async function propose(change: Change, place: CommitPlace, node: NodeRow, kind: 'commit' | 'delete', comment: string): Promise<number> {
    const changeType = kind === 'delete' ? 'DELETE' : node.committed_version === null ? 'CREATE' : 'UPDATE';
    const version = await insertVersion(change, node, { changeType, comment, userId: change.actor.userId, now: change.now });
    const packageId = await packages().open(change, { workspaceId: place.id, kind, fileId: node.id, version: version.version, name: `${node.name} v${version.version}`, comment });
    await setVersionPackage(change, node.id, version.version, packageId);
    change.touch(`file:${node.id}`);
    const { userId } = change.actor;
    const proposed = await holds.propose(change, {
      point: kind === 'delete' ? 'delete-file' : 'commit-file',
      workspaceId: place.id,
      objectKey: `file:${node.id}`,
      data: kind === 'delete' ? filePayload(node, userId) : versionPayload(node, version, changeType, userId),
      title: node.name,
      fileType: node.file_type,
      snapshot: kind === 'delete' ? deletedFile(node) : committedFile(node, version, changeType),
      args: { workspaceId: place.id, fileId: node.id, version: version.version, packageId, standardMode: place.standardMode },
    });
    if (proposed.held) {
      await setVersionHold(change, node.id, version.version, proposed.holdId);
      await packages().checking(change, packageId);
    } else if (kind === 'delete') {
      await carryOutDeletion(change, node, version, packageId);
    } else {
      await carryOutCommit(change, node, version, packageId, place.standardMode);
    }
    return packageId;
  }

  return {
    async submit(change, place, fileId, comment) {
      let node = await lockLiving(change, place.id, fileId);
      refuseInner(node);
      await refuseOpen(change, node);
      if (node.task_id === null && node.kind === 'node') {
        await setTask(change, node.id, await scheduling.reserveTaskId(change));
        node = (await nodeById(change, place.id, fileId)) ?? node;
      }
      return propose(change, place, node, 'commit', comment);
    },
    async remove(change, place, fileId) {
      const node = await lockLiving(change, place.id, fileId);
      await refuseOpen(change, node);
      return propose(change, place, node, 'delete', '');
    },
    async discard(change, place, kind, id) {
      const node = await lockObject(change, place.id, kind, id);
      await refuseOpen(change, node);
      if (node.deployed_version !== null && node.container_id === null) throw wrongState(id, 'it is in production; take it offline first, with CreatePipelineRun and the type Offline', kind);
      await propose(change, place, node, 'delete', '');
    },
    async run(change, place, fileId, content) {
      const node = await lockLiving(change, place.id, fileId);
      const code = content ?? node.content;
      change.touch(`file:${node.id}`);
      const proposed = await holds.propose(change, {
        point: 'run-file',
        workspaceId: place.id,
        objectKey: `file:${node.id}`,
        data: filePayload(node, change.actor.userId),
        title: node.name,
        fileType: node.file_type,
        snapshot: executionCommand(node, code),
        args: { workspaceId: place.id, fileId: node.id, content: code },
      });
      return proposed.held ? { holdId: proposed.holdId, messageId: proposed.messageId } : { instanceId: await runNow(change, node, code), messageId: proposed.messageId };
    },
    points: [
      {
        code: 'commit-file',
        async proceed(change, args) {
          const { node, version } = await heldVersion(change, args);
          await carryOutCommit(change, node, version, Number(args['packageId']), args['standardMode'] === true);
        },
        reject: giveUp,
      },
      {
        code: 'delete-file',
        async proceed(change, args) {
          const { node, version } = await heldVersion(change, args);
          await carryOutDeletion(change, node, version, Number(args['packageId']));
        },
        reject: giveUp,
      },
      {
        code: 'run-file',
        async proceed(change, args) {
          await runNow(change, await lockLiving(change, Number(args['workspaceId']), Number(args['fileId'])), String(args['content'] ?? ''));
        },
        // Nothing was done, so nothing is to be undone.
        async reject() {},
      },
    ],
  };
}
