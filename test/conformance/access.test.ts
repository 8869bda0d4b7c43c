import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Entry } from '../../server/openapi/registry.ts';
import { until } from '../../examples/demo/until.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';
import { checkDryRuns, checkTokens } from './every-write.ts';
import { makeBelongings } from './belonging-objects.ts';
import { requestFor } from './made-up.ts';
import { makeMonitoringObjects } from './monitoring-objects.ts';
import { makeSourceObjects } from './source-objects.ts';
import { makeStudioObjects } from './studio-objects.ts';
import { openApiCore, type ClientError, type Credential } from './official-clients.ts';

/**
 * Driven by the declarations: whoever adds an operation is tested here without a line, unless it names a new kind of object, which then has to
 * be made in `makeObjects`.
 */

const LEGACY = '2020-05-18';
const CURRENT = '2024-05-18';
const PLATFORM = '2026-12-01';
/** Stands in the text of everything that the first tenant owns. No answer to another tenant may have it. */
const MARK = 'zq7mark';

let house: TestHouse;
let objects: Readonly<Record<string, unknown>>;
/** A user of the tenant without any role in the workspace, one who may read it only, and the owner of another tenant. */
let outsider: Credential;
let guest: Credential;
let stranger: Credential;

before(async () => {
  house = await startTestHouse();
  objects = await makeObjects();
  outsider = await house.as('outsider');
  const visitor = await house.as('visitor');
  await house.call(LEGACY, 'CreateProjectMember', { ProjectId: Number(objects['ProjectId']), UserId: String(visitor.userId), RoleCode: 'role_project_guest' });
  guest = visitor;
  stranger = await house.stranger();
});
after(() => house.stop());

