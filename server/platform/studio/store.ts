import type { Executor } from '../../kernel/database.ts';
import type { Page } from '../dialect.ts';
import type { ChangeType, Draft, NodeRow, NodeState, VersionRow, VersionStatus } from './model.ts';

/** SQL of nodes and their versions. */

const NODE_WITHOUT_CONTENT = `n.id, n.tenant_id, n.workspace_id, n.container_id, n.kind, n.name, n.command, n.file_type, n.folder_id, n.business_id, n.use_type, n.spec,
  n.owner_id, n.state, n.revision, n.committed_revision, n.current_version, n.committed_version, n.deployed_version, n.task_id,
  n.created_at, n.created_by, n.edited_at, n.edited_by, coalesce(f.path, '') as folder_path`;
const NODE = `${NODE_WITHOUT_CONTENT}, n.content`;
const FROM_NODE = 'from node n left join folder f on f.id = n.folder_id';

/** The id of the next node: its default output is named after it, so it is known before the row is. */
export async function nextNodeId(tx: Executor): Promise<number> {
  const row = await tx.row<{ id: number }>(`select nextval(pg_get_serial_sequence('node', 'id')) as id`);
  if (row === undefined) throw new Error('the sequence of node ids answered nothing');
  return row.id;
}

export async function insertNode(
  tx: Executor,
  node: Draft & { readonly id: number; readonly tenant_id: number; readonly workspace_id: number; readonly command: string; readonly file_type: number },
  userId: number,
  now: Date,
): Promise<void> {
  await tx.run(
    `insert into node (id, tenant_id, workspace_id, kind, name, command, file_type, folder_id, business_id, use_type, spec, content, owner_id, state, revision, current_version,
       created_at, created_by, edited_at, edited_by)
     values ($1, $2, $3, 'node', $4, $5, $6, $7, $8, $9, $10, $11, $12, 'NORMAL', 1, 0, $13, $14, $13, $14)`,
    [
      node.id,
      node.tenant_id,
      node.workspace_id,
      node.name,
      node.command,
      node.file_type,
      node.folder_id,
      node.business_id,
      node.use_type,
      JSON.stringify(node.spec),
      node.content,
      node.owner_id,
      now,
      userId,
    ],
  );
}

/** Writes a changed draft and counts its revision up. */
export async function updateDraft(tx: Executor, id: number, draft: Draft, userId: number, now: Date): Promise<void> {
  await tx.run(
    `update node set name = $2, folder_id = $3, business_id = $4, use_type = $5, spec = $6, content = $7, owner_id = $8, revision = revision + 1, edited_at = $9, edited_by = $10
     where id = $1`,
    [id, draft.name, draft.folder_id, draft.business_id, draft.use_type, JSON.stringify(draft.spec), draft.content, draft.owner_id, now, userId],
  );
}

/** Counts up to `most` files that are not deleted for good. */
export async function countNodes(db: Executor, workspaceId: number, most: number): Promise<number> {
  const row = await db.row<{ count: number }>(`select count(*) as count from (select 1 from node where workspace_id = $1 and state in ('NORMAL', 'RECYCLE_BIN') limit $2) counted`, [
    workspaceId,
    most,
  ]);
  return row?.count ?? 0;
}

export function nodeById(db: Executor, workspaceId: number, id: number): Promise<NodeRow | undefined> {
  return db.row<NodeRow>(`select ${NODE} ${FROM_NODE} where n.workspace_id = $1 and n.id = $2`, [workspaceId, id]);
}

export function nodeByTask(db: Executor, workspaceId: number, taskId: number): Promise<NodeRow | undefined> {
  return db.row<NodeRow>(`select ${NODE} ${FROM_NODE} where n.workspace_id = $1 and n.task_id = $2`, [workspaceId, taskId]);
}

/** The node, locked until the change ends; every write of a node or of its versions begins here, so that its events stay in order. */
export async function lockNode(tx: Executor, workspaceId: number, id: number): Promise<NodeRow | undefined> {
  // Locked first and read then: a joined read that waited for the lock would answer the folder as it was before the wait.
  const locked = await tx.row('select id from node where workspace_id = $1 and id = $2 for update', [workspaceId, id]);
  return locked === undefined ? undefined : nodeById(tx, workspaceId, id);
}

