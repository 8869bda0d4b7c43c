import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { Service } from '../../kernel/module.ts';
import { dropPartitions } from '../../kernel/partitions.ts';
import { periodic } from '../../kernel/periodic.ts';
import { DEFAULT_BUS } from '../buses/store.ts';
import * as store from './retention-store.ts';

/**
 * The retention of buses. All buses share one log with one partition a day, so that a day leaves it as a whole: when every bus of every tenant that has
 * events in it has said that it keeps less, by days or by size, and nobody has yet to come to one of them. What no bus shortens goes after
 * `eventDays`. A bus that keeps less than the others is bounded in what can be replayed from it.
 */
export interface Retention extends Service {
  /** Applies the retentions now. Answers the dropped partitions. */
  round(): Promise<string[]>;
}

/** Where the bus has had enough, counted from its newest events back; null while it has not. */
async function sizeHorizon(database: Database, bus: store.BusRetention, partitions: readonly store.LogPartition[]): Promise<Date | null> {
  if (bus.retention_bytes === null) return null;
  let sum = 0;
  for (const partition of partitions.toReversed()) {
    sum += await store.bytesOfBus(database, bus, partition);
    // The day that goes beyond it still stays, since days cannot be cut.
    if (sum > bus.retention_bytes) return partition.from;
  }
  return null;
}

/** True when the bus keeps nothing of the day. */
function isDone(bus: store.BusRetention, horizon: Date | null, partition: store.LogPartition, now: Date): boolean {
  if (horizon !== null && partition.to <= horizon) return true;
  return bus.retention_days !== null && partition.to.getTime() <= now.getTime() - bus.retention_days * 86_400_000;
}

export function createRetention(options: { database: Database; clock: Clock; log: Log }): Retention {
  const { database, clock, log } = options;

  async function round(): Promise<string[]> {
    const now = clock.now();
    const buses = await store.listRetentions(database);
    if (buses.every((bus) => bus.retention_days === null && bus.retention_bytes === null)) return [];
    const partitions = (await store.listPartitions(database)).filter((partition) => partition.from <= now);
    const horizons = new Map<number, Date | null>();
    for (const bus of buses) {
      const horizon = await sizeHorizon(database, bus, partitions);
      await store.setSizeHorizon(database, bus.id, horizon);
      horizons.set(bus.id, horizon);
    }
    const dropped: string[] = [];
    for (const partition of partitions) {
      if (partition.to > now) break;
      const tenants = await store.tenantsIn(database, partition);
      const done = tenants.every((tenantId) => {
        const own = buses.filter((bus) => bus.tenant_id === tenantId);
        return own.some((bus) => bus.name === DEFAULT_BUS) && own.every((bus) => isDone(bus, horizons.get(bus.id) ?? null, partition, now));
      });
      // Days go from the oldest on; one that must stay keeps the later ones too. A day without events costs nothing.
      if (!done) break;
      if (tenants.length === 0) continue;
      if (await store.isAwaited(database, partition, now)) break;
      dropped.push(...(await dropPartitions(database, 'event', [partition.name])));
      log.info({ partition: partition.name }, 'a day has left the event log, as the retention of its buses says');
    }
    return dropped;
  }

  return { ...periodic({ name: 'event retention', everyMs: limits.partitionCheckMs.value, clock, log, round }), round };
}
