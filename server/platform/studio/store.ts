import type { Executor } from '../../kernel/database.ts';
import { invalid } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import type { Page } from '../dialect.ts';
import type { ChangeType, Draft, NodeKind, NodeRow, NodeState, Trigger, VersionRow, VersionStatus, WorkflowKind } from './model.ts';

/** SQL of nodes and their versions. */

const NODE_WITHOUT_CONTENT = `n.id, n.tenant_id, n.workspace_id, n.container_id, n.kind, n.workflow_kind, n.name, n.command, n.file_type, n.folder_id, n.business_id, n.use_type, n.spec,
  n.owner_id, n.state, n.revision, n.committed_revision, n.current_version, n.committed_version, n.deployed_version, n.task_id,
  n.created_at, n.created_by, n.edited_at, n.edited_by, case when n.container_id is null then coalesce(f.path, '') else container_path(n.container_id) end as folder_path`;
const NODE = `${NODE_WITHOUT_CONTENT}, n.content`;
const FROM_NODE = 'from node n left join folder f on f.id = n.folder_id';

/** Ids of the next nodes. */
export async function nextNodeIds(tx: Executor, count: number): Promise<number[]> {
  const rows = await tx.rows<{ id: number }>(`select nextval(pg_get_serial_sequence('node', 'id')) as id from generate_series(1, $1)`, [count]);
  return rows.map((row) => row.id);
}

/** The id of the next node: its default output is named after it, so it is known before the row is. */
export async function nextNodeId(tx: Executor): Promise<number> {
  const row = await tx.row<{ id: number }>(`select nextval(pg_get_serial_sequence('node', 'id')) as id`);
  if (row === undefined) throw new Error('the sequence of node ids answered nothing');
  return row.id;
}

/** A node as it is put into the table. */
export type NewNode = Draft & {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly kind?: NodeKind;
  readonly workflow_kind?: WorkflowKind;
  readonly container_id?: number;
  readonly command: string;
  readonly file_type: number;
};

/** Adds nodes in one statement, each with a snapshot of its first draft. Containers must stand before what lies in them. */
export async function insertNodes(tx: Executor, nodes: readonly NewNode[], userId: number, now: Date): Promise<void> {
  await tx.run(
    `with given as (
       select * from jsonb_to_recordset($1::jsonb) as g(id bigint, tenant_id bigint, workspace_id bigint, kind text, workflow_kind text, container_id bigint, name text, command text,
         file_type bigint, folder_id bigint, business_id bigint, use_type text, spec jsonb, content text, owner_id bigint)
     ), made as (
       insert into node (id, tenant_id, workspace_id, kind, workflow_kind, container_id, name, command, file_type, folder_id, business_id, use_type, spec, content, owner_id, state, revision,
         current_version, created_at, created_by, edited_at, edited_by)
       select id, tenant_id, workspace_id, coalesce(kind, 'node'), workflow_kind, container_id, name, command, file_type, folder_id, business_id, use_type, spec, content, owner_id, 'NORMAL', 1, 0,
         $2, $3, $2, $3 from given
       returning *
     )
     insert into snapshot (tenant_id, workspace_id, node_id, type, version, name, owner_id, spec, content, comment, created_at, created_by)
     select tenant_id, workspace_id, id, 'Saved', revision, name, owner_id, spec, content, '', $2, $3 from made`,
    [JSON.stringify(nodes), now, userId],
  );
}

export function insertNode(tx: Executor, node: NewNode, userId: number, now: Date): Promise<void> {
  return insertNodes(tx, [node], userId, now);
}

