import type { Executor } from '../../kernel/database.ts';
import type { Page } from '../dialect.ts';
import type { BaselineStatus, CycleTime } from './model.ts';

/** All SQL of baselines and of how they stand. */

/** How a baseline tells of itself, in the words of the contract. */
export interface AlertSetting {
  readonly AlertType?: string | undefined;
  readonly AlertMethods?: readonly string[] | undefined;
  readonly AlertRecipientType?: string | undefined;
  /** Ids of users, comma-separated. */
  readonly AlertRecipient?: string | undefined;
  /** Seconds. */
  readonly AlertInterval?: number | undefined;
  readonly AlertMaximum?: number | undefined;
  readonly BaselineAlertEnabled?: boolean | undefined;
  readonly TopicTypes?: readonly string[] | undefined;
  readonly DingRobots?: readonly { readonly AtAll?: boolean | undefined; readonly WebUrl?: string | undefined }[] | undefined;
  readonly Webhooks?: readonly string[] | undefined;
  readonly SilenceStartTime?: string | undefined;
  readonly SilenceEndTime?: string | undefined;
}

export interface BaselineDraft {
  readonly name: string;
  readonly type: 'DAILY' | 'HOURLY';
  readonly owner_id: number;
  readonly priority: number;
  readonly enabled: boolean;
  readonly alert_enabled: boolean;
  readonly margin_minutes: number;
  readonly overtime: readonly CycleTime[];
  readonly node_ids: readonly number[];
  /** In a row, addresses are as they are stored; see `addresses.ts`. */
  readonly alert_settings: readonly AlertSetting[];
}

export interface BaselineRow extends BaselineDraft {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
}

const COLUMNS = `id, tenant_id, workspace_id, name, type, owner_id, priority, enabled, alert_enabled, margin_minutes, overtime, to_jsonb(node_ids) as node_ids, alert_settings`;

const draftValues = (draft: BaselineDraft) => [
  draft.name,
  draft.type,
  draft.owner_id,
  draft.priority,
  draft.enabled,
  draft.alert_enabled,
  draft.margin_minutes,
  JSON.stringify(draft.overtime),
  draft.node_ids,
  JSON.stringify(draft.alert_settings),
];

/** Violates `baseline_name` when the name is taken. */
export async function insertBaseline(tx: Executor, tenantId: number, workspaceId: number, draft: BaselineDraft, by: number, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `insert into baseline (name, type, owner_id, priority, enabled, alert_enabled, margin_minutes, overtime, node_ids, alert_settings, tenant_id, workspace_id, created_by, created_at, modified_by, modified_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $13, $14) returning id`,
    [...draftValues(draft), tenantId, workspaceId, by, now],
  );
  if (row === undefined) throw new Error('the baseline was not written');
  return row.id;
}

/** Violates `baseline_name` when the name is taken. */
export async function updateBaseline(tx: Executor, id: number, draft: BaselineDraft, by: number, now: Date): Promise<void> {
  await tx.run(
    `update baseline set name = $1, type = $2, owner_id = $3, priority = $4, enabled = $5, alert_enabled = $6, margin_minutes = $7, overtime = $8, node_ids = $9, alert_settings = $10,
       modified_by = $12, modified_at = $13 where id = $11`,
    [...draftValues(draft), id, by, now],
  );
}

export async function deleteBaseline(tx: Executor, id: number): Promise<void> {
  await tx.run('delete from baseline where id = $1', [id]);
}

/** Deletes the baselines of workspaces that are no more, save those changed after `before`. */
export async function deleteBaselinesElsewhere(tx: Executor, tenantId: number, living: readonly number[], before: Date): Promise<void> {
  await tx.run('delete from baseline where tenant_id = $1 and workspace_id <> all($2) and modified_at < $3', [tenantId, living, before]);
}

export async function countBaselines(db: Executor, workspaceId: number): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) as count from baseline where workspace_id = $1', [workspaceId]))?.count ?? 0;
}

