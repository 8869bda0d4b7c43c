import { faultCodes, isObject, keyPath, listOf, objectOf, textOf, without, type Fault, type JsonObject, type JsonValue } from './json.ts';
import { bodyKeys, type FlowDepend, type FlowEntity, type FlowModel, type FlowNode, type FlowWorkflow } from './model.ts';
import { bareReference, createReferences, type References } from './references.ts';
import type { EntityName, Kind } from './schema.ts';

/** From the body of any version to the inner model. The body has been held against the schema. */

interface Context {
  readonly references: References;
  readonly faults: Fault[];
  readonly creating: boolean;
}

/** The id that a `nodeId` names, which may be a reference or the node itself. */
function nodeIdOf(value: JsonValue | undefined): string {
  const text = isObject(value) ? (textOf(value['id']) ?? textOf(value['name'])) : textOf(value);
  if (text === undefined) return '';
  const id = bareReference(text);
  return id === text ? id : id.replace(/^nodes?\./i, '');
}

function readDepend(value: JsonObject): FlowDepend {
  const output = value['output'];
  const name = isObject(output) ? textOf(output['data']) : textOf(output);
  const nodeId = nodeIdOf(value['nodeId']);
  const table = textOf(value['refTableName']);
  const source = textOf(value['sourceType']);
  return {
    type: (textOf(value['type']) ?? 'Normal') as FlowDepend['type'],
    ...(nodeId === '' ? {} : { nodeId }),
    ...(name === undefined || name === '' ? {} : { output: name }),
    ...(table === undefined ? {} : { refTableName: table }),
    ...(source === undefined ? {} : { sourceType: source }),
  };
}

const DEPEND_KEYS = ['type', 'nodeId', 'output', 'refTableName', 'sourceType'];

/** Names that end a script's path: the node's own, with or without an extension. */
function pathFits(path: string, name: string): boolean {
  const last = path.split('/').filter((part) => part !== '').at(-1);
  return last === undefined || last === name || last.startsWith(`${name}.`);
}

/** Name of a node or another thing with a script: as it says itself, else the last part of its path, else its id. */
function nameOf(value: JsonObject): string {
  const path = textOf(objectOf(value['script'])['path'])?.split('/').filter((part) => part !== '').at(-1);
  return textOf(value['name']) || path || textOf(value['id']) || '';
}

function readNode(raw: JsonValue, path: string, context: Context): FlowNode {
  const { references, faults, creating } = context;
  const held = bodyKeys.find((key) => isObject(objectOf(raw)[key]));
  const holder = held === undefined ? {} : objectOf(objectOf(raw)[held]);
  const shell = held === undefined ? objectOf(raw) : { ...objectOf(raw), [held]: without(holder, ['nodes', 'while', 'flow', 'dependencies']) };
  const value = objectOf(references.settle(shell, { entity: 'Node' }, path));
  const script = objectOf(value['script']);
  const command = textOf(objectOf(script['runtime'])['command']) ?? '';
  const name = nameOf(value);
  if (creating && name === '') faults.push({ path: `${path}.name`, code: faultCodes.validate, message: 'it is needed' });
  if (creating && command === '') faults.push({ path: `${path}.script.runtime.command`, code: faultCodes.validate, message: 'script.runtime.command is empty' });
  const scriptPath = textOf(script['path']);
  if (scriptPath !== undefined && textOf(value['name']) !== undefined && !pathFits(scriptPath, name)) {
    faults.push({ path: `${path}.script.path`, code: faultCodes.validate, message: 'Script path must end with node name' });
  }
  const inner = held === undefined ? [] : [...listOf(holder['nodes']).map((node, at) => ({ node, at: `${path}.${held}.nodes[${at}]` })), ...(isObject(holder['while']) ? [{ node: holder['while'], at: `${path}.${held}.while` }] : [])];
  const hasBody = held !== undefined && ['nodes', 'while', 'flow', 'dependencies'].some((key) => (holder[key] ?? null) !== null);
  return {
    path,
    localId: textOf(value['id']) || name,
    name,
    command,
    value,
    depends: [],
    ...(hasBody && held !== undefined
      ? { body: { key: held, nodes: connect(inner.map(({ node, at }) => readNode(node, at, context)), edgesOf(holder, `${path}.${held}`), context) } }
      : {}),
  };
}

interface PlacedEdge {
  readonly edge: JsonObject;
  readonly path: string;
}

function edgesOf(holder: JsonObject, path: string): PlacedEdge[] {
  return ['flow', 'dependencies'].flatMap((key) => listOf(holder[key]).map((edge, at) => ({ edge: objectOf(edge), path: `${keyPath(path, key)}[${at}]` })));
}

type Connected = Pick<FlowNode, 'path' | 'localId' | 'name' | 'depends' | 'edge'>;

