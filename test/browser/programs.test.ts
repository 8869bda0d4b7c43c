import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import type { Page } from 'playwright-core';
import { button, choose, confirm, done, isRefused, link, seriousFaults } from './acts.fixture.ts';
import { soon, startConsole, type ConsoleTest } from './browser.fixture.ts';
import { openShop, type Shop } from './shop.fixture.ts';

/** What those do in the console who write programs for the platform: secrets, refused callbacks, patterns that are tried before they count. */

interface Got {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let backend: ConsoleTest;
let workspace = 0;
let commitFile: Shop['commitFile'];
let program: Server;
let address = '';
const received: Got[] = [];
const own = '2026-12-01';
const current = '2024-05-18';
const legacy = '2020-05-18';

before(async () => {
  backend = await startConsole();
  ({ workspace, commitFile } = await openShop(backend));
  program = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      received.push({ path: request.url ?? '', headers: request.headers, body });
      // A question is taken on, its answer comes as a callback.
      response.writeHead(request.url === '/check' ? 202 : 200).end();
    });
  });
  await new Promise<void>((resolve) => program.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(program.address() as AddressInfo).port}`;
});
after(async () => {
  await backend.stop();
  program.closeAllConnections();
  program.close();
});

const owner = () => backend.house.first.userName;

async function seen(fileName: string): Promise<void> {
  await soon(`the event of ${fileName} can be read`, async () => JSON.stringify(await backend.house.call(own, 'ListEvents', { ProjectId: workspace, MaxResults: 100 })).includes(`"${fileName}"`));
}

async function openHolds(): Promise<{ HoldId: number; MessageId: string; ExtensionCodes?: string[] }[]> {
  return ((await backend.house.call(own, 'ListHolds', { ProjectId: workspace, Status: 'CHECKING' }))['PagingInfo'] as { Holds: { HoldId: number; MessageId: string }[] }).Holds;
}

function signedBy(secret: string, got: Got): boolean {
  const header = (name: string) => String(got.headers[name] ?? '');
  try {
    new Webhook(secret).verify(got.body, { 'webhook-id': header('webhook-id'), 'webhook-timestamp': header('webhook-timestamp'), 'webhook-signature': header('webhook-signature') });
    return true;
  } catch {
    return false;
  }
}

/** The secret that a dialog shows, which is gone from the page once it is closed. */
async function takeSecret(page: Page): Promise<string> {
  const dialog = page.locator('.ant-modal').filter({ hasText: 'The signing secret, shown this once' });
  const secret = (await dialog.locator('.code-block').textContent()) ?? '';
  assert.match(secret, /^whsec_/);
  assert.deepEqual(await seriousFaults(page), []);
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await dialog.waitFor({ state: 'detached' });
  assert.ok(!(await page.content()).includes(secret));
  return secret;
}

test('a rotated secret of a subscription is shown once, and signs beside the former one for as long as was asked', async () => {
  const { call } = backend.house;
  const made = await call(own, 'CreateSubscription', { Name: 'signed', Url: `${address}/signed`, ProjectId: workspace, Types: '["dataworks:FileChange:CommitFile"]' });
  const former = String(made['Secret']);
  const opened = await backend.open(`/openevent/subscriptions/${String(made['SubscriptionId'])}`, 'platform_admin');
  const { page } = opened;
  const dialog = page.locator('.ant-modal');
  const rotate = async (overlap: string): Promise<string> => {
    await button(page, 'Rotate the secret').click();
    await dialog.getByLabel('Overlap in seconds').fill(overlap);
    assert.deepEqual(await seriousFaults(page), []);
    await dialog.getByRole('button', { name: 'Rotate the secret' }).click();
    return takeSecret(page);
  };
  const sent = async (): Promise<Got> => {
    const before = received.length;
    await button(page, 'Send a test event').click();
    return soon('the test event has come', () => received.slice(before).find((got) => got.path === '/signed'));
  };
  const signers = async (...secrets: string[]): Promise<boolean[]> => {
    const got = await sent();
    return secrets.map((secret) => signedBy(secret, got));
  };
  assert.deepEqual(await signers(former), [true]);
  const second = await rotate('3600');
  assert.notEqual(second, former);
  assert.deepEqual(await signers(former, second), [true, true]);
  const third = await rotate('0');
  assert.deepEqual(await signers(former, second, third), [false, false, true]);
  await opened.goto(`/openevent/subscriptions/${String(made['SubscriptionId'])}`);
  await page.locator('.facts').waitFor();
  assert.ok(!(await page.content()).includes(third));
  await done(opened);
  const { SubscriptionId } = await call(own, 'CreateSubscription', { Name: 'of all', Url: `${address}/all`, Types: '["dataworks:FileChange:CommitFile"]', Enabled: false });
  const refused = await backend.open(`/openevent/subscriptions/${String(SubscriptionId)}`, 'reader');
  assert.match(await isRefused(refused.page, 'Rotate the secret'), /Open Platform Administrator/);
  await done(refused);
});

test('an extension that is asked directly gets a secret and another one, and what it calls back wrongly is told with the reason', async () => {
  const { call } = backend.house;
  const opened = await backend.open('/extensions/register', 'platform_admin');
  const { page } = opened;
  await page.getByRole('radio', { name: /^HTTP call/ }).check();
  await page.getByLabel('Address to call').fill(`${address}/check`);
  await page.getByLabel('Answers must bring the token of the check').check();
  await button(page, 'Next').click();
  await choose(page, 'Extension points', 'commit-file');
  await page.keyboard.press('Escape');
  await button(page, 'Next').click();
  await page.getByLabel('Name').fill('Asked directly');
  await page.getByLabel('Workspace for testing').selectOption({ label: 'shop' });
  await button(page, 'Next').click();
  await button(page, 'Next').click();
  await button(page, 'Register an extension').click();
  const first = await takeSecret(page);
  await page.getByRole('heading', { level: 1, name: 'Asked directly' }).waitFor();
  const ExtensionCode = /list\/([\w.-]+)/.exec(page.url())?.[1] ?? '';
  await call(own, 'EnableExtension', { ExtensionCode, ProjectId: workspace });

  const asked = async (name: string): Promise<Got> => {
    const before = received.length;
    await commitFile(name);
    return soon('the program is asked', () => received.slice(before).find((got) => got.path === '/check'));
  };
  const one = await asked('asked_first');
  assert.equal(signedBy(first, one), true);
  await confirm(page, 'New signing secret');
  const second = await takeSecret(page);
  const two = await asked('asked_second');
  assert.deepEqual([first, second].map((secret) => signedBy(secret, two)), [false, true]);

  const panel = page.getByRole('region', { name: 'Callbacks that were refused' });
  assert.equal(await panel.count(), 0);
  const holds = await openHolds();
  const [hold] = holds;
  const MessageId = hold?.MessageId ?? '';
  await assert.rejects(call(legacy, 'UpdateIDEEventResult', { MessageId, ExtensionCode, CheckResult: 'OK' }), /token/);
  await opened.goto(`/extensions/list/${ExtensionCode}`);
  const row = panel.locator('.ant-table-row').filter({ hasText: 'UpdateIDEEventResult' });
  await row.filter({ hasText: MessageId }).filter({ hasText: 'token' }).waitFor();
  assert.equal(await row.count(), 1);
  assert.deepEqual(await seriousFaults(page), []);
  await button(page, '中文').click();
  await page.getByRole('region', { name: '被拒绝的回调' }).getByText(MessageId).waitFor();
  await page.getByText('提交文件前').waitFor();
  assert.deepEqual(await seriousFaults(page), []);
  await button(page, 'English').click();
  // The checks wait on: the callback has changed nothing. With the extension gone they end.
  assert.equal((await openHolds()).length, holds.length);
  await call(own, 'DisableExtensionForProject', { ExtensionCode, ProjectId: workspace });
  await done(opened);

  const outside = await backend.open('/', 'reader');
  const [answer] = await Promise.all([outside.page.waitForResponse(/ListRefusedCallbacks/), outside.goto(`/extensions/list/${ExtensionCode}`)]);
  assert.equal(answer.status(), 403);
  await outside.page.getByRole('heading', { level: 1, name: 'Asked directly' }).waitFor();
  assert.equal(await outside.page.getByRole('region', { name: 'Callbacks that were refused' }).count(), 0);
  await done(outside);
});

test('the scope of an extension is tried on past operations, and holds what the trial has counted', async () => {
  const { call } = backend.house;
  await commitFile('scoped_in');
  const outOfScope = await commitFile('scoped_out');
  await Promise.all(['scoped_in', 'scoped_out'].map(seen));
  const ExtensionCode = String((await call(own, 'CreateExtension', { ExtensionName: 'Some files', BindEventList: '["commit-file"]', ProjectTesting: workspace }))['ExtensionCode']);
  const opened = await backend.open(`/extensions/manage?workspace=${workspace}`, 'platform_admin');
  const { page } = opened;
  const row = page.locator('tr').filter({ hasText: 'Some files' });
  await row.getByRole('button', { name: 'Enable' }).click();
  const dialog = page.locator('.ant-modal');
  const said = dialog.getByRole('status');
  const pattern = dialog.getByLabel('Only operations that match');
  const count = async (): Promise<number[]> => {
    await button(page, 'Try on past operations').click();
    await said.getByText(/ operations of the last 7 days would have been checked/).waitFor();
    return ((await said.textContent()) ?? '').match(/\d+/g)?.map(Number) ?? [];
  };
  await pattern.fill('{"data":');
  await button(page, 'Try on past operations').click();
  await said.locator('.form-failure').waitFor();
  await pattern.fill('{"data":{"fileName":["scoped_in"]}}');
  const [matched, all = 0] = await count();
  assert.equal(matched, 1);
  assert.ok(all >= 2);
  assert.deepEqual(await seriousFaults(page), []);
  // Operations that have happened since count as well, with the same pattern.
  await call(legacy, 'UpdateFile', { ProjectId: workspace, FileId: outOfScope, Content: 'echo more' });
  await call(legacy, 'SubmitFile', { ProjectId: workspace, FileId: outOfScope });
  await soon('one more is counted', async () => (await count())[1] === all + 1);
  await dialog.getByRole('button', { name: 'Enable' }).click();
  await row.getByText('Enabled', { exact: true }).waitFor();

  const before = (await openHolds()).length;
  await call(legacy, 'UpdateFile', { ProjectId: workspace, FileId: outOfScope, Content: 'echo much more' });
  await call(legacy, 'SubmitFile', { ProjectId: workspace, FileId: outOfScope });
  assert.equal((await openHolds()).length, before);
  await row.getByRole('button', { name: 'Options' }).click();
  assert.deepEqual(JSON.parse(await pattern.inputValue()), { data: { fileName: ['scoped_in'] } });
  await page.keyboard.press('Escape');
  const files = (await call(legacy, 'ListFiles', { ProjectId: workspace, Keyword: 'scoped_in' }))['Data'] as { Files: { FileId: number }[] };
  await call(legacy, 'UpdateFile', { ProjectId: workspace, FileId: files.Files[0]?.FileId ?? 0, Content: 'echo more' });
  await call(legacy, 'SubmitFile', { ProjectId: workspace, FileId: files.Files[0]?.FileId ?? 0 });
  await soon('the commit in the scope is held', async () => (await openHolds()).length === before + 1);
  await call(own, 'DisableExtensionForProject', { ExtensionCode, ProjectId: workspace });
  await done(opened);
});

test('a pattern of events is tried without being saved, and one that is none is refused with the reason', async () => {
  const { call } = backend.house;
  await commitFile('tried');
  await seen('tried');
  await call(own, 'CreateEventBus', { EventBusName: 'tries', Description: '' });
  const RuleId = Number((await call(own, 'CreateEventRule', { EventBusName: 'tries', RuleName: 'tried', EventPattern: '{"source":["nowhere"]}' }))['RuleId']);
  const opened = await backend.open(`/openevent/rules/${RuleId}`, 'platform_admin');
  const { page } = opened;
  const panel = page.getByRole('region', { name: 'Event pattern' });
  const pattern = page.getByRole('textbox', { name: 'Event pattern' });
  const attempt = button(page, 'Try the pattern on recent events');
  await attempt.click();
  await panel.getByText(/^0 of the last [1-9]\d* events match/).waitFor();
  await pattern.fill('{"data":{"fileName":["tried"],"eventCode":["commit-file"]}}');
  await attempt.click();
  await panel.getByText(/^1 of the last [1-9]\d* events match/).waitFor();
  assert.deepEqual(await seriousFaults(page), []);
  await link(page, 'commit-file').click();
  await page.getByLabel('Payload').getByText('"tried"').waitFor();
  await page.goBack();
  await pattern.fill('{"data":{"fileName":"tried"}}');
  await attempt.click();
  await panel.getByRole('alert').waitFor();
  // What was found before says nothing about it.
  assert.equal(await panel.getByText(/ events match/).count(), 0);
  assert.deepEqual(await seriousFaults(page), []);
  const { Rule } = (await call(own, 'GetEventRule', { RuleId })) as { Rule: { EventPattern: string } };
  assert.deepEqual(JSON.parse(Rule.EventPattern), { source: ['nowhere'] });
  await done(opened);
});

test('events and roles have their Chinese names at once when the language is changed, and a role that people made keeps its own', async () => {
  const { call } = backend.house;
  const RoleCode = String((await call(current, 'CreateProjectRole', { ProjectId: workspace, Name: 'Night shift', ModulePermissions: '[{"ModuleId":4,"PermissionType":"Write"}]' }))['Code']);
  const { userId } = await backend.user('night', ['tenant_member']);
  await call(current, 'CreateProjectMember', { ProjectId: workspace, UserId: userId, RoleCodes: JSON.stringify([RoleCode, 'role_project_pe']) });
  const opened = await backend.open('/openevent/catalogue?event=commit-file', owner(), { alone: true });
  const { page } = opened;
  await page.getByRole('region', { name: 'Before a file is committed' }).waitFor();
  await button(page, '中文').click();
  const details = page.getByRole('region', { name: '提交文件前' });
  await details.getByText('有人要提交节点、资源或函数。').waitFor();
  await details.getByText('数据开发').waitFor();
  await page.getByLabel('搜索').fill('补数据');
  await page.locator('.catalogue-list').getByRole('button').filter({ hasText: 'backfill-data' }).waitFor();
  await page.locator('.catalogue-list').getByRole('button').filter({ hasText: 'commit-file' }).waitFor({ state: 'detached' });
  assert.deepEqual(await seriousFaults(page), []);

  await opened.goto('/administration/users');
  await page.locator('tr').filter({ hasText: 'platform_admin' }).getByText('开放平台管理员').waitFor();
  await page.getByText('管理订阅与扩展程序。 (open_platform_admin)').waitFor();
  await opened.goto(`/platform/workspaces/${workspace}`);
  await page.locator('tr').filter({ hasText: 'night' }).getByText(/^(?:Night shift, 运维|运维, Night shift)$/).waitFor();
  await button(page, '添加成员').click();
  await choose(page, '角色', '模型设计师');
  assert.deepEqual(await seriousFaults(page), []);
  await done(opened);
});
