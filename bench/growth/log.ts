import { platformActor } from '../../server/kernel/change.ts';
import { limits } from '../../server/kernel/limits.ts';
import { loadRecords } from '../../server/openevent/kafka/store.ts';
import { ALL } from '../../server/openevent/kafka/topics.ts';
import { continuePositions, createEventLog, type Cursor } from '../../server/openevent/index.ts';
import { inParts, makePastDays, OWN, type Ground, type Subject } from './ground.ts';

/** Positions of the fill lie below those of new events by this much room. */
const ROOM = 1_000_000_000;
const DAYS = limits.eventDays.value - 1;
const PARTITIONS = 8;
/** One event in so many is of the rare type, and as many belong to one object. */
const RARE = 5_000;
const PER_OBJECT = 20;
const RARE_TYPE = 'dataworks:FileChange:DeployFile';
const BATCH = 200;

/** The event log: writing, following and listing it, and the offsets of the Kafka listener. */
export async function logSubject(ground: Ground): Promise<Subject> {
  const { database, relaxed, tenantId, projectId, call, house } = ground;
  const events = createEventLog({ database, validatePayloads: false });
  await continuePositions(database, ROOM);
  for (const table of ['event', 'kafka_record']) await makePastDays(database, table, DAYS);
  const SubscriptionId = Number((await call(OWN, 'CreateSubscription', { Name: 'growth', Url: 'http://127.0.0.1:9/', Enabled: false }))['SubscriptionId']);
  let rows = 0;
  let middle: Cursor = { position: 0, id: 0 };
  let end: Cursor = middle;
  let known = { id: '', object: '' };

  return {
    name: 'event log',
    tables: ['event', 'kafka_record'],
    async clear() {
      await database.run('truncate event, kafka_record');
    },
    async fill(count) {
      rows = count;
      // About two events in a change, and objects that live over the whole time.
      await inParts(
        relaxed,
        count,
        `insert into event (position, event_id, tenant_id, workspace_id, code, type, object_key, data, occurred_at, actor_id, request_id)
         select n / 2 + 1, gen_random_uuid(), $3, ($4::bigint[])[1 + n % 5], 'commit-file', case when n % ${RARE} = 7 then '${RARE_TYPE}' else 'dataworks:FileChange:CommitFile' end,
           'file:' || n % greatest($5::bigint / ${PER_OBJECT}, 1), jsonb_build_object('projectId', ($4::bigint[])[1 + n % 5], 'fileId', n, 'operator', 'bench', 'tenantId', $3::bigint, 'eventCode', 'commit-file', 'fileName', repeat('x', 80)),
           now() - make_interval(secs => ${DAYS} * 86400.0 * ($5::bigint - n) / $5::bigint), 1, gen_random_uuid()::text
         from generate_series($1::bigint, $2::bigint - 1) n`,
        [tenantId, ground.projectIds, count],
      );
      // In the order of the log, an event of each partition after the other.
      await relaxed.run(
        `insert into kafka_record (tenant_id, workspace_id, partition, all_offset, workspace_offset, position, id, occurred_at)
         select $1, workspace_id, place % ${PARTITIONS}, place / ${PARTITIONS}, place / ${PARTITIONS}, position, id, date_trunc('milliseconds', occurred_at)
         from (select row_number() over (order by position, id) - 1 as place, * from event where position <= $2) as e`,
        [tenantId, count / 2],
      );
      const at = (position: number) =>
        database.row<{ position: number; id: number; event_id: string; object_key: string }>('select position, id, event_id::text, object_key from event where position >= $1 order by position, id limit 1', [position]);
      const half = await at(Math.floor(count / 4));
      const late = await at(Math.max(1, Math.floor(count / 2) - BATCH));
      if (half === undefined || late === undefined) throw new Error('the log is empty');
      middle = { position: half.position, id: half.id };
      end = { position: late.position, id: late.id };
      known = { id: half.event_id, object: half.object_key };
      await database.run('update delivery_cursor set position = $2, row_id = $3 where subscription_id = $1', [SubscriptionId, end.position, end.id]);
    },
    costs: [
      {
        name: 'a change that raises an event',
        once: (number) =>
          house.changes.change(platformActor('bench', tenantId), async (change) => change.raise({ code: 'commit-file', workspaceId: projectId, objectKey: `file:${number}`, data: { projectId, fileId: number, operator: 'bench' } })),
      },
      { name: `the next ${BATCH} events of a subscription, at the end`, once: () => events.read(end, BATCH, { tenantId }) },
      { name: `the next ${BATCH} events of a subscription, half the log behind`, once: () => events.read(middle, BATCH, { tenantId }) },
      {
        name: `the same while another change is under way`,
        once: () =>
          database.transaction(async (open) => {
            await open.row('select pg_current_xact_id()::text');
            await events.read(middle, BATCH, { tenantId });
          }),
      },
      { name: 'GetSubscriptionStatus', once: () => call(OWN, 'GetSubscriptionStatus', { SubscriptionId }) },
      { name: 'ListEvents, first page', once: () => call(OWN, 'ListEvents', { MaxResults: 10 }) },
      { name: 'ListEvents, cursor half the log on', once: () => call(OWN, 'ListEvents', { MaxResults: 10, After: `${middle.position}-${middle.id}` }) },
      { name: 'ListEvents of the last hour', once: () => call(OWN, 'ListEvents', { MaxResults: 10, StartTime: Date.now() - 3_600_000 }), counts: 'passes over what came earlier that day' },
      { name: 'ListEvents of one object', once: () => call(OWN, 'ListEvents', { MaxResults: 10, ObjectKey: known.object }) },
      { name: 'ListEvents of a rare type', once: () => call(OWN, 'ListEvents', { MaxResults: 10, Types: JSON.stringify([RARE_TYPE]) }), counts: 'passes over other types' },
      { name: 'GetEvent', once: () => call(OWN, 'GetEvent', { EventId: known.id }) },
      { name: 'Kafka: 200 events of a partition, at the end', once: () => loadRecords(database, { tenantId, workspaceId: ALL }, 3, Math.max(0, Math.floor(rows / PARTITIONS) - BATCH), rows, 1_000_000) },
      { name: 'Kafka: 200 events of a partition, from the middle', once: () => loadRecords(database, { tenantId, workspaceId: ALL }, 3, Math.floor(rows / PARTITIONS / 2), Math.floor(rows / PARTITIONS / 2) + BATCH, 1_000_000) },
    ],
  };
}
