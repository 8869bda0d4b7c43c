import type { Executor } from '../../kernel/database.ts';
import type { Page } from '../dialect.ts';
import type { NodeSpec } from './model.ts';

/** SQL of the snapshots; they are written with what they show, in `store.ts`. */

export interface SnapshotRow {
  readonly id: string;
  readonly workspace_id: number;
  readonly node_id: number;
  readonly type: 'Saved' | 'Deployed' | 'UnDeployed';
  readonly version: number;
  readonly name: string;
  readonly owner_id: number;
  readonly spec: NodeSpec;
  readonly content: string;
  readonly comment: string;
  readonly created_at: Date;
  readonly created_by: number;
}

const SNAPSHOT = 'id, workspace_id, node_id, type, version, name, owner_id, spec, content, comment, created_at, created_by';

export function snapshotById(db: Executor, tenantId: number, id: string): Promise<SnapshotRow | undefined> {
  return db.row(`select ${SNAPSHOT} from snapshot where tenant_id = $1 and id = $2`, [tenantId, id]);
}

/** One page of the snapshots of an object, newest first. */
export async function listSnapshots(db: Executor, nodeId: number, type: string, page: Page): Promise<{ rows: SnapshotRow[]; total: number }> {
  const [rows, count] = await Promise.all([
    db.rows<SnapshotRow>(`select ${SNAPSHOT} from snapshot where node_id = $1 and type = $2 order by version desc, created_at desc, id limit $3 offset $4`, [nodeId, type, page.size, page.offset]),
    db.row<{ count: number }>('select count(*) as count from snapshot where node_id = $1 and type = $2', [nodeId, type]),
  ]);
  return { rows, total: count?.count ?? 0 };
}
