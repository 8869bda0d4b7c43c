/** One made-up payload for every schema, more where a schema has variants. Shared by tests. */

type Samples = Readonly<Record<string, readonly unknown[]>>;

const at = 1796083200000;
const common = { tenantId: 10001, projectId: 20002, operator: '30003' };
const node = {
  ...common,
  nodeId: 501,
  nodeName: 'daily_orders',
  programType: 'ODPS_SQL',
  cronExpress: '00 15 02 * * ?',
  schedulerType: 'NORMAL',
  ownerId: '30003',
  priority: 3,
  baselineId: 77,
  repeatability: true,
  createTime: at,
  modifyTime: at + 5000,
  blockBusiness: false,
};
const file = {
  ...common,
  nodeId: 501,
  fileId: 501,
  fileType: 10,
  fileName: 'daily_orders',
  fileOwner: '30003',
  extensionBizId: 'hold_91',
  fileCreateTime: '2026-12-01 08:00:00',
  blockBusiness: true,
  resourceType: 1,
};
const mapping = [{ srcDatasourceName: 'shop', srcDatabaseName: 'sales', srcTable: 'orders.*', dstDatasourceName: 'lake', dstTable: 'ods_orders' }];
const rule = {
  name: 'not empty',
  enabled: true,
  severity: 'High',
  description: 'orders arrive every day',
  templateCode: 'system:table:table_count:fixed:0',
  samplingConfig: { metric: 'Count' },
  checkingConfig: { type: 'Fixed', thresholds: { expected: { expression: '$checkValue > 0' }, critical: { expression: '$checkValue == 0' } } },
};
const quality = { ...common, operationTime: at };
const target = { databaseType: 'MaxCompute', tableGuid: 'odps.shop.orders' };
const alert = { tenantId: 10001, projectId: 20002, eventCode: 'workbench-monitor-alert' };
const reminder = { remindId: 5, remindName: 'late orders', remindType: 'UNFINISHED', remindUnit: 'NODE' };
const approval = {
  appId: 20002,
  assignee: '30004',
  assigneeName: 'Li',
  comments: 'needed for the report',
  createTime: at,
  updateTime: at + 1000,
  processId: 'order-8',
  taskId: 'task-8',
  status: 'Pending',
  eventType: 'approval',
  tenantId: '10001',
  eventCode: 'approval-change-created',
};
const approvalContent = {
  applyPeriod: '30',
  applyReason: 'report',
  contentType: 'MaxCompute',
  projectEnv: 'PROD',
  tenantId: 10001,
  workspaceId: 20002,
  granteeAccounts: [{ granteeId: '30003', granteeType: 1, granteeTypeSub: 103, granteeName: 'Wang' }],
};
const download = {
  tenantId: 10001,
  moduleType: 'develop_query',
  operatorBaseId: '30003',
  operatorUid: '30003',
  fileName: 'orders.csv',
  fileSize: 2048,
  datasourceId: '12',
  datasourceName: 'lake',
  queryDwProjectId: '20002',
  queryDwProjectName: 'shop',
  dataRowSize: '40',
  sqlText: 'select 1',
};

