import { missing, notFound } from '../../kernel/errors.ts';
import type { Change } from '../../kernel/change.ts';
import type { Scheduling } from '../scheduling/interface.ts';
import { refuseInner } from './commit.ts';
import { isFile, wrongState } from './drafts.ts';
import { insertEdges, lockGraph, removeEdges, waitsForItself } from './graph-store.ts';
import type { Deployable, Studio } from './interface.ts';
import type { ChangeType } from './model.ts';
import { committedFile, publishedTask, versionPayload } from './payloads.ts';
import { lockNode, moveVersion, nodeByTask, openVersions, setDeployed, setState, versionOf } from './store.ts';

/** What a deployment means for production. */
function changeOf({ node, version }: Deployable): ChangeType {
  if (version.change_type === 'DELETE') return 'DELETE';
  return node.deployed_version === null ? 'CREATE' : 'UPDATE';
}

/** Changes who gives and takes which output in production. Throws WrongState when the version does not fit in. */
async function connect(change: Change, { node, version }: Deployable): Promise<void> {
  await lockGraph(change, node.workspace_id);
  await removeEdges(change, node.id);
  if (version.change_type === 'DELETE') return;
  const taken = await insertEdges(change, node.workspace_id, node.id, version.spec);
  if (taken !== undefined) throw wrongState(node.id, `another file gives its output ${taken} already`);
  if (await waitsForItself(change, node.workspace_id, node.id)) throw wrongState(node.id, 'over its inputs it would wait for itself');
}

/** What the deployment does with files and versions. */
export function createDeployables(scheduling: Scheduling): Studio {
  async function load(change: Change, workspaceId: number, fileId: number, version: number | undefined): Promise<Deployable> {
    const node = await lockNode(change, workspaceId, fileId);
    if (node === undefined || node.state === 'DELETED' || !isFile(node)) throw notFound('File', fileId);
    refuseInner(node);
    const wanted = version ?? node.committed_version;
    if (wanted === null) throw wrongState(fileId, 'nothing of it is committed yet; call SubmitFile first');
    const row = await versionOf(change, node.id, wanted);
    if (row === undefined) throw notFound('File', fileId);
    return { node, version: row };
  }

  return {
    async deployable(change, workspaceId, file) {
      if (file.fileId === undefined && file.nodeId === undefined) throw missing('FileId');
      const fileId = file.fileId ?? (await nodeByTask(change, workspaceId, file.nodeId ?? 0))?.id;
      if (fileId === undefined) throw notFound('Node', file.nodeId ?? 0);
      const found = await load(change, workspaceId, fileId, undefined);
      const [open] = await openVersions(change, fileId);
      if (open !== undefined) throw wrongState(fileId, `version ${open.version} is being checked; wait for the verdict, or cancel the check`);
      return found;
    },
    again: load,
    deploying: (change, { node, version }) => moveVersion(change, node.id, version.version, ['COMMITTED', 'DEPLOYED'], 'DEPLOYING'),
    async deployed(change, deployable) {
      const { node, version } = deployable;
      await connect(change, deployable);
      await moveVersion(change, node.id, version.version, ['DEPLOYING'], 'DEPLOYED');
      if (version.change_type === 'DELETE') {
        if (node.task_id !== null) await scheduling.withdraw(change, { taskId: node.task_id, workspaceId: node.workspace_id, environment: 'PROD' });
        await setDeployed(change, node.id, null, change.actor.userId, change.now);
        await setState(change, node.id, 'DELETED');
        return;
      }
      await scheduling.publish(change, publishedTask(node, version, 'PROD'));
      await setDeployed(change, node.id, version.version, change.actor.userId, change.now);
    },
    async notDeployed(change, { node, version }) {
      const before = node.deployed_version === version.version ? 'DEPLOYED' : 'COMMITTED';
      await moveVersion(change, node.id, version.version, ['DEPLOYING'], before);
    },
    payload: (deployable, operator) => versionPayload(deployable.node, deployable.version, changeOf(deployable), operator),
    snapshot: (deployable) => committedFile(deployable.node, deployable.version, changeOf(deployable)),
  };
}
