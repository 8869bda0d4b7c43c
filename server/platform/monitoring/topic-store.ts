import type { Executor } from '../../kernel/database.ts';
import type { Page } from '../dialect.ts';
import type { BaselineStatus } from './model.ts';

/** All SQL of topics: what is slow or has failed on the way of a baseline. */

export type TopicStatus = 'IGNORE' | 'NEW' | 'FIXING' | 'RECOVER';

export interface TopicRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly instance_id: number;
  readonly task_id: number;
  readonly node_name: string;
  readonly owner_id: number;
  readonly type: 'SLOW' | 'ERROR';
  readonly status: TopicStatus;
  readonly happened_at: Date;
  readonly added_at: Date;
  readonly alerted_at: Date | null;
  readonly dealt_at: Date | null;
  readonly dealt_by: number | null;
  readonly fixed_at: Date | null;
}

const COLUMNS = 'id, tenant_id, workspace_id, instance_id, task_id, node_name, owner_id, type, status, happened_at, added_at, alerted_at, dealt_at, dealt_by, fixed_at';

export type NewTopic = Pick<TopicRow, 'tenant_id' | 'workspace_id' | 'instance_id' | 'task_id' | 'node_name' | 'owner_id' | 'type' | 'happened_at'>;

/** Writes a topic, or finds the one that is there. `made` tells which. */
export async function putTopic(tx: Executor, topic: NewTopic, now: Date): Promise<{ topic: TopicRow; made: boolean }> {
  const row = await tx.row<TopicRow & { made: boolean }>(
    `insert into topic (tenant_id, workspace_id, instance_id, task_id, node_name, owner_id, type, status, happened_at, added_at) values ($1, $2, $3, $4, $5, $6, $7, 'NEW', $8, $9)
     on conflict (instance_id, type, happened_at) do update set node_name = topic.node_name
     returning ${COLUMNS}, (xmax = 0) as made`,
    [topic.tenant_id, topic.workspace_id, topic.instance_id, topic.task_id, topic.node_name, topic.owner_id, topic.type, topic.happened_at, now],
  );
  if (row === undefined) throw new Error('the topic was not written');
  const { made, ...found } = row;
  return { topic: found, made };
}

export async function noteAlerted(tx: Executor, id: number, now: Date): Promise<void> {
  await tx.run('update topic set alerted_at = $2 where id = $1', [id, now]);
}

/** Says what a topic does to a baseline; false when it is known. */
export async function addInfluence(tx: Executor, topicId: number, baselineId: number, bizdate: Date, cycle: number): Promise<boolean> {
  return (await tx.run('insert into topic_influence (topic_id, baseline_id, bizdate, cycle) values ($1, $2, $3, $4) on conflict do nothing', [topicId, baselineId, bizdate, cycle])) === 1;
}

export function openTopics(db: Executor, tenantId: number): Promise<TopicRow[]> {
  return db.rows(`select ${COLUMNS} from topic where tenant_id = $1 and status in ('NEW', 'FIXING') order by id`, [tenantId]);
}

/** Somebody has seen to it, or it is over. */
export async function moveTopic(tx: Executor, id: number, to: { readonly status: TopicStatus; readonly dealt: { readonly userId: number; readonly at: Date } | undefined; readonly fixedAt: Date | null }): Promise<void> {
  await tx.run('update topic set status = $2, dealt_by = coalesce(dealt_by, $3), dealt_at = coalesce(dealt_at, $4), fixed_at = $5 where id = $1', [id, to.status, to.dealt?.userId ?? null, to.dealt?.at ?? null, to.fixedAt]);
}

export function findTopic(db: Executor, tenantId: number, id: number): Promise<TopicRow | undefined> {
  return db.row(`select ${COLUMNS} from topic where id = $1 and tenant_id = $2`, [id, tenantId]);
}

export function topicsById(db: Executor, ids: readonly number[]): Promise<TopicRow[]> {
  return db.rows(`select ${COLUMNS} from topic where id = any($1)`, [ids]);
}

export function topicsOfInstances(db: Executor, instanceIds: readonly number[]): Promise<TopicRow[]> {
  return db.rows(`select ${COLUMNS} from topic where instance_id = any($1) order by id`, [instanceIds]);
}

export interface TopicFilter {
  readonly tenantId: number;
  readonly workspaceIds: readonly number[];
  readonly from: Date;
  readonly to: Date;
  readonly instanceId?: number | undefined;
  readonly nodeId?: number | undefined;
  readonly ownerId?: number | undefined;
  readonly statuses?: readonly string[] | undefined;
  readonly types?: readonly string[] | undefined;
}

/** One page of topics, the newest first. */
export async function listTopics(db: Executor, filter: TopicFilter, page: Page): Promise<{ rows: TopicRow[]; total: number }> {
  const where = `tenant_id = $1 and workspace_id = any($2) and happened_at >= $3 and happened_at <= $4 and ($5::bigint is null or instance_id = $5) and ($6::bigint is null or task_id = $6)
    and ($7::bigint is null or owner_id = $7) and ($8::text[] is null or status = any($8)) and ($9::text[] is null or type = any($9))`;
  const values = [filter.tenantId, filter.workspaceIds, filter.from, filter.to, filter.instanceId ?? null, filter.nodeId ?? null, filter.ownerId ?? null, filter.statuses ?? null, filter.types ?? null];
  const [rows, counted] = await Promise.all([
    db.rows<TopicRow>(`select ${COLUMNS} from topic where ${where} order by happened_at desc, id desc offset $10 limit $11`, [...values, page.offset, page.size]),
    db.row<{ total: number }>(`select count(*) as total from topic where ${where}`, values),
  ]);
  return { rows, total: counted?.total ?? 0 };
}

export interface InfluenceRow {
  readonly topic_id: number;
  readonly baseline_id: number;
  readonly bizdate: Date;
  readonly cycle: number;
  readonly name: string;
  readonly owner_id: number;
  readonly priority: number;
  readonly workspace_id: number;
  readonly status: BaselineStatus | null;
  readonly buffer_seconds: number | null;
}

/** The baselines that topics stand in the way of, the most important and then the worst off first. */
export function influencesOf(db: Executor, topicIds: readonly number[]): Promise<InfluenceRow[]> {
  return db.rows(
    `select t.topic_id, t.baseline_id, t.bizdate, t.cycle, b.name, b.owner_id, b.priority, b.workspace_id, s.status, s.buffer_seconds
     from topic_influence t join baseline b on b.id = t.baseline_id
     left join baseline_status s on s.baseline_id = t.baseline_id and s.bizdate = t.bizdate and s.cycle = t.cycle
     where t.topic_id = any($1) order by t.topic_id, b.priority desc, s.buffer_seconds, t.baseline_id, t.cycle`,
    [topicIds],
  );
}

export async function deleteTopicsBefore(tx: Executor, before: Date): Promise<void> {
  await tx.run('delete from topic where added_at < $1', [before]);
}
