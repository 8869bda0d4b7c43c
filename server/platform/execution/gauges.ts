import type { Executor } from '../../kernel/database.ts';
import type { Gauge } from '../../kernel/metrics.ts';

/** What an operator wants to see of runs: how many wait and how many are under way. */
export const runGauges: readonly Gauge[] = [
  {
    name: 'millrace_runs',
    help: 'Runs of tasks that wait or are under way.',
    read: async (db) => {
      const rows = await countRuns(db);
      return ['Queued', 'Running'].map((state) => ({ labels: { state }, value: rows.find((row) => row.state === state)?.count ?? 0 }));
    },
  },
];

function countRuns(db: Executor): Promise<{ state: string; count: number }[]> {
  return db.rows(`select state, count(*) from task_run where state in ('Queued', 'Running') group by state`);
}
