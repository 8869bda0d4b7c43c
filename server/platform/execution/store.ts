import type { Executor } from '../../kernel/database.ts';
import type { NewRun, Run, RunOutcome, RunParameter, RunSurroundings } from './interface.ts';

/** All SQL of runs and their queue. Every write of a worker carries its lease token and touches nothing when the token has moved. */

export interface RunRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly environment: 'DEV' | 'PROD';
  readonly instance_id: number;
  readonly attempt: number;
}

export interface ClaimedRow extends RunRow {
  readonly command: string;
  readonly content: string;
  readonly parameters: readonly RunParameter[];
  readonly timeout_seconds: number;
  readonly lease_token: number;
  readonly datasource: string | null;
  readonly capture: boolean;
  readonly surroundings: RunSurroundings | null;
}

/** A running run whose worker is gone, with what is known of its process. */
export interface LostRow extends RunRow {
  readonly lease_token: number;
  readonly machine: string;
  readonly process_id: number | null;
  readonly process_started: string | null;
  readonly stop_requested_at: Date | null;
}

/** What a worker holds of a run. */
export interface Lease {
  readonly id: number;
  readonly token: number;
}

const RUN = 'id, tenant_id, workspace_id, environment, instance_id, attempt';

export function runOf(row: RunRow): Run {
  return { id: row.id, tenantId: row.tenant_id, workspaceId: row.workspace_id, environment: row.environment, instanceId: row.instance_id, attempt: row.attempt };
}

/** Puts runs into the queue. Returns their ids in the order given. */
export async function insertRuns(tx: Executor, runs: readonly (NewRun & { readonly resourceKey: string | null })[], now: Date): Promise<number[]> {
  const rows = await tx.rows<{ id: number }>(
    `insert into task_run (tenant_id, workspace_id, environment, instance_id, attempt, command, content, parameters, timeout_seconds, priority, resource_key, run_at, queued_at, resource_group, datasource, capture, surroundings)
     select r.tenant_id, r.workspace_id, r.environment, r.instance_id, r.attempt, r.command, r.content, r.parameters, r.timeout_seconds, r.priority, r.resource_key, coalesce(r.run_at, $2), $2,
       r.resource_group, r.datasource, r.capture, r.surroundings
     from jsonb_array_elements($1::jsonb) with ordinality as e(value, place),
       jsonb_to_record(e.value) as r(tenant_id bigint, workspace_id bigint, environment text, instance_id bigint, attempt integer, command text, content text, parameters jsonb,
         timeout_seconds integer, priority integer, resource_key text, run_at timestamptz, resource_group text, datasource text, capture boolean, surroundings jsonb)
     order by e.place
     returning id`,
    [
      JSON.stringify(
        runs.map((run) => ({
          tenant_id: run.tenantId,
          workspace_id: run.workspaceId,
          environment: run.environment,
          instance_id: run.instanceId,
          attempt: run.attempt,
          command: run.command,
          content: run.content,
          parameters: run.parameters,
          timeout_seconds: run.timeoutSeconds,
          priority: run.priority,
          resource_key: run.resourceKey,
          run_at: run.notBefore ?? null,
          resource_group: run.resourceGroup ?? null,
          datasource: run.datasource ?? null,
          capture: run.capture ?? false,
          surroundings: (run.files ?? []).length + (run.variables ?? []).length === 0 ? null : { files: run.files ?? [], variables: run.variables ?? [] },
        })),
      ),
      now,
    ],
  );
  return rows.map((row) => row.id);
}

/** Where the run that is next stands, leaving out resource groups that are full; undefined when none is due. Claims go tenant by tenant, since a change belongs to one. */
export function nextQueue(db: Executor, now: Date, fullGroups: readonly string[]): Promise<{ tenant_id: number; resource_group: string | null } | undefined> {
  return db.row(
    `select tenant_id, resource_group from task_run r
     where state = 'Queued' and run_at <= $1 and (resource_group is null or resource_group <> all($2))
       and (resource_key is null or not exists (select from task_run o where o.resource_key = r.resource_key and o.state = 'Running'))
     order by priority desc, id limit 1`,
    [now, fullGroups],
  );
}

