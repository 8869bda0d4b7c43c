import type { Executor } from '../../kernel/database.ts';
import type { Cursor } from '../../openevent/index.ts';
import type { Page } from '../dialect.ts';
import type { Receiver, RuleDraft, RuleSettings, RuleType, TargetType } from './model.ts';

/** All SQL of alert rules, and of how far the log was followed for them. */

export interface RuleRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly name: string;
  readonly enabled: boolean;
  readonly owner_id: number;
  readonly type: RuleType;
  readonly settings: RuleSettings;
  readonly target_type: TargetType;
  readonly target_ids: readonly number[];
  readonly allow_tasks: readonly number[];
  /** Addresses as they are stored, see `addresses.ts`. */
  readonly receivers: readonly Receiver[];
  readonly channels: readonly string[];
  readonly interval_seconds: number;
  readonly maximum: number;
  readonly silence_start: string | null;
  readonly silence_end: string | null;
  readonly since: Date;
  readonly created_by: number;
  readonly created_at: Date;
}

const COLUMNS = `id, tenant_id, workspace_id, name, enabled, owner_id, type, settings, target_type, to_jsonb(target_ids) as target_ids, to_jsonb(allow_tasks) as allow_tasks, receivers,
  channels, interval_seconds, maximum, silence_start, silence_end, since, created_by, created_at`;

const draftValues = (draft: RuleDraft) => [
  draft.name,
  draft.enabled,
  draft.ownerId,
  draft.type,
  JSON.stringify(draft.settings),
  draft.targetType,
  draft.targetIds,
  draft.allowTasks,
  JSON.stringify(draft.receivers),
  draft.channels,
  draft.intervalSeconds,
  draft.maximum,
  draft.silenceStart,
  draft.silenceEnd,
];

/** Violates `alert_rule_name` when the name is taken. */
export async function insertRule(tx: Executor, tenantId: number, workspaceId: number, draft: RuleDraft, by: number, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `insert into alert_rule (name, enabled, owner_id, type, settings, target_type, target_ids, allow_tasks, receivers, channels, interval_seconds, maximum, silence_start, silence_end,
       tenant_id, workspace_id, since, created_by, created_at, modified_by, modified_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $18, $17, $18, $17, $18) returning id`,
    [...draftValues(draft), tenantId, workspaceId, by, now],
  );
  if (row === undefined) throw new Error('the rule was not written');
  return row.id;
}

/** Violates `alert_rule_name` when the name is taken. */
export async function updateRule(tx: Executor, id: number, workspaceId: number, draft: RuleDraft, by: number, now: Date): Promise<void> {
  await tx.run(
    `update alert_rule set name = $1, enabled = $2, owner_id = $3, type = $4, settings = $5, target_type = $6, target_ids = $7, allow_tasks = $8, receivers = $9, channels = $10,
       interval_seconds = $11, maximum = $12, silence_start = $13, silence_end = $14, workspace_id = $16, since = $18, modified_by = $17, modified_at = $18 where id = $15`,
    [...draftValues(draft), id, workspaceId, by, now],
  );
}

export async function deleteRule(tx: Executor, id: number): Promise<void> {
  await tx.run('delete from alert_rule where id = $1', [id]);
}

/** Deletes the rules of workspaces that are no more. What was changed after `before` is left for the next time, since its workspace may be newer than the list. */
export async function deleteRulesElsewhere(tx: Executor, tenantId: number, living: readonly number[], before: Date): Promise<void> {
  await tx.run('delete from alert_rule where tenant_id = $1 and workspace_id <> all($2) and modified_at < $3', [tenantId, living, before]);
}

export async function countRules(db: Executor, workspaceId: number): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) as count from alert_rule where workspace_id = $1', [workspaceId]))?.count ?? 0;
}

export function findRule(db: Executor, tenantId: number, id: number): Promise<RuleRow | undefined> {
  return db.row(`select ${COLUMNS} from alert_rule where id = $1 and tenant_id = $2`, [id, tenantId]);
}