/** One real object of each kind, all in one workspace, by the name of the parameter that names it. */
async function makeObjects(): Promise<Record<string, unknown>> {
  const { call } = house;
  const number = async (version: string, action: string, parameters: Parameters<typeof call>[2], field = 'Data') => Number((await call(version, action, parameters))[field]);
  const ProjectId = await number(LEGACY, 'CreateProject', { ProjectIdentifier: MARK, ProjectName: MARK, ProjectDescription: MARK, ProjectMode: 3 });
  const ended = (DeploymentId: number) =>
    until('a deployment', async () => {
      const { Deployment } = (await call(LEGACY, 'GetDeployment', { ProjectId, DeploymentId }))['Data'] as { Deployment: { Status: number; ErrorMessage?: string } };
      assert.notEqual(Deployment.Status, 2, Deployment.ErrorMessage);
      return Deployment.Status === 1 ? true : undefined;
    });
  const SubscriptionId = await number(PLATFORM, 'CreateSubscription', { Name: MARK, Url: `http://127.0.0.1:9/${MARK}`, ProjectId }, 'SubscriptionId');
  const KafkaUserId = await number(PLATFORM, 'CreateKafkaUser', { Name: MARK, ProjectIds: JSON.stringify([ProjectId]) }, 'KafkaUserId');
  // Consumers make groups; here nobody listens.
  await house.database.run(`insert into kafka_group (user_id, group_id, protocol_type, state, members, epoch, created_at, modified_at) values ($1, $2, 'consumer', 'Empty', 0, 0, now(), now())`, [KafkaUserId, MARK]);
  await call(PLATFORM, 'CreateEventBus', { EventBusName: MARK, Description: MARK });
  const ChannelId = await number(PLATFORM, 'CreateDistributionChannel', { EventBusName: MARK, ProjectId }, 'ChannelId');
  const RuleId = await number(PLATFORM, 'CreateEventRule', { EventBusName: MARK, RuleName: MARK, EventPattern: '{}' }, 'RuleId');
  const TargetId = await number(PLATFORM, 'CreateRuleTarget', { RuleId, TargetName: MARK, Url: `http://127.0.0.1:9/${MARK}` }, 'TargetId');
  const ReplayId = await number(PLATFORM, 'CreateReplay', { SubscriptionId, StartTime: 1 }, 'ReplayId');
  const DeadlineId = await number(PLATFORM, 'CreateEventDeadline', { Name: MARK, Kind: 'Daily', EventPattern: '{}', DueTime: '06:00', ProjectId }, 'DeadlineId');
  const BusinessId = await number(LEGACY, 'CreateBusiness', { ProjectId, BusinessName: MARK }, 'BusinessId');
  const folder = (await call(LEGACY, 'CreateFolder', { ProjectId, FolderPath: `业务流程/${MARK}/MaxCompute/${MARK}` }))['Data'];
  const file = (name: string) => number(LEGACY, 'CreateFile', { ProjectId, FileName: name, FileType: 6, Content: `echo ${MARK}`, FileFolderPath: `业务流程/${MARK}/MaxCompute/${MARK}`, InputList: `${MARK}_root`, OutputList: `${MARK}.${name}` });
  const FileId = await file(`${MARK}_file`);
  await ended(await number(LEGACY, 'SubmitFile', { ProjectId, FileId, Comment: MARK }));
  const DeploymentId = await number(LEGACY, 'DeployFile', { ProjectId, FileId, Comment: MARK });
  await ended(DeploymentId);
  const { File } = (await call(LEGACY, 'GetFile', { ProjectId, FileId }))['Data'] as { File: { NodeId: number } };
  const DagId = await number(LEGACY, 'RunSmokeTest', { ProjectEnv: 'PROD', NodeId: File.NodeId, Name: MARK, Bizdate: '2026-01-01 00:00:00' });
  const { Instances } = (await call(LEGACY, 'ListInstances', { ProjectId, ProjectEnv: 'PROD', DagId }))['Data'] as { Instances: { InstanceId: number }[] };
  const InstanceId = Instances[0]?.InstanceId ?? 0;
  const backfill = { DefaultRunProperties: JSON.stringify({ Mode: 'ManualSelection', IncludeTaskIds: [File.NodeId] }), Periods: JSON.stringify({ BizDates: [{ StartBizDate: '2026-01-01', EndBizDate: '2026-01-01' }] }) };
  const { OperationId } = await call(CURRENT, 'CreateWorkflowInstances', { ProjectId, WorkflowId: 1, Name: MARK, Type: 'SupplementData', ...backfill });
  const { Result } = (await call(CURRENT, 'GetCreateWorkflowInstancesResult', { OperationId: String(OperationId) })) as { Result: { WorkflowInstanceIds: number[] } };
  const [backfilled = 0] = Result.WorkflowInstanceIds;
  await until('the end of a workflow instance', async () => {
    const { WorkflowInstance } = (await call(CURRENT, 'GetWorkflowInstance', { Id: DagId })) as { WorkflowInstance: { Status: string } };
    return WorkflowInstance.Status === 'Success' || WorkflowInstance.Status === 'Failure' ? true : undefined;
  });
  const { OperationId: rerun } = await call(CURRENT, 'RerunWorkflowInstances', { ProjectId, WorkflowId: 1, Type: 'SmokeTest', Ids: JSON.stringify([DagId]) });
  const WorkflowId = await publishWorkflow(ProjectId);

  await call(PLATFORM, 'CreateExtension', { ExtensionCode: MARK, ExtensionName: MARK, BindEventList: JSON.stringify(['commit-file']) });
  await call(PLATFORM, 'PublishExtension', { ExtensionCode: MARK });
  await call(PLATFORM, 'EnableExtension', { ExtensionCode: MARK, ProjectId });
  await call(LEGACY, 'SubmitFile', { ProjectId, FileId: await file(`${MARK}_held`), Comment: MARK });
  const { Holds } = (await call(PLATFORM, 'ListHolds', { ProjectId }))['PagingInfo'] as { Holds: { HoldId: number; MessageId: string }[] };
  const { Verdicts } = (await call(PLATFORM, 'GetHold', { HoldId: Number(Holds[0]?.HoldId) }))['Hold'] as { Verdicts: { CheckerInstanceId: string }[] };
  const Steps = [{ Type: 'ROLE', Values: ['role_project_admin'] }];
  const PolicyId = await number(PLATFORM, 'CreateExtensionApprovalPolicy', { Name: MARK, ProjectIds: JSON.stringify([ProjectId]), Steps: JSON.stringify(Steps) }, 'PolicyId');
  const user = await house.as(`${MARK}_user`);
  await call(LEGACY, 'CreateProjectMember', { ProjectId, UserId: String(user.userId), RoleCode: 'role_project_guest' });
  const { RequestId: CallRequestId } = await call(PLATFORM, 'GetCaller', {});
  await until('the row of a call', () => call(PLATFORM, 'GetCall', { CallRequestId: String(CallRequestId) }).catch(() => undefined));

  return {
    ...(await makeStudioObjects(call, ProjectId, MARK)),
    ...(await makeSourceObjects(call, ProjectId, MARK)),
    ...(await makeBelongings(house, ProjectId, MARK)),
    ...(await makeMonitoringObjects(house, ProjectId, File.NodeId, InstanceId, MARK)),
    ProjectId,
    SubscriptionId,
    KafkaUserId,
    GroupId: MARK,
    'CreateKafkaUser.Name': 'made-up',
    EventBusName: MARK,
    ChannelId,
    RuleId,
    TargetId,
    ReplayId,
    DeadlineId,
    'CreateEventBus.EventBusName': 'made-up',
    'CreateEventDeadline.DueTime': '06:00',
    'UpdateEventDeadline.DueTime': '07:00',
    BusinessId,
    FolderId: typeof folder === 'string' || typeof folder === 'number' ? folder : `业务流程/${MARK}/MaxCompute/${MARK}`,
    FileId,
    FileVersion: 1,
    DeploymentId,
    NodeId: File.NodeId,
    DagId,
    InstanceId,
    ProjectEnv: 'PROD',
    ExtensionCode: MARK,
    HoldId: Holds[0]?.HoldId,
    MessageId: Holds[0]?.MessageId,
    CheckerInstanceId: Verdicts[0]?.CheckerInstanceId,
    PolicyId,
    EventId: Holds[0]?.MessageId,
    UserId: user.userId,
    UserAccessKeyId: user.accessKeyId,
    CallRequestId,
    OperationId,
    RootNodeId: File.NodeId,
    OuterNodeId: File.NodeId,
    IncludeNodeIds: String(File.NodeId),
    AppId: ProjectId,
    OpSeq: DagId,
    TaskId: File.NodeId,
    'ListNodesByOutput.Outputs': `${MARK}.${MARK}_file`,
    'SearchNodesByOutput.Outputs': `${MARK}.${MARK}_file`,
    'GetRerunWorkflowInstancesResult.OperationId': rerun,
    'BatchUpdateTasks.Tasks': [{ Id: File.NodeId, Description: MARK }],
    'UpdateTaskInstances.TaskInstances': [{ Id: InstanceId, Priority: 3 }],
    // Where a parameter of this name is something else.
    ...Object.fromEntries(['GetTask', 'UpdateTask', 'DeleteTask', 'ListUpstreamTasks', 'ListDownstreamTasks', 'ListTaskOperationLogs'].map((action) => [`${action}.Id`, File.NodeId])),
    ...Object.fromEntries(['ListUpstreamTaskInstances', 'ListDownstreamTaskInstances', 'ListTaskInstanceOperationLogs', 'RemoveTaskInstanceDependencies'].map((action) => [`${action}.Id`, InstanceId])),
    ...Object.fromEntries(['RerunTaskInstances', 'StopTaskInstances', 'SuspendTaskInstances', 'ResumeTaskInstances', 'SetSuccessTaskInstances'].map((action) => [`${action}.Ids`, [InstanceId]])),
    ...Object.fromEntries(['StartWorkflowInstances', 'StopWorkflowInstances'].map((action) => [`${action}.Ids`, [backfilled]])),
    ...Object.fromEntries(['GetWorkflow', 'UpdateWorkflow', 'DeleteWorkflow'].map((action) => [`${action}.Id`, WorkflowId])),
    'GetWorkflowInstance.Id': backfilled,
    'ListManualDagInstances.DagId': String(backfilled),
    'GetManualDagInstances.DagId': String(backfilled),
    ...Object.fromEntries(['RunManualDagNodes', 'CreateManualDag', 'ListManualDagInstances', 'GetManualDagInstances'].map((action) => [`${action}.ProjectName`, MARK])),
    'UpdateWorkflow.Owner': String(house.first.userId),
    'GetProject.Id': ProjectId,
    'UpdateProject.Id': ProjectId,
    'DeleteProject.Id': ProjectId,
    'GetTaskInstance.Id': InstanceId,
    'GetTaskInstanceLog.Id': InstanceId,
    'CreateExtension.ExtensionCode': 'made_up',
    'UpdatePlan.Plan': 'Unlimited',
    'CreateExtension.BindEventList': ['commit-file'],
    'CreateExtensionApprovalPolicy.Steps': Steps,
    'CreateExtensionApprovalPolicy.ProjectIds': [ProjectId],
    'CreateExtensionApprovalPolicy.ExtensionCodes': [MARK],
    'ListCheckProcesses.EventCode': 'commit-file',
    'ListEnabledExtensionsForProject.EventCode': 'commit-file',
    'UpdateIDEEventResult.CheckResult': 'OK',
    // A new password must be able to be one.
    Password: 'correct horse battery staple 7',
  };
}

