import type { Executor } from '../kernel/database.ts';
import type { CheckState, HoldState, Mode, Outcome, Verdict } from './states.ts';
import type { Invocation } from './store.ts';

/** SQL of holds and their checks. */

export interface HoldRow {
  readonly id: number;
  readonly process_id: string;
  readonly tenant_id: number;
  readonly workspace_id: number | null;
  readonly point: string;
  readonly title: string;
  readonly operator_id: number;
  readonly message_id: string;
  readonly snapshot_hash: string;
  readonly status: HoldState;
  readonly verdict: Verdict | null;
  readonly tip: string;
  readonly created_at: Date;
  readonly deadline_at: Date;
  readonly closed_at: Date | null;
  readonly resumed_at: Date | null;
  readonly resume_status: 'DONE' | 'FAILED' | null;
  readonly resume_message: string;
  readonly shadow: boolean;
}

const COLUMNS = `h.id, h.process_id, h.tenant_id, h.workspace_id, h.point, h.title, h.operator_id, h.message_id, h.snapshot_hash, h.status, h.verdict, h.tip,
  h.created_at, h.deadline_at, h.closed_at, h.resumed_at, h.resume_status, h.resume_message, h.shadow`;

export interface NewHold {
  readonly id: number;
  readonly tenantId: number;
  readonly workspaceId: number | undefined;
  readonly point: string;
  readonly title: string;
  readonly operatorId: number;
  readonly messageId: string;
  readonly objectKey: string;
  readonly payload: object;
  /** JSON text. */
  readonly snapshot: string;
  readonly snapshotHash: string;
  readonly args: object;
  readonly createdAt: Date;
  /** Nothing waits: the hold is closed as it is written, and its checks only record. */
  readonly shadow: boolean;
  readonly checks: readonly NewCheck[];
}

export interface NewCheck {
  readonly extensionId: number;
  readonly deadlineAt: Date;
  readonly deadlineOutcome: Outcome;
  readonly failureOutcome: Outcome;
  readonly releaseOutcome: Outcome;
  readonly mode: Mode;
  readonly version: number;
  readonly invocation: Invocation;
  readonly target: string;
  /** When the server asks next; undefined: it does not. */
  readonly askAt: Date | undefined;
  /** The process that writes it asks at once. */
  readonly asked: boolean;
  readonly tokenHash: string | undefined;
  /** Why it is not asked at all; it has its failure outcome at once. */
  readonly skipped: string | undefined;
}

export async function insertHold(db: Executor, hold: NewHold): Promise<void> {
  await db.run(
    `with checks as (
       select * from jsonb_to_recordset($14::jsonb) as c(extension_id bigint, state text, result text, tip text, answered_at timestamptz, deadline_at timestamptz, deadline_outcome text,
         failure_outcome text, release_outcome text, mode text, version integer, invocation text, target text, ask_at timestamptz, attempts integer, token_hash text)
     ), held as (
       insert into hold (id, tenant_id, workspace_id, point, title, operator_id, message_id, object_key, payload, snapshot, snapshot_hash, args, created_at, deadline_at,
         shadow, status, verdict, tip, closed_at, resumed_at, resume_status)
       select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, (select max(deadline_at) from checks), $15,
         case when $15 then 'PASSED' else 'CHECKING' end, case when $15 then 'OK' end, '', case when $15 then $13::timestamptz end, case when $15 then $13::timestamptz end, case when $15 then 'DONE' end
     )
     insert into hold_check (hold_id, extension_id, state, result, tip, answered_at, deadline_at, deadline_outcome, failure_outcome, release_outcome, mode, version, invocation, target,
       ask_at, token_hash, attempts, contacted_at)
     select $1, extension_id, state, result, tip, answered_at, deadline_at, deadline_outcome, failure_outcome, release_outcome, mode, version, invocation, target,
       ask_at, token_hash, attempts, case when attempts > 0 then $13::timestamptz end from checks`,
    [
      hold.id,
      hold.tenantId,
      hold.workspaceId ?? null,
      hold.point,
      hold.title,
      hold.operatorId,
      hold.messageId,
      hold.objectKey,
      JSON.stringify(hold.payload),
      hold.snapshot,
      hold.snapshotHash,
      JSON.stringify(hold.args),
      hold.createdAt,
      JSON.stringify(
        hold.checks.map((check) => ({
          extension_id: check.extensionId,
          state: check.skipped === undefined ? 'WAITING' : 'SKIPPED',
          result: check.skipped === undefined ? null : check.failureOutcome,
          tip: check.skipped ?? '',
          answered_at: check.skipped === undefined ? null : hold.createdAt,
          deadline_at: check.deadlineAt,
          deadline_outcome: check.deadlineOutcome,
          failure_outcome: check.failureOutcome,
          release_outcome: check.releaseOutcome,
          mode: check.mode,
          version: check.version,
          invocation: check.invocation,
          target: check.target,
          ask_at: check.askAt ?? null,
          attempts: check.asked ? 1 : 0,
          token_hash: check.tokenHash ?? null,
        })),
      ),
      hold.shadow,
    ],
  );
}

