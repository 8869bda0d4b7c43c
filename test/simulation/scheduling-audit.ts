import type { Database } from '../../server/kernel/database.ts';
import type { Kind } from './scheduling-endings.ts';

/** Compares what the database says at the end of a history with what was told meanwhile, and with what the workflow's shape allows. */
export async function auditSchedule(options: {
  readonly database: Database;
  readonly fault: (text: string) => void;
  readonly dagId: number;
  /** Instance by its place in the workflow, as are the two lists after it. */
  readonly idOf: readonly number[];
  readonly kinds: readonly Kind[];
  readonly upstreams: readonly (readonly number[])[];
  /** The end that was committed, by run. */
  readonly ends: ReadonlyMap<number, string>;
}): Promise<void> {
  const { database, fault, dagId, idOf, kinds, upstreams, ends } = options;
  const runs = await database.rows<{ id: number; instance_id: number; attempt: number; state: string; outcome: string | null }>('select id, instance_id, attempt, state, outcome from task_run where instance_id = any($1) order by id', [idOf]);
  for (const run of runs) {
    if (run.state !== 'Finished') fault(`run ${run.id} is still ${run.state}`);
    if (run.outcome !== ends.get(run.id)) fault(`run ${run.id} ended ${ends.get(run.id)}, and is kept as ${run.outcome}`);
  }
  for (const id of ends.keys()) if (!runs.some((run) => run.id === id)) fault(`run ${id} is gone`);
  const rows = await database.rows<{ id: number; status: string }>('select id, status from task_instance where dag_id = $1', [dagId]);
  const status = new Map(rows.map((row) => [row.id, row.status]));
  for (const [index, id] of idOf.entries()) {
    const ready = (upstreams[index] ?? []).every((one) => status.get(idOf[one] ?? 0) === 'Success');
    const last = runs.findLast((run) => run.instance_id === id)?.outcome ?? undefined;
    const found = status.get(id);
    const fine = ready ? (found === 'Success' && (kinds[index] === 'zero' || last === 'Success')) || (found === 'Failure' && (last === 'Failure' || last === 'Lost')) : found === 'NotRun' && last === undefined;
    if (!fine) fault(`${kinds[index]} ${index} is ${found}, with ${ready ? 'all' : 'not all'} of what it waits for, and its last run ${last ?? 'never was'}`);
  }
  const told = await database.rows<{ instance: number; status: number; early: boolean }>(
    `select i.id as instance, (e.data ->> 'status')::integer as status, e.occurred_at < i.trigger_time as early
     from event e join task_instance i on i.id = (e.data ->> 'taskId')::bigint
     where e.code = 'instance-status-changes' and (e.data ->> 'dagId')::bigint = $1 order by e.position, e.id`,
    [dagId],
  );
  const succeeded = new Set<number>();
  const endings = new Map<number, number>();
  for (const event of told) {
    const index = idOf.indexOf(event.instance);
    if (event.status === 3 || event.status === 4) for (const one of upstreams[index] ?? []) if (!succeeded.has(idOf[one] ?? 0)) fault(`${index} began before ${one} had succeeded`);
    if (event.status === 6) succeeded.add(event.instance);
    if (event.status === 5 || event.status === 6) endings.set(event.instance, (endings.get(event.instance) ?? 0) + 1);
  }
  for (const [index, id] of idOf.entries()) if (told.find((event) => event.instance === id && (event.status === 3 || event.status === 4))?.early === true) fault(`${index} began before its time`);
  for (const [instance, times] of endings) if (times !== 1) fault(`instance ${instance} was told to end ${times} times`);
  for (const id of idOf) if ((status.get(id) === 'Success' || status.get(id) === 'Failure') !== endings.has(id)) fault(`instance ${id} is ${status.get(id)}, and ${endings.has(id) ? 'its' : 'no'} end was told`);
  const checks = await database.row<{ count: number }>('select count(*) as count from schedule_check');
  if (checks?.count !== 0) fault(`${checks?.count} looks were never taken`);
}
