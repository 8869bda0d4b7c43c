import { platformActor, type Change, type Changes } from '../../kernel/change.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { Service } from '../../kernel/module.ts';
import { periodic } from '../../kernel/periodic.ts';
import type { Execution } from '../execution/index.ts';
import { expiredInstances } from './events.ts';
import { deleteEndedInstances, emptyDag, expiredDag } from './retention-store.ts';

/** Forgetting what is past: instances whose business date lies longer back than `instanceDays`, with their edges, runs and logs. */
export interface Retention extends Service {
  /** Forgets all that is due to be forgotten now. Returns the number of instances. */
  round(): Promise<number>;
}

/** Instances that one change forgets, so that none is long. */
const A_CHANGE = 2_000;
const EVERY_MS = 600_000;

export function createRetention(options: { database: Database; changes: Changes; clock: Clock; log: Log; execution: Execution }): Retention {
  const { database, changes, clock, log, execution } = options;

  async function forget(change: Change, dagId: number): Promise<number> {
    const rows = await deleteEndedInstances(change, dagId, A_CHANGE);
    await execution.forget(change, rows.map((row) => row.id));
    for (const [owner, ids] of Map.groupBy(rows, (row) => row.owner_id)) {
      const [first] = ids;
      if (first !== undefined) change.raise(expiredInstances(first.workspace_id, owner, ids.map((row) => row.id), change.now));
    }
    if (rows.length < A_CHANGE) await emptyDag(change, dagId);
    return rows.length;
  }

  async function round(): Promise<number> {
    const before = new Date(clock.now().getTime() - limits.instanceDays.value * 86_400_000);
    let forgotten = 0;
    for (let after = 0; ; ) {
      const dag = await expiredDag(database, before, after);
      if (dag === undefined) break;
      const count = await changes.change(platformActor('schedule:retention', dag.tenant_id), (change) => forget(change, dag.id));
      forgotten += count;
      if (count < A_CHANGE) after = dag.id;
    }
    if (forgotten > 0) log.info({ instances: forgotten }, 'instances past their time were forgotten');
    return forgotten;
  }

  return { ...periodic({ name: 'retention of instances', everyMs: EVERY_MS, clock, log, round }), role: 'schedule', round };
}
