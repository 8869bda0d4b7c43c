import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { makeSample } from '../../server/sample.ts';
import { button, choose, confirm, done, isRefused, link } from './acts.fixture.ts';
import { screen, soon, startConsole, until, type ConsoleTest } from './browser.fixture.ts';
import { openShop, type Shop } from './shop.fixture.ts';

/** What people do in the console, as the role that does it and as one that may not. */

let backend: ConsoleTest;
let workspace = 0;
let commitFile: Shop['commitFile'];
let receiver: Server;
const received: string[] = [];
const own = '2026-12-01';
const legacy = '2020-05-18';

before(async () => {
  backend = await startConsole();
  ({ workspace, commitFile } = await openShop(backend));
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      received.push(body);
      response.end('{}');
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  await backend.stop();
  receiver.closeAllConnections();
  receiver.close();
});

const owner = () => backend.house.first.userName;

test('signing in leads to the view that was asked for, a wrong password says so, and signing out ends it', async () => {
  const opened = await backend.open('/openapi/usage', undefined);
  const { page } = opened;
  await page.getByLabel('User name').fill(owner());
  await page.getByLabel('Password').fill('wrong');
  await button(page, 'Sign in').click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Password').fill(backend.house.first.password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Quota and usage' }).waitFor();
  assert.match(page.url(), /\/console\/openapi\/usage$/);
  await page.locator('.account-menu summary').click();
  await button(page, 'Sign out').click();
  await page.getByRole('heading', { name: 'Sign in to Millrace' }).waitFor();
  await opened.goto('/');
  await page.getByRole('heading', { name: 'Sign in to Millrace' }).waitFor();
  await done(opened);
});

test('language and appearance change at once and stay after a reload', async () => {
  const opened = await backend.open('/', owner(), { alone: true });
  const { page } = opened;
  await button(page, '中文').click();
  await page.getByRole('heading', { level: 1, name: '概览' }).waitFor();
  await button(page, '深色').click();
  await opened.goto('/extensions/list');
  await page.getByRole('heading', { level: 1, name: '扩展程序' }).waitFor();
  await until(page, "document.documentElement.dataset.appearance === 'dark' && document.documentElement.lang === 'zh-CN'");
  await done(opened);
});

test('everything can be reached by keyboard: skip link, menu of the account, a view', async () => {
  const opened = await backend.open('/', owner());
  const { page } = opened;
  await page.keyboard.press('Tab');
  await until(page, "document.activeElement.classList.contains('skip')");
  await page.keyboard.press('Enter');
  await until(page, "document.activeElement.id === 'content'");
  await page.locator('.account-menu summary').focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'My AccessKeys' }).waitFor();
  await done(opened);
});

