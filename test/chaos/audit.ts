import type { Database } from '../../server/kernel/database.ts';

/** What the writers were told had happened. */
export interface Acknowledged {
  readonly requests: string[];
  readonly files: Map<number, { readonly name: string; readonly sequence: number }>;
  readonly deployments: number[];
  readonly dags: number[];
}

export interface Finding {
  readonly promise: string;
  readonly detail: string;
}

/** How long instances may take to end after the last restart. */
const SETTLE_MS = 60_000;

/** Holds the database against what was acknowledged. */
export async function audit(database: Database, acknowledged: Acknowledged): Promise<{ findings: Finding[]; counts: Record<string, number> }> {
  const findings: Finding[] = [];
  const report = (promise: string, rows: readonly object[]) => {
    for (const row of rows) findings.push({ promise, detail: JSON.stringify(row) });
  };

  report(
    'no acknowledged change is lost',
    await database.rows('select r.id from unnest($1::text[]) as r(id) where (select count(*) from audit a where a.request_id = r.id) <> 1', [acknowledged.requests]),
  );
  const files = [...acknowledged.files];
  report(
    'no acknowledged change is lost',
    await database.rows(
      `select f.id, f.sequence, n.content from unnest($1::bigint[], $2::text[], $3::int[]) as f(id, name, sequence) left join node n on n.id = f.id and n.name = f.name
       where n.id is null or substring(n.content from '# (\\d+)')::int < f.sequence`,
      [files.map(([id]) => id), files.map(([, file]) => file.name), files.map(([, file]) => file.sequence)],
    ),
  );
  report('no acknowledged change is lost', await database.rows('select d.id from unnest($1::bigint[]) as d(id) where not exists (select from deployment x where x.id = d.id)', [acknowledged.deployments]));
  report('no acknowledged change is lost', await database.rows('select d.id from unnest($1::bigint[]) as d(id) where not exists (select from task_instance i where i.dag_id = d.id)', [acknowledged.dags]));

  report(
    'no event without its change and no change without its event: commits',
    await database.rows(
      `select v.node_id, v.version, count(e.id) from node_version v left join event e on e.code = 'commit-file' and (e.data->>'fileId')::bigint = v.node_id and (e.data->>'fileVersion')::bigint = v.version
       group by 1, 2 having count(e.id) <> 1
       union all
       select (e.data->>'fileId')::bigint, (e.data->>'fileVersion')::bigint, 0 from event e where e.code = 'commit-file'
         and not exists (select from node_version v where v.node_id = (e.data->>'fileId')::bigint and v.version = (e.data->>'fileVersion')::bigint)`,
    ),
  );
  report(
    'no event without its change and no change without its event: deployments',
    await database.rows(
      `with deployed as (select i.file_id, i.file_version, count(*) as n from deployment d join deployment_item i on i.deployment_id = d.id where d.kind = 'deploy' group by 1, 2),
            told as (select (data->>'fileId')::bigint as file_id, (data->>'fileVersion')::bigint as file_version, count(*) as n from event where code = 'deploy-file' group by 1, 2)
       select * from deployed full join told using (file_id, file_version) where deployed.n is distinct from told.n`,
    ),
  );
  report('no event twice', await database.rows('select event_id, count(*) from event group by 1 having count(*) > 1'));
  report(
    'order per object: versions of a file are told in their order',
    await database.rows(
      `select * from (select object_key, (data->>'fileVersion')::bigint as version, lag((data->>'fileVersion')::bigint) over (partition by object_key order by position, id) as before
         from event where code = 'commit-file') told where before >= version`,
    ),
  );

  const unsettled = () => database.rows<{ id: number; status: string }>(`select id, status from task_instance where status not in ('Success', 'Failure')`);
  const end = Date.now() + SETTLE_MS;
  while ((await unsettled()).length > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 100));
  report('no instance is stuck', await unsettled());
  report(
    'the last event of an instance tells its state',
    await database.rows(
      `select i.id, i.status, e.told from task_instance i join lateral (
         select (data->>'status')::int as told from event where object_key = 'instance:' || i.id and code = 'instance-status-changes' order by position desc, id desc limit 1) e on true
       where e.told <> case i.status when 'Success' then 6 when 'Failure' then 5 else -1 end`,
    ),
  );
  report('no instance without events', await database.rows(`select i.id from task_instance i where not exists (select from event where object_key = 'instance:' || i.id)`));

  const count = async (text: string) => (await database.row<{ n: number }>(text))?.n ?? 0;
  return {
    findings,
    counts: {
      events: await count('select count(*) as n from event'),
      files: await count('select count(*) as n from node'),
      versions: await count('select count(*) as n from node_version'),
      deployments: await count('select count(*) as n from deployment'),
      instances: await count('select count(*) as n from task_instance'),
    },
  };
}
