import type { Executor } from '../kernel/database.ts';

/** SQL of approvals of holds, and of the policies that ask for them. */

/** One step of an approval: who may decide it. */
export interface ApprovalStep {
  readonly type: 'ROLE' | 'MEMBER' | 'ACCOUNT';
  /** Codes of roles, or ids of users as text. */
  readonly values: readonly string[];
}

export interface ApprovalRow {
  readonly hold_id: number;
  readonly cause: 'WARN' | 'ASK';
  readonly policy: string;
  readonly steps: readonly ApprovalStep[];
  /** Counted from 0. */
  readonly step: number;
  readonly state: 'PENDING' | 'APPROVED' | 'REJECTED' | 'EXPIRED' | 'CANCELED';
  readonly created_at: Date;
  readonly deadline_at: Date;
}

export async function insertApproval(db: Executor, approval: Omit<ApprovalRow, 'step' | 'state'>): Promise<void> {
  await db.run(
    `insert into hold_approval (hold_id, cause, policy, steps, step, state, created_at, deadline_at) values ($1, $2, $3, $4, 0, 'PENDING', $5, $6)`,
    [approval.hold_id, approval.cause, approval.policy, JSON.stringify(approval.steps), approval.created_at, approval.deadline_at],
  );
}

export function findApproval(db: Executor, holdId: number): Promise<ApprovalRow | undefined> {
  return db.row<ApprovalRow>('select hold_id, cause, policy, steps, step, state, created_at, deadline_at from hold_approval where hold_id = $1', [holdId]);
}

export async function moveApproval(db: Executor, holdId: number, step: number, state: ApprovalRow['state'], now: Date): Promise<void> {
  await db.run(`update hold_approval set step = $2, state = $3, decided_at = case when $3 = 'PENDING' then null else $4::timestamptz end where hold_id = $1`, [holdId, step, state, now]);
}

/** Ends the approval of a hold that was decided without it. */
export async function cancelApproval(db: Executor, holdId: number, now: Date): Promise<void> {
  await db.run(`update hold_approval set state = 'CANCELED', decided_at = $2 where hold_id = $1 and state = 'PENDING'`, [holdId, now]);
}

export interface DecisionRow {
  readonly step: number;
  readonly user_id: number;
  readonly approved: boolean;
  readonly comment: string;
  readonly at: Date;
}

export async function insertDecision(db: Executor, holdId: number, decision: DecisionRow): Promise<void> {
  await db.run('insert into hold_approval_decision (hold_id, step, user_id, approved, comment, at) values ($1, $2, $3, $4, $5, $6)', [
    holdId,
    decision.step,
    decision.user_id,
    decision.approved,
    decision.comment,
    decision.at,
  ]);
}

export function listDecisions(db: Executor, holdId: number): Promise<DecisionRow[]> {
  return db.rows<DecisionRow>('select step, user_id, approved, comment, at from hold_approval_decision where hold_id = $1 order by step', [holdId]);
}

export interface PolicyRow {
  readonly id: number;
  readonly name: string;
  readonly workspaces: number[] | null;
  readonly extensions: string[] | null;
  readonly steps: readonly ApprovalStep[];
  readonly deadline_seconds: number;
}

// As JSON, since only there do the ids of an array arrive as numbers.
const POLICY = 'id, name, to_jsonb(workspaces) as workspaces, extensions, steps, deadline_seconds';

/** The policy for WARNs of these extensions in the workspace (null: at tenant level): the one that names the workspace goes before one for all. */
export function findPolicy(db: Executor, tenantId: number, workspaceId: number | null, codes: readonly string[]): Promise<PolicyRow | undefined> {
  return db.row<PolicyRow>(
    `select ${POLICY} from extension_approval_policy
     where tenant_id = $1 and (workspaces is null or $2::bigint = any(workspaces)) and (extensions is null or extensions && $3::text[])
     order by workspaces is null, extensions is null, id limit 1`,
    [tenantId, workspaceId, codes],
  );
}

export async function insertPolicy(db: Executor, tenantId: number, policy: Omit<PolicyRow, 'id'>, userId: number, now: Date): Promise<number> {
  const row = await db.row<{ id: number }>(
    `insert into extension_approval_policy (tenant_id, name, workspaces, extensions, steps, deadline_seconds, created_by, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8) returning id`,
    [tenantId, policy.name, policy.workspaces, policy.extensions, JSON.stringify(policy.steps), policy.deadline_seconds, userId, now],
  );
  if (row === undefined) throw new Error('an insert answered no row');
  return row.id;
}

export function findPolicyById(db: Executor, tenantId: number, id: number): Promise<PolicyRow | undefined> {
  return db.row<PolicyRow>(`select ${POLICY} from extension_approval_policy where tenant_id = $1 and id = $2`, [tenantId, id]);
}

export async function deletePolicy(db: Executor, tenantId: number, id: number): Promise<void> {
  await db.run('delete from extension_approval_policy where tenant_id = $1 and id = $2', [tenantId, id]);
}

export function listPolicies(db: Executor, tenantId: number, limit: number, offset: number): Promise<PolicyRow[]> {
  return db.rows<PolicyRow>(`select ${POLICY} from extension_approval_policy where tenant_id = $1 order by id desc limit $2 offset $3`, [tenantId, limit, offset]);
}

export async function countPolicies(db: Executor, tenantId: number): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) as count from extension_approval_policy where tenant_id = $1', [tenantId]))?.count ?? 0;
}
