import { listOf, objectOf, type JsonObject, type JsonValue } from './json.ts';
import type { FlowDepend, FlowModel, FlowNode, FlowWorkflow } from './model.ts';
import type { FlowSpecDocument } from './parse.ts';

/** Writing specs: a document as it was, or the inner model in the form of version 2.0.0. */

export const WRITTEN_VERSION = '2.0.0';

/** The text of a document that nobody has changed: the same JSON value that was read. */
export function writeFlowSpec(document: Pick<FlowSpecDocument, 'source'>): string {
  return JSON.stringify(document.source);
}

/** The edge of a node, or nothing when it waits for nothing. */
export function edgeOf(node: { readonly localId: string; readonly depends: readonly FlowDepend[]; readonly edge?: JsonObject | undefined }): JsonObject[] {
  if (node.depends.length === 0 && node.edge === undefined) return [];
  return [{ ...node.edge, nodeId: node.localId, depends: node.depends.map((depend) => ({ ...depend })) }];
}

function nodeOf(node: FlowNode): JsonObject {
  if (node.body === undefined) return node.value;
  const { key, nodes } = node.body;
  return { ...node.value, [key]: { ...objectOf(node.value[key]), nodes: nodes.map(nodeOf), dependencies: nodes.flatMap(edgeOf) } };
}

function workflowOf(workflow: FlowWorkflow): JsonObject {
  if (workflow.nodes === undefined) return workflow.value;
  return { ...workflow.value, nodes: workflow.nodes.map(nodeOf), dependencies: workflow.nodes.flatMap(edgeOf) };
}

/** The inner model as a document of version 2.0.0: edges as `dependencies`, everything that was referred to in its place. */
export function toDocument(model: FlowModel): JsonObject {
  const list = (key: string, values: readonly JsonValue[]) => (values.length === 0 ? {} : { [key]: values });
  const edges = [...model.nodes.flatMap(edgeOf), ...model.workflows.flatMap(edgeOf)];
  return {
    ...model.envelope,
    version: WRITTEN_VERSION,
    kind: model.kind,
    ...(model.metadata === undefined ? {} : { metadata: model.metadata }),
    spec: {
      ...model.body,
      ...list('nodes', model.nodes.map(nodeOf)),
      ...(model.speaksOfEdges ? { dependencies: edges } : {}),
      ...list('workflows', model.workflows.map(workflowOf)),
      ...list('fileResources', model.resources.map(({ value }) => value)),
      ...list('functions', model.functions.map(({ value }) => value)),
      ...list('components', model.components.map(({ value }) => value)),
    },
  };
}

/** How many nodes a graph has, those in loops and groups included. */
export function countFlowNodes(nodes: readonly FlowNode[]): number {
  return nodes.reduce((sum, node) => sum + 1 + countFlowNodes(node.body?.nodes ?? []), 0);
}

/** Names of the outputs of a node object. */
export function outputNames(value: JsonObject): string[] {
  return listOf(objectOf(value['outputs'])['nodeOutputs']).flatMap((output) => {
    const data = objectOf(output)['data'];
    return typeof data === 'string' && data !== '' ? [data] : [];
  });
}
