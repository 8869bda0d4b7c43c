import type { Executor } from '../../kernel/database.ts';
import { storable } from '../../kernel/text.ts';
import type { Page } from '../dialect.ts';
import type { AddressKind, BaselineStatus } from './model.ts';

/** All SQL of alerts and of the messages that go out for them. */

export type AlertSource = 'REMIND_ALERT' | 'TOPIC_ALERT' | 'SLA_ALERT';

/** What an alert tells besides its text, and how it is found out whether it is still so. */
export interface AlertDetail {
  readonly instances: readonly number[];
  readonly nodes: readonly number[];
  /** What was so when it was found: state and moment of the first instance. */
  readonly held?: { readonly status: string; readonly since: number } | undefined;
  readonly group?: string | undefined;
  readonly baseline?: { readonly bizdate: number; readonly cycle: number; readonly status: BaselineStatus } | undefined;
  readonly topicId?: number | undefined;
}

export interface AlertRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly source: AlertSource;
  readonly source_id: number;
  readonly occurrence: string;
  readonly content: string;
  readonly detail: AlertDetail;
  readonly at: Date;
  readonly sent: number;
  readonly next_at: Date | null;
}

const ALERT = 'id, tenant_id, workspace_id, source, source_id, occurrence, content, detail, at, sent, next_at';

export type NewAlert = Pick<AlertRow, 'tenant_id' | 'workspace_id' | 'source' | 'source_id' | 'occurrence' | 'content' | 'detail'>;

/** Writes an alert; undefined when the same was written before. */
export function insertAlert(tx: Executor, alert: NewAlert, now: Date): Promise<AlertRow | undefined> {
  return tx.row(
    `insert into alert (tenant_id, workspace_id, source, source_id, occurrence, content, detail, at) values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (source, source_id, occurrence) do nothing returning ${ALERT}`,
    [alert.tenant_id, alert.workspace_id, alert.source, alert.source_id, alert.occurrence, alert.content, JSON.stringify(alert.detail), now],
  );
}

/** Which of some occurrences are written already. */
export async function knownOccurrences(db: Executor, source: AlertSource, sourceId: number, occurrences: readonly string[]): Promise<Set<string>> {
  const rows = await db.rows<{ occurrence: string }>('select occurrence from alert where source = $1 and source_id = $2 and occurrence = any($3)', [source, sourceId, occurrences]);
  return new Set(rows.map((row) => row.occurrence));
}

/** Alerts of a rule that are not over. */
export function openAlerts(db: Executor, source: AlertSource, sourceId: number): Promise<AlertRow[]> {
  return db.rows(`select ${ALERT} from alert where source = $1 and source_id = $2 and closed_at is null order by id`, [source, sourceId]);
}

export async function planAlert(tx: Executor, id: number, sent: number, nextAt: Date | null): Promise<void> {
  await tx.run('update alert set sent = $2, next_at = $3 where id = $1', [id, sent, nextAt]);
}

export async function closeAlert(tx: Executor, id: number, now: Date): Promise<void> {
  await tx.run('update alert set next_at = null, closed_at = coalesce(closed_at, $2) where id = $1', [id, now]);
}

/** A tenant for which an alert is to be sent again, or undefined. */
export async function tenantsOfDueAlerts(db: Executor, now: Date): Promise<number[]> {
  return (await db.rows<{ tenant_id: number }>('select distinct tenant_id from alert where next_at <= $1 order by 1', [now])).map((row) => row.tenant_id);
}

/** Alerts whose next moment has come, locked. */
export function lockDueAlerts(tx: Executor, tenantId: number, now: Date, most: number): Promise<AlertRow[]> {
  return tx.rows(`select ${ALERT} from alert where tenant_id = $1 and next_at <= $2 order by next_at, id limit $3 for update skip locked`, [tenantId, now, most]);
}

export type MessageStatus = 'READY_TO_SEND' | 'SEND_FAIL' | 'SEND_SUCCESS' | 'SEND_OVERLIMIT';

/** An address that takes messages. */
export interface MessageTarget {
  readonly kind: AddressKind;
  /** As it is stored, see `addresses.ts`. */
  readonly url: string;
  readonly atAll: boolean;
}

export interface NewMessage {
  readonly method: string;
  readonly userId: number | null;
  readonly target: MessageTarget | null;
  readonly receiver: string;
  readonly status: MessageStatus;
  readonly content: string;
  readonly error: string;
}

export async function insertMessage(tx: Executor, alert: AlertRow, message: NewMessage, now: Date): Promise<void> {
  await tx.run(
    `insert into alert_message (alert_id, tenant_id, workspace_id, source, source_id, method, user_id, target, receiver, status, content, at, next_at, error_text)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)`,
    [
      alert.id,
      alert.tenant_id,
      alert.workspace_id,
      alert.source,
      alert.source_id,
      message.method,
      message.userId,
      message.target === null ? null : JSON.stringify(message.target),
      message.receiver,
      message.status,
      message.content,
      now,
      message.error,
    ],
  );
}

