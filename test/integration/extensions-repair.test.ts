import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { extensionPoints } from '../../contract/index.ts';
import { eventually } from '../support/eventually.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';

const LEGACY = '2020-05-18';
const OWN = '2026-12-01';

let house: TestHouse;
let dead: Server;
before(async () => {
  house = await startTestHouse();
  dead = createServer((_request, response) => {
    response.writeHead(500);
    response.end('<html>');
  });
  await new Promise<void>((resolve) => dead.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  dead.close();
  await house.stop();
});

test('with every extension of a tenant broken at every point, everything can be repaired through the API, and nothing of it is ever held', async () => {
  const { call } = house;
  const reviewer = await house.as('reviewer', ['open_platform_admin']);
  const ProjectId = Number((await call(LEGACY, 'CreateProject', { ProjectIdentifier: 'broken', ProjectName: 'broken', ProjectDescription: 'b', ProjectMode: 3 }))['Data']);
  await call(LEGACY, 'CreateBusiness', { ProjectId, BusinessName: 'b' });
  const file = async (name: string) =>
    Number((await call(LEGACY, 'CreateFile', { ProjectId, FileName: name, FileType: 6, Content: 'echo 1', FileFolderPath: '业务流程/b', InputList: 'broken_root', OutputList: `broken.${name}` }))['Data']);
  const first = await file('one');

  // One of each kind stands at every point there is, and none will ever answer: silence, a dead server, nonsense, and a rule that throws.
  const url = `http://127.0.0.1:${(dead.address() as AddressInfo).port}/`;
  const events = JSON.stringify(extensionPoints.map((point) => point.eventCode));
  const kinds = { silent: {}, gone: { Invocation: 'HTTP', Target: 'http://127.0.0.1:9/' }, html: { Invocation: 'FUNCTION', Target: url }, rule: { Invocation: 'RULE', Target: 'data.no.such.field' } };
  for (const [ExtensionCode, how] of Object.entries(kinds)) {
    await call(OWN, 'CreateExtension', { ExtensionCode, ExtensionName: ExtensionCode, BindEventList: events, DeadlineSeconds: 2_592_000, DeadlineOutcome: 'FAIL', ...how });
    await call(OWN, 'PublishExtension', { ExtensionCode });
    await call(OWN, 'EnableExtension', { ExtensionCode, ProjectId, FailureOutcome: 'FAIL', ReleaseOutcome: 'OK' });
    await call(OWN, 'EnableExtension', { ExtensionCode, FailureOutcome: 'FAIL', ReleaseOutcome: 'OK' });
  }
  await call(LEGACY, 'SubmitFile', { ProjectId, FileId: first, Comment: 'c' });
  const holds = async (Status: string) => ((await call(OWN, 'ListHolds', { ProjectId, Status }))['PagingInfo'] as { Holds: { HoldId: number }[]; TotalCount: number }).TotalCount;
  await eventually('the commit is blocked', async () => (await holds('BLOCKED')) === 1);
  const total = async () => Number((await house.database.row<{ count: number }>('select count(*) as count from hold'))?.count);
  const before = await total();

  // Repair, in every way there is, while all of them are still broken.
  await call(OWN, 'UpdateExtension', { ExtensionCode: 'rule', Target: 'true' });
  await call(OWN, 'SetExtensionReview', { Required: true });
  await call(OWN, 'SubmitExtension', { ExtensionCode: 'rule' });
  await reviewer.call(OWN, 'ReviewExtension', { ExtensionCode: 'rule', Approve: true });
  await call(OWN, 'PublishExtension', { ExtensionCode: 'rule' });
  await call(OWN, 'PublishExtension', { ExtensionCode: 'rule', ExtensionVersion: 1 });
  await call(OWN, 'PublishExtension', { ExtensionCode: 'rule', ExtensionVersion: 2 });
  await call(OWN, 'SetExtensionReview', { Required: false });
  await call(OWN, 'EnableExtension', { ExtensionCode: 'gone', ProjectId, Mode: 'SHADOW' });
  await call(OWN, 'DisableExtensionForProject', { ExtensionCode: 'gone' });
  await call(OWN, 'UpdateExtension', { ExtensionCode: 'html', Invocation: 'RULE', Target: 'true' });
  await call(OWN, 'DiscardExtensionVersion', { ExtensionCode: 'html' });
  await call(OWN, 'DisableExtension', { ExtensionCode: 'html' });
  await call(OWN, 'DeleteExtension', { ExtensionCode: 'html' });
  assert.equal(await total(), before, 'a repair was held');

  // The silent one still stands: an operation waits, is passed by hand by an administrator, and then the extension is taken out.
  await call(LEGACY, 'SubmitFile', { ProjectId, FileId: await file('two'), Comment: 'c' });
  const { Holds } = (await call(OWN, 'ListHolds', { ProjectId, Status: 'CHECKING' }))['PagingInfo'] as { Holds: { HoldId: number }[] };
  await call(OWN, 'MarkHoldPassed', { HoldId: Number(Holds[0]?.HoldId), ExtensionCode: 'silent', Reason: 'repair' });
  await eventually('it goes on', async () => (await holds('PASSED')) >= 1);
  await call(LEGACY, 'SubmitFile', { ProjectId, FileId: await file('three'), Comment: 'c' });
  assert.equal(await holds('CHECKING'), 1);
  await call(OWN, 'DisableExtension', { ExtensionCode: 'silent' });
  await eventually('what waited goes on', async () => (await holds('CHECKING')) === 0 && (await holds('PASSED')) >= 2);

  // What is left is a repaired rule and a shadow, and work goes on.
  const Deployment = Number((await call(LEGACY, 'SubmitFile', { ProjectId, FileId: await file('four'), Comment: 'c' }))['Data']);
  await eventually('a commit passes', async () => {
    const answer = (await call(LEGACY, 'GetDeployment', { ProjectId, DeploymentId: Deployment }))['Data'] as { Deployment: { Status: number } };
    return answer.Deployment.Status === 1;
  });
});
