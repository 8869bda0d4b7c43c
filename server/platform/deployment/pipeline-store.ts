import type { Executor } from '../../kernel/database.ts';
import type { Page } from '../dialect.ts';
import type { ReleaseItem } from '../studio/interface.ts';
import type { StagePlan } from './stages.ts';
import { stageStatesBefore, type DeploymentState, type StageState } from './states.ts';
import type { DeploymentRow } from './store.ts';

/** SQL of pipeline runs: the stages and checks of a deployment, and its items with what they are. */

export type RunRow = Pick<DeploymentRow, 'id' | 'workspace_id' | 'status' | 'error_text' | 'comment' | 'created_by' | 'created_at'> & {
  readonly kind: 'deploy' | 'online' | 'offline';
  readonly run_id: string;
  readonly auto_until: string | null;
  readonly modified_at: Date;
};

export interface StageRow {
  readonly deployment_id: number;
  readonly step: number;
  readonly code: StagePlan['code'];
  readonly type: StagePlan['type'];
  readonly status: StageState;
  readonly message: string;
}

export interface CheckRow {
  readonly deployment_id: number;
  readonly step: number;
  readonly file_id: number;
  readonly hold_id: number;
  readonly verdict: 'OK' | 'WARN' | 'FAIL' | null;
  readonly tip: string;
}

const RUN = 'id, workspace_id, kind, run_id, status, error_text, comment, auto_until, created_by, created_at, modified_at';
/** What the later dialect shows as a run; commits and deletions of files are none. */
const RUNS = `kind in ('deploy', 'online', 'offline')`;

export async function insertRun(
  tx: Executor,
  run: { readonly tenantId: number; readonly workspaceId: number; readonly kind: 'online' | 'offline'; readonly name: string; readonly comment: string; readonly autoUntil: string | undefined; readonly userId: number },
  stages: readonly StagePlan[],
  now: Date,
): Promise<RunRow> {
  const row = await tx.row<RunRow>(
    `insert into deployment (tenant_id, workspace_id, kind, name, status, comment, auto_until, created_by, created_at, modified_at) values ($1, $2, $3, $4, 'Ready', $5, $6, $7, $8, $8) returning ${RUN}`,
    [run.tenantId, run.workspaceId, run.kind, run.name, run.comment, run.autoUntil ?? null, run.userId, now],
  );
  if (row === undefined) throw new Error('the pipeline run was not written');
  await tx.run(
    `insert into deployment_stage (deployment_id, step, code, type, status, message) select $1, step, code, type, 'Init', '' from unnest($2::text[], $3::text[]) with ordinality as s(code, type, step)`,
    [row.id, stages.map(({ code }) => code), stages.map(({ type }) => type)],
  );
  return row;
}

/** Writes what a run takes along; what was there before is forgotten. */
export async function writeItems(tx: Executor, id: number, items: readonly ReleaseItem[]): Promise<void> {
  await tx.run('delete from deployment_item where deployment_id = $1', [id]);
  await tx.run(
    `insert into deployment_item (deployment_id, file_id, file_version, place, kind, name, removal)
     select $1, file_id, version, place, kind, name, removal from unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::boolean[]) with ordinality as i(file_id, version, kind, name, removal, place)`,
    [id, items.map(({ fileId }) => fileId), items.map(({ version }) => version), items.map(({ kind }) => kind), items.map(({ name }) => name), items.map(({ removal }) => removal)],
  );
}

export async function readItems(db: Executor, id: number): Promise<ReleaseItem[]> {
  return db.rows(`select file_id as "fileId", file_version as version, name, kind, removal from deployment_item where deployment_id = $1 order by place, file_id`, [id]);
}

export async function listItems(db: Executor, id: number, page: Page): Promise<{ rows: ReleaseItem[]; total: number }> {
  const [rows, count] = await Promise.all([
    db.rows<ReleaseItem>(`select file_id as "fileId", file_version as version, name, kind, removal from deployment_item where deployment_id = $1 order by place, file_id limit $2 offset $3`, [id, page.size, page.offset]),
    db.row<{ count: number }>('select count(*) as count from deployment_item where deployment_id = $1', [id]),
  ]);
  return { rows, total: count?.count ?? 0 };
}

