import type { Executor } from '../../../kernel/database.ts';
import { limits } from '../../../kernel/limits.ts';

/** SQL of uploaded files. */

/** Keeps a file, and drops those that nobody has asked for in time. */
export async function insertUpload(tx: Executor, upload: { readonly key: string; readonly tenantId: number; readonly content: Buffer }, now: Date): Promise<void> {
  await tx.run(
    `with dropped as (delete from upload where created_at < $5)
     insert into upload (key, tenant_id, content, created_at) values ($1, $2, $3, $4) on conflict (key) do update set content = excluded.content, created_at = excluded.created_at`,
    [upload.key, upload.tenantId, upload.content, now, new Date(now.getTime() - limits.uploadSeconds.value * 1_000)],
  );
}

export async function uploadByKey(db: Executor, tenantId: number, key: string): Promise<Buffer | undefined> {
  return (await db.row<{ content: Buffer }>('select content from upload where tenant_id = $1 and key = $2', [tenantId, key]))?.content;
}
