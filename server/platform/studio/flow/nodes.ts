import type { Change } from '../../../kernel/change.ts';
import { invalid, notFound } from '../../../kernel/errors.ts';
import { objectOf, textOf, type FlowSpecDocument } from '../../flowspec/index.ts';
import { addObjects, checkContent, saveDraft, wrongState } from '../drafts.ts';
import { findPlace, TOP } from '../folders.ts';
import { useTypeOf } from '../legacy/file.ts';
import type { NodeKind, NodeRow, UseType } from '../model.ts';
import { checkName } from '../names.ts';
import { lockNode, rowsBelow } from '../store.ts';
import { checkFlowName, findOutside, ownerOf, placeOf, planNodes, presentNodes, type Site } from './plan.ts';
import { fault } from './read.ts';
import { besides, fromFlow } from './spec.ts';

/** Nodes of the studio: creation, change, move and new name. Moves and names are the same for everything the studio holds. */

export const scenes = { DATAWORKS_PROJECT: 'NORMAL', DATAWORKS_MANUAL_TASK: 'MANUAL', DATAWORKS_MANUAL_WORKFLOW: 'MANUAL_BIZ' } as const satisfies Record<string, UseType>;
export type Scene = keyof typeof scenes;

const KIND_NAMES: Readonly<Record<NodeKind, string>> = { node: 'Node', workflow: 'WorkflowDefinition', resource: 'Resource', function: 'Function', component: 'Component' };

/** Locks an object of a kind that is not deleted. Throws NotFound. */
export async function lockObject(change: Change, workspaceId: number, kind: NodeKind, id: number): Promise<NodeRow> {
  const row = await lockNode(change, workspaceId, id);
  if (row === undefined || row.state !== 'NORMAL' || row.kind !== kind) throw notFound(KIND_NAMES[kind], id);
  return row;
}

export function kindName(kind: NodeKind): string {
  return KIND_NAMES[kind];
}

/** Commands of nodes in which others lie. */
const CONTAINER_COMMANDS = /^(CONTROLLER_CYCLE|CONTROLLER_TRAVERSE|COMBINED_NODE|SUB_PROCESS|PAI_STUDIO|pai_studio)$/;

async function lockContainer(change: Change, workspaceId: number, id: number): Promise<NodeRow> {
  const row = await lockNode(change, workspaceId, id);
  if (row === undefined || row.state !== 'NORMAL' || (row.kind !== 'workflow' && row.kind !== 'node')) throw notFound('Container', id);
  if (row.kind === 'node' && !CONTAINER_COMMANDS.test(row.command)) throw invalid('ContainerId', `${row.name} is neither a workflow nor a loop or group`);
  return row;
}

/** Creates the first node of the document, with what lies in it. Returns its id. */
export async function createNode(change: Change, site: Site, document: FlowSpecDocument, scene: Scene, containerId: number | undefined): Promise<number> {
  const [node] = document.model.nodes;
  if (node === undefined) return fault('spec.nodes', 'it must hold a node');
  const container = containerId === undefined ? undefined : await lockContainer(change, site.id, containerId);
  const useType = container === undefined ? scenes[scene] : container.use_type === 'MANUAL_BIZ' ? 'MANUAL_BIZ' : 'NORMAL';
  if (container !== undefined && (scene === 'DATAWORKS_MANUAL_TASK' || (scene === 'DATAWORKS_MANUAL_WORKFLOW') !== (useType === 'MANUAL_BIZ'))) {
    throw invalid('Scene', `it does not fit the container ${container.name}`);
  }
  const rows = await planNodes(change, site, [node], {
    version: document.version,
    container: container === undefined ? undefined : { id: container.id, trigger: container.spec.trigger },
    useType,
    manual: useType !== 'NORMAL',
    model: document.model,
    ...(container === undefined ? {} : { present: presentNodes(await rowsBelow(change, site.id, container.id, false)) }),
  });
  await addObjects(change, site.id, rows);
  return rows[0]?.id ?? 0;
}

/** Lays the first node of the document over a node. What the document does not name stays; lists are replaced. */
export async function updateNode(change: Change, site: Site, id: number, document: FlowSpecDocument): Promise<void> {
  const row = await lockObject(change, site.id, 'node', id);
  const [node] = document.model.nodes;
  if (node === undefined) return fault('spec.nodes', 'it must hold a node');
  if (node.command !== '' && node.command !== row.command) fault(`${node.path}.script.runtime.command`, `the command of a node stays as it was created: ${row.command}`);
  if (node.body !== undefined) fault(`${node.path}.${node.body.key}`, 'what lies in a loop or group is changed node by node');
  const { model } = document;
  const speaks = model.speaksOfEdges;
  const outside = await findOutside(change, site, node.depends);
  const siblings = speaks && row.container_id !== null ? presentNodes(await rowsBelow(change, site.id, row.container_id, false)) : new Map<string, { nodeId: number; output: string }>();
  const own = { nodeId: row.id, output: row.spec.outputs.nodeOutputs[0]?.data ?? '' };
  const spec = fromFlow(node.value, speaks ? node.depends : undefined, row.spec, {
    nodeId: row.id,
    workspaceName: site.name,
    version: document.version,
    manual: row.use_type === 'MANUAL' || row.use_type === 'MANUAL_BIZ',
    find: (localId) => (localId === node.localId || localId === row.name ? own : (siblings.get(localId) ?? outside.get(localId))),
  });
  const name = textOf(node.value['name']) === undefined ? row.name : checkFlowName(node.path, node.name);
  const place = row.container_id === null ? await placeOf(change, site, node.value, node.path) : undefined;
  const content = textOf(objectOf(node.value['script'])['content']);
  const useType = row.container_id === null && (row.use_type === 'NORMAL' || row.use_type === 'SKIP') ? useTypeOf(place?.useType ?? 'NORMAL', spec) : row.use_type;
  await saveDraft(change, row, {
    name,
    ...(place === undefined ? {} : { folder_id: place.folderId, business_id: place.businessId }),
    use_type: useType,
    spec: { ...spec, ...mergedBesides(row, besides(model, node.edge)) },
    ...(content === undefined ? {} : { content: checkContent(content, 'Spec') }),
    owner_id: await ownerOf(site, node.value, row.owner_id),
  });
}

/** What documents said beside an object adds up over its changes. */
export function mergedBesides(row: NodeRow, next: ReturnType<typeof besides>): ReturnType<typeof besides> {
  const parts = { ...row.spec.$document, ...next.$document };
  return Object.keys(parts).length === 0 ? {} : { $document: parts };
}

/** Moves an object into a folder, which is made when it is not there. Throws WrongState for what lies in a container. */
export async function moveObject(change: Change, workspaceId: number, kind: NodeKind, id: number, path: string): Promise<void> {
  const row = await lockObject(change, workspaceId, kind, id);
  if (row.container_id !== null) throw wrongState(id, 'it lies in a workflow, which is its place', kind);
  const place = path.split('/').every((part) => part === '') ? TOP : await findPlace(change, workspaceId, path, true);
  await saveDraft(change, row, { folder_id: place.folderId, business_id: place.businessId });
}

export async function renameObject(change: Change, workspaceId: number, kind: NodeKind, id: number, name: string): Promise<void> {
  checkName('Name', name);
  await saveDraft(change, await lockObject(change, workspaceId, kind, id), { name });
}
