import type { Executor } from '../kernel/database.ts';
import type { BreakerState, Mode, Outcome, Verdict } from './states.ts';
import { COLUMNS, withRegistration, type ExtensionRow, type Registration } from './store.ts';

/** SQL of where extensions are enabled and how they work there, and of the breakers. */

/** How an extension works at a place. Null: as it was registered, or as at the deadline. */
export interface Settings {
  readonly mode: Mode;
  readonly deadline_seconds: number | null;
  readonly deadline_outcome: Outcome | null;
  readonly failure_outcome: Outcome | null;
  readonly release_outcome: Outcome;
  readonly pattern: object | null;
  readonly breaker_failures: number;
  readonly breaker_seconds: number;
}

export interface AttachmentRow extends Settings {
  readonly code: string;
  readonly name: string;
  readonly workspace_id: number | null;
  readonly option_value: Readonly<Record<string, unknown>> | null;
  readonly enabled_by: number;
  readonly enabled_at: Date;
  readonly registered_seconds: number;
  readonly registered_outcome: Verdict;
  readonly breaker_state: BreakerState;
  readonly breaker_retry_at: Date | null;
}

const SETTINGS = 'a.mode, a.deadline_seconds, a.deadline_outcome, a.failure_outcome, a.release_outcome, a.pattern, a.breaker_failures, a.breaker_seconds';

const ATTACHMENT = `e.code, e.name, a.workspace_id, a.option_value, a.enabled_by, a.enabled_at, ${SETTINGS}, e.deadline_seconds as registered_seconds, e.deadline_outcome as registered_outcome,
  coalesce(b.state, 'CLOSED') as breaker_state, b.retry_at as breaker_retry_at`;
const FROM = `from extension_attachment a join extension e on e.id = a.extension_id
  left join extension_breaker b on b.extension_id = a.extension_id and b.workspace_id is not distinct from a.workspace_id`;

/** What is written of an attachment. */
export interface NewAttachment extends Settings {
  readonly optionValue: object | null;
}

/** Enables in a workspace (null: at tenant level), or writes how it works there from now on. The breaker starts closed. */
export async function putAttachment(db: Executor, extensionId: number, workspaceId: number | null, attachment: NewAttachment, userId: number, now: Date): Promise<void> {
  await db.run(
    `insert into extension_attachment (extension_id, workspace_id, option_value, mode, deadline_seconds, deadline_outcome, failure_outcome, release_outcome, pattern,
       breaker_failures, breaker_seconds, enabled_by, enabled_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     on conflict (extension_id, workspace_id) do update
     set option_value = excluded.option_value, mode = excluded.mode, deadline_seconds = excluded.deadline_seconds, deadline_outcome = excluded.deadline_outcome,
       failure_outcome = excluded.failure_outcome, release_outcome = excluded.release_outcome, pattern = excluded.pattern, breaker_failures = excluded.breaker_failures,
       breaker_seconds = excluded.breaker_seconds, enabled_by = excluded.enabled_by, enabled_at = excluded.enabled_at`,
    [
      extensionId,
      workspaceId,
      attachment.optionValue === null ? null : JSON.stringify(attachment.optionValue),
      attachment.mode,
      attachment.deadline_seconds,
      attachment.deadline_outcome,
      attachment.failure_outcome,
      attachment.release_outcome,
      attachment.pattern === null ? null : JSON.stringify(attachment.pattern),
      attachment.breaker_failures,
      attachment.breaker_seconds,
      userId,
      now,
    ],
  );
  await db.run('delete from extension_breaker where extension_id = $1 and workspace_id is not distinct from $2', [extensionId, workspaceId]);
}

/** False when it was not enabled there. */
export async function detach(db: Executor, extensionId: number, workspaceId: number | null): Promise<boolean> {
  return (await db.run('delete from extension_attachment where extension_id = $1 and workspace_id is not distinct from $2', [extensionId, workspaceId])) === 1;
}

export function findAttachment(db: Executor, extensionId: number, workspaceId: number | null): Promise<AttachmentRow | undefined> {
  return db.row<AttachmentRow>(`select ${ATTACHMENT} ${FROM} where a.extension_id = $1 and a.workspace_id is not distinct from $2`, [extensionId, workspaceId]);
}

