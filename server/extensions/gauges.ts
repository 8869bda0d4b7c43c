import type { Executor } from '../kernel/database.ts';
import type { Gauge } from '../kernel/metrics.ts';

/** What an operator wants to see of holds: how many wait, and how long the oldest has. */
export const holdGauges: readonly Gauge[] = [
  {
    name: 'millrace_holds_open',
    help: 'Operations that are held and wait for verdicts.',
    read: async (db) => [{ value: (await readOpenHolds(db)).count }],
  },
  {
    name: 'millrace_hold_oldest_seconds',
    help: 'Age of the oldest operation that is held.',
    read: async (db, now) => {
      const { oldest } = await readOpenHolds(db);
      return [{ value: oldest === null ? 0 : Math.max(0, now.getTime() - oldest.getTime()) / 1_000 }];
    },
  },
];

async function readOpenHolds(db: Executor): Promise<{ count: number; oldest: Date | null }> {
  return (await db.row(`select count(*), min(created_at) as oldest from hold where status = 'CHECKING'`)) ?? { count: 0, oldest: null };
}