test('an AccessKey made in the console signs a call in the browser, and the command for curl with it is accepted', async () => {
  const opened = await backend.open('/account/keys', 'platform_admin');
  const { page } = opened;
  await button(page, 'Create an AccessKey').click();
  const shown = page.locator('.ant-modal .code-block');
  await shown.first().waitFor();
  const [id = '', secret = ''] = await shown.allTextContents();
  await page.locator('.ant-modal').getByRole('button', { name: 'Close' }).last().click();
  await opened.goto('/openapi/explorer/open-platform/2026-12-01/GetCaller');
  await page.getByLabel('An AccessKey, signed in the browser').check();
  await page.getByLabel('AccessKey id').fill(id);
  await page.getByLabel('AccessKey secret').fill(secret);
  await button(page, 'Send').click();
  const answer = page.getByRole('region', { name: 'Answer', exact: true }).locator('.code-block');
  await answer.waitFor();
  const body = JSON.parse((await answer.textContent()) ?? '{}') as { Caller: { UserName: string; CredentialType: string } };
  assert.deepEqual([body.Caller.UserName, body.Caller.CredentialType], ['platform_admin', 'AccessKey']);

  await button(page, 'curl').click();
  const command = page.getByLabel('curl', { exact: true }).locator('xpath=self::pre');
  await command.waitFor();
  const text = (await command.textContent()) ?? '';
  const headers = Object.fromEntries([...text.matchAll(/-H '([^:]+): ([^']*)'/g)].map((match) => [match[1] ?? '', match[2] ?? '']));
  const response = await fetch(`${backend.house.url}/`, { method: 'POST', headers, body: /--data-raw '([^']*)'/.exec(text)?.[1] ?? '' });
  assert.equal(response.status, 200, await response.text());
  await done(opened);
});

test('the explorer makes the form from the contract, calls with the session and shows what is refused', async () => {
  const opened = await backend.open('/openapi/explorer', 'reader');
  const { page } = opened;
  await page.getByLabel('Find an operation').fill('CreateUser');
  await page.locator('.explorer-groups').getByRole('link', { name: 'CreateUser', exact: true }).click();
  const name = page.locator('.parameter').filter({ hasText: 'UserName' }).first().locator('input');
  assert.equal(await name.getAttribute('required'), '');
  await name.fill('made_up');
  await button(page, 'Python').click();
  assert.match((await page.getByLabel('Python', { exact: true }).locator('xpath=self::pre').textContent()) ?? '', /"UserName": "made_up"/);
  await button(page, 'Send').click();
  await page.getByText('HTTP 403').waitFor();
  await done(opened);
});

test('the call log is filtered by the address and exported as CSV', async () => {
  const opened = await backend.open('/openapi/calls?operation=CreateProject', owner());
  const { page } = opened;
  await page.locator('.virtual-row a').first().waitFor();
  assert.equal(await page.locator('.virtual-row').count(), 1);
  const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Export CSV').click()]);
  const text = await readFile(await download.path(), 'utf8');
  assert.equal(text.trim().split('\r\n').length, 2);
  assert.match(text, /,CreateProject,write,200,/);
  await page.locator('.virtual-row a').first().click();
  await page.getByRole('heading', { level: 1, name: 'CreateProject' }).waitFor();
  await done(opened);
});

test('a subscription is made, tested and seen to deliver', async () => {
  const { call } = backend.house;
  const opened = await backend.open('/openevent/subscriptions', 'platform_admin');
  const { page } = opened;
  await button(page, 'Subscribe').first().click();
  await page.getByLabel('Name').fill('board');
  await page.getByLabel('Address').fill(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/events`);
  await page.locator('.ant-modal').getByRole('button', { name: 'Save' }).click();
  await page.getByText('The signing secret, shown this once').waitFor();
  assert.match((await page.locator('.ant-modal .code-block').textContent()) ?? '', /^whsec_/);
  await page.locator('.ant-modal').getByRole('button', { name: 'Close' }).last().click();
  await link(page, 'board').click();
  await button(page, 'Send a test event').click();
  await page.getByText('Delivered: HTTP 200').waitFor();
  assert.ok(received.length > 0);
  await commitFile('told');
  await soon('the event of the change is delivered', () => received.some((body) => body.includes('told')));
  await soon('its delivery is on record', async () => ((await call(own, 'ListDeliveryAttempts', { Type: 'dataworks:FileChange:CommitFile', Status: 'Succeeded' }))['PagingInfo'] as { TotalCount: number }).TotalCount > 0);
  await opened.goto('/openevent/deliveries');
  const delivered = page.locator('.ant-table-row').filter({ hasText: 'FileChange:CommitFile' }).filter({ hasText: 'Succeeded' }).first();
  await delivered.getByRole('button', { name: 'Details' }).click();
  await page.locator('.ant-modal').getByLabel('What was sent').getByText('told').waitFor();
  await done(opened);
});

test('an extension is registered in steps, enabled in a workspace, and a deployment waits for it until a person passes it', async () => {
  const opened = await backend.open('/extensions/register', 'platform_admin');
  const { page } = opened;
  await page.getByText('By hand').click();
  await button(page, 'Next').click();
  await choose(page, 'Extension points', 'deploy-file');
  await page.keyboard.press('Escape');
  await button(page, 'Next').click();
  await page.getByLabel('Name').fill('Four eyes');
  await page.getByLabel('Workspace for testing').selectOption({ label: 'shop' });
  await button(page, 'Next').click();
  await button(page, 'Insert an example').click();
  await page.getByRole('region', { name: 'Preview' }).getByText('How to react').waitFor();
  await button(page, 'Next').click();
  await button(page, 'Register an extension').click();
  await page.getByRole('heading', { level: 1, name: 'Four eyes' }).waitFor();

  await opened.goto(`/extensions/manage?workspace=${workspace}`);
  await page.locator('tr').filter({ hasText: 'Four eyes' }).getByRole('button', { name: 'Enable' }).click();
  await page.locator('.ant-modal').getByRole('button', { name: 'Enable' }).click();
  await page.locator('tr').filter({ hasText: 'Four eyes' }).getByText('Enabled', { exact: true }).waitFor();

  const { call } = backend.house;
  const FileId = Number((await call(legacy, 'CreateFile', { ProjectId: workspace, FileName: 'greet', FileType: 6, Content: 'echo hi', FileFolderPath: '业务流程/orders/General', CreateFolderIfNotExists: true, InputList: 'shop_root', OutputList: 'shop.greet', CronExpress: '00 30 00 * * ?', CycleType: 'DAY' }))['Data']);
  await opened.goto(`/platform/studio/${workspace}/${FileId}`);
  await button(page, 'Commit').click();
  await page.getByRole('status').getByText('succeeded').waitFor();
  await button(page, 'Deploy').click();
  await page.getByText('Extensions are checking it.').waitFor();
  await link(page, 'See the checks').click();
  await page.locator('.ant-table-row a').first().click();
  await page.getByText('Waiting for Four eyes').waitFor();

  const seen = await backend.open(page.url().replace(/^.*\/console/, ''), 'reader');
  await seen.page.getByText('You may not see this').waitFor();
  await done(seen);

  await button(page, 'Mark as Passed').click();
  await page.getByLabel('Reason').fill('Looked at it.');
  await page.locator('.ant-modal').getByRole('button', { name: 'Mark as Passed' }).click();
  await page.getByText('The operation went on').waitFor();
  await page.getByText('Looked at it.').first().waitFor();
  const deployed = (await call(legacy, 'ListDeployments', { ProjectId: workspace }).catch(() => ({ Data: undefined })))['Data'] as { Deployments: { Status: number }[] } | undefined;
  assert.ok(deployed === undefined || deployed.Deployments.some((one) => one.Status === 1));
  await done(opened);
});

test('a guided tour develops, submits, deploys and runs a file; its log is on the page of its run', async () => {
  const workspaceTour = Number((await backend.house.call('2024-05-18', 'CreateProject', { Name: 'tour_ws', DisplayName: 'Tour', DevEnvironmentEnabled: true }))['Id']);
  const opened = await backend.open('/', owner());
  const { page } = opened;
  await page.getByRole('link', { name: 'Start: Develop, submit, run' }).click();
  await page.getByRole('combobox', { name: /^Workspace/ }).selectOption(String(workspaceTour));
  await button(page, 'Set it up').click();
  await page.getByText('It stands. Go on here:').waitFor();
  await link(page, 'Its runs').click();
  await page.locator('.virtual-row a').first().click();
  await page.locator('.log').getByText('Hello from Millrace').waitFor();
  await page.getByText('Succeeded').first().waitFor();
  await done(opened);
});

test('the tours that set up extensions and subscriptions leave them behind', async () => {
  const opened = await backend.open('/tours/lockdown', owner());
  const { page } = opened;
  for (const [tour, title] of [['lockdown', 'Lockdown days'], ['forbid', 'Forbid a function']] as const) {
    await opened.goto(`/tours/${tour}`);
    await page.getByRole('combobox', { name: /^Workspace/ }).selectOption(String(workspace));
    await button(page, 'Set it up').click();
    await link(page, 'The extension').click();
    await page.getByRole('heading', { level: 1, name: new RegExp(title) }).waitFor();
    await page.getByRole('region', { name: 'Enabled in' }).getByText('shop').first().waitFor();
  }
  await opened.goto('/tours/board');
  await page.getByRole('combobox', { name: /^Workspace/ }).selectOption(String(workspace));
  await page.getByLabel('Address of your program').fill(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/board`);
  await button(page, 'Set it up').click();
  await link(page, 'The subscription').click();
  await page.getByRole('heading', { level: 1, name: /instance-status-changes/ }).waitFor();
  await done(opened);
});

test('code is edited, saved and run; the run is followed to its end', async () => {
  const { call } = backend.house;
  const FileId = Number((await call(legacy, 'CreateFile', { ProjectId: workspace, FileName: 'adhoc', FileType: 6, Content: 'echo one', FileFolderPath: '业务流程/orders/General', CreateFolderIfNotExists: true }))['Data']);
  const opened = await backend.open(`/platform/studio/${workspace}`, owner());
  const { page } = opened;
  await link(page, 'adhoc').click();
  const editor = page.getByLabel('Code of adhoc');
  await editor.click();
  await page.keyboard.press('ControlOrMeta+End');
  await page.keyboard.type('\necho two from the editor');
  await page.getByText('Changed, not saved').waitFor();
  await button(page, 'Save').click();
  await page.getByText('Saved.').waitFor();
  const stored = (await call(legacy, 'GetFile', { ProjectId: workspace, FileId }))['Data'] as { File: { Content: string } };
  assert.equal(stored.File.Content, 'echo one\necho two from the editor');
  await button(page, 'Run').click();
  await page.locator('.log').getByText('two from the editor').waitFor();
  const after = (await call(legacy, 'GetFile', { ProjectId: workspace, FileId }))['Data'] as { File: { Content: string } };
  assert.equal(after.File.Content, stored.File.Content);
  await done(opened);
});

test('a backfill runs a task and its downstream for a past date; the picture shows both with their states', async () => {
  const { house } = backend;
  await makeSample(house.house.gateway, house.url, house.first);
  const projects = (await house.call('2024-05-18', 'ListProjects', { Names: '["sample"]' }))['PagingInfo'] as { Projects: { Id: number }[] };
  const sample = projects.Projects[0]?.Id ?? 0;
  const opened = await backend.open(`/platform/operations/${sample}/backfill`, owner());
  const { page } = opened;
  await page.getByRole('combobox', { name: 'Task' }).selectOption({ label: 'say_hello' });
  await page.getByLabel('From business date').fill('2026-03-01');
  await page.getByLabel('To business date').fill('2026-03-01');
  await page.getByLabel('What runs').selectOption({ label: 'This task and all its downstream' });
  await button(page, 'Start').click();
  await page.getByText('The instances are made.').waitFor();
  await opened.goto(`/platform/operations/${sample}?date=2026-03-01`);
  await page.locator('.virtual-row').filter({ hasText: 'daily_totals' }).getByText('Succeeded').waitFor();
  assert.equal(await page.locator('.virtual-row').count(), 2);
  await page.locator('.virtual-row a').filter({ hasText: 'say_hello' }).click();
  await page.locator('.graph-box').nth(1).waitFor();
  assert.deepEqual((await page.locator('.graph-box strong').allTextContents()).toSorted(), ['daily_totals', 'say_hello']);
  await page.locator('.react-flow__edge').first().waitFor({ state: 'attached' });
  await screen(page, 'graph.en');
  await page.locator('.graph-box').filter({ hasText: 'daily_totals' }).click();
  await page.getByRole('heading', { level: 1, name: 'daily_totals' }).waitFor();
  await done(opened);
});

test('an alert rule is made, tells of a run, is switched off and deleted; a baseline is made and deleted', async () => {
  const { house } = backend;
  const projects = (await house.call('2024-05-18', 'ListProjects', { Names: '["sample"]' }))['PagingInfo'] as { Projects: { Id: number }[] };
  const ProjectId = projects.Projects[0]?.Id ?? 0;
  const opened = await backend.open('/platform/alerts', owner());
  const { page } = opened;
  const dialog = page.locator('.ant-modal');
  await button(page, 'New rule').click();
  await dialog.getByRole('combobox', { name: /^Workspace/ }).selectOption({ label: 'sample' });
  await dialog.getByLabel('Name').fill('hello is done');
  await dialog.getByRole('combobox', { name: /^Alerts when/ }).selectOption({ label: 'it succeeds' });
  await dialog.getByRole('combobox', { name: /^Who is told/ }).selectOption({ label: 'An address, by webhook' });
  await dialog.getByLabel('Address').fill(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/alerts`);
  await dialog.getByRole('button', { name: 'Create' }).click();
  await page.locator('tr').filter({ hasText: 'hello is done' }).getByText('The whole workspace · sample').waitFor();
  // Rules follow what the schedule made: one of the backfill's instances becomes such a one, and succeeds once more.
  const instance = await house.database.row<{ id: number }>(`update task_instance set dag_type = 'Normal' where workspace_id = $1 and name = 'say_hello' and dag_type <> 'Normal' and bizdate < now() - interval '30 days' returning id`, [ProjectId]);
  await house.call(legacy, 'RestartInstance', { ProjectEnv: 'PROD', InstanceId: instance?.id ?? 0 });
  await soon('the alert is sent', () => received.some((body) => body.includes('hello is done')));
  await link(page, 'hello is done').click();
  await page.locator('tr').filter({ hasText: 'WEBHOOKS' }).getByText('Sent', { exact: true }).waitFor();
  await link(page, 'say_hello').first().waitFor();
  await button(page, 'Edit').click();
  await dialog.getByLabel('Name').fill('hello is over');
  await dialog.getByLabel('Minutes between two messages').fill('45');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { level: 1, name: 'hello is over' }).waitFor();
  const Id = Number(/rules\/(\d+)/.exec(page.url())?.[1]);
  const { AlertRule } = (await house.call('2024-05-18', 'GetAlertRule', { Id })) as { AlertRule: { TriggerCondition: { Type: string; Target: object }; Notification: { IntervalInMinutes: number; Receivers: { ReceiverType: string }[] } } };
  // What was not chosen anew is as it was.
  assert.deepEqual([AlertRule.TriggerCondition.Type, AlertRule.Notification.IntervalInMinutes, AlertRule.Notification.Receivers[0]?.ReceiverType], ['Finished', 45, 'WebhookUrl']);
  assert.deepEqual(AlertRule.TriggerCondition.Target, { Type: 'Project', Ids: [ProjectId], AllowTasks: [] });
  const visitor = await backend.open(page.url().replace(/^.*\/console/, ''), 'reader');
  await visitor.page.getByText('You may not see this').waitFor();
  await done(visitor);
  await button(page, 'Disable').click();
  await page.locator('.facts').getByText('Disabled').waitFor();
  await confirm(page, 'Delete');
  await page.getByText('Nothing is watched yet.').waitFor();
  await button(page, 'New rule').click();
  await dialog.getByRole('combobox', { name: /^Workspace/ }).selectOption({ label: 'sample' });
  await dialog.getByLabel('Name').fill('the flow fails');
  await dialog.getByRole('combobox', { name: 'What is watched' }).selectOption({ label: 'Business flows' });
  await choose(page, 'Business flows watched', 'tour');
  await dialog.locator('.ant-modal-title').click();
  await dialog.getByRole('button', { name: 'Create' }).click();
  await page.locator('tr').filter({ hasText: 'the flow fails' }).getByText(/^Business flows \d+/).waitFor();
  await confirm(page, 'Delete');
  await page.getByText('Nothing is watched yet.').waitFor();

  await opened.goto(`/platform/alerts/baselines?workspace=${ProjectId}`);
  await button(page, 'New baseline').click();
  await dialog.getByLabel('Name').fill('morning');
  await choose(page, 'Tasks that have to be done', 'daily_totals');
  await dialog.locator('.ant-modal-title').click();
  await dialog.getByRole('button', { name: 'Create' }).click();
  const row = page.getByRole('region', { name: 'Baselines', exact: true }).locator('tr').filter({ hasText: 'morning' });
  await row.getByText('06:00').waitFor();
  const { Baselines = [] } = (await house.call(legacy, 'ListBaselines', { ProjectId, PageNumber: 1, PageSize: 10 }))['Data'] as { Baselines?: { BaselineName: string; AlertMarginThreshold: number }[] };
  assert.deepEqual(Baselines.map((one) => [one.BaselineName, one.AlertMarginThreshold]), [['morning', 30]]);
  await row.getByRole('button', { name: 'Delete' }).click();
  await page.locator('.ant-popconfirm').last().getByRole('button', { name: 'Yes' }).click();
  await page.getByText('No baseline in this workspace yet.').waitFor();
  await done(opened);
});

test('a write is rehearsed in the explorer: it tells what it would touch, and touches nothing', async () => {
  const opened = await backend.open('/openapi/explorer/dataworks-public/2024-05-18/CreateProject', owner());
  const { page } = opened;
  await page.locator('.parameter').filter({ hasText: 'DisplayName' }).first().locator('input').fill('Never');
  await page.locator('.parameter').filter({ has: page.getByText('Name', { exact: true }) }).first().locator('input').fill('never_made');
  await page.getByLabel('Dry run').check();
  await page.getByText('Nothing is changed.').waitFor();
  await button(page, 'Send').click();
  const result = page.getByRole('region', { name: 'What the call would touch' });
  await result.getByRole('row').filter({ hasText: 'workspace' }).first().waitFor();
  await result.getByRole('columnheader', { name: 'Added' }).waitFor();
  const found = (await backend.house.call('2024-05-18', 'ListProjects', { Names: '["never_made"]' }))['PagingInfo'] as { TotalCount: number };
  assert.equal(found.TotalCount, 0);
  // An operation that only reads has nothing to rehearse.
  await opened.goto('/openapi/explorer/open-platform/2026-12-01/GetCaller');
  assert.equal(await page.getByLabel('Dry run').count(), 0);
  await done(opened);
});

test('who may only read sees the pages with the actions refused and the reason told', async () => {
  const { call } = backend.house;
  await call('2026-12-01', 'CreateExtension', { ExtensionName: 'Seen by all', BindEventList: '["run-file"]' });
  const opened = await backend.open('/openevent/subscriptions', 'reader');
  const { page } = opened;
  assert.match(await isRefused(page, 'Subscribe'), /Open Platform Administrator/);
  await opened.goto('/extensions/list');
  assert.match(await isRefused(page, 'Register an extension'), /Open Platform Administrator/);
  await link(page, 'Seen by all').click();
  assert.match(await isRefused(page, 'Publish'), /Open Platform Administrator/);
  await opened.goto('/administration/users');
  assert.match(await isRefused(page, 'Create a user'), /Tenant Administrator/);
  await opened.goto('/platform/workspaces');
  assert.match(await isRefused(page, 'Create a workspace'), /Tenant Administrator/);
  await opened.goto(`/platform/studio/${workspace}`);
  await page.getByText('You may not see this').first().waitFor();
  await done(opened);
});

test('the password of a Kafka user is seen by whom the permissions allow, and by nobody else, in the page nor by API', async () => {
  const { KafkaUserId } = await backend.house.call(own, 'CreateKafkaUser', { Name: 'consumer' });
  const allowed = await backend.open('/openevent/kafka', 'platform_admin');
  await button(allowed.page, 'View the password').first().click();
  await allowed.page.locator('.ant-modal .code-block').nth(1).waitFor();
  assert.ok(((await allowed.page.locator('.ant-modal .code-block').nth(1).textContent()) ?? '').length >= 8);
  await done(allowed);
  const refused = await backend.open('/openevent/kafka', 'reader');
  assert.match(await isRefused(refused.page, 'View the password'), /Open Platform Administrator/);
  assert.match(await isRefused(refused.page, 'Reset the password'), /Open Platform Administrator/);
  const answer = await refused.context.request.get(`/api/open-platform/2026-12-01/GetKafkaUserPassword?KafkaUserId=${String(KafkaUserId)}`);
  assert.equal(answer.status(), 403);
  await done(refused);
});

test('a consumer group is shown with its lag, and is set to the end by those who may', async () => {
  const { house } = backend;
  const KafkaUserId = Number((await house.call(own, 'CreateKafkaUser', { Name: 'reports' }))['KafkaUserId']);
  await house.database.run(`insert into kafka_group (user_id, group_id, protocol_type, state, members, epoch, created_at, modified_at) values ($1, 'nightly', 'consumer', 'Empty', 0, 0, now(), now())`, [KafkaUserId]);
  await commitFile('counted');
  const [counter] = await soon('the events of the workspace have offsets', async () => {
    const rows = await house.database.rows<{ partition: number; next_offset: number }>('select partition, next_offset from kafka_counter where workspace_id = $1 and next_offset > 0', [workspace]);
    return rows.length === 0 ? undefined : rows;
  });
  await house.database.run(`insert into kafka_group_offset (user_id, group_id, workspace_id, partition, committed_offset, metadata, committed_at) values ($1, 'nightly', $2, $3, 0, '', now())`, [KafkaUserId, workspace, counter?.partition ?? 0]);
  const opened = await backend.open('/openevent/kafka', 'platform_admin');
  const { page } = opened;
  const groups = page.getByRole('region', { name: 'Consumer groups' }).last();
  await groups.locator('summary').filter({ hasText: 'nightly' }).click();
  await groups.getByText(`dataworks.workspace.${workspace}`).waitFor();
  const state = async () => {
    const { ConsumerGroups } = (await house.call(own, 'ListConsumerGroups', { KafkaUserId }))['PagingInfo'] as { ConsumerGroups: { LagCount: number; Offsets: { Partition: number; CommittedOffset: number }[] }[] };
    return { lag: ConsumerGroups[0]?.LagCount ?? 0, committed: ConsumerGroups[0]?.Offsets.find((one) => one.Partition === counter?.partition)?.CommittedOffset ?? 0 };
  };
  const before = await state();
  assert.ok(before.lag > 0 && before.committed === 0);
  await button(page, 'Reset offsets').click();
  await page.locator('.ant-modal').getByRole('combobox', { name: 'Read on from' }).selectOption({ label: 'the end' });
  await page.locator('.ant-modal').getByRole('button', { name: 'Reset offsets' }).click();
  await page.getByText(/[1-9]\d* offsets were set/).waitFor();
  // More events may have come since; what was there is read.
  assert.ok((await state()).committed >= (counter?.next_offset ?? 0));
  await done(opened);
  const refused = await backend.open('/openevent/kafka', 'reader');
  assert.match(await isRefused(refused.page, 'Reset offsets'), /Open Platform Administrator/);
  await done(refused);
});

test('an event that cannot be delivered is set aside, sent again as a dead letter, and replayed after a count', async () => {
  const { call } = backend.house;
  const SubscriptionId = Number((await call(own, 'CreateSubscription', { Name: 'ledger', Url: 'http://127.0.0.1:9/', ProjectId: workspace, Types: '["dataworks:FileChange:CommitFile"]' }))['SubscriptionId']);
  await commitFile('ledger_file');
  await soon('the delivery fails', async () => ((await call(own, 'GetSubscriptionStatus', { SubscriptionId }))['Status'] as { BlockedKeys?: unknown[] }).BlockedKeys?.length === 1);
  const opened = await backend.open(`/openevent/subscriptions/${SubscriptionId}`, 'platform_admin');
  const { page } = opened;
  await confirm(page, 'Set aside');
  const letters = page.getByRole('region', { name: 'Dead letters' }).first();
  await letters.locator('.ant-table-row').waitFor();
  // The address is mended in the form, with a header beside.
  await button(page, 'Edit').click();
  await page.locator('.ant-modal').getByLabel('Address').fill(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/ledger`);
  await page.locator('.ant-modal').getByRole('combobox', { name: 'Retries' }).selectOption('BACKOFF_RETRY');
  await page.locator('.ant-modal').getByLabel('Headers sent along').fill('X-Team: ledger');
  await page.locator('.ant-modal').getByLabel('Headers with a secret value').fill('X-Key: not-to-be-seen');
  await page.locator('.ant-modal').getByRole('button', { name: 'Save' }).click();
  await page.locator('.facts').getByText('X-Team: ledger').waitFor();
  await page.locator('.facts').getByText('X-Key: (secret)').waitFor();
  const before = received.length;
  await button(page, 'Deliver all of them again').click();
  await soon('the dead letter is delivered', () => received.slice(before).some((body) => body.includes('ledger_file')));
  const again = received.length;
  await button(page, 'Replay events').click();
  await page.locator('.ant-modal').getByLabel('From').fill('2020-01-01T00:00');
  await page.locator('.ant-modal').getByRole('button', { name: 'Count first' }).click();
  await page.getByText(/[1-9]\d* events would be sent again/).waitFor();
  await page.locator('.ant-modal').getByRole('button', { name: 'Replay', exact: true }).click();
  await soon('the events are sent again', () => received.slice(again).some((body) => body.includes('ledger_file')));
  await done(opened);
  const refused = await backend.open(`/openevent/subscriptions/${SubscriptionId}`, 'reader');
  // What is told of a workspace that one is not in, there is not.
  await refused.page.getByRole('alert').waitFor();
  await done(refused);
});

test('a deadline for an event is made, switched off and deleted', async () => {
  const opened = await backend.open('/openevent/deadlines', 'platform_admin');
  const { page } = opened;
  await button(page, 'New deadline').click();
  const dialog = page.locator('.ant-modal');
  await dialog.getByLabel('Name').fill('totals by six');
  await dialog.getByLabel('Expected event').fill('{"data":{"eventCode":["deploy-file"]}}');
  await dialog.getByRole('combobox', { name: 'Kind' }).selectOption('After');
  await dialog.getByLabel('After this event').fill('{"data":{"eventCode":["commit-file"]}}');
  await dialog.getByRole('button', { name: 'Save' }).click();
  const row = page.locator('tr').filter({ hasText: 'totals by six' });
  await row.getByText('within 30 minutes').waitFor();
  const { Deadlines } = (await backend.house.call(own, 'ListEventDeadlines', {}))['PagingInfo'] as { Deadlines: { Kind: string; WithinMinutes: number }[] };
  assert.deepEqual(Deadlines.map((one) => [one.Kind, one.WithinMinutes]), [['After', 30]]);
  await row.getByRole('button', { name: 'Disable' }).click();
  await row.getByText('Disabled').waitFor();
  await confirm(page, 'Delete');
  await page.getByText('Nothing is expected by a time yet.').waitFor();
  await done(opened);
});

test('a rule is written with a pattern that is tried on past events before it is saved', async () => {
  const { call } = backend.house;
  await commitFile('matched');
  await soon('the event can be read', async () => JSON.stringify(await call(own, 'ListEvents', { ProjectId: workspace, MaxResults: 100 })).includes('matched'));
  const opened = await backend.open('/openevent/buses', 'platform_admin');
  const { page } = opened;
  await button(page, 'New bus').click();
  await page.locator('.ant-modal').getByLabel('Name').fill('orders');
  await page.locator('.ant-modal').getByRole('button', { name: 'Create' }).click();
  await link(page, 'orders').click();
  await button(page, 'New rule').click();
  await page.locator('.ant-modal').getByLabel('Name').fill('commits');
  await page.locator('.ant-modal').getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { level: 1, name: 'commits' }).waitFor();
  const pattern = page.getByRole('textbox', { name: 'Event pattern' });
  await pattern.fill('{"data":{"fileName":["matched"]}}');
  await button(page, 'Try the pattern on recent events').click();
  await page.getByText(/[1-9]\d* of the last \d+ events match/).waitFor();
  await button(page, 'Save').click();
  await page.getByText('Saved.').waitFor();
  const rules = (await call(own, 'ListEventRules', { EventBusName: 'orders' }))['PagingInfo'] as { Rules: { EventPattern: string }[] };
  assert.deepEqual(JSON.parse(rules.Rules[0]?.EventPattern ?? ''), { data: { fileName: ['matched'] } });
  const dialog = page.locator('.ant-modal');
  await button(page, 'New target').click();
  await dialog.getByLabel('Name').fill('ledger');
  await dialog.getByLabel('Address').fill('http://127.0.0.1:9/old');
  await dialog.getByRole('button', { name: 'Create' }).click();
  // The form has a button to close as well.
  await dialog.getByText('The signing secret, shown this once').waitFor();
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await page.locator('tr').filter({ hasText: 'ledger' }).getByRole('button', { name: 'Edit' }).click();
  await dialog.getByLabel('Address').fill('http://127.0.0.1:9/new');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.locator('tr').filter({ hasText: 'ledger' }).getByText('http://127.0.0.1:9/new').waitFor();
  await opened.goto('/openevent/buses/orders');
  await button(page, 'Edit').click();
  await dialog.getByLabel('Description').fill('All about orders.');
  await dialog.getByLabel('Days kept').fill('3');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.locator('.facts').getByText('All about orders.').waitFor();
  const { EventBus } = (await call(own, 'GetEventBus', { EventBusName: 'orders' })) as { EventBus: { RetentionDays: number } };
  assert.equal(EventBus.RetentionDays, 3);
  await done(opened);
});

