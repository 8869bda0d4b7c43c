import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { findOperation } from '../../contract/index.ts';
import { eventually } from '../support/eventually.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';
import { openApiCore, popCore } from './official-clients.ts';

/**
 * What a checker written for DataWorks meets: the message as it is delivered, the snapshot, and the answers of the callbacks, as the vendor publishes
 * them (event page, SDK models), called with the vendor's clients of both generations.
 */

const LEGACY = '2020-05-18';
const OWN = '2026-12-01';

/** Fields of the published envelope, and of the message of a file's commit and deployment (P2) with those that only its samples have. */
const ENVELOPE = ['id', 'source', 'specversion', 'type', 'subject', 'time', 'datacontenttype', 'data', 'aliyunaccountid', 'aliyunpublishtime', 'aliyuneventbusname', 'aliyunregionid', 'aliyunpublishaddr'];
const P2: Readonly<Record<string, string>> = {
  operator: 'string',
  projectId: 'number',
  tenantId: 'number',
  nodeId: 'number',
  fileType: 'number',
  fileName: 'string',
  fileOwner: 'string',
  extensionBizId: 'string',
  changeType: 'string',
  fileCreateTime: 'string',
  fileId: 'number',
  fileVersion: 'number',
  dataSourceName: 'string',
  eventCode: 'string',
  blockBusiness: 'boolean',
  resourceType: 'number',
};
/** A new file has no node and, without an engine, no data source: the fields stay away, as in the vendor's samples. */
const MAY_LACK = ['nodeId', 'dataSourceName', 'resourceType'];

let house: TestHouse;
let received: Record<string, unknown>[] = [];
const receiver = createServer((request, response) => {
  let text = '';
  request.on('data', (part: Buffer) => (text += part.toString()));
  request.on('end', () => {
    received.push(JSON.parse(text) as Record<string, unknown>);
    response.end('{}');
  });
});
before(async () => {
  house = await startTestHouse();
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  receiver.closeAllConnections();
  receiver.close();
  await house.stop();
});

test('the message, the snapshot and the callbacks have the fields that the vendor publishes, and no others', async () => {
  const { call } = house;
  const core = openApiCore(house.url, house.first, LEGACY);
  const pop = popCore(house.url, house.first, LEGACY);
  const ProjectId = Number((await call(LEGACY, 'CreateProject', { ProjectIdentifier: 'shapes', ProjectName: 'shapes', ProjectDescription: 's', ProjectMode: 3 }))['Data']);
  await call(LEGACY, 'CreateBusiness', { ProjectId, BusinessName: 'b' });
  await call(OWN, 'CreateSubscription', { Name: 'shapes', Url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/extensions/consumer`, ProjectId });
  await call(OWN, 'CreateExtension', { ExtensionCode: 'shapes', ExtensionName: 'Shapes', BindEventList: JSON.stringify(['commit-file', 'delete-file', 'run-file']) });
  await call(OWN, 'PublishExtension', { ExtensionCode: 'shapes' });
  await call(OWN, 'EnableExtension', { ExtensionCode: 'shapes', ProjectId });
  let files = 0;
  const hold = async () => {
    files += 1;
    received = [];
    const FileId = Number((await call(LEGACY, 'CreateFile', { ProjectId, FileName: `f${files}`, FileType: 6, Content: 'echo 1', FileFolderPath: '业务流程/b', InputList: 'shapes_root', OutputList: `shapes.f${files}` }))['Data']);
    await call(LEGACY, 'SubmitFile', { ProjectId, FileId, Comment: 'first' });
    return eventually('the message is delivered', () => received.find((message) => String(message['type']).endsWith(':CommitFile')));
  };

  const message = await hold();
  assert.deepEqual(Object.keys(message).toSorted(), ENVELOPE.toSorted());
  assert.deepEqual([message['source'], message['specversion'], message['type'], message['subject'], message['datacontenttype']], ['acs.dataworks', '1.0', 'dataworks:FileChange:CommitFile', '', 'application/json;charset=utf-8']);
  const data = message['data'] as Record<string, unknown>;
  for (const [name, value] of Object.entries(data)) assert.equal(typeof value, P2[name], `data.${name}`);
  for (const name of Object.keys(P2)) if (!MAY_LACK.includes(name)) assert.ok(name in data, `data.${name} is missing`);
  assert.match(String(data['fileCreateTime']), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  assert.match(String(data['extensionBizId']), /^job_\d+$/);
  assert.equal(data['changeType'], '0');
  assert.equal(data['blockBusiness'], true);

  // The sample's way: id of the message, snapshot, options, verdict.
  const MessageId = String(message['id']);
  const detail = await core('GetIDEEventDetail', { MessageId, ProjectId });
  const published = findOperation('dataworks-public', LEGACY, 'GetIDEEventDetail')?.response;
  assertWithin(detail, published, 'GetIDEEventDetail');
  assert.deepEqual(Object.keys(detail['EventDetail'] as object), ['CommittedFile']);
  assert.equal((detail['EventDetail'] as { CommittedFile: { Content: string } }).CommittedFile.Content, 'echo 1');
  assert.deepEqual(Object.keys(await core('GetOptionValueForProject', { ExtensionCode: 'shapes', ProjectId: String(ProjectId) })).toSorted(), ['OptionValue', 'RequestId']);

  const given = { ExtensionCode: 'shapes', CheckResult: 'OK' };
  assert.deepEqual(Object.keys(await core('UpdateIDEEventResult', { ...given, MessageId, CheckResultTip: 'fine' })), ['RequestId']);
  assert.deepEqual(Object.keys((await pop('UpdateIDEEventResult', { ...given, MessageId, CheckResultTip: 'fine' })) as object), ['RequestId']);
  const second = await core('CallbackExtension', { ...given, MessageId: String((await hold())['id']) });
  assert.deepEqual([Object.keys(second).toSorted(), second['Success']], [['RequestId', 'Success'], 'true']);
  const third = await core('UpdateWorkbenchEventResult', { ...given, MessageId: String((await hold())['id']) });
  assert.deepEqual([Object.keys(third).toSorted(), third['Success']], [['RequestId', 'Success'], true]);

  const { PagingInfo } = (await core('ListCheckProcesses', { EventCode: 'commit-file', ProjectId })) as { PagingInfo: { CheckProcesses: object[] } };
  assert.equal(PagingInfo.CheckProcesses.length, 3);
  for (const row of PagingInfo.CheckProcesses) {
    assert.deepEqual(Object.keys(row).toSorted(), ['EventCode', 'EventName', 'EventNameEn', 'MessageId', 'Operator', 'ProcessId', 'ProcessName', 'ProjectId', 'Status']);
  }
});

interface Shape {
  readonly type: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
}

/** Every field of the answer is one of the contract, of its type. */
function assertWithin(value: unknown, shape: Shape | undefined, path: string): void {
  if (shape?.type === 'object' && typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      const field = shape.properties?.[name];
      assert.ok(field, `${path}.${name} is not published`);
      assertWithin(inner, field, `${path}.${name}`);
    }
  } else if (shape?.type === 'array') {
    assert.ok(Array.isArray(value), path);
    for (const inner of value) assertWithin(inner, shape.items, `${path}[]`);
  } else {
    const wanted = shape?.type === 'boolean' ? 'boolean' : shape?.type === 'string' ? 'string' : 'number';
    assert.equal(typeof value, wanted, path);
  }
}
