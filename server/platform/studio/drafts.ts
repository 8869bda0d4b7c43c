import type { Change } from '../../kernel/change.ts';
import { isUniqueViolation } from '../../kernel/database.ts';
import { ApiError, invalid } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { checkText } from '../dialect.ts';
import { sameDraft, type Draft, type NodeKind, type NodeRow, type NodeSpec } from './model.ts';
import { countNodes, FILE_KINDS, insertNodes, updateDraft, type NewNode } from './store.ts';

/** Writing drafts, for both dialects. */

/** What an object is called in errors. */
const LABELS: Readonly<Record<NodeKind, { readonly kind: string; readonly label: string }>> = {
  node: { kind: 'File', label: 'file' },
  resource: { kind: 'File', label: 'file' },
  function: { kind: 'File', label: 'file' },
  workflow: { kind: 'WorkflowDefinition', label: 'workflow definition' },
  component: { kind: 'Component', label: 'component' },
};

export function existsAlready(kind: NodeKind, name: string): ApiError {
  return new ApiError('AlreadyExists', { ...LABELS[kind], id: name });
}

export function wrongState(id: number, reason: string, kind: NodeKind = 'node'): ApiError {
  return new ApiError('WrongState', { ...LABELS[kind], id, reason });
}

/** Whether the legacy dialect has it as a file. */
export function isFile(node: Pick<NodeRow, 'kind'>): boolean {
  return FILE_KINDS.includes(node.kind);
}

export function checkContent(content: string, parameter = 'Content'): string {
  if (Buffer.byteLength(content) > limits.fileContentBytes.value) throw invalid(parameter, `the code of a file may have at most ${limits.fileContentBytes.value} bytes.`);
  return checkText(parameter, content, limits.fileContentBytes.value);
}

/** Every save keeps a snapshot, so that a spec without bound would grow without bound too. */
function checkSpec(name: string, spec: NodeSpec): void {
  if (Buffer.byteLength(JSON.stringify(spec)) > limits.nodeSpecBytes.value) throw invalid('Spec', `without its code ${name} may have at most ${limits.nodeSpecBytes.value} bytes`);
}

async function unique<Result>(kind: NodeKind, name: string, write: Promise<Result>): Promise<Result> {
  try {
    return await write;
  } catch (error) {
    if (isUniqueViolation(error, 'node_name')) throw existsAlready(kind, name);
    throw error;
  }
}

/** Adds objects of one workspace. Throws TooMany beyond the files that a workspace may have, AlreadyExists for a name that its place has. */
export async function addObjects(change: Change, workspaceId: number, nodes: readonly NewNode[]): Promise<void> {
  const [first] = nodes;
  if (first === undefined) return;
  for (const node of nodes) checkSpec(node.name, node.spec);
  const most = limits.filesPerWorkspace.value;
  if ((await countNodes(change, workspaceId, most)) + nodes.length > most) throw new ApiError('TooMany', { kind: 'File', limit: most, label: 'files' });
  await unique(first.kind ?? 'node', first.name, insertNodes(change, nodes, change.actor.userId, change.now));
  // A large import is one line of the audit, under its first object.
  change.touch(`file:${first.id}`);
}

/** Writes a changed draft. What changes nothing leaves a committed draft committed. */
export async function saveDraft(change: Change, node: NodeRow, wanted: Partial<Draft>): Promise<void> {
  const draft: Draft = {
    name: node.name, folder_id: node.folder_id, business_id: node.business_id, use_type: node.use_type, spec: node.spec, content: node.content, owner_id: node.owner_id, ...wanted,
  };
  if (sameDraft(node, draft)) return;
  checkSpec(draft.name, draft.spec);
  await unique(node.kind, draft.name, updateDraft(change, node.id, draft, change.actor.userId, change.now));
  change.touch(`file:${node.id}`);
}
