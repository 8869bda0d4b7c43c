import type { Executor } from '../kernel/database.ts';
import type { Verdict } from './states.ts';

/** SQL of extensions and of where they are enabled. Holds are in `hold-store.ts`. */

export interface ExtensionRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly code: string;
  readonly name: string;
  readonly description: string;
  readonly owner_id: number;
  readonly status: number;
  readonly events: string[];
  readonly project_testing: number | null;
  readonly detail_url: string;
  readonly help_doc_url: string;
  readonly parameter_setting: string;
  readonly option_setting: string;
  readonly deadline_seconds: number;
  readonly deadline_outcome: Verdict;
  readonly created_by: number;
  readonly modified_by: number;
}

const COLUMNS = `e.id, e.tenant_id, e.code, e.name, e.description, e.owner_id, e.status, e.events, e.project_testing, e.detail_url, e.help_doc_url,
  e.parameter_setting, e.option_setting, e.deadline_seconds, e.deadline_outcome, e.created_by, e.modified_by`;

/** What a registration says; the same fields are written when it is changed. */
export interface Registration {
  readonly name: string;
  readonly description: string;
  readonly events: readonly string[];
  readonly projectTesting: number | undefined;
  readonly detailUrl: string;
  readonly helpDocUrl: string;
  readonly parameterSetting: string;
  readonly optionSetting: string;
  readonly deadlineSeconds: number;
  readonly deadlineOutcome: Verdict;
}

function registrationValues(registration: Registration): unknown[] {
  return [
    registration.name,
    registration.description,
    registration.events,
    registration.projectTesting ?? null,
    registration.detailUrl,
    registration.helpDocUrl,
    registration.parameterSetting,
    registration.optionSetting,
    registration.deadlineSeconds,
    registration.deadlineOutcome,
  ];
}

/** Registers in Testing, owned by `userId`. Rejects with a unique violation of `extension_code`. */
export async function insertExtension(db: Executor, tenantId: number, code: string, userId: number, now: Date, registration: Registration): Promise<void> {
  await db.run(
    `insert into extension (name, description, events, project_testing, detail_url, help_doc_url, parameter_setting, option_setting, deadline_seconds,
       deadline_outcome, tenant_id, code, owner_id, status, created_by, created_at, modified_by, modified_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $13, $14, $13, $14)`,
    [...registrationValues(registration), tenantId, code, userId, now],
  );
}

export async function updateRegistration(db: Executor, id: number, userId: number, now: Date, registration: Registration): Promise<void> {
  await db.run(
    `update extension set name = $1, description = $2, events = $3, project_testing = $4, detail_url = $5, help_doc_url = $6, parameter_setting = $7,
       option_setting = $8, deadline_seconds = $9, deadline_outcome = $10, modified_by = $12, modified_at = $13
     where id = $11`,
    [...registrationValues(registration), id, userId, now],
  );
}

export async function setExtensionStatus(db: Executor, id: number, status: number, userId: number, now: Date): Promise<void> {
  await db.run('update extension set status = $2, modified_by = $3, modified_at = $4 where id = $1', [id, status, userId, now]);
}

/** Marks the extension deleted and takes it off everywhere. Its code may be used again. */
export async function markExtensionDeleted(db: Executor, id: number, userId: number, now: Date): Promise<void> {
  await db.run('update extension set deleted_at = $3, modified_by = $2, modified_at = $3 where id = $1', [id, userId, now]);
  await db.run('delete from extension_attachment where extension_id = $1', [id]);
}

/** Serialises registrations of one tenant, so that the limit holds. */
export async function lockTenantExtensions(db: Executor, tenantId: number): Promise<void> {
  await db.run(`select pg_advisory_xact_lock(hashtextextended('extensions of ' || $1::text, 0))`, [tenantId]);
}

export async function countExtensions(db: Executor, tenantId: number): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) as count from extension where tenant_id = $1 and deleted_at is null', [tenantId]))?.count ?? 0;
}

export function findExtension(db: Executor, tenantId: number, code: string): Promise<ExtensionRow | undefined> {
  return db.row<ExtensionRow>(`select ${COLUMNS} from extension e where e.tenant_id = $1 and e.code = $2 and e.deleted_at is null`, [tenantId, code]);
}

/** As `findExtension`, locked: proposals that matched it have written their holds, later ones wait and then see the new state. */
export function lockExtension(db: Executor, tenantId: number, code: string): Promise<ExtensionRow | undefined> {
  return db.row<ExtensionRow>(`select ${COLUMNS} from extension e where e.tenant_id = $1 and e.code = $2 and e.deleted_at is null for update`, [tenantId, code]);
}

export function listExtensions(db: Executor, tenantId: number, limit: number, offset: number): Promise<ExtensionRow[]> {
  return db.rows<ExtensionRow>(`select ${COLUMNS} from extension e where e.tenant_id = $1 and e.deleted_at is null order by e.id desc limit $2 offset $3`, [tenantId, limit, offset]);
}