/** Writes a changed draft, counts its revision up and keeps a snapshot of it; snapshots of drafts long past are dropped. */
export async function updateDraft(tx: Executor, id: number, draft: Draft, userId: number, now: Date): Promise<void> {
  await tx.run(
    `with saved as (
       update node set name = $2, folder_id = $3, business_id = $4, use_type = $5, spec = $6, content = $7, owner_id = $8, revision = revision + 1, edited_at = $9, edited_by = $10
       where id = $1 returning *
     ), dropped as (
       delete from snapshot where node_id = $1 and type = 'Saved' and version <= (select revision from saved) - $11::bigint
     )
     insert into snapshot (tenant_id, workspace_id, node_id, type, version, name, owner_id, spec, content, comment, created_at, created_by)
     select tenant_id, workspace_id, id, 'Saved', revision, name, owner_id, spec, content, '', $9, $10 from saved`,
    [id, draft.name, draft.folder_id, draft.business_id, draft.use_type, JSON.stringify(draft.spec), draft.content, draft.owner_id, now, userId, limits.savedSnapshots.value],
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

/**
 * The resources of these names in the version that an environment has: the deployed one, or in development the committed one, else the draft (version 0). Of several
 * of one name in different folders it is the one that was edited last.
 */
export function resourcesByName(db: Executor, workspaceId: number, names: readonly string[], environment: 'DEV' | 'PROD'): Promise<{ id: number; name: string; version: number }[]> {
  return db.rows(
    `select distinct on (name) id, name, case when $3 then deployed_version else coalesce(committed_version, 0) end as version
     from node where workspace_id = $1 and kind = 'resource' and state = 'NORMAL' and name = any($2) and (not $3 or deployed_version is not null) order by name, edited_at desc, id desc`,
    [workspaceId, names, environment === 'PROD'],
  );
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

/** What the legacy dialect sees as files. */
export const FILE_KINDS: readonly NodeKind[] = ['node', 'resource', 'function'];

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
  readonly kinds?: readonly NodeKind[] | undefined;
  /** What lies directly in this container. */
  readonly containerId?: number | undefined;
  readonly useTypes?: readonly string[] | undefined;
  readonly recurrence?: string | undefined;
  readonly rerunMode?: string | undefined;
  readonly workflowKind?: string | undefined;
  /** Type of a resource or function. */
  readonly entityType?: string | undefined;
}

/** Refuses a page whose code together is too much for one answer; its length is known without reading it. Throws InvalidParameter. */
async function checkPageContents(db: Executor, contents: string, values: readonly unknown[]): Promise<void> {
  const most = limits.pageContentBytes.value;
  const bytes = (await db.row<{ bytes: number }>(`select coalesce(sum(octet_length(content)), 0) as bytes from (${contents}) as page`, values))?.bytes ?? 0;
  if (bytes > most) throw invalid('PageSize', `the code of this page has more than ${most} bytes together; ask for a smaller page`);
}

/** One page of the files that are not deleted, last edited first. */
export async function listNodes(db: Executor, filter: NodeFilter, withContent: boolean, page: Page): Promise<{ rows: NodeRow[]; total: number }> {
  const where = `n.workspace_id = $1 and n.state = 'NORMAL'
    and ($2::text is null or n.name = $2) and ($3::text is null or position(lower($3) in lower(n.name)) > 0)
    and ($4::text is null or f.path = $4 or starts_with(f.path, $4::text || '/'))
    and ($5::bigint[] is null or n.id = any($5)) and ($6::bigint[] is null or n.file_type = any($6)) and ($7::bigint is null or n.owner_id = $7)
    and ($8::bigint is null or n.edited_by = $8) and ($9::bigint is null or n.task_id = $9) and ($10::text is null or n.use_type = $10)
    and ($11::boolean is null or (n.committed_revision is not distinct from n.revision) = $11)
    and n.kind = any($12) and ($13::bigint is null or n.container_id = $13) and ($14::text[] is null or n.use_type = any($14)) and ($15::text is null or n.spec ->> 'recurrence' = $15)
    and ($16::text is null or n.spec ->> 'rerunMode' = $16) and ($17::text is null or n.workflow_kind = $17) and ($18::text is null or n.spec #>> '{entity,type}' = $18)`;
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
    filter.kinds ?? FILE_KINDS,
    filter.containerId ?? null,
    filter.useTypes ?? null,
    filter.recurrence ?? null,
    filter.rerunMode ?? null,
    filter.workflowKind ?? null,
    filter.entityType ?? null,
  ];
  const columns = withContent ? NODE : `${NODE_WITHOUT_CONTENT}, '' as content`;
  const selected = `${FROM_NODE} where ${where} order by n.edited_at desc, n.id desc limit $19 offset $20`;
  const pageValues = [...values, page.size, page.offset];
  if (withContent) await checkPageContents(db, `select n.content ${selected}`, pageValues);
  const [rows, count] = await Promise.all([
    db.rows<NodeRow>(`select ${columns} ${selected}`, pageValues),
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

/** Notes what is in production, or that nothing is, and keeps a snapshot of what went there or left it. */
export async function setDeployed(tx: Executor, id: number, version: number | null, userId: number, now: Date): Promise<void> {
  await tx.run(
    `with before as (select * from node where id = $1), changed as (update node set deployed_version = $2 where id = $1)
     insert into snapshot (tenant_id, workspace_id, node_id, type, version, name, owner_id, spec, content, comment, created_at, created_by)
     select b.tenant_id, v.workspace_id, v.node_id, case when $2::bigint is null then 'UnDeployed' else 'Deployed' end, v.version, v.name, v.owner_id, v.spec, v.content, v.comment, $3, $4
     from before b join node_version v on v.node_id = b.id and v.version = coalesce($2, b.deployed_version)`,
    [id, version, now, userId],
  );
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
  await checkPageContents(db, 'select content from node_version where node_id = $1 order by version desc limit $2 offset $3', [nodeId, page.size, page.offset]);
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
    where n.workspace_id = $1 and n.deployed_version is distinct from n.current_version and v.status <> 'DEPLOYED' and n.container_id is null and n.kind in ('node', 'resource', 'function')
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

/** Everything that lies in a container, whatever its depth, containers before what lies in them. Without code when `withContent` is false. */
export function rowsBelow(db: Executor, workspaceId: number, containerId: number, withContent: boolean): Promise<NodeRow[]> {
  return db.rows<NodeRow>(
    `with recursive below (id, depth) as (
       select id, 1 from node where container_id = $2 and state = 'NORMAL'
       union all
       select n.id, b.depth + 1 from node n join below b on n.container_id = b.id where n.state = 'NORMAL'
     )
     select ${NODE_WITHOUT_CONTENT}, ${withContent ? 'n.content' : `'' as content`} from below b join node n on n.id = b.id left join folder f on f.id = n.folder_id
     where n.workspace_id = $1 order by b.depth, n.id`,
    [workspaceId, containerId],
  );
}

/** Locks what lies in a container, in the order of the ids. */
export async function lockBelow(tx: Executor, containerId: number): Promise<void> {
  await tx.run(
    `with recursive below (id) as (
       select id from node where container_id = $1 and state = 'NORMAL'
       union all
       select n.id from node n join below b on n.container_id = b.id where n.state = 'NORMAL'
     )
     select 1 from node where id in (select id from below) order by id for update`,
    [containerId],
  );
}

/** First output that a node gives beside its own default one, by the node's id; nodes that are not there are left out. */
export function outputsOf(db: Executor, workspaceId: number, ids: readonly number[]): Promise<{ id: number; output: string | null }[]> {
  return db.rows(
    `select id, coalesce(spec #>> '{outputs,nodeOutputs,1,data}', spec #>> '{outputs,nodeOutputs,0,data}') as output from node
     where workspace_id = $1 and id = any($2) and kind in ('node', 'workflow') and state = 'NORMAL'`,
    [workspaceId, ids],
  );
}

/** The workspace of an object, for operations that need not name it. */
export async function workspaceOf(db: Executor, tenantId: number, id: number): Promise<number | undefined> {
  return (await db.row<{ workspace_id: number }>('select workspace_id from node where tenant_id = $1 and id = $2', [tenantId, id]))?.workspace_id;
}

/** Gives nodes of a workflow its new trigger where they had its old one. */
export async function passTriggerOn(tx: Executor, containerId: number, before: Trigger, after: Trigger, userId: number, now: Date): Promise<void> {
  await tx.run(
    `with recursive below (id) as (
       select id from node where container_id = $1
       union all
       select n.id from node n join below b on n.container_id = b.id
     )
     update node set spec = jsonb_set(spec, '{trigger}', $3::jsonb), revision = revision + 1, edited_at = $4, edited_by = $5
     where id in (select id from below) and state = 'NORMAL' and spec -> 'trigger' = $2::jsonb`,
    [containerId, JSON.stringify(before), JSON.stringify(after), now, userId],
  );
}

/** Nodes that give the outputs for which a node waits, in development: one page, and how many there are. */
export async function listUpstream(db: Executor, workspaceId: number, outputs: readonly string[], ids: readonly number[], page: Page): Promise<{ rows: NodeRow[]; total: number }> {
  const where = `n.workspace_id = $1 and n.state = 'NORMAL' and n.kind in ('node', 'workflow')
    and (n.id = any($3) or n.task_id = any($3) or exists (select from jsonb_array_elements(n.spec #> '{outputs,nodeOutputs}') o where o ->> 'data' = any($2)))`;
  const [rows, count] = await Promise.all([
    db.rows<NodeRow>(`select ${NODE_WITHOUT_CONTENT}, '' as content ${FROM_NODE} where ${where} order by n.id limit $4 offset $5`, [workspaceId, outputs, ids, page.size, page.offset]),
    db.row<{ count: number }>(`select count(*) as count ${FROM_NODE} where ${where}`, [workspaceId, outputs, ids]),
  ]);
  return { rows, total: count?.count ?? 0 };
}