test('a workspace gets a member and a data source, whose password is not shown again', async () => {
  const opened = await backend.open(`/platform/workspaces/${workspace}`, owner());
  const { page } = opened;
  await button(page, 'Add a member').click();
  await page.locator('.ant-modal').getByRole('combobox', { name: 'User' }).selectOption({ label: 'reader · reader' });
  await choose(page, 'Roles', 'Visitor');
  await page.locator('.ant-modal-title').click();
  await page.locator('.ant-modal').getByRole('button', { name: 'Save' }).click();
  await page.locator('tr').filter({ hasText: 'reader' }).getByText('Visitor').waitFor();
  await button(page, 'New data source').click();
  await page.locator('.ant-modal').getByLabel('Name').fill('orders_db');
  await page.locator('.ant-modal').getByLabel('Connection, as JSON').fill('{"envType":"Prod","host":"127.0.0.1","port":1,"database":"orders","username":"reader","password":"not-to-be-seen"}');
  await page.locator('.ant-modal').getByRole('button', { name: 'Create' }).click();
  await page.locator('tr').filter({ hasText: 'orders_db' }).getByText('postgresql').waitFor();
  const sources = JSON.stringify(await backend.house.call('2024-05-18', 'ListDataSources', { ProjectId: workspace }));
  assert.ok(sources.includes('orders_db') && !sources.includes('not-to-be-seen'));
  // The visitor sees the files now, and changes nothing.
  const visitor = await backend.open(`/platform/studio/${workspace}`, 'reader');
  assert.match(await isRefused(visitor.page, 'New file'), /Develop/);
  await done(visitor);
  await done(opened);
});

