/** Reads the table of events straight, in a process of its own: the limit of what any listener in front of it can reach. Started by `bench/kafka.ts`. */
import { Client } from 'pg';

/** What the parent asks for: to read so many events, a page at a time. */
export interface StraightTask {
  readonly url: string;
  readonly count: number;
  readonly page: number;
}

process.once('message', (task: StraightTask) => void run(task));

async function run(task: StraightTask): Promise<void> {
  const client = new Client({ connectionString: task.url });
  await client.connect();
  let events = 0;
  let place: readonly [string, string] = ['0', '0'];
  const began = performance.now();
  while (events < task.count) {
    const { rows } = await client.query<{ position: string; id: string; data: unknown }>({
      name: 'page',
      text: 'select position, id, event_id, tenant_id, workspace_id, code, type, object_key, data, occurred_at, actor_id from event where (position, id) > ($1::bigint, $2::bigint) order by position, id limit $3',
      values: [...place, task.page],
    });
    const last = rows.at(-1);
    if (last === undefined) break;
    events += rows.length;
    place = [last.position, last.id];
  }
  process.send?.({ kind: 'read', records: events, milliseconds: performance.now() - began });
  await client.end();
  process.disconnect();
}
