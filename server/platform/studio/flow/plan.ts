import { fileTypeByCommand } from '../../../../contract/file-types.ts';
import type { Change } from '../../../kernel/change.ts';
import { ApiError, notFound } from '../../../kernel/errors.ts';
import { objectOf, outputNames, textOf, type FlowModel, type FlowNode, type JsonObject } from '../../flowspec/index.ts';
import { checkContent } from '../drafts.ts';
import { findPlace, TOP, type Place } from '../folders.ts';
import { useTypeOf } from '../legacy/file.ts';
import type { NodeRow, NodeSpec, Trigger, UseType } from '../model.ts';
import { checkName } from '../names.ts';
import { nextNodeIds, outputsOf, type NewNode } from '../store.ts';
import { fault } from './read.ts';
import { besides, fromFlow, type Conversion } from './spec.ts';

/** From nodes of a document to rows of the studio: their ids, places and what they wait for. */

/** The workspace in which rows are made, and who may own them. */
export interface Site {
  readonly id: number;
  readonly tenantId: number;
  readonly name: string;
  /** The user that an `owner` of a document names; undefined when nobody here is called so. */
  owner(text: string): Promise<number | undefined>;
}

/** Number of a command that has none of its own. */
const CUSTOM = 9_999;

export function numberOfCommand(command: string): number {
  return fileTypeByCommand.get(command)?.number ?? CUSTOM;
}

/** Checks a name that a document gives. Throws InvalidParameter at its place in the document. */
export function checkFlowName(path: string, name: string): string {
  try {
    return checkName('Spec', name);
  } catch (error) {
    if (error instanceof ApiError) fault(`${path}.name`, String(error.parameters['reason']));
    throw error;
  }
}

/** The owner that a document names. One that is nobody's id here, as in a document from elsewhere, leaves it to whoever asks. */
export async function ownerOf(site: Site, value: JsonObject, otherwise: number): Promise<number> {
  const text = textOf(value['owner']);
  return text === undefined || text === '' ? otherwise : ((await site.owner(text)) ?? otherwise);
}

/** The folder that a script's path names, made on the way; undefined when the path names none. */
export async function placeOf(change: Change, site: Site, value: JsonObject, path: string): Promise<Place | undefined> {
  const script = textOf(objectOf(value['script'])['path']);
  if (script === undefined) return undefined;
  const folders = script.split('/').filter((part) => part !== '').slice(0, -1);
  if (folders.length === 0) return undefined;
  try {
    return await findPlace(change, site.id, folders.join('/'), true);
  } catch (error) {
    if (error instanceof ApiError && error.entry === 'InvalidParameter') fault(`${path}.script.path`, String(error.parameters['reason']));
    throw error;
  }
}

interface Scope {
  readonly ids: ReadonlyMap<string, number>;
  readonly outer: Scope | undefined;
}

function findIn(scope: Scope | undefined, localId: string): number | undefined {
  for (let one = scope; one !== undefined; one = one.outer) {
    const id = one.ids.get(localId);
    if (id !== undefined) return id;
  }
  return undefined;
}

/** The output by which others wait for a node: its first, else its default one. */
function waitedOutput(value: JsonObject, workspaceName: string, id: number): string {
  return outputNames(value)[0] ?? `${workspaceName}.${id}_out`;
}

function everyNode(nodes: readonly FlowNode[]): FlowNode[] {
  return nodes.flatMap((node) => [node, ...everyNode(node.body?.nodes ?? [])]);
}

/** Nodes elsewhere in the workspace that the documents' nodes wait for by id. */
async function findOutside(change: Change, site: Site, depends: readonly { readonly nodeId?: string | undefined }[]): Promise<Map<string, { nodeId: number; output: string }>> {
  const ids = [...new Set(depends.flatMap(({ nodeId }) => (nodeId !== undefined && /^\d{1,15}$/.test(nodeId) ? [Number(nodeId)] : [])))];
  if (ids.length === 0) return new Map();
  return new Map((await outputsOf(change, site.id, ids)).map(({ id, output }) => [String(id), { nodeId: id, output: output ?? '' }]));
}

