import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { eventByCode } from '../../contract/events.ts';
import { ALPHA, BETA, extensionsPlace, FOREIGN, held, people, refusal } from './extensions.fixture.ts';

let place: Awaited<ReturnType<typeof extensionsPlace>>;

before(async () => {
  place = await extensionsPlace();
});

beforeEach(() => place.clear());

after(() => place.close());

const { developer, platformAdmin, tenantAdmin, workspaceAdmin, foreigner, outsider } = people;

test('an extension is registered by whoever writes the Open Platform, and read by every member of the tenant', async () => {
  const request = {
    ExtensionCode: 'maxpt-1',
    ExtensionName: 'No MAX_PT',
    ExtensionDesc: 'Looks for MAX_PT.',
    BindEventList: ['commit-file', 'deploy-file', 'commit-file'],
    ProjectTesting: ALPHA,
    DetailUrl: 'https://checks.example.com/details',
    ParameterSetting: 'extension.manualPass.enabled=true',
    OptionSetting: '{"type":"object","properties":{}}',
  };
  await assert.rejects(place.own(developer, 'CreateExtension', request), refusal('Forbidden'));
  assert.deepEqual(await place.own(platformAdmin, 'CreateExtension', request), { ExtensionCode: 'maxpt-1' });
  await assert.rejects(place.own(platformAdmin, 'CreateExtension', request), refusal('AlreadyExists'));
  // Another tenant may use the same code, and sees nothing of this one.
  await place.own(foreigner, 'CreateExtension', { ...request, ProjectTesting: FOREIGN, ExtensionName: 'Theirs' });

  const { Extension } = await place.legacy(developer, 'GetExtension', { ExtensionCode: 'maxpt-1' });
  assert.deepEqual(Extension, {
    ExtensionCode: 'maxpt-1',
    ExtensionName: 'No MAX_PT',
    ExtensionDesc: 'Looks for MAX_PT.',
    Status: 0,
    BindEventList: ['commit-file', 'deploy-file'].map((code) => ({ EventCode: code, EventName: eventByCode.get(code)?.name })),
    EventCategoryList: [{ CategoryCode: 'file-change', CategoryName: 'File change' }],
    ProjectTesting: ALPHA,
    DetailUrl: 'https://checks.example.com/details',
    HelpDocUrl: '',
    ParameterSetting: 'extension.manualPass.enabled=true',
    OptionSetting: '{"type":"object","properties":{}}',
  });
  const { PagingInfo } = await place.legacy(foreigner, 'ListExtensions', {});
  assert.deepEqual([PagingInfo?.TotalCount, PagingInfo?.Extensions?.map((extension) => extension.ExtensionName)], [1, ['Theirs']]);
  await assert.rejects(place.legacy(developer, 'ListExtensions', { PageSize: 1_000 }), refusal('InvalidParameter', /PageSize/));
  await assert.rejects(place.legacy(developer, 'GetExtension', { ExtensionCode: 'none' }), refusal('NotFound'));
});

test('a registration that could not work is refused with the reason', async () => {
  const create = (request: object) => place.own(platformAdmin, 'CreateExtension', { ExtensionName: 'X', BindEventList: ['commit-file'], ...request });
  await assert.rejects(create({ BindEventList: ['instance-status-changes'] }), refusal('InvalidParameter', /only tells/));
  await assert.rejects(create({ BindEventList: ['commit'] }), refusal('InvalidParameter', /no event commit/));
  await assert.rejects(create({ BindEventList: [] }), refusal('MissingParameter', /BindEventList/));
  await assert.rejects(create({ ExtensionName: ' ' }), refusal('MissingParameter', /ExtensionName/));
  await assert.rejects(create({ ExtensionName: 'a\0b' }), refusal('InvalidParameter', /ExtensionName/));
  await assert.rejects(create({ ExtensionCode: 'a b' }), refusal('InvalidParameter', /ExtensionCode/));
  await assert.rejects(create({ ProjectTesting: FOREIGN }), refusal('WorkspaceNotFound'));
  await assert.rejects(create({ DetailUrl: 'javascript:alert(1)' }), refusal('InvalidParameter', /DetailUrl/));
  await assert.rejects(create({ ParameterSetting: 'nonsense' }), refusal('InvalidParameter', /line 1/));
  await assert.rejects(create({ OptionSetting: '{"type":"object","properties":{"a":{"x-component":"Slider"}}}' }), refusal('InvalidParameter', /properties\.a\.x-component/));
  await assert.rejects(create({ DeadlineSeconds: 0 }), refusal('InvalidParameter', /DeadlineSeconds/));
  const code = await place.extension();
  await assert.rejects(place.own(platformAdmin, 'UpdateExtension', { ExtensionCode: code, HelpDocUrl: 'x' }), refusal('InvalidParameter', /HelpDocUrl/));
  await assert.rejects(place.own(developer, 'UpdateExtension', { ExtensionCode: code }), refusal('Forbidden'));
  await place.own(platformAdmin, 'UpdateExtension', { ExtensionCode: code, ExtensionName: 'Renamed' });
  await place.own(platformAdmin, 'PublishExtension', { ExtensionCode: code });
  const { Extension } = await place.legacy(developer, 'GetExtension', { ExtensionCode: code });
  assert.deepEqual([Extension?.ExtensionName, Extension?.BindEventList?.length], ['Renamed', 1]);
});