export function findHold(db: Executor, tenantId: number, id: number): Promise<HoldRow | undefined> {
  return db.row<HoldRow>(`select ${COLUMNS} from hold h where h.tenant_id = $1 and h.id = $2`, [tenantId, id]);
}

/** Locks the hold; all that decides a check does so first, so that the last answer sees all others. */
export function lockHold(db: Executor, tenantId: number, id: number): Promise<HoldRow | undefined> {
  return db.row<HoldRow>(`select ${COLUMNS} from hold h where h.tenant_id = $1 and h.id = $2 for update`, [tenantId, id]);
}

/** Locks several, in the order in which everybody locks them, so that nobody waits for another one while having the breaker that its checks count at. */
export async function lockHolds(db: Executor, ids: readonly number[]): Promise<void> {
  await db.run('select 1 from hold where id = any($1) order by id for update', [ids]);
}

export async function findHoldIdByMessage(db: Executor, tenantId: number, messageId: string): Promise<number | undefined> {
  return (await db.row<{ id: number }>('select id from hold where tenant_id = $1 and message_id = $2', [tenantId, messageId]))?.id;
}

/** The tenant whose operation a message is about, whoever asks; for noting that somebody else answered it. */
export async function findTenantOfMessage(db: Executor, messageId: string): Promise<number | undefined> {
  return (await db.row<{ tenant_id: number }>('select tenant_id from hold where message_id = $1', [messageId]))?.tenant_id;
}

/** What a hold looks like to a checker. */
export interface HoldContent {
  readonly payload: Readonly<Record<string, unknown>>;
  readonly snapshot: Readonly<Record<string, unknown>>;
}

export async function findContent(db: Executor, id: number): Promise<HoldContent | undefined> {
  return db.row<HoldContent>('select payload, snapshot from hold where id = $1', [id]);
}

export async function findSnapshot(db: Executor, id: number): Promise<Readonly<Record<string, unknown>> | undefined> {
  return (await db.row<{ snapshot: Readonly<Record<string, unknown>> }>('select snapshot from hold where id = $1', [id]))?.snapshot;
}

/** The hold with what its domain needs to go on. */
export function findWithArgs(db: Executor, tenantId: number, id: number): Promise<(HoldRow & { readonly args: Readonly<Record<string, unknown>> }) | undefined> {
  return db.row(`select ${COLUMNS}, h.args from hold h where h.tenant_id = $1 and h.id = $2`, [tenantId, id]);
}

/** Closes an open hold. Answers false when it is closed already. */
export async function closeHold(db: Executor, id: number, status: Exclude<HoldState, 'CHECKING' | 'APPROVING'>, verdict: Verdict, tip: string, now: Date): Promise<boolean> {
  return (await db.run(`update hold set status = $2, verdict = $3, tip = $4, closed_at = $5 where id = $1 and status in ('CHECKING', 'APPROVING')`, [id, status, verdict, tip, now])) === 1;
}

/** From now on a person decides, until `deadlineAt`. Answers false when the hold is not checking. */
export async function askPerson(db: Executor, id: number, tip: string, deadlineAt: Date): Promise<boolean> {
  return (await db.run(`update hold set status = 'APPROVING', tip = $2, deadline_at = $3 where id = $1 and status = 'CHECKING'`, [id, tip, deadlineAt])) === 1;
}

/** Closes an open hold after which nothing follows. Answers false when it is closed already. */
export async function withdrawHold(db: Executor, tenantId: number, id: number, tip: string, now: Date): Promise<boolean> {
  return (
    (await db.run(
      `update hold set status = 'CANCELED', verdict = 'FAIL', tip = $3, closed_at = $4, resumed_at = $4, resume_status = 'DONE'
       where tenant_id = $1 and id = $2 and status in ('CHECKING', 'APPROVING')`,
      [tenantId, id, tip, now],
    )) === 1
  );
}

