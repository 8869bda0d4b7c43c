import type { Executor } from '../../kernel/database.ts';
import type { Page, SortOrder } from '../dialect.ts';

/** All SQL of certificates and credentials. */

export interface CertificateRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly name: string;
  readonly description: string;
  readonly sealed: string;
  readonly bytes: number;
  readonly subject: string | null;
  readonly fingerprint: string | null;
  readonly valid_from: Date | null;
  readonly expires_at: Date | null;
  readonly created_by: number;
  readonly created_at: Date;
}

const CERTIFICATE = 'id, tenant_id, workspace_id, name, description, sealed, bytes, subject, fingerprint, valid_from, expires_at, created_by, created_at';

export async function insertCertificate(tx: Executor, certificate: Omit<CertificateRow, 'id' | 'created_by' | 'created_at'>, userId: number, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `insert into certificate (tenant_id, workspace_id, name, description, sealed, bytes, subject, fingerprint, valid_from, expires_at, created_by, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning id`,
    [
      certificate.tenant_id,
      certificate.workspace_id,
      certificate.name,
      certificate.description,
      certificate.sealed,
      certificate.bytes,
      certificate.subject,
      certificate.fingerprint,
      certificate.valid_from,
      certificate.expires_at,
      userId,
      now,
    ],
  );
  if (row === undefined) throw new Error('the insert of a certificate returned no row');
  return row.id;
}

/** Keeps two imports into one workspace one after the other, so that the limit holds. Answers how many there are. */
export async function lockCertificates(tx: Executor, workspaceId: number): Promise<number> {
  await tx.run(`select pg_advisory_xact_lock(hashtext('certificate'), $1::int)`, [workspaceId]);
  return (await tx.row<{ count: number }>('select count(*) as count from certificate where workspace_id = $1', [workspaceId]))?.count ?? 0;
}

export function certificateById(db: Executor, workspaceId: number, id: number): Promise<CertificateRow | undefined> {
  return db.row<CertificateRow>(`select ${CERTIFICATE} from certificate where workspace_id = $1 and id = $2`, [workspaceId, id]);
}

export async function deleteCertificate(tx: Executor, workspaceId: number, id: number): Promise<boolean> {
  return (await tx.run('delete from certificate where workspace_id = $1 and id = $2', [workspaceId, id])) === 1;
}

export interface CertificateFilter {
  readonly workspaceId: number;
  readonly name?: string | undefined;
  readonly createdBy?: number | undefined;
  readonly from?: Date | undefined;
  readonly until?: Date | undefined;
}

/** Columns by the name in `SortBy`. */
export const certificateOrders: Readonly<Record<string, string>> = { CreateTime: 'created_at', Id: 'id', Name: 'name' };

export async function listCertificates(db: Executor, filter: CertificateFilter, order: SortOrder, page: Page): Promise<{ rows: CertificateRow[]; total: number }> {
  const where = `workspace_id = $1 and ($2::text is null or position(lower($2) in lower(name)) > 0) and ($3::bigint is null or created_by = $3)
    and ($4::timestamptz is null or created_at >= $4) and ($5::timestamptz is null or created_at <= $5)`;
  const values = [filter.workspaceId, filter.name ?? null, filter.createdBy ?? null, filter.from ?? null, filter.until ?? null];
  const [rows, count] = await Promise.all([
    db.rows<CertificateRow>(`select ${CERTIFICATE} from certificate where ${where} order by ${order.by} ${order.direction}, id limit $6 offset $7`, [...values, page.size, page.offset]),
    db.row<{ count: number }>(`select count(*) as count from certificate where ${where}`, values),
  ]);
  return { rows, total: count?.count ?? 0 };
}

export interface CredentialRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly user_id: string;
  readonly user_type: string;
  readonly engine_type: string;
  readonly instance_id: string;
  readonly instance_name: string;
  readonly role: string;
  readonly user_name: string;
  readonly sealed: string;
}

/** Adds the credential, or takes the place of the one that the user has at the engine. Returns its id. */
export async function putCredential(tx: Executor, credential: Omit<CredentialRow, 'id'>, userId: number, now: Date): Promise<number> {
  const row = await tx.row<{ id: number }>(
    `insert into identify_credential (tenant_id, workspace_id, user_id, user_type, engine_type, instance_id, instance_name, role, user_name, sealed, created_by, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
     on conflict (workspace_id, engine_type, instance_id, user_type, user_id) do update
       set instance_name = excluded.instance_name, role = excluded.role, user_name = excluded.user_name, sealed = excluded.sealed, created_by = excluded.created_by, created_at = excluded.created_at
     returning id`,
    [
      credential.tenant_id,
      credential.workspace_id,
      credential.user_id,
      credential.user_type,
      credential.engine_type,
      credential.instance_id,
      credential.instance_name,
      credential.role,
      credential.user_name,
      credential.sealed,
      userId,
      now,
    ],
  );
  if (row === undefined) throw new Error('the credential was not written');
  return row.id;
}

/** The credential that a user has at an engine. */
export function credentialOf(db: Executor, workspaceId: number, engine: { readonly type: string; readonly instanceId: string }, userId: string): Promise<CredentialRow | undefined> {
  return db.row<CredentialRow>(
    `select id, tenant_id, workspace_id, user_id, user_type, engine_type, instance_id, instance_name, role, user_name, sealed
     from identify_credential where workspace_id = $1 and engine_type = $2 and instance_id = $3 and user_id = $4 order by id limit 1`,
    [workspaceId, engine.type, engine.instanceId, userId],
  );
}

export async function deleteAllOf(tx: Executor, workspaceId: number): Promise<void> {
  await tx.run('delete from certificate where workspace_id = $1', [workspaceId]);
  await tx.run('delete from identify_credential where workspace_id = $1', [workspaceId]);
}

/** How many certificates end before a moment, or have ended. */
export async function countEnding(db: Executor, before: Date): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) as count from certificate where expires_at < $1', [before]))?.count ?? 0;
}
