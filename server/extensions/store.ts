import type { Executor } from '../kernel/database.ts';
import type { Verdict } from './states.ts';

/** SQL of extensions. Where they are enabled is in `attachment-store.ts`, their versions in `version-store.ts`, holds in `hold-store.ts`. */

/** How an extension is asked. */
export type Invocation = 'EVENT' | 'HTTP' | 'FUNCTION' | 'RULE';

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
  readonly version: number;
  readonly invocation: Invocation;
  /** The address or the expression, as the invocation is. */
  readonly target: string;
  readonly require_token: boolean;
  readonly submitted_by: number | null;
  /** Sealed. Null: its requests are not signed. */
  readonly signing_secret: string | null;
}

export const COLUMNS = `e.id, e.tenant_id, e.code, e.name, e.description, e.owner_id, e.status, e.events, e.project_testing, e.detail_url, e.help_doc_url,
  e.parameter_setting, e.option_setting, e.deadline_seconds, e.deadline_outcome, e.created_by, e.modified_by,
  e.version, e.invocation, e.target, e.require_token, e.submitted_by, e.signing_secret`;

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
  readonly ownerId: number;
  readonly invocation: Invocation;
  readonly target: string;
  readonly requireToken: boolean;
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
    registration.ownerId,
    registration.invocation,
    registration.target,
    registration.requireToken,
  ];
}

/** Registers in Testing. Rejects with a unique violation of `extension_code`. */
export async function insertExtension(db: Executor, tenantId: number, code: string, userId: number, now: Date, registration: Registration): Promise<void> {
  await db.run(
    `insert into extension (name, description, events, project_testing, detail_url, help_doc_url, parameter_setting, option_setting, deadline_seconds,
       deadline_outcome, owner_id, invocation, target, require_token, tenant_id, code, status, created_by, created_at, modified_by, modified_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, $17, $18, $17, $18)`,
    [...registrationValues(registration), tenantId, code, userId, now],
  );
}

/** Writes what an extension is from now on, as this version. */
export async function updateRegistration(db: Executor, id: number, userId: number, now: Date, registration: Registration, version: number): Promise<void> {
  await db.run(
    `update extension set name = $1, description = $2, events = $3, project_testing = $4, detail_url = $5, help_doc_url = $6, parameter_setting = $7,
       option_setting = $8, deadline_seconds = $9, deadline_outcome = $10, owner_id = $11, invocation = $12, target = $13, require_token = $14,
       modified_by = $16, modified_at = $17, version = $18
     where id = $15`,
    [...registrationValues(registration), id, userId, now, version],
  );
}

/** `submittedBy` undefined: as it is. */
export async function setExtensionStatus(db: Executor, id: number, status: number, userId: number, now: Date, submittedBy?: number): Promise<void> {
  await db.run('update extension set status = $2, modified_by = $3, modified_at = $4, submitted_by = coalesce($5, submitted_by) where id = $1', [id, status, userId, now, submittedBy ?? null]);
}

/** Sets the sealed secret that signs its requests. */
export async function setSigningSecret(db: Executor, id: number, sealed: string, userId: number, now: Date): Promise<void> {
  await db.run('update extension set signing_secret = $2, modified_by = $3, modified_at = $4 where id = $1', [id, sealed, userId, now]);
}

/** Marks the extension deleted and takes it off everywhere. Its code may be used again. */
export async function markExtensionDeleted(db: Executor, id: number, userId: number, now: Date): Promise<void> {
  await db.run('update extension set deleted_at = $3, modified_by = $2, modified_at = $3 where id = $1', [id, userId, now]);
  await db.run('delete from extension_draft where extension_id = $1', [id]);
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

/**
 * As `findExtension`, locked: proposals that matched it have written their holds, later ones wait and then see the new state. Who only refers to the row,
 * as a count of its breaker does while it has a hold, does not wait.
 */
export function lockExtension(db: Executor, tenantId: number, code: string): Promise<ExtensionRow | undefined> {
  return db.row<ExtensionRow>(`select ${COLUMNS} from extension e where e.tenant_id = $1 and e.code = $2 and e.deleted_at is null for no key update`, [tenantId, code]);
}

export function listExtensions(db: Executor, tenantId: number, limit: number, offset: number): Promise<ExtensionRow[]> {
  return db.rows<ExtensionRow>(`select ${COLUMNS} from extension e where e.tenant_id = $1 and e.deleted_at is null order by e.id desc limit $2 offset $3`, [tenantId, limit, offset]);
}

/** What the row says, as a registration. */
export function registrationOf(row: ExtensionRow): Registration {
  return {
    name: row.name,
    description: row.description,
    events: row.events,
    projectTesting: row.project_testing ?? undefined,
    detailUrl: row.detail_url,
    helpDocUrl: row.help_doc_url,
    parameterSetting: row.parameter_setting,
    optionSetting: row.option_setting,
    deadlineSeconds: row.deadline_seconds,
    deadlineOutcome: row.deadline_outcome,
    ownerId: row.owner_id,
    invocation: row.invocation,
    target: row.target,
    requireToken: row.require_token,
  };
}

/** The row as it would be with another registration. */
export function withRegistration<Row extends ExtensionRow>(row: Row, registration: Registration, version: number): Row {
  return {
    ...row,
    version,
    name: registration.name,
    description: registration.description,
    events: [...registration.events],
    project_testing: registration.projectTesting ?? null,
    detail_url: registration.detailUrl,
    help_doc_url: registration.helpDocUrl,
    parameter_setting: registration.parameterSetting,
    option_setting: registration.optionSetting,
    deadline_seconds: registration.deadlineSeconds,
    deadline_outcome: registration.deadlineOutcome,
    owner_id: registration.ownerId,
    invocation: registration.invocation,
    target: registration.target,
    require_token: registration.requireToken,
  };
}