/** Gives each node what it waits for. An edge that names no node of the graph is a fault, except beside a single node, whose edge it must be. */
function connect<Item extends Connected>(nodes: readonly Item[], edges: readonly PlacedEdge[], { references, faults }: Context): Item[] {
  const byId = new Map<string, Item>();
  const ids = new Set<string>();
  for (const node of nodes) {
    if (ids.has(node.localId) && !('nodes' in node)) faults.push({ path: `${node.path}.id`, code: faultCodes.duplicateId, message: `another node has the id ${node.localId.slice(0, 200)}` });
    ids.add(node.localId);
  }
  // Names come first, so that an id of one node wins over the name of another.
  for (const node of nodes) byId.set(node.name, node);
  for (const node of nodes) byId.set(node.localId, node);
  const found = new Map<Item, { depends: Map<string, FlowDepend>; extra: JsonObject }>();
  for (const { edge, path } of edges) {
    const id = nodeIdOf(edge['nodeId']);
    const node = byId.get(id) ?? (nodes.length === 1 ? nodes[0] : undefined);
    if (node === undefined) {
      faults.push({ path: `${path}.nodeId`, code: faultCodes.targetNotFound, message: `there is no node ${id.slice(0, 200)} in the document` });
      continue;
    }
    const settled = objectOf(references.settle(edge, { entity: 'Edge' }, path));
    const entry = found.get(node) ?? { depends: new Map<string, FlowDepend>(), extra: {} };
    for (const raw of listOf(settled['depends'])) {
      const depend = { ...without(objectOf(raw), DEPEND_KEYS), ...readDepend(objectOf(raw)) };
      entry.depends.set(JSON.stringify([depend.type, depend.nodeId, depend.output]), depend);
    }
    entry.extra = { ...entry.extra, ...without(settled, ['nodeId', 'depends']) };
    found.set(node, entry);
  }
  return nodes.map((node) => {
    const entry = found.get(node);
    if (entry === undefined) return node;
    return { ...node, depends: [...entry.depends.values()], ...(Object.keys(entry.extra).length === 0 ? {} : { edge: entry.extra }) };
  });
}

function readEntities(list: JsonValue | undefined, key: string, name: EntityName, path: string, { references, faults, creating }: Context): FlowEntity[] {
  return listOf(list).map((raw, at) => {
    const place = `${keyPath(path, key)}[${at}]`;
    const value = objectOf(references.settle(raw, { entity: name }, place));
    const own = nameOf(value);
    if (creating && own === '') faults.push({ path: `${place}.name`, code: faultCodes.validate, message: 'it is needed' });
    return { path: place, name: own, value };
  });
}

function readWorkflow(raw: JsonObject, path: string, context: Context): FlowWorkflow {
  const value = objectOf(context.references.settle(without(raw, ['nodes', 'flow', 'dependencies']), { entity: 'Workflow' }, path));
  const name = nameOf(value);
  if (context.creating && name === '') context.faults.push({ path: `${path}.name`, code: faultCodes.validate, message: 'it is needed' });
  const speaks = ['nodes', 'flow', 'dependencies'].some((key) => (raw[key] ?? null) !== null);
  const nodes = speaks ? connect(listOf(raw['nodes']).map((node, at) => readNode(node, `${path}.nodes[${at}]`, context)), edgesOf(raw, path), context) : undefined;
  return { path, localId: textOf(value['id']) || name, name, value, depends: [], nodes };
}

/** The body's keys that the model holds elsewhere. */
const TAKEN = ['nodes', 'flow', 'dependencies', 'workflows', 'fileResources', 'functions', 'components'];

export function normalise(
  document: { readonly version: string; readonly kind: Kind; readonly metadata: JsonValue | undefined; readonly body: JsonObject; readonly envelope: JsonObject },
  path: string,
  creating: boolean,
  faults: Fault[],
): FlowModel {
  const { body } = document;
  const context: Context = { references: createReferences(body, faults), faults, creating };
  const at = (key: string) => keyPath(path, key);
  // In a document of resources the collection holds what is meant, not what nodes refer to.
  const nodes = listOf(body['nodes']).map((node, index) => readNode(node, `${at('nodes')}[${index}]`, context));
  const workflows = listOf(body['workflows']).map((raw, index) => readWorkflow(objectOf(raw), `${at('workflows')}[${index}]`, context));
  // An edge of the body may name a workflow too, which then waits as a whole.
  const connected = connect<FlowNode | FlowWorkflow>([...nodes, ...workflows], edgesOf(body, path), context);
  return {
    version: document.version,
    kind: document.kind,
    metadata: document.metadata,
    nodes: connected.slice(0, nodes.length) as FlowNode[],
    workflows: connected.slice(nodes.length) as FlowWorkflow[],
    speaksOfEdges: ['flow', 'dependencies'].some((key) => (body[key] ?? null) !== null),
    resources: readEntities(body['fileResources'], 'fileResources', 'FileResource', path, context),
    functions: readEntities(body['functions'], 'functions', 'Function', path, context),
    components: readEntities(body['components'], 'components', 'Component', path, context),
    body: without(body, TAKEN),
    envelope: document.envelope,
  };
}
