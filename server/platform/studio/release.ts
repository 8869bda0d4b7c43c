import type { Change } from '../../kernel/change.ts';
import { notFound } from '../../kernel/errors.ts';
import { objectOf } from '../flowspec/index.ts';
import type { Scheduling } from '../scheduling/interface.ts';
import { checkGraph, joinGraph, leaveGraph, type IsRoot, type Joining } from './connect.ts';
import { wrongState } from './drafts.ts';
import { rowDocument } from './flow/document.ts';
import { takersOf } from './graph-store.ts';
import type { ReleaseItem, Releases } from './interface.ts';
import { nodeDocument, type NodeKind, type NodeRow } from './model.ts';
import { commitDrafts, committedVersions, deletedBelow, openAmong, setDeployedMany, setTasks, setUndeployedMany, versionsOf, type ReleasedRow } from './release-store.ts';
import { lockBelow, lockNode, nodeById, rowsBelow, setState } from './store.ts';

/** What goes to an environment together, for the pipeline: an object with all that lies in it. */

const RELEASED: readonly NodeKind[] = ['node', 'workflow', 'resource', 'function'];

function toItem(row: Pick<NodeRow, 'id' | 'name' | 'kind'>, version: number, removal = false): ReleaseItem {
  return { fileId: row.id, version, name: row.name, kind: row.kind, removal };
}