export interface PlanOptions {
  readonly version: string;
  /** The container in which the nodes come to lie; its spec gives them their trigger. */
  readonly container: { readonly id: number; readonly trigger: Trigger | undefined } | undefined;
  /** Of nodes that no container holds: where they go by themselves. */
  readonly useType: UseType;
  readonly manual: boolean;
  /** Nodes that are there already, by what documents may call them. */
  readonly present?: ReadonlyMap<string, { readonly nodeId: number; readonly output: string }>;
  /** What the document says beside its nodes, for the only node of a document. */
  readonly model?: FlowModel;
}

/** Rows for the nodes of a document and all that lies in them, containers first. */
export async function planNodes(change: Change, site: Site, nodes: readonly FlowNode[], options: PlanOptions): Promise<NewNode[]> {
  const all = everyNode(nodes);
  const ids = await nextNodeIds(change, all.length);
  const idOf = new Map(all.map((node, at) => [node, ids[at] ?? 0]));
  const byId = new Map(all.map((node) => [idOf.get(node) ?? 0, node]));
  const outside = await findOutside(change, site, all.flatMap(({ depends }) => depends));
  const owners = new Map<string, number>();
  const rows: NewNode[] = [];

  async function add(siblings: readonly FlowNode[], container: PlanOptions['container'], outer: Scope | undefined): Promise<void> {
    const names = new Set<string>();
    const local = new Map<string, number>();
    for (const node of siblings) local.set(node.name, idOf.get(node) ?? 0);
    for (const node of siblings) local.set(node.localId, idOf.get(node) ?? 0);
    const scope: Scope = { ids: local, outer };
    for (const node of siblings) {
      const id = idOf.get(node) ?? 0;
      const name = checkFlowName(node.path, node.name);
      if (names.has(name) && container !== undefined) fault(`${node.path}.name`, `another node beside it is called ${name}`);
      names.add(name);
      const context: Conversion = {
        nodeId: id,
        workspaceName: site.name,
        version: options.version,
        inheritedTrigger: container?.trigger,
        manual: options.manual,
        find(localId) {
          const found = findIn(scope, localId);
          if (found !== undefined) return { nodeId: found, output: waitedOutput(byId.get(found)?.value ?? {}, site.name, found) };
          return options.present?.get(localId) ?? outside.get(localId);
        },
      };
      const place = container === undefined ? ((await placeOf(change, site, node.value, node.path)) ?? { ...TOP, useType: options.useType }) : TOP;
      const spec: NodeSpec = { ...fromFlow(node.value, node.depends, undefined, context), ...(options.model === undefined || siblings !== nodes ? (node.edge === undefined ? {} : { $document: { edge: node.edge } }) : besides(options.model, node.edge)) };
      const ownerText = textOf(node.value['owner']) ?? '';
      const owner = owners.get(ownerText) ?? (await ownerOf(site, node.value, change.actor.userId));
      owners.set(ownerText, owner);
      rows.push({
        id,
        tenant_id: site.tenantId,
        workspace_id: site.id,
        kind: 'node',
        ...(container === undefined ? {} : { container_id: container.id }),
        name,
        command: node.command,
        file_type: numberOfCommand(node.command),
        folder_id: place.folderId,
        business_id: place.businessId,
        use_type: options.useType === 'NORMAL' ? useTypeOf(place.useType, spec) : options.useType,
        spec,
        content: checkContent(textOf(objectOf(node.value['script'])['content']) ?? '', 'Spec'),
        owner_id: owner,
      });
      if (node.body !== undefined) await add(node.body.nodes, { id, trigger: spec.trigger }, scope);
    }
  }

  await add(nodes, options.container, undefined);
  return rows;
}

/** What a row is to documents that wait for it. */
export function presentNodes(rows: readonly NodeRow[]): Map<string, { nodeId: number; output: string }> {
  const found = new Map<string, { nodeId: number; output: string }>();
  const entry = (row: NodeRow) => ({ nodeId: row.id, output: row.spec.outputs.nodeOutputs[1]?.data ?? row.spec.outputs.nodeOutputs[0]?.data ?? '' });
  for (const row of rows) found.set(row.name, entry(row));
  for (const row of rows) found.set(String(row.id), entry(row));
  return found;
}

export { findOutside };

export function noNode(id: string | number): ApiError {
  return notFound('Node', id);
}
