import type { Database, Executor } from '../kernel/database.ts';
import { ApiError } from '../kernel/errors.ts';
import type { CallLog } from './call-log.ts';
import type { Plan } from './plans.ts';

/** What was used of a tenant's quota in a region. */
export interface Usage {
  readonly month: number;
  readonly day: number;
}

export interface Admission {
  /** Calls left this month after this one; undefined without a limit. */
  readonly remaining: number | undefined;
  /** To be called once the call's row is in the log (or will never be): from then on the log counts it. */
  done(): void;
}

/**
 * Quotas by calendar month and day (UTC). What counts is in the database beside the call log; rows not yet written and calls under way in this
 * process are added, so that a limit is not passed while they are gathered.
 */
export interface Quotas {
  /** Admits a call or throws `Throttling.Api`. */
  admit(tenantId: number, region: string, plan: Plan, now: Date): Promise<Admission>;
  usage(tenantId: number, region: string, now: Date): Promise<Usage>;
}

const noLimit: Admission = { remaining: undefined, done() {} };

export function createQuotas(options: { database: Database; callLog: Pick<CallLog, 'pending'> }): Quotas {
  const { database, callLog } = options;
  const underWay = new Map<string, number>();

  async function written(tenantId: number, region: string, now: Date): Promise<Usage> {
    return readUsage(database, tenantId, region, now);
  }

  return {
    async admit(tenantId, region, plan, now) {
      if (plan.perMonth === undefined && plan.perDay === undefined) return noLimit;
      const key = `${tenantId} ${region}`;
      // Counted as under way before the database is asked, so that calls that come together see each other.
      underWay.set(key, (underWay.get(key) ?? 0) + 1);
      let open = true;
      const done = () => {
        if (!open) return;
        open = false;
        const left = (underWay.get(key) ?? 1) - 1;
        if (left === 0) underWay.delete(key);
        else underWay.set(key, left);
      };
      try {
        const others = callLog.pending(tenantId, region) + (underWay.get(key) ?? 1) - 1;
        const used = await written(tenantId, region, now);
        if (plan.perDay !== undefined && used.day + others >= plan.perDay) throw exhausted(plan.perDay, 'a day', startOfDay(now, 1), now);
        if (plan.perMonth !== undefined && used.month + others >= plan.perMonth) throw exhausted(plan.perMonth, 'a month', startOfMonth(now, 1), now);
        return { remaining: plan.perMonth === undefined ? undefined : plan.perMonth - used.month - others - 1, done };
      } catch (error) {
        done();
        throw error;
      }
    },
    usage: written,
  };
}

function exhausted(limit: number, period: string, next: Date, now: Date): ApiError {
  return new ApiError('Throttling.Api', { limit, period }, next.getTime() - now.getTime());
}

export function startOfDay(now: Date, shift = 0): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + shift));
}

export function startOfMonth(now: Date, shift = 0): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + shift, 1));
}

async function readUsage(db: Executor, tenantId: number, region: string, now: Date): Promise<Usage> {
  const row = await db.row<{ month: number; day: number }>(
    `select coalesce(sum(counted), 0)::bigint as month, coalesce(sum(counted) filter (where day = $4::date), 0)::bigint as day
     from call_count where tenant_id = $1 and region = $2 and day >= $3::date and day <= $4::date`,
    [tenantId, region, startOfMonth(now).toISOString().slice(0, 10), now.toISOString().slice(0, 10)],
  );
  return row ?? { month: 0, day: 0 };
}
