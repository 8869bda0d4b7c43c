import type { Change } from '../../kernel/change.ts';
import { wrongState } from './drafts.ts';
import { findCircle } from './graph.ts';
import { deployedByNumber, giversOf, insertEdges, lockGraph, removeEdges, upstreamEdges } from './graph-store.ts';
import type { NodeRow, NodeSpec } from './model.ts';

/** Whether versions fit into the graph of what is in production: one giver for each output, a giver for each input, and no circle. */

/** A version that is to go to production. */
export interface Joining {
  readonly node: Pick<NodeRow, 'id' | 'container_id' | 'task_id'>;
  readonly name: string;
  readonly spec: NodeSpec;
}

/** Outputs that are there without a node that gives them: the roots of workspaces. */
export type IsRoot = (tenantId: number, output: string) => Promise<boolean>;

const unique = (texts: Iterable<string>) => [...new Set(texts)];

/**
 * Throws WrongState when the versions do not fit in beside what is in production: an output that another node gives, a dependency on what nobody gives, or a
 * circle, whose nodes the error names in order.
 */
export async function checkGraph(change: Change, workspaceId: number, joining: readonly Joining[], isRoot: IsRoot): Promise<void> {
  const { tenantId } = change.actor;
  const ids = joining.map(({ node }) => node.id);
  const giver = new Map<string, number>();
  const names = new Map(joining.map(({ node, name }) => [node.id, name]));
  for (const { node, spec } of joining) {
    for (const { data } of spec.outputs.nodeOutputs) {
      const other = giver.get(data);
      if (other !== undefined && other !== node.id) throw wrongState(node.id, `can not exported multiple nodes into the same output: ${names.get(other)} (${other}) gives ${data} too`);
      giver.set(data, node.id);
    }
  }
  const inputs = unique(joining.flatMap(({ spec }) => spec.inputs.nodeOutputs.map(({ data }) => data)));
  const outside = await giversOf(change, tenantId, unique([...giver.keys(), ...inputs]), ids);
  for (const { output, node_id: other, name, workspace_id: where } of outside) {
    const own = giver.get(output);
    if (own === undefined) giver.set(output, other);
    else if (where === workspaceId) throw wrongState(own, `can not exported multiple nodes into the same output: ${name} (${other}) gives ${output} already`);
  }

  const numbers = unique(joining.flatMap(({ spec }) => spec.dependencies.flatMap(({ type, nodeId }) => (type === 'Normal' && nodeId !== undefined && /^\d{1,15}$/.test(nodeId) ? [nodeId] : [])))).map(Number);
  const byNumber = new Map<number, number>();
  for (const { id, task_id: taskId } of numbers.length === 0 ? [] : await deployedByNumber(change, tenantId, numbers)) for (const number of taskId === null ? [id] : [id, taskId]) byNumber.set(number, id);
  for (const { node } of joining) for (const number of node.task_id === null ? [node.id] : [node.id, node.task_id]) byNumber.set(number, node.id);

  const roots = new Map<string, boolean>();
  const rooted = async (output: string) => {
    const known = roots.get(output) ?? (await isRoot(tenantId, output));
    roots.set(output, known);
    return known;
  };
  const waitsFor = new Map<number, number[]>();
  const add = (from: number, to: number) => {
    const list = waitsFor.get(from);
    if (list === undefined) waitsFor.set(from, [to]);
    else list.push(to);
  };
  for (const { node, name, spec } of joining) {
    for (const { data } of spec.inputs.nodeOutputs) {
      const found = giver.get(data);
      if (found !== undefined) add(node.id, found);
      else if (!(await rooted(data))) throw wrongState(node.id, `${name} waits for the output ${data}, which nothing deployed gives`);
    }
    for (const { type, nodeId } of spec.dependencies) {
      if (type !== 'Normal' || nodeId === undefined) continue;
      const found = byNumber.get(Number(nodeId));
      if (found === undefined) throw wrongState(node.id, `${name} waits for the node ${nodeId}, which is not deployed`);
      add(node.id, found);
    }
  }
  // A container is done when all in it is done, and what lies in it begins when the container may.
  for (const { node } of joining) {
    if (node.container_id === null || !names.has(node.container_id)) continue;
    for (const target of waitsFor.get(node.container_id) ?? []) if (target !== node.id) add(node.id, target);
  }
  for (const { node } of joining) if (node.container_id !== null && names.has(node.container_id)) add(node.container_id, node.id);

  for (const edge of await upstreamEdges(change, unique(outside.map(({ node_id: id }) => String(id))).map(Number), ids)) {
    names.set(edge.node_id, edge.name);
    const target = giver.get(edge.input) ?? edge.giver;
    if (target !== null) add(edge.node_id, target);
  }
  const circle = findCircle(ids, (id) => waitsFor.get(id) ?? []);
  if (circle !== undefined) throw wrongState(circle[0] ?? 0, `the dependencies close a circle: ${circle.map((id) => `${names.get(id) ?? ''} (${id})`).join(' -> ')}`);
}

/** Checks the versions against the graph and puts them into it. Others that change the graph of the workspace wait until the change ends. */
export async function joinGraph(change: Change, workspaceId: number, joining: readonly Joining[], isRoot: IsRoot): Promise<void> {
  await lockGraph(change, workspaceId);
  await removeEdges(change, joining.map(({ node }) => node.id));
  await checkGraph(change, workspaceId, joining, isRoot);
  await insertEdges(change, workspaceId, {
    outputs: joining.flatMap(({ node, spec }) => spec.outputs.nodeOutputs.map(({ data }) => ({ nodeId: node.id, output: data }))),
    inputs: joining.flatMap(({ node, spec }) => spec.inputs.nodeOutputs.map(({ data }) => ({ nodeId: node.id, input: data }))),
  });
}

export async function leaveGraph(change: Change, workspaceId: number, nodeIds: readonly number[]): Promise<void> {
  await lockGraph(change, workspaceId);
  await removeEdges(change, nodeIds);
}