/** A workflow in service, as a deployment puts it there. */
async function publishWorkflow(workspaceId: number): Promise<number> {
  const row = await house.database.row<{ id: number }>(
    `insert into workflow (workflow_id, environment, tenant_id, workspace_id, file_id, name, kind, owner_id, version, file_version, description, recurrence, instance_mode, priority, parameters, spec, created_at, created_by, modified_at, modified_by)
     select nextval('task_id'), 'PROD', tenant_id, id, 0, $2, 'ManualWorkflow', 1, 1, 1, '', 'Normal', 'T+1', 1, '[]', '{}', now(), 1, now(), 1 from workspace where id = $1 returning workflow_id as id`,
    [workspaceId, MARK],
  );
  return row?.id ?? 0;
}

interface Outcome {
  readonly status: number;
  readonly code: string;
  readonly text: string;
}

async function attempt(key: Credential, { operation }: Entry): Promise<Outcome> {
  try {
    const body = await openApiCore(house.url, key, operation.version)(operation.name, requestFor(operation, objects));
    return { status: 200, code: '', text: JSON.stringify(body) };
  } catch (error) {
    const { statusCode = 0, code = '', message, data } = error as ClientError;
    return { status: statusCode, code: String(code), text: `${message} ${JSON.stringify(data)}` };
  }
}