/** Turns a passed hold, whose operation cannot be carried out, into a blocked one. */
export async function refuseHold(db: Executor, id: number, tip: string): Promise<void> {
  await db.run(`update hold set status = 'BLOCKED', verdict = 'FAIL', tip = $2 where id = $1 and status = 'PASSED'`, [id, tip]);
}

/** Notes that the operation went on. Answers false when that was noted before. */
export async function markResumed(db: Executor, id: number, status: 'DONE' | 'FAILED', message: string, now: Date): Promise<boolean> {
  return (
    (await db.run(`update hold set resumed_at = $2, resume_status = $3, resume_message = $4 where id = $1 and resumed_at is null and closed_at is not null`, [id, now, status, message])) === 1
  );
}

export interface CheckRow {
  readonly extension_id: number;
  readonly code: string;
  readonly name: string;
  readonly owner_id: number;
  readonly detail_url: string;
  readonly parameter_setting: string;
  readonly state: CheckState;
  readonly result: Outcome | null;
  readonly tip: string;
  readonly reason: string;
  readonly decided_by: number | null;
  readonly answered_at: Date | null;
  readonly deadline_at: Date;
  readonly deadline_outcome: Outcome;
  readonly failure_outcome: Outcome;
  readonly release_outcome: Outcome;
  readonly mode: Mode;
  readonly version: number;
  readonly invocation: Invocation;
  readonly findings: readonly Finding[];
  readonly attempts: number;
  readonly last_error: string;
  readonly contacted_at: Date | null;
  readonly token_hash: string | null;
}

/** One thing that an extension found. */
export interface Finding {
  readonly object?: string | undefined;
  readonly line?: number | undefined;
  readonly rule?: string | undefined;
  readonly text: string;
  readonly link?: string | undefined;
}

export function findChecks(db: Executor, holdId: number): Promise<CheckRow[]> {
  return db.rows<CheckRow>(
    `select c.extension_id, e.code, e.name, e.owner_id, e.detail_url, e.parameter_setting, c.state, c.result, c.tip, c.reason, c.decided_by, c.answered_at, c.deadline_at, c.deadline_outcome,
       c.failure_outcome, c.release_outcome, c.mode, c.version, c.invocation, c.findings, c.attempts, c.last_error, c.contacted_at, c.token_hash
     from hold_check c join extension e on e.id = c.extension_id where c.hold_id = $1 order by c.extension_id`,
    [holdId],
  );
}

export interface Decision {
  readonly state: Exclude<CheckState, 'WAITING'>;
  readonly result: Outcome;
  readonly tip: string;
  readonly reason: string;
  readonly findings?: readonly Finding[] | undefined;
  /** The deciding user; undefined where nobody did, as at a deadline. */
  readonly userId: number | undefined;
}

/**
 * Decides a waiting check. Answers false when it is decided already. `recovers`: the extension has answered, so that what its breaker at the place had counted is
 * forgotten, in the same round trip since it is on the way of every answer.
 */
export async function decideCheck(db: Executor, holdId: number, extensionId: number, decision: Decision, now: Date, recovers: { readonly workspaceId: number | null } | undefined): Promise<boolean> {
  return (
    (await db.run(
      `with recovered as (delete from extension_breaker where $10 and extension_id = $2 and workspace_id is not distinct from $11)
       update hold_check set state = $3, result = $4, tip = $5, reason = $6, decided_by = $7, answered_at = $8, findings = $9
       where hold_id = $1 and extension_id = $2 and state = 'WAITING'`,
      [
        holdId,
        extensionId,
        decision.state,
        decision.result,
        decision.tip,
        decision.reason,
        decision.userId ?? null,
        now,
        JSON.stringify(decision.findings ?? []),
        recovers !== undefined,
        recovers?.workspaceId ?? null,
      ],
    )) === 1
  );
}

/** Releases the checks of a hold that was decided without them. Those in shadow go on, since they only record. */
export async function releaseWaiting(db: Executor, holdId: number, tip: string, now: Date): Promise<void> {
  await db.run(`update hold_check set state = 'RELEASED', tip = $2, answered_at = $3 where hold_id = $1 and state = 'WAITING' and mode <> 'SHADOW'`, [holdId, tip, now]);
}