test('a user is made with a role and signs in; taking the account away ends it', async () => {
  const opened = await backend.open('/administration/users', owner());
  const { page } = opened;
  await button(page, 'Create a user').click();
  await page.getByLabel('User name').fill('newcomer');
  await page.locator('.ant-modal').getByLabel('Password').fill('a-long-enough-Passw0rd');
  await page.locator('.ant-modal').getByRole('button', { name: 'Save' }).click();
  await page.locator('tr').filter({ hasText: 'newcomer' }).waitFor();
  const other = await backend.open('/', 'newcomer');
  await other.page.getByText('Good to see you, newcomer.').waitFor();
  await page.locator('tr').filter({ hasText: 'newcomer' }).getByRole('button', { name: 'Disable' }).click();
  await page.locator('tr').filter({ hasText: 'newcomer' }).getByText('Disabled').waitFor();
  await other.goto('/openapi/usage');
  await other.page.getByRole('heading', { name: 'Sign in to Millrace' }).waitFor();
  await other.close();
  await done(opened);
});

test('an operation that ends with WARN is decided by the approver that the policy names', async () => {
  const { call } = backend.house;
  const ExtensionCode = String((await call(own, 'CreateExtension', { ExtensionName: 'Cautious', BindEventList: '["commit-file"]', ProjectTesting: workspace }))['ExtensionCode']);
  await call(own, 'EnableExtension', { ExtensionCode, ProjectId: workspace });
  const { userId } = await backend.user('approver');
  await call('2024-05-18', 'CreateProjectMember', { ProjectId: workspace, UserId: userId, RoleCodes: '["role_project_guest"]' });
  await call(own, 'CreateExtensionApprovalPolicy', { Name: 'two pairs of eyes', ExtensionCodes: JSON.stringify([ExtensionCode]), Steps: JSON.stringify([{ Type: 'ACCOUNT', Values: [String(userId)] }]) });
  await commitFile('risky');
  const hold = await soon('the commit is held', async () => ((await call(own, 'ListHolds', { ProjectId: workspace, Status: 'CHECKING' }))['PagingInfo'] as { Holds: { HoldId: number; MessageId: string }[] }).Holds[0]);
  await call(legacy, 'UpdateIDEEventResult', { MessageId: hold.MessageId, ExtensionCode, CheckResult: 'WARN', CheckResultTip: 'Look at it.' });
  const opened = await backend.open(`/extensions/checks/${hold.HoldId}`, 'approver');
  const { page } = opened;
  await page.getByText('An approval is needed (two pairs of eyes).').waitFor();
  await button(page, 'Approve').click();
  await page.getByLabel('Comment').fill('Harmless.');
  await page.locator('.ant-modal').getByRole('button', { name: 'Approve' }).click();
  await page.getByText('approver approved').waitFor();
  await page.getByText('The operation went on').waitFor();
  await call(own, 'DisableExtensionForProject', { ExtensionCode, ProjectId: workspace });
  await done(opened);
});

