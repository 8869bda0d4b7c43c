import { ApiError } from '../kernel/errors.ts';
import type { Plan } from './plans.ts';

/**
 * Token buckets of one second's worth, per tenant and region. They live in this process: several processes on one database each allow the
 * plan's rate. Quotas, which are kept in the database, are exact over all of them.
 */
export interface Throttle {
  /** Takes one token, or throws `Throttling.User` with the time after which one is there. */
  take(tenantId: number, region: string, access: 'read' | 'write', plan: Plan, nowMs: number): void;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** Buckets that are full again hold no information; beyond this many they are swept. */
const SWEEP_AT = 10_000;

export function createThrottle(): Throttle {
  const buckets = new Map<string, Bucket>();
  return {
    take(tenantId, region, access, plan, nowMs) {
      const rate = access === 'read' || plan.sharedRate ? plan.readRate : plan.writeRate;
      if (rate === undefined) return;
      const key = `${tenantId} ${region} ${plan.sharedRate ? 'all' : access}`;
      let bucket = buckets.get(key);
      if (bucket === undefined) {
        if (buckets.size >= SWEEP_AT) sweep(buckets, nowMs);
        bucket = { tokens: rate, at: nowMs };
        buckets.set(key, bucket);
      }
      bucket.tokens = Math.min(rate, bucket.tokens + (Math.max(0, nowMs - bucket.at) * rate) / 1_000);
      bucket.at = nowMs;
      if (bucket.tokens >= 1) {
        bucket.tokens -= 1;
        return;
      }
      const wait = Math.ceil(((1 - bucket.tokens) * 1_000) / rate);
      throw new ApiError('Throttling.User', { access: plan.sharedRate ? 'API' : access, rate, milliseconds: wait }, wait);
    },
  };
}

function sweep(buckets: Map<string, Bucket>, nowMs: number): void {
  for (const [key, bucket] of buckets) if (nowMs - bucket.at > 1_000) buckets.delete(key);
}