/** What has reached its deadline. */
export interface Due {
  readonly tenant_id: number;
  readonly hold_id: number;
  /** Absent for an approval. */
  readonly extension_id?: number;
}

/** In the order of the breakers that they may count at. */
export function dueChecks(db: Executor, now: Date, limit: number): Promise<Due[]> {
  return db.rows<Due>(
    `select * from (
       select h.tenant_id, h.workspace_id, c.hold_id, c.extension_id from hold_check c join hold h on h.id = c.hold_id
       where c.state = 'WAITING' and c.deadline_at <= $1 order by c.deadline_at limit $2) due
     order by extension_id, workspace_id nulls first, hold_id`,
    [now, limit],
  );
}

export function dueApprovals(db: Executor, now: Date, limit: number): Promise<Due[]> {
  return db.rows<Due>(
    `select * from (
       select h.tenant_id, p.hold_id from hold_approval p join hold h on h.id = p.hold_id where p.state = 'PENDING' and p.deadline_at <= $1 order by p.deadline_at limit $2) due
     order by hold_id`,
    [now, limit],
  );
}

/** Holds that wait for the extension, in all places or (null: the tenant-level) in one; oldest first, the order in which they are locked. */
export async function holdsWaitingFor(db: Executor, extensionId: number, place: 'all' | { readonly workspaceId: number | null }): Promise<number[]> {
  const rows = await db.rows<{ id: number }>(
    `select h.id from hold_check c join hold h on h.id = c.hold_id
     where c.extension_id = $1 and c.state = 'WAITING' and ($2 or h.workspace_id is not distinct from $3) order by h.id`,
    [extensionId, place === 'all', place === 'all' ? null : place.workspaceId],
  );
  return rows.map((row) => row.id);
}

/** What a list of holds is about. Undefined: whatever it is. */
export interface HoldFilter {
  readonly tenantId: number;
  readonly point: string | undefined;
  readonly workspaceId: number | undefined;
  readonly statuses: readonly HoldState[] | undefined;
  readonly operatorId: number | undefined;
  readonly extensionCode: string | undefined;
  readonly messageId: string | undefined;
  /** Inclusive. */
  readonly from: Date | undefined;
  /** Exclusive. */
  readonly to: Date | undefined;
  /** Only holds of this user's operations, and those that an extension of this user checks. */
  readonly onlyOf: number | undefined;
}

/** Only the conditions that the filter has, so that the planner knows which index serves: among a million holds those that are open are found a thousand times as fast. */
function conditionsOf(filter: HoldFilter): { from: string; values: unknown[] } {
  const values: unknown[] = [];
  const conditions: string[] = [];
  const add = (text: string, value: unknown) => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(text.replaceAll('?', `$${values.length}`));
  };
  add('h.tenant_id = ?', filter.tenantId);
  add('h.point = ?', filter.point);
  add('h.workspace_id = ?', filter.workspaceId);
  if (filter.statuses?.length === 1) add('h.status = ?', filter.statuses[0]);
  else add('h.status = any(?::text[])', filter.statuses);
  add('h.operator_id = ?', filter.operatorId);
  add('exists (select from hold_check c join extension e on e.id = c.extension_id where c.hold_id = h.id and e.code = ?)', filter.extensionCode);
  add('h.message_id = ?', filter.messageId);
  add('h.created_at >= ?', filter.from);
  add('h.created_at < ?', filter.to);
  add('(h.operator_id = ? or exists (select from hold_check c join extension e on e.id = c.extension_id where c.hold_id = h.id and e.owner_id = ?))', filter.onlyOf);
  return { from: `from hold h where ${conditions.join(' and ')}`, values };
}

/** Newest first. */
export function listHolds(db: Executor, filter: HoldFilter, limit: number, offset: number): Promise<HoldRow[]> {
  const { from, values } = conditionsOf(filter);
  return db.rows<HoldRow>(`select ${COLUMNS} ${from} order by h.id desc limit $${values.length + 1} offset $${values.length + 2}`, [...values, limit, offset]);
}

export async function countHolds(db: Executor, filter: HoldFilter): Promise<number> {
  const { from, values } = conditionsOf(filter);
  return (await db.row<{ count: number }>(`select count(*) as count ${from}`, values))?.count ?? 0;
}