/** Enables in a workspace (null: at tenant level), or renews the option value; a null option value keeps the one there is. */
export async function attach(db: Executor, extensionId: number, workspaceId: number | null, optionValue: object | null, userId: number, now: Date): Promise<void> {
  await db.run(
    `insert into extension_attachment (extension_id, workspace_id, option_value, enabled_by, enabled_at) values ($1, $2, $3, $4, $5)
     on conflict (extension_id, workspace_id) do update
     set option_value = coalesce(excluded.option_value, extension_attachment.option_value), enabled_by = excluded.enabled_by, enabled_at = excluded.enabled_at`,
    [extensionId, workspaceId, optionValue === null ? null : JSON.stringify(optionValue), userId, now],
  );
}

/** False when it was not enabled there. */
export async function detach(db: Executor, extensionId: number, workspaceId: number | null): Promise<boolean> {
  return (await db.run('delete from extension_attachment where extension_id = $1 and workspace_id is not distinct from $2', [extensionId, workspaceId])) === 1;
}

export async function findOptionValue(db: Executor, extensionId: number, workspaceId: number | null): Promise<Readonly<Record<string, unknown>> | null> {
  const row = await db.row<{ option_value: Readonly<Record<string, unknown>> | null }>(
    'select option_value from extension_attachment where extension_id = $1 and workspace_id is not distinct from $2',
    [extensionId, workspaceId],
  );
  return row?.option_value ?? null;
}

export interface AttachmentRow {
  readonly code: string;
  readonly name: string;
  readonly workspace_id: number | null;
  readonly option_value: object | null;
  readonly enabled_by: number;
  readonly enabled_at: Date;
}

export interface AttachmentFilter {
  readonly tenantId: number;
  readonly code: string | undefined;
  readonly workspaceId: number | undefined;
}

const ATTACHMENTS = `from extension_attachment a join extension e on e.id = a.extension_id
  where e.tenant_id = $1 and e.deleted_at is null and ($2::text is null or e.code = $2) and ($3::bigint is null or a.workspace_id = $3)`;

export function listAttachments(db: Executor, filter: AttachmentFilter, limit: number, offset: number): Promise<AttachmentRow[]> {
  return db.rows<AttachmentRow>(
    `select e.code, e.name, a.workspace_id, a.option_value, a.enabled_by, a.enabled_at ${ATTACHMENTS} order by e.id desc, a.workspace_id nulls first limit $4 offset $5`,
    [filter.tenantId, filter.code ?? null, filter.workspaceId ?? null, limit, offset],
  );
}

export async function countAttachments(db: Executor, filter: AttachmentFilter): Promise<number> {
  const row = await db.row<{ count: number }>(`select count(*) as count ${ATTACHMENTS}`, [filter.tenantId, filter.code ?? null, filter.workspaceId ?? null]);
  return row?.count ?? 0;
}

/**
 * Which extensions stand at a point: bound to the event, enabled in the workspace (or at tenant level) and in force. In testing that is the test
 * workspace only, or at tenant level the owner's own operations. The parameter text may still exclude one.
 */
const AT_POINT = `from extension e join extension_attachment a on a.extension_id = e.id and a.workspace_id is not distinct from $3
  where e.tenant_id = $1 and e.deleted_at is null and $2 = any(e.events)
    and (e.status = 1 or (e.status = 0 and case when $3::bigint is null then e.owner_id = $4 else e.project_testing = $3 end))`;

export function extensionsAtPoint(db: Executor, tenantId: number, point: string, workspaceId: number | null, userId: number): Promise<ExtensionRow[]> {
  return db.rows<ExtensionRow>(`select ${COLUMNS} ${AT_POINT} order by e.id`, [tenantId, point, workspaceId, userId]);
}

/**
 * A new hold id with the extensions at the point, in one round trip. The share lock makes whoever disables one of them wait for this change,
 * so that no check is opened behind the back of its disabling.
 */
export async function extensionsForProposal(db: Executor, tenantId: number, point: string, workspaceId: number | null, userId: number): Promise<{ holdId: number; extensions: ExtensionRow[] }> {
  const rows = await db.rows<{ hold_id: number } & { [Column in keyof ExtensionRow]: ExtensionRow[Column] | null }>(
    `select n.hold_id, m.* from (select nextval('hold_id') as hold_id) n left join lateral (select ${COLUMNS} ${AT_POINT} order by e.id for share) m on true`,
    [tenantId, point, workspaceId, userId],
  );
  const holdId = rows[0]?.hold_id;
  if (holdId === undefined) throw new Error('the sequence of holds gave no id');
  return { holdId, extensions: rows.filter((row): row is { hold_id: number } & ExtensionRow => row.id !== null) };
}
