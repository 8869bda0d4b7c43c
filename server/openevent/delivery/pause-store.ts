import type { Executor } from '../../kernel/database.ts';

/** Queries that pause and resume subscriptions and warn of it. Each of them moves the version, so that the deliverer reads the subscription again. */

/** True when this owner still delivers the subscription; locks the subscription. */
export async function holdsLease(tx: Executor, owner: string, id: number, epoch: number): Promise<boolean> {
  // The subscription first, as everybody does; its cursor is read only.
  const row = await tx.row('select from subscription as s join delivery_cursor as c on c.subscription_id = s.id where s.id = $1 and c.owner = $2 and c.epoch = $3 for no key update of s', [id, owner, epoch]);
  return row !== undefined;
}

export interface PauseState {
  readonly pause_reason: 'failing' | 'manual' | null;
  /** Percent of the time to the pause that was warned of last, 0 for none. */
  readonly share: number;
}

export function readPauseState(db: Executor, id: number): Promise<PauseState | undefined> {
  return db.row('select pause_reason, coalesce(warned_share, 0) as share from subscription where id = $1', [id]);
}

/** A warning changes nothing for the deliverer, which gave it. */
export async function noteWarning(tx: Executor, id: number, share: number, now: Date): Promise<void> {
  await tx.run('update subscription set warned_at = $2, warned_share = $3 where id = $1', [id, now, share]);
}

export async function clearWarning(tx: Executor, id: number): Promise<void> {
  await tx.run('update subscription set warned_at = null, warned_share = null where id = $1', [id]);
}

/** Pauses a subscription whose target keeps failing; one that is paused by hand stays so. */
export async function pauseFailing(tx: Executor, id: number, now: Date): Promise<void> {
  await tx.run(`update subscription set paused_at = $2, pause_reason = 'failing', version = version + 1 where id = $1 and pause_reason is null`, [id, now]);
}

export async function pauseByHand(tx: Executor, id: number, now: Date): Promise<void> {
  await tx.run(`update subscription set paused_at = $2, pause_reason = 'manual', version = version + 1, modified_at = $2 where id = $1`, [id, now]);
}

/** Lets a subscription go on: its failures are forgotten, and the blocked events are due at once, whatever their pauses were. */
export async function resume(tx: Executor, id: number, now: Date): Promise<void> {
  await tx.run('update subscription set paused_at = null, pause_reason = null, warned_at = null, warned_share = null, version = version + 1 where id = $1', [id]);
  await tx.run('update delivery_cursor set failing_since = null, failures = 0 where subscription_id = $1', [id]);
  await tx.run(`update delivery_parked set next_at = $2 where subscription_id = $1 and state = 'blocked' and next_at > $2`, [id, now]);
}
