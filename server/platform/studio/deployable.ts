import { missing, notFound } from '../../kernel/errors.ts';
import type { Change } from '../../kernel/change.ts';
import type { Scheduling } from '../scheduling/interface.ts';
import { refuseInner } from './commit.ts';
import { checkGraph, joinGraph, leaveGraph, type IsRoot, type Joining } from './connect.ts';
import { isFile, wrongState } from './drafts.ts';
import type { Deployable, Studio } from './interface.ts';
import type { ChangeType } from './model.ts';
import { committedFile, publishedTask, versionPayload } from './payloads.ts';
import { lockNode, moveVersion, nodeById, nodeByTask, openVersions, setDeployed, setState, versionOf } from './store.ts';

/** What a deployment means for production. */
function changeOf({ node, version }: Deployable): ChangeType {
  if (version.change_type === 'DELETE') return 'DELETE';
  return node.deployed_version === null ? 'CREATE' : 'UPDATE';
}

/** What the deployment does with files and versions. */
export function createDeployables(scheduling: Scheduling, isRoot: IsRoot): Studio {
  const joining = ({ node, version }: Deployable): Joining[] => (node.kind === 'node' && version.change_type !== 'DELETE' ? [{ node, name: version.name, spec: version.spec }] : []);

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
      // What would be refused in the end is refused before anybody is asked.
      await checkGraph(change, workspaceId, joining(found), isRoot);
      return found;
    },
    again: load,
    async inRun(change, workspaceId, fileId, version) {
      const node = await nodeById(change, workspaceId, fileId);
      const row = node === undefined ? undefined : await versionOf(change, node.id, version);
      if (node === undefined || row === undefined) throw notFound('File', fileId);
      return { node, version: row };
    },
    deploying: (change, { node, version }) => moveVersion(change, node.id, version.version, ['COMMITTED', 'DEPLOYED'], 'DEPLOYING'),
    async deployed(change, deployable) {
      const { node, version } = deployable;
      const found = joining(deployable);
      if (found.length > 0) await joinGraph(change, node.workspace_id, found, isRoot);
      else await leaveGraph(change, node.workspace_id, [node.id]);
      await moveVersion(change, node.id, version.version, ['DEPLOYING'], 'DEPLOYED');
      if (version.change_type === 'DELETE') {
        if (node.task_id !== null) await scheduling.withdraw(change, { taskId: node.task_id, workspaceId: node.workspace_id, environment: 'PROD' });
        await setDeployed(change, node.id, null, change.actor.userId, change.now);
        await setState(change, node.id, 'DELETED');
        return;
      }
      if (node.kind === 'node') await scheduling.publish(change, publishedTask(node, version, 'PROD'));
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
