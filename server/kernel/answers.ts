import type { Actor } from './change.ts';
import { isUniqueViolation, type Executor } from './database.ts';
import { limits } from './limits.ts';

/** The kept answers to ClientTokens. What stands in them is sealed by whoever keeps them: an answer may hold a secret. */

/** Thrown when two requests with one token run at the same time; the gateway then answers with the stored answer of the first. */
export class TokenInUse extends Error {}

/** Keeps the answer in the transaction of what it answers. Throws `TokenInUse` when there is one for the token. */
export async function storeAnswer(tx: Executor, actor: Actor, now: Date, answer: string): Promise<void> {
  if (actor.token === undefined) throw new Error('the actor has no token');
  try {
    await tx.run('insert into idempotency (tenant_id, user_id, action, token, answer, created_at) values ($1, $2, $3, $4, $5, $6)', [actor.tenantId, actor.userId, actor.action, actor.token, answer, now]);
  } catch (error) {
    if (isUniqueViolation(error)) throw new TokenInUse('the token is in use', { cause: error });
    throw error;
  }
}

export async function findAnswer(db: Executor, actor: Actor): Promise<string | undefined> {
  if (actor.token === undefined) return undefined;
  const row = await db.row<{ answer: string }>('select answer from idempotency where tenant_id = $1 and user_id = $2 and action = $3 and token = $4', [actor.tenantId, actor.userId, actor.action, actor.token]);
  return row?.answer;
}

export function pruneAnswers(db: Executor, now: Date): Promise<number> {
  return db.run('delete from idempotency where created_at < $1', [new Date(now.getTime() - limits.idempotencySeconds.value * 1_000)]);
}
