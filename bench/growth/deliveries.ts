import { randomIds } from '../../server/kernel/ids.ts';
import { limits } from '../../server/kernel/limits.ts';
import { writeResults, type ResultsOf } from '../../server/openevent/delivery/store.ts';
import { inParts, makePastDays, OWN, type Ground, type Subject } from './ground.ts';

const DAYS = limits.eventDays.value - 1;
const SUBSCRIPTIONS = 10;
const BATCH = 32;
const OWNER = 'bench';

/** Tries of deliveries: writing what came of them, and looking at them. */
export async function deliveriesSubject(ground: Ground): Promise<Subject> {
  const { database, relaxed, call } = ground;
  await makePastDays(database, 'delivery_attempt', DAYS);
  const ids: number[] = [];
  for (let number = 0; number < SUBSCRIPTIONS; number += 1) ids.push(Number((await call(OWN, 'CreateSubscription', { Name: `deliveries ${number}`, Url: 'http://127.0.0.1:9/', Enabled: false }))['SubscriptionId']));
  const [SubscriptionId = 0] = ids;
  await database.run(`update delivery_cursor set owner = $2, epoch = 1, lease_until = now() + interval '1 day' where subscription_id = $1`, [SubscriptionId, OWNER]);
  let EventId = '';
  let position = 1;
  const all = { StartTime: Date.now() - DAYS * 86_400_000 };

  function results(): ResultsOf[] {
    position += BATCH;
    const startedAt = new Date();
    const attempts = Array.from({ length: BATCH }, (_, at) => ({
      event: { eventId: randomIds.eventId(), type: 'dataworks:FileChange:CommitFile', objectKey: `file:${at}` },
      number: 1,
      outcome: 'succeeded' as const,
      result: { stage: undefined, httpStatus: 204, message: undefined, excerpt: '', startedAt, durationMs: 3 },
      nextAt: undefined,
    }));
    const health = { failingSince: undefined, failures: 0, lastError: undefined };
    return [{ subscriptionId: SubscriptionId, epoch: 1, results: { attempts, added: [], changed: [], gone: [], cursor: { position, id: 0 }, deliveredAt: startedAt, health, touchesParked: false } }];
  }

  return {
    name: 'deliveries',
    tables: ['delivery_attempt'],
    async clear() {
      await database.run('truncate delivery_attempt');
    },
    async fill(count) {
      await inParts(
        relaxed,
        count,
        `insert into delivery_attempt (subscription_id, event_id, type, object_key, number, outcome, stage, http_status, message, excerpt, started_at, duration_ms)
         select ($3::bigint[])[1 + n % ${SUBSCRIPTIONS}], gen_random_uuid(), 'dataworks:FileChange:CommitFile', 'file:' || n % greatest($4::bigint / 20, 1), 1, case when n % 5000 < ${SUBSCRIPTIONS} then 'failed' else 'succeeded' end, null,
           case when n % 5000 < ${SUBSCRIPTIONS} then 500 else 204 end, null, '', now() - make_interval(secs => ${DAYS} * 86400.0 * ($4::bigint - n) / $4::bigint), (n % 40)::integer
         from generate_series($1::bigint, $2::bigint - 1) n`,
        [ids, count],
      );
      EventId = (await database.row<{ id: string }>('select event_id::text as id from delivery_attempt where subscription_id = $1 order by started_at limit 1', [SubscriptionId]))?.id ?? '';
    },
    costs: [
      {
        name: `what came of ${BATCH} tries written`,
        async once() {
          const [held] = await writeResults(database, OWNER, results());
          if (held !== SubscriptionId) throw new Error('the results were not written');
        },
      },
      { name: 'ListDeliveryAttempts of a subscription', once: () => call(OWN, 'ListDeliveryAttempts', { SubscriptionId, ...all }), counts: 'counts up to 100,000 of the rows found' },
      { name: 'ListDeliveryAttempts, failed ones of all days', once: () => call(OWN, 'ListDeliveryAttempts', { SubscriptionId, ...all, Status: 'Failed' }), counts: 'tells how many have failed' },
      { name: 'ListDeliveryAttempts of one event', once: () => call(OWN, 'ListDeliveryAttempts', { EventId, ...all }) },
    ],
  };
}