export function runByUuid(db: Executor, workspaceId: number, runId: string): Promise<RunRow | undefined> {
  return db.row(`select ${RUN} from deployment where workspace_id = $1 and run_id = $2 and ${RUNS}`, [workspaceId, runId]);
}

export async function lockRunByUuid(tx: Executor, workspaceId: number, runId: string): Promise<RunRow | undefined> {
  return tx.row(`select ${RUN} from deployment where workspace_id = $1 and run_id = $2 and kind in ('online', 'offline') for update`, [workspaceId, runId]);
}

export function lockRun(tx: Executor, id: number): Promise<RunRow | undefined> {
  return tx.row(`select ${RUN} from deployment where id = $1 and kind in ('online', 'offline') for update`, [id]);
}

export function stagesOfRuns(db: Executor, ids: readonly number[]): Promise<StageRow[]> {
  return db.rows('select deployment_id, step, code, type, status, message from deployment_stage where deployment_id = any($1) order by deployment_id, step', [ids]);
}

/** Moves a stage on; nothing happens when its state does not allow it. Returns whether it did. */
export async function moveStage(tx: Executor, id: number, step: number, to: StageState, message: string): Promise<boolean> {
  return (await tx.run('update deployment_stage set status = $3, message = $4 where deployment_id = $1 and step = $2 and status = any($5)', [id, step, to, message, stageStatesBefore(to)])) === 1;
}

/** Ends all stages that may come to this state. */
export async function endStages(tx: Executor, id: number, to: 'Termination' | 'Cancel'): Promise<void> {
  await tx.run('update deployment_stage set status = $2 where deployment_id = $1 and status = any($3)', [id, to, stageStatesBefore(to)]);
}

export async function insertCheck(tx: Executor, check: Pick<CheckRow, 'deployment_id' | 'step' | 'file_id' | 'hold_id'>): Promise<void> {
  await tx.run(`insert into deployment_check (deployment_id, step, file_id, hold_id, tip) values ($1, $2, $3, $4, '')`, [check.deployment_id, check.step, check.file_id, check.hold_id]);
}

export async function endCheck(tx: Executor, id: number, step: number, fileId: number, verdict: string, tip: string): Promise<void> {
  await tx.run('update deployment_check set verdict = $4, tip = $5 where deployment_id = $1 and step = $2 and file_id = $3', [id, step, fileId, verdict, tip]);
}

export function checksOf(db: Executor, ids: readonly number[]): Promise<CheckRow[]> {
  return db.rows('select deployment_id, step, file_id, hold_id, verdict, tip from deployment_check where deployment_id = any($1) order by deployment_id, step, file_id', [ids]);
}

export interface RunFilter {
  readonly workspaceId: number;
  readonly creator?: number | undefined;
  readonly objectId?: number | undefined;
  readonly states?: readonly DeploymentState[] | undefined;
}

/** One page, newest first. */
export async function listRuns(db: Executor, filter: RunFilter, page: Page): Promise<{ rows: RunRow[]; total: number }> {
  const where = `workspace_id = $1 and ${RUNS} and ($2::bigint is null or created_by = $2) and ($3::text[] is null or status = any($3))
    and ($4::bigint is null or exists (select from deployment_item i where i.deployment_id = deployment.id and i.file_id = $4))`;
  const values = [filter.workspaceId, filter.creator ?? null, filter.states ?? null, filter.objectId ?? null];
  const [rows, count] = await Promise.all([
    db.rows<RunRow>(`select ${RUN} from deployment where ${where} order by created_at desc, id desc limit $5 offset $6`, [...values, page.size, page.offset]),
    db.row<{ count: number }>(`select count(*) as count from deployment where ${where}`, values),
  ]);
  return { rows, total: count?.count ?? 0 };
}