export interface NodeFilter {
  readonly workspaceId: number;
  readonly exactName?: string | undefined;
  readonly keyword?: string | undefined;
  /** Files in the folder and below. */
  readonly folderPath?: string | undefined;
  readonly ids?: readonly number[] | undefined;
  readonly fileTypes?: readonly number[] | undefined;
  readonly owner?: number | undefined;
  readonly lastEditor?: number | undefined;
  readonly taskId?: number | undefined;
  readonly useType?: string | undefined;
  readonly committed?: boolean | undefined;
}

/** One page of the files that are not deleted, last edited first. */
export async function listNodes(db: Executor, filter: NodeFilter, withContent: boolean, page: Page): Promise<{ rows: NodeRow[]; total: number }> {
  const where = `n.workspace_id = $1 and n.state = 'NORMAL'
    and ($2::text is null or n.name = $2) and ($3::text is null or position(lower($3) in lower(n.name)) > 0)
    and ($4::text is null or f.path = $4 or starts_with(f.path, $4::text || '/'))
    and ($5::bigint[] is null or n.id = any($5)) and ($6::bigint[] is null or n.file_type = any($6)) and ($7::bigint is null or n.owner_id = $7)
    and ($8::bigint is null or n.edited_by = $8) and ($9::bigint is null or n.task_id = $9) and ($10::text is null or n.use_type = $10)
    and ($11::boolean is null or (n.committed_revision is not distinct from n.revision) = $11)`;
  const values = [
    filter.workspaceId,
    filter.exactName ?? null,
    filter.keyword ?? null,
    filter.folderPath ?? null,
    filter.ids ?? null,
    filter.fileTypes ?? null,
    filter.owner ?? null,
    filter.lastEditor ?? null,
    filter.taskId ?? null,
    filter.useType ?? null,
    filter.committed ?? null,
  ];
  const columns = withContent ? NODE : `${NODE_WITHOUT_CONTENT}, '' as content`;
  const [rows, count] = await Promise.all([
    db.rows<NodeRow>(`select ${columns} ${FROM_NODE} where ${where} order by n.edited_at desc, n.id desc limit $12 offset $13`, [...values, page.size, page.offset]),
    db.row<{ count: number }>(`select count(*) as count ${FROM_NODE} where ${where}`, values),
  ]);
  return { rows, total: count?.count ?? 0 };
}

export async function setTask(tx: Executor, id: number, taskId: number): Promise<void> {
  await tx.run('update node set task_id = $2 where id = $1', [id, taskId]);
}

export async function setCommitted(tx: Executor, id: number, version: number, revision: number): Promise<void> {
  await tx.run('update node set committed_version = $2, committed_revision = $3 where id = $1', [id, version, revision]);
}

export async function setState(tx: Executor, id: number, state: NodeState): Promise<void> {
  await tx.run('update node set state = $2 where id = $1', [id, state]);
}

export async function setDeployed(tx: Executor, id: number, version: number | null): Promise<void> {
  await tx.run('update node set deployed_version = $2 where id = $1', [id, version]);
}

const VERSION = `node_id, version, workspace_id, status, change_type, revision, name, spec, content, owner_id, folder_id, business_id, use_type, comment, committed_by, committed_at,
  hold_id, package_id`;

/** Makes the next version of a node from its draft, and answers it. */
export async function insertVersion(
  tx: Executor,
  node: NodeRow,
  version: { readonly changeType: ChangeType; readonly comment: string; readonly userId: number; readonly now: Date },
): Promise<VersionRow> {
  const row = await tx.row<VersionRow>(
    `with next as (update node set current_version = current_version + 1 where id = $1 returning *)
     insert into node_version (node_id, version, workspace_id, status, change_type, revision, name, spec, content, owner_id, folder_id, business_id, use_type, comment, committed_by, committed_at)
     select id, current_version, workspace_id, 'COMMITTING', $2, revision, name, spec, content, owner_id, folder_id, business_id, use_type, $3, $4, $5 from next
     returning ${VERSION}`,
    [node.id, version.changeType, version.comment, version.userId, version.now],
  );
  if (row === undefined) throw new Error('the node of a new version is not there');
  return row;
}