/** Keeps claims in one resource group apart and counts what runs in it, so that all processes together keep to its slots. */
export async function lockGroup(tx: Executor, group: string): Promise<number> {
  await tx.run(`select pg_advisory_xact_lock(hashtextextended('resource-group:' || $1, 0))`, [group]);
  return (await tx.row<{ running: number }>(`select count(*) as running from task_run where resource_group = $1 and state = 'Running'`, [group]))?.running ?? 0;
}

/** How many runs each group has running and waiting. */
export function groupUsage(db: Executor, groups: readonly string[]): Promise<{ resource_group: string; running: number; waiting: number }[]> {
  return db.rows(
    `select resource_group, count(*) filter (where state = 'Running') as running, count(*) filter (where state = 'Queued') as waiting
     from task_run where resource_group = any($1) and state in ('Queued', 'Running') group by resource_group`,
    [groups],
  );
}

/**
 * Claims due runs of a tenant in a resource group, of each resource only the first, and only while nothing runs on it. Two claims at the same moment
 * may still meet on one resource; then the unique index refuses the second, which is tried again.
 */
export function claimRuns(
  tx: Executor,
  queue: { readonly tenant_id: number; readonly resource_group: string | null },
  now: Date,
  leaseUntil: Date,
  worker: string,
  machine: string,
  most: number,
): Promise<ClaimedRow[]> {
  return tx.rows<ClaimedRow>(
    `update task_run set state = 'Running', worker = $4, machine = $5, lease_until = $3, lease_token = lease_token + 1, started_at = $2
     where id in (
       select id from task_run r
       where state = 'Queued' and run_at <= $2 and tenant_id = $1 and resource_group is not distinct from $7
         and (resource_key is null or (
           not exists (select from task_run o where o.resource_key = r.resource_key and o.state = 'Running')
           and not exists (select from task_run e where e.resource_key = r.resource_key and e.state = 'Queued' and e.run_at <= $2
                             and (e.priority > r.priority or (e.priority = r.priority and e.id < r.id)))))
       order by priority desc, id limit $6 for update skip locked)
     returning ${RUN}, command, content, parameters, timeout_seconds, lease_token, datasource, capture, surroundings`,
    [queue.tenant_id, now, leaseUntil, worker, machine, most, queue.resource_group],
  );
}

/** Renews leases. Answers those still held, with whether they are to be stopped. */
export function renewLeases(db: Executor, leases: readonly Lease[], leaseUntil: Date): Promise<{ id: number; lease_token: number; stop: boolean }[]> {
  return db.rows(
    `update task_run r set lease_until = $3
     from unnest($1::bigint[], $2::bigint[]) as held(id, token)
     where r.id = held.id and r.lease_token = held.token and r.state = 'Running'
     returning r.id, r.lease_token, r.stop_requested_at is not null as stop`,
    [leases.map((lease) => lease.id), leases.map((lease) => lease.token), leaseUntil],
  );
}

export async function recordProcess(db: Executor, lease: Lease, processId: number, started: string): Promise<boolean> {
  return (await db.run(`update task_run set process_id = $3, process_started = $4 where id = $1 and lease_token = $2 and state = 'Running'`, [lease.id, lease.token, processId, started])) === 1;
}

/** Ends runs that the caller holds. Returns the ids of those ended; a run whose lease is lost is not among them. */
export async function finishRuns(tx: Executor, ends: readonly { readonly lease: Lease; readonly outcome: RunOutcome }[], now: Date): Promise<Set<number>> {
  const rows = await tx.rows<{ id: number }>(
    `update task_run r set state = 'Finished', finished_at = $3, outcome = e.outcome, exit_code = e.exit_code, variables = e.variables, content = '', lease_until = null
     from unnest($1::bigint[], $2::bigint[], $4::text[], $5::integer[], $6::jsonb[]) as e(id, token, outcome, exit_code, variables)
     where r.id = e.id and r.lease_token = e.token and r.state = 'Running' returning r.id`,
    [
      ends.map(({ lease }) => lease.id),
      ends.map(({ lease }) => lease.token),
      now,
      ends.map(({ outcome }) => outcome.kind),
      ends.map(({ outcome }) => outcome.exitCode ?? null),
      ends.map(({ outcome }) => (outcome.variables === undefined ? null : JSON.stringify(outcome.variables))),
    ],
  );
  return new Set(rows.map((row) => row.id));
}