export function lockRule(tx: Executor, tenantId: number, id: number): Promise<RuleRow | undefined> {
  return tx.row(`select ${COLUMNS} from alert_rule where id = $1 and tenant_id = $2 for update`, [id, tenantId]);
}

export interface RuleFilter {
  readonly tenantId: number;
  readonly workspaceIds: readonly number[];
  /** Part of the name. */
  readonly name?: string | undefined;
  readonly ownerId?: number | undefined;
  readonly createdBy?: number | undefined;
  /** A user who is told. */
  readonly receiver?: string | undefined;
  readonly taskIds?: readonly number[] | undefined;
  readonly types?: readonly string[] | undefined;
}

/** One page of rules, the newest first. */
export async function listRules(db: Executor, filter: RuleFilter, page: Page): Promise<{ rows: RuleRow[]; total: number }> {
  const where = `tenant_id = $1 and workspace_id = any($2) and ($3::text is null or position(lower($3) in lower(name)) > 0) and ($4::bigint is null or owner_id = $4)
    and ($5::bigint is null or created_by = $5)
    and ($6::text is null or ($6 = owner_id::text and jsonb_path_exists(receivers, '$[*] ? (@.type == "Owner")')) or jsonb_path_exists(receivers, '$[*] ? (@.type == "AliUid").values[*] ? (@ == $user)', jsonb_build_object('user', $6::text)))
    and ($7::bigint[] is null or (target_type = 'Task' and target_ids && $7)) and ($8::text[] is null or type = any($8))`;
  const values = [filter.tenantId, filter.workspaceIds, filter.name ?? null, filter.ownerId ?? null, filter.createdBy ?? null, filter.receiver ?? null, filter.taskIds ?? null, filter.types ?? null];
  const [rows, counted] = await Promise.all([
    db.rows<RuleRow>(`select ${COLUMNS} from alert_rule where ${where} order by id desc offset $9 limit $10`, [...values, page.offset, page.size]),
    db.row<{ total: number }>(`select count(*) as total from alert_rule where ${where}`, values),
  ]);
  return { rows, total: counted?.total ?? 0 };
}

/** The rules that count. */
export function enabledRules(db: Executor, tenantId: number, types: readonly RuleType[]): Promise<RuleRow[]> {
  return db.rows(`select ${COLUMNS} from alert_rule where tenant_id = $1 and enabled and type = any($2) order by id`, [tenantId, types]);
}

export function rulesById(db: Executor, ids: readonly number[]): Promise<RuleRow[]> {
  return db.rows(`select ${COLUMNS} from alert_rule where id = any($1)`, [ids]);
}

/** Begins to follow the log for a tenant, from a place on; one that is followed already stays where it is. */
export async function openReader(tx: Executor, tenantId: number, from: Cursor): Promise<void> {
  await tx.run('insert into alert_reader (tenant_id, position, row_id) values ($1, $2, $3) on conflict do nothing', [tenantId, from.position, from.id]);
}

export async function tenantsWithReader(db: Executor): Promise<number[]> {
  return (await db.rows<{ tenant_id: number }>('select tenant_id from alert_reader order by tenant_id')).map((row) => row.tenant_id);
}

export async function findReader(db: Executor, tenantId: number): Promise<Cursor | undefined> {
  return db.row<Cursor>('select position, row_id as id from alert_reader where tenant_id = $1', [tenantId]);
}

/** Moves the reader on if it still stands at `from`; false when another process was faster. */
export async function moveReader(tx: Executor, tenantId: number, from: Cursor, to: Cursor): Promise<boolean> {
  return (await tx.run('update alert_reader set position = $4, row_id = $5 where tenant_id = $1 and position = $2 and row_id = $3', [tenantId, from.position, from.id, to.position, to.id])) === 1;
}

/** Holds the reader, under which alerts of a tenant are written by one process at a time. */
export async function lockReader(tx: Executor, tenantId: number): Promise<void> {
  await tx.run('select from alert_reader where tenant_id = $1 for update', [tenantId]);
}
