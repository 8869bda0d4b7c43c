import type { Executor } from '../kernel/database.ts';
import type { Registration } from './store.ts';

/** SQL of versions: the one being made (draft) and those that have been in force; and whether a tenant demands a review. */

export interface DraftRow {
  readonly number: number;
  readonly status: number;
  readonly registration: Registration;
  readonly submitted_by: number | null;
}

export function findDraft(db: Executor, extensionId: number): Promise<DraftRow | undefined> {
  return db.row<DraftRow>('select number, status, registration, submitted_by from extension_draft where extension_id = $1', [extensionId]);
}

/** Begins a draft, or replaces what it says; either way it is in testing afterwards. */
export async function putDraft(db: Executor, extensionId: number, number: number, registration: Registration, userId: number, now: Date): Promise<void> {
  await db.run(
    `insert into extension_draft (extension_id, number, status, registration, modified_by, modified_at) values ($1, $2, 0, $3, $4, $5)
     on conflict (extension_id) do update set status = 0, registration = excluded.registration, modified_by = excluded.modified_by, modified_at = excluded.modified_at`,
    [extensionId, number, JSON.stringify(registration), userId, now],
  );
}

export async function setDraftStatus(db: Executor, extensionId: number, status: number, userId: number, now: Date, submittedBy?: number): Promise<void> {
  await db.run('update extension_draft set status = $2, modified_by = $3, modified_at = $4, submitted_by = coalesce($5, submitted_by) where extension_id = $1', [extensionId, status, userId, now, submittedBy ?? null]);
}

export async function dropDraft(db: Executor, extensionId: number): Promise<boolean> {
  return (await db.run('delete from extension_draft where extension_id = $1', [extensionId])) === 1;
}

export interface VersionRow {
  readonly number: number;
  readonly registration: Registration;
  readonly published_by: number;
  readonly published_at: Date;
}

/** Notes that a version came into force; coming back to it renews the note. */
export async function noteVersion(db: Executor, extensionId: number, number: number, registration: Registration, userId: number, now: Date): Promise<void> {
  await db.run(
    `insert into extension_version (extension_id, number, registration, published_by, published_at) values ($1, $2, $3, $4, $5)
     on conflict (extension_id, number) do update set registration = excluded.registration, published_by = excluded.published_by, published_at = excluded.published_at`,
    [extensionId, number, JSON.stringify(registration), userId, now],
  );
}

export function findVersion(db: Executor, extensionId: number, number: number): Promise<VersionRow | undefined> {
  return db.row<VersionRow>('select number, registration, published_by, published_at from extension_version where extension_id = $1 and number = $2', [extensionId, number]);
}

export function listVersions(db: Executor, extensionId: number, limit: number): Promise<VersionRow[]> {
  return db.rows<VersionRow>('select number, registration, published_by, published_at from extension_version where extension_id = $1 order by number desc limit $2', [extensionId, limit]);
}

/** The number a next version gets. */
export async function nextVersion(db: Executor, extensionId: number, present: number): Promise<number> {
  const row = await db.row<{ highest: number | null }>('select max(number) as highest from extension_version where extension_id = $1', [extensionId]);
  return Math.max(present, row?.highest ?? 0) + 1;
}

export async function isReviewRequired(db: Executor, tenantId: number): Promise<boolean> {
  return (await db.row<{ required: boolean }>('select required from extension_review where tenant_id = $1', [tenantId]))?.required ?? false;
}

export async function setReviewRequired(db: Executor, tenantId: number, required: boolean, userId: number, now: Date): Promise<void> {
  await db.run(
    `insert into extension_review (tenant_id, required, changed_by, changed_at) values ($1, $2, $3, $4)
     on conflict (tenant_id) do update set required = excluded.required, changed_by = excluded.changed_by, changed_at = excluded.changed_at`,
    [tenantId, required, userId, now],
  );
}