function nameOf({ operation }: Entry): string {
  return `${operation.version} ${operation.name}`;
}

function implemented(): Entry[] {
  return house.house.registry.entries.filter((entry) => entry.declaration !== undefined && entry.declaration.access.level !== 'anyone');
}

/** Those that need more than to be a user of the tenant. */
function guarded(): Entry[] {
  return implemented().filter(({ declaration }) => !(declaration?.access.level === 'tenant' && declaration.access.right === 'member'));
}

const notObjects = new Set(['ProjectEnv', 'FileVersion', 'Password']);

/** True when the request names one of the first tenant's objects. */
function namesObject({ operation }: Entry): boolean {
  return operation.parameters.some(({ name }) => name in objects && !notObjects.has(name) && !(`${operation.name}.${name}` in objects));
}

/** The right that this test's request needs; an operation may make it depend on the request. */
function rightOf({ operation, declaration }: Entry): string {
  const access = declaration?.access;
  if (access === undefined || access.level === 'anyone') return '';
  const right: unknown = access.right;
  return typeof right === 'function' ? String((right as (request: object) => string)(requestFor(operation, objects))) : String(right);
}

test('every guarded operation refuses a user of the tenant who lacks the right', async () => {
  const faults: string[] = [];
  const entries = guarded();
  assert.ok(entries.length > 50, `${entries.length} guarded operations`);
  for (const entry of entries) {
    const { status, code, text } = await attempt(outsider, entry);
    if (status !== 403 || code !== 'Forbidden.Access') faults.push(`${nameOf(entry)} answers ${status} ${code} to a user without rights: ${text.slice(0, 200)}`);
    if (text.includes(`echo ${MARK}`)) faults.push(`${nameOf(entry)} shows code to a user without rights`);
  }
  assert.deepEqual(faults, []);
});

test('who may read a workspace may do nothing else there', async () => {
  const faults: string[] = [];
  for (const entry of guarded()) {
    const reads = entry.declaration?.access.level === 'workspace' && rightOf(entry) === 'read';
    const { status, code, text } = await attempt(guest, entry);
    if (reads ? status !== 200 : code !== 'Forbidden.Access') faults.push(`${nameOf(entry)} (${rightOf(entry)}) answers ${status} ${code} to a visitor: ${text.slice(0, 200)}`);
  }
  assert.deepEqual(faults, []);
});

