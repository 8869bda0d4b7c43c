import type { Executor } from '../kernel/database.ts';

/** SQL of callbacks that were refused. */

export interface RefusedCallback {
  readonly tenantId: number;
  readonly messageId: string;
  readonly extensionCode: string;
  readonly action: string;
  readonly result: string;
  readonly reason: string;
  readonly callerTenantId: number;
  readonly userId: number;
  readonly sourceAddress: string;
  readonly at: Date;
}

export async function insertRefusedCallback(db: Executor, refused: RefusedCallback): Promise<void> {
  await db.run(
    `insert into refused_callback (tenant_id, message_id, extension_code, action, result, reason, caller_tenant_id, user_id, source_address, at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [refused.tenantId, refused.messageId, refused.extensionCode, refused.action, refused.result, refused.reason, refused.callerTenantId, refused.userId, refused.sourceAddress, refused.at],
  );
}

export interface RefusedRow {
  readonly message_id: string;
  readonly extension_code: string;
  readonly action: string;
  readonly result: string;
  readonly reason: string;
  readonly caller_tenant_id: number;
  readonly user_id: number;
  readonly source_address: string;
  readonly at: Date;
}

export interface RefusedFilter {
  readonly tenantId: number;
  readonly extensionCode: string | undefined;
  readonly messageId: string | undefined;
}

const FILTERED = 'from refused_callback where tenant_id = $1 and ($2::text is null or extension_code = $2) and ($3::text is null or message_id = $3)';

function filterValues(filter: RefusedFilter): unknown[] {
  return [filter.tenantId, filter.extensionCode ?? null, filter.messageId ?? null];
}

/** Newest first. */
export function listRefusedCallbacks(db: Executor, filter: RefusedFilter, limit: number, offset: number): Promise<RefusedRow[]> {
  return db.rows<RefusedRow>(
    `select message_id, extension_code, action, result, reason, caller_tenant_id, user_id, source_address, at ${FILTERED} order by id desc limit $4 offset $5`,
    [...filterValues(filter), limit, offset],
  );
}

export async function countRefusedCallbacks(db: Executor, filter: RefusedFilter): Promise<number> {
  return (await db.row<{ count: number }>(`select count(*) as count ${FILTERED}`, filterValues(filter)))?.count ?? 0;
}

/** Forgets those from before `before`. Answers how many. */
export function pruneRefusedCallbacks(db: Executor, before: Date): Promise<number> {
  return db.run('delete from refused_callback where at < $1', [before]);
}