export async function findOptionValue(db: Executor, extensionId: number, workspaceId: number | null): Promise<Readonly<Record<string, unknown>> | null> {
  const row = await db.row<{ option_value: Readonly<Record<string, unknown>> | null }>(
    'select option_value from extension_attachment where extension_id = $1 and workspace_id is not distinct from $2',
    [extensionId, workspaceId],
  );
  return row?.option_value ?? null;
}

export interface AttachmentFilter {
  readonly tenantId: number;
  readonly code: string | undefined;
  readonly workspaceId: number | undefined;
}

const FILTERED = 'e.tenant_id = $1 and e.deleted_at is null and ($2::text is null or e.code = $2) and ($3::bigint is null or a.workspace_id = $3)';

export function listAttachments(db: Executor, filter: AttachmentFilter, limit: number, offset: number): Promise<AttachmentRow[]> {
  return db.rows<AttachmentRow>(`select ${ATTACHMENT} ${FROM} where ${FILTERED} order by e.id desc, a.workspace_id nulls first limit $4 offset $5`, [
    filter.tenantId,
    filter.code ?? null,
    filter.workspaceId ?? null,
    limit,
    offset,
  ]);
}

export async function countAttachments(db: Executor, filter: AttachmentFilter): Promise<number> {
  const row = await db.row<{ count: number }>(`select count(*) as count from extension_attachment a join extension e on e.id = a.extension_id where ${FILTERED}`, [
    filter.tenantId,
    filter.code ?? null,
    filter.workspaceId ?? null,
  ]);
  return row?.count ?? 0;
}

/** An extension as it stands at a point: the version that counts there, and how it works there. */
export interface PointExtension extends ExtensionRow {
  readonly settings: Settings;
  readonly option_value: Readonly<Record<string, unknown>> | null;
  readonly breaker_state: BreakerState;
  readonly breaker_retry_at: Date | null;
}

interface PointRow extends ExtensionRow {
  readonly settings: Settings;
  readonly option_value: Readonly<Record<string, unknown>> | null;
  readonly breaker_state: BreakerState;
  readonly breaker_retry_at: Date | null;
  readonly draft_number: number | null;
  readonly draft: Registration | null;
}

/**
 * Which extensions stand at a point: bound to the event, enabled in the workspace (or at tenant level) and in force. In testing that is the test
 * workspace only, or at tenant level the owner's own operations; there a new version stands in place of the published one. The parameter text and the
 * pattern may still exclude one.
 */
const AT_POINT = `from extension e join extension_attachment a on a.extension_id = e.id and a.workspace_id is not distinct from $3
  left join extension_breaker b on b.extension_id = e.id and b.workspace_id is not distinct from $3
  left join extension_draft d on d.extension_id = e.id and e.status = 1 and d.status in (0, 4, 5)
    and case when $3::bigint is null then e.owner_id = $4 else (d.registration ->> 'projectTesting')::bigint = $3 end
  where e.tenant_id = $1 and e.deleted_at is null and case when d.extension_id is null then $2 = any(e.events) else d.registration -> 'events' ? $2 end
    and (e.status = 1 or (e.status in (0, 4, 5) and case when $3::bigint is null then e.owner_id = $4 else e.project_testing = $3 end))`;

const POINT = `${COLUMNS}, a.option_value, coalesce(b.state, 'CLOSED') as breaker_state, b.retry_at as breaker_retry_at, d.number as draft_number, d.registration as draft,
  jsonb_build_object('mode', a.mode, 'deadline_seconds', a.deadline_seconds, 'deadline_outcome', a.deadline_outcome, 'failure_outcome', a.failure_outcome,
    'release_outcome', a.release_outcome, 'pattern', a.pattern, 'breaker_failures', a.breaker_failures, 'breaker_seconds', a.breaker_seconds) as settings`;

function inForce(row: PointRow): PointExtension {
  return row.draft === null || row.draft_number === null ? row : withRegistration(row, row.draft, row.draft_number);
}

export async function extensionsAtPoint(db: Executor, tenantId: number, point: string, workspaceId: number | null, userId: number): Promise<PointExtension[]> {
  return (await db.rows<PointRow>(`select ${POINT} ${AT_POINT} order by e.id`, [tenantId, point, workspaceId, userId])).map(inForce);
}

/**
 * A new hold id with the extensions at the point, in one round trip. The share lock makes whoever disables one of them wait for this change,
 * so that no check is opened behind the back of its disabling.
 */
