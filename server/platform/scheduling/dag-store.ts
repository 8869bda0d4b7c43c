import type { Executor } from '../../kernel/database.ts';
import type { LoopContext } from './loop.ts';
import type { DagState, DagType } from './states.ts';
import { likePart } from './store.ts';

/** All SQL of workflow instances (DAG runs). */

export interface DagRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly environment: 'DEV' | 'PROD';
  readonly name: string;
  readonly type: DagType;
  readonly flow_id: number;
  readonly task_id: number | null;
  readonly bizdate: Date;
  readonly trigger_time: Date | null;
  readonly status: DagState;
  readonly released: boolean;
  readonly after_dag_id: number | null;
  readonly parent_instance_id: number | null;
  readonly round: number | null;
  readonly operation_id: number | null;
  readonly loop: LoopContext | null;
  readonly created_by: number;
  readonly created_at: Date;
  readonly modified_at: Date;
  readonly modified_by: number;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

const COLUMNS = `id, tenant_id, workspace_id, environment, name, type, flow_id, task_id, bizdate, trigger_time, status, released, after_dag_id, parent_instance_id, round, operation_id, loop,
  created_by, created_at, modified_at, modified_by, started_at, finished_at`;

export interface NewDag {
  readonly tenantId: number;
  readonly workspaceId: number;
  readonly environment: 'DEV' | 'PROD';
  readonly name: string;
  readonly type: DagType;
  readonly bizdate: Date;
  readonly createdBy: number;
  /** 1 for instances outside any workflow. */
  readonly flowId?: number;
  /** The task it begins at. */
  readonly taskId?: number;
  readonly triggerTime?: Date;
  /** False: none of its instances starts before `releaseDags`. */
  readonly released?: boolean;
  readonly afterDagId?: number | undefined;
  readonly parentInstanceId?: number;
  readonly round?: number;
  /** What the code of a round may read. */
  readonly loop?: LoopContext;
  readonly operationId?: number;
  /** Of a scheduled one: names the cycle, so that making it twice makes it once. */
  readonly cycleKey?: string;
}

/** Writes a workflow instance. Returns its id, that of the present one when the cycle is there already. */
export async function insertDag(tx: Executor, dag: NewDag, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `insert into dag_run (tenant_id, workspace_id, environment, name, type, bizdate, created_by, modified_by, created_at, modified_at, flow_id, task_id, trigger_time, released, after_dag_id,
       parent_instance_id, round, operation_id, cycle_key, loop)
     values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
     on conflict (workspace_id, environment, flow_id, cycle_key) where type = 'Normal' do update set modified_at = excluded.modified_at
     returning id`,
    [
      dag.tenantId,
      dag.workspaceId,
      dag.environment,
      dag.name,
      dag.type,
      dag.bizdate,
      dag.createdBy,
      now,
      dag.flowId ?? 1,
      dag.taskId ?? null,
      dag.triggerTime ?? null,
      dag.released ?? true,
      dag.afterDagId ?? null,
      dag.parentInstanceId ?? null,
      dag.round ?? null,
      dag.operationId ?? null,
      dag.cycleKey ?? null,
      dag.loop === undefined ? null : JSON.stringify(dag.loop),
    ],
  );
  if (row === undefined) throw new Error('the workflow instance was not written');
  return row.id;
}

export function findDag(db: Executor, tenantId: number, id: number): Promise<DagRow | undefined> {
  return db.row(`select ${COLUMNS} from dag_run where id = $1 and tenant_id = $2`, [id, tenantId]);
}

/** Locks workflow instances in the order of their ids. The lock lets instances be added meanwhile. */
export function lockDags(tx: Executor, ids: readonly number[]): Promise<DagRow[]> {
  return tx.rows(`select ${COLUMNS} from dag_run where id = any($1) order by id for no key update`, [ids]);
}

/** What the states of its instances say about a workflow instance. */
export interface DagTally {
  readonly dag_id: number;
  /** Any that runs or waits for its time, its turn or a check. */
  readonly active: boolean;
  readonly failed: boolean;
  readonly waiting: boolean;
  readonly succeeded: boolean;
}

