import { objectOf, WRITTEN_VERSION, type JsonObject, type JsonValue } from '../../flowspec/index.ts';
import { nodeDocument, type NodeRow, type NodeSpec } from '../model.ts';

/** Rows of the studio as FlowSpec documents of version 2.0.0. Pure. */

/** What of a row a document is written from: the draft, a version or a snapshot. */
export interface Described {
  readonly name: string;
  readonly owner_id: number;
  readonly spec: NodeSpec;
  readonly content: string;
}

type Row = Pick<NodeRow, 'id' | 'kind' | 'workflow_kind' | 'command' | 'file_type' | 'container_id' | 'folder_path' | 'use_type' | 'tenant_id' | 'workspace_id'>;

const BODY_KEYS = { CONTROLLER_CYCLE: 'do-while', CONTROLLER_TRAVERSE: 'for-each', COMBINED_NODE: 'combined' } as Readonly<Record<string, string>>;

/** The key under which a container holds its body in a document. */
function bodyKeyOf(command: string): string {
  return BODY_KEYS[command] ?? 'subflow';
}

function withMetadata(row: Row, value: JsonObject): JsonObject {
  const container = row.container_id === null ? {} : { container: { type: row.use_type === 'MANUAL_BIZ' ? 'ManualWorkflow' : 'Workflow', uuid: String(row.container_id) } };
  return { ...value, metadata: { ...objectOf(value['metadata']), ...container, tenantId: String(row.tenant_id), projectId: String(row.workspace_id) } };
}

function edge(id: number, dependencies: JsonValue | undefined, extra: JsonValue | undefined): JsonObject[] {
  const depends = Array.isArray(dependencies) ? (dependencies as readonly JsonValue[]) : [];
  return depends.length === 0 && extra === undefined ? [] : [{ ...objectOf(extra), nodeId: String(id), depends }];
}

/** The FlowSpec node object of a row, and its edge. */
function toNode(row: Row, described: Described, withContent: boolean): { node: JsonObject; edges: JsonObject[] } {
  const { dependencies, ...value } = nodeDocument(row, described, row.folder_path) as JsonObject;
  const script = objectOf(value['script']);
  const node = withMetadata(row, { ...value, script: { ...script, id: String(row.id), ...(withContent ? { content: described.content } : {}) } });
  return { node, edges: edge(row.id, dependencies, described.spec.$document?.['edge']) };
}

function pathOf(row: Row, name: string): string {
  return row.folder_path === '' ? name : `${row.folder_path}/${name}`;
}

function toEntity(row: Row, described: Described, withContent: boolean): JsonObject {
  const entity = objectOf(described.spec.entity);
  const script = objectOf(entity['script']);
  return withMetadata(row, {
    ...entity,
    id: String(row.id),
    name: described.name,
    owner: String(described.owner_id),
    script: { ...script, id: String(row.id), path: pathOf(row, described.name), ...(withContent ? { content: described.content } : {}), runtime: { ...objectOf(script['runtime']), command: row.command } },
  });
}

function envelope(kind: string, described: Described, body: JsonObject): JsonObject {
  const kept = described.spec.$document ?? {};
  return {
    ...objectOf(kept['envelope']),
    version: WRITTEN_VERSION,
    kind,
    ...(kept['metadata'] === undefined ? {} : { metadata: kept['metadata'] }),
    spec: { ...objectOf(kept['body']), ...body },
  };
}

/** A node with the rows that lie in it, whatever their depth. */
function nest(row: NodeRow, byContainer: ReadonlyMap<number, readonly NodeRow[]>, withContent: boolean): { node: JsonObject; edges: JsonObject[] } {
  const { node, edges } = toNode(row, row, withContent);
  const inner = byContainer.get(row.id);
  if (inner === undefined) return { node, edges };
  const parts = inner.map((one) => nest(one, byContainer, withContent));
  const key = bodyKeyOf(row.command);
  return { node: { ...node, [key]: { ...objectOf(node[key]), nodes: parts.map((part) => part.node), dependencies: parts.flatMap((part) => part.edges) } }, edges };
}

/** A workflow with everything in it. `rows` are those below it. */
export function workflowDocument(row: NodeRow, rows: readonly NodeRow[], withContent: boolean): JsonObject {
  const byContainer = new Map<number, NodeRow[]>();
  for (const one of rows) {
    const siblings = byContainer.get(one.container_id ?? 0);
    if (siblings === undefined) byContainer.set(one.container_id ?? 0, [one]);
    else siblings.push(one);
  }
  const parts = (byContainer.get(row.id) ?? []).map((one) => nest(one, byContainer, withContent));
  const { node, edges } = toNode(row, row, false);
  return envelope(row.workflow_kind ?? 'CycleWorkflow', row, {
    workflows: [{ ...node, nodes: parts.map((part) => part.node), dependencies: parts.flatMap((part) => part.edges) }],
    ...(edges.length === 0 ? {} : { dependencies: edges }),
  });
}

/** The document of one row alone: a node, or a workflow without what lies in it. */
export function rowDocument(row: Row, described: Described, withContent = true): JsonObject {
  switch (row.kind) {
    case 'resource':
      return envelope('Resource', described, { fileResources: [toEntity(row, described, withContent)] });
    case 'function':
      return envelope('Function', described, { functions: [toEntity(row, described, withContent)] });
    case 'component':
      return envelope('Component', described, { components: [toEntity(row, described, withContent)] });
    case 'workflow': {
      const { node, edges } = toNode(row, described, false);
      return envelope(row.workflow_kind ?? 'CycleWorkflow', described, { workflows: [node], ...(edges.length === 0 ? {} : { dependencies: edges }) });
    }
    case 'node': {
      const { node, edges } = toNode(row, described, withContent);
      return envelope(row.use_type === 'MANUAL' ? 'ManualNode' : 'Node', described, { nodes: [node], dependencies: edges });
    }
  }
}
