import { randomBytes } from 'node:crypto';
import { createChanges, platformActor } from '../../server/kernel/change.ts';
import { systemClock } from '../../server/kernel/clock.ts';
import type { Statement } from '../../server/kernel/database.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import type { Log } from '../../server/kernel/log.ts';
import { secretBox } from '../../server/kernel/secrets.ts';
import type { Delivery } from '../../server/openevent/delivery/engine.ts';
import { secretFrom } from '../../server/openevent/delivery/signature.ts';
import { createEventLog, createOpenEvent } from '../../server/openevent/index.ts';
import { insertSubscription, nextSubscriptionId, secretPurpose } from '../../server/openevent/store.ts';
import { insertBusinessRow, KEYS, pathOf, TENANT, type Engine, type Ground, type Raised } from './engine.ts';

/**
 * The event log and its push delivery: ordered by object, signed, every try a row. `enqueue` writes the event beside the business row, as the peers enqueue
 * their jobs; `change` makes the whole change of the platform, with its audit line.
 */
export function own(ground: Ground, use: 'enqueue' | 'change'): Engine & { startAt(paths: readonly string[]): Promise<void> } {
  const { database, outbound } = ground;
  const log: Log = { debug() {}, info() {}, warn: (detail, message) => console.error(message, detail), error: (detail, message) => console.error(message, detail) };
  const events = createEventLog({ database, validatePayloads: false });
  const changes = createChanges({ database, clock: systemClock, ids: randomIds, events });
  const secrets = secretBox(randomBytes(32));
  const directory = { find: async () => undefined, byId: async () => undefined, rolesOf: async () => [] };
  let delivery: Delivery | undefined;

  async function startAt(paths: readonly string[]): Promise<void> {
    const ids = await changes.change(platformActor('bench', TENANT), async (change) => {
      const made: number[] = [];
      for (const path of paths) {
        const id = await nextSubscriptionId(change);
        const secret = secrets.seal(secretFrom(randomBytes(32)), secretPurpose(id));
        const row = { id, tenant_id: TENANT, workspace_id: null, name: `bench ${id}`, url: `${ground.url}${path}`, types: [], secret, enabled: true, created_by: 0 };
        await insertSubscription(change, row, await events.end(change), change.now);
        made.push(id);
      }
      return made;
    });
    ({ delivery } = createOpenEvent({ database, changes, events, clock: systemClock, ids: randomIds, secrets, log, directory, outbound, defaultRegion: 'local', publishAddress: '127.0.0.1' }));
    await delivery.start();
    while (delivery.owned().length < ids.length) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  return {
    name: use === 'enqueue' ? 'Millrace' : 'Millrace, whole changes',
    start: (subscriptions) => startAt(Array.from({ length: subscriptions }, (_, at) => pathOf(at))),
    startAt,
    raise: (number) => (use === 'enqueue' ? enqueue(number) : change(number)),
    recorded: async () => (await database.row<{ count: number }>('select count(*) from delivery_attempt'))?.count ?? 0,
    async stop() {
      await delivery?.stop();
      await database.run('delete from subscription');
    },
  };

  function eventOf(number: number) {
    return { code: 'commit-file', workspaceId: 1, objectKey: `file:${number % KEYS}`, data: { projectId: 1, fileId: number % KEYS, operator: 'bench' } };
  }

  async function enqueue(number: number): Promise<Raised> {
    const eventId = randomIds.eventId();
    await database.transaction(
      (tx) => insertBusinessRow(tx),
      async () => {
        const last: Statement[] = [];
        await events.append({ run: async (text, values = []) => last.push({ text, values }) }, platformActor('bench', TENANT), new Date(), [{ ...eventOf(number), eventId }]);
        return last;
      },
    );
    const committedAt = process.hrtime.bigint();
    database.wake('millrace_event');
    return { id: eventId, committedAt };
  }

  async function change(number: number): Promise<Raised> {
    const id = await changes.change(platformActor('bench', TENANT), async (tx) => {
      await insertBusinessRow(tx);
      return tx.raise(eventOf(number));
    });
    return { id, committedAt: process.hrtime.bigint() };
  }
}