test('the operations follow the life of an extension', async () => {
  const code = await place.extension();
  const status = async () => (await place.legacy(developer, 'GetExtension', { ExtensionCode: code })).Extension?.Status;
  assert.equal(await status(), 1);
  await assert.rejects(place.own(platformAdmin, 'PublishExtension', { ExtensionCode: code }), refusal('WrongState', /Published/));
  await assert.rejects(place.own(platformAdmin, 'DeleteExtension', { ExtensionCode: code }), refusal('WrongState', /disable it first/));
  for (const action of ['PublishExtension', 'DisableExtension', 'DeleteExtension'] as const) {
    await assert.rejects(place.own(workspaceAdmin, action, { ExtensionCode: code }), refusal('Forbidden'));
    await assert.rejects(place.own(foreigner, action, { ExtensionCode: code }), refusal('NotFound'));
  }
  await place.own(platformAdmin, 'DisableExtension', { ExtensionCode: code });
  assert.equal(await status(), 3);
  await assert.rejects(place.own(tenantAdmin, 'EnableExtension', { ExtensionCode: code, ProjectId: BETA }), refusal('WrongState', /Disabled/));
  await place.own(platformAdmin, 'PublishExtension', { ExtensionCode: code });
  held(await place.propose());
  await place.own(platformAdmin, 'DisableExtension', { ExtensionCode: code });
  await place.own(platformAdmin, 'DeleteExtension', { ExtensionCode: code });
  await assert.rejects(status(), refusal('NotFound'));
  // The code is free again.
  assert.equal(await place.extension({ ExtensionCode: code }), code);
});

test('enabling needs the right to administer the workspace, or the Open Platform at tenant level', async () => {
  const code = await place.extension({ BindEventList: ['commit-file', 'delete-project'] });
  await assert.rejects(place.own(developer, 'EnableExtension', { ExtensionCode: code, ProjectId: ALPHA }), refusal('Forbidden', /administer/));
  await assert.rejects(place.own(platformAdmin, 'EnableExtension', { ExtensionCode: code, ProjectId: ALPHA }), refusal('Forbidden', /administer/));
  await assert.rejects(place.own(workspaceAdmin, 'EnableExtension', { ExtensionCode: code, ProjectId: FOREIGN }), refusal('WorkspaceNotFound'));
  await assert.rejects(place.own(workspaceAdmin, 'EnableExtension', { ExtensionCode: code }), refusal('Forbidden', /write-open-platform/));
  await place.own(workspaceAdmin, 'EnableExtension', { ExtensionCode: code, ProjectId: ALPHA });
  await place.own(platformAdmin, 'EnableExtension', { ExtensionCode: code });
  const { PagingInfo } = await place.own(platformAdmin, 'ListExtensionAttachments', { ExtensionCode: code });
  assert.deepEqual(PagingInfo?.Attachments?.map(({ ProjectId, EnableUserId }) => [ProjectId, EnableUserId]), [[undefined, 2], [ALPHA, 3]]);
  await place.own(platformAdmin, 'DisableExtensionForProject', { ExtensionCode: code });
  await assert.rejects(place.own(platformAdmin, 'DisableExtensionForProject', { ExtensionCode: code }), refusal('WrongState', /not enabled/));
  await assert.rejects(place.own(developer, 'DisableExtensionForProject', { ExtensionCode: code, ProjectId: ALPHA }), refusal('Forbidden'));

  const low = await place.extension();
  await assert.rejects(place.own(platformAdmin, 'EnableExtension', { ExtensionCode: low }), refusal('InvalidParameter', /tenant level/));
});

