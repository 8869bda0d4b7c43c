import type { EventLog } from '../../server/openevent/index.ts';
import { eventually } from './eventually.ts';

/**
 * Waits until the log can be read to its end. Its floor is that of the whole PostgreSQL: transactions of other tests hold it back for a moment, and what
 * reads the log once would see less, and a subscription made meanwhile would begin before the last events.
 */
export async function logIsReadable(events: Pick<EventLog, 'read'>): Promise<void> {
  await eventually('the log can be read to its end', async () => !(await events.read({ position: Number.MAX_SAFE_INTEGER, id: 0 }, 1)).waiting);
}