export function findBaseline(db: Executor, tenantId: number, id: number): Promise<BaselineRow | undefined> {
  return db.row(`select ${COLUMNS} from baseline where id = $1 and tenant_id = $2`, [id, tenantId]);
}

export function lockBaseline(tx: Executor, tenantId: number, id: number): Promise<BaselineRow | undefined> {
  return tx.row(`select ${COLUMNS} from baseline where id = $1 and tenant_id = $2 for update`, [id, tenantId]);
}

export function baselinesById(db: Executor, tenantId: number, ids: readonly number[]): Promise<BaselineRow[]> {
  return db.rows(`select ${COLUMNS} from baseline where id = any($1) and tenant_id = $2 order by id`, [ids, tenantId]);
}

export async function tenantsWithBaselines(db: Executor): Promise<number[]> {
  return (await db.rows<{ tenant_id: number }>('select distinct tenant_id from baseline where enabled order by tenant_id')).map((row) => row.tenant_id);
}

export function enabledBaselines(db: Executor, tenantId: number): Promise<BaselineRow[]> {
  return db.rows(`select ${COLUMNS} from baseline where tenant_id = $1 and enabled order by priority desc, id`, [tenantId]);
}

export interface BaselineFilter {
  readonly workspaceId: number;
  readonly types?: readonly string[] | undefined;
  readonly ownerId?: number | undefined;
  readonly priorities?: readonly number[] | undefined;
  readonly search?: string | undefined;
  readonly enabled?: boolean | undefined;
}

export async function listBaselines(db: Executor, filter: BaselineFilter, page: Page): Promise<{ rows: BaselineRow[]; total: number }> {
  const where = `workspace_id = $1 and ($2::text[] is null or type = any($2)) and ($3::bigint is null or owner_id = $3) and ($4::bigint[] is null or priority = any($4))
    and ($5::text is null or position(lower($5) in lower(name)) > 0) and ($6::boolean is null or enabled = $6)`;
  const values = [filter.workspaceId, filter.types ?? null, filter.ownerId ?? null, filter.priorities ?? null, filter.search ?? null, filter.enabled ?? null];
  const [rows, counted] = await Promise.all([
    db.rows<BaselineRow>(`select ${COLUMNS} from baseline where ${where} order by id desc offset $7 limit $8`, [...values, page.offset, page.size]),
    db.row<{ total: number }>(`select count(*) as total from baseline where ${where}`, values),
  ]);
  return { rows, total: counted?.total ?? 0 };
}

/** One instance of a critical path; moments in epoch milliseconds. */
export interface PathStep {
  readonly id: number;
  readonly begin: number;
  readonly end: number;
}

export interface StatusRow {
  readonly baseline_id: number;
  readonly bizdate: Date;
  readonly cycle: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly status: BaselineStatus;
  readonly finish_status: 'UNFINISH' | 'FINISH';
  readonly end_cast: Date | null;
  readonly finish_time: Date | null;
  readonly exp_time: Date;
  readonly sla_time: Date;
  readonly buffer_seconds: number;
  readonly last_instance_id: number | null;
  readonly block_instance_id: number | null;
  readonly path: readonly PathStep[];
  /** Instances up to this one have been given the baseline's priority. */
  readonly raised_to: number;
}

const STATUS = `s.baseline_id, s.bizdate, s.cycle, s.tenant_id, s.workspace_id, s.status, s.finish_status, s.end_cast, s.finish_time, s.exp_time, s.sla_time, s.buffer_seconds, s.last_instance_id, s.block_instance_id, s.path, s.raised_to`;

export function findStatus(db: Executor, baselineId: number, bizdate: Date, cycle: number): Promise<StatusRow | undefined> {
  return db.row(`select ${STATUS} from baseline_status s where s.baseline_id = $1 and s.bizdate = $2 and s.cycle = $3`, [baselineId, bizdate, cycle]);
}