test('operations open to every user still decide by the object that is named', async () => {
  const faults: string[] = [];
  const checked = new Set(guarded());
  for (const entry of implemented()) {
    if (checked.has(entry) || entry.operation.sessionOnly || entry.operation.access === 'read' || !namesObject(entry)) continue;
    const { status, code, text } = await attempt(outsider, entry);
    if (status !== 403 && status !== 404) faults.push(`${nameOf(entry)} answers ${status} ${code} to a user without rights: ${text.slice(0, 200)}`);
  }
  assert.deepEqual(faults, []);
});

test('the call log tells the parameters of a call to who made it and to administrators only', async () => {
  const { RequestId } = await house.call(LEGACY, 'UpdateFile', { ProjectId: Number(objects['ProjectId']), FileId: Number(objects['FileId']), Content: `echo ${MARK}` });
  const parameters = async (key: Credential) => {
    const { Call } = (await openApiCore(house.url, key, PLATFORM)('GetCall', { CallRequestId: RequestId })) as { Call: { Operation: string; Parameters?: Record<string, unknown> } };
    assert.equal(Call.Operation, 'UpdateFile');
    return Call.Parameters;
  };
  await until('the row of a call', () => parameters(house.first).catch(() => undefined));
  assert.equal((await parameters(house.first))?.['Content'], `echo ${MARK}`);
  assert.equal(await parameters(outsider), undefined);
});

test('no operation shows or changes anything of another tenant', async () => {
  const faults: string[] = [];
  for (const entry of implemented().filter(({ operation }) => !operation.sessionOnly)) {
    const { status, code, text } = await attempt(stranger, entry);
    const access = entry.declaration?.access;
    // A request that is wrong in itself would prove nothing.
    if (status >= 500 || status === 400 || status === 0) faults.push(`${nameOf(entry)} answers ${status} ${code} to another tenant: ${text.slice(0, 200)}`);
    // An object of another tenant is not there; what the stranger asks of the own tenant is answered.
    if (access?.level === 'workspace' && status !== 404 && status !== 403) faults.push(`${nameOf(entry)} answers ${status} ${code} to another tenant: ${text.slice(0, 200)}`);
    else if (status === 200 && entry.operation.access === 'write' && namesObject(entry)) faults.push(`${nameOf(entry)} acts on something of another tenant`);
    // An error may repeat the id that was asked for, an answer may not.
    if (status === 200 && text.includes(MARK)) faults.push(`${nameOf(entry)} shows data of another tenant: ${text.slice(0, 300)}`);
  }
  assert.deepEqual(faults, []);
});

test('after all these attempts everything is as it was', async () => {
  const { call } = house;
  const ProjectId = Number(objects['ProjectId']);
  const { Data } = (await call(LEGACY, 'GetProject', { ProjectId })) as { Data: { ProjectDescription: string; Status: number } };
  assert.deepEqual([Data.ProjectDescription, Data.Status], [MARK, 0]);
  const file = (await call(LEGACY, 'GetFile', { ProjectId, FileId: Number(objects['FileId']) }))['Data'] as { File: { Content: string; FileName: string; CurrentVersion: number } };
  assert.deepEqual([file.File.Content, file.File.FileName], [`echo ${MARK}`, `${MARK}_file`]);
  const { Hold } = (await call(PLATFORM, 'GetHold', { HoldId: Number(objects['HoldId']) })) as { Hold: { Status: string } };
  assert.equal(Hold.Status, 'CHECKING');
  const { Subscription } = (await call(PLATFORM, 'GetSubscription', { SubscriptionId: Number(objects['SubscriptionId']) })) as { Subscription: { Enabled: boolean; Name: string } };
  assert.deepEqual([Subscription.Name, Subscription.Enabled], [MARK, true]);
  const { PagingInfo } = (await call(PLATFORM, 'ListAccessKeys', { UserId: Number(objects['UserId']) })) as { PagingInfo: { AccessKeys: { Status: string }[] } };
  assert.deepEqual(PagingInfo.AccessKeys.map((key) => key.Status), ['Active']);
  const { Quota } = (await call(PLATFORM, 'GetQuota', {})) as { Quota: { Plan: string } };
  assert.equal(Quota.Plan, 'Unlimited');
});

test('a dry run of any write changes nothing', async (context) => {
  // What works in the background would change rows meanwhile.
  await house.house.stop();
  context.diagnostic(await checkDryRuns(house, objects));
});

// The last one: it really carries every write out.
test('under one ClientToken any write happens once, and its dry run had told of it', async (context) => context.diagnostic(await checkTokens(house, objects)));