export function versionOf(db: Executor, nodeId: number, version: number): Promise<VersionRow | undefined> {
  return db.row<VersionRow>(`select ${VERSION} from node_version where node_id = $1 and version = $2`, [nodeId, version]);
}

/** Versions that wait for a verdict: of a commit, a deletion or a deployment. */
export function openVersions(db: Executor, nodeId: number): Promise<VersionRow[]> {
  return db.rows<VersionRow>(`select ${VERSION} from node_version where node_id = $1 and status in ('COMMITTING', 'DEPLOYING') order by version`, [nodeId]);
}

export async function listVersions(db: Executor, nodeId: number, page: Page): Promise<{ rows: VersionRow[]; total: number }> {
  const [rows, count] = await Promise.all([
    db.rows<VersionRow>(`select ${VERSION} from node_version where node_id = $1 order by version desc limit $2 offset $3`, [nodeId, page.size, page.offset]),
    db.row<{ count: number }>('select count(*) as count from node_version where node_id = $1', [nodeId]),
  ]);
  return { rows, total: count?.count ?? 0 };
}

export async function setVersionPackage(tx: Executor, nodeId: number, version: number, packageId: number): Promise<void> {
  await tx.run('update node_version set package_id = $3 where node_id = $1 and version = $2', [nodeId, version, packageId]);
}

export async function setVersionHold(tx: Executor, nodeId: number, version: number, holdId: number): Promise<void> {
  await tx.run('update node_version set hold_id = $3 where node_id = $1 and version = $2', [nodeId, version, holdId]);
}

/** Moves a version to another status. Fails when it is in none of `from`. */
export async function moveVersion(tx: Executor, nodeId: number, version: number, from: readonly VersionStatus[], to: VersionStatus): Promise<void> {
  const moved = await tx.run('update node_version set status = $4 where node_id = $1 and version = $2 and status = any($3)', [nodeId, version, from, to]);
  if (moved !== 1) throw new Error(`version ${version} of node ${nodeId} cannot become ${to}`);
}

export interface WaitingFilter {
  readonly workspaceId: number;
  readonly businessId?: number | undefined;
  readonly changeType?: ChangeType | undefined;
  readonly from?: Date | undefined;
  readonly until?: Date | undefined;
  readonly committedBy?: number | undefined;
  readonly ids?: readonly number[] | undefined;
  readonly name?: string | undefined;
  readonly fileType?: number | undefined;
}

export type WaitingRow = VersionRow & { readonly task_id: number | null; readonly file_type: number; readonly deployed_version: number | null; readonly tenant_id: number };

/** One page of the last versions of files that are not in production yet. */
export async function listWaiting(db: Executor, filter: WaitingFilter, page: Page): Promise<{ rows: WaitingRow[]; total: number }> {
  const from = `from node n join node_version v on v.node_id = n.id and v.version = n.current_version
    where n.workspace_id = $1 and n.deployed_version is distinct from n.current_version and v.status <> 'DEPLOYED'
    and ($2::bigint is null or v.business_id = $2) and ($3::text is null or v.change_type = $3) and ($4::timestamptz is null or v.committed_at >= $4)
    and ($5::timestamptz is null or v.committed_at < $5) and ($6::bigint is null or v.committed_by = $6) and ($7::bigint[] is null or n.id = any($7))
    and ($8::text is null or position(lower($8) in lower(v.name)) > 0) and ($9::bigint is null or n.file_type = $9)`;
  const values = [
    filter.workspaceId,
    filter.businessId ?? null,
    filter.changeType ?? null,
    filter.from ?? null,
    filter.until ?? null,
    filter.committedBy ?? null,
    filter.ids ?? null,
    filter.name ?? null,
    filter.fileType ?? null,
  ];
  const columns = VERSION.split(',').map((column) => `v.${column.trim()}`).join(', ');
  const [rows, count] = await Promise.all([
    db.rows<WaitingRow>(`select ${columns}, n.task_id, n.file_type, n.deployed_version, n.tenant_id ${from} order by v.committed_at desc, n.id desc limit $10 offset $11`, [
      ...values,
      page.size,
      page.offset,
    ]),
    db.row<{ count: number }>(`select count(*) as count ${from}`, values),
  ]);
  return { rows, total: count?.count ?? 0 };
}
