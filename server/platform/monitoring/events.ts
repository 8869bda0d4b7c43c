import type { RaisedEvent } from '../../kernel/change.ts';
import { instanceStates, type WatchedInstance } from '../scheduling/index.ts';
import type { AlertRow } from './alert-store.ts';
import { baselineStatusCodes, ruleTypes, type RuleType } from './model.ts';
import type { RuleRow } from './rule-store.ts';

/** The event of a sent alert, with the payload that belongs to what is alerted. */

const CODE = 'workbench-monitor-alert';

/** Words of events for the types that API 2020-05-18 has no word for. */
const words: Partial<Record<RuleType, string>> = {
  ExhaustedError: 'EXHAUSTED_ERROR',
  InstanceKeyword: 'INSTANCE_KEYWORD',
  InstanceErrorCount: 'INSTANCE_ERROR_COUNT',
  InstanceErrorPercentage: 'INSTANCE_ERROR_PERCENTAGE',
  InstanceTransferComplete: 'INSTANCE_TRANSFER_COMPLETE',
  InstanceTransferFluctuate: 'INSTANCE_TRANSFER_FLUCTUATE',
  ResourceGroupPercentage: 'RES_GROUP_THRESHOLD',
  ResourceGroupWaitCount: 'RES_GROUP_WAIT_AMOUNT',
};

/** A rule about tasks, or about a resource group. */
export function ruleAlert(rule: RuleRow, alert: AlertRow, group?: { readonly identifier: string; readonly name: string }): RaisedEvent {
  const common = { alarmType: 'REMIND_ALERT', remindId: rule.id, remindName: rule.name, remindType: ruleTypes[rule.type].legacy ?? words[rule.type] ?? '', projectId: rule.workspace_id };
  const taskIds = alert.detail.instances.join(',');
  return {
    code: CODE,
    workspaceId: rule.workspace_id,
    objectKey: `alert-rule:${rule.id}`,
    data:
      group === undefined
        ? // The instances go by two names in what is published of this payload.
          { ...common, remindUnit: 'NODE', nodeIds: alert.detail.nodes.join(','), taskIds, taskId: taskIds }
        : { ...common, remindUnit: 'GATEWAY_RES', resourceGroupIdentifier: group.identifier, resourceGroupName: group.name, resourceGroupType: 'GATEWAY' },
  };
}

/** A baseline has come to stand in another way. */
export function baselineAlert(baseline: { readonly id: number; readonly name: string; readonly workspace_id: number }, alert: AlertRow): RaisedEvent {
  const { baseline: told, nodes, instances } = alert.detail;
  const [nodeId] = nodes;
  const [taskId] = instances;
  return {
    code: CODE,
    workspaceId: baseline.workspace_id,
    objectKey: `baseline:${baseline.id}`,
    data: {
      alarmType: 'SLA_ALERT',
      baselineId: baseline.id,
      baselineName: baseline.name,
      baselineStatus: baselineStatusCodes[told?.status ?? 'ERROR'],
      bizDate: told?.bizdate ?? 0,
      inGroupId: told?.cycle ?? 1,
      ...(nodeId === undefined ? {} : { nodeId }),
      ...(taskId === undefined ? {} : { taskId }),
      projectId: baseline.workspace_id,
    },
  };
}

/** Something on the way of a baseline is slow or has failed. */
export function topicAlert(topic: { readonly id: number; readonly workspace_id: number; readonly task_id: number; readonly instance_id: number }, status: WatchedInstance['status']): RaisedEvent {
  return {
    code: CODE,
    workspaceId: topic.workspace_id,
    objectKey: `topic:${topic.id}`,
    data: { alarmType: 'TOPIC_ALERT', topicId: topic.id, taskStatus: String(instanceStates[status].code), nodeId: topic.task_id, taskId: topic.instance_id, projectId: topic.workspace_id },
  };
}
