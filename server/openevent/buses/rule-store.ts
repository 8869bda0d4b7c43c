import type { Executor } from '../../kernel/database.ts';

export interface RuleRow {
  readonly id: number;
  readonly bus_id: number;
  readonly bus_name: string;
  readonly name: string;
  readonly description: string;
  readonly pattern: string;
  readonly enabled: boolean;
  readonly targets: number;
  readonly created_by: number;
  readonly created_at: Date;
  readonly modified_at: Date;
}

const rules = `select r.id, r.bus_id, b.name as bus_name, r.name, r.description, r.pattern, r.enabled, (select count(*) from event_target where rule_id = r.id) as targets,
  r.created_by, r.created_at, r.modified_at from event_rule as r join event_bus as b on b.id = r.bus_id`;

/** Violates `event_rule_name` when the bus has a rule of the name. */
export async function insertRule(tx: Executor, row: { tenantId: number; busId: number; name: string; description: string; pattern: string; enabled: boolean; userId: number }, now: Date): Promise<number> {
  const made = await tx.row<{ id: number }>(
    'insert into event_rule (tenant_id, bus_id, name, description, pattern, enabled, created_by, created_at, modified_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $8) returning id',
    [row.tenantId, row.busId, row.name, row.description, row.pattern, row.enabled, row.userId, now],
  );
  if (made === undefined) throw new Error('a rule was not written');
  return made.id;
}

export function findRule(db: Executor, tenantId: number, id: number): Promise<RuleRow | undefined> {
  return db.row(`${rules} where r.tenant_id = $1 and r.id = $2`, [tenantId, id]);
}

export function lockRule(tx: Executor, tenantId: number, id: number): Promise<RuleRow | undefined> {
  return tx.row(`${rules} where r.tenant_id = $1 and r.id = $2 for update of r`, [tenantId, id]);
}

/** Violates `event_rule_name` when the name is taken. */
export async function updateRule(tx: Executor, row: Pick<RuleRow, 'id' | 'name' | 'description' | 'pattern' | 'enabled'>, now: Date): Promise<void> {
  await tx.run('update event_rule set name = $2, description = $3, pattern = $4, enabled = $5, modified_at = $6 where id = $1', [row.id, row.name, row.description, row.pattern, row.enabled, now]);
}

/** Deletes the rule with its targets and their subscriptions. Answers the ids of the latter. */
export async function deleteRule(tx: Executor, id: number): Promise<number[]> {
  const gone = await tx.rows<{ id: number }>('delete from subscription where id in (select subscription_id from event_target where rule_id = $1) returning id', [id]);
  await tx.run('delete from event_rule where id = $1', [id]);
  return gone.map((row) => row.id);
}

const ruleFilter = `r.tenant_id = $1 and ($2::text is null or b.name = $2) and ($3::text is null or strpos(lower(r.name), lower($3)) > 0 or strpos(lower(r.pattern), lower($3)) > 0)`;

export function listRules(db: Executor, tenantId: number, busName: string | undefined, keyword: string | undefined, offset: number, count: number): Promise<RuleRow[]> {
  return db.rows(`${rules} where ${ruleFilter} order by r.id offset $4 limit $5`, [tenantId, busName ?? null, keyword ?? null, offset, count]);
}

export async function countRules(db: Executor, tenantId: number, busName: string | undefined, keyword: string | undefined): Promise<number> {
  const row = await db.row<{ count: number }>(`select count(*) from event_rule as r join event_bus as b on b.id = r.bus_id where ${ruleFilter}`, [tenantId, busName ?? null, keyword ?? null]);
  return row?.count ?? 0;
}

/** The types that the pattern of the rule names, so that its targets read no others; an empty list for all. */
export async function narrowTargets(tx: Executor, ruleId: number, types: readonly string[]): Promise<void> {
  await tx.run('update subscription set types = $2, version = version + 1 where id in (select subscription_id from event_target where rule_id = $1)', [ruleId, types]);
}

export interface TargetRow {
  readonly id: number;
  readonly rule_id: number;
  readonly name: string;
  readonly url: string;
  readonly enabled: boolean;
  readonly subscription_id: number;
  readonly created_by: number;
  readonly created_at: Date;
  readonly modified_at: Date;
}

const targets = `select t.id, t.rule_id, t.name, s.url, t.enabled, t.subscription_id, t.created_by, t.created_at, t.modified_at from event_target as t join subscription as s on s.id = t.subscription_id`;

/** Violates `event_target_name` when the rule has a target of the name. */
export async function insertTarget(tx: Executor, row: { tenantId: number; ruleId: number; subscriptionId: number; name: string; enabled: boolean; userId: number }, now: Date): Promise<number> {
  const made = await tx.row<{ id: number }>(
    'insert into event_target (tenant_id, rule_id, subscription_id, name, enabled, created_by, created_at, modified_at) values ($1, $2, $3, $4, $5, $6, $7, $7) returning id',
    [row.tenantId, row.ruleId, row.subscriptionId, row.name, row.enabled, row.userId, now],
  );
  if (made === undefined) throw new Error('a target was not written');
  return made.id;
}

export function findTarget(db: Executor, tenantId: number, id: number): Promise<TargetRow | undefined> {
  return db.row(`${targets} where t.tenant_id = $1 and t.id = $2`, [tenantId, id]);
}

export function lockTarget(tx: Executor, tenantId: number, id: number): Promise<TargetRow | undefined> {
  return tx.row(`${targets} where t.tenant_id = $1 and t.id = $2 for update of t`, [tenantId, id]);
}

/** Violates `event_target_name` when the name is taken. */
export async function updateTarget(tx: Executor, row: Pick<TargetRow, 'id' | 'name' | 'enabled'>, now: Date): Promise<void> {
  await tx.run('update event_target set name = $2, enabled = $3, modified_at = $4 where id = $1', [row.id, row.name, row.enabled, now]);
}

/**
 * Where the target's subscription sends to, under which name and secret; the sealed secret stays when it is null. The lease ends, so that a deliverer
 * that has yet to hear of it cannot write off what it sent to the former address.
 */
export async function updateTargetSubscription(tx: Executor, id: number, name: string, url: string, sealedSecret: string | null, now: Date): Promise<void> {
  await tx.run('update subscription set name = $2, url = $3, secret = coalesce($4, secret), version = version + 1, modified_at = $5 where id = $1', [id, name, url, sealedSecret, now]);
  await tx.run('update delivery_cursor set epoch = epoch + 1, owner = null, lease_until = null where subscription_id = $1', [id]);
}

export function listTargets(db: Executor, tenantId: number, ruleId: number | undefined, offset: number, count: number): Promise<TargetRow[]> {
  return db.rows(`${targets} where t.tenant_id = $1 and ($2::bigint is null or t.rule_id = $2) order by t.id offset $3 limit $4`, [tenantId, ruleId ?? null, offset, count]);
}

export async function countTargets(db: Executor, tenantId: number, ruleId: number | undefined): Promise<number> {
  return (await db.row<{ count: number }>('select count(*) from event_target where tenant_id = $1 and ($2::bigint is null or rule_id = $2)', [tenantId, ruleId ?? null]))?.count ?? 0;
}

/** The rule that owns the subscription, if one does. */
export async function ownerOfSubscription(db: Executor, subscriptionId: number): Promise<{ rule_id: number; target_id: number } | undefined> {
  return db.row('select rule_id, id as target_id from event_target where subscription_id = $1', [subscriptionId]);
}
