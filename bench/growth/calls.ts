import { limits } from '../../server/kernel/limits.ts';
import { inParts, makePastDays, OWN, type Ground, type Subject } from './ground.ts';

const DAYS = limits.callLogDays.value - 1;

/** The call log, over all the days that it is kept. */
export async function callsSubject(ground: Ground): Promise<Subject> {
  const { database, relaxed, tenantId, userId, call } = ground;
  await makePastDays(database, 'call_log', DAYS);
  await call(OWN, 'ListCalls', {});
  const region = (await database.row<{ region: string }>('select region from call_log where tenant_id = $1 limit 1', [tenantId]))?.region ?? '';
  const StartTime = Date.now() - DAYS * 86_400_000;
  let RequestId = '';
  return {
    name: 'call log',
    tables: ['call_log'],
    async clear() {
      await database.run('truncate call_log');
    },
    async fill(count) {
      await inParts(
        relaxed,
        count,
        `insert into call_log (at, tenant_id, region, user_id, user_name, access_key_id, product, version, action, access, status, code, message, duration_us, request_id, source_address, parameters, counted)
         select now() - make_interval(secs => ${DAYS} * 86400.0 * ($3::bigint - n) / $3::bigint), $4, $5, case when n % 2 = 0 then $6::bigint else 7 end, 'owner', 'LTAI' || n % 9, 'dataworks-public', '2024-05-18',
           (array['ListNodes', 'GetProject', 'GetNode', 'ListTaskInstances', 'UpdateNode'])[1 + n % 5], case when n % 5 = 4 then 'write' else 'read' end, case when n % 5000 = 9 then 403 else 200 end,
           case when n % 5000 = 9 then 'Forbidden' else '' end, '', (n % 5000)::integer, upper(gen_random_uuid()::text), '127.0.0.1', '{"ProjectId":"1"}', true
         from generate_series($1::bigint, $2::bigint - 1) n`,
        [count, tenantId, region, userId],
      );
      RequestId = (await database.row<{ id: string }>('select request_id as id from call_log where tenant_id = $1 order by at limit 1', [tenantId]))?.id ?? '';
    },
    costs: [
      { name: 'ListCalls of the last hour', once: () => call(OWN, 'ListCalls', { StartTime: Date.now() - 3_600_000 }), counts: 'tells how many there are' },
      { name: 'ListCalls of the last day', once: () => call(OWN, 'ListCalls', {}), counts: 'tells how many there are' },
      { name: 'ListCalls, failed ones of the last day', once: () => call(OWN, 'ListCalls', { Failed: true }), counts: 'searches the day' },
      { name: 'ListCalls of all days, page 100', once: () => call(OWN, 'ListCalls', { StartTime, PageNumber: 100 }), counts: 'tells how many there are' },
      { name: 'ListCalls by RequestId', once: () => call(OWN, 'ListCalls', { StartTime, RequestId }) },
      { name: 'GetCall', once: () => call(OWN, 'GetCall', { CallRequestId: RequestId }) },
      { name: 'GetQuota', once: () => call(OWN, 'GetQuota', {}) },
      { name: 'GetCallStatistics of the last day', once: () => call(OWN, 'GetCallStatistics', { GroupBy: 'Operation' }), counts: 'sums up the day' },
    ],
  };
}
