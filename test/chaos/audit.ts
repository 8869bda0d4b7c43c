import type { Database } from '../../server/kernel/database.ts';
import type { Ledger } from './writers.ts';

/** Statements that find what must not be, each with a column `what`. Nothing of it may ever be found, whatever was killed when. */
const impossible: Readonly<Record<string, string>> = {
  'an event is there twice': `select event_id::text as what from event group by event_id having count(*) > 1`,
  'an object has events against their order': `select object_key || ' ' || id as what
     from (select object_key, id, position, lag(position) over (partition by object_key order by id) as before from event) e where before > position`,
  'a deleted workspace has not exactly one event of it, or a living one has any': `select w.id::text as what from workspace w
     left join event e on e.code = 'project-deleted' and e.object_key = 'workspace:' || w.id
     group by w.id, w.status having count(e.event_id) <> (w.status = 'Deleted')::int`,
  'an event tells of a workspace that is not there': `select e.object_key as what from event e
     where e.object_key like 'workspace:%' and not exists (select 1 from workspace w where 'workspace:' || w.id = e.object_key)`,
  'a version has not exactly one event of its commit': `select v.node_id || ' v' || v.version as what from node_version v
     left join event e on e.code = 'commit-file' and e.object_key = 'file:' || v.node_id and (e.data ->> 'fileVersion')::bigint = v.version
     where v.change_type <> 'DELETE' group by v.node_id, v.version having count(e.event_id) <> 1`,
  'an event tells of a commit that is not there': `select e.object_key || ' v' || (e.data ->> 'fileVersion') as what from event e where e.code = 'commit-file'
     and not exists (select 1 from node_version v where 'file:' || v.node_id = e.object_key and v.version = (e.data ->> 'fileVersion')::bigint)`,
  'deployments and their events do not pair': `select coalesce(d.file, e.object_key) as what
     from (select 'file:' || i.file_id as file, i.file_version as version, count(*) as n from deployment p join deployment_item i on i.deployment_id = p.id where p.kind = 'deploy' group by 1, 2) d
     full join (select object_key, (data ->> 'fileVersion')::bigint as version, count(*) as n from event where code = 'deploy-file' group by 1, 2) e
       on e.object_key = d.file and e.version = d.version
     where d.n is distinct from e.n`,
  'a deployment without a check did not end with its change': `select id::text as what from deployment where status not in ('Success', 'Failed', 'Rejected', 'Checking')`,
  // The first publication for development is told by no event.
  'publications of nodes and their events do not pair': `select coalesce(t.node, e.object_key) as what
     from (select 'node:' || task_id as node, count(*) - count(distinct environment) filter (where environment = 'DEV') as n from task_version
       group by 1 having count(*) > count(distinct environment) filter (where environment = 'DEV')) t
     full join (select object_key, count(*) as n from event where code in ('node-change-created', 'node-change-updated') group by 1) e on e.object_key = t.node
     where t.n is distinct from e.n`,
  // One that was just made is told of once it moves.
  'the last event of an instance tells another state': `select i.id || ' is ' || i.status || ', told ' || coalesce(e.status, 'nothing') as what from task_instance i
     left join (select distinct on (object_key) object_key, data ->> 'status' as status from event where code = 'instance-status-changes'
       order by object_key, position desc, id desc) e on e.object_key = 'instance:' || i.id
     where not (i.status = 'NotRun' and e.status is null) and e.status is distinct from (case i.status when 'NotRun' then '1' when 'WaitTime' then '2' when 'WaitTrigger' then '2' when 'WaitResource' then '3' when 'Running' then '4'
       when 'Failure' then '5' when 'Success' then '6' when 'Checking' then '7' when 'CheckingCondition' then '8' end)`,
  'an instance has ended more or less than once by its events': `select i.id::text as what from task_instance i
     left join event e on e.object_key = 'instance:' || i.id and e.code = 'instance-status-changes' and e.data ->> 'status' in ('5', '6')
     group by i.id, i.status having count(e.event_id) <> (i.status in ('Failure', 'Success'))::int`,
  'an event tells of an instance that is not there': `select object_key as what from event e
     where object_key like 'instance:%' and not exists (select 1 from task_instance i where 'instance:' || i.id = e.object_key)`,
  'a job was set aside': `select kind || ' ' || coalesce(last_error, '') as what from job where failed_at is not null`,
};

/** Everything that is wrong in the database, in sentences. `stuckMs`: an instance older than this must have ended. */
export async function auditInvariants(database: Database, stuckMs: number): Promise<string[]> {
  const found: string[] = [];
  for (const [sentence, statement] of Object.entries(impossible)) {
    const rows = await database.rows<{ what: string }>(`${statement} limit 5`);
    if (rows.length > 0) found.push(`${sentence}: ${rows.map((row) => row.what).join('; ')}`);
  }
  const stuck = await database.rows<{ id: number; status: string }>(
    `select id, status from task_instance where status not in ('Failure', 'Success') and created_at < now() - make_interval(secs => $1) limit 5`,
    [stuckMs / 1_000],
  );
  if (stuck.length > 0) found.push(`instances are stuck: ${stuck.map((row) => `${row.id} ${row.status}`).join('; ')}`);
  return found;
}

/** Acknowledged changes that are not there, in sentences. */
export async function auditLedger(database: Database, ledger: Ledger): Promise<string[]> {
  const found: string[] = [];
  const lost = async (sentence: string, ids: readonly unknown[], type: 'bigint' | 'text', present: string) => {
    const rows = await database.rows<{ id: unknown }>(`select g.id from unnest($1::${type}[]) as g (id) where not exists (${present}) limit 5`, [ids]);
    if (rows.length > 0) found.push(`${sentence}: ${rows.map((row) => String(row.id)).join(', ')}`);
  };
  await lost('acknowledged calls have no audit line', ledger.requestIds, 'text', 'select 1 from audit a where a.request_id = g.id');
  await lost('acknowledged workspaces are lost', ledger.created, 'bigint', 'select 1 from workspace w where w.id = g.id');
  await lost('acknowledged deletions are lost', ledger.deleted, 'bigint', `select 1 from workspace w where w.id = g.id and w.status = 'Deleted'`);
  await lost('acknowledged commits are lost', ledger.commits, 'bigint', `select 1 from deployment d where d.id = g.id and d.kind = 'commit' and d.status = 'Success'`);
  await lost('acknowledged deployments are lost', ledger.deployments, 'bigint', `select 1 from deployment d where d.id = g.id and d.kind = 'deploy' and d.status = 'Success'`);
  await lost('acknowledged runs are lost', ledger.runs, 'bigint', 'select 1 from task_instance i where i.dag_id = g.id');
  for (const file of ledger.files) {
    // Writers may go on meanwhile.
    const { acknowledged } = file;
    const row = await database.row<{ content: string }>('select content from node where id = $1', [file.fileId]);
    const number = Number(row?.content.replace('echo ', ''));
    if (!(number >= acknowledged && number <= file.attempted)) {
      found.push(`file ${file.fileId} has the content ${row?.content}, acknowledged was ${acknowledged}, tried ${file.attempted}`);
    }
    // What has come through although nobody was told counts as acknowledged from here on.
    file.acknowledged = Math.max(file.acknowledged, number);
  }
  return found;
}
