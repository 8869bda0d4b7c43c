import type { Change } from '../../../kernel/change.ts';
import { isObject, objectOf, textOf, without, type FlowNode, type FlowSpecDocument, type FlowWorkflow } from '../../flowspec/index.ts';
import { addObjects, checkContent, saveDraft } from '../drafts.ts';
import { TOP } from '../folders.ts';
import type { NodeRow, NodeSpec, Trigger, WorkflowKind } from '../model.ts';
import { passTriggerOn, rowsBelow, type NewNode } from '../store.ts';
import { lockObject, mergedBesides } from './nodes.ts';
import { checkFlowName, findOutside, ownerOf, placeOf, planNodes, presentNodes, type Site } from './plan.ts';
import { fault } from './read.ts';
import { besides, fromFlow, type Conversion } from './spec.ts';

/** Workflow definitions: creation with what lies in them, import, and change. */

/** The only workflow of a document, also in the older form where the body itself is the workflow. */
export function workflowOf(document: FlowSpecDocument): FlowWorkflow {
  const { model } = document;
  const [workflow, second] = model.workflows;
  if (second !== undefined) return fault(second.path, 'a document holds one workflow');
  if (workflow !== undefined) return model.nodes.length === 0 ? workflow : fault('spec.nodes', 'nodes of the workflow stand in the workflow');
  const name = textOf(model.body['name']) ?? '';
  if (name === '') return fault('spec.name', 'the workflow needs a name');
  const value = without(model.body, ['scripts', 'triggers', 'datasources', 'runtimeResources', 'variables', 'artifacts', 'files', 'dqcRules']);
  return { path: 'spec', localId: textOf(model.body['id']) ?? name, name, value, depends: [], nodes: model.nodes };
}

/** The trigger of a workflow in the older form: the one that all of its nodes have. */
function commonTrigger(nodes: readonly FlowNode[]): { trigger?: Trigger } {
  const texts = new Set(nodes.map((node) => JSON.stringify(node.value['trigger'] ?? null)));
  const [text] = texts;
  return texts.size === 1 && text !== undefined && text !== 'null' ? { trigger: JSON.parse(text) as Trigger } : {};
}

/** A workflow that is to be made, with all rows. */
export interface PlannedWorkflow {
  readonly id: number;
  readonly rows: readonly NewNode[];
}

/** Rows for a workflow and everything in it. Nothing is written but folders. */
export async function planWorkflow(change: Change, site: Site, document: FlowSpecDocument, id: number): Promise<PlannedWorkflow> {
  const workflow = workflowOf(document);
  const kind = document.kind as WorkflowKind;
  const manual = kind === 'ManualWorkflow';
  const outside = await findOutside(change, site, workflow.depends);
  const context: Conversion = {
    nodeId: id,
    workspaceName: site.name,
    version: document.version,
    manual,
    find: (localId) => (localId === workflow.localId ? { nodeId: id, output: `${site.name}.${id}_out` } : outside.get(localId)),
  };
  const value = isObject(workflow.value['trigger']) || manual ? workflow.value : { ...workflow.value, ...(kind === 'TriggerWorkflow' ? { trigger: { type: 'None', cron: '' } } : (commonTrigger(workflow.nodes ?? []) as object)) };
  const spec: NodeSpec = { ...fromFlow(value, workflow.depends, undefined, context, true), ...besides(withoutOlderForm(document), workflow.edge) };
  const place = (await placeOf(change, site, workflow.value, workflow.path)) ?? TOP;
  const row: NewNode = {
    id,
    tenant_id: site.tenantId,
    workspace_id: site.id,
    kind: 'workflow',
    workflow_kind: kind,
    name: checkFlowName(workflow.path, workflow.name),
    command: 'WORKFLOW',
    file_type: 0,
    folder_id: place.folderId,
    business_id: place.businessId,
    use_type: manual ? 'MANUAL_BIZ' : 'NORMAL',
    spec,
    content: checkContent(textOf(objectOf(workflow.value['script'])['content']) ?? '', 'Spec'),
    owner_id: await ownerOf(site, workflow.value, change.actor.userId),
  };
  const inner = await planNodes(change, site, workflow.nodes ?? [], {
    version: document.version,
    container: { id, trigger: spec.trigger },
    useType: manual ? 'MANUAL_BIZ' : 'NORMAL',
    manual,
  });
  return { id, rows: [row, ...inner] };
}

/** In the older form the body is the workflow, so that only what else it holds stands beside it. */
function withoutOlderForm(document: FlowSpecDocument): FlowSpecDocument['model'] {
  const { model } = document;
  if (model.workflows.length > 0) return model;
  const body = Object.fromEntries(Object.entries(model.body).filter(([key]) => ['variables', 'artifacts', 'files', 'dqcRules'].includes(key)));
  return { ...model, body };
}