test('an extension that is tested at tenant level is enabled by its owner only', async () => {
  const { ExtensionCode } = await place.own(platformAdmin, 'CreateExtension', { ExtensionName: 'T', BindEventList: ['delete-project'] });
  assert.ok(ExtensionCode);
  await assert.rejects(place.own(tenantAdmin, 'EnableExtension', { ExtensionCode }), refusal('WrongState', /only its owner/));
  await assert.rejects(place.own(developer, 'EnableExtension', { ExtensionCode }), refusal('Forbidden'));
  await place.own(platformAdmin, 'EnableExtension', { ExtensionCode });
});

test('options are set per workspace, kept when it is enabled again, and completed by defaults', async () => {
  const OptionSetting = JSON.stringify({
    type: 'object',
    properties: {
      checkStatus: { 'x-component': 'Radio.Group', default: 'WARN', 'x-component-props': { dataSource: [{ value: 'WARN' }, { value: 'FAIL' }] } },
      tables: { 'x-component': 'Input' },
    },
  });
  const code = await place.extension({ OptionSetting });
  const value = async (caller = developer, ProjectId: string | undefined = String(ALPHA)) => (await place.legacy(caller, 'GetOptionValueForProject', { ExtensionCode: code, ProjectId })).OptionValue;
  assert.equal(await value(), '{"checkStatus":"WARN"}');
  await assert.rejects(place.own(tenantAdmin, 'EnableExtension', { ExtensionCode: code, ProjectId: ALPHA, OptionValue: '{"other":1}' }), refusal('InvalidParameter', /no option other/));
  await place.own(tenantAdmin, 'EnableExtension', { ExtensionCode: code, ProjectId: ALPHA, OptionValue: '{"checkStatus":"FAIL"}' });
  await place.own(tenantAdmin, 'EnableExtension', { ExtensionCode: code, ProjectId: ALPHA });
  assert.equal(await value(), '{"checkStatus":"FAIL"}');
  assert.equal(await value(developer, String(BETA)), '{"checkStatus":"WARN"}');
  assert.equal(await value(developer, 'alpha'), '{"checkStatus":"FAIL"}');
  assert.equal(await value(outsider, '-1'), '{"checkStatus":"WARN"}');
  await assert.rejects(value(outsider), refusal('Forbidden'));
  await assert.rejects(value(developer, String(FOREIGN)), refusal('WorkspaceNotFound'));
  await assert.rejects(value(foreigner), refusal('NotFound'));
});

test('the snapshot is answered to the tenant, for the right workspace, as it was when held', async () => {
  await place.extension();
  const { messageId, holdId } = held(await place.propose());
  const detail = (caller = developer, ProjectId = ALPHA, version = '2020-05-18') => place.legacy(caller, 'GetIDEEventDetail', { MessageId: messageId, ProjectId }, version);
  const expected = { EventDetail: { CommittedFile: { FileId: 17, FileName: 'daily.sql', Content: "select max_pt('t')", FileType: 10 } } };
  assert.deepEqual(await detail(), expected);
  assert.deepEqual(await detail(platformAdmin, ALPHA, '2024-05-18'), expected);
  await assert.rejects(detail(developer, BETA), refusal('NotFound', /workspace 502/));
  await assert.rejects(detail(outsider), refusal('Forbidden'));
  await assert.rejects(detail(foreigner), refusal('NotFound'));
  assert.match(String((await place.own(tenantAdmin, 'GetHold', { HoldId: holdId })).Hold?.SnapshotHash), /^[0-9a-f]{64}$/);
});

