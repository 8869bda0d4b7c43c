import type { Executor } from '../../kernel/database.ts';

/** SQL of who gives and who takes which output in production. */

/** First key of the advisory lock under which the graph of a workspace is changed; the second is the workspace. */
const GRAPH_LOCK = 726_102;

/** Makes deployments of a workspace that change its graph follow each other, since two of them could close a circle together. */
export async function lockGraph(tx: Executor, workspaceId: number): Promise<void> {
  await tx.run('select pg_advisory_xact_lock($1::int, $2::int)', [GRAPH_LOCK, workspaceId]);
}

/** Takes nodes out of the graph. */
export async function removeEdges(tx: Executor, nodeIds: readonly number[]): Promise<void> {
  await tx.run('delete from node_output where node_id = any($1)', [nodeIds]);
  await tx.run('delete from node_input where node_id = any($1)', [nodeIds]);
}

/** What nodes give and take, as pairs. */
export interface Edges {
  readonly outputs: readonly { readonly nodeId: number; readonly output: string }[];
  readonly inputs: readonly { readonly nodeId: number; readonly input: string }[];
}

/** Puts nodes into the graph, which has been seen to take them. */
export async function insertEdges(tx: Executor, workspaceId: number, { outputs, inputs }: Edges): Promise<void> {
  await tx.run('insert into node_output (workspace_id, output, node_id) select distinct $1::bigint, o, n from unnest($2::text[], $3::bigint[]) as e(o, n)', [
    workspaceId,
    outputs.map(({ output }) => output),
    outputs.map(({ nodeId }) => nodeId),
  ]);
  await tx.run('insert into node_input (workspace_id, input, node_id) select distinct $1::bigint, i, n from unnest($2::text[], $3::bigint[]) as e(i, n)', [
    workspaceId,
    inputs.map(({ input }) => input),
    inputs.map(({ nodeId }) => nodeId),
  ]);
}

/** Who in production gives these outputs, in any workspace of the tenant, other than the nodes named. */
export function giversOf(tx: Executor, tenantId: number, outputs: readonly string[], besides: readonly number[]): Promise<{ workspace_id: number; output: string; node_id: number; name: string }[]> {
  return tx.rows(
    `select o.workspace_id, o.output, o.node_id, n.name from node_output o join node n on n.id = o.node_id
     where o.output = any($2) and n.tenant_id = $1 and o.node_id <> all($3) order by o.node_id`,
    [tenantId, outputs, besides],
  );
}

/** Everything in production for which these nodes wait, over however many others: who waits for whom. Nodes named as `besides` are not followed. */
export function upstreamEdges(tx: Executor, nodeIds: readonly number[], besides: readonly number[]): Promise<{ node_id: number; input: string; giver: number | null; name: string }[]> {
  return tx.rows(
    `with recursive upstream (node_id) as (
       select unnest($1::bigint[])
       union
       select o.node_id from upstream u join node_input i on i.node_id = u.node_id join node_output o on o.output = i.input join node n on n.id = o.node_id
       join node w on w.id = u.node_id and w.tenant_id = n.tenant_id where o.node_id <> all($2)
     )
     select u.node_id, i.input, o.node_id as giver, n.name
     from upstream u join node n on n.id = u.node_id join node_input i on i.node_id = u.node_id
     left join (node_output o join node g on g.id = o.node_id) on o.output = i.input and g.tenant_id = n.tenant_id`,
    [nodeIds, besides],
  );
}

/** Nodes in production, other than those named, that wait for one of these outputs. */
export function takersOf(tx: Executor, tenantId: number, outputs: readonly string[], besides: readonly number[]): Promise<{ node_id: number; name: string; input: string }[]> {
  return tx.rows(
    `select i.node_id, n.name, i.input from node_input i join node n on n.id = i.node_id where i.input = any($2) and n.tenant_id = $1 and i.node_id <> all($3) order by i.node_id limit 20`,
    [tenantId, outputs, besides],
  );
}

/** Of these numbers of nodes or tasks, the nodes in production that they name. */
export function deployedByNumber(tx: Executor, tenantId: number, numbers: readonly number[]): Promise<{ id: number; task_id: number | null }[]> {
  return tx.rows('select id, task_id from node where tenant_id = $1 and (id = any($2) or task_id = any($2)) and deployed_version is not null', [tenantId, numbers]);
}