export async function extensionsForProposal(db: Executor, tenantId: number, point: string, workspaceId: number | null, userId: number): Promise<{ holdId: number; extensions: PointExtension[] }> {
  const rows = await db.rows<{ hold_id: number } & { [Column in keyof PointRow]: PointRow[Column] | null }>(
    `select n.hold_id, m.* from (select nextval('hold_id') as hold_id) n left join lateral (select ${POINT} ${AT_POINT} order by e.id for share of e, a) m on true`,
    [tenantId, point, workspaceId, userId],
  );
  const holdId = rows[0]?.hold_id;
  if (holdId === undefined) throw new Error('the sequence of holds gave no id');
  return { holdId, extensions: rows.filter((row): row is { hold_id: number } & PointRow => row.id !== null).map(inForce) };
}

/** Lets one operation through an open breaker to try the extension again. False when another one does, or the time has not come. */
export async function takeProbe(db: Executor, extensionId: number, workspaceId: number | null, seconds: number, now: Date): Promise<boolean> {
  return (
    (await db.run(
      `update extension_breaker set state = 'HALF_OPEN', retry_at = $4 where extension_id = $1 and workspace_id is not distinct from $2 and state <> 'CLOSED' and retry_at <= $3`,
      [extensionId, workspaceId, now, new Date(now.getTime() + seconds * 1_000)],
    )) === 1
  );
}

/** Counts a failure, and opens the breaker when it is one too many or the probe of an open one. */
export async function countFailure(db: Executor, extensionId: number, workspaceId: number | null, settings: { readonly failures: number; readonly seconds: number }, now: Date): Promise<void> {
  await db.run(
    `insert into extension_breaker as b (extension_id, workspace_id, state, failures, opened_at, retry_at)
     values ($1, $2, case when $3 <= 1 then 'OPEN' else 'CLOSED' end, 1, case when $3 <= 1 then $4::timestamptz end, case when $3 <= 1 then $5::timestamptz end)
     on conflict (extension_id, workspace_id) do update
     set failures = b.failures + 1,
       state = case when b.state = 'HALF_OPEN' or (b.state = 'CLOSED' and b.failures + 1 >= $3) then 'OPEN' else b.state end,
       opened_at = case when b.state = 'HALF_OPEN' or (b.state = 'CLOSED' and b.failures + 1 >= $3) then $4 else b.opened_at end,
       retry_at = case when b.state = 'HALF_OPEN' or (b.state = 'CLOSED' and b.failures + 1 >= $3) then $5 else b.retry_at end`,
    [extensionId, workspaceId, settings.failures, now, new Date(now.getTime() + settings.seconds * 1_000)],
  );
}

export interface Statistics {
  readonly checks: number;
  readonly answered: number;
  readonly ok: number;
  readonly warn: number;
  readonly fail: number;
  readonly failed: number;
  readonly expired: number;
  readonly skipped: number;
  readonly p50: number | null;
  readonly p95: number | null;
}

/** What an extension answered at a place since `from`, and how fast. Times in milliseconds. */
export async function attachmentStatistics(db: Executor, extensionId: number, workspaceId: number | null, from: Date): Promise<Statistics> {
  const row = await db.row<Statistics>(
    `select count(*) as checks, count(*) filter (where c.state = 'ANSWERED') as answered,
       count(*) filter (where c.state = 'ANSWERED' and c.result = 'OK') as ok, count(*) filter (where c.state = 'ANSWERED' and c.result = 'WARN') as warn,
       count(*) filter (where c.state = 'ANSWERED' and c.result = 'FAIL') as fail,
       count(*) filter (where c.state = 'FAILED') as failed, count(*) filter (where c.state = 'EXPIRED') as expired, count(*) filter (where c.state = 'SKIPPED') as skipped,
       round(1000 * percentile_cont(0.5) within group (order by extract(epoch from c.answered_at - h.created_at)::float8) filter (where c.state = 'ANSWERED')) as p50,
       round(1000 * percentile_cont(0.95) within group (order by extract(epoch from c.answered_at - h.created_at)::float8) filter (where c.state = 'ANSWERED')) as p95
     from hold_check c join hold h on h.id = c.hold_id
     where c.extension_id = $1 and h.workspace_id is not distinct from $2 and h.created_at >= $3`,
    [extensionId, workspaceId, from],
  );
  if (row === undefined) throw new Error('an aggregate answered no row');
  return row;
}
