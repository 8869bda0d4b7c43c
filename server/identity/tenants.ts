import type { Change } from '../kernel/change.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database.ts';
import { limits } from '../kernel/limits.ts';
import * as store from './store.ts';

export interface Tenants {
  /** The tenant's name, plan and main account, or undefined when there is no such tenant. */
  find(tenantId: number): Promise<{ readonly name: string; readonly plan: string; readonly ownerId: number | undefined } | undefined>;
  /** Name of the tenant's plan, from memory for some seconds. Rejects for an unknown tenant. */
  plan(tenantId: number): Promise<string>;
  /** Sets the plan in the change. Which names are plans is the business of the gateway. */
  setPlan(change: Change, tenantId: number, plan: string): Promise<void>;
}

/** The tenants with what the module itself does to their memory. */
export interface TenantCache extends Tenants {
  /** Drops the tenant of a message `tenant:<id>`; everything for an empty one. */
  invalidate(message: string): void;
}

export function createTenants(database: Database, clock: Clock): TenantCache {
  const plans = new Map<number, { readonly plan: Promise<string>; readonly until: number }>();

  async function read(tenantId: number): Promise<string> {
    const tenant = await store.findTenant(database, tenantId);
    if (tenant === undefined) throw new Error(`there is no tenant ${tenantId}`);
    return tenant.plan;
  }

  function invalidate(message: string): void {
    if (message === '') plans.clear();
    else if (message.startsWith('tenant:')) plans.delete(Number(message.slice('tenant:'.length)));
  }

  return {
    invalidate,
    async find(tenantId) {
      const row = await store.findTenant(database, tenantId);
      return row === undefined ? undefined : { name: row.name, plan: row.plan, ownerId: row.owner_id ?? undefined };
    },
    plan(tenantId) {
      const now = clock.now().getTime();
      const entry = plans.get(tenantId);
      if (entry !== undefined && now < entry.until) return entry.plan;
      if (plans.size >= limits.accessKeyCache.value) plans.clear();
      const plan = read(tenantId);
      plans.set(tenantId, { plan, until: now + limits.accessKeyCacheMs.value });
      // A failure is not remembered.
      plan.catch(() => plans.get(tenantId)?.plan === plan && plans.delete(tenantId));
      return plan;
    },
    async setPlan(change, tenantId, plan) {
      await store.updatePlan(change, tenantId, plan);
      change.notify('millrace_cache', `tenant:${tenantId}`);
      change.afterCommit(() => invalidate(`tenant:${tenantId}`));
      change.touch(`tenant:${tenantId}`);
    },
  };
}
