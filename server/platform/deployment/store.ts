import type { Executor } from '../../kernel/database.ts';
import type { Page } from '../dialect.ts';
import { statesBefore, type DeploymentState } from './states.ts';

export interface DeploymentRow {
  readonly id: number;
  readonly workspace_id: number;
  readonly kind: 'commit' | 'deploy' | 'delete' | 'online' | 'offline';
  readonly name: string;
  readonly status: DeploymentState;
  readonly error_text: string;
  readonly comment: string;
  readonly created_by: number;
  readonly created_at: Date;
  readonly executed_by: number | null;
  readonly executed_at: Date | null;
}

export interface ItemRow {
  readonly file_id: number;
  readonly file_version: number;
}

const COLUMNS = 'id, workspace_id, kind, name, status, error_text, comment, created_by, created_at, executed_by, executed_at';

export async function insertDeployment(
  tx: Executor,
  wanted: { readonly tenantId: number; readonly workspaceId: number; readonly kind: string; readonly name: string; readonly comment: string; readonly userId: number; readonly fileId: number; readonly version: number },
  now: Date,
): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `with made as (
       insert into deployment (tenant_id, workspace_id, kind, name, status, comment, created_by, created_at, modified_at) values ($1, $2, $3, $4, 'Ready', $5, $6, $7, $7) returning id
     ), item as (
       insert into deployment_item (deployment_id, file_id, file_version, name) select id, $8, $9, $10 from made
     )
     select id from made`,
    [wanted.tenantId, wanted.workspaceId, wanted.kind, wanted.name, wanted.comment, wanted.userId, now, wanted.fileId, wanted.version, wanted.name],
  );
  if (row === undefined) throw new Error('the deployment was not written');
  return row.id;
}

/** Moves a deployment on. False when it has ended already, or is not there. */
export async function moveDeployment(tx: Executor, id: number, to: DeploymentState, errorText: string, by: number, now: Date): Promise<boolean> {
  const moved = await tx.run(
    `update deployment set status = $2, error_text = $3,
       executed_by = case when $2 in ('Checking', 'Running') then executed_by else $4 end, modified_at = $5::timestamptz,
       executed_at = case when $2 in ('Checking', 'Running') then executed_at else $5::timestamptz end
     where id = $1 and status = any($6)`,
    [id, to, errorText, by, now, statesBefore(to)],
  );
  return moved === 1;
}

export function deploymentById(db: Executor, workspaceId: number, id: number): Promise<DeploymentRow | undefined> {
  return db.row(`select ${COLUMNS} from deployment where workspace_id = $1 and id = $2`, [workspaceId, id]);
}

export function itemsOf(db: Executor, id: number): Promise<ItemRow[]> {
  return db.rows('select file_id, file_version from deployment_item where deployment_id = $1 order by file_id', [id]);
}

export interface DeploymentFilter {
  readonly workspaceId: number;
  readonly creator?: number | undefined;
  readonly executor?: number | undefined;
  readonly keyword?: string | undefined;
  readonly states?: readonly DeploymentState[] | undefined;
  readonly createdBefore?: Date | undefined;
  readonly executedBefore?: Date | undefined;
}

/** One page, newest first. */
export async function listDeployments(db: Executor, filter: DeploymentFilter, page: Page): Promise<{ rows: DeploymentRow[]; total: number }> {
  const where = `workspace_id = $1 and ($2::bigint is null or created_by = $2) and ($3::bigint is null or executed_by = $3)
    and ($4::text is null or position(lower($4) in lower(name)) > 0) and ($5::text[] is null or status = any($5))
    and ($6::timestamptz is null or created_at <= $6) and ($7::timestamptz is null or executed_at <= $7)`;
  const values = [
    filter.workspaceId,
    filter.creator ?? null,
    filter.executor ?? null,
    filter.keyword ?? null,
    filter.states ?? null,
    filter.createdBefore ?? null,
    filter.executedBefore ?? null,
  ];
  const [rows, count] = await Promise.all([
    db.rows<DeploymentRow>(`select ${COLUMNS} from deployment where ${where} order by created_at desc, id desc limit $8 offset $9`, [...values, page.size, page.offset]),
    db.row<{ count: number }>(`select count(*) as count from deployment where ${where}`, values),
  ]);
  return { rows, total: count?.count ?? 0 };
}