/** Takes over runs whose lease has ended, and those named in `dead` (workers of this machine that no longer live). The earlier holder is fenced from here on. */
export function takeLostRuns(db: Executor, now: Date, leaseUntil: Date, worker: string, dead: readonly string[], most: number): Promise<LostRow[]> {
  return db.rows<LostRow>(
    `with lost as (
       select id, machine from task_run where state = 'Running' and (lease_until < $1 or worker = any($4)) order by id limit $5 for update skip locked)
     update task_run r set lease_token = lease_token + 1, lease_until = $2, worker = $3 from lost where r.id = lost.id
     returning r.id, tenant_id, workspace_id, environment, instance_id, attempt, lease_token, lost.machine, process_id, process_started, stop_requested_at`,
    [now, leaseUntil, worker, dead, most],
  );
}

/** Workers that hold runs on a machine. */
export async function workersOf(db: Executor, machine: string): Promise<string[]> {
  return (await db.rows<{ worker: string }>(`select distinct worker from task_run where state = 'Running' and machine = $1`, [machine])).map((row) => row.worker);
}

/** Locks the instance's queued or running run. */
export function lockActiveRun(tx: Executor, instanceId: number): Promise<(RunRow & { state: 'Queued' | 'Running' }) | undefined> {
  return tx.row(`select ${RUN}, state from task_run where instance_id = $1 and state in ('Queued', 'Running') for update`, [instanceId]);
}

export async function finishQueuedRun(tx: Executor, id: number, now: Date): Promise<void> {
  await tx.run(`update task_run set state = 'Finished', finished_at = $2, outcome = 'Stopped', content = '' where id = $1`, [id, now]);
}

/** Takes a run that nobody has begun out of the queue, without a trace. False when there is none. */
export async function withdrawQueuedRun(tx: Executor, instanceId: number): Promise<boolean> {
  return (await tx.run(`update task_run set state = 'Finished', finished_at = queued_at, outcome = 'Withdrawn', content = '' where instance_id = $1 and state = 'Queued'`, [instanceId])) === 1;
}

export async function requestStop(tx: Executor, id: number, now: Date): Promise<void> {
  await tx.run('update task_run set stop_requested_at = coalesce(stop_requested_at, $2) where id = $1', [id, now]);
}

/** Which of these runs are running, whoever runs them. */
export async function runningAmong(db: Executor, ids: readonly number[]): Promise<Set<number>> {
  return new Set((await db.rows<{ id: number }>(`select id from task_run where id = any($1) and state = 'Running'`, [ids])).map((row) => row.id));
}

export async function deleteWorkspaceRuns(tx: Executor, workspaceId: number, now: Date): Promise<void> {
  await tx.run('delete from task_run where workspace_id = $1', [workspaceId]);
  await tx.run('insert into workspace_removal (workspace_id, requested_at) values ($1, $2) on conflict do nothing', [workspaceId, now]);
}

export async function workspacesToRemove(db: Executor): Promise<number[]> {
  return (await db.rows<{ workspace_id: number }>('select workspace_id from workspace_removal order by 1 limit 100')).map((row) => row.workspace_id);
}

export async function workspaceRemoved(db: Executor, workspaceId: number): Promise<void> {
  await db.run('delete from workspace_removal where workspace_id = $1', [workspaceId]);
}

/** An attempt of an instance as its history tells it. */
export interface AttemptRow {
  readonly attempt: number;
  readonly state: 'Queued' | 'Running' | 'Finished';
  readonly outcome: string | null;
  readonly queued_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

/** All attempts of an instance, the first one first; those that were taken back before they began are not among them. */
export function attemptsOf(db: Executor, instanceId: number): Promise<AttemptRow[]> {
  return db.rows(`select attempt, state, outcome, queued_at, started_at, finished_at from task_run where instance_id = $1 and outcome is distinct from 'Withdrawn' order by attempt`, [instanceId]);
}

export async function deleteRunsOf(tx: Executor, instanceIds: readonly number[]): Promise<void> {
  await tx.run('delete from task_run where instance_id = any($1)', [instanceIds]);
}