export async function createWorkflow(change: Change, site: Site, document: FlowSpecDocument, id: number): Promise<PlannedWorkflow> {
  const planned = await planWorkflow(change, site, document, id);
  await addObjects(change, site.id, planned.rows);
  return planned;
}

/**
 * Lays the document's workflow over one that is there. Nodes of the document that are there, by id or name, are changed likewise; others are added; none
 * is deleted. A new trigger reaches the nodes that had the old one.
 */
export async function updateWorkflow(change: Change, site: Site, id: number, document: FlowSpecDocument): Promise<void> {
  const row = await lockObject(change, site.id, 'workflow', id);
  if (document.kind !== row.workflow_kind) fault('kind', `spec kind and request not match: the workflow is a ${row.workflow_kind}`);
  const [workflow] = document.model.workflows;
  if (workflow === undefined) return fault('spec.workflows', 'it must hold a workflow');
  const manual = row.workflow_kind === 'ManualWorkflow';
  const outside = await findOutside(change, site, workflow.depends);
  const context: Conversion = {
    nodeId: row.id,
    workspaceName: site.name,
    version: document.version,
    manual,
    find: (localId) => (localId === workflow.localId ? { nodeId: id, output: row.spec.outputs.nodeOutputs[0]?.data ?? '' } : outside.get(localId)),
  };
  const spec = fromFlow(workflow.value, document.model.speaksOfEdges ? workflow.depends : undefined, row.spec, context, true);
  const place = await placeOf(change, site, workflow.value, workflow.path);
  await saveDraft(change, row, {
    name: textOf(workflow.value['name']) === undefined ? row.name : checkFlowName(workflow.path, workflow.name),
    ...(place === undefined ? {} : { folder_id: place.folderId, business_id: place.businessId }),
    spec: { ...spec, ...mergedBesides(row, besides(document.model, workflow.edge)) },
    owner_id: await ownerOf(site, workflow.value, row.owner_id),
  });
  if (JSON.stringify(spec.trigger) !== JSON.stringify(row.spec.trigger)) await passTriggerOn(change, id, row.spec.trigger, spec.trigger, change.actor.userId, change.now);
  if (workflow.nodes !== undefined) await updateInner(change, site, row, { ...spec }, workflow.nodes, document.version);
}

async function updateInner(change: Change, site: Site, row: NodeRow, spec: NodeSpec, nodes: readonly FlowNode[], version: string): Promise<void> {
  const below = await rowsBelow(change, site.id, row.id, true);
  const direct = below.filter((one) => one.container_id === row.id);
  const byKey = new Map([...direct.map((one) => [one.name, one] as const), ...direct.map((one) => [String(one.id), one] as const)]);
  const fresh: FlowNode[] = [];
  const known: { readonly node: FlowNode; readonly row: NodeRow }[] = [];
  for (const node of nodes) {
    const found = byKey.get(node.localId) ?? byKey.get(node.name);
    if (found === undefined) {
      if (node.command === '') fault(`${node.path}.script.runtime.command`, 'script.runtime.command is empty');
      fresh.push(node);
    } else {
      if (node.command !== '' && node.command !== found.command) fault(`${node.path}.script.runtime.command`, `the command of a node stays as it was created: ${found.command}`);
      if (node.body !== undefined && node.body.nodes.length > 0) fault(`${node.path}.${node.body.key}`, 'what lies in a loop or group is changed node by node');
      known.push({ node, row: found });
    }
  }
  const manual = row.workflow_kind === 'ManualWorkflow';
  const planned = await planNodes(change, site, fresh, { version, container: { id: row.id, trigger: spec.trigger }, useType: manual ? 'MANUAL_BIZ' : 'NORMAL', manual, present: presentNodes(direct) });
  await addObjects(change, site.id, planned);
  const present = presentNodes(direct);
  for (const [at, node] of planned.filter((one) => one.container_id === row.id).entries()) {
    const output = node.spec.outputs.nodeOutputs[1]?.data ?? node.spec.outputs.nodeOutputs[0]?.data ?? '';
    present.set(node.name, { nodeId: node.id, output });
    present.set(fresh[at]?.localId ?? node.name, { nodeId: node.id, output });
  }
  const outside = await findOutside(change, site, known.flatMap(({ node }) => node.depends));
  for (const { node, row: one } of known) {
    const content = textOf(objectOf(node.value['script'])['content']);
    const next = fromFlow(node.value, node.depends, one.spec, { nodeId: one.id, workspaceName: site.name, version, manual, find: (localId) => present.get(localId) ?? outside.get(localId) });
    await saveDraft(change, one, {
      name: textOf(node.value['name']) === undefined ? one.name : checkFlowName(node.path, node.name),
      spec: next,
      ...(content === undefined ? {} : { content: checkContent(content, 'Spec') }),
      owner_id: await ownerOf(site, node.value, one.owner_id),
    });
  }
}