test('an extension waits in the review queue until a reviewer approves or rejects it', async () => {
  const { call } = backend.house;
  const [good, bad] = await Promise.all(['Reviewed well', 'Reviewed badly'].map(async (ExtensionName) => String((await call(own, 'CreateExtension', { ExtensionName, BindEventList: '["run-file"]' }))['ExtensionCode'])));
  const administrator = await backend.open('/extensions/approvals', owner());
  await button(administrator.page, 'Require reviews').click();
  await administrator.page.getByText('A review is required').waitFor();
  for (const code of [good, bad]) {
    await administrator.goto(`/extensions/list/${code}`);
    await button(administrator.page, 'Submit').click();
    await administrator.page.locator('.facts').getByText('In review').waitFor();
  }
  // Taken back and submitted once more.
  await button(administrator.page, 'Take back from review').first().click();
  await administrator.page.locator('.facts').getByText('Testing').waitFor();
  await button(administrator.page, 'Submit').click();
  await administrator.page.locator('.facts').getByText('In review').waitFor();
  const opened = await backend.open('/extensions/approvals', 'platform_admin');
  const { page } = opened;
  await page.locator('tr').filter({ hasText: 'Reviewed well' }).getByRole('button', { name: 'Approve' }).click();
  await link(page, 'Reviewed well').waitFor({ state: 'detached' });
  await page.locator('tr').filter({ hasText: 'Reviewed badly' }).getByRole('button', { name: 'Reject' }).click();
  await page.locator('.ant-modal').getByLabel('Comment').fill('No.');
  await page.locator('.ant-modal').getByRole('button', { name: 'Reject' }).click();
  await page.getByText('No extension waits.').waitFor();
  assert.match(await isRefused(page, 'Require none'), /Tenant Administrator/);
  await done(opened);
  await administrator.goto('/extensions/approvals');
  await button(administrator.page, 'Require none').click();
  await administrator.page.getByText('published without a review').waitFor();
  await done(administrator);
});

test('an extension is published and deleted after being asked', async () => {
  const code = String((await backend.house.call(own, 'CreateExtension', { ExtensionName: 'Passing', BindEventList: '["run-file"]' }))['ExtensionCode']);
  const opened = await backend.open(`/extensions/list/${code}`, 'platform_admin');
  const { page } = opened;
  await confirm(page, 'Publish');
  await page.locator('.facts').getByText('Published').waitFor();
  // An edit of a published extension is a version beside the one in force, which can be given up.
  await button(page, 'Edit').click();
  await page.locator('.ant-modal').getByLabel('Description').fill('Says more.');
  await page.locator('.ant-modal').getByRole('button', { name: 'Save' }).click();
  await confirm(page, 'Discard');
  await button(page, 'Discard').waitFor({ state: 'detached' });
  assert.equal(((await backend.house.call(own, 'ListExtensionVersions', { ExtensionCode: code }))['Versions'] as unknown[]).length, 1);
  await confirm(page, 'Disable');
  await page.locator('.facts').getByText('Disabled').waitFor();
  await confirm(page, 'Delete');
  await page.getByRole('heading', { level: 1, name: 'Extensions' }).waitFor();
  assert.equal(await link(page, 'Passing').count(), 0);
  await done(opened);
});