export function statusesOf(db: Executor, baselineId: number, bizdate: Date): Promise<StatusRow[]> {
  return db.rows(`select ${STATUS} from baseline_status s where s.baseline_id = $1 and s.bizdate = $2`, [baselineId, bizdate]);
}

export async function putStatus(tx: Executor, row: StatusRow, now: Date): Promise<void> {
  await tx.run(
    `insert into baseline_status (baseline_id, bizdate, cycle, tenant_id, workspace_id, status, finish_status, end_cast, finish_time, exp_time, sla_time, buffer_seconds, last_instance_id, block_instance_id, path, computed_at, raised_to)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
     on conflict (baseline_id, bizdate, cycle) do update set status = excluded.status, finish_status = excluded.finish_status, end_cast = excluded.end_cast, finish_time = excluded.finish_time,
       exp_time = excluded.exp_time, sla_time = excluded.sla_time, buffer_seconds = excluded.buffer_seconds, last_instance_id = excluded.last_instance_id,
       block_instance_id = excluded.block_instance_id, path = excluded.path, computed_at = excluded.computed_at, raised_to = excluded.raised_to`,
    [
      row.baseline_id,
      row.bizdate,
      row.cycle,
      row.tenant_id,
      row.workspace_id,
      row.status,
      row.finish_status,
      row.end_cast,
      row.finish_time,
      row.exp_time,
      row.sla_time,
      row.buffer_seconds,
      row.last_instance_id,
      row.block_instance_id,
      JSON.stringify(row.path),
      now,
      row.raised_to,
    ],
  );
}

export interface StatusFilter {
  readonly tenantId: number;
  readonly workspaceIds: readonly number[];
  readonly bizdate: Date;
  readonly types?: readonly string[] | undefined;
  readonly finish?: readonly string[] | undefined;
  readonly ownerId?: number | undefined;
  readonly priorities?: readonly number[] | undefined;
  readonly search?: string | undefined;
  readonly statuses?: readonly string[] | undefined;
  readonly topicId?: number | undefined;
}

export type ListedStatus = StatusRow & Pick<BaselineRow, 'name' | 'type' | 'owner_id' | 'priority'>;

/** One page of how the baselines of some workspaces stand for a business date. */
export async function listStatuses(db: Executor, filter: StatusFilter, page: Page): Promise<{ rows: ListedStatus[]; total: number }> {
  const from = `from baseline_status s join baseline b on b.id = s.baseline_id
    where s.tenant_id = $1 and s.workspace_id = any($2) and s.bizdate = $3 and ($4::text[] is null or b.type = any($4)) and ($5::text[] is null or s.finish_status = any($5))
      and ($6::bigint is null or b.owner_id = $6) and ($7::bigint[] is null or b.priority = any($7)) and ($8::text is null or position(lower($8) in lower(b.name)) > 0)
      and ($9::text[] is null or s.status = any($9))
      and ($10::bigint is null or exists (select from topic_influence t where t.topic_id = $10 and t.baseline_id = s.baseline_id and t.bizdate = s.bizdate and t.cycle = s.cycle))`;
  const values = [filter.tenantId, filter.workspaceIds, filter.bizdate, filter.types ?? null, filter.finish ?? null, filter.ownerId ?? null, filter.priorities ?? null, filter.search ?? null, filter.statuses ?? null, filter.topicId ?? null];
  const [rows, counted] = await Promise.all([
    db.rows<ListedStatus>(`select ${STATUS}, b.name, b.type, b.owner_id, b.priority ${from} order by b.priority desc, s.sla_time, s.baseline_id, s.cycle offset $11 limit $12`, [...values, page.offset, page.size]),
    db.row<{ total: number }>(`select count(*) as total ${from}`, values),
  ]);
  return { rows, total: counted?.total ?? 0 };
}

export async function deleteStatusesBefore(tx: Executor, before: Date): Promise<void> {
  await tx.run('delete from baseline_status where computed_at < $1', [before]);
}