export const payloadSamples: Samples = {
  P1: [{ ...node, eventCode: 'node-change-created' }],
  P2: [{ ...file, eventCode: 'commit-file', changeType: '1', fileVersion: 4, dataSourceName: 'lake' }],
  P3: [{ ...file, eventCode: 'run-file' }],
  P4: [{ ...common, eventCode: 'commit-table', extensionBizId: 'hold_92', tableName: 'orders', tableType: 'ODPS', maxComputeProject: 'shop' }],
  P5: [
    { ...common, eventCode: 'start-diJob', id: 61, extensionBizId: 'hold_93', extensionBizName: 'orders to lake', showTableMapping: true, tableMapping: mapping },
    { appId: 20002, tenantId: 10001, eventCode: 'start-diJob', jobId: 61, forceRun: false, startAsV2: true, setting: { startDateTime: '2026-12-01 00:00:00', timeZone: 'UTC' } },
  ],
  P6: [{ ...common, eventCode: 'batch-start-diJob', jobIds: [61, 62], extensionBizName: 'orders,customers', tableMappings: [{ id: 61, tableMapping: mapping }], env: 'prod' }],
  P7: [{ ...node, eventCode: 'node-change-deleted', datasource: 'lake' }],
  P8: [{ ...common, eventCode: 'freeze-node', nodeIds: [501, 502], extensionBizId: 'hold_94' }],
  P9: [
    {
      ...common,
      eventCode: 'backfill-data',
      name: 'november again',
      rootNodeId: 501,
      rootNodeProjectId: 20002,
      includeNodeIds: [501],
      excludeNodeIds: [],
      multipleTimePeriods: '[{"bizBeginTime":"2026-11-01","bizEndTime":"2026-11-30"}]',
      isParallel: true,
      parallelGroup: 2,
      startFutureInstanceImmediately: false,
      order: 'asc',
      extensionBizId: 'hold_95',
    },
  ],
  P10: [{ tenantId: 10001, appId: 20002, eventCode: 'instance-status-changes', taskId: 9001, nodeId: 501, status: 6, taskType: 0, dagId: 71, dagType: 2, flowId: 1, createTime: at, finishTime: at + 900 }],
  P11: [{ ...common, eventCode: 'rerun-instance', projectType: 'PROD', taskIds: [9001] }],
  P12: [{ ...common, operator: 30003, tenantId: '10001', eventCode: 'pre-rerun-instance', extensionBizId: 'hold_96', extensionBizName: 'daily_orders', taskIds: [9001] }],
  P13: [{ tenantId: '10001', appId: 20002, operator: 0, owner: '30003', eventCode: 'expired-task-instances-deleted', deletedTaskInstanceIds: [1, 2], operationTime: at }],
  P14: [{ tenantId: 10001, appId: 20002, operator: '30003', eventCode: 'delete-task-instance-dependencies', taskInstanceId: 9001, upstreamTaskInstanceIds: [8999], operationTime: at }],
  P15: [{ ...common, eventCode: 'dag-status-changes', bizDate: '2026-11-30 00:00:00', createTime: '2026-12-01 08:00:00', dagId: 71, dagName: 'november again', dagType: 3, flowId: 1, flowName: '-', projectEnv: 'PROD', status: 4 }],
  P16: [
    { ...alert, alarmType: 'SLA_ALERT', baselineId: 77, baselineName: 'morning', baselineStatus: 3, bizDate: at, inGroupId: 1, nodeId: 501, taskId: 9001 },
    { ...alert, alarmType: 'TOPIC_ALERT', topicId: 4, taskStatus: 'ERROR', nodeId: 501, taskId: 9001 },
    { ...alert, alarmType: 'REMIND_ALERT', ...reminder, nodeIds: '501,502', taskIds: '9001,9002' },
    { ...alert, alarmType: 'REMIND_ALERT', ...reminder, remindUnit: 'GATEWAY_RES', resourceGroupIdentifier: 'group_1', resourceGroupName: 'first', resourceGroupType: 'GATEWAY' },
  ],
  P17: [
    { ...approval, process: { applicant: '30003', title: 'orders', approvalContent: { ...approvalContent, arrayData: [{ objectType: 'TABLE', objectName: 'orders', envType: 1, projectId: 20002, actions: ['Select'] }] } } },
    { ...approval, process: { applicant: '30003', title: 'api', approvalContent: { ...approvalContent, arrayData: [{ resourceId: '3', name: 'orders', resourceVersion: 2, type: 1, url: '/orders' }] } } },
  ],
  P18: [
    {
      ...common,
      eventCode: 'approval-change-before-create',
      order: {
        applyReason: 'report',
        deadlineDate: '30',
        deadlineType: 'day',
        granteeObjectList: [{ granteeId: '30003' }],
        projectMeta: { envCode: 1, labelSecurity: false, objectMetaList: [{ action: ['Select'], name: 'orders', projectGuid: 'odps.shop' }], projectName: 'shop' },
      },
    },
  ],
  P20: [{ tenantId: 10001, projectId: 20002, eventCode: 'dqc-check-feedback-event', ruleId: 3, ruleCheckId: 33, feedbackContent: 'known', createUser: '30003', taskId: 't-1', beginTime: String(at), envType: 'ODPS' }],
  P21: [{ tenantId: 10001, projectId: 20002, eventCode: 'dqc-check-finished-event', id: 33, ruleId: 3, ruleName: 'not empty', blockType: 1, checkResult: -1, bizdate: String(at), beginTime: at, expectValue: 0.5, fixedCheck: true, sampleValue: [{ bizDate: at, value: 0 }] }],
  P22: [{ ...quality, eventCode: 'batch-create-data-quality-rules', target, rules: [rule] }],
  P23: [{ ...quality, eventCode: 'update-data-quality-rule', id: 3, ...rule }],
  P24: [{ ...quality, tenantId: '10001', eventCode: 'batch-delete-data-quality-rules', ids: [3, 4] }],
  P25: [
    {
      ...quality,
      eventCode: 'create-data-quality-evaluation-task',
      name: 'orders are good',
      target,
      trigger: { type: 'ByScheduledTaskInstance', taskIds: [501] },
      rules: [{ id: 3, ...rule }],
      hooks: [{ type: 'BlockTaskInstance', condition: '${severity} == "High"' }],
      notifications: { condition: '${status} == "Fail"', notifications: [{ channels: ['Mail'], notificaionReceivers: [{ receiverType: 'AliUid', receiverValues: ['30003'] }] }] },
    },
  ],
  P26: [{ ...quality, eventCode: 'clone-data-quality-evaluation-task', id: 6, targets: [target] }],
  P27: [{ ...quality, eventCode: 'create-data-quality-evaluation-task-notification', dataQualityEvaluationTaskId: 6, channel: 'sms', receiverValue: '30003' }],
  P28: [{ ...quality, eventCode: 'update-data-quality-evaluation-task-notification', dataQualityEvaluationTaskId: 6, currentChannel: 'sms', currentReceiverValue: '30003', updatedChannel: 'Email', updatedReceiverValue: '30004' }],
  P29: [{ ...common, eventCode: 'delete-project' }],
  P30: [{ ...common, eventCode: 'project-deleted', projectName: 'shop', timestamp: at, blockBusiness: false }],
  P31: [{ ...download, eventCode: 'download-resources' }],
  P32: [{ ...download, eventCode: 'download-resources-execute', ip: '192.0.2.1' }],
  P33: [{ tenantId: 10001, eventCode: 'upload-data-to-table', uploadSourceType: 'LOCAL', optTableType: 'IMPORT', targetEngineType: 'MAXCOMPUTE', writeType: 'APPEND', conflictMode: 'IGNORE', tableGuid: 'odps.shop.orders', queryDwProjectId: '20002', fileSize: 10 }],
};
