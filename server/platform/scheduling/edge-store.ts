import type { Executor } from '../../kernel/database.ts';
import type { InstanceState, TaskType } from './states.ts';

/** All SQL of the edges between instances, and of the list of instances that the scheduler has to look at. */

export interface Edge {
  readonly downstream: number;
  readonly upstream: number;
  readonly kind: string;
  /** Name of the output by which it waits; matters behind a branch. */
  readonly output: string | null;
}

export async function insertEdges(tx: Executor, edges: readonly Edge[]): Promise<void> {
  if (edges.length === 0) return;
  await tx.run(
    `insert into instance_edge (downstream_id, upstream_id, kind, output) select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) on conflict do nothing`,
    [edges.map((edge) => edge.downstream), edges.map((edge) => edge.upstream), edges.map((edge) => edge.kind), edges.map((edge) => edge.output)],
  );
}

/** Has the scheduler look at instances once this change is committed. */
export async function checkInstances(tx: Executor, tenantId: number, ids: readonly number[]): Promise<void> {
  if (ids.length > 0) await tx.run('insert into schedule_check (tenant_id, instance_id) select $1, unnest($2::bigint[])', [tenantId, ids]);
}

/** Has the scheduler look at all instances of workflow instances before which nothing stands any more. */
export async function checkFreeInstances(tx: Executor, tenantId: number, dagIds: readonly number[]): Promise<void> {
  await tx.run(
    `insert into schedule_check (tenant_id, instance_id)
     select $1, i.id from task_instance i
     where i.dag_id = any($2) and i.status = 'NotRun'
       and not exists (select from instance_edge e join task_instance u on u.id = e.upstream_id where e.downstream_id = i.id and u.status <> 'Success')
     order by i.id`,
    [tenantId, dagIds],
  );
}

/** The tenant of a check that nobody has taken, leaving some tenants out; undefined when there is none. */
export async function tenantOfChecks(db: Executor, without: readonly number[] = []): Promise<number | undefined> {
  return (await db.row<{ tenant_id: number }>('select tenant_id from schedule_check where tenant_id <> all($1) order by id limit 1 for update skip locked', [without]))?.tenant_id;
}

/** Takes checks of a tenant off the list. What this change finds out stands or falls with it. */
export async function takeChecks(tx: Executor, tenantId: number, most: number): Promise<number[]> {
  const rows = await tx.rows<{ instance_id: number }>(
    `delete from schedule_check where id in (select id from schedule_check where tenant_id = $1 order by id limit $2 for update skip locked) returning instance_id`,
    [tenantId, most],
  );
  return [...new Set(rows.map((row) => row.instance_id))];
}

/** How instances stand that are to be looked at. */
export function statesOf(tx: Executor, ids: readonly number[]): Promise<{ id: number; dag_id: number; status: InstanceState }[]> {
  return tx.rows('select id, dag_id, status from task_instance where id = any($1) order by id', [ids]);
}

export async function downstreamsOf(db: Executor, ids: readonly number[]): Promise<number[]> {
  return (await db.rows<{ id: number }>('select distinct downstream_id as id from instance_edge where upstream_id = any($1) order by 1', [ids])).map((row) => row.id);
}

/** What stands before an instance. */
export interface Before {
  readonly id: number;
  /** An upstream has not succeeded yet. */
  readonly waits: boolean;
  /** An upstream has not even ended yet. */
  readonly unended: boolean;
  /** It hangs on an output that a branch has not chosen, or on an instance that is skipped for that reason. */
  readonly unchosen: boolean;
}

/** What stands before each of the instances; those without upstreams are absent. Must be read after they are locked. */
export function whatStandsBefore(tx: Executor, ids: readonly number[]): Promise<Before[]> {
  return tx.rows(
    `select e.downstream_id as id, bool_or(u.status <> 'Success') as waits, bool_or(u.status not in ('Success', 'Failure')) as unended,
       bool_or(u.task_type = 'CONDITION_UNCHOOSE' or (u.result -> 'chosen' is not null and e.output is not null and not u.result -> 'chosen' ? e.output)) as unchosen
     from instance_edge e join task_instance u on u.id = e.upstream_id
     where e.downstream_id = any($1) group by e.downstream_id`,
    [ids],
  );
}

/** The direct upstreams of an instance as a join looks at them. */
export function upstreamsOf(db: Executor, id: number): Promise<{ id: number; name: string; task_id: number | null; file_id: number; output: string | null; status: InstanceState; task_type: TaskType; unchosen: boolean }[]> {
  return db.rows(
    `select u.id, u.name, u.task_id, u.file_id, e.output, u.status, u.task_type,
       (u.task_type = 'CONDITION_UNCHOOSE' or (u.result -> 'chosen' is not null and e.output is not null and not u.result -> 'chosen' ? e.output)) as unchosen
     from instance_edge e join task_instance u on u.id = e.upstream_id where e.downstream_id = $1 order by u.id`,
    [id],
  );
}

/** Removes edges. Returns the upstreams that were cut. */
export async function removeEdges(tx: Executor, downstream: number, upstreams: readonly number[]): Promise<number[]> {
  return (await tx.rows<{ id: number }>('delete from instance_edge where downstream_id = $1 and upstream_id = any($2) returning upstream_id as id', [downstream, upstreams])).map((row) => row.id);
}

/** Instances before (`up`) or behind (`down`) one, with the least number of steps; at most `depth` of them. */
export function relatives(db: Executor, ids: readonly number[], direction: 'up' | 'down', depth: number): Promise<{ id: number; depth: number }[]> {
  const [from, to] = direction === 'up' ? ['downstream_id', 'upstream_id'] : ['upstream_id', 'downstream_id'];
  return db.rows(
    `with recursive walk (id, depth) as (
       select unnest($1::bigint[]), 0
       union
       select e.${to}, w.depth + 1 from walk w join instance_edge e on e.${from} = w.id where w.depth < $2)
     select id, min(depth) as depth from walk where depth > 0 group by id order by depth, id`,
    [ids, depth],
  );
}

/** The direct edges among some instances, for pictures. */
export function edgesAmong(db: Executor, ids: readonly number[]): Promise<{ downstream_id: number; upstream_id: number; kind: string }[]> {
  return db.rows('select downstream_id, upstream_id, kind from instance_edge where downstream_id = any($1) and upstream_id = any($1)', [ids]);
}

/** What the direct upstreams of some instances put out. */
export function resultsBefore(db: Executor, ids: readonly number[]): Promise<{ downstream_id: number; task_id: number | null; file_id: number; output: string | null; variables: Record<string, string> }[]> {
  return db.rows(
    `select e.downstream_id, u.task_id, u.file_id, e.output, coalesce(u.result -> 'variables', '{}') as variables
     from instance_edge e join task_instance u on u.id = e.upstream_id where e.downstream_id = any($1) order by e.downstream_id, u.id`,
    [ids],
  );
}

/** One page of the instances directly before or behind one, with the kind of the edge. */
export async function nearInstances(db: Executor, id: number, direction: 'up' | 'down', offset: number, size: number): Promise<{ total: number; ids: { id: number; kind: string }[] }> {
  const [from, to] = direction === 'up' ? ['downstream_id', 'upstream_id'] : ['upstream_id', 'downstream_id'];
  const ids = await db.rows<{ id: number; kind: string }>(`select ${to} as id, kind from instance_edge where ${from} = $1 order by ${to} offset $2 limit $3`, [id, offset, size]);
  return { ids, total: (await db.row<{ total: number }>(`select count(*) as total from instance_edge where ${from} = $1`, [id]))?.total ?? 0 };
}
