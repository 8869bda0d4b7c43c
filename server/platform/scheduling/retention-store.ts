import type { Executor } from '../../kernel/database.ts';

/** All SQL of forgetting workflow instances and task instances. */

/** The next workflow instance after an id whose business date lies before a moment and of which nothing runs or waits any more; ids grow with time, so the old ones come first. */
export function expiredDag(db: Executor, before: Date, after: number): Promise<{ id: number; tenant_id: number } | undefined> {
  return db.row(
    `select d.id, d.tenant_id from dag_run d
     where d.id > $2 and d.bizdate < $1
       and not exists (select from task_instance i where i.dag_id = d.id and i.status in ('WaitTime', 'WaitResource', 'Running', 'Checking', 'CheckingCondition', 'WaitTrigger'))
     order by d.id limit 1`,
    [before, after],
  );
}

/** Deletes instances of a workflow instance that do not run or wait, with their edges and own code. */
export function deleteEndedInstances(tx: Executor, dagId: number, most: number): Promise<{ id: number; owner_id: number; workspace_id: number }[]> {
  return tx.rows(
    `with gone as (
       delete from task_instance where id in (select id from task_instance where dag_id = $1 and status in ('Success', 'Failure', 'NotRun') order by id limit $2 for update skip locked)
       returning id, owner_id, workspace_id
     ), down as (
       delete from instance_edge where downstream_id in (select id from gone)
     ), up as (
       delete from instance_edge where upstream_id in (select id from gone)
     ), code as (
       delete from ad_hoc_code where instance_id in (select id from gone)
     )
     select id, owner_id, workspace_id from gone order by id`,
    [dagId, most],
  );
}

/** Deletes a workflow instance without instances. */
export async function emptyDag(tx: Executor, dagId: number): Promise<void> {
  await tx.run('delete from dag_run where id = $1 and not exists (select from task_instance where dag_id = $1)', [dagId]);
}