/** Answered from the index alone, whatever the number of instances. */
export function tallyDags(tx: Executor, ids: readonly number[]): Promise<DagTally[]> {
  return tx.rows(
    `select q.id as dag_id,
       exists (select from task_instance where dag_id = q.id and status in ('WaitTime', 'WaitResource', 'Running', 'Checking', 'CheckingCondition', 'WaitTrigger')) as active,
       exists (select from task_instance where dag_id = q.id and status = 'Failure') as failed,
       exists (select from task_instance where dag_id = q.id and status = 'NotRun') as waiting,
       exists (select from task_instance where dag_id = q.id and status = 'Success') as succeeded
     from unnest($1::bigint[]) as q(id)`,
    [ids],
  );
}

export function setDagStatus(tx: Executor, id: number, status: DagState, now: Date): Promise<DagRow | undefined> {
  return tx.row(
    `update dag_run set status = $2, modified_at = $3, started_at = case when $2 = 'NotRun' then null else coalesce(started_at, $3) end,
       finished_at = case when $2 in ('Failure', 'Success') then $3::timestamptz end
     where id = $1 returning ${COLUMNS}`,
    [id, status, now],
  );
}

/** Lets the instances of workflow instances start. Returns the ids of those that were not released before. */
export async function releaseDags(tx: Executor, ids: readonly number[]): Promise<number[]> {
  return (await tx.rows<{ id: number }>('update dag_run set released = true where id = any($1) and not released returning id', [ids])).map((row) => row.id);
}

/** Workflow instances that wait for one of these to succeed. */
export async function dagsAfter(tx: Executor, ids: readonly number[]): Promise<number[]> {
  return (await tx.rows<{ id: number }>('select id from dag_run where after_dag_id = any($1) and not released order by id', [ids])).map((row) => row.id);
}

export interface DagFilter {
  readonly workspaceId: number;
  readonly environment?: 'DEV' | 'PROD' | undefined;
  readonly ids?: readonly number[] | undefined;
  readonly types?: readonly DagType[] | undefined;
  readonly flowId?: number | undefined;
  readonly taskId?: number | undefined;
  readonly name?: string | undefined;
  readonly createdBy?: number | undefined;
  readonly states?: readonly DagState[] | undefined;
  readonly bizdateFrom?: Date | undefined;
  readonly bizdateTo?: Date | undefined;
  readonly operationId?: number | undefined;
}

const ORDERS = { id: 'id', created: 'created_at', due: 'trigger_time', started: 'started_at', finished: 'finished_at', modified: 'modified_at' } as const;

export interface DagListOrder {
  readonly by: keyof typeof ORDERS;
  readonly descending: boolean;
}

const MATCHES = `workspace_id = $1 and ($2::text is null or environment = $2) and ($3::bigint[] is null or id = any($3)) and ($4::text[] is null or type = any($4))
  and ($5::bigint is null or flow_id = $5) and ($6::bigint is null or task_id = $6) and ($7::text is null or name ilike $7) and ($8::bigint is null or created_by = $8)
  and ($9::text[] is null or status = any($9)) and ($10::timestamptz is null or bizdate >= $10) and ($11::timestamptz is null or bizdate <= $11)
  and ($12::bigint is null or operation_id = $12) and parent_instance_id is null`;

/** One page of workflow instances; the rounds of loops are not among them. */
export async function listDags(db: Executor, filter: DagFilter, order: DagListOrder, offset: number, size: number): Promise<{ total: number; rows: DagRow[] }> {
  const values = [
    filter.workspaceId,
    filter.environment ?? null,
    filter.ids ?? null,
    filter.types ?? null,
    filter.flowId ?? null,
    filter.taskId ?? null,
    likePart(filter.name),
    filter.createdBy ?? null,
    filter.states ?? null,
    filter.bizdateFrom ?? null,
    filter.bizdateTo ?? null,
    filter.operationId ?? null,
  ];
  const direction = order.descending ? 'desc' : 'asc';
  const rows = await db.rows<DagRow>(`select ${COLUMNS} from dag_run where ${MATCHES} order by ${ORDERS[order.by]} ${direction} nulls last, id ${direction} offset $13 limit $14`, [...values, offset, size]);
  const counted = await db.row<{ total: number }>(`select count(*) as total from dag_run where ${MATCHES}`, values);
  return { total: counted?.total ?? 0, rows };
}

/** The rounds of a loop, the first one first. */
export function roundsOf(db: Executor, instanceId: number): Promise<DagRow[]> {
  return db.rows(`select ${COLUMNS} from dag_run where parent_instance_id = $1 order by id`, [instanceId]);
}