/** How many messages a receiver got since a moment, those over the limit not counted. */
export async function messagesSince(db: Executor, tenantId: number, receiver: string, since: Date): Promise<number> {
  return (await db.row<{ count: number }>(`select count(*) as count from alert_message where tenant_id = $1 and receiver = $2 and at > $3 and status <> 'SEND_OVERLIMIT'`, [tenantId, receiver, since]))?.count ?? 0;
}

export interface ClaimedMessage {
  readonly id: number;
  readonly tenant_id: number;
  readonly target: MessageTarget;
  readonly content: string;
  readonly attempts: number;
  readonly lease_token: number;
  readonly alert: { readonly source: AlertSource; readonly source_id: number; readonly workspace_id: number; readonly detail: AlertDetail; readonly alert_id: number; readonly at: Date };
}

interface ClaimedRow extends Omit<ClaimedMessage, 'alert'> {
  readonly source: AlertSource;
  readonly source_id: number;
  readonly workspace_id: number;
  readonly detail: AlertDetail;
  readonly alert_id: number;
  readonly at: Date;
}

/** Takes messages that are due to be sent, with a lease. */
export async function claimMessages(db: Executor, now: Date, leaseUntil: Date, most: number): Promise<ClaimedMessage[]> {
  const rows = await db.rows<ClaimedRow>(
    `with taken as (
       update alert_message set lease_until = $2, lease_token = lease_token + 1, attempts = attempts + 1
       where id in (select id from alert_message where status = 'READY_TO_SEND' and target is not null and next_at <= $1 and (lease_until is null or lease_until < $1)
                    order by next_at, id limit $3 for update skip locked)
       returning *)
     select t.id, t.tenant_id, t.target, t.content, t.attempts, t.lease_token, t.source, t.source_id, t.workspace_id, a.detail, t.alert_id, t.at from taken t join alert a on a.id = t.alert_id order by t.id`,
    [now, leaseUntil, most],
  );
  return rows.map(({ source, source_id, workspace_id, detail, alert_id, at, ...row }) => ({ ...row, alert: { source, source_id, workspace_id, detail, alert_id, at } }));
}

/** Writes what became of a try, if it is still ours. */
export async function settleMessage(db: Executor, message: ClaimedMessage, status: MessageStatus, error: string, nextAt: Date | null, now: Date): Promise<void> {
  await db.run(
    `update alert_message set status = $3, error_text = $4, next_at = coalesce($5, next_at), lease_until = null, sent_at = case when $3 = 'SEND_SUCCESS' then $6::timestamptz end
     where id = $1 and lease_token = $2`,
    [message.id, message.lease_token, status, storable(error, 1_000), nextAt, now],
  );
}

export interface MessageRow {
  readonly id: number;
  readonly workspace_id: number;
  readonly source: AlertSource;
  readonly source_id: number;
  readonly method: string;
  readonly user_id: number | null;
  readonly status: MessageStatus;
  readonly content: string;
  readonly at: Date;
  readonly error_text: string;
  readonly detail: AlertDetail;
}

const MESSAGE = 'm.id, m.workspace_id, m.source, m.source_id, m.method, m.user_id, m.status, m.content, m.at, m.error_text, a.detail';

export function findMessage(db: Executor, tenantId: number, id: number): Promise<MessageRow | undefined> {
  return db.row(`select ${MESSAGE} from alert_message m join alert a on a.id = m.alert_id where m.id = $1 and m.tenant_id = $2`, [id, tenantId]);
}

export interface MessageFilter {
  readonly tenantId: number;
  readonly workspaceIds: readonly number[];
  readonly from: Date;
  readonly to: Date;
  readonly methods?: readonly string[] | undefined;
  readonly sources?: readonly AlertSource[] | undefined;
  readonly userId?: number | undefined;
  readonly baselineId?: number | undefined;
  readonly ruleId?: number | undefined;
}

/** One page of messages, the newest first. */
export async function listMessages(db: Executor, filter: MessageFilter, page: Page): Promise<{ rows: MessageRow[]; total: number }> {
  const where = `m.tenant_id = $1 and m.workspace_id = any($2) and m.at >= $3 and m.at <= $4 and ($5::text[] is null or m.method = any($5)) and ($6::text[] is null or m.source = any($6))
    and ($7::bigint is null or m.user_id = $7) and ($8::bigint is null or (m.source = 'SLA_ALERT' and m.source_id = $8)) and ($9::bigint is null or (m.source = 'REMIND_ALERT' and m.source_id = $9))`;
  const values = [filter.tenantId, filter.workspaceIds, filter.from, filter.to, filter.methods ?? null, filter.sources ?? null, filter.userId ?? null, filter.baselineId ?? null, filter.ruleId ?? null];
  const [rows, counted] = await Promise.all([
    db.rows<MessageRow>(`select ${MESSAGE} from alert_message m join alert a on a.id = m.alert_id where ${where} order by m.at desc, m.id desc offset $10 limit $11`, [...values, page.offset, page.size]),
    db.row<{ total: number }>(`select count(*) as total from alert_message m where ${where}`, values),
  ]);
  return { rows, total: counted?.total ?? 0 };
}

/** Forgets alerts and their messages that were made before a moment. */
export function deleteAlertsBefore(tx: Executor, before: Date, most: number): Promise<number> {
  return tx.run('delete from alert where id in (select id from alert where at < $1 order by at limit $2)', [before, most]);
}
