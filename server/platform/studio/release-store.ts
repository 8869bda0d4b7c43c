import type { Executor } from '../../kernel/database.ts';
import type { NodeRow, NodeSpec } from './model.ts';

/** SQL of what goes to an environment together: an object with all that lies in it. Whole sets in one statement, since a workflow may have thousands of nodes. */

/** A version on its way, as far as its environment needs it. */
export interface ReleasedRow {
  readonly id: number;
  readonly version: number;
  readonly name: string;
  readonly spec: NodeSpec;
  readonly content: string;
  readonly owner_id: number;
}

/** Objects with an open check, in development or on their way to production. */
export function openAmong(tx: Executor, ids: readonly number[]): Promise<{ node_id: number; version: number }[]> {
  return tx.rows(`select node_id, version from node_version where node_id = any($1) and status in ('COMMITTING', 'DEPLOYING') order by node_id limit 1`, [ids]);
}

/** What lay in a container, was deleted in development and is in production still. */
export function deletedBelow(db: Executor, containerId: number): Promise<{ id: number; name: string; kind: NodeRow['kind']; task_id: number | null; deployed_version: number }[]> {
  return db.rows(
    `with recursive below (id) as (
       select id from node where container_id = $1
       union all
       select n.id from node n join below b on n.container_id = b.id
     )
     select n.id, n.name, n.kind, n.task_id, n.deployed_version from below b join node n on n.id = b.id where n.state = 'RECYCLE_BIN' and n.deployed_version is not null order by n.id`,
    [containerId],
  );
}

export async function setTasks(tx: Executor, tasks: readonly { readonly id: number; readonly taskId: number }[]): Promise<void> {
  await tx.run('update node set task_id = t.task_id from unnest($1::bigint[], $2::bigint[]) as t(id, task_id) where node.id = t.id', [tasks.map(({ id }) => id), tasks.map(({ taskId }) => taskId)]);
}

/** Makes versions of the drafts that have changed since their last one. */
export async function commitDrafts(tx: Executor, ids: readonly number[], comment: string, userId: number, now: Date): Promise<void> {
  await tx.run(
    `with next as (
       update node set current_version = current_version + 1, committed_version = current_version + 1, committed_revision = revision
       where id = any($1) and committed_revision is distinct from revision returning *
     )
     insert into node_version (node_id, version, workspace_id, status, change_type, revision, name, spec, content, owner_id, folder_id, business_id, use_type, comment, committed_by, committed_at)
     select id, current_version, workspace_id, 'COMMITTED', case when current_version = 1 then 'CREATE' else 'UPDATE' end, revision, name, spec, content, owner_id, folder_id, business_id, use_type,
       $2, $3, $4 from next`,
    [ids, comment, userId, now],
  );
}

/** The last committed version of each. */
export function committedVersions(db: Executor, ids: readonly number[]): Promise<{ id: number; version: number }[]> {
  return db.rows('select id, committed_version as version from node where id = any($1) and committed_version is not null', [ids]);
}

/** Versions with what they hold, in the order of the ids given. */
export function versionsOf(db: Executor, items: readonly { readonly id: number; readonly version: number }[]): Promise<ReleasedRow[]> {
  return db.rows(
    `select v.node_id as id, v.version, v.name, v.spec, v.content, v.owner_id from unnest($1::bigint[], $2::bigint[]) with ordinality as w(id, version, place)
     join node_version v on v.node_id = w.id and v.version = w.version order by w.place`,
    [items.map(({ id }) => id), items.map(({ version }) => version)],
  );
}

/** Notes which versions are in production now, and keeps snapshots of them. */
export async function setDeployedMany(tx: Executor, items: readonly { readonly id: number; readonly version: number }[], userId: number, now: Date): Promise<void> {
  await tx.run(
    `with wanted as (select * from unnest($1::bigint[], $2::bigint[]) as w(id, version)),
     changed as (update node set deployed_version = w.version from wanted w where node.id = w.id returning node.id),
     moved as (update node_version v set status = 'DEPLOYED' from wanted w where v.node_id = w.id and v.version = w.version returning v.*)
     insert into snapshot (tenant_id, workspace_id, node_id, type, version, name, owner_id, spec, content, comment, created_at, created_by)
     select n.tenant_id, m.workspace_id, m.node_id, 'Deployed', m.version, m.name, m.owner_id, m.spec, m.content, m.comment, $3, $4 from moved m join node n on n.id = m.node_id`,
    [items.map(({ id }) => id), items.map(({ version }) => version), now, userId],
  );
}

/** Notes that objects have left production; what was deleted in development is gone with that. */
export async function setUndeployedMany(tx: Executor, ids: readonly number[], userId: number, now: Date): Promise<void> {
  await tx.run(
    `with gone as (select id, tenant_id, deployed_version from node where id = any($1) and deployed_version is not null),
     changed as (update node set deployed_version = null, state = case when node.state = 'RECYCLE_BIN' then 'DELETED' else node.state end from gone g where node.id = g.id)
     insert into snapshot (tenant_id, workspace_id, node_id, type, version, name, owner_id, spec, content, comment, created_at, created_by)
     select g.tenant_id, v.workspace_id, v.node_id, 'UnDeployed', v.version, v.name, v.owner_id, v.spec, v.content, v.comment, $2, $3
     from gone g join node_version v on v.node_id = g.id and v.version = g.deployed_version`,
    [ids, now, userId],
  );
}