test('the enabled extensions of a workspace are those that an operation would meet', async () => {
  const typed = await place.extension({ ParameterSetting: 'extension.fileType.10.commit-file.enabled=true' });
  const excluded = await place.extension({ ParameterSetting: `extension.project.disabled=${ALPHA}` });
  const level = await place.extension({ BindEventList: ['delete-project'], workspaceId: null });
  const list = async (EventCode: string, FileType?: string) =>
    (await place.legacy(developer, 'ListEnabledExtensionsForProject', { EventCode, ProjectId: ALPHA, FileType })).Extensions?.map((extension) => extension.ExtensionCode);
  assert.deepEqual(await list('commit-file', '10'), [typed]);
  assert.deepEqual(await list('commit-file', '6'), []);
  assert.deepEqual(await list('deploy-file'), []);
  assert.deepEqual(await list('delete-project'), [level]);
  assert.ok(excluded);
  await assert.rejects(list('node-change-created'), refusal('InvalidParameter'));
  await assert.rejects(place.legacy(outsider, 'ListEnabledExtensionsForProject', { EventCode: 'commit-file', ProjectId: ALPHA }), refusal('Forbidden'));
});

test('processes and holds are listed newest first, to those who may see them', async () => {
  const code = await place.extension({ BindEventList: ['deploy-file'] });
  const first = held(await place.propose({ point: 'deploy-file', title: 'a.sql' }));
  const second = held(await place.propose({ point: 'deploy-file', title: 'b.sql' }, workspaceAdmin));
  await place.legacy(platformAdmin, 'UpdateIDEEventResult', { MessageId: first.messageId, ExtensionCode: code, CheckResult: 'OK' });
  await place.own(workspaceAdmin, 'CancelHold', { HoldId: second.holdId });
  const processes = async (caller: typeof developer, more: object = {}) => (await place.legacy(caller, 'ListCheckProcesses', { EventCode: 'deploy-file', ...more })).PagingInfo;

  const all = await processes(platformAdmin);
  assert.equal(all?.TotalCount, 2);
  assert.deepEqual(all.CheckProcesses?.[1], {
    ProcessId: `job_${first.holdId}`,
    ProcessName: 'a.sql',
    EventCode: 'deploy-file',
    EventName: eventByCode.get('deploy-file')?.nameZh,
    EventNameEn: eventByCode.get('deploy-file')?.name,
    MessageId: first.messageId,
    Operator: '4',
    ProjectId: ALPHA,
    Status: 'PASSED',
  });
  assert.deepEqual(all.CheckProcesses?.map((process) => process.Status), ['BLOCKED', 'PASSED']);
  assert.equal((await processes(platformAdmin, { PageSize: 1, PageNumber: 2 }))?.CheckProcesses?.[0]?.ProcessName, 'a.sql');
  assert.equal((await processes(platformAdmin, { Status: 'BLOCKED', Operator: '3' }))?.TotalCount, 1);
  assert.equal((await processes(platformAdmin, { MessageId: first.messageId }))?.TotalCount, 1);
  await assert.rejects(processes(platformAdmin, { Status: 'GONE' }), refusal('InvalidParameter', /Status/));
  assert.equal((await processes(developer))?.TotalCount, 1);
  assert.equal((await processes(developer, { ProjectId: ALPHA }))?.TotalCount, 2);
  assert.equal((await processes(outsider, { ProjectId: ALPHA }))?.TotalCount, 0);
  assert.equal((await processes(foreigner))?.TotalCount, 0);

  const { PagingInfo } = await place.own(platformAdmin, 'ListHolds', { ExtensionCode: code, Status: 'CANCELED' });
  assert.deepEqual(PagingInfo?.Holds?.map((hold) => [hold.HoldId, hold.ProcessName]), [[second.holdId, 'b.sql']]);
  assert.equal((await place.own(platformAdmin, 'ListHolds', { EndTime: 1 })).PagingInfo?.TotalCount, 0);
  await assert.rejects(place.own(platformAdmin, 'ListHolds', { StartTime: -1 }), refusal('InvalidParameter', /StartTime/));
  await assert.rejects(place.own(outsider, 'GetHold', { HoldId: first.holdId }), refusal('Forbidden'));
  await assert.rejects(place.own(foreigner, 'GetHold', { HoldId: first.holdId }), refusal('NotFound'));
  assert.equal((await place.own(developer, 'GetHold', { HoldId: first.holdId })).Hold?.Status, 'PASSED');
});
