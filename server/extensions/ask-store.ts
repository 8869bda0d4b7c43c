import type { Executor } from '../kernel/database.ts';
import type { Invocation } from './store.ts';

/** SQL of the checks that the server itself asks. A claim is a lease: `ask_at` moves to when somebody else may ask again. */

export interface AskRow {
  readonly hold_id: number;
  readonly extension_id: number;
  readonly tenant_id: number;
  readonly workspace_id: number | null;
  readonly invocation: Invocation;
  readonly target: string;
  readonly attempts: number;
  readonly wants_token: boolean;
  readonly message_id: string;
  readonly point: string;
  readonly code: string;
  readonly option_setting: string;
  /** Sealed. */
  readonly signing_secret: string | null;
  readonly option_value: Readonly<Record<string, unknown>> | null;
  readonly operator_id: number;
  readonly title: string;
  readonly created_at: Date;
  readonly deadline_at: Date;
  readonly snapshot_hash: string;
  readonly snapshot: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Takes checks that are due to be asked. Nothing is waited for: those that somebody else has in hand are left out. */
export function claimAsks(db: Executor, now: Date, leaseUntil: Date, limit: number): Promise<AskRow[]> {
  return db.rows<AskRow>(
    `with due as (
       select hold_id, extension_id from hold_check where state = 'WAITING' and ask_at <= $1 order by ask_at limit $3 for update skip locked
     ), claimed as (
       update hold_check c set ask_at = $2, attempts = c.attempts + 1, contacted_at = $1 from due where c.hold_id = due.hold_id and c.extension_id = due.extension_id
       returning c.hold_id, c.extension_id, c.invocation, c.target, c.attempts, c.token_hash is not null as wants_token, c.deadline_at
     )
     select c.*, h.tenant_id, h.workspace_id, h.message_id, h.point, e.code, e.option_setting, e.signing_secret, a.option_value, h.operator_id, h.title, h.created_at, h.snapshot_hash, h.snapshot, h.payload
     from claimed c join hold h on h.id = c.hold_id join extension e on e.id = c.extension_id
     left join extension_attachment a on a.extension_id = c.extension_id and a.workspace_id is not distinct from h.workspace_id`,
    [now, leaseUntil, limit],
  );
}

/** A new token takes the place of the one before, of which only the hash is known. */
export async function renewToken(db: Executor, holdId: number, extensionId: number, hash: string): Promise<void> {
  await db.run(`update hold_check set token_hash = $3 where hold_id = $1 and extension_id = $2 and state = 'WAITING'`, [holdId, extensionId, hash]);
}

/** Asks again at a later moment; null: the checker has taken it on and calls back. */
export async function askLater(db: Executor, holdId: number, extensionId: number, askAt: Date | null, error: string): Promise<void> {
  await db.run(`update hold_check set ask_at = $3, last_error = $4 where hold_id = $1 and extension_id = $2 and state = 'WAITING'`, [holdId, extensionId, askAt, error]);
}
