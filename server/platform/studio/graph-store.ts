import type { Executor } from '../../kernel/database.ts';
import type { NodeSpec } from './model.ts';

/** SQL of who gives and who takes which output in production. */

/** First key of the advisory lock under which the graph of a workspace is changed; the second is the workspace. */
const GRAPH_LOCK = 726_102;

/** Makes deployments of a workspace that change its graph follow each other, since two of them could close a circle together. */
export async function lockGraph(tx: Executor, workspaceId: number): Promise<void> {
  await tx.run('select pg_advisory_xact_lock($1::int, $2::int)', [GRAPH_LOCK, workspaceId]);
}

/** Takes a node out of the graph. */
export async function removeEdges(tx: Executor, nodeId: number): Promise<void> {
  await tx.run('delete from node_output where node_id = $1', [nodeId]);
  await tx.run('delete from node_input where node_id = $1', [nodeId]);
}

/** Puts a node into the graph. Answers an output that another node gives already, in which case the graph lacks it. */
export async function insertEdges(tx: Executor, workspaceId: number, nodeId: number, spec: NodeSpec): Promise<string | undefined> {
  const outputs = [...new Set(spec.outputs.nodeOutputs.map((output) => output.data))];
  const inputs = [...new Set(spec.inputs.nodeOutputs.map((input) => input.data))];
  await tx.run('insert into node_output (workspace_id, output, node_id) select $1, unnest($3::text[]), $2 on conflict do nothing', [workspaceId, nodeId, outputs]);
  await tx.run('insert into node_input (workspace_id, node_id, input) select $1, $2, unnest($3::text[])', [workspaceId, nodeId, inputs]);
  const taken = await tx.row<{ output: string }>('select output from node_output where workspace_id = $1 and output = any($2) and node_id <> $3 limit 1', [workspaceId, outputs, nodeId]);
  return taken?.output;
}

/** Whether the node waits, over whatever many others, for itself. */
export async function waitsForItself(tx: Executor, workspaceId: number, nodeId: number): Promise<boolean> {
  const row = await tx.row(
    `with recursive upstream (node_id) as (
       select o.node_id from node_input i join node_output o on o.workspace_id = $1 and o.output = i.input where i.node_id = $2
       union
       select o.node_id from upstream u join node_input i on i.node_id = u.node_id join node_output o on o.workspace_id = $1 and o.output = i.input
     )
     select 1 from upstream where node_id = $2`,
    [workspaceId, nodeId],
  );
  return row !== undefined;
}
