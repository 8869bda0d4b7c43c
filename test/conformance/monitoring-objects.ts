import type { TestHouse } from '../support/house.ts';

const LEGACY = '2020-05-18';
const CURRENT = '2024-05-18';

/** A rule, a baseline that stands for a business date, a topic and a message, as those that watch would write them. */
export async function makeMonitoringObjects(house: TestHouse, ProjectId: number, nodeId: number, instanceId: number, mark: string): Promise<Record<string, unknown>> {
  const { call, database } = house;
  const number = async (text: string, values: readonly unknown[]) => (await database.row<{ id: number }>(text, values))?.id ?? 0;
  const TriggerCondition = { Type: 'Error', Target: { Type: 'Task', Ids: [nodeId] } };
  const rule = Number((await call(CURRENT, 'CreateAlertRule', { Name: mark, Enabled: true, Owner: '1', TriggerCondition: JSON.stringify(TriggerCondition) }))['Id']);
  const BaselineId = Number((await call(LEGACY, 'CreateBaseline', { ProjectId, BaselineName: mark, BaselineType: 'DAILY', Owner: '1', Priority: 1, NodeIds: String(nodeId), OvertimeSettings: JSON.stringify([{ Cycle: 1, Time: '06:00' }]) }))['Data']);
  await database.run(
    `insert into baseline_status (baseline_id, bizdate, cycle, tenant_id, workspace_id, status, finish_status, exp_time, sla_time, buffer_seconds, last_instance_id, path, computed_at)
     select id, '2026-01-01T00:00:00+0800', 1, tenant_id, workspace_id, 'SAFE', 'UNFINISH', now(), now(), 0, $2, '[]', now() from baseline where id = $1`,
    [BaselineId, instanceId],
  );
  const TopicId = await number(
    `insert into topic (tenant_id, workspace_id, instance_id, task_id, node_name, owner_id, type, status, happened_at, added_at)
     select tenant_id, id, $2, $3, $4, 1, 'ERROR', 'NEW', now(), now() from workspace where id = $1 returning id`,
    [ProjectId, instanceId, nodeId, mark],
  );
  const AlertId = await number(
    `with made as (
       insert into alert (tenant_id, workspace_id, source, source_id, occurrence, content, detail, at)
       select tenant_id, workspace_id, 'REMIND_ALERT', id, $2, $2, '{"instances":[],"nodes":[]}', now() from alert_rule where id = $1 returning *)
     insert into alert_message (alert_id, tenant_id, workspace_id, source, source_id, method, receiver, status, content, at)
     select id, tenant_id, workspace_id, source, source_id, 'MAIL', 'user:1:MAIL', 'SEND_FAIL', content, at from made returning id`,
    [rule, mark],
  );
  return {
    RemindId: rule,
    BaselineId,
    TopicId,
    AlertId,
    'CreateAlertRule.TriggerCondition': TriggerCondition,
    'CreateRemind.NodeIds': String(nodeId),
    ...Object.fromEntries(['GetAlertRule', 'UpdateAlertRule', 'DeleteAlertRule'].map((action) => [`${action}.Id`, rule])),
  };
}