export function createReleases(scheduling: Scheduling, isRoot: IsRoot): Releases {
  /** The object and all that lies in it, locked, containers first. */
  async function lockAll(change: Change, workspaceId: number, id: number): Promise<NodeRow[]> {
    const root = await lockNode(change, workspaceId, id);
    if (root === undefined || root.state === 'DELETED' || !RELEASED.includes(root.kind)) throw notFound('Object', id);
    if (root.container_id !== null) throw wrongState(id, `it lies in the workflow or node ${root.container_id} and is published with it, never alone`, root.kind);
    if (root.kind === 'resource' || root.kind === 'function') return [root];
    await lockBelow(change, id);
    return [root, ...(await rowsBelow(change, workspaceId, id, true))];
  }

  /** The rows of items that are still there, by their ids. */
  async function rowsOf(change: Change, workspaceId: number, items: readonly ReleaseItem[]): Promise<Map<number, NodeRow>> {
    const [first] = items;
    if (first === undefined) return new Map();
    const rows = await lockAll(change, workspaceId, first.fileId);
    return new Map(rows.map((row) => [row.id, row]));
  }

  function joiningOf(rows: ReadonlyMap<number, NodeRow>, versions: readonly ReleasedRow[]): Joining[] {
    return versions.flatMap((version) => {
      const node = rows.get(version.id);
      return node === undefined || (node.kind !== 'node' && node.kind !== 'workflow') ? [] : [{ node, name: version.name, spec: version.spec }];
    });
  }

  const wanted = (items: readonly ReleaseItem[]) => items.filter((item) => !item.removal).map(({ fileId, version }) => ({ id: fileId, version }));

  async function takeOut(change: Change, workspaceId: number, items: readonly ReleaseItem[], environment: 'DEV' | 'PROD', rows: readonly { id: number; kind: NodeKind; task_id: number | null }[]): Promise<void> {
    const ids = new Set(items.map(({ fileId }) => fileId));
    // What lies in a container leaves before it.
    for (const row of rows.toReversed()) {
      if (!ids.has(row.id) || row.task_id === null) continue;
      if (row.kind === 'workflow') await scheduling.withdrawWorkflow(change, { workflowId: row.task_id, workspaceId, environment });
      else if (row.kind === 'node') await scheduling.withdraw(change, { taskId: row.task_id, workspaceId, environment });
    }
  }

  return {
    async collect(change, workspaceId, id, type) {
      const rows = await lockAll(change, workspaceId, id);
      const [root] = rows;
      const gone = root?.kind === 'workflow' || root?.kind === 'node' ? await deletedBelow(change, id) : [];
      const removals = gone.map((row) => toItem(row, row.deployed_version, true));
      if (type === 'Offline') {
        const deployed = rows.filter((row) => row.deployed_version !== null).map((row) => toItem(row, row.deployed_version ?? 0, true));
        if (deployed.length === 0) throw wrongState(id, 'nothing of it is in production', root?.kind);
        return [...deployed, ...removals];
      }
      if (root?.state !== 'NORMAL') throw notFound('Object', id);
      return [...rows.map((row) => toItem(row, 0)), ...removals];
    },

    async build(change, workspaceId, items, comment) {
      const rows = await rowsOf(change, workspaceId, items);
      const kept = items.filter((item) => !item.removal && rows.get(item.fileId)?.state === 'NORMAL');
      const ids = kept.map(({ fileId }) => fileId);
      const [open] = await openAmong(change, ids);
      if (open !== undefined) throw wrongState(open.node_id, `version ${open.version} is being checked; wait for the verdict, or cancel the check`);
      const tasks: { id: number; taskId: number }[] = [];
      for (const row of rows.values()) if (row.task_id === null && (row.kind === 'node' || row.kind === 'workflow')) tasks.push({ id: row.id, taskId: await scheduling.reserveTaskId(change) });
      await setTasks(change, tasks);
      await commitDrafts(change, ids, comment, change.actor.userId, change.now);
      const versions = new Map((await committedVersions(change, ids)).map(({ id, version }) => [id, version]));
      const built = items.flatMap((item) => (item.removal ? [item] : versions.has(item.fileId) ? [{ ...item, version: versions.get(item.fileId) ?? 0 }] : []));
      await checkGraph(change, workspaceId, joiningOf(rows, await versionsOf(change, wanted(built))), isRoot);
      return built;
    },

    async publish(change, workspaceId, items, environment) {
      const rows = await rowsOf(change, workspaceId, items);
      const versions = await versionsOf(change, wanted(items));
      if (environment === 'PROD') {
        const [open] = await openAmong(change, wanted(items).map(({ id }) => id));
        if (open !== undefined) throw wrongState(open.node_id, `version ${open.version} is being checked; wait for the verdict, or cancel the check`);
        await joinGraph(change, workspaceId, joiningOf(rows, versions), isRoot);
      }
      const removed = items.filter((item) => item.removal);
      if (removed.length > 0) {
        const [first] = items;
        const gone = first === undefined ? [] : await deletedBelow(change, first.fileId);
        await takeOut(change, workspaceId, removed, environment, gone);
        if (environment === 'PROD') {
          await leaveGraph(change, workspaceId, removed.map(({ fileId }) => fileId));
          await setUndeployedMany(change, gone.map(({ id }) => id).filter((id) => removed.some(({ fileId }) => fileId === id)), change.actor.userId, change.now);
        }
      }
      // Workflows last: one that counts at once makes the instances of the nodes that are there then.
      for (const version of versions.toSorted((one, other) => Number(rows.get(one.id)?.kind === 'workflow') - Number(rows.get(other.id)?.kind === 'workflow'))) {
        const row = rows.get(version.id);
        if (row === undefined) throw notFound('Object', version.id);
        if ((row.kind !== 'node' && row.kind !== 'workflow') || row.task_id === null) continue;
        const spec = nodeDocument(row, version, row.folder_path);
        if (row.kind === 'workflow') {
          const variables = objectOf(version.spec.$document?.['body'])['variables'];
          await scheduling.publishWorkflow(change, {
            workflowId: row.task_id, workspaceId, environment, fileId: row.id, fileVersion: version.version, name: version.name, kind: row.workflow_kind ?? 'CycleWorkflow', ownerId: version.owner_id,
            spec: variables === undefined ? spec : { variables, ...spec },
          });
        } else {
          await scheduling.publish(change, {
            taskId: row.task_id, workspaceId, environment, fileId: row.id, fileVersion: version.version, name: version.name, fileType: row.file_type, command: row.command, ownerId: version.owner_id,
            content: version.content, spec, workflowId: row.container_id === null ? undefined : (rows.get(row.container_id)?.task_id ?? undefined),
          });
        }
      }
      if (environment === 'PROD') await setDeployedMany(change, wanted(items), change.actor.userId, change.now);
    },

    async checkOffline(change, workspaceId, items) {
      const rows = await rowsOf(change, workspaceId, items);
      const ids = items.map(({ fileId }) => fileId);
      const outputs = (await versionsOf(change, items.map(({ fileId, version }) => ({ id: fileId, version })))).flatMap(({ spec }) => spec.outputs.nodeOutputs.map(({ data }) => data));
      const [taker] = await takersOf(change, change.actor.tenantId, outputs, ids);
      const [root] = [...rows.values()];
      if (taker !== undefined) throw wrongState(root?.id ?? 0, `${taker.name} (${taker.node_id}) waits for its output ${taker.input}; take that offline first`, root?.kind);
    },

    async withdraw(change, workspaceId, items) {
      const rows = await rowsOf(change, workspaceId, items);
      const [first] = items;
      const gone = first === undefined ? [] : await deletedBelow(change, first.fileId);
      await takeOut(change, workspaceId, items, 'PROD', [...rows.values(), ...gone]);
      await leaveGraph(change, workspaceId, items.map(({ fileId }) => fileId));
      await setUndeployedMany(change, items.map(({ fileId }) => fileId), change.actor.userId, change.now);
    },

    async taskIds(change, workspaceId, items) {
      const rows = await rowsOf(change, workspaceId, items);
      return items.flatMap(({ fileId }) => {
        const row = rows.get(fileId);
        return row?.kind === 'node' && row.task_id !== null ? [row.task_id] : [];
      });
    },

    async document(db, workspaceId, item) {
      const [version] = await versionsOf(db, [{ id: item.fileId, version: item.version }]);
      const row = await nodeById(db, workspaceId, item.fileId);
      return version === undefined || row === undefined ? undefined : JSON.stringify(rowDocument(row, version));
    },

    async undeployed(change, workspaceId, fileId) {
      const row = await lockNode(change, workspaceId, fileId);
      if (row === undefined) return;
      await leaveGraph(change, workspaceId, [fileId]);
      await setUndeployedMany(change, [fileId], change.actor.userId, change.now);
      if (row.state === 'NORMAL') await setState(change, fileId, 'RECYCLE_BIN');
    },
  };
}
