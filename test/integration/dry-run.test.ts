import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { startTestHouse, type TestHouse } from '../support/house.ts';
import { signV3 } from '../support/sign.ts';

const LEGACY = '2020-05-18';
const OWN = '2026-12-01';

interface DryRun {
  readonly Targets: string[];
  readonly Rows: { Table: string; Inserted: number; Updated: number; Deleted: number }[];
  readonly Events: { EventCode: string; ProjectId?: number; ObjectKey: string; Data: Record<string, unknown> }[];
  readonly Extensions: { EventCode: string; Held: boolean; ExtensionCode: string }[];
  readonly Jobs: string[];
}

let house: TestHouse;
let ProjectId: number;
before(async () => {
  house = await startTestHouse();
  ProjectId = Number((await house.call(LEGACY, 'CreateProject', { ProjectIdentifier: 'dry', ProjectName: 'Dry', ProjectMode: 2 }))['Data']);
  await house.call(LEGACY, 'CreateBusiness', { ProjectId, BusinessName: 'dry' });
});
after(() => house.stop());

const file = { FileName: 'asked', FileType: 6, Content: 'echo 1', FileFolderPath: '业务流程/dry/MaxCompute', CreateFolderIfNotExists: true, InputList: 'dry_root' };

test('a dry run tells rows, events, jobs and the extensions that would be asked, and nobody is asked', async () => {
  const asked: string[] = [];
  const checker = createServer((request, answer) => {
    asked.push(request.url ?? '');
    answer.writeHead(200, { 'content-type': 'application/json' }).end('{"result":"OK"}');
  }).listen(0, '127.0.0.1');
  await once(checker, 'listening');
  try {
    const existing = ((await house.call(LEGACY, 'ListFiles', { ProjectId }))['Data'] as { TotalCount: number }).TotalCount;
    const created = (await house.call(LEGACY, 'CreateFile', { ProjectId, ...file, DryRun: true }))['DryRun'] as DryRun;
    assert.ok(created.Targets.some((target) => target.startsWith('file:')), created.Targets.join());
    assert.ok(created.Rows.some(({ Table, Inserted }) => Table === 'node' && Inserted === 1), JSON.stringify(created.Rows));
    const { TotalCount } = (await house.call(LEGACY, 'ListFiles', { ProjectId }))['Data'] as { TotalCount: number };
    assert.equal(TotalCount, existing);

    await house.call(OWN, 'CreateExtension', { ExtensionCode: 'judge', ExtensionName: 'Judge', BindEventList: JSON.stringify(['commit-file']), Invocation: 'HTTP', Target: `http://127.0.0.1:${(checker.address() as AddressInfo).port}/` });
    await house.call(OWN, 'PublishExtension', { ExtensionCode: 'judge' });
    await house.call(OWN, 'EnableExtension', { ExtensionCode: 'judge', ProjectId });
    const FileId = Number((await house.call(LEGACY, 'CreateFile', { ProjectId, ...file }))['Data']);
    const submitted = (await house.call(LEGACY, 'SubmitFile', { ProjectId, FileId, DryRun: true }))['DryRun'] as DryRun;
    assert.deepEqual(submitted.Extensions.map(({ EventCode, Held, ExtensionCode }) => ({ EventCode, Held, ExtensionCode })), [{ EventCode: 'commit-file', Held: true, ExtensionCode: 'judge' }]);
    assert.deepEqual(submitted.Events.map(({ EventCode, ProjectId: where }) => [EventCode, where]), [['commit-file', ProjectId]]);
    assert.equal(submitted.Events[0]?.Data['fileName'], 'asked');
    const holds = (await house.call(OWN, 'ListHolds', { ProjectId }))['PagingInfo'] as { TotalCount: number };
    assert.equal(holds.TotalCount, 0);
    assert.deepEqual(asked, []);
  } finally {
    checker.close();
  }
});

test('the header asks for a dry run too, also beside a DryRun of the operation itself', async () => {
  const body = Buffer.from(`ProjectId=${ProjectId}&Name=headed&Type=made`);
  const draft = signV3(house.first, { version: OWN, action: 'CreateEventBus', host: new URL(house.url).host, query: [['EventBusName', 'headed']], contentType: 'application/x-www-form-urlencoded', body });
  const answer = (await (await fetch(`${house.url}${draft.target}`, { method: 'POST', headers: { ...draft.headers, 'x-millrace-dry-run': 'true' }, body: new Uint8Array(draft.body) })).json()) as { DryRun: DryRun };
  assert.deepEqual(answer.DryRun.Targets, ['event-bus:headed']);
  await assert.rejects(house.call(OWN, 'GetEventBus', { EventBusName: 'headed' }), /There is no/);
});

test('what would fail fails in a dry run as well, and a flag that is none is refused', async () => {
  await assert.rejects(house.call(LEGACY, 'CreateProject', { ProjectIdentifier: 'dry', ProjectName: 'Dry', ProjectMode: 2, DryRun: true }), /already/);
  await assert.rejects(house.call(OWN, 'CreateEventBus', { EventBusName: 'x', DryRun: 'perhaps' }), /DryRun/);
});

test('a test event is not sent in a dry run', async () => {
  const { SubscriptionId } = await house.call(OWN, 'CreateSubscription', { Name: 'quiet', Url: 'http://127.0.0.1:9/' });
  const { Result } = (await house.call(OWN, 'TestSubscription', { SubscriptionId: Number(SubscriptionId), DryRun: true })) as { Result: { Delivered: boolean; ErrorMessage: string } };
  assert.match(Result.ErrorMessage, /dry run/);
});

test('a dry run uses up no token, and a kept answer with a secret in it is sealed', async () => {
  const call = (more: object) => house.call(OWN, 'CreateAccessKey', { UserId: house.first.userId, ClientToken: 'key-1', ...more });
  await call({ DryRun: true });
  const first = JSON.stringify({ ...(await call({})), RequestId: '' });
  assert.equal(JSON.stringify({ ...(await call({})), RequestId: '' }), first);
  const secret = /"AccessKeySecret":"([^"]+)"/.exec(first)?.[1] ?? assert.fail('no secret');
  const rows = await house.database.rows<{ text: string }>(`select answer::text as text from idempotency where token = 'key-1'`);
  assert.equal(rows.length, 1);
  assert.ok(!rows[0]?.text.includes(secret));
});

test('many dry runs and tokens at once wait for each other instead of for connections', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `crowd-${index}`);
  const calls = names.flatMap((EventBusName) => [
    house.call(OWN, 'CreateEventBus', { EventBusName, DryRun: true }),
    house.call(OWN, 'CreateEventBus', { EventBusName, ClientToken: EventBusName }),
    house.call(OWN, 'CreateEventBus', { EventBusName, ClientToken: EventBusName }),
  ]);
  const ended = await Promise.allSettled(calls);
  const failed = ended.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
  // A dry run that comes after the bus was made says that it is there; one beside it waits for the other's name.
  assert.deepEqual(failed.filter((message) => !/already|exists|busy/i.test(message)), []);
  const row = await house.database.row<{ count: number }>(`select count(*) as count from event_bus where name like 'crowd-%'`);
  assert.equal(row?.count, names.length);
});
