import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import type { Metrics } from '../../kernel/metrics.ts';

interface Lag {
  readonly id: number;
  readonly oldest: Date | null;
  readonly parked: number;
  readonly blocked: number;
  readonly dead: number;
  readonly paused: boolean;
}

/** How long one reading stands for all gauges that are made of it. */
const READING_MS = 1_000;

/** For each subscription the oldest event that it waits for, and what is parked. Of the log only the first event beyond each cursor is looked at. */
function readLags(db: Database): Promise<Lag[]> {
  return db.rows(
    `select s.id, s.paused_at is not null as paused, least(p.oldest, next.occurred_at) as oldest, coalesce(p.parked, 0) as parked, coalesce(p.blocked, 0) as blocked, coalesce(p.dead, 0) as dead
     from subscription as s join delivery_cursor as c on c.subscription_id = s.id
     left join lateral (
       select min(occurred_at) filter (where state in ('blocked', 'behind')) as oldest, count(*) filter (where state in ('blocked', 'behind')) as parked,
         count(*) filter (where state = 'blocked') as blocked, count(*) filter (where state = 'exhausted') as dead
       from delivery_parked where subscription_id = s.id) as p on true
     left join lateral (
       select occurred_at from event where (position, id) > (c.position, c.row_id) and tenant_id = s.tenant_id and (s.workspace_id is null or workspace_id = s.workspace_id)
         and (cardinality(s.types) = 0 or type = any(s.types))
         and not exists (select from delivery_parked as k where k.subscription_id = s.id and k.event_id = event.event_id)
       order by position, id limit 1) as next on true
     where s.enabled order by s.id limit 1000`,
  );
}

/** Declares the gauges of all subscriptions of the database. */
export function watchDelivery(metrics: Metrics, database: Database, clock: Clock): void {
  let reading: { readonly at: number; readonly lags: Promise<Lag[]> } | undefined;
  function lags(): Promise<Lag[]> {
    const now = performance.now();
    if (reading === undefined || now - reading.at > READING_MS) reading = { at: now, lags: readLags(database) };
    return reading.lags;
  }
  const gauge = (name: string, help: string, value: (lag: Lag) => number) =>
    metrics.gauge({ name, help, read: async () => (await lags()).map((lag) => ({ labels: { subscription: lag.id }, value: value(lag) })) });
  gauge('millrace_delivery_lag_seconds', 'Age of the oldest event that a subscription waits for.', (lag) => (lag.oldest === null ? 0 : Math.max(0, clock.now().getTime() - lag.oldest.getTime()) / 1_000));
  gauge('millrace_delivery_parked', 'Events that failed or wait behind one that did, by subscription.', (lag) => lag.parked);
  gauge('millrace_delivery_blocked_keys', 'Object keys that wait, by subscription.', (lag) => lag.blocked);
  gauge('millrace_delivery_dead_letters', 'Events given up after their last try, by subscription.', (lag) => lag.dead);
  gauge('millrace_delivery_paused', '1 for a subscription that is paused.', (lag) => (lag.paused ? 1 : 0));
}
