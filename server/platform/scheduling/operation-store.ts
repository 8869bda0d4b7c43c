import type { Executor } from '../../kernel/database.ts';

/** All SQL of what people do to tasks and instances, and of asynchronous orders of workflow instances. */

export type OperationTarget = 'Task' | 'Instance' | 'Workflow' | 'WorkflowInstance';

export interface NewOperation {
  readonly tenantId: number;
  readonly workspaceId: number;
  readonly kind: OperationTarget;
  readonly id: number;
  readonly environment: 'DEV' | 'PROD';
  /** What was done, such as `Rerun`. */
  readonly name: string;
  /** More about it, for people. */
  readonly content: string;
}

/** Writes one line for each target. */
export async function logOperations(tx: Executor, operations: readonly NewOperation[], by: number, now: Date): Promise<void> {
  if (operations.length === 0) return;
  await tx.run(
    `insert into schedule_operation (tenant_id, workspace_id, target_kind, target_id, environment, name, content, user_id, at)
     select o.*, $8, $9 from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[]) as o`,
    [
      operations.map((one) => one.tenantId),
      operations.map((one) => one.workspaceId),
      operations.map((one) => one.kind),
      operations.map((one) => one.id),
      operations.map((one) => one.environment),
      operations.map((one) => one.name),
      operations.map((one) => one.content),
      by,
      now,
    ],
  );
}

export interface OperationRow {
  readonly id: number;
  readonly target_id: number;
  readonly name: string;
  readonly content: string;
  readonly user_id: number;
  readonly at: Date;
}

/** Newest first; of one day (from, to) when given. */
export async function listOperations(
  db: Executor,
  target: { readonly kind: OperationTarget; readonly id: number; readonly environment?: string | undefined; readonly from?: Date | undefined; readonly to?: Date | undefined },
  offset: number,
  size: number,
): Promise<{ total: number; rows: OperationRow[] }> {
  const where = `target_kind = $1 and target_id = $2 and ($3::text is null or environment = $3) and ($4::timestamptz is null or at >= $4) and ($5::timestamptz is null or at < $5)`;
  const values = [target.kind, target.id, target.environment ?? null, target.from ?? null, target.to ?? null];
  const rows = await db.rows<OperationRow>(`select id, target_id, name, content, user_id, at from schedule_operation where ${where} order by id desc offset $6 limit $7`, [...values, offset, size]);
  return { rows, total: (await db.row<{ total: number }>(`select count(*) as total from schedule_operation where ${where}`, values))?.total ?? 0 };
}

export type OrderState = 'Held' | 'Making' | 'Made' | 'Failed';

/** An asynchronous order: to make workflow instances, or to run some again. */
export interface OrderRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly kind: 'Create' | 'Rerun';
  readonly state: OrderState;
  readonly error_text: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly created_by: number;
  readonly created_at: Date;
  readonly finished_at: Date | null;
}

const ORDER = 'id, tenant_id, workspace_id, kind, state, error_text, request, created_by, created_at, finished_at';

export async function insertOrder(tx: Executor, order: { tenantId: number; workspaceId: number; kind: 'Create' | 'Rerun'; request: object; by: number }, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `insert into dag_operation (tenant_id, workspace_id, kind, state, request, created_by, created_at) values ($1, $2, $3, 'Making', $4, $5, $6) returning id`,
    [order.tenantId, order.workspaceId, order.kind, JSON.stringify(order.request), order.by, now],
  );
  if (row === undefined) throw new Error('the order was not written');
  return row.id;
}

export function findOrder(db: Executor, tenantId: number, id: number): Promise<OrderRow | undefined> {
  return db.row(`select ${ORDER} from dag_operation where id = $1 and tenant_id = $2`, [id, tenantId]);
}

export async function setOrder(tx: Executor, id: number, state: OrderState, errorText: string, now: Date): Promise<void> {
  await tx.run(`update dag_operation set state = $2, error_text = $3, finished_at = case when $2 in ('Made', 'Failed') then $4::timestamptz end where id = $1`, [id, state, errorText, now]);
}

/** The workflow instances of an order, in the order they were asked for. */
export async function dagsOfOrder(db: Executor, id: number): Promise<number[]> {
  return (await db.rows<{ id: number }>('select id from dag_run where operation_id = $1 order by id', [id])).map((row) => row.id);
}
